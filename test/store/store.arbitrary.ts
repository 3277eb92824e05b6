/** Random and fixed inputs of a store. */

import * as fc from 'fast-check'
import { toHex } from '../../src/bytes/hex.js'
import type { CardRow, LogRecord, Seq, ShopRow } from '../../src/store/store.js'

export function bytesOf(length: number, fill: number): Uint8Array {
  return new Uint8Array(length).fill(fill)
}

/** A record whose bytes depend on `seq`; `patchBytes` in one patch. */
export function recordOf(seq: Seq, patchBytes = 100): LogRecord {
  const fill = seq % 251
  return {
    seq,
    committedAtMs: 1_700_000_000_000 + seq,
    signer: bytesOf(33, fill),
    account: bytesOf(20, fill),
    role: 'clerk',
    header: bytesOf(90, fill),
    signature: bytesOf(65, fill),
    patches: [bytesOf(patchBytes, fill)],
    stateHash: bytesOf(32, fill),
  }
}

export function shopRow(shopId: bigint): ShopRow {
  return { shopId, secret: bytesOf(32, Number(shopId % 251n)), createdAtMs: 1_700_000_000_000 }
}

export function recordsFor(shopId: bigint, from: Seq, to: Seq, patchBytes?: number) {
  const records: { shopId: bigint; record: LogRecord }[] = []
  for (let seq = from; seq <= to; seq++) records.push({ shopId, record: recordOf(seq, patchBytes) })
  return records
}

const bytes = (length: number) => fc.nat({ max: 255 }).map((fill) => bytesOf(length, fill))

/** Ready but for its seq. */
export const bodies: fc.Arbitrary<Omit<LogRecord, 'seq'>> = fc.record({
  committedAtMs: fc.maxSafeNat(),
  signer: fc.oneof(bytes(33), bytes(0)),
  account: fc.oneof(bytes(20), bytes(0)),
  role: fc.constantFrom('guest' as const, 'clerk' as const, 'owner' as const, 'relay' as const),
  header: fc.uint8Array({ maxLength: 120 }),
  signature: bytes(65),
  patches: fc.array(fc.oneof(fc.uint8Array({ maxLength: 200 }), bytes(40_000)), { maxLength: 4 }),
  stateHash: bytes(32),
})

/** From a small set, so that rows meet again. */
export const someCard = fc.integer({ min: 0, max: 5 }).map((n) => bytesOf(33, n))

export const cardRows: fc.Arbitrary<CardRow> = fc.record({
  card: someCard,
  shopId: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
  account: bytes(20),
  guest: fc.boolean(),
  removed: fc.boolean(),
})

/** The same value with byte strings as text, which compares a thousand times as fast. */
export function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return `h'${toHex(value)}'`
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, readable(field)]))
}
