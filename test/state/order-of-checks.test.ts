/** PROTOCOL §4, order of checks, steps 3 and 4: where two reasons to refuse meet, the earlier one is the answer. */

import { describe, expect, test } from 'vitest'
import type { Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import {
  addOrder,
  after,
  BARE,
  by,
  cards,
  chainAddress,
  changed,
  COMMITTED_ORDER,
  filled,
  FULL,
  item,
  listing,
  map,
  order,
  OTHERS,
  patch,
  setState,
  shop,
  time,
  token,
  txDetails,
  verdictOn,
  wallets,
  type Who,
} from '../fixtures/sample-shop.js'

interface Pair {
  readonly name: string
  readonly who: Who
  /** Refused for both reasons. */
  readonly both: readonly Patch[]
  readonly verdict: string
  /** Which patch is named; 0 unless set otherwise. */
  readonly index?: number
  /** The same without the earlier reason: now the later one is the answer. */
  readonly later: readonly Patch[]
  readonly laterVerdict: string
  readonly laterIndex?: number
}

const O = 'Orders'
const badOp = (id: bigint) => patch('set', [O, id], 1n)
const foreign = patch('add', ['Accounts', wallets.owner], map({}))

const pairs: readonly Pair[] = [
  {
    name: 'rights of a later patch before the op of an earlier one (guest)',
    who: 'guest',
    both: [badOp(FULL), patch('remove', ['Tags', 'none'])],
    verdict: 'NOT_FOUND',
    index: 1,
    later: [badOp(FULL)],
    laterVerdict: 'INVALID',
  },
  {
    name: 'rights of a later patch before the existence of what an earlier one names (clerk)',
    who: 'clerk',
    both: [patch('remove', ['Tags', 'new']), foreign],
    verdict: 'INVALID',
    index: 1,
    later: [patch('remove', ['Tags', 'new'])],
    laterVerdict: 'NOT_FOUND',
  },
  {
    name: 'rights before path and op (guest)',
    who: 'guest',
    both: [patch('set', ['Listings', 9n, 'Colour'], 1n)],
    verdict: 'NOT_FOUND 9',
    later: [patch('set', [O, FULL, 'Colour'], 1n)],
    laterVerdict: 'INVALID',
  },
  {
    name: 'rights before the value (guest)',
    who: 'guest',
    both: [patch('add', ['Listings', 9n], 'no listing')],
    verdict: 'NOT_FOUND 9',
    later: [patch('add', [O, 99n], 'no order')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'a foreign order before the state of that order (guest)',
    who: 'guest',
    both: [setState(OTHERS, 6n)],
    verdict: `NOT_FOUND ${OTHERS}`,
    later: [setState(FULL, 6n)],
    laterVerdict: 'INVALID',
  },
  {
    name: 'path before existence',
    who: 'clerk',
    both: [patch('replace', ['Listings', 9n, 'Colour'], 1n)],
    verdict: 'INVALID',
    later: [patch('replace', ['Listings', 9n, 'Price'], 1n)],
    laterVerdict: 'NOT_FOUND 9',
  },
  {
    name: 'op before existence',
    who: 'clerk',
    both: [patch('increment', ['Listings', 9n, 'Price'], 1n)],
    verdict: 'INVALID',
    later: [patch('replace', ['Listings', 9n, 'Price'], 1n)],
    laterVerdict: 'NOT_FOUND 9',
  },
  {
    name: "an index's type before existence",
    who: 'clerk',
    both: [patch('remove', ['Tags', 'new', 'ListingIDs', '0'])],
    verdict: 'INVALID',
    later: [patch('remove', ['Tags', 'new', 'ListingIDs', 0n])],
    laterVerdict: 'NOT_FOUND',
  },
  {
    name: 'a field of the relay before existence',
    who: 'clerk',
    both: [patch('add', [O, 99n, 'TxDetails'], txDetails)],
    verdict: 'INVALID',
    later: [patch('add', [O, 99n, 'CanceledAt'], time(1n))],
    laterVerdict: 'NOT_FOUND 99',
  },
  {
    name: 'a variation twice in the path before the existence of the listing',
    who: 'clerk',
    both: [patch('add', ['Inventory', 9n, 'S', 'S'], 1n)],
    verdict: 'INVALID',
    later: [patch('add', ['Inventory', 9n, 'S'], 1n)],
    laterVerdict: 'NOT_FOUND 9',
  },
  {
    name: 'existence of the object before the value',
    who: 'clerk',
    both: [patch('replace', ['Listings', 9n, 'Price'], 'x')],
    verdict: 'NOT_FOUND 9',
    later: [patch('replace', ['Listings', 1n, 'Price'], 'x')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'existence of an element before the value',
    who: 'clerk',
    both: [patch('replace', ['Tags', 'sale', 'ListingIDs', 2n], 'x')],
    verdict: 'NOT_FOUND',
    later: [patch('replace', ['Tags', 'sale', 'ListingIDs', 1n], 'x')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'existence of an entry before the value',
    who: 'clerk',
    both: [patch('replace', ['Manifest', 'ShippingRegions', 'far'], 'x')],
    verdict: 'NOT_FOUND',
    later: [patch('replace', ['Manifest', 'ShippingRegions', 'home'], 'x')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'existence of a stock entry before the value of a decrement',
    who: 'clerk',
    both: [patch('decrement', ['Inventory', 4n], 'x')],
    verdict: 'NOT_FOUND 4',
    later: [patch('decrement', ['Inventory', 2n], 'x')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'existence of the listing before the value of its stock',
    who: 'clerk',
    both: [patch('add', ['Inventory', 9n], 'x')],
    verdict: 'NOT_FOUND 9',
    later: [patch('add', ['Inventory', 4n], 'x')],
    laterVerdict: 'INVALID',
  },
  {
    name: 'the form of a value before what it refers to',
    who: 'clerk',
    both: [patch('add', ['Tags', 'new'], map({ Name: 5n, ListingIDs: [9n] }))],
    verdict: 'INVALID',
    later: [patch('add', ['Tags', 'new'], map({ Name: 'new', ListingIDs: [9n] }))],
    laterVerdict: 'NOT_FOUND 9',
  },
  {
    name: 'ID and key before what the value refers to',
    who: 'clerk',
    both: [patch('add', [O, 99n], order(98n, [item(9n, 1n)]))],
    verdict: 'INVALID',
    later: [patch('add', [O, 99n], order(99n, [item(9n, 1n)]))],
    laterVerdict: 'NOT_FOUND 9',
  },
  {
    name: 'existence of an item before the state of the order',
    who: 'clerk',
    both: [patch('remove', [O, COMMITTED_ORDER, 'Items', 5n])],
    verdict: `NOT_FOUND ${COMMITTED_ORDER}`,
    later: [patch('remove', [O, COMMITTED_ORDER, 'Items', 0n])],
    laterVerdict: 'INVALID',
  },
  {
    name: "the value's references before the state of the order",
    who: 'clerk',
    both: [patch('append', [O, COMMITTED_ORDER, 'Items'], item(9n, 1n))],
    verdict: 'NOT_FOUND 9',
    later: [patch('append', [O, COMMITTED_ORDER, 'Items'], item(2n, 1n))],
    laterVerdict: 'INVALID',
  },
  {
    name: 'an order without items before its stock; nothing wanted before anything else at commit',
    who: 'clerk',
    both: [patch('replace', [O, BARE, 'Items'], []), setState(BARE, 3n)],
    verdict: 'INVALID',
    index: 1,
    later: [patch('replace', [O, BARE, 'Items'], [item(4n, 1n)]), setState(BARE, 3n)],
    laterVerdict: 'OUT_OF_STOCK 4',
    laterIndex: 1,
  },
  {
    name: 'an unpublished listing before the stock of another that comes first',
    who: 'clerk',
    both: [patch('replace', [O, BARE, 'Items'], [item(4n, 1n), item(3n, 1n)]), setState(BARE, 3n)],
    verdict: 'NOT_FOUND 3',
    index: 1,
    later: [patch('replace', [O, BARE, 'Items'], [item(4n, 1n), item(2n, 1n)]), setState(BARE, 3n)],
    laterVerdict: 'OUT_OF_STOCK 4',
    laterIndex: 1,
  },
  {
    name: 'the transition before the commit check',
    who: 'clerk',
    both: [patch('replace', [O, BARE, 'Items'], [item(4n, 1n)]), setState(BARE, 2n), setState(BARE, 3n)],
    verdict: 'INVALID',
    index: 2,
    later: [patch('replace', [O, BARE, 'Items'], [item(4n, 1n)]), setState(BARE, 3n)],
    laterVerdict: 'OUT_OF_STOCK 4',
    laterIndex: 1,
  },
  {
    name: "an earlier patch's order check before a later patch's path",
    who: 'clerk',
    both: [setState(FULL, 6n), patch('remove', ['Tags', 'new'])],
    verdict: 'INVALID',
    later: [setState(FULL, 2n), patch('remove', ['Tags', 'new'])],
    laterVerdict: 'NOT_FOUND',
    laterIndex: 1,
  },
]

describe.each(pairs.map((pair) => [pair.name, pair] as const))('%s', (_, pair) => {
  test('both', () => {
    expect(verdictOn(shop, by(pair.who), ...pair.both)).toBe(pair.verdict)
    expect(indexOf(pair.who, pair.both)).toBe(pair.index ?? 0)
  })
  test('the later one alone', () => {
    expect(verdictOn(shop, by(pair.who), ...pair.later)).toBe(pair.laterVerdict)
    expect(indexOf(pair.who, pair.later)).toBe(pair.laterIndex ?? 0)
  })
})

function indexOf(who: Who, patches: readonly Patch[]): number | undefined {
  const applied = applyPatches(shop, patches, by(who))
  return applied.ok ? undefined : applied.patchIndex
}

describe('a patch is checked on what the patches before it made', () => {
  test('a listing of the same set can be tagged, stocked and ordered', () => {
    const patches = [
      patch('add', ['Listings', 9n], listing(9n)),
      patch('append', ['Tags', 'none', 'ListingIDs'], 9n),
      patch('add', ['Inventory', 9n], 2n),
      addOrder(99n, [item(9n, 2n)]),
      setState(99n, 3n),
    ]
    expect(verdictOn(shop, by('clerk'), ...patches)).toBe('ok')
    const without = (index: number) => verdictOn(shop, by('clerk'), ...patches.toSpliced(index, 1))
    expect([0, 1, 2, 3, 4].map(without)).toEqual(['NOT_FOUND 9', 'ok', 'OUT_OF_STOCK 9', 'NOT_FOUND 99', 'ok'])
  })

  test('a later patch does not repair the check of a State write', () => {
    const commit = setState(99n, 3n)
    const fill = patch('append', [O, 99n, 'Items'], item(2n, 1n))
    const state = after(shop, 'guest', addOrder(99n, []))
    expect(verdictOn(state, by('guest'), fill, commit)).toBe('ok')
    expect(verdictOn(state, by('guest'), commit, fill)).toBe('INVALID')
  })

  test('an order of the same set is rightless before it is there: rights ask the owner at the start of the set', () => {
    expect(
      verdictOn(shop, by('guest'), addOrder(99n), patch('add', [O, 99n, 'ChosenCurrency'], chainAddress(1n, token))),
    ).toBe('ok')
    expect(
      verdictOn(shop, by('guest'), patch('add', [O, 99n, 'ChosenCurrency'], chainAddress(1n, token)), addOrder(99n)),
    ).toBe('NOT_FOUND 99')
  })

  test('stock that an earlier patch of the set took is gone for a later one', () => {
    const take = (id: bigint) => [addOrder(id, [item(2n, 4n)]), setState(id, 3n)]
    expect(verdictOn(shop, by('clerk'), ...take(98n))).toBe('ok')
    expect(verdictOn(shop, by('clerk'), ...take(98n), ...take(99n))).toBe('OUT_OF_STOCK 2')
    expect(verdictOn(shop, by('clerk'), ...take(98n), setState(COMMITTED_ORDER, 2n), ...take(99n))).toBe('ok')
  })
})

test('a guest gets NOT_FOUND for the whole set, whether or not the value is well formed or the object exists', () => {
  const own = patch('append', [O, FULL, 'Items'], item(2n, 1n))
  expect(verdictOn(shop, by('guest'), own)).toBe('ok')
  for (const other of [
    patch('replace', ['Listings', 1n, 'Price'], 1n),
    patch('replace', ['Listings', 1n, 'Price'], 'x'),
    patch('append', ['Accounts', wallets.guests, 'KeyCards'], cards.guest),
    patch('replace', ['Manifest'], changed(map({}), {})),
    patch('increment', ['Inventory', 2n], 1n),
    patch('add', ['Carts', 1n], 1n),
    patch('remove', [O, OTHERS]),
    patch('remove', [O, filled(8, 1)]),
    patch('remove', [O]),
  ]) {
    expect(verdictOn(shop, by('guest'), own, other).split(' ')[0]).toBe('NOT_FOUND')
    expect(indexOf('guest', [own, other])).toBe(1)
  }
})
