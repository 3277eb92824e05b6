/**
 * Who holds what: the live orders of a listing, of each of its variations, and of a card, found without a look at any
 * other order. The index holds (listing, variation, order) and (card, order), whose places in the trie begin with the
 * hash of all but the order.
 *
 * Tests: test/state/holders.test.ts
 */

import { sha256 } from '#hash'
import type { ListingId } from '../brands.js'
import { be64, concatBytes, equalBytes, fromBigEndian, utf8 } from '../bytes/bytes.js'
import { HAMT_BITS_PER_LEVEL } from '../limits.js'
import type { Hamt } from '../merkle/hamt.js'
import type { Order } from '../objects/order.js'

/** Bytes of an order's id, at a key's end. */
const ORDER_BYTES = 8
/** Bytes of a place that all orders of one thing share: two things share them once in 2^48. */
const GROUP_BYTES = 6
const GROUP_LEVELS = (8 * GROUP_BYTES) / HAMT_BITS_PER_LEVEL
const NONE = new Uint8Array(0)

/** The places of the index: 6 bytes of the hash of what is held, then 26 of the hash of the whole key. */
export function holderHash(key: Uint8Array): Uint8Array {
  const place = sha256(key).slice()
  place.set(sha256(key.subarray(0, -ORDER_BYTES)).subarray(0, GROUP_BYTES))
  return place
}

/**
 * The index with what a live order holds and whose it is, or without it. Items of 0 hold nothing. `card`: 33 bytes;
 * undefined for an order that the relay added.
 */
export function withHolder(index: Hamt, order: Order, holds: boolean, card?: Uint8Array): Hamt {
  let result = index
  if (card !== undefined) {
    const key = cardKey(card, order.ID)
    result = holds ? result.set(key, NONE) : result.delete(key)
  }
  for (const { ListingID, VariationIDs, Quantity } of order.Items ?? []) {
    if (Quantity === 0n) continue
    for (const variation of [undefined, ...(VariationIDs ?? [])]) {
      const key = holderKey(ListingID, variation, order.ID)
      result = holds ? result.set(key, NONE) : result.delete(key)
    }
  }
  return result
}

/** The live orders that hold a listing, or one of its variations. */
export function holdersOf(index: Hamt, listing: ListingId, variation?: string): IterableIterator<bigint> {
  return ordersBeside(index, holderKey(listing, variation, 0n))
}

/** The live orders that a card added first, in no order that means something. */
export function liveOrdersOf(index: Hamt, card: Uint8Array): IterableIterator<bigint> {
  return ordersBeside(index, cardKey(card, 0n))
}

function* ordersBeside(index: Hamt, wanted: Uint8Array): IterableIterator<bigint> {
  const thing = wanted.subarray(0, -ORDER_BYTES)
  for (const [key] of index.entriesBeside(wanted, GROUP_LEVELS)) {
    const split = key.length - ORDER_BYTES
    if (equalBytes(key.subarray(0, split), thing)) yield fromBigEndian(key.subarray(split))
  }
}

/** Listing, 8 bytes ‖ the variation's name behind a 0x01, if one is meant ‖ order, 8 bytes. */
function holderKey(listing: bigint, variation: string | undefined, order: bigint): Uint8Array {
  const name = variation === undefined ? [] : [Uint8Array.of(1), utf8(variation)]
  return concatBytes(be64(listing), ...name, be64(order))
}

/** Eight zeros ‖ 0x02, which no name stands behind ‖ card, 33 bytes ‖ order, 8 bytes. */
function cardKey(card: Uint8Array, order: bigint): Uint8Array {
  return concatBytes(be64(0n), Uint8Array.of(2), card, be64(order))
}
