/**
 * The orders that hold a listing or a variation, and those of a card, against a walk over all; and what the walk would
 * have cost.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from '#hash'
import { Hamt, NodeCache, type TrieHashes } from '../../src/merkle/hamt.js'
import type { Order } from '../../src/objects/order.js'
import type { Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { holderHash, holdersOf, liveOrdersOf, withHolder } from '../../src/state/holders.js'
import { COLLECTIONS, INDEXES, hashesOf, type ShopState } from '../../src/state/shop-state.js'
import { addOrder, by, item, listing, map, patch, setState, shop, variation } from '../fixtures/sample-shop.js'

const VARIATIONS = ['', 'S', 'M', 'red', '\u{1f9e6}']

const CARDS = [0, 1, 2].map((byte) => new Uint8Array(33).fill(byte))

const orders = fc.uniqueArray(
  fc.record({
    ID: fc.bigInt(0n, 2n ** 64n - 1n),
    Items: fc.array(
      fc.record({
        ListingID: fc.constantFrom(0n, 1n, 256n, 2n ** 64n - 1n),
        Quantity: fc.bigInt(0n, 2n),
        VariationIDs: fc.option(fc.subarray(VARIATIONS), { nil: undefined }),
      }),
      { maxLength: 5 },
    ),
    isLive: fc.boolean(),
    card: fc.constantFrom(undefined, ...CARDS),
  }),
  { selector: ({ ID }) => ID, maxLength: 30 },
)

/** As if the names of all things collided. */
const oneGroup: TrieHashes['keyHash'] = (key) => sha256(key).fill(0, 0, 6)

describe('holders', () => {
  test.each([
    ['', holderHash],
    [', also where all share a place', oneGroup],
  ])('are the live orders with such an item above 0%s', (_, keyHash) => {
    fc.assert(
      fc.property(orders, (made) => {
        const read = made.map(({ ID, Items, isLive, card }) => ({
          order: { ID, State: 3n, Items } as unknown as Order,
          isLive,
          card,
        }))
        let index = Hamt.over({ keyHash })
        for (const { order, card } of read) index = withHolder(index, order, true, card)
        for (const { order, isLive, card } of read) if (!isLive) index = withHolder(index, order, false, card)
        for (const card of CARDS) {
          const expected = made.filter((order) => order.isLive && order.card === card).map(({ ID }) => ID)
          const found = [...liveOrdersOf(index, card)]
          expect([found.length, new Set(found)]).toEqual([expected.length, new Set(expected)])
        }
        for (const listingId of [0n, 1n, 2n, 256n, 2n ** 64n - 1n]) {
          for (const name of [undefined, ...VARIATIONS]) {
            const expected = made.filter(({ isLive, Items }) =>
              Items.some(
                ({ ListingID, Quantity, VariationIDs }) =>
                  isLive &&
                  ListingID === listingId &&
                  Quantity > 0n &&
                  (name === undefined || VariationIDs?.includes(name) === true),
              ),
            )
            const found = [...holdersOf(index, listingId, name)]
            expect(new Set(found)).toEqual(new Set(expected.map(({ ID }) => ID)))
            expect(found).toHaveLength(expected.length)
          }
        }
        for (const { order, card } of read) index = withHolder(index, order, false, card)
        expect(index.size).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

test('a set that takes 64 variations away reads as many nodes beside 2,000 live orders of others as beside 20', () => {
  const few = readsOfRemoval(20)
  const many = readsOfRemoval(2_000)
  expect(few.orphaned).toEqual([1n])
  expect(many.orphaned).toEqual([1n])
  // Larger tries are a level or two deeper; one walk over the orders reads them all, and there were 64.
  expect(many.walk).toBeGreaterThan(400)
  expect(many.reads).toBeLessThanOrEqual(few.reads + 4)
})

/** What is read of a stored shop to take variations away that one of its live orders holds. */
function readsOfRemoval(others: number) {
  const names = Array.from({ length: 64 }, (_, i) => `v${i}`)
  const Variations = map(Object.fromEntries([...names, 'kept'].map((name) => [name, variation(name)])))
  const start = applied(
    shop,
    patch('add', ['Listings', 9n], listing(9n, { Options: map({ kind: map({ Title: 'Kind', Variations }) }) })),
    patch('add', ['Inventory', 9n, 'v7'], 1n),
    patch('add', ['Inventory', 9n, 'kept'], BigInt(others)),
    addOrder(1n, [item(9n, 1n, 'v7')]),
    setState(1n, 3n),
  )
  const ids = Array.from({ length: others }, (_, i) => 1_000n + BigInt(i))
  const orders = ids.flatMap((id) => [addOrder(id, [item(9n, 1n, 'kept')]), setState(id, 3n)])
  const { stored, readsIn } = onDisk(applied(start.state, ...orders).state)
  let orphaned: readonly bigint[] = []
  const reads = readsIn(() => {
    const removals = names.map((name) => patch('remove', ['Listings', 9n, 'Options', 'kind', 'Variations', name]))
    orphaned = applied(stored, ...removals).effects.orphanedOrders
  })
  const walk = readsIn(() => [...stored.collections.Orders.entries()])
  return { reads, walk, orphaned }
}

/** Without the fixture's own look at all that there is. */
function applied(state: ShopState, ...patches: readonly Patch[]) {
  const result = applyPatches(state, patches, by('clerk'))
  if (!result.ok) throw new Error(result.verdict.message)
  return result
}

/** The state as a relay has it after a start, of whose nodes eight stay in memory. */
function onDisk(state: ShopState) {
  const nodes: Uint8Array[] = []
  let reads = 0
  const source = {
    readNode: (ref: number) => {
      reads++
      return nodes[ref - 1]!
    },
  }
  const cache = new NodeCache(8)
  const reopen = <Name extends keyof ShopState['collections'] | keyof ShopState['indexes']>(
    names: readonly Name[],
    tries: Readonly<Record<Name, Hamt>>,
  ) =>
    Object.fromEntries(
      names.map((name) => [
        name,
        Hamt.open(
          copied(tries[name], hashesOf(name)).store((bytes) => nodes.push(bytes)),
          source,
          cache,
          hashesOf(name),
        ),
      ]),
    ) as Record<Name, Hamt>
  const stored: ShopState = {
    ...state,
    collections: reopen(COLLECTIONS, state.collections),
    indexes: reopen(INDEXES, state.indexes),
  }
  const readsIn = (work: () => unknown): number => {
    const before = reads
    work()
    return reads - before
  }
  return { stored, readsIn }
}

/** Of no other store. */
function copied(trie: Hamt, hashes: TrieHashes): Hamt {
  let copy = Hamt.over(hashes)
  for (const [key, value] of trie.entries()) copy = copy.set(key, value)
  return copy
}
