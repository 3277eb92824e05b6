/**
 * What both implementations of `#signature` check before they calculate: the form of r‖s‖v (EIP-2, PROTOCOL §4); and
 * which numbers are secret keys.
 *
 * Tests: test/bytes/signature.test.ts
 */

import { compareBytes, fromBigEndian, isAllZero, toBigEndian } from './bytes.js'

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
/** Both as 32 bytes, to compare as bytes: integers made of a signature cost more than the rest of the check. */
const [ORDER, HALF_ORDER] = [CURVE_ORDER, CURVE_ORDER / 2n].map((number) => toBigEndian(number, 32)) as [
  Uint8Array,
  Uint8Array,
]

export interface Recoverable {
  /** r‖s, 64 bytes, a view. */
  readonly rs: Uint8Array
  readonly recovery: 0 | 1
}

/** The parts of a 65-byte signature, or undefined if r or s is out of range, s is high or v is none of 0, 1, 27, 28. */
export function recoverable(signature: Uint8Array): Recoverable | undefined {
  exactly(signature, 65, 'signature')
  const v = signature[64]!
  const recovery = v >= 27 ? v - 27 : v
  if (recovery !== 0 && recovery !== 1) return undefined
  const s = signature.subarray(32, 64)
  if (!isScalar(signature.subarray(0, 32)) || isAllZero(s) || compareBytes(s, HALF_ORDER) > 0) return undefined
  return { rs: signature.subarray(0, 64), recovery }
}

/** Whether 32 bytes are a number that can be a secret key: above 0 and below the curve's order. */
export function isSecretKey(bytes: Uint8Array): boolean {
  exactly(bytes, 32, 'secret key')
  return isScalar(bytes)
}

function isScalar(bytes: Uint8Array): boolean {
  return !isAllZero(bytes) && compareBytes(bytes, ORDER) < 0
}

/**
 * A digest of 32 bytes as a number below n, of which RFC 6979 (§2.3.4) makes the nonce: some libsecp256k1 take its
 * bytes as they are. One digest of 2^128 is changed.
 */
export function belowOrder(digest: Uint8Array): Uint8Array {
  return compareBytes(digest, ORDER) < 0 ? digest : toBigEndian(fromBigEndian(digest) - CURVE_ORDER, 32)
}

/** 65 bytes r‖s‖v with v 27 or 28. */
export function signatureBytes(rs: Uint8Array, recovery: number): Uint8Array {
  const signature = new Uint8Array(65)
  signature.set(rs)
  signature[64] = 27 + recovery
  return signature
}

/** Throws RangeError unless `bytes` has `length` bytes. */
export function exactly(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what} has ${bytes.length} bytes, not ${length}`)
}
