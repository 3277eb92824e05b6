/**
 * What is read of the registries of PROTOCOL §12 to know whose a shop is, its relay's address, and what was anchored of
 * it. Bytes in, bytes out: whoever has a chain asks it.
 *
 * Tests: test/client/shop-chain.test.ts, test/e2e/registry.test.ts
 */

import type { ShopId } from '../brands.js'
import { callData, readWord, word } from '../bytes/abi.js'
import { fromBigEndian } from '../bytes/bytes.js'

/** Of a shop in ShopReg, of a relay in RelayReg. */
export function ownerOfCall(tokenId: bigint): Uint8Array {
  return callData('ownerOf(uint256)', word(tokenId))
}

/** Of ShopReg: the tokens of the relays that a shop names. */
export function getAllRelaysCall(shopId: ShopId): Uint8Array {
  return callData('getAllRelays(uint256)', word(shopId))
}

/** The token ids that getAllRelays answers with. */
export function readRelays(result: Uint8Array = new Uint8Array(0)): bigint[] {
  const count = readWord(result.subarray(32, 64)) ?? 0n
  const words = Array.from({ length: Math.floor(result.length / 32) }, (_, i) => result.subarray(32 * i, 32 * (i + 1)))
  return words.slice(2, 2 + Number(count)).map(fromBigEndian)
}

/** Of ShopReg: what was anchored of the shop last, 32 bytes; zeros where nothing was. */
export function rootHashCall(shopId: ShopId): Uint8Array {
  return callData('rootHashes(uint256)', word(shopId))
}

/** A fresh shop may have this nonce and a random root: nothing is anchored then, unless a checkpoint has that digest. */
export const FRESH_SHOP_NONCE = 1n

/** Of the last updateRootHash of the shop. */
export function rootNonceCall(shopId: ShopId): Uint8Array {
  return callData('nonce(uint256)', word(shopId))
}
