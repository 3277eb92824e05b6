/**
 * The state of one shop: five tries and a manifest, all immutable, and the indexes that the rules need (PROTOCOL §3,
 * §6). A proposal is this value with other tries; refusing it is dropping it.
 *
 * Tests: test/state/canonical-form.test.ts, test/state/random.test.ts
 */

import { sha256 } from '#hash'
import type { ShopId } from '../brands.js'
import { be64, concatBytes } from '../bytes/bytes.js'
import { CborEncoded, encode, type Encodable } from '../codec/encode.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { mapFields } from '../codec/fields.js'
import type { CborKey } from '../codec/value.js'
import { Hamt, STANDARD_HASHES, type TrieHashes } from '../merkle/hamt.js'
import type { PathPart } from '../patches/patch.js'
import { holderHash } from './holders.js'
import { DIGEST_BYTES } from '../merkle/state-tree.js'
import { trailValueHash } from './trails.js'

/** The objects' version of live shops. */
export const SCHEMA_VERSION = 4n

export type Collection = 'Accounts' | 'Inventory' | 'Listings' | 'Orders' | 'Tags'
export const COLLECTIONS: readonly Collection[] = ['Accounts', 'Inventory', 'Listings', 'Orders', 'Tags']

/** What the rules ask again and again; derived from the collections and the log, in no hash. Values are CBOR. */
export type Index =
  /** inventory key → pieces that live orders hold */
  | 'reserved'
  /** card ‖ inventory key → pieces of them that the card's own live orders hold */
  | 'reservedBy'
  /** listing id → number of tags that list it */
  | 'tagged'
  /** (listing, variation or card, id of a live order that holds it or is the card's) → nothing (holders.ts) */
  | 'holders'
  /** id of a live order that holds less than it wants → the pieces that it holds, in the order of its lines */
  | 'short'
  /** id of a live order → deadline of its reservation, seconds */
  | 'live'
  /** order id → the card that added it first, 33 bytes */
  | 'owners'
  /** card → number of its Open orders */
  | 'open'
  /** guest's card → the orders that it added lately, with their times (guest-orders.ts) */
  | 'made'
  /** order id → its short number in the shop, and how often it was added (order-number.ts) */
  | 'numbers'
  /**
   * id of a live order → the order as it was when State→4 was last written: later changes wait for the next choice
   * (§11)
   */
  | 'chosen'
  /** PaymentID, 32 bytes → what it pays; ids are for ever, so that a late payment finds its order */
  | 'payments'
  /** card → its periods in accounts (merkle/card-periods.ts): `Cards` of the state tree */
  | 'cards'
  /** order id or card → its trail (trails.ts): `Orders` of the state tree */
  | 'trails'
export const INDEXES: readonly Index[] = [
  'reserved',
  'reservedBy',
  'tagged',
  'holders',
  'short',
  'live',
  'owners',
  'open',
  'made',
  'numbers',
  'chosen',
  'payments',
  'cards',
  'trails',
]

/** The state of a shop after some set: what each collection holds. */
export interface ShopState {
  readonly shopId: ShopId
  readonly schemaVersion: bigint
  /** Canonical CBOR; undefined before the first set. */
  readonly manifest: Uint8Array | undefined
  readonly collections: Readonly<Record<Collection, Hamt>>
  readonly indexes: Readonly<Record<Index, Hamt>>
}

/**
 * A shop without a manifest or any object. `emptyOver`: the empty tries that all others grow from, by their hashes.
 *
 * @example
 * ```ts
 * import { emptyShop } from 'cairn-relay/state'
 *
 * console.log(emptyShop(42n).shopId) // 42n
 * ```
 */
export function emptyShop(shopId: ShopId, schemaVersion = SCHEMA_VERSION, emptyOver = emptyTrie): ShopState {
  const empty = emptyOver(STANDARD_HASHES)
  return {
    shopId,
    schemaVersion,
    manifest: undefined,
    collections: { Accounts: empty, Inventory: empty, Listings: empty, Orders: empty, Tags: empty },
    indexes: Object.fromEntries(INDEXES.map((name) => [name, emptyOver(hashesOf(name))])) as Record<Index, Hamt>,
  }
}

const emptyTrie = (hashes: TrieHashes): Hamt => Hamt.over(hashes)

/** What a trie of the shop is built over: places of holders group them, trails have values of their own. */
export function hashesOf(name: Collection | Index): TrieHashes {
  if (name === 'holders') return { ...STANDARD_HASHES, keyHash: holderHash }
  return name === 'trails' ? { ...STANDARD_HASHES, valueHash: trailValueHash } : STANDARD_HASHES
}

/**
 * The version-4 state hash, 32 bytes: SHA-256 of the canonical map of the manifest and the tries' digests (§6).
 *
 * @example
 * ```ts
 * import { emptyShop, stateHash } from 'cairn-relay/state'
 *
 * console.log(stateHash(emptyShop(1n)).length) // 32
 * ```
 */
export function stateHash(state: ShopState): Uint8Array {
  const { bytes, places } = preimageOf(state)
  for (const [name, at] of places) bytes.set(state.collections[name].digest(), at)
  return sha256(bytes)
}

interface HashPreimage {
  readonly schemaVersion: bigint
  readonly bytes: Uint8Array
  /** Where the digests stand. */
  readonly places: readonly (readonly [Collection, number])[]
}

/** By the manifest: states of one shop mostly have one, and differ in digests alone. */
const PREIMAGES = new WeakMap<Uint8Array, HashPreimage>()
const NO_MANIFEST = new Uint8Array(0)

function preimageOf({ schemaVersion, manifest }: ShopState): HashPreimage {
  const known = PREIMAGES.get(manifest ?? NO_MANIFEST)
  if (known?.schemaVersion === schemaVersion) return known
  const made = newPreimage(schemaVersion, manifest)
  PREIMAGES.set(manifest ?? NO_MANIFEST, made)
  return made
}

function newPreimage(schemaVersion: bigint, manifest: Uint8Array | undefined): HashPreimage {
  const map = new Map<CborKey, Encodable>([
    ['SchemaVersion', schemaVersion],
    ['Manifest', manifest === undefined ? null : new CborEncoded(manifest)],
  ])
  for (const name of COLLECTIONS) map.set(name, new Uint8Array(DIGEST_BYTES))
  const bytes = encode(map)
  const places = COLLECTIONS.map((name) => [name, mapFields(bytes, 0).get(name)!.end - DIGEST_BYTES] as const)
  return { schemaVersion, bytes, places }
}

/** The key bytes of a listing or order. */
export function idKey(id: bigint): Uint8Array {
  return be64(id)
}

/** The key of what a card (33 bytes) holds under an inventory key. */
export function cardStockKey(card: Uint8Array, inventoryKey: Uint8Array): Uint8Array {
  return concatBytes(card, inventoryKey)
}

/** Whether a path part can be an id: an unsigned 64-bit integer. */
export function isId(part: PathPart | undefined): part is bigint {
  return typeof part === 'bigint' && part >> 64n === 0n
}

/** A number kept in an index; 0 where there is none. */
export function count(index: Hamt, key: Uint8Array): bigint {
  const value = index.get(key)
  return value === undefined ? 0n : (decodeChecked(value) as bigint)
}

/** The index with `change` added to the number under `key`; an entry of 0 is not kept. */
export function counted(index: Hamt, key: Uint8Array, change: bigint): Hamt {
  const result = count(index, key) + change
  return result === 0n ? index.delete(key) : index.set(key, encode(result))
}
