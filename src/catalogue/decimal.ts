/** Amounts as decimal text: digits are moved, nothing is computed in floating point. */

import type { Amount } from '../brands.js'

/** More no currency has: amounts are uint256. */
export const DECIMALS_MAX = 77

/** `12.5` of 1250 and 2 decimals; no zeros at the end. */
export function decimalText(amount: Amount, decimals: number): string {
  if (decimals === 0) return String(amount)
  const digits = String(amount).padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0+$/u, '')
  return `${digits.slice(0, -decimals)}${fraction === '' ? '' : `.${fraction}`}`
}

/** In the smallest unit, or why the text is no amount. */
export function readDecimal(text: string, decimals: number): Amount | string {
  const [, whole, fraction = ''] = /^([0-9]+)(?:\.([0-9]*))?$/u.exec(text) ?? []
  if (whole === undefined)
    return `${JSON.stringify(shown(text))} is no amount: digits and at most one point, as 1299.90`
  const kept = fraction.replace(/0+$/u, '')
  if (kept.length > decimals)
    return `${JSON.stringify(shown(text))} has ${kept.length} decimals, and the currency ${decimals}`
  const amount = BigInt(whole + kept.padEnd(decimals, '0'))
  return amount < 1n << 256n ? amount : `${JSON.stringify(shown(text))} is more than an amount can be (2^256)`
}

function shown(text: string): string {
  return text.slice(0, SHOWN_CHARS)
}

const SHOWN_CHARS = 40
