/**
 * Tells the log of chains that cannot be asked, once each time that one goes and once when it is back. `/health` tells
 * of them too, to who asks.
 *
 * Tests: test/relay/instruments/reachability.test.ts, test/cli/chain-away.test.ts
 */

import type { ChainId } from '../../brands.js'
import type { Chain } from '../../chain/chain.js'
import type { Log } from './log.js'

export class Reachability {
  private readonly chains: readonly Pick<Chain, 'chainId' | 'problem'>[]
  private readonly log: Pick<Log, 'info' | 'warn'>
  private readonly away = new Set<ChainId>()

  constructor(chains: readonly Pick<Chain, 'chainId' | 'problem'>[], log: Pick<Log, 'info' | 'warn'>) {
    this.chains = chains
    this.log = log
  }

  /** Called again and again; what comes and goes in between is not told. */
  look(): void {
    const before = this.away.size
    for (const { chainId, problem } of this.chains) {
      if (this.away.has(chainId) === (problem !== undefined)) continue
      if (problem === undefined) {
        this.away.delete(chainId)
        this.log.info('a chain can be reached again', { chain: chainId })
      } else {
        this.away.add(chainId)
        this.log.warn('a chain cannot be asked now; it is tried again and again', { chain: chainId, reason: problem })
      }
    }
    if (this.away.size > before && this.chains.every(({ chainId }) => this.away.has(chainId)))
      this.log.warn('no chain can be asked: payments and rights are looked at when one is back')
  }
}
