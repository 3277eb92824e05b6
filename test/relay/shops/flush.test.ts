/**
 * How the state comes to disk: by work and by age, in slices, whatever the writer does; and how a start that has much
 * to replay keeps what it has done.
 */

import { afterEach, expect, it, vi } from 'vitest'
import { Shop } from '../../../src/relay/shops/shop.js'
import { FLUSH_AFTER_MS, Keeper } from '../../../src/relay/shops/keeper.js'
import { stateHash } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import { StoreError } from '../../../src/store/store-error.js'
import type { DerivedFlush, DerivedPart, LogRecord, Store } from '../../../src/store/store.js'
import { Books, PATCHES_PER_SET } from '../../fixtures/books.js'
import { listing, map } from '../../fixtures/relay-harness.js'
import { DiskStore } from '../../fixtures/store-directory.js'

const SETS_TO_TRIGGER = 40
/** A set counts as one patch more. */
const WORK = SETS_TO_TRIGGER * (PATCHES_PER_SET + 1)
/** For machines that have much else to do. */
const SOON = { timeout: 20_000 }

/** A store that tells of flushes, and lets a test hold or fail them. */
class WatchedStore extends MemoryStore {
  readonly parts: DerivedPart[] = []
  readonly reads: number[] = []
  before: () => Promise<void> = async () => undefined

  override async flushPart(part: DerivedPart): Promise<void> {
    await this.before()
    this.parts.push(part)
    await super.flushPart(part)
  }

  override async flushDerived(flush: DerivedFlush): Promise<void> {
    await this.before()
    this.parts.push(flush)
    await super.flushDerived(flush)
  }

  override readLog(...args: Parameters<MemoryStore['readLog']>): LogRecord[] {
    this.reads.push(args[1])
    return super.readLog(...args)
  }
}

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const flushed = (store: Store, shopId = 1n) => store.derived(shopId)?.seq ?? 0
const bytesOf = ({ nodes }: DerivedPart) => nodes.map(({ bytes }) => bytes.length)
const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)

it('work makes a flush due, though the writer is never idle and nobody looks', async () => {
  const store = new WatchedStore()
  const books = new Books(store, WORK)
  const shop = await books.found(1n)
  await books.fill(shop, SETS_TO_TRIGGER - 1)
  expect(store.parts).toEqual([])
  await books.fill(shop, 1)
  await vi.waitFor(() => expect(books.keeper.indexedUpTo(1n)).toBe(SETS_TO_TRIGGER), SOON)
  expect(flushed(store)).toBe(SETS_TO_TRIGGER)
})

it('a set counts beside its patches: those of one patch make a flush due after half as many', async () => {
  const store = new WatchedStore()
  const books = new Books(store, 20)
  const shop = await books.found(1n)
  for (let id = 1n; id < 10n; id++) await books.write(shop, [listing(id)])
  expect(store.parts).toEqual([])
  await books.write(shop, [listing(10n)])
  await vi.waitFor(() => expect(flushed(store)).toBe(10), SOON)
})

it('it is the durable version that is flushed, not the one that is being made', async () => {
  const store = new WatchedStore()
  const books = new Books(store, WORK)
  const shop = await books.found(1n)
  await books.fill(shop, SETS_TO_TRIGGER - 1)
  await books.write(shop, [listing(1_000_000n)])
  const { state, set } = books.apply(shop, [listing(2_000_000n)])
  shop.current = { ...shop.current, state, head: set.record.seq }
  await books.keeper.flushAll()
  expect(flushed(store)).toBe(SETS_TO_TRIGGER)
  const loaded = await new Keeper(store, { nodeCacheNodes: 1_000 }).load(1n)
  expect([loaded.current.head, loaded.closed]).toEqual([SETS_TO_TRIGGER, undefined])
})

it('a flush is written in slices, each node once, and is worth nothing before the last one', async () => {
  const store = new WatchedStore()
  const books = new Books(store, 10 * WORK)
  const shop = await books.found(1n)
  store.before = async () => expect(flushed(store)).toBe(0)
  await books.fill(shop, SETS_TO_TRIGGER / 2, { Metadata: map({ Title: 'T', Description: 'x'.repeat(8_000) }) })
  await books.keeper.flushAll()
  const sizes = store.parts.map(bytesOf)
  expect(flushed(store)).toBe(shop.current.head)
  expect(store.parts.length).toBeGreaterThan(3)
  const largest = Math.max(...sizes.flat())
  for (const slice of sizes) expect(sum(slice)).toBeLessThan(2 * 1_048_576 + largest)
  const refs = store.parts.flatMap(({ nodes }) => nodes.map(({ ref }) => ref))
  expect(new Set(refs).size).toBe(refs.length)
})

it('each shop has a time of its own: what is old enough is flushed, however many there are', async () => {
  const store = new WatchedStore()
  const books = new Books(store, WORK)
  const shops: Shop[] = []
  for (let id = 1n; id <= 200n; id++) shops.push(await books.found(id))
  for (const shop of shops) await books.write(shop, [listing(1n)])
  books.nowMs += FLUSH_AFTER_MS - 1
  books.keeper.keep(shops)
  await Promise.resolve()
  expect(store.parts).toEqual([])
  books.nowMs += 1
  books.keeper.keep(shops)
  await vi.waitFor(() => expect(shops.filter(({ shopId }) => flushed(store, shopId) === 1)).toHaveLength(200), SOON)
})

it('the writer waits at twice the trigger, until there is room again', async () => {
  const store = new WatchedStore()
  const books = new Books(store, WORK)
  const shop = await books.found(1n)
  let release: () => void = () => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  store.before = () => held
  await books.fill(shop, 2 * SETS_TO_TRIGGER - 1)
  expect(books.keeper.held()).toBeUndefined()
  await books.fill(shop, 1)
  const waiting = books.keeper.held()
  expect(waiting).toBeInstanceOf(Promise)
  release()
  await waiting
  await vi.waitFor(() => expect(flushed(store)).toBe(2 * SETS_TO_TRIGGER), SOON)
  expect(books.keeper.held()).toBeUndefined()
})

it('of a flush that fails nothing is lost, nobody waits for it, and the next one goes on with it', async () => {
  const store = new WatchedStore()
  const books = new Books(store, WORK)
  const shop = await books.found(1n)
  store.before = () => Promise.reject(new StoreError('full', 'the disk is full'))
  await books.fill(shop, 2 * SETS_TO_TRIGGER)
  await vi.waitFor(
    () => expect(books.told).toContain('the state could not be flushed; the log has it: the disk is full'),
    SOON,
  )
  expect([books.keeper.held(), flushed(store)]).toEqual([undefined, 0])
  store.before = async () => undefined
  await vi.waitFor(() => {
    books.keeper.keep([shop])
    expect(flushed(store)).toBe(2 * SETS_TO_TRIGGER)
  }, SOON)
  const loaded = await new Keeper(store, { nodeCacheNodes: 1_000 }).load(1n)
  expect(stateHash(loaded.current.state)).toEqual(stateHash(shop.current.state))
})

it('a replay keeps what it has done: one that is stopped goes on there, and the loop runs meanwhile', async () => {
  const disk = await DiskStore.make()
  closing.push(() => disk.dispose())
  const first = new Books(new Unflushed(disk.store), WORK)
  const shop = await first.found(1n)
  await first.fill(shop, 5 * SETS_TO_TRIGGER)
  expect(flushed(disk.store)).toBe(0)

  const stop = new AbortController()
  const seen: number[] = []
  let turns = 0
  const counting = setInterval(() => turns++, 0)
  const progress = (seq: number) => {
    seen.push(seq)
    if (seq > 3 * SETS_TO_TRIGGER) stop.abort(new Error('enough'))
  }
  await expect(new Books(disk.store, WORK).keeper.load(1n, { progress, signal: stop.signal })).rejects.toThrow('enough')
  clearInterval(counting)
  expect(turns).toBeGreaterThan(3)
  const kept = flushed(disk.store)
  expect(kept).toBeGreaterThanOrEqual(2 * SETS_TO_TRIGGER)

  seen.length = 0
  const store = await disk.reopen()
  const again = new Books(store, WORK)
  const loaded = await again.keeper.load(1n, { progress: (seq) => seen.push(seq) })
  expect(seen[0]).toBeGreaterThan(kept)
  expect(stateHash(loaded.current.state)).toEqual(stateHash(shop.current.state))
  expect(loaded.current.head - flushed(store)).toBeLessThanOrEqual(2 * SETS_TO_TRIGGER)
})

/** Of the same disk, but that no flush succeeds. */
class Unflushed extends MemoryStore {
  private readonly inner: Store

  constructor(inner: Store) {
    super()
    this.inner = inner
  }

  override commit(...args: Parameters<Store['commit']>): Promise<void> {
    return this.inner.commit(...args)
  }

  override flushPart(): Promise<void> {
    return Promise.reject(new StoreError('full', 'the disk is full'))
  }

  override flushDerived(): Promise<void> {
    return Promise.reject(new StoreError('full', 'the disk is full'))
  }
}
