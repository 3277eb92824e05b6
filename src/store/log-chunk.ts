/**
 * The stored form of log records: those of one commit and shop together, up to some 64 KiB a chunk. Version 2:
 *
 *     chunk  = 0x02 ‖ count u32 ‖ (length u32 ‖ record)…
 *     record = seq u64 ‖ committed at ms u64 ‖ reservation s u32 ‖ role u8 ‖ signer ‖ account ‖ state hash 32
 *              ‖ signature 65 ‖ header ‖ count u32 ‖ patch…
 *
 * Big endian; signer, account, header and each patch have their length u32 before them. Version 1, of databases of
 * format 1, has no reservation, and no checksum stands after it.
 *
 * Tests: test/store/log-chunk.test.ts
 */

import { SEAL_BYTES } from './checksum.js'
import { StoreError } from './store-error.js'
import type { LogRecord, SignerRole } from './store.js'

/**
 * 64 KiB less what a page of the database needs for itself and the checksums, so that 16 pages of 4 KiB hold a full
 * chunk.
 */
export const CHUNK_BYTES_TARGET = 64 * 1_024 - 24 - SEAL_BYTES

const VERSION = 2
const EARLY_VERSION = 1
const CHUNK_HEAD_BYTES = 5
const ROLES: readonly SignerRole[] = ['guest', 'clerk', 'owner', 'relay']
const STATE_HASH_BYTES = 32
const SIGNATURE_BYTES = 65

/** Packs records in order; a record larger than the target has a chunk of its own. */
export function packChunks(records: readonly LogRecord[]): { readonly firstSeq: number; readonly bytes: Uint8Array }[] {
  const chunks: { firstSeq: number; bytes: Uint8Array }[] = []
  let packed: LogRecord[] = []
  let size = CHUNK_HEAD_BYTES
  const close = () => {
    if (packed.length > 0) chunks.push({ firstSeq: packed[0]!.seq, bytes: encodeChunk(packed, size) })
    packed = []
    size = CHUNK_HEAD_BYTES
  }
  for (const record of records) {
    const length = 4 + recordBytes(record)
    if (packed.length > 0 && size + length > CHUNK_BYTES_TARGET) close()
    packed.push(record)
    size += length
  }
  close()
  return chunks
}

/** Whether the chunk is of databases of format 1, where no checksum stands after it. */
export function isEarlyChunk(bytes: Uint8Array): boolean {
  return bytes[0] === EARLY_VERSION
}

/**
 * All records of a chunk; byte strings are views. `earlyReservationSeconds`: of records that do not tell. Throws
 * StoreError 'damaged', or 'version' for a newer form.
 */
export function unpackChunk(bytes: Uint8Array, earlyReservationSeconds?: number): LogRecord[] {
  const { reader, read } = chunkReader(bytes, earlyReservationSeconds)
  const records: LogRecord[] = []
  for (let left = reader.u32(); left > 0; left--) {
    const length = reader.u32()
    const end = reader.at + length
    records.push(read())
    if (reader.at !== end) throw damaged()
  }
  if (reader.at !== bytes.length) throw damaged()
  return records
}

/** The records of these numbers, as far as the chunk has them; the others are not read. `seqs`: rising. */
export function pickFromChunk(
  bytes: Uint8Array,
  seqs: readonly number[],
  earlyReservationSeconds?: number,
): LogRecord[] {
  const { reader, read } = chunkReader(bytes, earlyReservationSeconds)
  const records: LogRecord[] = []
  let next = 0
  for (let left = reader.u32(); left > 0 && next < seqs.length; left--) {
    const end = reader.u32() + reader.at
    const seq = reader.u64()
    while (next < seqs.length && seqs[next]! < seq) next++
    if (seqs[next] === seq) {
      reader.at -= 8
      records.push(read())
      if (reader.at !== end) throw damaged()
    }
    reader.at = end
  }
  return records
}

/** The stored length of a record, without the chunk around it. */
export function recordBytes({ signer, account, header, patches }: LogRecord): number {
  let bytes =
    8 + 8 + 4 + 1 + 4 + signer.length + 4 + account.length + STATE_HASH_BYTES + SIGNATURE_BYTES + 4 + header.length + 4
  for (const patch of patches) bytes += 4 + patch.length
  return bytes
}

function chunkReader(
  bytes: Uint8Array,
  earlyReservationSeconds: number | undefined,
): { readonly reader: Reader; readonly read: () => LogRecord } {
  const reader = new Reader(bytes)
  const version = reader.u8()
  if (version === VERSION) return { reader, read: () => readRecord(reader, () => reader.u32()) }
  if (version === EARLY_VERSION) {
    if (earlyReservationSeconds === undefined) throw damaged('how long its reservations last is not known')
    return { reader, read: () => readRecord(reader, () => earlyReservationSeconds) }
  }
  throw new StoreError('version', `a log chunk of version ${version}, known is ${VERSION}`)
}

function encodeChunk(records: readonly LogRecord[], size: number): Uint8Array {
  const writer = new Writer(size)
  writer.u8(VERSION)
  writer.u32(records.length)
  for (const record of records) {
    writer.u32(recordBytes(record))
    writer.u64(record.seq)
    writer.u64(record.committedAtMs)
    writer.u32(record.reservationSeconds)
    writer.u8(ROLES.indexOf(record.role))
    writer.sized(record.signer)
    writer.sized(record.account)
    writer.raw(record.stateHash)
    writer.raw(record.signature)
    writer.sized(record.header)
    writer.u32(record.patches.length)
    for (const patch of record.patches) writer.sized(patch)
  }
  return writer.bytes
}

function readRecord(reader: Reader, readReservation: () => number): LogRecord {
  const seq = reader.u64()
  const committedAtMs = reader.u64()
  const reservationSeconds = readReservation()
  const role = ROLES[reader.u8()]
  if (role === undefined) throw damaged()
  const signer = reader.sized()
  const account = reader.sized()
  const stateHash = reader.raw(STATE_HASH_BYTES)
  const signature = reader.raw(SIGNATURE_BYTES)
  const header = reader.sized()
  const patches: Uint8Array[] = []
  for (let left = reader.u32(); left > 0; left--) patches.push(reader.sized())
  return { seq, committedAtMs, reservationSeconds, role, signer, account, stateHash, signature, header, patches }
}

class Writer {
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
}

class Reader {
  at = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView

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

function damaged(why = 'its bytes are no log chunk'): StoreError {
  return new StoreError('damaged', why)
}
