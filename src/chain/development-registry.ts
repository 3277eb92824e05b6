/**
 * Development mode (PROTOCOL §12): a registry in the process, without any chain. Every shop is there, and belongs to
 * the wallet that enrols for it first. The table shop → wallet is the relay's to keep: `claims` reads it, `claim.take`
 * names the rows to write.
 */

import type { ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import type { ClaimRow, Registry, ShopClaim } from './registry.js'

export const DEVELOPMENT_CHAIN_ID = 31_337n
const DEVELOPMENT_RELAY_TOKEN_ID = 1n

export class DevelopmentRegistry implements Registry {
  readonly chainId = DEVELOPMENT_CHAIN_ID
  readonly relayTokenId = DEVELOPMENT_RELAY_TOKEN_ID
  readonly claim: ShopClaim = {
    isFree: (shopId) => this.ownerOf(shopId) === undefined,
    take: (shopId, wallet) => this.take(shopId, wallet),
  }
  private readonly claims: (key: string) => Uint8Array | undefined
  /** Claims that are on their way to the disk. */
  private readonly fresh = new Map<string, Uint8Array>()

  /** `claims` finds what was written for a claim's key. */
  constructor(claims: (key: string) => Uint8Array | undefined) {
    this.claims = claims
  }

  exists(): Promise<boolean> {
    return Promise.resolve(true)
  }

  owns(shopId: ShopId, wallet: Uint8Array): Promise<boolean> {
    const owner = this.ownerOf(shopId)
    return Promise.resolve(owner !== undefined && equalBytes(owner, wallet))
  }

  mayWrite(shopId: ShopId, wallet: Uint8Array): Promise<boolean> {
    return this.owns(shopId, wallet)
  }

  /** The wallet that named the shop first, 20 bytes. */
  private ownerOf(shopId: ShopId): Uint8Array | undefined {
    const key = claimKey(shopId)
    return this.fresh.get(key) ?? this.claims(key)
  }

  private take(shopId: ShopId, wallet: Uint8Array): readonly ClaimRow[] | undefined {
    const owner = this.ownerOf(shopId)
    if (owner !== undefined) return equalBytes(owner, wallet) ? [] : undefined
    const key = claimKey(shopId)
    this.fresh.set(key, wallet)
    return [{ key, value: wallet }]
  }
}

function claimKey(shopId: ShopId): string {
  return `development/owner/${shopId}`
}
