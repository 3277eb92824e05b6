/**
 * Rows of the small tables, as bytes before their checksum:
 *
 *     shop    = number u32 ‖ created at ms u64 ‖ secret 32
 *     card    = flags u8 (1 guest, 2 removed) ‖ shop id 32 ‖ account 20
 *     derived = seq u64 ‖ first node ref that has a checksum u64 ‖ roots
 *
 * All big endian.
 *
 * Tests: test/store/store.property.test.ts
 */

import type { ShopId } from '../brands.js'
import { concatBytes, fromBigEndian, toBigEndian } from '../bytes/bytes.js'
import type { CardRow, ShopRow, StoredRoots } from './store.js'

export function encodeShop({ secret, createdAtMs }: ShopRow, number: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(number), 4), toBigEndian(BigInt(createdAtMs), 8), secret)
}

export function decodeShop(shopId: ShopId, value: Uint8Array): { number: number; row: ShopRow } {
  const createdAtMs = Number(fromBigEndian(value.subarray(4, 12)))
  const secret = value.subarray(12)
  return { number: Number(fromBigEndian(value.subarray(0, 4))), row: { shopId, secret, createdAtMs } }
}

export function encodeCard({ shopId, account, guest, removed }: CardRow): Uint8Array {
  return concatBytes(Uint8Array.of(Number(guest) + 2 * Number(removed)), toBigEndian(shopId, 32), account)
}

export function decodeCard(card: Uint8Array, value: Uint8Array): CardRow {
  const flags = value[0]!
  return {
    card,
    shopId: fromBigEndian(value.subarray(1, 33)),
    account: value.subarray(33),
    guest: (flags & 1) !== 0,
    removed: (flags & 2) !== 0,
  }
}

export function encodeDerived({ seq, roots }: StoredRoots, sealedFrom: number): Uint8Array {
  return concatBytes(toBigEndian(BigInt(seq), 8), toBigEndian(BigInt(sealedFrom), 8), roots)
}

export function decodeDerived(value: Uint8Array): StoredRoots & { readonly sealedFrom: number } {
  const [seq, sealedFrom] = [value.subarray(0, 8), value.subarray(8, 16)].map((part) => Number(fromBigEndian(part)))
  return { seq: seq!, sealedFrom: sealedFrom!, roots: value.subarray(16) }
}
