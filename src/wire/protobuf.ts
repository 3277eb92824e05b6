/**
 * The Protocol Buffers wire format, as much of it as the envelope needs (https://protobuf.dev/programming-guides/encoding).
 * Frames are read by this and not by the generated code, because what a hostile frame makes the reader allocate has to be
 * bounded: fields are visited in place, and nothing is built for one that nobody asked for.
 */

import { GROUP_NESTING_MAX } from '../limits.js'

export const VARINT = 0
export const LENGTH_DELIMITED = 2

/** A field number with its wire type, as it stands before a field: fieldTag(6, LENGTH_DELIMITED) = 0x32. */
export function fieldTag(field: number, wireType: number): number {
  return field * 8 + wireType
}

/**
 * Walks over the fields of one message: `next()` moves to a field and says whether there is one, `tag` tells which; then
 * at most one of the readers takes its value, `next()` skips it otherwise. Fields of unknown number or of another wire
 * type than expected are ignored that way, as Protocol Buffers want it. Where a field that may stand once stands again,
 * the last one counts; submessages are not merged (no encoder writes that).
 * Everything throws ProtobufError on bytes that are not in the format.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  #position = 0
  #start = 0
  #pending = false
  tag = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  next(): boolean {
    if (this.#pending) this.#skip(this.tag, GROUP_NESTING_MAX)
    this.#pending = this.#position < this.#bytes.length
    if (!this.#pending) return false
    this.#start = this.#position
    this.tag = this.#tag()
    return true
  }

  /** A view of a length-delimited value. */
  bytes(): Uint8Array {
    this.#pending = false
    const length = this.#length()
    return this.#bytes.subarray(this.#position - length, this.#position)
  }

  /** A view of a length-delimited field with its tag and length. */
  field(): Uint8Array {
    this.#pending = false
    this.#length()
    return this.#bytes.subarray(this.#start, this.#position)
  }

  text(): string {
    const bytes = this.bytes()
    try {
      return decoder.decode(bytes)
    } catch (cause) {
      throw new ProtobufError('text that is not UTF-8', { cause })
    }
  }

  uint64(): bigint {
    this.#pending = false
    return BigInt.asUintN(64, this.#varint())
  }

  sint64(): bigint {
    const zigzag = this.uint64()
    return (zigzag >> 1n) ^ -(zigzag & 1n)
  }

  uint32(): number {
    return Number(this.uint64() & 0xffff_ffffn)
  }

  int32(): number {
    return this.uint32() | 0
  }

  /** Skips a length-delimited value and returns its length. */
  #length(): number {
    const length = this.#smallVarint()
    if (length > this.#bytes.length - this.#position) throw new ProtobufError('a length beyond the message')
    this.#position += length
    return length
  }

  #tag(): number {
    const tag = this.#smallVarint()
    if (tag < 8 || tag > 0xffff_ffff) throw new ProtobufError('a field number out of range')
    return tag
  }

  #byte(): number {
    const byte = this.#bytes[this.#position]
    if (byte === undefined) throw new ProtobufError('a message cut off')
    this.#position += 1
    return byte
  }

  /** For tags and lengths: beyond 5 bytes they cannot be in range. */
  #smallVarint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.#byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new ProtobufError('a tag or length of more than 5 bytes')
  }

  #varint(): bigint {
    let low = 0
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte()
      low += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return BigInt(low)
    }
    let high = 0
    for (let i = 0; i < 3; i++) {
      const byte = this.#byte()
      high += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return (BigInt(high) << 49n) | BigInt(low)
    }
    throw new ProtobufError('an integer of more than 10 bytes')
  }

  #skip(tag: number, nesting: number): void {
    switch (tag & 7) {
      case VARINT:
        this.#varint()
        return
      case FIXED_64:
        return this.#advance(8)
      case LENGTH_DELIMITED:
        this.#length()
        return
      case GROUP_START:
        return this.#skipGroup(tag, nesting)
      case FIXED_32:
        return this.#advance(4)
      default:
        throw new ProtobufError('a wire type that does not stand here')
    }
  }

  #skipGroup(start: number, nesting: number): void {
    if (nesting === 0) throw new ProtobufError('groups nested too deep')
    for (;;) {
      const tag = this.#tag()
      if (tag === start - GROUP_START + GROUP_END) return
      this.#skip(tag, nesting - 1)
    }
  }

  #advance(length: number): void {
    if (length > this.#bytes.length - this.#position) throw new ProtobufError('a message cut off')
    this.#position += length
  }
}

/** How many bytes `value` (0 … 2^53−1) takes as a varint. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1
  return length
}

/** Writes `value` (0 … 2^53−1) at `offset`; returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value
  let position = offset
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[position++] = (rest % 128) | 0x80
  target[position++] = rest
  return position
}

/** How many bytes a length-delimited field takes with its tag (field numbers to 15) and length. */
export function fieldLength(length: number): number {
  return 1 + varintLength(length) + length
}

/** Writes tag and length of a length-delimited field (numbers to 15); returns the offset where its bytes go. */
export function writeFieldHead(target: Uint8Array, offset: number, field: number, length: number): number {
  target[offset] = fieldTag(field, LENGTH_DELIMITED)
  return writeVarint(target, offset + 1, length)
}

/** Writes a length-delimited field (numbers to 15); returns the offset behind it. */
export function writeField(target: Uint8Array, offset: number, field: number, bytes: Uint8Array): number {
  const start = writeFieldHead(target, offset, field, bytes.length)
  target.set(bytes, start)
  return start + bytes.length
}

/** `value` (unsigned, 64 bits) as a varint: 1 to 10 bytes. */
export function varint64(value: bigint): Uint8Array {
  if (value <= 0xffff_ffffn) return smallVarint(Number(value))
  const bytes = new Uint8Array(10)
  let length = 0
  let rest = value
  for (; rest >= 128n; rest >>= 7n) bytes[length++] = Number(rest & 0x7fn) | 0x80
  bytes[length++] = Number(rest)
  return bytes.subarray(0, length)
}

/** `value` (signed, 64 bits) folded into an unsigned integer: 0, −1, 1, −2 … become 0, 1, 2, 3 … */
export function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value
}

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

const FIXED_64 = 1
const GROUP_START = 3
const GROUP_END = 4
const FIXED_32 = 5

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function smallVarint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}
