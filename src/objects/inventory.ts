/**
 * Inventory: pieces in stock by listing and variations (PROTOCOL §3, §6).
 *
 * Tests: test/objects/fields.test.ts, test/state/orders.test.ts
 */

import type { ListingId } from '../brands.js'
import { be64, compareBytes, concatBytes, fromBigEndian, utf8 } from '../bytes/bytes.js'
import { toHex, type Hex } from '../bytes/hex.js'
import { readUtf8 } from '../codec/utf8.js'
import { VARIATION_SEPARATOR } from './listing.js'
import { uint64 } from './scalars.js'

export const Inventory = uint64

/** 8 bytes of the listing's id and the variation names, sorted by their UTF-8 bytes and joined with `|`. */
export function inventoryKey(listingId: ListingId, variations: readonly string[]): Uint8Array {
  if (variations.length === 0) return be64(listingId)
  const names = variations.map((name) => ({ name, bytes: utf8(name) }))
  names.sort((a, b) => compareBytes(a.bytes, b.bytes))
  return concatBytes(be64(listingId), utf8(names.map(({ name }) => name).join(VARIATION_SEPARATOR)))
}

/** What of a listing is in stock, in the variant that has these variations. */
export interface StockEntry {
  readonly listing: ListingId
  /** In any order. */
  readonly variations: readonly string[]
  readonly pieces: bigint
}

/** Of an entry's key, as `inventoryKey` makes it. */
export function stockEntry(key: Uint8Array, pieces: bigint): StockEntry {
  const names = readUtf8(key, LISTING_BYTES, key.length)
  const variations = names === '' ? [] : names.split(VARIATION_SEPARATOR)
  return { listing: fromBigEndian(key.subarray(0, LISTING_BYTES)), variations, pieces }
}

const LISTING_BYTES = 8

/** The key as text, to find it in a Map. */
export function inventoryKeyText(listingId: ListingId, variations: readonly string[]): Hex {
  return toHex(inventoryKey(listingId, variations))
}
