/**
 * Content identifiers of raw bytes (PROTOCOL §13): version 1, raw, SHA-256, base32. Whoever has the hash has the name.
 *
 * Tests: test/relay/blobs/cid.test.ts
 */

import { concatBytes, fromBigEndian } from './bytes.js'

const RAW_SHA256_V1 = new Uint8Array([0x01, 0x55, 0x12, 0x20])
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** The version 1 identifier of raw bytes by their SHA-256 (32 bytes): `bafkrei…`, 59 characters. */
export function rawCidOf(hash: Uint8Array): string {
  // 36 bytes are 57 digits of 5 bits and 3 bits more, which base32 fills up with zeros.
  let value = fromBigEndian(concatBytes(RAW_SHA256_V1, hash)) << 2n
  let text = ''
  for (let digit = 0; digit < 58; digit++, value >>= 5n) text = BASE32[Number(value & 31n)]! + text
  return `b${text}`
}

/**
 * Whether `text` is the identifier of raw bytes by their SHA-256: 4 bytes of head, 32 of hash, and zeros to fill up.
 */
export function isRawCid(text: string): boolean {
  return /^bafkrei[a-h][a-z2-7]{50}[aeimquy4]$/u.test(text)
}
