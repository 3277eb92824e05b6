/**
 * What an amount of money is, and of which currency. It checks nothing, and errors name amounts too: it throws none.
 *
 * Tests: test/client/money.test.ts
 */

import type { Amount } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { nativeName, NATIVE_DECIMALS, nativeSymbol } from '../objects/native-currency.js'
import type { ChainAddress } from '../objects/scalars.js'

/** What people call a currency, and how many of its smallest units are one. The protocol says neither. */
export interface Currency {
  /** Chain and address (20 bytes); the zero address is the chain's own currency. */
  readonly currency: ChainAddress
  /** 18: 10^18 of the smallest unit are one. 0 … 255. */
  readonly decimals: number
  /** As it stands beside an amount: ETH, USDC. */
  readonly symbol: string
}

export interface Money extends Currency {
  /** In the smallest unit. */
  readonly amount: Amount
}

/** Of currencies that were told, else of what is well known; others are counted in their smallest unit. */
export function currencyOf(currency: ChainAddress, told: readonly Currency[]): Currency {
  const known = told.find((one) => isSameCurrency(one.currency, currency))
  if (known !== undefined) return known
  if (isAllZero(currency.Address))
    return {
      currency,
      decimals: NATIVE_DECIMALS,
      symbol: nativeSymbol(currency.ChainID) ?? nativeName(currency.ChainID),
    }
  const address = prefixedHex(currency.Address)
  return { currency, decimals: 0, symbol: `units of ${address.slice(0, 6)}…${address.slice(-4)}` }
}

/**
 * Whether both are as much of the same currency. What is not known is the same as itself alone.
 *
 * @example
 * ```ts
 * import { isSameMoney } from 'cairn-relay/client'
 *
 * console.log(isSameMoney(undefined, undefined)) // true
 * ```
 */
export function isSameMoney(a: Money | undefined, b: Money | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.amount === b.amount && isSameCurrency(a.currency, b.currency)
}

/**
 * Whether both are one token, or one chain's coin.
 *
 * @example
 * ```ts
 * import { isSameCurrency } from 'cairn-relay/client'
 *
 * const coin = { ChainID: 1n, Address: new Uint8Array(20) }
 * console.log(isSameCurrency(coin, { ...coin, ChainID: 10n })) // false
 * ```
 */
export function isSameCurrency(a: ChainAddress, b: ChainAddress): boolean {
  return a.ChainID === b.ChainID && equalBytes(a.Address, b.Address)
}
