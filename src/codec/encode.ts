/**
 * The deterministic encoding of RFC 8949 §4.2.1: shortest heads, definite lengths, map keys in bytewise order of their
 * encodings. Integers above 2^64−1 are tag 2, times tag 0 (PROTOCOL §2). The length is computed first, then one buffer
 * is written once.
 */

import { AssertionError } from '../assert.js'
import { compareBytes, toBigEndian, writeBe64 } from '../bytes/bytes.js'
import { BIGNUM_BYTES_MAX } from '../limits.js'
import { ARRAY, BYTES, MAP, NEGATIVE, TAG, TEXT, UNSIGNED } from './head.js'
import { formatRfc3339 } from './time.js'
import { compareUtf8, utf8Length, writeUtf8 } from './utf8.js'
import { CborTime, type Cbor, type CborKey } from './value.js'

export { CborTime, type Cbor, type CborKey, type CborMap } from './value.js'

/**
 * Bytes that are one encoded item already and are taken as they are.
 *
 * @example
 * ```ts
 * import { CborEncoded, encode } from 'cairn-relay/codec/encode'
 *
 * const part = encode('a')
 * console.log(encode([new CborEncoded(part), 1n])) // Uint8Array(4) [ 130, 97, 97, 1 ]
 * ```
 */
export class CborEncoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** What there are bytes for: values, lists and Maps of them, and what is encoded already. */
export type Encodable = Cbor | CborEncoded | readonly Encodable[] | ReadonlyMap<CborKey, Encodable>

/**
 * A fresh array. Throws RangeError for integers outside −2^64 … 2^256−1, equal keys, lone surrogates, times outside the
 * years 0000 to 9999.
 *
 * @example
 * ```ts
 * import { encode } from 'cairn-relay/codec/encode'
 *
 * console.log(encode(new Map([['b', 1n], ['a', 2n]])).join(' ')) // 162 97 97 2 97 98 1
 * ```
 */
export function encode(value: Encodable): Uint8Array {
  if (typeof value === 'bigint' && value >= 0n && value < LONG_FROM) return shortUnsigned(Number(value))
  return encodeIn(NO_ROOM, 0, value)
}

const LONG_FROM = 0x1_0000_0000n

/** What most lone items are, without a plan of it. */
function shortUnsigned(value: number): Uint8Array {
  const bytes = new Uint8Array(headLength(value))
  bytes[0] = value < 24 ? value : 23 + SIZES.indexOf(bytes.length)
  for (let at = bytes.length - 1, left = value; at > 0; at--, left >>>= 8) bytes[at] = left
  return bytes
}

/** Of heads, by the number that tells of it. */
const SIZES: readonly number[] = [1, 2, 3, 5]

const NO_ROOM = new Uint8Array(0)

/**
 * The same as a view of `room` from `at` on, and a fresh array where it is too small: many short items in one buffer.
 *
 * @example
 * ```ts
 * import { encodeIn } from 'cairn-relay/codec/encode'
 *
 * const room = new Uint8Array(4)
 * console.log(encodeIn(room, 1, 'a').byteOffset, room) // 1 Uint8Array(4) [ 0, 97, 97, 0 ]
 * ```
 */
export function encodeIn(room: Uint8Array, at: number, value: Encodable): Uint8Array {
  const plan: Plan = { keys: [], next: 0 }
  const length = lengthOf(value, plan)
  const isRoom = at + length <= room.length
  const writer = new Writer(isRoom ? room.subarray(at, at + length) : new Uint8Array(length), plan)
  writer.item(value)
  return writer.bytes
}

/**
 * Below zero if `a` comes before `b` in a deterministic map, above if after it, 0 if they are equal. Throws RangeError
 * on a lone surrogate.
 *
 * @example
 * ```ts
 * import { compareKeys } from 'cairn-relay/codec/encode'
 *
 * console.log(compareKeys('b', 'aa') < 0) // true
 * ```
 */
export function compareKeys(a: CborKey, b: CborKey): number {
  if (typeof a === 'string' && typeof b === 'string') return utf8Length(a) - utf8Length(b) || compareUtf8(a, b)
  const major = majorTypeOf(a)
  if (major !== majorTypeOf(b)) return major - majorTypeOf(b)
  if (typeof a === 'object' && typeof b === 'object') return a.length - b.length || compareBytes(a, b)
  if (a === b) return 0
  return a < b === (major !== NEGATIVE) ? -1 : 1
}

/**
 * How many bytes the shortest head with this argument (0 … 2^53−1) has.
 *
 * @example
 * ```ts
 * import { headLength } from 'cairn-relay/codec/encode'
 *
 * console.log(headLength(23), headLength(24)) // 1 2
 * ```
 */
export function headLength(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9
}

/** Keys of maps are sorted while lengths are computed; the writer meets the maps in the same order. */
interface Plan {
  readonly keys: (readonly CborKey[])[]
  next: number
}

const TIME_BYTES = 20

function lengthOf(value: Encodable, plan: Plan): number {
  if (typeof value === 'string') return textLength(value)
  if (typeof value === 'bigint') return integerLength(value)
  if (typeof value === 'boolean' || value === null) return 1
  if (value instanceof Map) return mapLength(value as ReadonlyMap<CborKey, Encodable>, plan)
  if (Array.isArray(value)) return arrayLength(value as readonly Encodable[], plan)
  if (value instanceof Uint8Array) return headLength(value.length) + value.length
  if (value instanceof CborTime) return 2 + TIME_BYTES
  if (value instanceof CborEncoded) return value.bytes.length
  throw new AssertionError(`bug: ${typeof value} is no CBOR value`)
}

function textLength(text: string): number {
  const length = utf8Length(text)
  return headLength(length) + length
}

function arrayLength(items: readonly Encodable[], plan: Plan): number {
  let length = headLength(items.length)
  for (const item of items) length += lengthOf(item, plan)
  return length
}

function mapLength(map: ReadonlyMap<CborKey, Encodable>, plan: Plan): number {
  const keys = [...map.keys()]
  sortKeys(keys)
  plan.keys.push(keys)
  let length = headLength(keys.length)
  for (const key of keys) length += lengthOf(key, plan) + lengthOf(map.get(key)!, plan)
  return length
}

/** Up to here inserting is faster than the platform's sort. */
const FEW_KEYS = 16

/** Throws RangeError if two are equal. */
function sortKeys(keys: CborKey[]): void {
  if (keys.length > FEW_KEYS) keys.sort(compareKeys)
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let place = i
    for (; place > 0; place--) {
      const order = compareKeys(keys[place - 1]!, key)
      if (order === 0) throw new RangeError('a map with two equal keys')
      if (order < 0) break
      keys[place] = keys[place - 1]!
    }
    keys[place] = key
  }
}

/** The first bits of the key's encoding, which order keys of different types; integers above 2^64−1 are tag 2. */
function majorTypeOf(key: CborKey): number {
  if (typeof key === 'string') return TEXT
  if (typeof key === 'object') return BYTES
  return key < 0n ? NEGATIVE : key >> 64n === 0n ? UNSIGNED : TAG
}

function integerLength(value: bigint): number {
  const argument = value < 0n ? -1n - value : value
  const approximate = Number(argument)
  if (approximate < 0x1_0000_0000) return headLength(approximate)
  if (argument >> 64n === 0n) return 9
  if (value < 0n || argument >> BigInt(8 * BIGNUM_BYTES_MAX) !== 0n) {
    throw new RangeError(`an integer outside of −2^64 to 2^256−1: ${value}`)
  }
  const digits = Math.ceil(argument.toString(16).length / 2)
  return 1 + headLength(digits) + digits
}

class Writer {
  readonly bytes: Uint8Array
  private readonly plan: Plan
  private at = 0

  constructor(bytes: Uint8Array, plan: Plan) {
    this.bytes = bytes
    this.plan = plan
  }

  item(value: Encodable): void {
    if (typeof value === 'string') this.text(value)
    else if (typeof value === 'bigint') this.integer(value)
    else if (typeof value === 'boolean') this.bytes[this.at++] = value ? 0xf5 : 0xf4
    else if (value === null) this.bytes[this.at++] = 0xf6
    else if (value instanceof Map) this.map(value as ReadonlyMap<CborKey, Encodable>)
    else if (Array.isArray(value)) this.array(value as readonly Encodable[])
    else if (value instanceof Uint8Array) this.byteString(value)
    else if (value instanceof CborTime) this.time(value)
    else this.raw((value as CborEncoded).bytes)
  }

  private integer(value: bigint): void {
    const major = value < 0n ? NEGATIVE : UNSIGNED
    const argument = value < 0n ? -1n - value : value
    const approximate = Number(argument)
    if (approximate < 0x1_0000_0000) this.head(major, approximate)
    else if (argument >> 64n === 0n) {
      this.bytes[this.at] = (major << 5) | 27
      writeBe64(this.bytes, this.at + 1, argument)
      this.at += 9
    } else {
      this.head(TAG, 2)
      this.byteString(toBigEndian(argument))
    }
  }

  private text(text: string): void {
    const length = utf8Length(text)
    this.head(TEXT, length)
    writeUtf8(text, length, this.bytes, this.at)
    this.at += length
  }

  private time(value: CborTime): void {
    this.head(TAG, 0)
    this.text(formatRfc3339(value.seconds))
  }

  private array(items: readonly Encodable[]): void {
    this.head(ARRAY, items.length)
    for (const item of items) this.item(item)
  }

  private map(map: ReadonlyMap<CborKey, Encodable>): void {
    const keys = this.plan.keys[this.plan.next++]!
    this.head(MAP, keys.length)
    for (const key of keys) {
      this.item(key)
      this.item(map.get(key)!)
    }
  }

  private byteString(content: Uint8Array): void {
    this.head(BYTES, content.length)
    this.raw(content)
  }

  private raw(content: Uint8Array): void {
    this.bytes.set(content, this.at)
    this.at += content.length
  }

  /** `argument` below 2^32. */
  private head(major: number, argument: number): void {
    const { bytes } = this
    const first = major << 5
    if (argument < 24) bytes[this.at++] = first | argument
    else if (argument < 0x100) {
      bytes[this.at++] = first | 24
      bytes[this.at++] = argument
    } else if (argument < 0x1_0000) {
      bytes[this.at++] = first | 25
      bytes[this.at++] = argument >> 8
      bytes[this.at++] = argument
    } else {
      bytes[this.at++] = first | 26
      bytes[this.at++] = argument >>> 24
      bytes[this.at++] = argument >> 16
      bytes[this.at++] = argument >> 8
      bytes[this.at++] = argument
    }
  }
}
