/**
 * Prices (PROTOCOL §11): the specification's cases, a naive second implementation, and what must hold for all carts.
 */

import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkVectorFile } from '../../src/cli/vector-check.js'
import type { Listing } from '../../src/objects/listing.js'
import type { ShippingRegion } from '../../src/objects/manifest.js'
import type { OrderItem } from '../../src/objects/order.js'
import type { PriceModifier } from '../../src/objects/scalars.js'
import { regionFor, totalOf } from '../../src/state/pricing.js'

const KAT = new URL('../../vectors/spec/pricing-kat.json', import.meta.url)

describe('the specification’s cases', () => {
  it('agree, all 150', () => {
    const { agree, differences } = checkVectorFile(readFileSync(KAT))
    expect(differences).toEqual([])
    expect(agree).toBe(150)
  })

  it('would show a wrong total', () => {
    const cases = JSON.parse(readFileSync(KAT, 'utf8')) as {
      result: { region: string; total: string } | { refused: string }
    }[]
    const priced = cases.find(({ result }) => 'total' in result)!
    priced.result = { ...(priced.result as { region: string; total: string }), total: '1' }
    expect(checkVectorFile(Buffer.from(JSON.stringify(cases))).differences).toHaveLength(1)
  })
})

const NAMES = ['a', 'b', 'Z', 'ä', 'zz', '10', '9']
const modifier: fc.Arbitrary<PriceModifier> = fc.oneof(
  fc.record({ ModificationPercent: fc.bigInt(0n, 250n) }),
  fc.record({ ModificationAbsolute: fc.record({ Amount: fc.bigInt(0n, 40n), Plus: fc.boolean() }) }),
)
const modifiers = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), modifier), {
  selector: ([name]) => name,
  maxLength: 5,
})
const info = { Title: 'x', Description: 'x' }

function listing(price: bigint, variations: readonly (readonly [string, PriceModifier])[]): Listing {
  const Variations = new Map(variations.map(([name, PriceModifier]) => [name, { VariationInfo: info, PriceModifier }]))
  return { ID: 1n, Price: price, Metadata: info, ViewState: 1n, Options: new Map([['o', { Title: 'o', Variations }]]) }
}

function regionWith(entries: readonly (readonly [string, PriceModifier])[]): ShippingRegion {
  return { Country: '', PostalCode: '', City: '', PriceModifiers: new Map(entries) }
}

/** The same by strings and repeated passes: sort names by their code points, then percents, then absolutes. */
function naive(amount: bigint, entries: readonly (readonly [string, PriceModifier])[]): bigint {
  const order = [...entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  let now = amount
  for (const [, m] of order) {
    if (m.ModificationPercent === undefined) continue
    const product = now * m.ModificationPercent
    now = (product - (((product % 100n) + 100n) % 100n)) / 100n
  }
  for (const [, m] of order) {
    const absolute = m.ModificationAbsolute
    if (absolute !== undefined) now = absolute.Plus ? now + absolute.Amount : now - absolute.Amount
  }
  return now
}

const item = (Quantity: bigint, VariationIDs: readonly string[] = []): OrderItem => ({
  ListingID: 1n,
  VariationIDs,
  Quantity,
})

describe('totals', () => {
  it('equal a naive second implementation, in whatever order maps and variations come', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10_000n),
        modifiers,
        modifiers,
        fc.bigInt(1n, 70_000n),
        (price, variations, shipping, quantity) => {
          const names = variations.map(([name]) => name)
          const unit = naive(price, variations)
          const expected = unit < 0n ? undefined : naive(unit * quantity, shipping)
          for (const turn of [<T>(list: readonly T[]) => [...list], <T>(list: readonly T[]) => [...list].reverse()]) {
            const total = totalOf([item(quantity, turn(names))], regionWith(turn(shipping)), () =>
              listing(price, turn(variations)),
            )
            if (expected === undefined || expected < 0n) expect(typeof total).toBe('string')
            else expect(total).toBe(expected)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('are additive in quantities without a region’s modifiers, and leave items of 0 out', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10_000n),
        fc.bigInt(1n, 2n ** 32n - 1n),
        fc.bigInt(1n, 2n ** 32n - 1n),
        (price, a, b) => {
          const of = (...items: OrderItem[]) => totalOf(items, regionWith([]), () => listing(price, []))
          expect(of(item(a), item(0n), item(b))).toBe((of(item(a)) as bigint) + (of(item(b)) as bigint))
        },
      ),
    )
  })

  it('are refused above 2^256−1 and below 0', () => {
    const most = 2n ** 256n - 1n
    expect(totalOf([item(1n)], regionWith([]), () => listing(most, []))).toBe(most)
    expect(typeof totalOf([item(2n)], regionWith([]), () => listing(most, []))).toBe('string')
    const minus = (Amount: bigint): [string, PriceModifier] => ['m', { ModificationAbsolute: { Amount, Plus: false } }]
    expect(totalOf([item(1n)], regionWith([minus(5n)]), () => listing(5n, []))).toBe(0n)
    expect(typeof totalOf([item(1n)], regionWith([minus(6n)]), () => listing(5n, []))).toBe('string')
  })
})

describe('regions', () => {
  const region = (Country: string, PostalCode = '', City = ''): ShippingRegion => ({ Country, PostalCode, City })
  const address = { Country: 'DE', PostalCode: '10115', City: 'Berlin' }

  it.each([
    ['country before any', { any: region(''), de: region('DE') }, 'de'],
    ['postal code before country', { de: region('DE'), mitte: region('', '10115') }, 'mitte'],
    ['city with its postal code', { mitte: region('DE', '10115'), berlin: region('DE', '10115', 'Berlin') }, 'berlin'],
    ['not a city without its postal code', { a: region('DE'), b: region('DE', '1', 'Berlin') }, 'a'],
    ['the smaller name of equals, by UTF-8', { ä: region(''), z: region('') }, 'z'],
    ['none', { fr: region('FR') }, undefined],
  ])('%s', (_name, regions, expected) => {
    expect(regionFor(new Map(Object.entries(regions)), address)?.name).toBe(expected)
  })
})
