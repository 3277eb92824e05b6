/**
 * Reads log chunks of versions 1 and 2, of earlier databases (log-chunk.ts).
 *
 * Tests: test/store/log-chunk.test.ts, test/store/format.test.ts
 */

import { damaged, Reader, roleOf, SIGNATURE_BYTES, STATE_HASH_BYTES } from './chunk-bytes.js'
import { StoreError } from './store-error.js'
import type { LogRecord } from './store.js'

const VERSION = 2
export const EARLY_VERSION = 1
/** What log-chunk.ts writes. */
const NEXT_VERSION = 3

/** As unpackChunk. */
export function unpackPlain(bytes: Uint8Array, earlyReservationSeconds: number | undefined): LogRecord[] {
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

/** As pickFromChunk. */
export function pickFromPlain(
  bytes: Uint8Array,
  seqs: readonly number[],
  earlyReservationSeconds: number | undefined,
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
  throw new StoreError('version', `a log chunk of version ${version}, known is ${NEXT_VERSION}`)
}

function readRecord(reader: Reader, readReservation: () => number): LogRecord {
  const seq = reader.u64()
  const committedAtMs = reader.u64()
  const reservationSeconds = readReservation()
  const role = roleOf(reader.u8())
  const signer = reader.sized()
  const account = reader.sized()
  const stateHash = reader.raw(STATE_HASH_BYTES)
  const signature = reader.raw(SIGNATURE_BYTES)
  const header = reader.sized()
  const patches: Uint8Array[] = []
  for (let left = reader.u32(); left > 0; left--) patches.push(reader.sized())
  return { seq, committedAtMs, reservationSeconds, role, signer, account, stateHash, signature, header, patches }
}
