/** A log that does not lead to the states that it names: its shop takes no writes, and the relay says where and why. */

import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../../../src/bytes/hex.js'
import { encodeChange } from '../../../src/patches/patch.js'
import { Keeper } from '../../../src/relay/shops/keeper.js'
import { stateHash } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import type { LogRecord, Store } from '../../../src/store/store.js'
import { copyLogs, writtenLogs } from '../../fixtures/copied-log.js'
import { relay } from '../../fixtures/relay-harness.js'
import { STORES } from '../../fixtures/store-directory.js'

const [FIRST, OTHER] = [76n, 77n]
let logs: Store
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  logs = await writtenLogs(FIRST, OTHER)
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const recordOf = (shopId: bigint, seq: number) => logs.pickLog(shopId, [seq], 1_000_000)[0]!

describe.each(STORES)('%s', (_name, make) => {
  /** The shops' logs, the record of OTHER with this number changed. */
  async function spoilt(seq: number, change: (record: LogRecord) => LogRecord): Promise<Store> {
    const [store, dispose] = await make()
    closing.push(dispose)
    await copyLogs(logs, store, (shopId, record) => (shopId === OTHER && record.seq === seq ? change(record) : record))
    return store
  }

  it('a log that was not changed leads to its states', async () => {
    const store = await spoilt(0, (record) => record)
    for (const shopId of [FIRST, OTHER]) {
      const { state, head } = (await load(store, shopId)).current
      expect([toHex(stateHash(state)), head]).toEqual([toHex(recordOf(shopId, 4).stateHash), 4])
    }
    const running = await relay({}, { store })
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  it('the state hash of the last set was changed', async () => {
    const seq = 4
    const right = recordOf(OTHER, seq).stateHash
    const wrong = right.with(31, right[31]! ^ 1)
    const store = await spoilt(seq, (record) => ({ ...record, stateHash: wrong }))
    await stopsAt(store, seq, `its state hash is ${toHex(right)}, the log says ${toHex(wrong)}`)
  })

  it('a set leads to another state than it did', async () => {
    const patches = [encodeChange({ op: 'remove', path: ['Listings', 1n] })]
    const store = await spoilt(3, (record) => ({ ...record, patches }))
    const said = toHex(recordOf(OTHER, 3).stateHash)
    await stopsAt(store, 3, expect.stringMatching(new RegExp(`^its state hash is \\w{64}, the log says ${said}$`, 'u')))
  })

  it.each<[string, (record: LogRecord) => LogRecord, string]>([
    ['is there already', (record) => ({ ...record, patches: recordOf(OTHER, 2).patches }), 'Listings.1 is set already'],
    ['is not of its signer to write', (record) => ({ ...record, role: 'guest' }), 'Listings.2 is not yours to write'],
  ])('a set is refused: what it adds %s', async (_what, change, verdict) => {
    const store = await spoilt(3, change)
    await stopsAt(store, 3, `the log holds a set that is refused: patch 0: ${verdict}`)
  })
})

function load(store: Store, shopId: bigint) {
  return new Keeper(store, { nodeCacheNodes: 100 }).load(shopId)
}

/** The keeper gets as far as the set before this one of OTHER; a relay serves it so, and the shop before it whole. */
async function stopsAt(store: Store, seq: number, problem: unknown): Promise<void> {
  const { current, closed } = await load(store, OTHER)
  const [where, what] = closed!.reason.split(/(?<=^[^:]*: )/u)
  expect([where, what, closed!.forNow]).toEqual([`shop ${OTHER}, set ${seq}: `, problem, false])
  expect(current.head).toBe(seq - 1)
  expect(stateHash(current.state)).toEqual(stateHash((await load(await upTo(seq - 1), OTHER)).current.state))
  expect((await load(store, FIRST)).current.head).toBe(4)
  const running = await relay({}, { store })
  closing.unshift(() => running.stop())
  for (const path of ['/readyz', '/health']) {
    const answer = await fetch(running.url + path)
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining(`set ${seq}`)])
  }
  expect((await fetch(`${running.url}/livez`)).status).toBe(200)
}

/** The logs, of OTHER only so many sets. */
async function upTo(seq: number): Promise<Store> {
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: logs.shops() })
  const records = logs.readLog(OTHER, 0, { records: seq, bytes: 2 ** 30 }).slice(0, seq)
  if (seq > 0) await store.commit({ records: records.map((record) => ({ shopId: OTHER, record })) })
  return store
}
