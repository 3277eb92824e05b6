/**
 * CRC-32C (Castagnoli) over each stored row: bits that rot on disk, and rows that stand under another row's key, are
 * noticed when they are read. The key has a checksum of its own, so that a row tells whether it is at its place without
 * its value being looked at.
 *
 *     row = value ‖ CRC-32C(key) u32 ‖ CRC-32C(key ‖ value) u32
 *
 * Big endian.
 *
 * Tests: test/store/checksum.test.ts
 */

import { createCRC32 } from 'hash-wasm'

/** Of the checksums behind a value. */
export const SEAL_BYTES = 8

const CASTAGNOLI_REVERSED = 0x82f63b78
const crc32c = await createCRC32(CASTAGNOLI_REVERSED)

/** A fresh array. */
export function seal(key: Uint8Array, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(value.length + SEAL_BYTES)
  sealed.set(value)
  sealed.set(keyChecksum(key), value.length)
  sealed.set(checksum(key, value), value.length + 4)
  return sealed
}

/** The value as a view; undefined if the checksums are not those of this key and value. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - SEAL_BYTES
  if (end < 0 || !isOfKey(key, sealed)) return undefined
  const value = sealed.subarray(0, end)
  return isAt(sealed, end + 4, checksum(key, value)) ? value : undefined
}

/** Whether the row was written under this key, whatever became of its value. */
export function isOfKey(key: Uint8Array, sealed: Uint8Array): boolean {
  const end = sealed.length - SEAL_BYTES
  return end >= 0 && isAt(sealed, end, keyChecksum(key))
}

function keyChecksum(key: Uint8Array): Uint8Array {
  return crc32c.init().update(key).digest('binary')
}

function checksum(key: Uint8Array, value: Uint8Array): Uint8Array {
  return crc32c.init().update(key).update(value).digest('binary')
}

function isAt(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  return expected.every((byte, i) => bytes[at + i] === byte)
}
