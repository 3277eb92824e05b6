/**
 * What a subscription selects (PROTOCOL §10): its filters within the rights that its session had when it was accepted.
 *
 * Tests: test/relay/feed/feed.test.ts, test/relay/feed/subscription.test.ts
 */

import type { OrderId } from '../../brands.js'
import { fromBigEndian } from '../../bytes/bytes.js'
import { toHex } from '../../bytes/hex.js'
import { FILTERS_PER_SUBSCRIPTION_MAX, NAME_BYTES_MAX } from '../../limits.js'
import { ownsOrder, type Role } from '../../state/access.js'
import { idKey, type ShopState } from '../../state/shop-state.js'
import { ObjectType, type Filter } from '../../wire/messages.js'
import type { FeedRecord } from './feed.js'
import { indexName, keyName, type PatchKey } from '../../patches/object-name.js'

/** Who reads: nobody in particular, or a card of the shop. */
export interface Reader {
  readonly role: Exclude<Role, 'relay'> | 'visitor'
  readonly card?: Uint8Array
}

const PUBLIC = ['Manifest', 'Accounts', 'Tags', 'Listings']
const READABLE: Readonly<Record<Reader['role'], ReadonlySet<string>>> = {
  visitor: new Set(PUBLIC),
  guest: new Set([...PUBLIC, 'Orders']),
  clerk: new Set([...PUBLIC, 'Orders', 'Inventory']),
  owner: new Set([...PUBLIC, 'Orders', 'Inventory']),
}

interface FilterType {
  readonly collection: string
  /** The key as PatchKey has it, or undefined if the id has another length than the type's. */
  readonly keyOf: (id: Uint8Array) => string | undefined
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

  private constructor(reader: Reader, state: () => ShopState) {
    this.reader = reader
    this.state = state
  }

  /** The selection, or why the filters are INVALID for this reader. `state` gives the newest state when it is asked. */
  static of(reader: Reader, filters: readonly Filter[], state: () => ShopState): Selection | string {
    if (filters.length > FILTERS_PER_SUBSCRIPTION_MAX) return `more than ${FILTERS_PER_SUBSCRIPTION_MAX} filters`
    const selection = new Selection(reader, state)
    if (filters.length === 0) for (const name of READABLE[reader.role]) selection.collections.add(name)
    for (const [i, filter] of filters.entries()) {
      const problem = selection.add(filter)
      if (problem !== undefined) return `filter ${i}: ${problem}`
    }
    return selection
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

  /** The places of the selected patches of a set, rising. */
  places(record: FeedRecord): number[] {
    const places: number[] = []
    for (const [place, key] of record.keys().entries()) if (this.selects(key)) places.push(place)
    return places
  }

  private selects(patchKey: PatchKey): boolean {
    const { collection, key } = patchKey
    if (!this.collections.has(collection) && !this.objects.has(keyName(patchKey))) return false
    return collection !== 'Orders' || this.reader.role !== 'guest' || this.owns(BigInt(key))
  }

  private owns(id: OrderId): boolean {
    return ownsOrder(this.state(), this.reader.card!, id)
  }

  private add({ objectType, objectId }: Filter): string | undefined {
    const type = FILTER_TYPES.get(objectType)
    if (type === undefined) return `there is no object type ${objectType}`
    if (!READABLE[this.reader.role].has(type.collection))
      return `${type.collection} cannot be read by a ${this.reader.role}`
    if (objectId === undefined) {
      this.collections.add(type.collection)
      return undefined
    }
    const key = type.keyOf(objectId)
    if (key === undefined) return `${type.collection} has no ids of these ${objectId.length} bytes`
    if (type.collection === 'Orders' && this.reader.role === 'guest' && this.isForeign(BigInt(key)))
      return `order ${key} is not yours`
    const patchKey = { collection: type.collection, key }
    this.objects.set(keyName(patchKey), patchKey)
    return undefined
  }

  /** An id that nobody has used yet may become his. */
  private isForeign(id: OrderId): boolean {
    const { indexes, collections } = this.state()
    const key = idKey(id)
    return (indexes.owners.has(key) || collections.Orders.has(key)) && !this.owns(id)
  }
}

function tagKey(id: Uint8Array): string | undefined {
  if (id.length > NAME_BYTES_MAX) return undefined
  try {
    return utf8.decode(id)
  } catch {
    return undefined
  }
}
