/**
 * What the relay asks of the shop registry (PROTOCOL §12), whoever keeps it.
 * Tests: test/e2e/registry.test.ts, test/e2e/sessions.test.ts
 */

/** The registry cannot be asked now; a write that needs it is refused, others go on. */
export class RegistryUnreachable extends Error {
  override readonly name = 'RegistryUnreachable'
}

export interface Registry {
  readonly chainId: bigint
  readonly relayTokenId: bigint
  /** Whether the shop was minted. Throws RegistryUnreachable. */
  exists(shopId: bigint): Promise<boolean>
  /** Whether the wallet (20 bytes) owns the shop's token. Throws RegistryUnreachable. */
  owns(shopId: bigint, wallet: Uint8Array): Promise<boolean>
  /** Whether the wallet owns the shop or holds permission 2, updateRootHash. Throws RegistryUnreachable. */
  mayWrite(shopId: bigint, wallet: Uint8Array): Promise<boolean>
}
