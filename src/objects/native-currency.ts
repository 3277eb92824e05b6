/**
 * What a chain's own coin is called, by chainlist.org: nothing of the protocol tells it.
 *
 * Tests: test/client/money.test.ts, test/proofs/receipt-report.test.ts
 */

import type { ChainId } from '../brands.js'

/** Of a chain's own coin, as wallets count it. */
export const NATIVE_DECIMALS = 18

/** Undefined for a chain that is not known here. */
export function nativeSymbol(chain: ChainId): string | undefined {
  return NATIVE_SYMBOLS.get(chain) ?? (ETHER_CHAINS.has(chain) ? 'ETH' : undefined)
}

/** With its chain, as people read it. */
export function nativeName(chain: ChainId): string {
  const symbol = nativeSymbol(chain)
  return symbol === undefined ? `coin of chain ${chain}` : `${symbol} on chain ${chain}`
}

/** Chains whose own coin is ether, and the development chain. */
const ETHER_CHAINS: ReadonlySet<ChainId> = new Set([
  1n,
  10n,
  324n,
  8_453n,
  31_337n,
  42_161n,
  59_144n,
  534_352n,
  11_155_111n,
])
const NATIVE_SYMBOLS: ReadonlyMap<ChainId, string> = new Map([
  [56n, 'BNB'],
  [100n, 'xDAI'],
  [137n, 'POL'],
  [42_220n, 'CELO'],
  [43_114n, 'AVAX'],
])
