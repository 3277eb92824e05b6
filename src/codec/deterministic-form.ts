/**
 * The deterministic encoding (RFC 8949 §4.2.1; PROTOCOL §2) as a demand: bytes in any other form are refused, although
 * they hold the same value. For proofs, whose bytes are hashed or counted. Nothing is decoded, so that a check takes no
 * memory to speak of, and no length is trusted.
 */

import { compareBytes } from '../bytes/bytes.js'
import { CBOR_NESTING_MAX } from '../limits.js'
import {
  argumentAt,
  ARRAY,
  BYTES,
  contentAt,
  contentOf,
  integerAt,
  leadingZeros,
  MAP,
  NEGATIVE,
  TAG,
  TEXT,
  UNSIGNED,
} from './head.js'
import { checkForm, checkHead, checkLength, itemEnd } from './span.js'
import { formatRfc3339, parseRfc3339 } from './time.js'
import { isUtf8, readUtf8 } from './utf8.js'
import { CborError } from './value.js'

/** Throws CborError unless `bytes` are what `encode` makes of their value. `maxDepth` as for checkForm. */
export function checkDeterministic(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): void {
  if (maxDepth >= PLAIN_DEPTH_MAX && plainEnd(bytes, 0, PLAIN_DEPTH_MAX) === bytes.length) return
  checkForm(bytes, maxDepth)
  checkItem(bytes, 0)
}

/** How deep what is plain may nest. */
const PLAIN_DEPTH_MAX = 8
const NOT_PLAIN = -1

/**
 * The end of the item at `at` if it is what most objects are, in its one form: integers below 2^32, ASCII, byte
 * strings, true, false, null, arrays, and maps by ASCII keys, not deep. In one walk, and NOT_PLAIN of all else, right
 * or wrong: the two walks after it tell.
 */
function plainEnd(bytes: Uint8Array, at: number, room: number): number {
  const first = bytes[at]
  if (first === undefined) return NOT_PLAIN
  const major = first >> 5
  if (major === 7) return first >= 0xf4 && first <= 0xf6 ? at + 1 : NOT_PLAIN
  const info = first & 0x1f
  if (info > 26 || major === TAG) return NOT_PLAIN
  const content = at + 1 + (info < 24 ? 0 : 1 << (info - 24))
  if (content > bytes.length) return NOT_PLAIN
  const argument = argumentAt(bytes, at)
  if (info >= 24 && argument < SMALLEST_ARGUMENTS[info - 24]!) return NOT_PLAIN
  if (major === UNSIGNED || major === NEGATIVE) return content
  if (argument > bytes.length - content) return NOT_PLAIN
  if (major === BYTES) return content + argument
  if (major === TEXT) return asciiEnd(bytes, content, content + argument)
  if (room === 0) return NOT_PLAIN
  return major === ARRAY
    ? plainItemsEnd(bytes, content, argument, room - 1)
    : plainMapEnd(bytes, content, argument, room - 1)
}

function asciiEnd(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) if (bytes[i]! >= 0x80) return NOT_PLAIN
  return end
}

function plainItemsEnd(bytes: Uint8Array, at: number, count: number, room: number): number {
  let end = at
  for (let left = count; left > 0 && end !== NOT_PLAIN; left--) end = plainEnd(bytes, end, room)
  return end
}

function plainMapEnd(bytes: Uint8Array, at: number, count: number, room: number): number {
  let before = NOT_PLAIN
  let key = at
  for (let left = count; left > 0; left--) {
    if (bytes[key]! >> 5 !== TEXT) return NOT_PLAIN
    const value = plainEnd(bytes, key, room)
    if (value === NOT_PLAIN || (before !== NOT_PLAIN && !isBefore(bytes, before, key, value))) return NOT_PLAIN
    before = key
    key = plainEnd(bytes, value, room)
    if (key === NOT_PLAIN) return NOT_PLAIN
  }
  return key
}

/** Whether the key at `before` comes before the one that ends at `end`: neither begins with the other. */
function isBefore(bytes: Uint8Array, before: number, key: number, end: number): boolean {
  for (let i = key; i < end; i++) {
    const difference = bytes[i]! - bytes[before + i - key]!
    if (difference !== 0) return difference > 0
  }
  return false
}

/** Of bytes whose form was checked. Returns the end of the item. */
function checkItem(bytes: Uint8Array, at: number): number {
  const major = bytes[at]! >> 5
  const content = contentAt(bytes, at)
  if (major === 7) {
    if (bytes[at] === 0xf7) throw notDeterministic(at, 'undefined, which is written as null')
    return content
  }
  requireShortest(bytes, at)
  if (major === ARRAY) return checkItems(bytes, content, argumentAt(bytes, at))
  if (major === MAP) return checkMap(bytes, content, argumentAt(bytes, at))
  if (major === TAG) return checkTagged(bytes, at, content)
  return itemEnd(bytes, at)
}

function checkItems(bytes: Uint8Array, start: number, count: number): number {
  let at = start
  for (let i = 0; i < count; i++) at = checkItem(bytes, at)
  return at
}

function checkMap(bytes: Uint8Array, start: number, count: number): number {
  let before: Uint8Array | undefined
  let at = start
  for (let i = 0; i < count; i++) {
    const end = checkItem(bytes, at)
    const key = bytes.subarray(at, end)
    if (before !== undefined && compareBytes(before, key) >= 0) throw notDeterministic(at, 'a map key out of order')
    before = key
    at = checkItem(bytes, end)
  }
  return at
}

/** Integers from 2^64 on, without leading zeros; times as texts in whole seconds and UTC. */
function checkTagged(bytes: Uint8Array, at: number, content: number): number {
  const tag = argumentAt(bytes, at)
  if (tag === 1) throw notDeterministic(at, 'a time as a number')
  requireShortest(bytes, content)
  const end = itemEnd(bytes, content)
  if (tag === 2) {
    const digits = contentOf(bytes, content)
    if (digits.length <= 8 || leadingZeros(digits) > 0) throw notDeterministic(at, 'an integer in longer form')
  } else {
    const text = readUtf8(bytes, contentAt(bytes, content), end)
    const seconds = parseRfc3339(text)
    if (seconds === undefined || formatRfc3339(seconds) !== text) throw notDeterministic(at, 'a time in another form')
  }
  return end
}

/** Of heads with an argument of 1, 2, 4 and 8 bytes. */
const SMALLEST_ARGUMENTS: readonly number[] = [24, 0x100, 0x1_0000, 0x1_0000_0000]

function requireShortest(bytes: Uint8Array, at: number): void {
  const info = bytes[at]! & 0x1f
  if (info >= 24 && argumentAt(bytes, at) < SMALLEST_ARGUMENTS[info - 24]!)
    throw notDeterministic(at, 'a head in longer form')
}

/**
 * Reads the items of bytes one by one, in the order in which their schema has them, each in its one deterministic form.
 * All methods throw CborError: 'shape' where another item stands, another code where there is none or in another form.
 */
export class DeterministicReader {
  private readonly input: Uint8Array
  private at = 0

  /** Bytes that may come from anybody; they are kept, not copied. */
  constructor(input: Uint8Array) {
    this.input = input
  }

  /** Of the next item, 0 to 7; undefined behind the last one. */
  get majorType(): number | undefined {
    const first = this.input[this.at]
    return first === undefined ? undefined : first >> 5
  }

  /** How many items the array has: not more than bytes are left. */
  array(): number {
    return this.count(ARRAY, 'an array', 1)
  }

  /** How many entries the map has. Its keys are the caller's to read, in deterministic order. */
  map(): number {
    return this.count(MAP, 'a map', 2)
  }

  /** 0 … 2^64−1. */
  uint(): bigint {
    const start = this.at
    this.at = this.head(UNSIGNED, 'an unsigned integer below 2^64')
    return integerAt(this.input, start)
  }

  /** A view. */
  bytes(): Uint8Array {
    const start = this.at
    this.at = checkLength(this.input, start, this.head(BYTES, 'a byte string'))
    return contentOf(this.input, start)
  }

  text(): string {
    const start = this.at
    const content = this.head(TEXT, 'a text')
    const end = checkLength(this.input, start, content)
    if (!isUtf8(this.input, content, end)) throw new CborError('utf8', start, 'a text that is not UTF-8')
    this.at = end
    return readUtf8(this.input, content, end)
  }

  /** Whether the next item is this text, of less than 24 ASCII characters, which is then taken. */
  takeText(text: string): boolean {
    const start = this.at + 1
    if (this.input[this.at] !== ((TEXT << 5) | text.length)) return false
    for (let i = 0; i < text.length; i++) if (this.input[start + i] !== text.charCodeAt(i)) return false
    this.at = start + text.length
    return true
  }

  /** Whether the next item is null, which is then taken. */
  takeNull(): boolean {
    if (this.input[this.at] !== 0xf6) return false
    this.at++
    return true
  }

  /** The next item if it is true or false, which is then taken. */
  takeBool(): boolean | undefined {
    const first = this.input[this.at]
    if (first !== 0xf4 && first !== 0xf5) return undefined
    this.at++
    return first === 0xf5
  }

  /** Throws CborError if bytes are left. */
  end(): void {
    const left = this.input.length - this.at
    if (left > 0) throw new CborError('trailing-bytes', this.at, `${left} bytes after the item`)
  }

  private count(major: number, what: string, bytesPerEntry: number): number {
    const start = this.at
    const content = this.head(major, what)
    const count = argumentAt(this.input, start)
    if (count * bytesPerEntry > this.input.length - content)
      throw new CborError('length-beyond-input', start, `a count of ${count} beyond the input`)
    this.at = content
    return count
  }

  /** Where the content of the next item begins, which is of this major type. */
  private head(major: number, what: string): number {
    const first = this.input[this.at]
    if (first !== undefined && first >> 5 === major && (first & 0x1f) < 24) return this.at + 1
    const content = checkHead(this.input, this.at)
    if (this.majorType !== major) throw new CborError('shape', this.at, `not ${what}`)
    requireShortest(this.input, this.at)
    return content
  }
}

function notDeterministic(at: number, what: string): CborError {
  return new CborError('not-deterministic', at, what)
}
