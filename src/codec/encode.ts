/**
 * The deterministic encoding of RFC 8949 §4.2.1: shortest heads, definite lengths, map keys in bytewise order of their
 * encodings. Integers above 2^64−1 are tag 2, times tag 0 (PROTOCOL §2). The length is computed first, then one buffer is written once.
 */

import { compareBytes, toBigEndian } from '../bytes/bytes.js'
import { BIGNUM_BYTES_MAX } from '../limits.js'
import { ARRAY, BYTES, MAP, NEGATIVE, TAG, TEXT, UNSIGNED } from './head.js'
import { formatRfc3339 } from './time.js'
import { CborTime, type Cbor, type CborKey } from './value.js'

/** Bytes that are one encoded item already and are taken as they are. */
export class CborEncoded {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

export type Encodable = Cbor | CborEncoded | readonly Encodable[] | ReadonlyMap<CborKey, Encodable>

/** A fresh array. Throws RangeError for integers outside −2^64 … 2^256−1, equal keys, lone surrogates, times outside the years 0000 to 9999. */
export function encode(value: Encodable): Uint8Array {
  const plan: Plan = { maps: [], next: 0 }
  const writer = new Writer(lengthOf(value, plan), plan)
  writer.item(value)
  return writer.bytes
}

/** Whether `a` comes before `b` (negative), after it, or is equal (0) in a deterministic map. */
export function compareKeys(a: CborKey, b: CborKey): number {
  if (typeof a === 'string' && typeof b === 'string' && a.length < 24 && b.length < 24 && isAscii(a) && isAscii(b)) {
    return a.length - b.length || (a < b ? -1 : Number(a > b))
  }
  return compareBytes(encode(a), encode(b))
}

/** Maps are sorted while lengths are computed; the writer meets them in the same order. */
interface Plan {
  readonly maps: (readonly (readonly [CborKey, Encodable])[])[]
  next: number
}

const TIME_BYTES = 20

function lengthOf(value: Encodable, plan: Plan): number {
  switch (typeof value) {
    case 'bigint':
      return integerLength(value)
    case 'string': {
      const length = utf8Length(value)
      return headLength(length) + length
    }
    case 'boolean':
      return 1
  }
  if (value === null) return 1
  if (value instanceof Uint8Array) return headLength(value.length) + value.length
  if (value instanceof CborTime) return 2 + TIME_BYTES
  if (value instanceof CborEncoded) return value.bytes.length
  if (value instanceof Map) return mapLength(value as ReadonlyMap<CborKey, Encodable>, plan)
  const items = value as readonly Encodable[]
  let length = headLength(items.length)
  for (const item of items) length += lengthOf(item, plan)
  return length
}

function mapLength(map: ReadonlyMap<CborKey, Encodable>, plan: Plan): number {
  const entries = [...map].sort((a, b) => compareKeys(a[0], b[0]))
  plan.maps.push(entries)
  let length = headLength(entries.length)
  for (const [i, [key, item]] of entries.entries()) {
    if (i > 0 && typeof key === 'object' && compareKeys(entries[i - 1]![0], key) === 0) throw new RangeError('a map with two equal keys')
    length += lengthOf(key, plan) + lengthOf(item, plan)
  }
  return length
}

function integerLength(value: bigint): number {
  if (value >= 0n && value < 24n) return 1
  const argument = value < 0n ? -1n - value : value
  if (argument >> 64n === 0n) return headLength(Number(argument))
  if (value < 0n || argument >> BigInt(8 * BIGNUM_BYTES_MAX) !== 0n) throw new RangeError(`no integer of the protocol: ${value}`)
  const digits = Math.ceil(argument.toString(16).length / 2)
  return 1 + headLength(digits) + digits
}

function headLength(argument: number): number {
  return argument < 24 ? 1 : argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : argument < 0x1_0000_0000 ? 5 : 9
}

function utf8Length(text: string): number {
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) length++
    else if (unit < 0x800) length += 2
    else if (unit < 0xd800 || unit > 0xdfff) length += 3
    else {
      const next = text.charCodeAt(++i)
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) throw new RangeError('a text with a lone surrogate')
      length += 4
    }
  }
  return length
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

const utf8Encoder = new TextEncoder()

class Writer {
  readonly bytes: Uint8Array
  private readonly plan: Plan
  private at = 0

  constructor(length: number, plan: Plan) {
    this.bytes = new Uint8Array(length)
    this.plan = plan
  }

  item(value: Encodable): void {
    if (typeof value === 'bigint') this.integer(value)
    else if (typeof value === 'string') this.text(value)
    else if (typeof value === 'boolean') this.bytes[this.at++] = value ? 0xf5 : 0xf4
    else if (value === null) this.bytes[this.at++] = 0xf6
    else if (value instanceof Uint8Array) this.string(BYTES, value)
    else if (value instanceof CborTime) this.time(value)
    else if (value instanceof CborEncoded) this.raw(value.bytes)
    else if (value instanceof Map) this.map()
    else this.array(value as readonly Encodable[])
  }

  private integer(value: bigint): void {
    const major = value < 0n ? NEGATIVE : UNSIGNED
    const argument = value < 0n ? -1n - value : value
    if (argument < 0x1_0000_0000n) this.head(major, Number(argument))
    else if (argument >> 64n === 0n) {
      this.bytes[this.at++] = (major << 5) | 27
      this.raw(toBigEndian(argument, 8))
    } else {
      this.head(TAG, 2)
      this.string(BYTES, toBigEndian(argument))
    }
  }

  private text(text: string): void {
    const short = text.length < 24
    const start = this.at + 1
    if (short) {
      let at = start
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        if (unit >= 0x80) break
        this.bytes[at++] = unit
      }
      if (at - start === text.length) {
        this.bytes[this.at] = (TEXT << 5) | text.length
        this.at = at
        return
      }
    }
    const length = utf8Length(text)
    this.head(TEXT, length)
    this.at += utf8Encoder.encodeInto(text, this.bytes.subarray(this.at)).written
  }

  private time(value: CborTime): void {
    this.head(TAG, 0)
    this.text(formatRfc3339(value.seconds))
  }

  private array(items: readonly Encodable[]): void {
    this.head(ARRAY, items.length)
    for (const item of items) this.item(item)
  }

  private map(): void {
    const entries = this.plan.maps[this.plan.next++]!
    this.head(MAP, entries.length)
    for (const [key, item] of entries) {
      this.item(key)
      this.item(item)
    }
  }

  private string(major: number, content: Uint8Array): void {
    this.head(major, content.length)
    this.raw(content)
  }

  private raw(content: Uint8Array): void {
    this.bytes.set(content, this.at)
    this.at += content.length
  }

  /** `argument` below 2^53. */
  private head(major: number, argument: number): void {
    const size = headLength(argument) - 1
    const info = size === 0 ? argument : 23 + (size === 1 ? 1 : size === 2 ? 2 : size === 4 ? 3 : 4)
    this.bytes[this.at++] = (major << 5) | info
    let rest = argument
    for (let i = size - 1; i >= 0; i--) {
      this.bytes[this.at + i] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.at += size
  }
}
