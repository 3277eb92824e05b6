/**
 * The stored form of log records: those of one commit and shop together, up to some 64 KiB a chunk. Version 3 has each
 * set as pushes carry it, so that a newcomer's are copied:
 *
 *     chunk = 0x03 ‖ count u32 ‖ first seq u64 ‖ where the rows begin u32 ‖ where the sets begin u32 ‖ totals
 *             ‖ place… ‖ row… ‖ set…
 *     totals = first set that they count ‖ patches before this chunk, by collection…: eight varints
 *     place = where the set ends u32 ‖ collections of its patches u8 ‖ patches u32
 *     row   = committed at ms u64 ‖ reservation s u32 ‖ role u8 ‖ signer ‖ account ‖ state hash 32
 *     set   = member of a push's sets (PROTOCOL §7), with all patches; without proofs, but where it is the only patch
 *
 * Offsets of rows count from the chunk's begin, ends of sets from that of the first; the sets' numbers are dense.
 * Collections are the bits of COLLECTION_BITS. Version 2, of earlier databases, has no totals and places:
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

import { COLLECTION_BITS } from '../patches/object-name.js'
import { SETS } from '../wire/messages.js'
import { fieldLength, VARINT, fieldTag, varintLength } from '../wire/protobuf.js'
import { SEAL_BYTES } from './checksum.js'
import { numberOf, STATE_HASH_BYTES, Writer } from './chunk-bytes.js'
import { bitIndex, ChunkRun, FIELD, PLACE_BYTES, ROW_HEAD_BYTES, type PatchTotals } from './chunk-run.js'
import { EARLY_VERSION, pickFromPlain, unpackPlain } from './plain-chunk.js'
import type { LogRecord } from './store.js'

/**
 * 64 KiB less what a page of the database needs for itself and the checksums, so that 16 pages of 4 KiB hold a full
 * chunk.
 */
export const CHUNK_BYTES_TARGET = 64 * 1_024 - 24 - SEAL_BYTES

const VERSION = 3
/** Of what stands before the totals. */
const CHUNK_HEAD_BYTES = 21
/** Of the only patch of a set: `[0, 1, null]`, whatever it is. */
const ONLY_PROOF = Uint8Array.of(0x83, 0x00, 0x01, 0xf6)

export const NO_TOTALS: PatchTotals = { from: 0, counts: Array.from({ length: COLLECTION_BITS }, () => 0) }

interface PackedChunk {
  readonly firstSeq: number
  readonly bytes: Uint8Array
  /** With its sets. */
  readonly totals: PatchTotals
}

/**
 * Packs records of dense numbers in order; a record larger than the target has a chunk of its own. `before`: what the
 * chunk before counts.
 */
export function packChunks(records: readonly LogRecord[], before: PatchTotals = NO_TOTALS): PackedChunk[] {
  const chunks: PackedChunk[] = []
  let totals = before
  let packed: LogRecord[] = []
  let size = 0
  const headBytes = () => CHUNK_HEAD_BYTES + totalsBytes(countedFrom(totals, packed[0]!))
  const close = () => {
    if (packed.length > 0) {
      const counted = countedFrom(totals, packed[0]!)
      const { bytes, counts } = encodeChunk(packed, counted, headBytes() + size)
      totals = { from: counted.from, counts }
      chunks.push({ firstSeq: packed[0]!.seq, bytes, totals })
    }
    packed = []
    size = 0
  }
  for (const record of records) {
    const length = PLACE_BYTES + recordBytes(record)
    if (packed.length > 0 && headBytes() + size + length > CHUNK_BYTES_TARGET) close()
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
  if (bytes[0] === VERSION) return new ChunkRun(bytes).records()
  return unpackPlain(bytes, earlyReservationSeconds)
}

/** The records of these numbers, as far as the chunk has them; the others are not read. `seqs`: rising. */
export function pickFromChunk(
  bytes: Uint8Array,
  seqs: readonly number[],
  earlyReservationSeconds?: number,
): LogRecord[] {
  if (bytes[0] === VERSION) return new ChunkRun(bytes).pick(seqs)
  return pickFromPlain(bytes, seqs, earlyReservationSeconds)
}

/** The sets of the chunk as they are; undefined for one of an earlier version. Throws as unpackChunk does. */
export function runOf(bytes: Uint8Array): ChunkRun | undefined {
  return bytes[0] === VERSION ? new ChunkRun(bytes) : undefined
}

/** The stored length of a record, without its place and the chunk around it. */
export function recordBytes(record: LogRecord): number {
  return rowBytes(record) + fieldLength(setBytes(record))
}

function rowBytes({ signer, account }: LogRecord): number {
  return ROW_HEAD_BYTES + 4 + signer.length + 4 + account.length + STATE_HASH_BYTES
}

/** Of what stands in the set's member, without its tag and length. */
function setBytes({ seq, header, signature, patches }: LogRecord): number {
  let bytes = 1 + varintLength(seq) + fieldLength(signature.length)
  if (header.length > 0) bytes += fieldLength(header.length)
  for (const patch of patches) bytes += fieldLength(patch.length)
  return patches.length === 1 ? bytes + fieldLength(ONLY_PROOF.length) : bytes
}

/** `totals`, or where nothing is counted, those that begin with the record. */
function countedFrom(totals: PatchTotals, { seq }: LogRecord): PatchTotals {
  return totals.from === 0 ? { from: seq, counts: totals.counts } : totals
}

function totalsBytes({ from, counts }: PatchTotals): number {
  return counts.reduce((sum, count) => sum + varintLength(count), varintLength(from))
}

/** `size`: of all of it. Returns also the totals with these records. */
function encodeChunk(records: readonly LogRecord[], { from, counts }: PatchTotals, size: number) {
  const writer = new Writer(size)
  const after = [...counts]
  const rowsStart = CHUNK_HEAD_BYTES + totalsBytes({ from, counts }) + PLACE_BYTES * records.length
  writer.u8(VERSION)
  writer.u32(records.length)
  writer.u64(records[0]!.seq)
  writer.u32(rowsStart)
  writer.u32(records.reduce((sum, record) => sum + rowBytes(record), rowsStart))
  for (const count of [from, ...counts]) writer.varint(count)
  let end = 0
  for (const record of records) {
    writer.u32((end += fieldLength(setBytes(record))))
    writer.u8(counted(record.patches, after))
    writer.u32(record.patches.length)
  }
  for (const record of records) writeRow(writer, record)
  for (const record of records) writeSet(writer, record)
  return { bytes: writer.bytes, counts: after }
}

/** The bits of the patches' collections, each of which `counts` counts. */
function counted(patches: readonly Uint8Array[], counts: number[]): number {
  let bits = 0
  for (const patch of patches) {
    const index = bitIndex(patch)
    counts[index]!++
    bits |= 1 << index
  }
  return bits
}

function writeRow(writer: Writer, record: LogRecord): void {
  writer.u64(record.committedAtMs)
  writer.u32(record.reservationSeconds)
  writer.u8(numberOf(record.role))
  writer.sized(record.signer)
  writer.sized(record.account)
  writer.raw(record.stateHash)
}

function writeSet(writer: Writer, record: LogRecord): void {
  const { seq, header, signature, patches } = record
  writer.fieldHead(SETS, setBytes(record))
  writer.varint(fieldTag(FIELD.seq, VARINT))
  writer.varint(seq)
  if (header.length > 0) writer.field(FIELD.header, header)
  writer.field(FIELD.signature, signature)
  for (const patch of patches) writer.field(FIELD.patch, patch)
  if (patches.length === 1) writer.field(FIELD.proof, ONLY_PROOF)
}
