/**
 * What the relay asks of the shop registry (PROTOCOL §12), whoever keeps it.
 *
 * Tests: test/e2e/registry.test.ts, test/e2e/sessions.test.ts
 */

import type { ChainId, ShopId } from '../brands.js'
import type { RelayIdentity } from '../proofs/hand-over.js'

/** The registry cannot be asked now; a write that needs it is refused, others go on. */
export class RegistryUnreachable extends Error {
  override readonly name = 'RegistryUnreachable'
}

/** Shops that belong to the wallet that enrols for them first. Whoever takes one writes the row with the enrolment. */
export interface ShopClaim {
  /** Whether nobody has the shop yet. */
  isFree(shopId: ShopId): boolean
  /**
   * Makes the wallet (20 bytes) the owner: whether that is stored already, or is to be; undefined if the shop is
   * another's.
   */
  take(shopId: ShopId, wallet: Uint8Array): 'stored' | 'unstored' | undefined
  /** Once for each `take` that was not refused: its row is on the disk, or will never be. */
  settled(shopId: ShopId): void
}

export interface Registry {
  readonly chainId: ChainId
  /** Its contract, 20 bytes; zeros in development mode. */
  readonly address: Uint8Array
  readonly relayTokenId: bigint
  /** Whether the shop was minted. Throws RegistryUnreachable. */
  exists(shopId: ShopId): Promise<boolean>
  /** Whether the wallet (20 bytes) owns the shop's token. Throws RegistryUnreachable. */
  owns(shopId: ShopId, wallet: Uint8Array): Promise<boolean>
  /** Whether the wallet owns the shop or holds permission 2, updateRootHash. Throws RegistryUnreachable. */
  mayWrite(shopId: ShopId, wallet: Uint8Array): Promise<boolean>
  /** Only of a registry in which shops are not minted. */
  readonly claim?: ShopClaim
}

/** What checkpoints and bindings of a relay name. */
export function relayIdentity({
  chainId,
  address,
  relayTokenId,
}: Pick<Registry, 'chainId' | 'address' | 'relayTokenId'>): RelayIdentity {
  return { ChainID: chainId, Registry: address, Relay: relayTokenId }
}
