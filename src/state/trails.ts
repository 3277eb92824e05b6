/**
 * What shows that nothing was left out (PROOFS §1.3): each order's trail through the log, and each card's trail through
 * the orders that it added. Kept in the index `trails`, whose root is that of Orders in the state tree:
 *
 *     order id 8 bytes → H(canonical CBOR of the order) 32 ‖ LastSeq u64 ‖ Trail 32
 *     card 33 bytes    → H(CBOR of the number) 32 ‖ LastSeq u64 ‖ Trail 32 ‖ CBOR of the number of orders it added
 *
 * The tree holds of a value the hash of its first 72 bytes.
 *
 * Tests: test/state/state-root.test.ts
 */

import { sha256 } from '#hash'
import type { OrderId, Seq } from '../brands.js'
import { be64, concatBytes, fromBigEndian } from '../bytes/bytes.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Hamt } from '../merkle/hamt.js'
import type { OrderHistory } from '../merkle/state-tree.js'
import { patchLeafHash } from '../merkle/patch-proof-check.js'
import type { Patch } from '../patches/patch.js'
import { addsOrder } from './order-edit.js'

/** Of an order or a card that has none yet, 32 zero bytes. Not to be changed. */
export const NO_TRAIL = new Uint8Array(32)
const HASH_BYTES = 32
const HASHED_BYTES = 72

const ORDER_VALUE_PREFIX = Uint8Array.of(0x03)
const ORDER_TRAIL_PREFIX = Uint8Array.of(0x04)
const CARD_TRAIL_PREFIX = Uint8Array.of(0x05)

/** What the state tree holds of a trail's value, 32 bytes. */
export function trailValueHash(value: Uint8Array): Uint8Array {
  return sha256(concatBytes(ORDER_VALUE_PREFIX, value.subarray(0, HASHED_BYTES)))
}

/** An entry of `trails` as proofs tell it. */
interface TrailEntry {
  readonly lastSeq: Seq
  /** 32 bytes. */
  readonly trail: Uint8Array
}

export function readTrail(value: Uint8Array): TrailEntry {
  return {
    lastSeq: Number(fromBigEndian(value.subarray(HASH_BYTES, HASH_BYTES + 8))),
    trail: value.subarray(HASH_BYTES + 8, HASHED_BYTES),
  }
}

/** CBOR of how many orders the card added. */
export function addedByCard(value: Uint8Array): Uint8Array {
  return value.subarray(HASHED_BYTES)
}

/** How many orders the card of this entry added, those that it added again included; none without one. */
export function addedCount(value: Uint8Array | undefined): bigint {
  return value === undefined ? 0n : (decodeChecked(addedByCard(value)) as bigint)
}

/** An entry as the index has it, fresh: of an order with the hash of its value, of a card with its number besides. */
export function trailEntry(value: Uint8Array, { lastSeq, trail }: OrderHistory, isCard: boolean): Uint8Array {
  const head = concatBytes(sha256(value), be64(lastSeq), trail)
  return isCard ? concatBytes(head, value) : head
}

/** The Trail of a card, 32 bytes, once a set of its own, number `seq`, added the order `id`. */
export function cardTrailAfter(trail: Uint8Array, id: OrderId, seq: bigint): Uint8Array {
  return sha256(concatBytes(CARD_TRAIL_PREFIX, trail, be64(id), be64(seq)))
}

/** One that was accepted. */
interface LoggedSet {
  readonly seq: Seq
  readonly patches: readonly Patch[]
  /** The signer, 33 bytes; absent for the relay. */
  readonly card?: Uint8Array | undefined
}

/** `trails` after the set; `orders`: the collection after it. */
export function withTrails(trails: Hamt, orders: Pick<Hamt, 'get'>, set: LoggedSet): Hamt {
  // Most sets have none.
  if (!set.patches.some(({ path }) => path[0] === 'Orders')) return trails
  const touched = new Map<OrderId, Patch[]>()
  for (const patch of set.patches) {
    const [collection, id] = patch.path
    if (collection !== 'Orders' || typeof id !== 'bigint') continue
    const earlier = touched.get(id)
    if (earlier === undefined) touched.set(id, [patch])
    else earlier.push(patch)
  }
  let after = trails
  for (const [id, patches] of touched) after = withOrder(after, orders, id, patches, set.seq)
  return set.card === undefined ? after : withCard(after, set.card, set.patches.filter(addsOrder), set.seq)
}

function withOrder(trails: Hamt, orders: Pick<Hamt, 'get'>, id: OrderId, patches: readonly Patch[], seq: Seq): Hamt {
  const key = be64(id)
  const order = orders.get(key)
  if (order === undefined) return trails.delete(key)
  const before = patches.some(addsOrder) ? undefined : trails.get(key)
  const trail = orderTrail(trailOf(before), BigInt(seq), patches)
  return trails.set(key, concatBytes(sha256(order), be64(BigInt(seq)), trail))
}

/** The Trail of an order, 32 bytes, after set `seq` with these patches on it, which are all. */
export function orderTrail(before: Uint8Array, seq: bigint, patches: readonly Patch[]): Uint8Array {
  const hashes = patches.map(({ bytes }) => patchLeafHash(bytes))
  return sha256(concatBytes(ORDER_TRAIL_PREFIX, before, be64(seq), ...hashes))
}

function withCard(trails: Hamt, card: Uint8Array, adds: readonly Patch[], seq: Seq): Hamt {
  if (adds.length === 0) return trails
  const before = trails.get(card)
  let trail = trailOf(before)
  for (const { path } of adds) trail = cardTrailAfter(trail, path[1] as bigint, BigInt(seq))
  const encoded = encode(addedCount(before) + BigInt(adds.length))
  return trails.set(card, concatBytes(sha256(encoded), be64(BigInt(seq)), trail, encoded))
}

function trailOf(value: Uint8Array | undefined): Uint8Array {
  return value === undefined ? NO_TRAIL : readTrail(value).trail
}
