/**
 * Development mode (PROTOCOL §12): a registry in the process, without any chain. Every shop is there, and belongs to
 * the wallet that enrols for it first. The table shop → wallet is the relay's to keep: `ownerOf` reads it, `claim.take`
 * says whether it lacks a row.
 */

import type { ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import type { Registry, ShopClaim } from './registry.js'

export const DEVELOPMENT_CHAIN_ID = 31_337n
const DEVELOPMENT_RELAY_TOKEN_ID = 1n

export class DevelopmentRegistry implements Registry {
  readonly chainId = DEVELOPMENT_CHAIN_ID
  readonly address = new Uint8Array(20)
  readonly relayTokenId = DEVELOPMENT_RELAY_TOKEN_ID
  readonly claim: ShopClaim = {
    isFree: (shopId) => this.ownerOf(shopId) === undefined,
    take: (shopId, wallet) => this.take(shopId, wallet),
    settled: (shopId) => this.settled(shopId),
  }
  private readonly stored: (shopId: ShopId) => Uint8Array | undefined
  /** Claims that are on their way to the disk, by how many enrolments. */
  private readonly fresh = new Map<ShopId, { readonly wallet: Uint8Array; takes: number }>()

  /** `stored` finds the wallet of the row that was written for a shop, 20 bytes. */
  constructor(stored: (shopId: ShopId) => Uint8Array | undefined) {
    this.stored = stored
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
    return this.fresh.get(shopId)?.wallet ?? this.stored(shopId)
  }

  private take(shopId: ShopId, wallet: Uint8Array): 'stored' | 'unstored' | undefined {
    const owner = this.ownerOf(shopId)
    if (owner !== undefined && !equalBytes(owner, wallet)) return undefined
    const fresh = this.fresh.get(shopId) ?? { wallet, takes: 0 }
    fresh.takes++
    this.fresh.set(shopId, fresh)
    // An earlier enrolment's row may not get to the disk.
    return this.stored(shopId) === undefined ? 'unstored' : 'stored'
  }

  private settled(shopId: ShopId): void {
    const fresh = this.fresh.get(shopId)
    if (fresh !== undefined && --fresh.takes === 0) this.fresh.delete(shopId)
  }
}
