/**
 * What log chunks are written with and read by: big-endian integers, byte strings behind their length, and members of
 * the wire's form.
 *
 * Tests: test/store/log-chunk.test.ts
 */

import { writeFieldHead, writeVarint } from '../wire/protobuf.js'
import { StoreError } from './store-error.js'
import type { SignerRole } from './store.js'

export const STATE_HASH_BYTES = 32
export const SIGNATURE_BYTES = 65
const ROLES: readonly SignerRole[] = ['guest', 'clerk', 'owner', 'relay']

export class Writer {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }

  u8(value: number): void {
    this.bytes[this.at++] = value
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value)
    this.at += 4
  }

  /** Safe integers. */
  u64(value: number): void {
    this.u32(Math.floor(value / 2 ** 32))
    this.u32(value % 2 ** 32)
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  sized(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }

  varint(value: number): void {
    this.at = writeVarint(this.bytes, this.at, value)
  }

  fieldHead(field: number, length: number): void {
    this.at = writeFieldHead(this.bytes, this.at, field, length)
  }

  field(field: number, bytes: Uint8Array): void {
    this.fieldHead(field, bytes.length)
    this.raw(bytes)
  }
}

export class Reader {
  at = 0
  readonly view: DataView
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  u8(): number {
    this.need(1)
    return this.bytes[this.at++]!
  }

  u32(): number {
    this.need(4)
    const value = this.view.getUint32(this.at)
    this.at += 4
    return value
  }

  /** Safe integers. */
  u64(): number {
    const value = this.u32() * 2 ** 32 + this.u32()
    if (!Number.isSafeInteger(value)) throw damaged()
    return value
  }

  /** Safe integers. */
  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 49; scale *= 128) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80 && Number.isSafeInteger(value)) return value
    }
    throw damaged()
  }

  raw(length: number): Uint8Array {
    this.need(length)
    const start = this.at
    this.at += length
    return this.bytes.subarray(start, this.at)
  }

  sized(): Uint8Array {
    return this.raw(this.u32())
  }

  private need(length: number): void {
    if (this.at + length > this.bytes.length) throw damaged()
  }
}

export function damaged(why = 'its bytes are no log chunk'): StoreError {
  return new StoreError('damaged', why)
}

export function numberOf(role: SignerRole): number {
  return ROLES.indexOf(role)
}

/** Throws StoreError 'damaged'. */
export function roleOf(number: number): SignerRole {
  const role = ROLES[number]
  if (role === undefined) throw damaged()
  return role
}
