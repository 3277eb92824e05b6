/**
 * Reads a log chunk of version 3 (log-chunk.ts): each set is found without the others being read, and most are copied
 * as they stand.
 *
 * Tests: test/store/log-chunk.test.ts
 */

import { COLLECTION_BITS, collectionBit } from '../patches/object-name.js'
import { LENGTH_DELIMITED, ProtobufError, ProtobufReader, fieldTag } from '../wire/protobuf.js'
import { SETS } from '../wire/messages.js'
import { damaged, Reader, roleOf, SIGNATURE_BYTES, STATE_HASH_BYTES } from './chunk-bytes.js'
import type { LogRecord, SetRun } from './store.js'

export const PLACE_BYTES = 9
/** Of a row, before its signer. */
export const ROW_HEAD_BYTES = 13
/** Of members of a push's set. */
export const FIELD = { seq: 1, header: 3, signature: 4, patch: 5, proof: 6 } as const

/** How many patches of each collection the sets from `from` on have, by bit; 0: no set is counted. */
export interface PatchTotals {
  readonly from: number
  readonly counts: readonly number[]
}

/** The sets of one chunk, each found without the others being read. Byte strings are views. */
export class ChunkRun implements SetRun {
  readonly first: number
  readonly count: number
  /** Of the sets before it. */
  readonly totals: PatchTotals
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly placesStart: number
  private readonly rowsStart: number
  private readonly setsStart: number

  /** Throws StoreError 'damaged'. */
  constructor(bytes: Uint8Array) {
    const reader = new Reader(bytes)
    reader.at = 1
    this.bytes = bytes
    this.view = reader.view
    this.count = reader.u32()
    this.first = reader.u64()
    this.rowsStart = reader.u32()
    this.setsStart = reader.u32()
    const [from, ...counts] = Array.from({ length: 1 + COLLECTION_BITS }, () => reader.varint())
    this.totals = { from: from!, counts }
    this.placesStart = reader.at
    const isWhole =
      this.rowsStart === reader.at + PLACE_BYTES * this.count &&
      this.rowsStart <= this.setsStart &&
      this.setsStart <= bytes.length
    if (!isWhole || this.count === 0 || this.setsStart + this.endOf(this.last) !== bytes.length) throw damaged()
  }

  get last(): number {
    return this.first + this.count - 1
  }

  /** The bits of the collections that set `seq` changes. */
  collections(seq: number): number {
    return this.bytes[this.placeOf(seq) + 4]!
  }

  /** How many patches set `seq` has. */
  patches(seq: number): number {
    return this.view.getUint32(this.placeOf(seq) + 5)
  }

  /** Whether the set stands there as a push of all its patches has it. */
  isProven(seq: number): boolean {
    return this.patches(seq) === 1
  }

  /** Sets `from` to `to` as they stand in a push, if each is proven. */
  sets(from: number, to: number): Uint8Array {
    return this.bytes.subarray(this.setsStart + this.startOf(from), this.setsStart + this.endOf(to))
  }

  /** Of the sets up to `seq`, which may be the last before the first: totals with those before them. */
  totalsUpTo(seq: number): readonly number[] {
    const counts = [...this.totals.counts]
    for (let each = this.first; each <= seq; each++) {
      const bits = this.collections(each)
      const only = 31 - Math.clz32(bits)
      if (bits === 1 << only) counts[only]! += this.patches(each)
      else for (const patch of this.set(each).patches) counts[bitIndex(patch)]!++
    }
    return counts
  }

  set(seq: number) {
    const set = readSet(this.bytes, this.setsStart + this.startOf(seq), this.setsStart + this.endOf(seq))
    const { header, signature, patches } = set
    if (set.seq !== seq || signature.length !== SIGNATURE_BYTES || patches.length !== this.patches(seq)) throw damaged()
    return { seq, header, signature, patches }
  }

  records(): LogRecord[] {
    const seqs = Array.from({ length: this.count }, (_, i) => this.first + i)
    const reader = this.reader()
    const records = seqs.map((seq) => this.record(seq, reader))
    if (reader.at !== this.setsStart) throw damaged()
    return records
  }

  /** As far as they are here. `seqs`: rising. */
  pick(seqs: readonly number[]): LogRecord[] {
    const reader = this.reader()
    const records: LogRecord[] = []
    let at = this.first
    for (const seq of seqs) {
      if (seq < this.first) continue
      if (seq > this.last) break
      for (; at < seq; at++) this.skipRow(reader)
      records.push(this.record(seq, reader))
      at++
    }
    return records
  }

  private reader(): Reader {
    const reader = new Reader(this.bytes.subarray(0, this.setsStart))
    reader.at = this.rowsStart
    return reader
  }

  /** Its row is the next one of the reader. */
  private record(seq: number, reader: Reader): LogRecord {
    const committedAtMs = reader.u64()
    const reservationSeconds = reader.u32()
    const role = roleOf(reader.u8())
    const signer = reader.sized()
    const account = reader.sized()
    const stateHash = reader.raw(STATE_HASH_BYTES)
    const { header, signature, patches } = this.set(seq)
    return { seq, committedAtMs, reservationSeconds, role, signer, account, stateHash, signature, header, patches }
  }

  private skipRow(reader: Reader): void {
    reader.raw(ROW_HEAD_BYTES)
    reader.sized()
    reader.sized()
    reader.raw(STATE_HASH_BYTES)
  }

  private startOf(seq: number): number {
    return seq === this.first ? 0 : this.endOf(seq - 1)
  }

  private endOf(seq: number): number {
    return this.view.getUint32(this.placeOf(seq))
  }

  private placeOf(seq: number): number {
    return this.placesStart + PLACE_BYTES * (seq - this.first)
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)

function readSet(bytes: Uint8Array, start: number, end: number) {
  let seq = 0
  let header = NOTHING
  let signature = NOTHING
  const patches: Uint8Array[] = []
  if (!(start < end && end <= bytes.length)) throw damaged()
  try {
    const member = new ProtobufReader(bytes, start, end)
    if (!member.next() || member.tag !== fieldTag(SETS, LENGTH_DELIMITED)) throw damaged()
    const body = member.message()
    while (body.next()) {
      const field = body.tag >>> 3
      if (field === FIELD.seq) seq = Number(body.uint64())
      else if (field === FIELD.header) header = body.bytes()
      else if (field === FIELD.signature) signature = body.bytes()
      else if (field === FIELD.patch) patches.push(body.bytes())
    }
    if (member.next()) throw damaged()
  } catch (error) {
    throw error instanceof ProtobufError ? damaged() : error
  }
  return { seq, header, signature, patches }
}

/** Of the patch's collection. */
export function bitIndex(patch: Uint8Array): number {
  return 31 - Math.clz32(collectionBit(patch))
}
