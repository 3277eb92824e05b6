/** When a checkpoint is made, what is on disk before it is signed, and what is never signed. */

import { copyFile, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { addressOf, publicKeyOf } from '#signature'
import { stateRoot } from '../../../src/merkle/state-level.js'
import { verifyCheckpoint, verifyLast, type VerifiedCheckpoint } from '../../../src/proofs/checkpoint.js'
import { conflictBetween } from '../../../src/proofs/conflict.js'
import { Checkpoints } from '../../../src/relay/checkpoints/checkpoints.js'
import type { KeptCheckpoint } from '../../../src/relay/checkpoints/signed-shop.js'
import { Metrics } from '../../../src/relay/instruments/metrics.js'
import { openStore } from '../../../src/store/open.js'
import { openGuard, type SignedGuard } from '../../../src/store/signed-guard.js'
import type { Store } from '../../../src/store/store.js'
import { SignedLog } from '../../fixtures/signed-log.js'
import { freshDirectory, removeDirectory } from '../../fixtures/store-directory.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const SECRET = new Uint8Array(32).fill(7)
const RELAY = addressOf(publicKeyOf(SECRET))
const START_MS = 1_800_000_000_000
const IDENTITY = { ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n }

let directory: string
let clock: TestClock
let log: SignedLog
let told: string[]
/** All that was ever handed out. */
let signed: VerifiedCheckpoint[]
let relay: Running
const closing: (() => Promise<void>)[] = []

interface Running {
  readonly store: Store
  readonly guard: SignedGuard
  readonly metrics: Metrics
  readonly checkpoints: Checkpoints
  stop(): Promise<void>
}

beforeEach(async () => {
  directory = await freshDirectory()
  clock = new TestClock(START_MS)
  log = new SignedLog()
  told = []
  signed = []
  relay = await start()
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
  await removeDirectory(directory)
})

/** A relay's store and guard as they are on disk, with the shop as its log is there. */
async function start(
  changed: { store?: (store: Store) => Store; identity?: Partial<typeof IDENTITY>; heldPatchesMax?: number } = {},
) {
  const opened = await openStore(join(directory, 'data'))
  const guard = await openGuard(join(directory, 'relay.key.signed'))
  const store = changed.store?.(opened) ?? opened
  const metrics = new Metrics()
  const tell = (event: string, error?: unknown) =>
    void told.push(error instanceof Error ? `${event}: ${error.message}` : event)
  const checkpoints = new Checkpoints({
    store,
    guard,
    relay: { ...IDENTITY, ...changed.identity },
    relaySecret: SECRET,
    heldPatchesMax: changed.heldPatchesMax ?? 1_000,
    clock,
    log: { info: (event) => tell(event), warn: (event) => tell(event), error: tell },
    metrics,
  })
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await checkpoints.stop()
    await guard.close()
    await opened.close()
  }
  closing.push(stop)
  if (log.head > 0) adopt(checkpoints)
  await settled(checkpoints)
  return { store, guard, metrics, checkpoints, stop }
}

function adopt(checkpoints: Checkpoints): void {
  checkpoints.adopt(log.shop)
  checkpoints.watch(log.shopId, (kept) => void signed.push(verified(kept)))
}

function verified(kept: KeptCheckpoint): VerifiedCheckpoint {
  const checkpoint = verifyCheckpoint(kept.signed, [RELAY])
  verifyLast(kept.last, checkpoint.fields)
  expect(stateRoot(kept.level)).toEqual(checkpoint.fields.StateRoot)
  expect([kept.seq, kept.digest]).toEqual([Number(checkpoint.fields.Seq), checkpoint.digest])
  return checkpoint
}

/** What was begun is on disk, or never will be. */
async function settled(checkpoints = relay.checkpoints, ms = 10_000): Promise<void> {
  const end = performance.now() + ms
  do await new Promise((resolve) => setTimeout(resolve, 1))
  while (Reflect.get(checkpoints, 'working') !== undefined && performance.now() < end)
}

async function turn(ms: number): Promise<void> {
  await clock.turn(ms)
  await settled()
}

async function write(sets = 1, mark?: string): Promise<void> {
  const isNew = log.head === 0
  const written = await log.write(relay.store, sets, mark)
  if (isNew) adopt(relay.checkpoints)
  else relay.checkpoints.published(log.shop, written)
}

const seqs = () => signed.map(({ fields }) => Number(fields.Seq))
const times = () => signed.map(({ fields }) => Number(fields.Timestamp.seconds) - START_MS / 1_000)

/** Nothing that was ever signed speaks against the relay. */
function expectNoEvidence(): void {
  for (const a of signed) for (const b of signed) expect(conflictBetween(a.fields, b.fields)).toBeUndefined()
}

describe('a checkpoint is due', () => {
  /** The first set is covered, and the second after it is over. */
  beforeEach(async () => {
    await write()
    await turn(1_000)
    signed = []
  })

  it('one second after the first set that none covers', async () => {
    await write()
    await turn(700)
    await write()
    await turn(299)
    expect(seqs()).toEqual([])
    await turn(1)
    expect(seqs()).toEqual([3])
    await turn(5_000)
    expect(seqs()).toEqual([3])
    await write()
    await turn(999)
    expect(seqs()).toEqual([3])
    await turn(1)
    expect(seqs()).toEqual([3, 4])
    expectNoEvidence()
  })

  it('at once after 1,024 sets that none covers', async () => {
    await write(1_023)
    await turn(0)
    expect(seqs()).toEqual([])
    await write()
    await turn(0)
    expect(seqs()).toEqual([1_025])
  })

  it('ten times a second at most', async () => {
    const limit = 1_024
    await write(limit)
    await turn(0)
    expect(seqs()).toEqual([1 + limit])
    await write(limit)
    await turn(99)
    expect(seqs()).toEqual([1 + limit])
    await turn(1)
    expect(seqs()).toEqual([1 + limit, 1 + 2 * limit])
    expectNoEvidence()
  }, 120_000)

  it('at the start for what was not covered before', async () => {
    await write()
    await relay.stop()
    relay = await start()
    expect(seqs()).toEqual([2])
  })
})

it('there is none before the manifest', async () => {
  await log.writeTag(relay.store)
  adopt(relay.checkpoints)
  await turn(5_000)
  expect([seqs(), relay.checkpoints.newest(log.shopId)]).toEqual([[], undefined])
  await write()
  await turn(1_000)
  expect(seqs()).toEqual([2])
})

describe('what was signed', () => {
  beforeEach(async () => {
    await write()
    await turn(0)
  })

  it('is on disk before, and in the guard', async () => {
    const value = relay.store.checkpoint(log.shopId, 1)!
    expect(Buffer.from(value).includes(Buffer.from(signed[0]!.signed[0]))).toBe(true)
    const mark = relay.guard.highest({ ...IDENTITY, ShopID: log.shopId })!
    expect([mark.seq, mark.digest]).toEqual([1n, signed[0]!.digest])
    expect(await readFile(join(directory, 'relay.key.signed'), 'utf8')).toContain(
      Buffer.from(mark.digest).toString('hex'),
    )
  })

  it('is signed again when it is asked for and older than ten seconds, once for all who ask', async () => {
    const { checkpoints } = relay
    await turn(10_000)
    expect((await checkpoints.fresh(log.shopId))!.digest).toEqual(signed[0]!.digest)
    await turn(1_000)
    const [a, b] = await Promise.all([checkpoints.fresh(log.shopId), checkpoints.fresh(log.shopId)])
    expect([a, times(), seqs()]).toEqual([b, [0, 11], [1, 1]])
    expect(checkpoints.newest(log.shopId)).toBe(a)
    expect(checkpoints.at(log.shopId, 1)).toBe(a)
    expect(checkpoints.at(log.shopId, 2)).toBeUndefined()
    expectNoEvidence()
  })

  it('is kept for ever as it was signed first', async () => {
    const first = signed[0]!.signed
    await turn(60_000)
    await relay.checkpoints.fresh(log.shopId)
    await write(3)
    await turn(1_000)
    expect(relay.checkpoints.firstSigned(log.shopId, 1)).toEqual(first)
    await relay.stop()
    relay = await start()
    expect(relay.checkpoints.firstSigned(log.shopId, 1)).toEqual(first)
    expect(relay.checkpoints.firstSigned(log.shopId, 4)).toEqual(signed.at(-1)!.signed)
    for (const seq of [2, 3, 5]) expect(relay.checkpoints.firstSigned(log.shopId, seq)).toBeUndefined()
    expect(relay.checkpoints.firstSigned(78n, 1)).toBeUndefined()
  })

  it('is kept with its state for the last sixteen', async () => {
    for (let i = 0; i < 20; i++) {
      await write()
      await turn(1_000)
    }
    const { checkpoints } = relay
    expect(Array.from({ length: 22 }, (_, seq) => checkpoints.at(log.shopId, seq)?.seq)).toEqual(
      Array.from({ length: 22 }, (_, seq) => (seq >= 6 && seq <= 21 ? seq : undefined)),
    )
    for (let seq = 6; seq <= 21; seq++)
      expect(checkpoints.at(log.shopId, seq)!.state.collections.Listings.size).toBe(seq - 1)
  })

  it('is kept for fewer where much is written: their states hold what was replaced', async () => {
    await relay.stop()
    relay = await start({ heldPatchesMax: 4 })
    for (let i = 0; i < 6; i++) {
      await write(2)
      await turn(1_000)
    }
    const kept = [1, 3, 5, 7, 9, 11, 13].filter((seq) => relay.checkpoints.at(log.shopId, seq) !== undefined)
    expect(kept).toEqual([9, 11, 13])
    await write(50)
    await turn(1_000)
    expect(relay.checkpoints.at(log.shopId, 13)).toBeUndefined()
    expect(relay.checkpoints.newest(log.shopId)!.seq).toBe(63)
  })

  it('does not fall behind in time when the clock goes back', async () => {
    clock.set(-3_600_000)
    await write()
    await turn(1_000)
    await relay.stop()
    await log.write((relay = await start()).store)
    relay.checkpoints.published(log.shop, [])
    await turn(20_000)
    await relay.checkpoints.fresh(log.shopId)
    expect([...new Set(seqs())]).toEqual([1, 2, 3])
    expect([...new Set(times())]).toEqual([0])
    clock.set(3_700_000)
    await relay.checkpoints.fresh(log.shopId)
    expect([seqs().at(-1), times().at(-1)! > 0]).toEqual([3, true])
    expectNoEvidence()
  })

  it('is made no more of a version whose shop was made again meanwhile', async () => {
    let fail: (error: Error) => void = () => undefined
    const hangs = (store: Store) =>
      new Proxy(store, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target)
          if (name !== 'commit') return typeof value === 'function' ? value.bind(target) : value
          const commit = value as Store['commit']
          return (rows: Parameters<Store['commit']>[0]) => {
            if (rows.checkpoints === undefined || !isHanging) return commit.call(target, rows)
            isHanging = false
            return new Promise<void>((_, reject) => (fail = reject))
          }
        },
      })
    let isHanging = false
    await relay.stop()
    relay = await start({ store: hangs })
    isHanging = true
    await write()
    await clock.turn(1_000)
    relay.checkpoints.adopt(log.shop)
    await write()
    fail(new Error('the disk is away'))
    await settled()
    for (let i = 0; i < 5; i++) await turn(2_000)
    await relay.checkpoints.fresh(log.shopId)
    expect([...new Set(seqs())]).toEqual([1, 3])
    expect(relay.checkpoints.firstSigned(log.shopId, 2)).toBeUndefined()
    expect(relay.store.checkpoint(log.shopId, 2)).toBeUndefined()
    expect(told.filter((line) => line.includes('could not be signed'))).toHaveLength(1)
    expectNoEvidence()
  })

  it('is counted', async () => {
    expect(await relay.metrics.text()).toContain('cairn_checkpoints_total 1')
    expect(await relay.metrics.text()).toContain('cairn_checkpoints_withheld 0')
  })

  it('is told to nobody who called it off', async () => {
    const seen: number[] = []
    const off = relay.checkpoints.watch(log.shopId, ({ seq }) => void seen.push(seq))
    await write()
    await turn(1_000)
    off()
    await write()
    await turn(1_000)
    expect([seen, seqs()]).toEqual([[2], [1, 2, 3]])
  })

  it('by a watcher that fails is told as a bug, and to the others', async () => {
    relay.checkpoints.watch(log.shopId, () => {
      throw new Error('no time')
    })
    const seen: number[] = []
    relay.checkpoints.watch(log.shopId, ({ seq }) => void seen.push(seq))
    await write()
    await turn(1_000)
    expect([seen, told]).toEqual([[2], ['bug: no time']])
  })
})

describe('a start after a crash', () => {
  /** Stops as if the process had died there: nothing that comes later happens. */
  const dying = (at: 'before' | 'after') => (store: Store) =>
    new Proxy(store, {
      get(target, name) {
        if (name !== 'commit') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name)
        return async (commit: Parameters<Store['commit']>[0]) => {
          if (commit.checkpoints === undefined) return target.commit(commit)
          if (at === 'after') await target.commit(commit)
          return new Promise<never>(() => undefined)
        }
      },
    })

  it.each(['before', 'after'] as const)('%s the bytes were stored signs one checkpoint of the set', async (at) => {
    await relay.stop()
    const crashed = await start({ store: dying(at) })
    relay = crashed
    await write()
    await settled(crashed.checkpoints, 200)
    expect(seqs()).toEqual([])
    await crashed.guard.close()
    await crashed.store.close()
    closing.pop()
    clock.set(5_000)
    relay = await start()
    expect([seqs(), times()]).toEqual([[1], [at === 'after' ? 0 : 5]])
    expect(relay.checkpoints.firstSigned(log.shopId, 1)).toEqual(signed[0]!.signed)
  })

  it('has the first signature of stored bytes, if the guard says that there may be one', async () => {
    await write()
    await settled()
    const [{ signed: first }] = [signed[0]!]
    // Its signature is written with the next checkpoint, which never comes.
    await relay.guard.close()
    await relay.store.close()
    closing.pop()
    relay = await start()
    expect(relay.checkpoints.firstSigned(log.shopId, 1)).toEqual(first)
  })
})

it('what is kept beside the key is made anew where it is lost, and the log tells', async () => {
  await write()
  await turn(0)
  await relay.stop()
  await rm(join(directory, 'relay.key.signed'))
  relay = await start()
  expect(told).toEqual(['beside the key nothing tells what was signed of a shop; it is made anew from the database'])
  expect(relay.guard.highest({ ...IDENTITY, ShopID: log.shopId })!.digest).toEqual(signed[0]!.digest)
})

it('a last checkpoint of the future is told of', async () => {
  await write()
  await turn(0)
  await relay.stop()
  clock.set(-301_000)
  await (await start()).stop()
  expect(told).toEqual(['the last checkpoint is of the future: clients refuse it and the next ones until then'])
})

describe('a database that was restored from a backup', () => {
  const data = () => join(directory, 'data', 'cairn.mdb')
  const backup = () => join(directory, 'backup.mdb')
  let whole: SignedLog

  /** Checkpoints of 1 and 4 are signed; the backup holds sets 1 and 2. */
  beforeEach(async () => {
    await write()
    await turn(0)
    await write()
    await relay.stop()
    await copyFile(data(), backup())
    relay = await start()
    await write(2)
    await turn(20_000)
    await relay.checkpoints.fresh(log.shopId)
    whole = log
    await relay.stop()
    await copyFile(data(), join(directory, 'whole.mdb'))
    await copyFile(backup(), data())
    told = []
  })

  it('signs nothing until the sets are back, and says so', async () => {
    const before = signed.length
    log = whole.upTo(2)
    relay = await start()
    await write(1, 'another')
    await turn(5_000)
    expect(signed).toHaveLength(before)
    expect(told).toEqual([
      'no checkpoints are signed: the log ends before checkpoint 4, which may have been signed: ' +
        'restore the sets in between',
    ])
    expect(await relay.metrics.text()).toContain('cairn_checkpoints_withheld 1')
    expect(await relay.checkpoints.fresh(log.shopId)).toBeUndefined()
    await relay.stop()

    await copyFile(join(directory, 'whole.mdb'), data())
    log = whole
    relay = await start()
    await write()
    await turn(1_000)
    expect(seqs().slice(before)).toEqual([4, 5])
    expectNoEvidence()
  })

  it('signs again when the very sets come back while it runs', async () => {
    const before = signed.length
    log = whole.upTo(2)
    relay = await start()
    log = whole
    await log.save(relay.store)
    log.upTo(4)
    const { shop } = log
    relay.checkpoints.adopt(shop)
    await settled()
    expect(seqs().slice(before)).toEqual([4])
    expectNoEvidence()
  })

  it('signs nothing when other sets stand in their place', async () => {
    const before = signed.length
    log = whole.upTo(2)
    relay = await start()
    await write(4, 'another')
    await turn(5_000)
    await relay.stop()
    relay = await start()
    await turn(5_000)
    expect(signed).toHaveLength(before)
    expect(told.at(-1)).toBe(
      'no checkpoints are signed: the log of set 4 is not the one that was signed: restore the sets that were',
    )
  })
})

it('many shops at once are signed together, a few commits for all', async () => {
  const logs = Array.from({ length: 100 }, (_, i) => new SignedLog(1_000n + BigInt(i)))
  for (const one of logs) {
    await one.write(relay.store)
    relay.checkpoints.published(one.shop, [])
  }
  const commit = vi.spyOn(relay.store, 'commit')
  await turn(1_000)
  expect(logs.map(({ shopId }) => relay.checkpoints.newest(shopId)?.seq)).toEqual(logs.map(() => 1))
  expect(commit.mock.calls.length).toBeLessThan(10)
  await relay.stop()
  relay = await start()
  for (const one of logs) relay.checkpoints.adopt(one.shop)
  await settled()
  expect(logs.map(({ shopId }) => relay.checkpoints.newest(shopId)?.seq)).toEqual(logs.map(() => 1))
})

it('a relay token of another number does not speak for the one before', async () => {
  await write()
  await turn(0)
  await relay.stop()
  relay = await start({ identity: { Relay: 2n } })
  expect(signed.map(({ fields }) => [fields.Seq, fields.Relay])).toEqual([
    [1n, 1n],
    [1n, 2n],
  ])
})

it('a disk that is full delays it, and nobody waits for that', async () => {
  await relay.stop()
  let isFull = true
  const full = (store: Store) =>
    new Proxy(store, {
      get(target, name) {
        if (name !== 'commit') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name)
        return (commit: Parameters<Store['commit']>[0]) =>
          isFull && commit.checkpoints !== undefined ? Promise.reject(new Error('no room')) : target.commit(commit)
      },
    })
  relay = await start({ store: full })
  await write()
  await turn(3_000)
  expect([seqs(), told]).toEqual([[], ['a checkpoint could not be signed; it is tried again: no room']])
  expect(await relay.metrics.text()).toContain('cairn_checkpoints_withheld 1')
  isFull = false
  await turn(1_000)
  expect([seqs(), await relay.metrics.text()]).toEqual([[1], expect.stringContaining('cairn_checkpoints_withheld 0')])
  isFull = true
  await turn(20_000)
  expect((await relay.checkpoints.fresh(log.shopId))!.signed).toEqual(signed[0]!.signed)
})

it('many busy shops, each due at a time of its own, are signed a few at a time', async () => {
  const logs = Array.from({ length: 50 }, (_, i) => new SignedLog(2_000n + BigInt(i)))
  for (const one of logs) {
    await one.write(relay.store)
    relay.checkpoints.published(one.shop, [])
    await turn(10)
  }
  const commit = vi.spyOn(relay.store, 'commit')
  for (let i = 0; i < 110; i++) await turn(10)
  expect(logs.map(({ shopId }) => relay.checkpoints.newest(shopId)?.seq)).toEqual(logs.map(() => 1))
  expect(commit.mock.calls.length).toBeLessThan(20)
})
