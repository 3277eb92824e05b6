/** The price that a card shows of a listing with options. */

import { expect, test } from 'vitest'
import type { Listing } from '../../src/client/shop-client.js'
import { lowestPrice, priceWith } from '../../web/storefront/option-prices.js'

type Modifier = { readonly percent: bigint } | { readonly plus: bigint } | { readonly minus: bigint } | undefined

function modifierOf(modifier: Modifier): object {
  if (modifier === undefined) return {}
  if ('percent' in modifier) return { PriceModifier: { ModificationPercent: modifier.percent } }
  const Plus = 'plus' in modifier
  return { PriceModifier: { ModificationAbsolute: { Amount: Plus ? modifier.plus : modifier.minus, Plus } } }
}

function sold(options: Record<string, Record<string, Modifier>>, out: readonly (readonly string[])[] = []): Listing {
  const Options = new Map(
    Object.entries(options).map(([Title, variations]) => [
      Title,
      { Title, Variations: new Map(Object.entries(variations).map(([name, one]) => [name, modifierOf(one)])) },
    ]),
  )
  const StockStatuses = out.map((VariationIDs) => ({ VariationIDs, InStock: false }))
  return { ID: 1n, Price: 100n, Options, StockStatuses } as unknown as Listing
}

test.each<[what: string, listing: Listing, price: bigint, varies: boolean]>([
  ['no options', sold({}), 100n, false],
  ['an option without variations', sold({ size: {} }), 100n, false],
  ['variations that cost the same', sold({ size: { s: undefined, l: undefined } }), 100n, false],
  ['all variations dearer', sold({ size: { s: { plus: 5n }, l: { plus: 9n } } }), 105n, true],
  ['a cheaper one', sold({ size: { s: { minus: 20n }, l: undefined } }), 80n, true],
  [
    'a percent before an amount',
    sold({ a: { x: { percent: 50n } }, b: { y: { minus: 10n }, z: undefined } }),
    40n,
    true,
  ],
  ['the cheapest sold out', sold({ size: { s: { minus: 20n }, m: { minus: 5n }, l: undefined } }, [['s']]), 95n, true],
  ['all sold out', sold({ size: { s: { minus: 20n }, l: undefined } }, [['s'], ['l']]), 80n, true],
])('the lowest price: %s', (_what, listing, price, varies) => {
  expect(lowestPrice(listing)).toEqual({ price, varies })
})

const sizes = (of: string, count: number, one?: Modifier) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${of}${i}`, one]))

test('more choices than a list looks through have none', () => {
  const [a, b] = [sizes('a', 16, { plus: 1n }), sizes('b', 16, { plus: 1n })]
  expect(lowestPrice(sold({ a, b }))).toEqual({ price: 102n, varies: false })
  expect(lowestPrice(sold({ a, b, c: sizes('c', 2, { plus: 1n }) }))).toBeUndefined()
})

test('those that change neither price nor stock are looked at as one', () => {
  const many = { a: sizes('a', 90), b: sizes('b', 90), c: { ...sizes('c', 90), less: { minus: 3n } } }
  expect(lowestPrice(sold(many))).toEqual({ price: 97n, varies: true })
  expect(lowestPrice(sold(many, [['less', 'a1']]))).toEqual({ price: 97n, varies: true })
  expect(lowestPrice(sold(many, [['less']]))).toEqual({ price: 100n, varies: false })
})

test('each price is the one that a cart has', () => {
  const listing = sold({ a: { x: { percent: 150n }, y: { percent: 33n } }, b: { z: { plus: 7n } } })
  expect([priceWith(listing, ['x', 'z']), priceWith(listing, ['z', 'y'])]).toEqual([157n, 40n])
})
