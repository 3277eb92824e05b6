/**
 * SHA-256 (FIPS 180-4) and Keccak-256 (Ethereum's, not SHA3-256), in plain JavaScript.
 * Imported as `#hash`: Node gets hash.node.ts with the same two functions.
 */

import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** 32 bytes, a fresh array. */
export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data)
}

/** The same, written to `target` from `at` on; `data` may be in the same buffer. */
export function sha256Into(data: Uint8Array, target: Uint8Array, at: number): void {
  target.set(nobleSha256(data), at)
}

/** 32 bytes, a fresh array. */
export function keccak256(data: Uint8Array): Uint8Array {
  return keccak_256(data)
}
