import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { priceSums, type PricedVariant, type PriceSums } from '../../src/catalogue/price-sums.js'

function priceOf(sums: PriceSums, values: readonly string[]): bigint {
  return values.reduce((sum, value, option) => sum + sums.extra(option, value), sums.base)
}

const variant = (price: bigint, ...values: string[]): PricedVariant => ({ price, values })

test('the first variant is the base', () => {
  const sums = priceSums([variant(40n, 'M', 'Red'), variant(42n, 'M', 'Blue'), variant(35n, 'S', 'Red')])!
  expect(sums.base).toBe(40n)
  expect([sums.extra(0, 'M'), sums.extra(0, 'S'), sums.extra(1, 'Blue')]).toEqual([0n, -5n, 2n])
})

test('a fourth price that does not follow from three', () => {
  const three = [variant(1n, 'M', 'Red'), variant(2n, 'M', 'Blue'), variant(3n, 'S', 'Red')]
  expect(priceSums([...three, variant(4n, 'S', 'Blue')])).toBeDefined()
  expect(priceSums([...three, variant(5n, 'S', 'Blue')])).toBeUndefined()
})

test('amounts that follow only from all equations together', () => {
  const sums = priceSums([
    variant(10n, 'a', 'a', 'a'),
    variant(13n, 'b', 'b', 'a'),
    variant(14n, 'b', 'a', 'b'),
    variant(15n, 'a', 'b', 'b'),
  ])!
  expect([0, 1, 2].map((option) => sums.extra(option, 'b'))).toEqual([1n, 2n, 3n])
  const halves = [
    variant(0n, 'a', 'a', 'a'),
    variant(1n, 'b', 'b', 'a'),
    variant(1n, 'b', 'a', 'b'),
    variant(1n, 'a', 'b', 'b'),
  ]
  expect(priceSums(halves)).toBeUndefined()
})

const value = fc.constantFrom('a', 'b', 'c', 'd')
const values = fc.uniqueArray(fc.tuple(value, value, value), {
  minLength: 1,
  maxLength: 20,
  selector: (own) => own.join(),
})

test('sums are found, and give every price', () => {
  const amounts = fc.array(fc.bigInt(-50n, 50n), { minLength: 12, maxLength: 12 })
  fc.assert(
    fc.property(values, amounts, (combinations, extras) => {
      const priced = combinations.map((own) =>
        variant(
          own.reduce((sum, name, i) => sum + extras[i * 4 + 'abcd'.indexOf(name)]!, 1_000n),
          ...own,
        ),
      )
      const sums = priceSums(priced)
      // Amounts may come out as fractions where others would not: then there is none, and never a wrong one.
      if (sums === undefined) return fc.pre(false)
      for (const { values, price } of priced) expect(priceOf(sums, values)).toBe(price)
    }),
  )
})

test('whatever is found gives every price', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(
          values.map(([own]) => own!),
          fc.bigInt(0n, 3n),
        ),
        { minLength: 1, maxLength: 8 },
      ),
      (rows) => {
        const priced = rows.map(([own, price]) => variant(price, ...own))
        const sums = priceSums(priced)
        if (sums !== undefined) for (const { values, price } of priced) expect(priceOf(sums, values)).toBe(price)
      },
    ),
  )
})
