import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { convert } from '../../src/state/conversion.js'

const LARGEST = 2n ** 256n - 1n

/** The text of §11, step by step, on fractions that are cut off where it says so. */
function naive(amount: bigint, p: bigint, q: bigint, factor: bigint, divisor: bigint): bigint {
  let x = p <= 16n ? amount * power(16n - p) : cut(amount, power(p - 16n))
  x = cut(x * factor, divisor)
  return q >= 16n ? x * power(q - 16n) : cut(x, power(16n - q))
}
function power(exponent: bigint): bigint {
  let result = 1n
  for (let i = 0n; i < exponent; i++) result *= 10n
  return result
}
function cut(numerator: bigint, denominator: bigint): bigint {
  return (numerator - (numerator % denominator)) / denominator
}

describe('conversion', () => {
  test.each([
    ['the example of the specification', 2n * 10n ** 15n, 18n, 2n, 1_500n, 1n, 300n],
    ['10 wei are 0 cents', 10n, 18n, 2n, 1_500n, 1n, 0n],
    ['just below a cent', 6_666_666_666_666n, 18n, 2n, 1_500n, 1n, 0n],
    ['a cent', 6_666_666_666_700n, 18n, 2n, 1_500n, 1n, 1n],
    ['to more decimals', 1n, 0n, 24n, 1n, 1n, 10n ** 24n],
    ['from 24 decimals', 10n ** 24n, 24n, 0n, 3n, 2n, 1n],
    ['by a third', 100n, 2n, 2n, 1n, 3n, 33n],
    ['by nothing', 10n ** 18n, 18n, 18n, 0n, 1n, 0n],
    ['nothing', 0n, 18n, 2n, 1_500n, 1n, 0n],
  ])('%s', (_what, amount, from, to, factor, divisor, expected) => {
    expect(convert(amount, from, to, { factor, divisor })).toBe(expected)
  })

  test('the largest amount fits, one more does not', () => {
    expect(convert(LARGEST, 16n, 16n, { factor: 1n, divisor: 1n })).toBe(LARGEST)
    expect(convert(LARGEST, 16n, 17n, { factor: 1n, divisor: 1n })).toMatch(/out of range/u)
    expect(convert(2n ** 255n, 16n, 16n, { factor: 2n, divisor: 1n })).toMatch(/out of range/u)
  })

  test('equals a naive second implementation, never negative, never more than exact', () => {
    const decimals = fc.bigInt({ min: 0n, max: 60n })
    const number = fc.bigInt({ min: 0n, max: 2n ** 128n })
    fc.assert(
      fc.property(
        number,
        decimals,
        decimals,
        number,
        fc.bigInt({ min: 1n, max: 2n ** 64n }),
        (amount, p, q, factor, divisor) => {
          const result = convert(amount, p, q, { factor, divisor })
          const expected = naive(amount, p, q, factor, divisor)
          expect(typeof result === 'string').toBe(expected > LARGEST)
          if (typeof result === 'string') return
          expect(result).toBe(expected)
          expect(result >= 0n).toBe(true)
          expect(result * divisor * power(p) <= amount * factor * power(q)).toBe(true)
        },
      ),
    )
  })
})
