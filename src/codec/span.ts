/**
 * The span walker: checks the form of CBOR bytes (PROTOCOL §2) and finds items in them without decoding.
 * It recurses no deeper than the limit, trusts no length and allocates nothing but what tells the keys of a map apart.
 */

import { BIGNUM_BYTES_MAX, CBOR_NESTING_MAX } from '../limits.js'
import {
  ARGUMENT_BYTES,
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
import { MapKeys } from './map-keys.js'
import { EARLIEST_TIME, LATEST_TIME, parseRfc3339, plainTime } from './time.js'
import { isUtf8, readUtf8 } from './utf8.js'
import { CborError } from './value.js'

/** From `start` to before `end`, in bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * Throws CborError unless `bytes` are exactly one well-formed item. `maxDepth` is how many arrays, maps and tags may
 * lie in each other, the outermost counted: a scalar inside of that many is legal, one more array, map or tag is not,
 * not even an empty one.
 *
 * @example
 * ```ts
 * import { CborError, checkForm } from 'cairn-relay/codec'
 *
 * checkForm(Uint8Array.of(0x81, 0x01))
 * try {
 *   checkForm(Uint8Array.of(0x82, 0x01))
 * } catch (error) {
 *   console.log((error as CborError).code) // length-beyond-input
 * }
 * ```
 */
export function checkForm(bytes: Uint8Array, maxDepth = CBOR_NESTING_MAX): void {
  const end = checkItem(bytes, 0, maxDepth)
  if (end !== bytes.length) throw new CborError('trailing-bytes', end, `${bytes.length - end} bytes after the item`)
}

/** The end of the item that starts at `start` of checked bytes. */
export function itemEnd(bytes: Uint8Array, start: number): number {
  let at = start
  for (let left = 1; left > 0; at = nextItem(bytes, at)) left += childrenOf(bytes, at) - 1
  return at
}

/** How many items the one at `start` of checked bytes is, with all that lies in it; counting ends above `most`. */
export function itemCount(bytes: Uint8Array, start: number, most: number): number {
  let [at, count] = [start, 0]
  for (let left = 1; left > 0 && count <= most; at = nextItem(bytes, at), count++) left += childrenOf(bytes, at) - 1
  return count
}

/** Items directly in the one at `at`. */
function childrenOf(bytes: Uint8Array, at: number): number {
  const major = bytes[at]! >> 5
  if (major === ARRAY) return argumentAt(bytes, at)
  if (major === MAP) return 2 * argumentAt(bytes, at)
  return major === TAG ? 1 : 0
}

/** Where the next item begins: in this one, or behind it. */
function nextItem(bytes: Uint8Array, at: number): number {
  const major = bytes[at]! >> 5
  const content = contentAt(bytes, at)
  return major === BYTES || major === TEXT ? content + argumentAt(bytes, at) : content
}

/** 0 to 7, of the item that starts at `start`. */
export function majorTypeAt(bytes: Uint8Array, start: number): number {
  return bytes[start]! >> 5
}

/** The items of the array at `start` of checked bytes. Throws CborError 'shape' if it is none. */
export function arrayItems(bytes: Uint8Array, start: number): Span[] {
  if (majorTypeAt(bytes, start) !== ARRAY) throw new CborError('shape', start, 'not an array')
  const items: Span[] = []
  let at = contentAt(bytes, start)
  for (let left = argumentAt(bytes, start); left > 0; left--) {
    const end = itemEnd(bytes, at)
    items.push({ start: at, end })
    at = end
  }
  return items
}

/** The content, a view, of the byte string at `start` of checked bytes. Throws CborError 'shape' if it is none. */
export function byteString(bytes: Uint8Array, start: number): Uint8Array {
  if (majorTypeAt(bytes, start) !== BYTES) throw new CborError('shape', start, 'not a byte string')
  return contentOf(bytes, start)
}

// Form

/** `room` is how many arrays, maps and tags may still open here. Returns the end of the item. */
function checkItem(bytes: Uint8Array, at: number, room: number): number {
  const content = checkHead(bytes, at)
  switch (bytes[at]! >> 5) {
    case UNSIGNED:
    case NEGATIVE:
      return content
    case BYTES:
      return checkLength(bytes, at, content)
    case TEXT:
      return checkText(bytes, at, content)
    case ARRAY:
      return checkArray(bytes, at, content, room)
    case MAP:
      return checkMap(bytes, at, content, room)
    case TAG:
      return checkTag(bytes, at, content, room)
    default:
      return checkSimple(bytes, at, content)
  }
}

/** Where the content of the item at `at` begins. Throws CborError if its head is none. */
export function checkHead(bytes: Uint8Array, at: number): number {
  if (at >= bytes.length) throw new CborError('truncated', at, 'the item is cut off')
  const info = bytes[at]! & 0x1f
  const size = ARGUMENT_BYTES[info]!
  if (size < 0) {
    if (info === 31) throw new CborError('indefinite-length', at, 'an indefinite length')
    throw new CborError('reserved-head', at, `a reserved head ${bytes[at]}`)
  }
  const content = at + 1 + size
  if (content > bytes.length) throw new CborError('truncated', at, 'the head is cut off')
  return content
}

/** Where the byte string or text at `at` ends, whose head was checked. Throws CborError if that is beyond the input. */
export function checkLength(bytes: Uint8Array, at: number, content: number): number {
  const length = argumentAt(bytes, at)
  if (length > bytes.length - content)
    throw new CborError('length-beyond-input', at, `a length of ${length} beyond the input`)
  return content + length
}

function checkText(bytes: Uint8Array, at: number, content: number): number {
  const end = checkLength(bytes, at, content)
  if (!isUtf8(bytes, content, end)) throw new CborError('utf8', at, 'a text that is not UTF-8')
  return end
}

function checkArray(bytes: Uint8Array, at: number, content: number, room: number): number {
  const length = checkCount(bytes, at, content, room, 1)
  let next = content
  for (let i = 0; i < length; i++) next = checkItem(bytes, next, room - 1)
  return next
}

/** A container's count: not more items than bytes are left, and room below the depth limit. */
function checkCount(bytes: Uint8Array, at: number, content: number, room: number, bytesPerEntry: number): number {
  if (room === 0) throw new CborError('too-deep', at, 'nested too deep')
  const count = argumentAt(bytes, at)
  if (count * bytesPerEntry > bytes.length - content)
    throw new CborError('length-beyond-input', at, `a count of ${count} beyond the input`)
  return count
}

function checkMap(bytes: Uint8Array, at: number, content: number, room: number): number {
  const count = checkCount(bytes, at, content, room, 2)
  const keys = new MapKeys(bytes)
  let next = content
  for (let i = 0; i < count; i++) {
    const value = checkItem(bytes, next, room - 1)
    keys.add(next)
    next = checkItem(bytes, value, room - 1)
  }
  return next
}

function checkTag(bytes: Uint8Array, at: number, content: number, room: number): number {
  if (room === 0) throw new CborError('too-deep', at, 'nested too deep')
  const tag = argumentAt(bytes, at)
  if (tag > 2) throw new CborError('tag', at, `tag ${integerAt(bytes, at)}`)
  const inner = checkHead(bytes, content)
  if (tag === 0) return checkTextTime(bytes, content, inner)
  if (tag === 1) return checkNumericTime(bytes, content, inner)
  return checkBignum(bytes, content, inner)
}

function checkTextTime(bytes: Uint8Array, at: number, content: number): number {
  if (majorTypeAt(bytes, at) !== TEXT) throw new CborError('time', at, 'tag 0 without a text')
  const end = checkText(bytes, at, content)
  if (textTime(bytes, content, end) === undefined) {
    throw new CborError('time', at, 'tag 0 without an RFC 3339 time')
  }
  return end
}

function checkNumericTime(bytes: Uint8Array, at: number, content: number): number {
  if (numericTime(bytes, at) === undefined)
    throw new CborError('time', at, 'tag 1 without an integer or 64-bit float of the years 0000 to 9999')
  return content
}

/** Whole seconds of the text of a tag 0, from `start` to before `end` of UTF-8, or undefined if it is no time. */
export function textTime(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  return plainTime(bytes, start, end) ?? parseRfc3339(readUtf8(bytes, start, end))
}

/** Whole seconds of a tag 1's content, or undefined if it is none. */
export function numericTime(bytes: Uint8Array, at: number): bigint | undefined {
  const major = majorTypeAt(bytes, at)
  let seconds: bigint | undefined
  if (major === UNSIGNED) seconds = integerAt(bytes, at)
  else if (major === NEGATIVE) seconds = -1n - integerAt(bytes, at)
  else if (bytes[at] === 0xfb) seconds = floorOf(new DataView(bytes.buffer, bytes.byteOffset + at + 1, 8).getFloat64(0))
  return seconds !== undefined && seconds >= EARLIEST_TIME && seconds <= LATEST_TIME ? seconds : undefined
}

function floorOf(value: number): bigint | undefined {
  return Number.isFinite(value) ? BigInt(Math.floor(value)) : undefined
}

function checkBignum(bytes: Uint8Array, at: number, content: number): number {
  if (majorTypeAt(bytes, at) !== BYTES) throw new CborError('bignum', at, 'tag 2 without a byte string')
  const end = checkLength(bytes, at, content)
  const digits = contentOf(bytes, at)
  if (digits.length - leadingZeros(digits) > BIGNUM_BYTES_MAX) {
    throw new CborError('bignum', at, `an integer of more than ${BIGNUM_BYTES_MAX} bytes`)
  }
  return end
}

function checkSimple(bytes: Uint8Array, at: number, content: number): number {
  const first = bytes[at]!
  if (first >= 0xf4 && first <= 0xf7) return content
  if (first >= 0xf9 && first <= 0xfb) throw new CborError('float', at, 'a float')
  throw new CborError('simple', at, `a simple value other than false, true, null and undefined`)
}
