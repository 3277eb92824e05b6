/**
 * The head of a CBOR item: major type and argument (RFC 8949 §3), and the contents that follow from it without a walk.
 * All functions take bytes that were checked as far as they read.
 *
 * Tests: test/codec/decode.test.ts, test/codec/span.test.ts
 */

import { fromBigEndian } from '../bytes/bytes.js'

export const UNSIGNED = 0
export const NEGATIVE = 1
export const BYTES = 2
export const TEXT = 3
export const ARRAY = 4
export const MAP = 5
export const TAG = 6

/** Bytes of the argument behind the first byte, by the low five bits; reserved and indefinite ones are −1. */
export const ARGUMENT_BYTES: readonly number[] = Array.from({ length: 32 }, (_, info) =>
  info < 24 ? 0 : info < 28 ? 1 << (info - 24) : -1,
)

/** The argument of the head at `at`. Exact up to 2^53, rounded above. */
export function argumentAt(bytes: Uint8Array, at: number): number {
  const info = bytes[at]! & 0x1f
  if (info < 24) return info
  let value = 0
  for (let i = 1; i <= ARGUMENT_BYTES[info]!; i++) value = value * 256 + bytes[at + i]!
  return value
}

const SMALL_INTEGERS: readonly bigint[] = Array.from({ length: 24 }, (_, value) => BigInt(value))

/** The argument as an exact integer. */
export function integerAt(bytes: Uint8Array, at: number): bigint {
  const info = bytes[at]! & 0x1f
  if (info < 24) return SMALL_INTEGERS[info]!
  if (info !== 27) return BigInt(argumentAt(bytes, at))
  let high = 0
  let low = 0
  for (let i = 1; i <= 4; i++) {
    high = high * 256 + bytes[at + i]!
    low = low * 256 + bytes[at + 4 + i]!
  }
  if (high < 0x20_0000) return BigInt(high * 0x1_0000_0000 + low)
  return (BigInt(high) << 32n) | BigInt(low)
}

/** Where the content behind the head at `at` begins. */
export function contentAt(bytes: Uint8Array, at: number): number {
  return at + 1 + ARGUMENT_BYTES[bytes[at]! & 0x1f]!
}

/** A view of the content of the byte string at `at`: a plain Uint8Array whatever class `bytes` have. */
export function contentOf(bytes: Uint8Array, at: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + contentAt(bytes, at), argumentAt(bytes, at))
}

/** The integer of a tag 2, whose byte string is at `at`. */
export function bignumAt(bytes: Uint8Array, at: number): bigint {
  const digits = contentOf(bytes, at)
  return fromBigEndian(digits.subarray(leadingZeros(digits)))
}

export function leadingZeros(bytes: Uint8Array): number {
  let zeros = 0
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++
  return zeros
}
