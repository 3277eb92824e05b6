/** Fields that are replaced in an object's canonical form: the same as by reading and writing all of it. */

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { decodeChecked } from '../../src/codec/decode-checked.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { Listing } from '../../src/objects/listing.js'
import { applyPatches, type Patch } from '../../src/state/apply.js'
import { editObject } from '../../src/state/object-edit.js'
import { idKey, type ShopState } from '../../src/state/shop-state.js'
import { after, by, listing, metadata, patch, shop } from '../fixtures/sample-shop.js'

const SHOP = after(
  shop,
  'owner',
  patch('replace', ['Listings', 1n, 'Price'], 7n),
  patch('add', ['Listings', 90n], listing(90n, { Price: 2n ** 200n })),
)

// Most are accepted; there is no listing 91.
const path = (field: string) =>
  fc.constantFrom(1n, 90n, 1n, 90n, 1n, 90n, 1n, 90n, 91n).map((id) => ['Listings', id, field] as const)
const value: fc.Arbitrary<Encodable> = fc.oneof(
  { weight: 10, arbitrary: fc.bigInt(0n, 2n ** 256n - 1n) },
  { weight: 10, arbitrary: fc.bigInt(0n, 3n) },
  fc.constantFrom<Encodable>(-1n, null, 'x', true, new Map([['a', 1n]])),
)
const change = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.tuple(
      fc.constantFrom(...Array<string>(9).fill('replace'), 'add', 'remove', 'grow'),
      path('Price'),
      value,
    ),
  },
  { weight: 6, arbitrary: fc.tuple(fc.constant('replace'), path('ViewState'), fc.oneof(fc.bigInt(0n, 2n), value)) },
  fc.tuple(fc.constant('replace'), path('Nothing'), value),
  fc.tuple(
    fc.constant('replace'),
    path('Metadata'),
    fc.string({ minLength: 1 }).map((text) => metadata(`${text}.`)),
  ),
)

/** Each patch by itself on an object that is read and written whole; undefined from the first one that is refused. */
function byTheBook(state: ShopState, patches: readonly Patch[]): Map<bigint, string | undefined> | undefined {
  const held = new Map<bigint, string | undefined>()
  for (const id of [1n, 90n, 91n]) {
    const stored = state.collections.Listings.get(idKey(id))
    let now: unknown = stored && Listing.read(decodeChecked(stored), 'Listings')
    for (const one of patches.filter((each) => each.path[1] === id)) {
      try {
        now = editObject(now, one)
      } catch {
        return undefined
      }
    }
    held.set(id, now === undefined ? undefined : toHex(encode(Listing.write(now as Listing))))
  }
  return held
}

it('whatever a set does with them', () => {
  let taken = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const patches = changes.map(([op, at, to]) => patch(op, at, op === 'remove' ? undefined : to))
      const expected = byTheBook(SHOP, patches)
      const applied = applyPatches(SHOP, patches, by('owner'))
      expect(applied.ok).toBe(expected !== undefined)
      if (!applied.ok) return
      taken++
      for (const [id, bytes] of expected!) {
        const stored = applied.state.collections.Listings.get(idKey(id))
        expect(stored && toHex(stored)).toBe(bytes)
      }
    }),
    { numRuns: 400 },
  )
  expect(taken).toBeGreaterThan(20)
})

it('and is told in the same words', () => {
  const told = (...patches: readonly Patch[]) => {
    const applied = applyPatches(SHOP, patches, by('owner'))
    return applied.ok ? 'ok' : applied.verdict.message
  }
  const read = patch('replace', ['Listings', 1n, 'Metadata', 'Title'], 'Other')
  for (const to of [-1n, 'x', null, 2n ** 255n]) {
    const price = patch('replace', ['Listings', 1n, 'Price'], to)
    expect(told(price)).toBe(told(read, price).replace('patch 1', 'patch 0'))
  }
  expect(told(patch('replace', ['Listings', 91n, 'Price'], 1n))).toBe('patch 0: Listings.91 is not there')
})

it('in many objects of one set, each of them several times', () => {
  const ids = Array.from({ length: 20 }, (_, i) => BigInt(100 + i))
  const many = after(SHOP, 'owner', ...ids.map((id) => patch('add', ['Listings', id], listing(id, { Price: id }))))
  const changes = [1n, 2n ** 70n, 3n].flatMap((price) =>
    ids.map((id) => patch('replace', ['Listings', id, 'Price'], price + id)),
  )
  const changed = after(many, 'owner', ...changes)
  const priceOf = (state: ShopState, id: bigint) =>
    Listing.read(decodeChecked(state.collections.Listings.get(idKey(id))!), 'Listings').Price
  for (const id of ids) expect([priceOf(many, id), priceOf(changed, id)]).toEqual([id, 3n + id])
})

it('and leave the bytes alone that a state before has, whatever class they are of', () => {
  const stored = Buffer.from(SHOP.collections.Listings.get(idKey(1n))!)
  const before = toHex(stored)
  const Listings = SHOP.collections.Listings.delete(idKey(1n)).set(idKey(1n), stored)
  const state = { ...SHOP, collections: { ...SHOP.collections, Listings } }
  after(state, 'owner', patch('replace', ['Listings', 1n, 'Price'], 8n))
  expect(toHex(stored)).toBe(before)
})
