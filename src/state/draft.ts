/** A shop state while a set is being applied to it: the tries move on patch by patch, the state that it began with stays. */

import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode.js'
import { encode } from '../codec/encode.js'
import type { Schema } from '../codec/schema.js'
import { OBJECT_BYTES_MAX } from '../limits.js'
import { Hamt } from '../merkle/hamt.js'
import { Listing } from '../objects/listing.js'
import { Manifest, StoredManifest } from '../objects/manifest.js'
import { idKey, type Collection, type Index, type ShopState } from './shop-state.js'
import { stricter } from './verdict.js'

/** What a set did beside changing the state: what the relay has to follow up. */
export interface Effects {
  /** Cards, 33 bytes each, that are in no account any more. */
  readonly unlinkedCards: readonly Uint8Array[]
  /** Live orders that hold a listing, option or variation which is gone (§11): the relay cancels them. */
  readonly orphanedOrders: readonly bigint[]
  /** Orders that were written, in order of first touch. */
  readonly orders: readonly bigint[]
  /** PaymentIDs that were written, 32 bytes each: they can be paid from then on, whatever the set does to their orders. */
  readonly payments: readonly Uint8Array[]
}

export class Draft {
  readonly shopId: bigint
  readonly schemaVersion: bigint
  private manifestBytes: Uint8Array | undefined
  private readonly collections: Record<Collection, Hamt>
  private readonly indexes: Record<Index, Hamt>
  /** Listings as they were read, for the trie that they were read from: lines of an order share them. */
  private readonly listings = { of: undefined as Hamt | undefined, read: new Map<bigint, Listing | undefined>() }
  readonly unlinkedCards = new Map<string, Uint8Array>()
  readonly orphanedOrders = new Set<bigint>()
  readonly orders = new Set<bigint>()
  readonly payments: Uint8Array[] = []

  constructor(state: ShopState) {
    this.shopId = state.shopId
    this.schemaVersion = state.schemaVersion
    this.manifestBytes = state.manifest
    this.collections = { ...state.collections }
    this.indexes = { ...state.indexes }
  }

  finish(): { state: ShopState; effects: Effects } {
    const { shopId, schemaVersion, manifestBytes: manifest, collections, indexes } = this
    return {
      state: { shopId, schemaVersion, manifest, collections: { ...collections }, indexes: { ...indexes } },
      effects: {
        unlinkedCards: [...this.unlinkedCards.values()],
        // One that a later patch of the set canceled needs nothing more.
        orphanedOrders: [...this.orphanedOrders].filter((id) => indexes.live.has(idKey(id))),
        orders: [...this.orders],
        payments: [...this.payments],
      },
    }
  }

  /** The trie of a collection as it stands. */
  trie(collection: Collection): Hamt {
    return this.collections[collection]
  }

  index(name: Index): Hamt {
    return this.indexes[name]
  }

  setIndex(name: Index, index: Hamt): void {
    this.indexes[name] = index
  }

  read<T>(collection: Collection, key: Uint8Array, schema: Schema<T>): T | undefined {
    const stored = this.collections[collection].get(key)
    return stored === undefined ? undefined : schema.read(decodeChecked(stored), collection)
  }

  /** Stores the canonical bytes of an object. Throws Refusal INVALID above OBJECT_BYTES_MAX unless `unbounded`. */
  write<T>(collection: Collection, key: Uint8Array, schema: Schema<T>, value: T, unbounded = false): void {
    const bytes = encode(schema.write(value))
    if (bytes.length > OBJECT_BYTES_MAX && !unbounded) throw tooLarge(collection)
    this.collections[collection] = this.collections[collection].set(key, bytes)
  }

  delete(collection: Collection, key: Uint8Array): void {
    this.collections[collection] = this.collections[collection].delete(key)
  }

  hasManifest(): boolean {
    return this.manifestBytes !== undefined
  }

  manifest(): Manifest | undefined {
    return this.manifestBytes === undefined
      ? undefined
      : StoredManifest.read(decodeChecked(this.manifestBytes), 'Manifest')
  }

  setManifest(manifest: Manifest): void {
    const bytes = encode(Manifest.write(manifest))
    if (bytes.length > OBJECT_BYTES_MAX) throw tooLarge('Manifest')
    this.manifestBytes = bytes
  }

  listing(id: bigint): Listing | undefined {
    const { listings } = this
    if (listings.of !== this.collections.Listings) {
      listings.read.clear()
      listings.of = this.collections.Listings
    }
    if (!listings.read.has(id)) listings.read.set(id, this.read('Listings', idKey(id), Listing))
    return listings.read.get(id)
  }

  cardUnlinked(card: Uint8Array): void {
    this.unlinkedCards.set(toHex(card), card)
  }
}

function tooLarge(what: string): Error {
  return stricter(`${what}: the object would be larger than ${OBJECT_BYTES_MAX} bytes`)
}
