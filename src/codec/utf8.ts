/**
 * UTF-8 (RFC 3629) inside of CBOR bytes: checked without allocating, read, measured and written.
 *
 * Tests: test/codec/decode.test.ts, test/codec/encode.test.ts
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Up to here (bytes) a loop over the characters is faster than the platform's functions. */
const SHORT_READ = 20
const SHORT_WRITE = 32

/** Whether the bytes between the offsets are UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  while (at < end) {
    if (bytes[at]! < 0x80) {
      at++
      continue
    }
    const size = sequenceLength(bytes, at, end)
    if (size === 0) return false
    at += size
  }
  return true
}

/** The text whose UTF-8, checked, lies between the offsets. A byte order mark is a character like others. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  const text = end - start <= SHORT_READ ? shortAscii(bytes, start, end) : undefined
  return text ?? decoder.decode(bytes.subarray(start, end))
}

/** How many bytes `text` has in UTF-8. Throws RangeError on a lone surrogate. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) length++
    else if (unit < 0xd800 || unit > 0xdfff) length += 2
    else {
      const next = text.charCodeAt(++i)
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) throw new RangeError('a text with a lone surrogate')
      length += 2
    }
  }
  return length
}

/** Writes `text` at `at`; `length` is its utf8Length, and `target` has room for it. */
export function writeUtf8(text: string, length: number, target: Uint8Array, at: number): void {
  if (length === text.length && length <= SHORT_WRITE) {
    for (let i = 0; i < length; i++) target[at + i] = text.charCodeAt(i)
  } else {
    encoder.encodeInto(text, target.subarray(at, at + length))
  }
}

/** Bytewise order of the UTF-8 of two texts, which is the order of their code points: surrogates come after U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const left = a.charCodeAt(i)
    const right = b.charCodeAt(i)
    if (left !== right) return codePointRank(left) - codePointRank(right)
  }
  return a.length - b.length
}

/** Names of fields, ops and collections come often: one that was made is found by its bytes, not made anew. */
const TEXTS_KEPT = 512
const kept: string[] = Array.from({ length: TEXTS_KEPT }, () => '')

/** Undefined if it is not ASCII. */
function shortAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  let mixed = end - start
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    if (byte >= 0x80) return undefined
    mixed = (Math.imul(mixed, 31) + byte) | 0
  }
  const place = (mixed ^ (mixed >>> 9)) & (TEXTS_KEPT - 1)
  const text = kept[place]!
  if (isAscii(bytes, start, end, text)) return text
  // An array of numbers: to spread the bytes themselves takes several times as long.
  const units: number[] = []
  for (let at = start; at < end; at++) units.push(bytes[at]!)
  return (kept[place] = String.fromCharCode(...units))
}

/** Whether the bytes between the offsets are this text, which is ASCII. */
export function isAscii(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text.charCodeAt(i)) return false
  return true
}

/** Orders code units of different code points as the code points: surrogates above the private use area. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit
}

/** Length of the multi-byte sequence at `at` (Unicode, table 3-7), 0 if it is none. */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0xc2 || lead > 0xf4) return 0
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (size > end - at) return 0
  const second = bytes[at + 1]!
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest) return 0
  for (let i = 2; i < size; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return size
}
