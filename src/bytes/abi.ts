/** Contract calls and what they return, as far as fixed-size words go (Solidity ABI): 32 bytes each, big endian. */

import { keccak256 } from '#hash'
import { concatBytes, fromBigEndian, toBigEndian, utf8 } from './bytes.js'

/** The first 4 bytes of a call. `signature`: canonical, as `ownerOf(uint256)`. */
export function selector(signature: string): Uint8Array {
  return keccak256(utf8(signature)).slice(0, 4)
}

/** The first topic of an event, 32 bytes. `signature`: canonical, as `Transfer(address,address,uint256)`. */
export function eventTopic(signature: string): Uint8Array {
  return keccak256(utf8(signature))
}

/** `value` (0 … 2^256−1) as a topic or argument. Throws RangeError. */
export function word(value: bigint): Uint8Array {
  return toBigEndian(value, 32)
}

/** An address, 20 bytes, as a topic or argument. */
export function addressWord(address: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(12), address)
}

/** `words`: 32 bytes each. */
export function callData(signature: string, ...words: readonly Uint8Array[]): Uint8Array {
  return concatBytes(selector(signature), ...words)
}

/** The integer that a call returned, or undefined unless it is one word. */
export function readWord(result: Uint8Array | undefined): bigint | undefined {
  return result?.length === 32 ? fromBigEndian(result) : undefined
}

/** The address that a call returned, 20 bytes, or undefined unless it is one word. */
export function readAddress(result: Uint8Array | undefined): Uint8Array | undefined {
  return result?.length === 32 ? result.slice(12) : undefined
}
