/**
 * From the pricing currency to the chosen one (PROTOCOL §11, PaymentDetails, "price source"): by a factor and a divisor
 * over amounts of 16 decimals. Each division rounds down.
 */

import type { Amount } from '../brands.js'
import { AMOUNT_END } from './pricing.js'

/** What one whole unit of the pricing currency is worth: factor / divisor whole units of the chosen one. */
export interface Rate {
  /** Above 0. */
  readonly factor: bigint
  /** Above 0. */
  readonly divisor: bigint
}

/** Decimals that amounts are converted with. */
const INNER_DECIMALS = 16n

/**
 * `fromDecimals`, `toDecimals`: 0 … 255 (native 18, ERC-20 its `decimals()`). A text instead says that the result is
 * out of range.
 */
export function convert(
  amount: Amount,
  fromDecimals: bigint,
  toDecimals: bigint,
  { factor, divisor }: Rate,
): Amount | string {
  const inner = (scaled(amount, INNER_DECIMALS - fromDecimals) * factor) / divisor
  const result = scaled(inner, toDecimals - INNER_DECIMALS)
  return result < AMOUNT_END ? result : 'the total in the chosen currency is out of range'
}

/** amount · 10^exponent, rounded down. */
function scaled(amount: Amount, exponent: bigint): Amount {
  return exponent >= 0n ? amount * 10n ** exponent : amount / 10n ** -exponent
}
