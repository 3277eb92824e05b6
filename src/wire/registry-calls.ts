/**
 * What is asked of the registries of PROTOCOL §12 to know whose a shop is, its relay's address, and what was anchored
 * of it, and what anchors. Bytes in, bytes out: whoever has a chain asks it.
 *
 * Tests: test/client/shop-chain.test.ts, test/e2e/registry.test.ts
 */

import type { ShopId } from '../brands.js'
import { callData, readWord, selector, word } from '../bytes/abi.js'
import { equalBytes, fromBigEndian } from '../bytes/bytes.js'

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

/** A fresh shop may have this nonce and a random root: nothing is anchored, unless a checkpoint has that digest. */
export const FRESH_SHOP_NONCE = 1n

/** Of the last updateRootHash of the shop. */
export function rootNonceCall(shopId: ShopId): Uint8Array {
  return callData('nonce(uint256)', word(shopId))
}

/** Of ShopReg: anchors. `digest`: 32 bytes; `nonce` below 2^64. */
export function updateRootHashCall(shopId: ShopId, digest: Uint8Array, nonce: bigint): Uint8Array {
  return callData(UPDATE_ROOT_HASH, word(shopId), digest, word(nonce))
}

/** Shop, digest (32 bytes) and nonce of such a call; undefined for any other. */
export function readUpdateRootHash(
  input: Uint8Array,
): { readonly shopId: ShopId; readonly digest: Uint8Array; readonly nonce: bigint } | undefined {
  if (input.length !== 100 || !equalBytes(input.subarray(0, 4), selector(UPDATE_ROOT_HASH))) return undefined
  const [shopId, nonce] = [fromBigEndian(input.subarray(4, 36)), fromBigEndian(input.subarray(68))]
  return nonce >> 64n === 0n ? { shopId, digest: input.slice(36, 68), nonce } : undefined
}

const UPDATE_ROOT_HASH = 'updateRootHash(uint256,bytes32,uint64)'
