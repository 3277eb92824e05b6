/**
 * What a CBOR item is in this program (RFC 8949 §2; PROTOCOL §2). One type per kind, never "number or bigint by size":
 * integers (major types 0 and 1, and tag 2) are bigint, times (tags 0 and 1) are CborTime, `undefined` is read as null.
 * Maps keep the order in which they were received; the encoder sorts.
 *
 * Tests: test/codec/decode.test.ts, test/codec/encode.test.ts
 */

export type Cbor = bigint | string | boolean | null | Uint8Array | CborTime | readonly Cbor[] | CborMap

/** Keys are integers, texts or byte strings; byte strings are compared by identity here, so look them up by content. */
export type CborMap = ReadonlyMap<CborKey, Cbor>
/** What keys of maps may be. */
export type CborKey = bigint | string | Uint8Array

/**
 * A point in time, whole seconds since 1970-01-01T00:00:00Z; fractions are cut off (towards the past).
 *
 * @example
 * ```ts
 * import { CborTime, encode } from 'cairn-relay/codec/encode'
 *
 * console.log(new TextDecoder().decode(encode(new CborTime(0n)).subarray(2))) // 1970-01-01T00:00:00Z
 * ```
 */
export class CborTime {
  readonly seconds: bigint

  constructor(seconds: bigint) {
    this.seconds = seconds
  }
}

/** What a decoder refuses, by the first rule that is broken. */
export type CborErrorCode =
  | 'truncated'
  | 'trailing-bytes'
  | 'indefinite-length'
  | 'reserved-head'
  | 'length-beyond-input'
  | 'too-deep'
  | 'duplicate-key'
  | 'key-type'
  | 'too-many-keys'
  | 'utf8'
  | 'tag'
  | 'bignum'
  | 'time'
  | 'float'
  | 'simple'
  | 'shape'
  | 'not-deterministic'

/** Bytes that are not one well-formed item as PROTOCOL §2 wants it. `offset` is where in the decoded bytes. */
export class CborError extends Error {
  override readonly name = 'CborError'
  readonly code: CborErrorCode
  readonly offset: number

  constructor(code: CborErrorCode, offset: number, message: string) {
    super(`${message} at byte ${offset}`)
    this.code = code
    this.offset = offset
  }
}
