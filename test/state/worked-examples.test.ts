/** The table of worked prices in docs/payments.md: every row stands there as it is computed here. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, it } from 'vitest'
import type { Listing, Variation } from '../../src/objects/listing.js'
import type { ShippingRegion } from '../../src/objects/manifest.js'
import type { PriceModifier } from '../../src/objects/scalars.js'
import { convert } from '../../src/state/conversion.js'
import { totalOf } from '../../src/state/pricing.js'

const page = readFileSync(resolve(import.meta.dirname, '../../docs/payments.md'), 'utf8')

type Modifiers = Readonly<Record<string, PriceModifier>>

const percent = (value: bigint): PriceModifier => ({ ModificationPercent: value })
const plus = (value: bigint): PriceModifier => ({ ModificationAbsolute: { Amount: value, Plus: true } })
const minus = (value: bigint): PriceModifier => ({ ModificationAbsolute: { Amount: value, Plus: false } })

interface Example {
  readonly text: string
  readonly price: bigint
  readonly quantity: bigint
  readonly variations?: Modifiers
  readonly region?: Modifiers
  readonly total: bigint
}

const EXAMPLES: readonly Example[] = [
  { text: '2 × 1000 | – | – | 1000 × 2', price: 1_000n, quantity: 2n, total: 2_000n },
  {
    text: '3 × 1000 | `gold` 120 %, `box` plus 50 | – | (1000 × 120 / 100 + 50) × 3',
    price: 1_000n,
    quantity: 3n,
    variations: { gold: percent(120n), box: plus(50n) },
    total: 3_750n,
  },
  {
    text: '1 × 999 | `a` 50 %, `b` 133 % | – | 999 × 50 / 100 = 499; 499 × 133 / 100 = 663',
    price: 999n,
    quantity: 1n,
    variations: { b: percent(133n), a: percent(50n) },
    total: 663n,
  },
  {
    text: '3 × 5 | `half` 50 % | – | 5 × 50 / 100 = 2, then × 3: each piece is rounded, not the line',
    price: 5n,
    quantity: 3n,
    variations: { half: percent(50n) },
    total: 6n,
  },
  {
    text: '2 × 1000 | – | `tax` 107 %, `post` plus 500 | 2000 × 107 / 100 + 500',
    price: 1_000n,
    quantity: 2n,
    region: { post: plus(500n), tax: percent(107n) },
    total: 2_640n,
  },
  {
    text: '1 × 100 | `small` minus 80 | `post` minus 20 | 100 − 80 − 20',
    price: 100n,
    quantity: 1n,
    variations: { small: minus(80n) },
    region: { post: minus(20n) },
    total: 0n,
  },
]

it.each(EXAMPLES)('$text', ({ text, price, quantity, variations = {}, region = {}, total }) => {
  const info = { Title: 'x', Description: 'x' }
  const entries = Object.entries(variations).map(([name, PriceModifier]): [string, Variation] => [
    name,
    { VariationInfo: info, PriceModifier },
  ])
  const listing: Listing = {
    ID: 1n,
    Price: price,
    Metadata: info,
    ViewState: 1n,
    Options: new Map(
      entries.map(([name, variation]) => [name, { Title: name, Variations: new Map([[name, variation]]) }]),
    ),
  }
  const place: ShippingRegion = {
    Country: '',
    PostalCode: '',
    City: '',
    PriceModifiers: new Map(Object.entries(region)),
  }
  const items = [{ ListingID: 1n, VariationIDs: Object.keys(variations), Quantity: quantity }]
  expect(totalOf(items, place, () => listing)).toBe(total)
  expect(page).toContain(`| ${text} | ${total} |`)
})

it('the conversions that it tells of', () => {
  const rate = { factor: 1_500n, divisor: 1n }
  expect(convert(2n * 10n ** 15n, 18n, 2n, rate)).toBe(300n)
  expect(convert(10n, 18n, 2n, rate)).toBe(0n)
  expect(page).toContain('2·10^15 wei are 300 of its smallest unit (3.00), and 10 wei are 0')
})
