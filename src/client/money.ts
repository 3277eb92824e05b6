/**
 * Money: an amount beside its currency. Never floating point: amounts are integers of the smallest unit, and texts of a
 * reader's locale are made and read by Intl, digit by digit.
 *
 * Tests: test/client/money.test.ts
 */

import { MONEY_DECIMALS_MAX, MONEY_TEXT_CHARS_MAX } from '../limits.js'
import { isSameCurrency, type Currency, type Money } from './amount-of-money.js'
import { usage } from './client-error.js'

export type { Currency, Money }

type Locale = string | readonly string[] | undefined

/**
 * The amount with its symbol behind a no-break space, as a reader of `locale` writes it (the platform's own if left
 * out). All digits are shown.
 *
 * @example
 * ```ts
 * import { formatMoney } from 'cairn-relay/client'
 *
 * const currency = { ChainID: 1n, Address: new Uint8Array(20) }
 * const money = { amount: 1_234_500_000_000_000_000_000n, currency, decimals: 18, symbol: 'ETH' }
 * console.log(formatMoney(money, 'en').split('\u{a0}')) // [ '1,234.5', 'ETH' ]
 * ```
 */
export function formatMoney(money: Money, locale?: Locale): string {
  const { amount, decimals, symbol } = checkedMoney(money)
  const [whole = '0', fraction = ''] = amountText({ amount: absolute(amount), decimals }).split('.')
  const { grouped, point, digits } = wordsOf(locale)
  // −0 has a sign; there is none among bigints.
  const signed = amount >= 0n ? BigInt(whole) : whole === '0' ? -0 : -BigInt(whole)
  const parts = grouped.formatToParts(signed).map(({ type, value }) => ({ isWhole: type === 'integer', value }))
  const shown = fraction.padEnd(decimals <= ALWAYS_SHOWN_MAX ? decimals : 0, '0')
  if (shown !== '') {
    const own = new Map([...digits].map(([digit, plain]) => [plain, digit]))
    const last = parts.findLastIndex(({ isWhole }) => isWhole)
    parts[last]!.value += point + Array.from(shown, (digit) => own.get(digit)).join('')
  }
  return `${parts.map(({ value }) => value).join('')}\u{a0}${symbol}`
}

/** Cents are shown where there are none too: 12.00. */
const ALWAYS_SHOWN_MAX = 2

/**
 * The amount as decimal text with a point, the same everywhere: for forms, files and programs.
 *
 * @example
 * ```ts
 * import { amountText } from 'cairn-relay/client'
 *
 * console.log(amountText({ amount: 1_050n, decimals: 2 })) // 10.5
 * ```
 */
export function amountText(money: Pick<Money, 'amount' | 'decimals'>): string {
  const { amount, decimals } = checkedAmount(money)
  const digits = String(absolute(amount)).padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/u, '')
  return `${amount < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`
}

/**
 * Reads what a person of `locale` wrote, with or without groups and symbol, without rounding. Throws ClientError USAGE
 * for a text that is no amount, for more digits than the currency has, and for what no amount can be (2^256 of the
 * smallest unit).
 *
 * @example
 * ```ts
 * import { parseMoney } from 'cairn-relay/client'
 *
 * const currency = { ChainID: 1n, Address: new Uint8Array(20) }
 * console.log(parseMoney('1.234,5', { currency, decimals: 18, symbol: 'ETH' }, 'de').amount) // 1234500000000000000000n
 * ```
 */
export function parseMoney(text: string, of: Currency, locale?: Locale): Money {
  const { currency, decimals, symbol } = checkedCurrency(of)
  const words = wordsOf(locale)
  if (typeof text !== 'string' || text.length > MONEY_TEXT_CHARS_MAX)
    throw usage('text', `it is no text of up to ${MONEY_TEXT_CHARS_MAX} characters`, `Write it as ${words.sample}.`)
  const number = withoutSymbol(text.trim(), symbol)
  const [whole = '', fraction, ...more] = Array.from(number, (digit) => words.digits.get(digit) ?? digit)
    .join('')
    .split(words.point)
  if (more.length > 0 || !isWhole(whole, words) || (fraction !== undefined && !/^\d+$/u.test(fraction)))
    throw usage('text', `${JSON.stringify(text)} is no amount`, `Write it as ${words.sample}.`)
  const digits = (fraction ?? '').replace(/0+$/u, '')
  if (digits.length > decimals)
    throw usage('text', `${JSON.stringify(text)} has ${digits.length} decimals`, `${symbol} has ${decimals}.`)
  const amount = BigInt(ungrouped(whole) + digits.padEnd(decimals, '0'))
  if (amount >= 1n << 256n) throw usage('text', `${JSON.stringify(text)} is too much`, 'Amounts are below 2^256.')
  return { amount, currency, decimals, symbol }
}

/**
 * The sum of amounts of one currency. Throws ClientError USAGE where they are of two.
 *
 * @example
 * ```ts
 * import { sumOfMoney } from 'cairn-relay/client'
 *
 * const cents = (amount: bigint) => ({ amount, currency, decimals: 2, symbol: 'EUR' })
 * const currency = { ChainID: 1n, Address: new Uint8Array(20).fill(7) }
 * console.log(sumOfMoney([cents(150n), cents(250n)]).amount) // 400n
 * ```
 */
export function sumOfMoney(amounts: readonly [Money, ...Money[]]): Money {
  const [first] = amounts.map(checkedMoney) as [Money, ...Money[]]
  if (first === undefined) throw usage('amounts', 'there are none', 'Give one or more.')
  for (const [i, { currency }] of amounts.entries())
    if (!isSameCurrency(currency, first.currency))
      throw usage(`amounts[${i}].currency`, 'it is another than that of amounts[0]', 'Sum each currency by itself.')
  return { ...first, amount: amounts.reduce((sum, { amount }) => sum + amount, 0n) }
}

function absolute(amount: bigint): bigint {
  return amount < 0n ? -amount : amount
}

/** Throws ClientError USAGE for what has no amount, decimals and symbol. */
export function checkedMoney(money: Money): Money {
  return checkedAmount(checkedCurrency(money))
}

function checkedAmount<T extends Pick<Money, 'amount' | 'decimals'>>(money: T): T {
  const { amount } = checkedDecimals(money)
  if (typeof amount !== 'bigint') throw usage('amount', `it is a ${typeof amount}, no bigint`, 'Write it as 1299n.')
  return money
}

function checkedCurrency<T extends Currency>(of: T): T {
  const { symbol } = checkedDecimals(of)
  if (typeof symbol !== 'string') throw usage('symbol', `it is a ${typeof symbol}, no text`, "Give one: 'ETH'.")
  return of
}

function checkedDecimals<T extends Pick<Currency, 'decimals'>>(of: T): T {
  if (typeof of !== 'object' || of === null)
    throw usage(
      'money',
      `it is ${of === null ? 'null' : `a ${typeof of}`}`,
      'Give what client.money(amount, currency) makes.',
    )
  const { decimals } = of
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > MONEY_DECIMALS_MAX)
    throw usage('decimals', `${decimals} is no number of decimals`, `Give a whole number, 0 … ${MONEY_DECIMALS_MAX}.`)
  return of
}

/** How numbers are written in a locale. */
interface NumberWords {
  readonly point: string
  /** Its digits, and their plain ones. */
  readonly digits: ReadonlyMap<string, string>
  readonly grouped: Intl.NumberFormat
  readonly sample: string
}

function wordsOf(locale: Locale): NumberWords {
  const [grouped, plain] = [numberFormat(locale, 'always'), numberFormat(locale, false)]
  const point = plain.formatToParts(0.5).find(({ type }) => type === 'decimal')?.value ?? '.'
  const digits = new Map(Array.from({ length: 10 }, (_, digit) => [plain.format(digit), String(digit)]))
  return { point, digits, grouped, sample: grouped.format(1_234.5) }
}

function numberFormat(locale: Locale, useGrouping: string | boolean): Intl.NumberFormat {
  try {
    return new Intl.NumberFormat(locale as string | string[], { useGrouping } as unknown as Intl.NumberFormatOptions)
  } catch {
    throw usage('locale', `${JSON.stringify(locale)} is no locale`, "Give a language tag: 'en-GB'.")
  }
}

/** Where it stands before or behind the number: 12€50 must not be read as 1250. */
function withoutSymbol(text: string, symbol: string): string {
  if (text.startsWith(symbol)) return text.slice(symbol.length).trim()
  return text.endsWith(symbol) ? text.slice(0, -symbol.length).trim() : text
}

/** Digits, without groups or grouped as the locale has them: 1,5 must not be read as 15. */
function isWhole(whole: string, { grouped: format, digits }: NumberWords): boolean {
  if (/^\d+$/u.test(whole)) return true
  if (!/^\d[\d\P{L}]*\d$/u.test(whole)) return false
  const grouped = Array.from(format.format(BigInt(ungrouped(whole))), (digit) => digits.get(digit) ?? digit).join('')
  return alike(grouped) === alike(whole)
}

function ungrouped(whole: string): string {
  return whole.replace(/\D/gu, '')
}

/** Spaces and apostrophes have several forms, and keyboards one. */
function alike(text: string): string {
  return text.replace(/\s/gu, ' ').replace(/[’']/gu, "'")
}
