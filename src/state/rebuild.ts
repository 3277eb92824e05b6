/**
 * A shop state from its objects alone: how vectors bring one, and what tests compare the running state with.
 *
 * Tests: test/state/random.test.ts
 */

import type { ShopId } from '../brands.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import { Hamt } from '../merkle/hamt.js'
import { OPEN, Order } from '../objects/order.js'
import { Tag } from '../objects/tag.js'
import { withHolder } from './holders.js'
import { heldBy, isLive, wantedStock } from './orders.js'
import {
  cardStockKey,
  COLLECTIONS,
  counted,
  emptyShop,
  idKey,
  type Collection,
  type Index,
  type ShopState,
} from './shop-state.js'

interface ShopContents {
  readonly shopId: ShopId
  readonly schemaVersion: bigint
  readonly manifest: Uint8Array | undefined
  /** Key and canonical CBOR of every object. */
  readonly objects: Readonly<Record<Collection, Iterable<readonly [Uint8Array, Uint8Array]>>>
}

/**
 * Indexes that follow from the log alone: who added an order first and when, what stock there was then, what was chosen
 * and what was to be paid.
 */
type History = Pick<
  Record<Index, Hamt>,
  'owners' | 'numbers' | 'made' | 'short' | 'chosen' | 'payments' | 'cards' | 'trails'
>

/**
 * The state with all indexes that follow from its objects; when a reservation began does not: a deadline is the TTL or
 * 1.
 */
export function rebuildShop(contents: ShopContents, history?: History): ShopState {
  const collections = Object.fromEntries(COLLECTIONS.map((name) => [name, trieOf(contents.objects[name])])) as Record<
    Collection,
    Hamt
  >
  const { shopId, schemaVersion, manifest } = contents
  const { indexes: empty } = emptyShop(shopId, schemaVersion)
  const indexes = { ...empty, ...(history !== undefined && pickHistory(history)) }
  for (const [, bytes] of collections.Tags.entries()) countTag(indexes, Tag.read(decodeChecked(bytes), 'Tag'))
  for (const [, bytes] of collections.Orders.entries()) countOrder(indexes, Order.read(decodeChecked(bytes), 'Order'))
  return { shopId, schemaVersion, manifest, collections, indexes }
}

function pickHistory({ owners, numbers, made, short, chosen, payments, cards, trails }: History): History {
  return { owners, numbers, made, short, chosen, payments, cards, trails }
}

function trieOf(objects: Iterable<readonly [Uint8Array, Uint8Array]>): Hamt {
  let trie = Hamt.empty
  for (const [key, value] of objects) trie = trie.set(key, value)
  return trie
}

function countTag(indexes: Record<Index, Hamt>, tag: Tag): void {
  for (const id of new Set(tag.ListingIDs)) indexes.tagged = counted(indexes.tagged, idKey(id), 1n)
}

function countOrder(indexes: Record<Index, Hamt>, order: Order): void {
  const owner = indexes.owners.get(idKey(order.ID))
  if (order.State === OPEN && owner !== undefined) indexes.open = counted(indexes.open, owner, 1n)
  if (!isLive(order)) return
  indexes.live = indexes.live.set(idKey(order.ID), encode(order.PaymentDetails?.TTL ?? 1n))
  const held = heldBy(indexes.short, order)
  for (const [i, { key }] of [...wantedStock(order).values()].entries()) {
    indexes.reserved = counted(indexes.reserved, key, held[i]!)
    if (owner !== undefined) indexes.reservedBy = counted(indexes.reservedBy, cardStockKey(owner, key), held[i]!)
  }
  indexes.holders = withHolder(indexes.holders, order, true, owner)
}
