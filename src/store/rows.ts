/**
 * Rows of the small tables, as bytes before their checksum:
 *
 *     shop    = number u32 ‖ created at ms u64 ‖ secret 32
 *     card    = flags u8 (1 guest, 2 removed, 4 and 8: what follows) ‖ shop id 32 ‖ account 20
 *               ‖ with 4 the enrolment's digest 32, Issued At i64 ‖ with 8 removed at ms u64
 *     derived = seq u64 ‖ first node ref that has a checksum u64 ‖ roots
 *     log tree = how many sets u32 ‖ what they add
 *     replaced trie nodes = (distance from the ref before, or from 0) LEB128 …
 *     object  = (distance from the set before, or from the key's) LEB128 …
 *
 * All big endian.
 *
 * Tests: test/store/store.property.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { concatBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import type { CardRow, LogTreeRow, ObjectSeqs, ShopRow, StoredRoots } from './store.js'

export function encodeShop({ secret, createdAtMs }: ShopRow, number: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(number), 4), toBigEndian(BigInt(createdAtMs), 8), secret)
}

export function decodeShop(shopId: ShopId, value: Uint8Array): { number: number; row: ShopRow } {
  const createdAtMs = Number(fromBigEndian(value.subarray(4, 12)))
  const secret = value.subarray(12)
  return { number: Number(fromBigEndian(value.subarray(0, 4))), row: { shopId, secret, createdAtMs } }
}

export function encodeCard({ shopId, account, guest, removed, enrolledBy, removedAtMs }: CardRow): Uint8Array {
  const bits = [guest, removed, enrolledBy !== undefined, removedAtMs !== undefined]
  const flags = bits.reduce((sum, bit, i) => sum + (Number(bit) << i), 0)
  const parts = [Uint8Array.of(flags), toBigEndian(shopId, 32), account]
  if (enrolledBy !== undefined) parts.push(enrolledBy.digest, toBigEndian(BigInt.asUintN(64, enrolledBy.issuedAt), 8))
  if (removedAtMs !== undefined) parts.push(toBigEndian(BigInt(removedAtMs), 8))
  return concatBytes(...parts)
}

export function decodeCard(card: Uint8Array, value: Uint8Array): CardRow {
  const flags = value[0]!
  const hasMessage = (flags & 4) !== 0
  const issuedAt = BigInt.asIntN(64, fromBigEndian(value.subarray(85, 93)))
  const time = value.subarray(hasMessage ? 93 : 53)
  return {
    card,
    shopId: fromBigEndian(value.subarray(1, 33)),
    account: value.subarray(33, 53),
    guest: (flags & 1) !== 0,
    removed: (flags & 2) !== 0,
    ...(hasMessage && { enrolledBy: { digest: value.subarray(53, 85), issuedAt } }),
    ...((flags & 8) !== 0 && { removedAtMs: Number(fromBigEndian(time)) }),
  }
}

export function encodeDerived({ seq, roots }: StoredRoots, sealedFrom: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(seq), 8), toBigEndian(BigInt(sealedFrom), 8), roots)
}

export function decodeDerived(value: Uint8Array): StoredRoots & { readonly sealedFrom: number } {
  const [seq, sealedFrom] = [value.subarray(0, 8), value.subarray(8, 16)].map((part) => Number(fromBigEndian(part)))
  return { seq: seq!, sealedFrom: sealedFrom!, roots: value.subarray(16) }
}

export function encodeLogTree({ sets, bytes }: Pick<LogTreeRow, 'sets' | 'bytes'>): Uint8Array {
  return concatBytes(toBigEndian(BigInt(sets), 4), bytes)
}

export function decodeLogTree(firstSeq: Seq, value: Uint8Array): LogTreeRow {
  return { firstSeq, sets: Number(fromBigEndian(value.subarray(0, 4))), bytes: value.subarray(4) }
}

export function encodeSeqs({ after, seqs }: Pick<ObjectSeqs, 'after' | 'seqs'>): Uint8Array {
  const bytes: number[] = []
  let last = after
  for (const seq of seqs) {
    let rest = seq - last
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) bytes.push(0x80 + (rest % 0x80))
    bytes.push(rest)
    last = seq
  }
  return Uint8Array.from(bytes)
}

export function decodeSeqs(after: Seq, value: Uint8Array): Seq[] {
  const seqs: Seq[] = []
  let last = after
  let [distance, weight] = [0, 1]
  for (const byte of value) {
    distance += (byte % 0x80) * weight
    weight *= 0x80
    if (byte > 0x7f) continue
    seqs.push((last += distance))
    ;[distance, weight] = [0, 1]
  }
  return seqs
}
