/**
 * The Protocol Buffers wire format, as much of it as the envelope needs
 * (https://protobuf.dev/programming-guides/encoding). What a hostile frame makes the reader allocate is bounded: fields
 * are visited in place, and nothing is built for one that nobody asked for.
 *
 * Tests: test/wire/envelope.test.ts
 */

import { GROUP_NESTING_MAX } from '../limits.js'

export const VARINT = 0
export const LENGTH_DELIMITED = 2

/** A field number with its wire type, as it stands before a field: fieldTag(6, LENGTH_DELIMITED) = 0x32. */
export function fieldTag(field: number, wireType: number): number {
  return field * 8 + wireType
}

/**
 * Walks over the fields of one message: `next()` moves to a field and says whether there is one, `tag` tells which;
 * then at most one of the readers takes its value, `next()` skips it otherwise. Fields of unknown number or of another
 * wire type than expected are ignored that way, as Protocol Buffers want it. Where a field that may stand once stands
 * again, the last one counts; submessages are not merged (no encoder writes that). Everything throws ProtobufError on
 * bytes that are not in the format.
 */
export class ProtobufReader {
  private readonly buffer: Uint8Array
  private readonly end: number
  private position: number
  private start: number
  private pending = false
  private high = 0
  tag = 0

  /** Of the message that `bytes` hold from `start` up to `end`. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.buffer = bytes
    this.position = this.start = start
    this.end = end
  }

  next(): boolean {
    if (this.pending) this.skip(this.tag, GROUP_NESTING_MAX)
    this.pending = this.position < this.end
    if (!this.pending) return false
    this.start = this.position
    this.tag = this.lastTag()
    return true
  }

  /** A view of a length-delimited value. */
  bytes(): Uint8Array {
    this.pending = false
    const length = this.length()
    return this.buffer.subarray(this.position - length, this.position)
  }

  /** Of the message that a length-delimited value is. */
  message(): ProtobufReader {
    this.pending = false
    const length = this.length()
    return new ProtobufReader(this.buffer, this.position - length, this.position)
  }

  /** A view of a length-delimited field with its tag and length. */
  field(): Uint8Array {
    this.pending = false
    this.length()
    return this.buffer.subarray(this.start, this.position)
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
    this.pending = false
    const low = this.varint()
    return this.high === 0 ? BigInt(low) : this.wide(low)
  }

  sint64(): bigint {
    this.pending = false
    const low = this.varint()
    if (this.high === 0) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    const zigzag = this.wide(low)
    return (zigzag >> 1n) ^ -(zigzag & 1n)
  }

  uint32(): number {
    this.pending = false
    return this.varint() % 0x1_0000_0000
  }

  int32(): number {
    return this.uint32() | 0
  }

  /** Skips a length-delimited value and returns its length. */
  private length(): number {
    const length = this.smallVarint()
    if (length > this.end - this.position) throw new ProtobufError('a length beyond the message')
    this.position += length
    return length
  }

  private lastTag(): number {
    const tag = this.smallVarint()
    if (tag < 8 || tag > 0xffff_ffff) throw new ProtobufError('a field number out of range')
    return tag
  }

  private byte(): number {
    if (this.position >= this.end) throw new ProtobufError('a message cut off')
    return this.buffer[this.position++]!
  }

  /** For tags and lengths: beyond 5 bytes they cannot be in range. */
  private smallVarint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new ProtobufError('a tag or length of more than 5 bytes')
  }

  /** An integer's lower 49 bits; what lies above is in high. */
  private varint(): number {
    this.high = 0
    let low = 0
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.byte()
      low += (byte & 0x7f) * scale
      if (byte < 0x80) return low
    }
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.byte()
      this.high |= (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (this.high >= 2 ** 15) throw new ProtobufError('an integer of more than 64 bits')
      return low
    }
    throw new ProtobufError('an integer of more than 10 bytes')
  }

  private wide(low: number): bigint {
    return BigInt.asUintN(64, (BigInt(this.high) << 49n) | BigInt(low))
  }

  private skip(tag: number, nesting: number): void {
    switch (tag & 7) {
      case VARINT:
        this.varint()
        return
      case FIXED_64:
        return this.advance(8)
      case LENGTH_DELIMITED:
        this.length()
        return
      case GROUP_START:
        return this.skipGroup(tag, nesting)
      case FIXED_32:
        return this.advance(4)
      default:
        throw new ProtobufError('a wire type that does not stand here')
    }
  }

  private skipGroup(start: number, nesting: number): void {
    if (nesting === 0) throw new ProtobufError('groups nested too deep')
    for (;;) {
      const tag = this.lastTag()
      if (tag === start - GROUP_START + GROUP_END) return
      this.skip(tag, nesting - 1)
    }
  }

  private advance(length: number): void {
    if (length > this.end - this.position) throw new ProtobufError('a message cut off')
    this.position += length
  }
}

/** How many bytes `value` (0 … 2^53−1) takes as a varint. */
export function varintLength(value: number): number {
  let length = 1
  let rest = value
  for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) length += 1
  for (; rest >= 128; rest >>>= 7) length += 1
  return length
}

/** Writes `value` (0 … 2^53−1) at `offset`; returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value
  let position = offset
  for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 128)) target[position++] = (rest % 128) | 0x80
  // What a byte has no room for falls off.
  for (; rest >= 128; rest >>>= 7) target[position++] = rest | 0x80
  target[position++] = rest
  return position
}

/** How many bytes a length-delimited field takes with its tag and length; `field`, its number, where it is above 15. */
export function fieldLength(length: number, field = 1): number {
  return varintLength(fieldTag(field, LENGTH_DELIMITED)) + varintLength(length) + length
}

/** Writes tag and length of a length-delimited field; returns the offset where its bytes go. */
export function writeFieldHead(target: Uint8Array, offset: number, field: number, length: number): number {
  return writeVarint(target, writeVarint(target, offset, fieldTag(field, LENGTH_DELIMITED)), length)
}

/** How many bytes `value` (unsigned, 64 bits) takes as a varint: 1 to 10. */
export function varint64Length(value: bigint): number {
  return value < SEVEN_BYTES ? varintLength(Number(value)) : 7 + varintLength(Number(value >> 49n))
}

/** Writes `value` (unsigned, 64 bits) at `offset`; returns the offset behind it. */
export function writeVarint64(target: Uint8Array, offset: number, value: bigint): number {
  if (value < SEVEN_BYTES) return writeVarint(target, offset, Number(value))
  let low = Number(value & (SEVEN_BYTES - 1n))
  for (let i = 0; i < 7; i++, low = Math.floor(low / 128)) target[offset + i] = (low % 128) | 0x80
  return writeVarint(target, offset + 7, Number(value >> 49n))
}

/** How many bytes `value` (signed, 64 bits) takes as a varint, zigzag: 0, −1, 1, −2 … are written as 0, 1, 2, 3 … */
export function zigzagLength(value: bigint): number {
  const small = smallZigzag(value)
  return small === undefined ? varint64Length(zigzag(value)) : varintLength(small)
}

/** Writes `value` (signed, 64 bits) at `offset`, zigzag; returns the offset behind it. */
export function writeZigzag(target: Uint8Array, offset: number, value: bigint): number {
  const small = smallZigzag(value)
  return small === undefined ? writeVarint64(target, offset, zigzag(value)) : writeVarint(target, offset, small)
}

export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

const FIXED_64 = 1
const GROUP_START = 3
const GROUP_END = 4
const FIXED_32 = 5
/** The first integer whose varint is longer than 7 bytes. */
const SEVEN_BYTES = 1n << 49n

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value
}

/** Without big integers in between, which would take a good part of the time of a short message. */
function smallZigzag(value: bigint): number | undefined {
  const number = Number(value)
  if (!(Math.abs(number) < 2 ** 52)) return undefined
  return number < 0 ? -2 * number - 1 : 2 * number
}
