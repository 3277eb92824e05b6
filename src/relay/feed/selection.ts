/**
 * What a subscription selects (PROTOCOL §10): its filters within the rights that its session had when it was accepted.
 *
 * Tests: test/relay/feed/feed.test.ts, test/relay/feed/subscription.test.ts
 */

import type { OrderId } from '../../brands.js'
import { fromBigEndian, utf8 as utf8Bytes } from '../../bytes/bytes.js'
import { fromHex, toHex } from '../../bytes/hex.js'
import { FILTERS_PER_SUBSCRIPTION_MAX, NAME_BYTES_MAX } from '../../limits.js'
import { ownsOrder } from '../../state/access.js'
import type { StateCollection } from '../../merkle/state-level.js'
import { idKey, type ShopState } from '../../state/shop-state.js'
import { ObjectType, type Filter } from '../../wire/messages.js'
import type { FeedRecord } from './feed.js'
import { ALL_COLLECTIONS, bitOf, indexName, keyName, type PatchKey } from '../../patches/object-name.js'
import { isForeignOrder, READABLE, readsEverything, unreadable, type Reader } from '../shops/reader.js'

interface FilterType {
  readonly collection: string
  /** The key as PatchKey has it, or undefined if the id has another length than the type's. */
  readonly keyOf: (id: Uint8Array) => string | undefined
}

/** What Selection.interests tells. */
interface Interests {
  readonly collections: readonly string[]
  readonly objects: readonly PatchKey[]
  readonly ordersOf?: Uint8Array
}

const integerKey = (id: Uint8Array) => (id.length === 8 ? String(fromBigEndian(id)) : undefined)
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const FILTER_TYPES: ReadonlyMap<number, FilterType> = new Map([
  [ObjectType.LISTING, { collection: 'Listings', keyOf: integerKey }],
  [ObjectType.TAG, { collection: 'Tags', keyOf: tagKey }],
  [ObjectType.ORDER, { collection: 'Orders', keyOf: integerKey }],
  [ObjectType.ACCOUNT, { collection: 'Accounts', keyOf: (id) => (id.length === 20 ? toHex(id) : undefined) }],
  [ObjectType.MANIFEST, { collection: 'Manifest', keyOf: () => undefined }],
  [ObjectType.INVENTORY, { collection: 'Inventory', keyOf: integerKey }],
])

/** More of them are looked for in the log itself. */
const INDEX_NAMES_MAX = 64

export class Selection {
  private readonly reader: Reader
  private readonly state: () => ShopState
  private readonly collections = new Set<string>()
  private readonly objects = new Map<string, PatchKey>()
  private isUnfiltered = false

  private constructor(reader: Reader, state: () => ShopState) {
    this.reader = reader
    this.state = state
  }

  /** The selection, or why the filters are INVALID for this reader. `state` gives the newest state when it is asked. */
  static of(reader: Reader, filters: readonly Filter[], state: () => ShopState): Selection | string {
    if (filters.length > FILTERS_PER_SUBSCRIPTION_MAX) return `more than ${FILTERS_PER_SUBSCRIPTION_MAX} filters`
    const selection = new Selection(reader, state)
    selection.isUnfiltered = filters.length === 0
    if (selection.isUnfiltered) for (const name of READABLE[reader.role]) selection.collections.add(name)
    for (const [i, filter] of filters.entries()) {
      const problem = selection.add(filter)
      if (problem !== undefined) return `filter ${i}: ${problem}`
    }
    return selection
  }

  /** The same for all that select the same with the same rights. */
  get name(): string {
    const { role, card } = this.reader
    const rights = readsEverything(this.reader) ? 'staff' : role === 'guest' ? toHex(card!) : 'visitor'
    const wanted = [[...this.collections].sort(), [...this.objects.keys()].sort()]
    return JSON.stringify([rights, this.isUnfiltered, ...wanted])
  }

  /**
   * Which collections a set may change, as bits, for all its patches to be selected, and for none; of any other set
   * only its patches tell.
   */
  get bits(): { readonly all: number; readonly none: number } {
    const whole = bitsOf(this.collections)
    const possible = whole | bitsOf([...this.objects.values()].map(({ collection }) => collection))
    const all = this.reader.role === 'guest' ? whole & ~bitOf('Orders') : whole
    return { all, none: ALL_COLLECTIONS & ~possible }
  }

  /**
   * Whose patches hold something selected: those of these collections, of these objects, and of orders of this card,
   * 33 bytes. Beside a card there are no other Orders than single ones.
   */
  interests(): Interests {
    const objects = [...this.objects.values()]
    const collections = [...this.collections]
    if (this.reader.role !== 'guest' || !this.collections.has('Orders')) return { collections, objects }
    return { collections: collections.filter((name) => name !== 'Orders'), objects, ordersOf: this.reader.card! }
  }

  /**
   * Where in the object index all sets stand that may hold something selected; undefined where only the whole log
   * tells.
   */
  indexNames(): readonly Uint8Array[] | undefined {
    const whole = [...this.collections].map((collection) => ({ collection, key: '' }))
    const objects = [...this.objects.values()].filter(({ collection }) => !this.collections.has(collection))
    const names = [...whole, ...objects].map(indexName)
    return names.length > INDEX_NAMES_MAX || names.includes(undefined) ? undefined : (names as Uint8Array[])
  }

  /**
   * Which objects of a collection a snapshot has: all, the reader's own, those under these keys, or under keys of which
   * this says so. Cards, which are in no patch, are selected by no filter (PROOFS §4).
   */
  inSnapshot(
    name: StateCollection | 'Manifest',
  ): 'whole' | 'own' | readonly Uint8Array[] | ((key: Uint8Array) => boolean) {
    if (name === 'Cards') return this.isUnfiltered && readsEverything(this.reader) ? 'whole' : []
    if (this.collections.has(name)) return name === 'Orders' && this.reader.role === 'guest' ? 'own' : 'whole'
    const keys = [...this.objects.values()].filter(({ collection }) => collection === name).map(({ key }) => key)
    if (name !== 'Inventory' || keys.length === 0) return keys.map((key) => keyBytes(name, key))
    const listings = new Set(keys)
    return (key) => listings.has(String(fromBigEndian(key.subarray(0, 8))))
  }

  /** Whether the reader may read the order, as of that state: a guest his own alone. */
  ownsIn(state: ShopState, id: OrderId): boolean {
    return this.reader.role !== 'guest' || ownsOrder(state, this.reader.card!, id)
  }

  /** The places of the selected patches of a set, rising. */
  places(record: FeedRecord): number[] {
    const places: number[] = []
    for (const [place, key] of record.keys().entries()) if (this.selects(key)) places.push(place)
    return places
  }

  private selects(patchKey: PatchKey): boolean {
    const { collection, key } = patchKey
    const isWhole = this.collections.has(collection)
    if (!isWhole && (this.objects.size === 0 || !this.objects.has(keyName(patchKey)))) return false
    if (collection !== 'Orders' || this.reader.role !== 'guest') return true
    return this.ownsIn(this.state(), BigInt(key))
  }

  private add({ objectType, objectId }: Filter): string | undefined {
    const type = FILTER_TYPES.get(objectType)
    if (type === undefined) return `there is no object type ${objectType}`
    const problem = unreadable(this.reader, type.collection)
    if (problem !== undefined) return problem
    if (objectId === undefined) {
      this.collections.add(type.collection)
      return undefined
    }
    const key = type.keyOf(objectId)
    if (key === undefined) return `${type.collection} has no ids of these ${objectId.length} bytes`
    if (type.collection === 'Orders' && isForeignOrder(this.reader, this.state(), BigInt(key)))
      return `order ${key} is not yours`
    const patchKey = { collection: type.collection, key }
    this.objects.set(keyName(patchKey), patchKey)
    return undefined
  }
}

function bitsOf(collections: Iterable<string>): number {
  let bits = 0
  for (const collection of collections) bits |= bitOf(collection)
  return bits
}

/** Of what PatchKey has as text. */
function keyBytes(name: StateCollection | 'Manifest', key: string): Uint8Array {
  if (name === 'Accounts') return fromHex(key)
  return name === 'Tags' ? utf8Bytes(key) : idKey(BigInt(key))
}

function tagKey(id: Uint8Array): string | undefined {
  if (id.length > NAME_BYTES_MAX) return undefined
  try {
    return utf8.decode(id)
  } catch {
    return undefined
  }
}
