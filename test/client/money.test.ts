import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { currencyOf } from '../../src/client/amount-of-money.js'
import { amountText, formatMoney, parseMoney, sumOfMoney } from '../../src/client/money.js'

const currency = { ChainID: 1n, Address: new Uint8Array(20).fill(7) }
const of = (decimals: number, symbol = 'TOK') => ({ currency, decimals, symbol })
const LOCALES = ['en', 'de', 'fr', 'de-CH', 'hi', 'ar-EG', 'fa', 'pl', 'es', 'pt-BR', 'bn'] as const

describe('money', () => {
  const ONE = { amount: 1n, ...of(2) }
  it.each<[path: string, act: () => unknown]>([
    ['money', () => formatMoney(5n as never)],
    ['money', () => formatMoney(undefined as never)],
    ['money', () => amountText(null as never)],
    ['money', () => sumOfMoney([5n] as never)],
    ['money', () => parseMoney('1', 'EUR' as never)],
    ['amount', () => formatMoney({ ...ONE, amount: 5 as never })],
    ['amount', () => amountText({ decimals: 2 } as never)],
    ['decimals', () => amountText({ amount: 1n } as never)],
    ['symbol', () => formatMoney({ ...ONE, symbol: undefined as never })],
    ['amounts', () => sumOfMoney([] as never)],
  ])('that is none is a USAGE of %s', (path, act) => {
    expect(act).toThrow(expect.objectContaining({ code: 'USAGE', path }))
  })

  it.each([
    [0n, 18, 'en', '0 TOK'],
    [1n, 18, 'en', '0.000000000000000001 TOK'],
    [1_234_567n, 2, 'en', '12,345.67 TOK'],
    [1_200n, 2, 'en', '12.00 TOK'],
    [1_234_567n, 2, 'de', '12.345,67 TOK'],
    [-5n, 1, 'en', '-0.5 TOK'],
    [7n, 0, 'en', '7 TOK'],
    [(1n << 256n) - 1n, 0, 'en', `${((1n << 256n) - 1n).toLocaleString('en')} TOK`],
  ])('%s of %i decimals in %s is %s', (amount, decimals, locale, text) => {
    expect(formatMoney({ amount, ...of(decimals) }, locale)).toBe(text.replace(' TOK', '\u{a0}TOK'))
  })

  it('is read back as it was written, in every locale, to the last digit', () => {
    const amounts = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n })
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 78 }), fc.constantFrom(...LOCALES), (amount, decimals, locale) => {
        const money = { amount, ...of(decimals) }
        expect(parseMoney(formatMoney(money, locale), of(decimals), locale)).toEqual(money)
        expect(parseMoney(amountText(money), of(decimals), 'en')).toEqual(money)
      }),
    )
  })

  it.each([
    ['1,5', 'en'],
    ['1.5', 'de'],
    ['1,23,456', 'en'],
    ['-1', 'en'],
    ['', 'en'],
    ['.5', 'en'],
    ['1.', 'en'],
    ['1.2.3', 'en'],
    ['1e3', 'en'],
    ['0x10', 'en'],
    ['1 000', 'en'],
    ['12TOK50', 'fr'],
  ])('%j is no amount in %s, rather than another one', (text, locale) => {
    expect(() => parseMoney(text, of(3), locale)).toThrow(expect.objectContaining({ code: 'USAGE', path: 'text' }))
  })

  it.each([
    ['1234.5', 'en', 1_234_500n],
    ['1,234.5 TOK', 'en', 1_234_500n],
    ['1 234,5', 'fr', 1_234_500n],
    ["1'234.5", 'de-CH', 1_234_500n],
    ['1.234', 'es', 1_234_000n],
    ['1.5000', 'en', 1_500n],
  ])('%j is one in %s', (text, locale, amount) => {
    expect(parseMoney(text, of(3), locale).amount).toBe(amount)
  })

  it('is not rounded: more digits than the currency has are an error that names them', () => {
    expect(() => parseMoney('0.001', of(2, 'EUR'), 'en')).toThrow(/has 3 decimals\. EUR has 2/u)
    expect(() => formatMoney({ amount: 1n, ...of(256) })).toThrow(/0 … 255/u)
  })

  it('is refused as USAGE where it is too much, no text, or of no locale', () => {
    const most = String((1n << 256n) - 1n)
    expect(parseMoney(most, of(0), 'en').amount).toBe((1n << 256n) - 1n)
    for (const refused of [
      () => parseMoney(String(1n << 256n), of(0), 'en'),
      () => parseMoney(most, of(1), 'en'),
      () => parseMoney('9'.repeat(513), of(0), 'en'),
      () => parseMoney(5 as unknown as string, of(0), 'en'),
      () => parseMoney('1', of(0), 'no locale'),
      () => formatMoney({ amount: 1n, ...of(0) }, 'no locale'),
    ])
      expect(refused).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error)
  })

  it('is summed in one currency alone', () => {
    const other = { ...of(2), currency: { ...currency, ChainID: 2n } }
    expect(
      sumOfMoney([
        { amount: 1n, ...of(2) },
        { amount: 2n, ...of(2) },
      ]).amount,
    ).toBe(3n)
    expect(() =>
      sumOfMoney([
        { amount: 1n, ...of(2) },
        { amount: 2n, ...other },
      ]),
    ).toThrow(/amounts\[1\]\.currency/u)
  })
})

it('a currency is what was told, else what is known of its chain, else its smallest unit', () => {
  const native = (ChainID: bigint) => ({ ChainID, Address: new Uint8Array(20) })
  expect(currencyOf(currency, [of(2, 'EUR')])).toEqual(of(2, 'EUR'))
  expect(currencyOf(native(31_337n), [])).toMatchObject({ decimals: 18, symbol: 'ETH' })
  expect(currencyOf(native(137n), [])).toMatchObject({ decimals: 18, symbol: 'POL' })
  expect(currencyOf(native(999n), [])).toMatchObject({ decimals: 18, symbol: 'coin of chain 999' })
  expect(currencyOf(currency, [])).toMatchObject({ decimals: 0, symbol: 'units of 0x0707…0707' })
})
