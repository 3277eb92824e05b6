/**
 * CRC-32C (Castagnoli) over each stored row: bits that rot on disk, and rows that stand under another row's key, are
 * noticed when they are read.
 *
 * Tests: test/store/checksum.test.ts
 */

import { createCRC32 } from 'hash-wasm'

const CHECKSUM_BYTES = 4

const CASTAGNOLI_REVERSED = 0x82f63b78
const crc32c = await createCRC32(CASTAGNOLI_REVERSED)

/** `value` ‖ CRC-32C(`key` ‖ `value`), a fresh array. */
export function seal(key: Uint8Array, value: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(value.length + CHECKSUM_BYTES)
  sealed.set(value)
  sealed.set(checksum(key, value), value.length)
  return sealed
}

/** The value as a view; undefined if the checksum is not that of this key and value. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const end = sealed.length - CHECKSUM_BYTES
  if (end < 0) return undefined
  const value = sealed.subarray(0, end)
  const expected = checksum(key, value)
  for (let i = 0; i < CHECKSUM_BYTES; i++) if (sealed[end + i] !== expected[i]) return undefined
  return value
}

/** 4 bytes, big endian. */
function checksum(key: Uint8Array, value: Uint8Array): Uint8Array {
  return crc32c.init().update(key).update(value).digest('binary')
}
