import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DECIMALS_MAX, decimalText, readDecimal } from '../../src/catalogue/decimal.js'

test.each([
  [0n, 18, '0'],
  [5n, 0, '5'],
  [1_250n, 2, '12.5'],
  [1n, 18, '0.000000000000000001'],
  [1_000n, 2, '10'],
])('%i with %i decimals is %s', (amount, decimals, text) => {
  expect(decimalText(amount, decimals)).toBe(text)
  expect(readDecimal(text, decimals)).toBe(amount)
})

test.each(['12.50', '12.500000', '012.5'])('%s is 12.5 too', (text) => expect(readDecimal(text, 2)).toBe(1_250n))

test.each(['', '.5', '-1', '1,50', '1e3', '€5', ' 5', '1.2.3', '0x10', 'NaN'])('%j is no amount', (text) => {
  expect(readDecimal(text, 2)).toContain('is no amount')
})

test('digits that the currency does not have, and numbers that no amount reaches', () => {
  expect(readDecimal('0.001', 2)).toBe('"0.001" has 3 decimals, and the currency 2')
  expect(readDecimal('1'.repeat(79), 0)).toContain('more than an amount can be')
})

test('every amount comes back', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, (1n << 256n) - 1n), fc.nat(DECIMALS_MAX), (amount, decimals) => {
      expect(readDecimal(decimalText(amount, decimals), decimals)).toBe(amount)
    }),
  )
})
