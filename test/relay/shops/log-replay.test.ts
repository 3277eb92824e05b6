/** A log applied again in batches: where it does not lead to what was kept, the first set that is wrong is named. */

import { beforeAll, expect, it, vi } from 'vitest'
import { toHex } from '../../../src/bytes/hex.js'
import { encodeChange, type Change } from '../../../src/patches/patch.js'
import { foundingPatches } from '../../../src/relay/accounts/account-patches.js'
import { LogReplay } from '../../../src/relay/shops/log-replay.js'
import { appendSet, logTreeRows, ShopLog, stateRootOf } from '../../../src/relay/shops/log-trees.js'
import { applyAgain, ReplayError } from '../../../src/relay/shops/replay.js'
import { firstVersion, type ShopVersion } from '../../../src/relay/shops/shop.js'
import { emptyShop, stateHash } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import type { LogRecord } from '../../../src/store/store.js'
import { listing } from '../../fixtures/relay-harness.js'
import { cards, wallets } from '../../fixtures/sample-shop.js'

const SHOP = 9n
const SETS = 40
const secret = new Uint8Array(32).fill(7)
const start = firstVersion(emptyShop(SHOP))
/** Set 1 founds the shop, set n adds listing n. */
const records: LogRecord[] = []
/** What each set adds to the trees over the log. */
const added: Uint8Array[] = []
const versions: ShopVersion[] = [start]

beforeAll(() => {
  for (let seq = 1; seq <= SETS; seq++) take(recordOf(seq))
})

it('a log that is as it was kept leads where it led, and tells its sets', async () => {
  const { end, current } = await replayed(records)
  expect(end().map(({ record, added: own }) => [record.seq, own])).toEqual(added.map((_own, i) => [i + 1, undefined]))
  expect(shown(current())).toEqual(shown(versions[SETS]!))
  expect(end()).toEqual([])
})

it('what was kept of the trees is read and computed for the last set of a batch alone', async () => {
  const read = vi.spyOn(ShopLog.prototype, 'added')
  const { end } = await replayed(records)
  end()
  expect(read.mock.calls).toEqual([[SETS]])
  read.mockRestore()
})

it.each([2, 20, SETS])('set %i leads to another state than it did', async (seq) => {
  const changed = records.with(seq - 1, { ...records[seq - 1]!, patches: [patch(listing(1_000n))] })
  const { end, current } = await replayed(changed)
  expect(problemOf(end)).toMatch(
    new RegExp(`^shop 9, set ${seq}: its state hash is \\w{64}, the log says \\w{64}$`, 'u'),
  )
  expect(shown(current())).toEqual(shown(versions[seq - 1]!))
})

it('a set leads to another state, and a later one is refused for it: the first is named', async () => {
  const changed = records.with(9, { ...records[9]!, patches: [patch(listing(30n))] })
  const log = await replayOf()
  expect(problemOf(() => changed.forEach((record) => log.take(record)))).toMatch(/^shop 9, set 10: its state hash/u)
})

it('a set is refused, and all before it are as they were kept', async () => {
  const changed = records.with(24, { ...records[24]!, patches: [patch(listing(2n))] })
  const log = await replayOf()
  const problem = problemOf(() => changed.forEach((record) => log.take(record)))
  expect(problem).toBe('shop 9, set 25: the log holds a set that is refused: patch 0: Listings.2 is set already')
  expect(shown(log.current)).toEqual(shown(versions[24]!))
})

it.each([
  [2, withOtherRoot, 'it leads to state root '],
  [20, withOtherRoot, 'it leads to state root '],
  [SETS, withOtherRoot, 'it leads to state root '],
  [24, withOtherNode, 'it leads to other nodes of the trees over the log than were kept with it'],
])('another root or node was kept with set %i, the last of a batch', async (seq, withOther, problem) => {
  const log = await replayOf(added.with(seq - 1, withOther(seq)))
  for (const record of records.slice(0, seq)) log.take(record)
  expect(problemOf(() => log.end())).toContain(`shop 9, set ${seq}: ${problem}`)
  expect(shown(log.current)).toEqual(shown(versions[seq - 1]!))
})

it('another root was kept, and a later set leads to another state: the root is named', async () => {
  const changed = records.with(29, { ...records[29]!, patches: [patch(listing(1_000n))] })
  const { end } = await replayed(changed, added.with(19, withOtherRoot(20)))
  expect(problemOf(end)).toContain('shop 9, set 20: it leads to state root ')
})

it('a root alone is wrong within a batch: nothing of it is computed, and what follows is as it was', async () => {
  const { end, current } = await replayed(records, added.with(19, withOtherRoot(20)))
  expect(end().length).toBe(SETS)
  expect(shown(current())).toEqual(shown(versions[SETS]!))
})

it('trees that were kept are over another state root than that of the last set', async () => {
  const last = records[SETS - 1]!
  const other = appendSet(versions[SETS - 1]!.log, last, new Uint8Array(32).fill(1))
  const { end, current } = await replayed(records, added.with(SETS - 1, other.added))
  expect(problemOf(end)).toContain(`set ${SETS}: it leads to state root ${toHex(versions[SETS]!.stateRoot)}`)
  expect(shown(current())).toEqual(shown(versions[SETS - 1]!))
})

it('a state hash alone is wrong: at the end of a batch that is told, within it nothing is computed', async () => {
  const wrong = (seq: number) => records.with(seq - 1, { ...records[seq - 1]!, stateHash: new Uint8Array(32) })
  const { end, current } = await replayed(wrong(20))
  expect(end().length).toBe(SETS)
  expect(shown(current())).toEqual(shown(versions[SETS]!))
  const log = await replayOf()
  for (const record of wrong(20).slice(0, 20)) log.take(record)
  expect(problemOf(() => log.end())).toContain('set 20: its state hash is')
})

it('of sets of which no trees were kept the state roots are computed', async () => {
  const { end, current } = await replayed(records, added.slice(0, 13))
  expect(end().map(({ added: own }) => own)).toEqual(added.map((own, i) => (i < 13 ? undefined : own)))
  expect(shown(current())).toEqual(shown(versions[SETS]!))
})

function take(unfinished: LogRecord): void {
  const before = versions.at(-1)!
  const { state } = applyAgain(before.state, unfinished)
  const record = { ...unfinished, stateHash: stateHash(state) }
  const stateRoot = stateRootOf(state, secret)
  const made = appendSet(before.log, record, stateRoot)
  records.push(record)
  added.push(made.added)
  versions.push({ ...before, state, head: record.seq, log: made.peaks, stateRoot })
}

function withOtherRoot(seq: number): Uint8Array {
  return flippedAt(seq, 8)
}

function withOtherNode(seq: number): Uint8Array {
  return flippedAt(seq, 40)
}

function flippedAt(seq: number, at: number): Uint8Array {
  const wrong = added[seq - 1]!.slice()
  wrong[at]! ^= 1
  return wrong
}

function recordOf(seq: number): LogRecord {
  const isFirst = seq === 1
  return {
    seq,
    committedAtMs: 1_700_000_000_000,
    reservationSeconds: 60,
    signer: new Uint8Array(0),
    account: new Uint8Array(0),
    role: 'relay',
    header: new Uint8Array(40).fill(seq),
    signature: new Uint8Array(65).fill(seq),
    patches: isFirst ? foundingPatches(SHOP, 31_337n, wallets.owner, cards.owner) : [patch(listing(BigInt(seq)))],
    stateHash: new Uint8Array(32),
  }
}

function patch(change: Change): Uint8Array {
  return encodeChange(change)
}

/** `kept`: of the trees over the log. */
async function replayOf(kept: readonly Uint8Array[] = added): Promise<LogReplay> {
  const store = new MemoryStore()
  await store.commit({ records: [], newShops: [{ shopId: SHOP, secret, createdAtMs: 1 }] })
  await store.commit({
    records: records.map((record) => ({ shopId: SHOP, record })),
    logTrees: logTreeRows(1, kept).map((row) => ({ shopId: SHOP, ...row })),
  })
  return new LogReplay(start, {
    secret,
    trees: new ShopLog(store, SHOP),
    isLevelKept: () => true,
    adjusted: (state) => state,
  })
}

async function replayed(changed: readonly LogRecord[], kept = added) {
  const log = await replayOf(kept)
  for (const record of changed) log.take(record)
  return { end: () => log.end(), current: () => log.current }
}

/** A trie remembers digests that it was asked for. */
function shown({ state, head, log, stateRoot }: ShopVersion) {
  return { head, log, stateRoot, hash: toHex(stateHash(state)), root: stateRootOf(state, secret) }
}

function problemOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof ReplayError) return error.message
    throw error
  }
  return 'nothing'
}
