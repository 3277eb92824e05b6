/**
 * The shop registry on a chain (PROTOCOL §12): who owns a shop and who may write to it, asked of the contract each
 * time.
 *
 * Tests: test/e2e/registry.test.ts
 */

import type { ChainId, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { ChainUnreachable, type Chain } from './chain.js'
import { readAddress, readWord } from '../bytes/abi.js'
import { CLERK_PERMISSION, hasPermissionCall } from './contracts.js'
import { ownerOfCall } from '../wire/registry-calls.js'
import { RegistryUnreachable, type Registry } from './registry.js'

interface ChainRegistryOptions {
  readonly chain: Chain
  /** The ShopReg contract, 20 bytes. */
  readonly shops: Uint8Array
  readonly relayTokenId: bigint
}

export class ChainRegistry implements Registry {
  private readonly options: ChainRegistryOptions

  constructor(options: ChainRegistryOptions) {
    this.options = options
  }

  get chainId(): ChainId {
    return this.options.chain.chainId
  }

  get address(): Uint8Array {
    return this.options.shops
  }

  get relayTokenId(): bigint {
    return this.options.relayTokenId
  }

  async exists(shopId: ShopId): Promise<boolean> {
    return (await this.ownerOf(shopId)) !== undefined
  }

  async owns(shopId: ShopId, wallet: Uint8Array, blockNumber?: bigint): Promise<boolean> {
    const owner = await this.ownerOf(shopId, blockNumber)
    return owner !== undefined && equalBytes(owner, wallet)
  }

  async mayWrite(shopId: ShopId, wallet: Uint8Array, blockNumber?: bigint): Promise<boolean> {
    const permitted = this.call(hasPermissionCall(shopId, wallet, CLERK_PERMISSION), blockNumber)
    const [owns, permission] = await Promise.all([this.owns(shopId, wallet, blockNumber), permitted])
    return owns || readWord(permission) === 1n
  }

  /** 20 bytes; undefined for a shop that was not minted. */
  async ownerOf(shopId: ShopId, blockNumber?: bigint): Promise<Uint8Array | undefined> {
    return readAddress(await this.call(ownerOfCall(shopId), blockNumber))
  }

  private async call(data: Uint8Array, blockNumber?: bigint): Promise<Uint8Array | undefined> {
    const { chain, shops } = this.options
    try {
      return await chain.call({ to: shops, data, blockNumber })
    } catch (error) {
      if (error instanceof ChainUnreachable) throw new RegistryUnreachable(error.message, { cause: error })
      throw error
    }
  }
}
