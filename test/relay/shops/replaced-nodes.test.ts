/**
 * Trie nodes that nobody needs any more leave the disk: whatever a kill cuts off, and not while a state that leads to
 * them is held or another process reads.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { afterEach, expect, it, vi } from 'vitest'
import { decode } from '../../../src/codec/decode.js'
import { encode } from '../../../src/codec/encode.js'
import type { CborKey, Cbor } from '../../../src/codec/value.js'
import { NodeCache } from '../../../src/merkle/hamt-cache.js'
import type { Change } from '../../../src/patches/patch.js'
import { FLUSH_AFTER_MS } from '../../../src/relay/shops/keeper.js'
import { decodeState, triesOf } from '../../../src/relay/shops/stored-state.js'
import type { Shop } from '../../../src/relay/shops/shop.js'
import { stateHash, type ShopState } from '../../../src/state/shop-state.js'
import { MemoryStore } from '../../../src/store/memory.js'
import type { Store } from '../../../src/store/store.js'
import { Table } from '../../../src/store/table.js'
import { Books } from '../../fixtures/books.js'
import { listing } from '../../fixtures/relay-harness.js'
import { DiskStore } from '../../fixtures/store-directory.js'
import { openElsewhere, requireBuiltStore } from '../../fixtures/built.js'

const NEVER_DUE = 1e9
const LISTINGS = 150
const CACHED_NODES = 8
const SOON = { timeout: 20_000 }

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0).reverse()) await close()
})

async function diskStore(): Promise<DiskStore> {
  const disk = await DiskStore.make()
  closing.push(() => disk.dispose())
  return disk
}

const booksOf = (store: Store) => new Books(store, NEVER_DUE, CACHED_NODES)

function refsOnDisk(store: Store): number[] {
  return store.nodeRefs(1n, 0, Infinity)
}

/** What the roots on disk lead to, rising. */
function refsInUse(store: Store): number[] {
  const derived = store.derived(1n)!
  const source = { readNode: (ref: number) => store.readNode(1n, ref) }
  const state = decodeState(1n, derived.roots, source, new NodeCache(CACHED_NODES))!
  return triesOf(state)
    .flatMap(([, trie]) => [...trie.refs()])
    .sort((a, b) => a - b)
}

const priced = (id: number, price: number): Change => ({
  op: 'replace',
  path: ['Listings', BigInt(id), 'Price'],
  value: BigInt(price),
})

/** As a relay that runs flushes what is old enough. */
async function flushed(books: Books, shop: Shop): Promise<void> {
  books.nowMs += FLUSH_AFTER_MS
  books.keeper.keep([shop])
  await vi.waitFor(() => expect(books.keeper.indexedUpTo(1n)).toBe(shop.current.head), SOON)
}

async function founded(books: Books, listings = LISTINGS): Promise<Shop> {
  const shop = await books.found(1n)
  await books.write(
    shop,
    Array.from({ length: listings }, (_, i) => listing(BigInt(i + 1))),
  )
  return shop
}

type Step =
  | { readonly kind: 'price'; readonly ids: readonly number[] }
  | { readonly kind: 'remove'; readonly id: number }
  | { readonly kind: 'flush' }
  /** Killed in the middle of a flush: so many of its transactions reach the disk. */
  | { readonly kind: 'kill'; readonly transactions: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('price' as const),
    ids: fc.array(fc.integer({ min: 1, max: LISTINGS }), { minLength: 1 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), id: fc.integer({ min: 1, max: LISTINGS }) }),
  fc.constant({ kind: 'flush' as const }),
  fc.record({ kind: fc.constant('kill' as const), transactions: fc.nat(4) }),
)

function changesOf(step: Step, state: ShopState, price: number): Change[] {
  const has = (id: number) => state.collections.Listings.has(encodedId(id))
  if (step.kind === 'price') return [...new Set(step.ids)].filter(has).map((id) => priced(id, price))
  if (step.kind === 'remove' && has(step.id)) return [{ op: 'remove', path: ['Listings', BigInt(step.id)] }]
  return []
}

function encodedId(id: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(id))
  return bytes
}

/** Nothing reaches the disk after so many transactions more. */
function dyingAfter(transactions: number): () => void {
  const writeAside = Object.getOwnPropertyDescriptor(Table.prototype, 'writeAside')!.value as Table['writeAside']
  let left = transactions
  const spy = vi.spyOn(Table.prototype, 'writeAside').mockImplementation(function (this: Table, ...rows) {
    return left-- > 0 ? writeAside.apply(this, rows) : Promise.reject(new Error('the process is dead'))
  })
  return () => spy.mockRestore()
}

it('random sets, flushes and kills between their transactions: after a stop the disk has what is in use', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const disk = await DiskStore.make()
      try {
        const oracle = booksOf(new MemoryStore())
        const expected = await founded(oracle)
        let books = booksOf(disk.store)
        let shop = await founded(books)
        for (const [i, one] of steps.entries()) {
          const changes = changesOf(one, expected.current.state, i)
          if (changes.length > 0) {
            await oracle.write(expected, changes)
            await books.write(shop, changes)
          } else if (one.kind === 'flush') await books.keeper.flushAll()
          else if (one.kind === 'kill') {
            const revive = dyingAfter(one.transactions)
            await books.keeper.flushAll()
            revive()
            books = booksOf(await disk.reopen())
            shop = await books.keeper.load(1n)
          }
        }
        await books.keeper.flushAll()
        expect(stateHash(shop.current.state)).toEqual(stateHash(expected.current.state))
        expect(shop.closed).toBeUndefined()
        expect(refsOnDisk(disk.store)).toEqual(refsInUse(disk.store))
        const again = await booksOf(await disk.reopen()).keeper.load(1n)
        expect(stateHash(again.current.state)).toEqual(stateHash(expected.current.state))
      } finally {
        await disk.dispose()
      }
    }),
    { numRuns: 15 },
  )
})

it('a flush that fails, and another one of a later state: nothing of the first is left', async () => {
  const { store } = await diskStore()
  const books = booksOf(store)
  const shop = await founded(books)
  await books.keeper.flushAll()
  for (let id = 1; id <= 20; id++) await books.write(shop, [priced(id, 1)])
  const revive = dyingAfter(0)
  await books.keeper.flushAll()
  revive()
  expect(books.told).toHaveLength(1)
  for (let id = 1; id <= 20; id++) await books.write(shop, [priced(id, 2)])
  await books.keeper.flushAll()
  expect(refsOnDisk(store)).toEqual(refsInUse(store))
})

it('a state that somebody holds is read as long as he holds it; then what it had is removed', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { store } = await diskStore()
  const books = booksOf(store)
  const shop = await founded(books)
  await flushed(books, shop)
  let held: ShopState | undefined = shop.current.state
  const hash = stateHash(held)
  for (let price = 1; price <= 3; price++) {
    await books.write(
      shop,
      Array.from({ length: LISTINGS }, (_, i) => priced(i + 1, price)),
    )
    await flushed(books, shop)
    collect()
    books.keeper.keep([shop])
  }
  const listings = [...held.collections.Listings.entries()]
  expect([listings.length, stateHash(held)]).toEqual([LISTINGS, hash])
  expect(refsOnDisk(store).length).toBeGreaterThan(refsInUse(store).length)
  held = undefined
  await vi.waitFor(async () => {
    await nextTurn()
    collect()
    books.keeper.keep([shop])
    expect(refsOnDisk(store)).toEqual(refsInUse(store))
  }, SOON)
})

it('while another process reads nothing is removed; at the next flush after it all is', async () => {
  await requireBuiltStore()
  const { store, directory } = await diskStore()
  const books = booksOf(store)
  const shop = await founded(books)
  await books.keeper.flushAll()
  const reader = await openElsewhere(directory)
  const before = refsOnDisk(store)
  await books.write(shop, [priced(1, 7)])
  await books.keeper.flushAll()
  expect(refsOnDisk(store)).toEqual(expect.arrayContaining(before))
  await reader.end()
  await books.write(shop, [priced(1, 8)])
  await books.keeper.flushAll()
  expect(refsOnDisk(store)).toEqual(refsInUse(store))
})

it('a database of a version that removed nothing is swept at its first start', async () => {
  const disk = await diskStore()
  const books = booksOf(disk.store)
  const shop = await founded(books)
  await books.keeper.flushAll()
  const { seq, roots } = disk.store.derived(1n)!
  const early = new Map(decode(roots) as ReadonlyMap<CborKey, Cbor>)
  expect(early.delete('NextRef')).toBe(true)
  const nodes = [1_000, 1_001, 2_000].map((ref) => ({ ref, bytes: new Uint8Array(50) }))
  await disk.store.flushDerived({ shopId: 1n, seq, roots: encode(early), nodes, objectSeqs: [] })
  expect(refsOnDisk(disk.store).length).toBe(refsInUse(disk.store).length + 3)

  const again = booksOf(await disk.reopen())
  const loaded = await again.keeper.load(1n)
  await vi.waitFor(() => expect(refsOnDisk(disk.store)).toEqual(refsInUse(disk.store)), SOON)
  await again.write(loaded, [priced(1, 7)])
  await again.keeper.flushAll()
  expect(decode(disk.store.derived(1n)!.roots)).toHaveProperty('size', early.size + 1)
  expect(shop.current.head + 1).toBe(loaded.current.head)
})
