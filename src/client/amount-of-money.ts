/**
 * What an amount of money is. Of types alone: errors name amounts too.
 *
 * Tests: test/client/money.test.ts
 */

import type { Amount } from '../brands.js'
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
