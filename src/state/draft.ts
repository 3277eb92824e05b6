/**
 * A shop state while a set is being applied to it: the tries move on patch by patch, the state that it began with
 * stays.
 *
 * One file of more than 300 lines: an object in the making and the draft that holds it know each other’s fields.
 *
 * Tests: test/state/order-of-checks.test.ts, test/state/random.test.ts
 */

import type { ListingId, OrderId, ShopId } from '../brands.js'
import { present } from '../assert.js'
import { concatBytes, equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Schema } from '../codec/schema.js'
import { fieldAt } from '../codec/fields.js'
import { OBJECT_BYTES_MAX, OBJECTS_MEASURED_PER_SET_MAX } from '../limits.js'
import { Hamt } from '../merkle/hamt.js'
import { Account } from '../objects/account.js'
import { Listing } from '../objects/listing.js'
import { Manifest, StoredManifest } from '../objects/manifest.js'
import { cardMoves, type CardMove } from './card-moves.js'
import { idKey, type Collection, type Index, type ShopState } from './shop-state.js'
import { stricter } from './verdict.js'

/** What a set did beside changing the state: what the relay has to follow up. */
export interface Effects {
  /** Cards that are in an account or out of it, before the set against after it. */
  readonly cardMoves: readonly CardMove[]
  /** Cards, 33 bytes each, that are in no account any more. */
  readonly unlinkedCards: readonly Uint8Array[]
  /** Live orders that hold a listing, option or variation which is gone (§11): the relay cancels them. */
  readonly orphanedOrders: readonly OrderId[]
  /** Orders that were written, in order of first touch. */
  readonly orders: readonly OrderId[]
  /**
   * PaymentIDs that were written, 32 bytes each: they can be paid from then on, whatever the set does to their orders.
   */
  readonly payments: readonly Uint8Array[]
}

/** An object as it was read, or as patches of the set have made it: canonical bytes until somebody asks its value. */
class Held {
  readonly collection: Collection
  readonly key: Uint8Array
  /** Where the key stands in its trie. */
  readonly hash: Uint8Array
  readonly schema: Schema<unknown>
  /** Undefined if there is none; out of date once it is `decoded`. */
  bytes: Uint8Array | undefined
  private decoded = false
  private current: unknown
  isChanged = false
  /** May pass OBJECT_BYTES_MAX. */
  isUnbounded = false
  /** Its canonical form is not longer. */
  bytesAtMost: number
  /** Another object at its number in `placed`. */
  beside: Held | undefined

  constructor(collection: Collection, trie: Hamt, key: Uint8Array, schema: Schema<unknown>) {
    const bytes = trie.get(key)
    this.collection = collection
    this.key = key
    this.hash = trie.hashOf(key)
    this.schema = schema
    this.bytes = bytes
    this.bytesAtMost = bytes?.length ?? 0
  }

  get isDecoded(): boolean {
    return this.decoded
  }

  get exists(): boolean {
    return (this.decoded ? this.current : this.bytes) !== undefined
  }

  /** Undefined if there is none. */
  get value(): unknown {
    if (!this.decoded) {
      this.current = this.bytes && this.schema.read(decodeChecked(this.bytes), this.collection)
      this.decoded = true
    }
    return this.current
  }

  set value(value: unknown) {
    this.decoded = true
    this.current = value
  }

  /** Undefined if there is none. */
  canonical(): Uint8Array | undefined {
    if (!this.decoded) return this.bytes
    return this.current === undefined ? undefined : encode(this.schema.write(this.current))
  }
}

export class Draft {
  readonly shopId: ShopId
  readonly schemaVersion: bigint
  private readonly collections: Record<Collection, Hamt>
  /** Those of the state that it began with until one of them is set: most sets set none, and there are many. */
  private indexes: ShopState['indexes']
  private areIndexesOwn = false
  /**
   * Objects that the set has touched: read once and written once, however many patches they have. A set of a thousand
   * patches of an order of a thousand items would cost a million otherwise.
   */
  private readonly objects: Held[] = []
  /** By where their keys stand, once there are many. */
  private placed: Map<number, Held> | undefined
  private readonly storedManifest: Uint8Array | undefined
  private manifestValue: Manifest | undefined
  private isManifestChanged = false
  private manifestBytesAtMost: number
  private measured = 0
  /** Of the patch that is being applied. */
  patchBytes = 0
  // Most sets have nothing of these.
  private unlinkedCards: Map<string, Uint8Array> | undefined
  private orphanedOrders: Set<OrderId> | undefined
  private orders: Set<OrderId> | undefined
  private payments: Uint8Array[] | undefined
  /** Accounts that the set touched, with their cards before it. */
  private accounts: Map<string, { readonly key: Uint8Array; readonly before: readonly Uint8Array[] }> | undefined
  /** State→4 writes so far. */
  paymentChoices = 0

  constructor(state: ShopState) {
    this.shopId = state.shopId
    this.schemaVersion = state.schemaVersion
    this.storedManifest = state.manifest
    this.manifestBytesAtMost = state.manifest?.length ?? 0
    this.collections = { ...state.collections }
    this.indexes = state.indexes
  }

  /** Throws Refusal INVALID for an object that grew beyond OBJECT_BYTES_MAX more than its patches told. */
  finish(): { state: ShopState; effects: Effects } {
    for (const held of this.objects) if (held.isChanged) this.store(held)
    const { shopId, schemaVersion, collections } = this
    const state = { shopId, schemaVersion, manifest: this.manifestBytes(), collections, indexes: this.indexes }
    return { state, effects: this.effects() }
  }

  private effects(): Effects {
    const { accounts, unlinkedCards, orphanedOrders, orders, payments, indexes } = this
    return {
      unlinkedCards: unlinkedCards === undefined ? NONE : [...unlinkedCards.values()],
      cardMoves: accounts === undefined ? NONE : this.cardMoves(accounts.values()),
      // One that a later patch of the set canceled needs nothing more.
      orphanedOrders:
        orphanedOrders === undefined ? NONE : [...orphanedOrders].filter((id) => indexes.live.has(idKey(id))),
      orders: orders === undefined ? NONE : [...orders],
      payments: payments ?? NONE,
    }
  }

  index(name: Index): Hamt {
    return this.indexes[name]
  }

  setIndex(name: Index, index: Hamt): void {
    if (!this.areIndexesOwn) {
      this.indexes = { ...this.indexes }
      this.areIndexesOwn = true
    }
    ;(this.indexes as Record<Index, Hamt>)[name] = index
  }

  read<T>(collection: Collection, key: Uint8Array, schema: Schema<T>): T | undefined {
    return this.held(collection, key, schema).value as T | undefined
  }

  has(collection: Collection, key: Uint8Array): boolean {
    const held = this.found(collection, key)
    return held === undefined ? this.collections[collection].has(key) : held.exists
  }

  /** Throws Refusal INVALID for an object above OBJECT_BYTES_MAX unless `unbounded`. */
  write<T>(collection: Collection, key: Uint8Array, schema: Schema<T>, value: T, unbounded = false): void {
    const held = this.held(collection, key, schema)
    held.value = value
    held.isChanged = true
    held.isUnbounded = unbounded
    held.bytesAtMost += this.growth()
    if (!unbounded && held.bytesAtMost > OBJECT_BYTES_MAX)
      held.bytesAtMost = this.measure(collection, () => encode(schema.write(value)))
  }

  /**
   * Replaces a field of the object's canonical form, where nobody has asked for its value yet and it is far from
   * OBJECT_BYTES_MAX: what `write` does, without the other fields. `make` gives the field's canonical form; it is
   * called only then. Whether it was done. The field must be one that every object has.
   */
  replaceField(
    collection: Collection,
    key: Uint8Array,
    schema: Schema<unknown>,
    field: { readonly name: string; make(): Uint8Array },
  ): boolean {
    const held = this.held(collection, key, schema)
    const bytesAtMost = held.bytesAtMost + this.growth()
    if (held.isDecoded || held.bytes === undefined || bytesAtMost > OBJECT_BYTES_MAX) return false
    const { start, end } = present(fieldAt(held.bytes, 0, field.name), field.name)
    held.bytes = spliced(held.bytes, start, end, field.make())
    held.isChanged = true
    held.bytesAtMost = bytesAtMost
    return true
  }

  delete(collection: Collection, key: Uint8Array, schema: Schema<unknown>): void {
    const held = this.held(collection, key, schema)
    held.value = undefined
    held.isChanged = true
  }

  hasManifest(): boolean {
    return this.storedManifest !== undefined || this.manifestValue !== undefined
  }

  manifest(): Manifest | undefined {
    if (this.manifestValue === undefined && this.storedManifest !== undefined)
      this.manifestValue = StoredManifest.read(decodeChecked(this.storedManifest), 'Manifest')
    return this.manifestValue
  }

  setManifest(manifest: Manifest): void {
    this.manifestValue = manifest
    this.isManifestChanged = true
    this.manifestBytesAtMost += this.growth()
    if (this.manifestBytesAtMost > OBJECT_BYTES_MAX)
      this.manifestBytesAtMost = this.measure('Manifest', () => encode(Manifest.write(manifest)))
  }

  listing(id: ListingId): Listing | undefined {
    return this.read('Listings', idKey(id), Listing)
  }

  /** Before an account is written: the cards that it has. */
  accountTouched(key: Uint8Array, cards: readonly Uint8Array[]): void {
    const name = toHex(key)
    this.accounts ??= new Map()
    if (!this.accounts.has(name)) this.accounts.set(name, { key, before: cards })
  }

  cardUnlinked(card: Uint8Array): void {
    ;(this.unlinkedCards ??= new Map()).set(toHex(card), card)
  }

  /** A live one that holds what is gone. */
  orderOrphaned(id: OrderId): void {
    ;(this.orphanedOrders ??= new Set()).add(id)
  }

  orderWritten(id: OrderId): void {
    ;(this.orders ??= new Set()).add(id)
  }

  /** PaymentID, 32 bytes. */
  paymentWritten(paymentId: Uint8Array): void {
    ;(this.payments ??= []).push(paymentId)
  }

  private cardMoves(
    accounts: Iterable<{ readonly key: Uint8Array; readonly before: readonly Uint8Array[] }>,
  ): CardMove[] {
    return [...accounts].flatMap(({ key, before }) =>
      cardMoves(key, before, this.read('Accounts', key, Account)?.KeyCards ?? []),
    )
  }

  private held<T>(collection: Collection, key: Uint8Array, schema: Schema<T>): Held {
    let held = this.found(collection, key)
    if (held === undefined) {
      held = new Held(collection, this.collections[collection], key, schema)
      this.objects.push(held)
      if (this.placed !== undefined) place(this.placed, held)
    }
    return held
  }

  private found(collection: Collection, key: Uint8Array): Held | undefined {
    const { objects } = this
    if (objects.length <= FEW_OBJECTS) {
      for (const held of objects) if (held.collection === collection && equalBytes(held.key, key)) return held
      return undefined
    }
    if (this.placed === undefined) {
      this.placed = new Map()
      for (const held of objects) place(this.placed, held)
    }
    let held = this.placed.get(numberOf(this.collections[collection].hashOf(key)))
    while (held !== undefined && !(held.collection === collection && equalBytes(held.key, key))) held = held.beside
    return held
  }

  /**
   * What a patch adds to an object at most: its own bytes, and heads and empty fields that the canonical form may have
   * more.
   */
  private growth(): number {
    return 2 * this.patchBytes + 64
  }

  /** Near the limit an object is encoded after each patch: that is dear, and bounded. */
  private measure(what: string, canonical: () => Uint8Array): number {
    if (++this.measured > OBJECTS_MEASURED_PER_SET_MAX)
      throw stricter(
        `more than ${OBJECTS_MEASURED_PER_SET_MAX} patches of objects near their limit of bytes in one set`,
      )
    const { length } = canonical()
    if (length > OBJECT_BYTES_MAX) throw tooLarge(what)
    return length
  }

  private store(held: Held): void {
    const { collection, key, hash } = held
    const trie = this.collections[collection]
    const bytes = held.canonical()
    if (bytes !== undefined && bytes.length > OBJECT_BYTES_MAX && !held.isUnbounded) throw tooLarge(collection)
    this.collections[collection] = bytes === undefined ? trie.delete(key) : trie.set(key, bytes, hash)
  }

  private manifestBytes(): Uint8Array | undefined {
    if (!this.isManifestChanged) return this.storedManifest
    const bytes = encode(Manifest.write(this.manifestValue!))
    if (bytes.length > OBJECT_BYTES_MAX) throw tooLarge('Manifest')
    return bytes
  }
}

const NONE: readonly never[] = []
/** So many are looked through one by one. */
const FEW_OBJECTS = 8

function place(placed: Map<number, Held>, held: Held): void {
  const number = numberOf(held.hash)
  held.beside = placed.get(number)
  placed.set(number, held)
}

/** The first 30 bits of a hash: mostly those of one key. */
function numberOf(hash: Uint8Array): number {
  return (hash[0]! << 22) | (hash[1]! << 14) | (hash[2]! << 6) | (hash[3]! >> 2)
}

/** Fresh: `bytes` with `part` in place of what lies from `start` to `end`. */
function spliced(bytes: Uint8Array, start: number, end: number, part: Uint8Array): Uint8Array {
  if (part.length !== end - start) return concatBytes(bytes.subarray(0, start), part, bytes.subarray(end))
  // Not by slice: that of a Buffer shares its memory.
  const changed = new Uint8Array(bytes)
  changed.set(part, start)
  return changed
}

function tooLarge(what: string): Error {
  return stricter(`${what}: the object would be larger than ${OBJECT_BYTES_MAX} bytes`)
}
