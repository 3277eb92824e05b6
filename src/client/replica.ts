/**
 * What a client holds of a shop: the objects that its subscription selects, made from verified sets, and from snapshots
 * where there are any. An object is the same reference until a set changes it, so that user interfaces can compare by
 * identity.
 *
 * Tests: test/client/shop-client.test.ts
 */

import type { ShopId } from '../brands.js'
import type { Account } from '../objects/account.js'
import { stockEntry, type StockEntry } from '../objects/inventory.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import { HeldShop } from '../proofs/held-shop.js'
import { cardMoves } from '../state/card-moves.js'
import type { ObjectCollection } from '../state/object-edit.js'
import type { PushedSet } from '../wire/pushed-set.js'
import { LinkedCards } from './linked-cards.js'
import { VerificationError, verifySet, type VerifiedSet } from './verify.js'

interface ObjectTypes {
  readonly Manifest: Manifest
  readonly Accounts: Account
  readonly Inventory: bigint
  readonly Listings: Listing
  readonly Orders: Order
  readonly Tags: Tag
}

export class Replica {
  private readonly shopId: ShopId
  private readonly relays: readonly Uint8Array[]
  private held = new HeldShop({ hasTree: false })
  private cards = new LinkedCards()
  /** The last set that changed anything of a collection, by its name. */
  private readonly changes = new Map<string, bigint>()

  /** How many snapshots began it. */
  private generation = 0
  private readonly lists = new Map<string, { readonly version: string; readonly list: unknown }>()

  /** `relays`: addresses of the relay's keys, at least one. */
  constructor(shopId: ShopId, relays: readonly Uint8Array[]) {
    this.shopId = shopId
    this.relays = relays
  }

  /** The last set that was verified and applied; 0 before the first. */
  get lastSeq(): bigint {
    return this.held.seq
  }

  /** What a snapshot brought and was proven. Whatever was held before is dropped. */
  begin(held: HeldShop): void {
    this.generation++
    this.held = held
    this.changes.clear()
    this.cards = new LinkedCards()
    for (const [, { KeyCards }] of this.all('Accounts'))
      for (const move of cardMoves(new Uint8Array(0), [], KeyCards ?? [])) this.cards.move(move)
  }

  /**
   * Verifies and applies a set; returns it with the names of the objects that it changed. Throws VerificationError.
   */
  take(set: PushedSet): { readonly set: VerifiedSet; readonly changed: ReadonlySet<string> } {
    const { shopId, cards } = this
    const [relayAddress, ...otherRelayAddresses] = this.relays as [Uint8Array, ...Uint8Array[]]
    const trust = { shopId, relayAddress, otherRelayAddresses, isLinked: (card: Uint8Array) => cards.has(card) }
    const verified = verifySet(set, this.lastSeq, trust)
    const { changed, cardMoves: moves } = applied(this.held, verified)
    for (const move of moves) cards.move(move)
    for (const name of changed) this.changes.set(name.split('/', 1)[0]!, verified.seq)
    return { set: verified, changed }
  }

  /** By object name: `Listings/42`, `Manifest`, … */
  get(name: string): unknown {
    return this.held.get(name)
  }

  /** The set that changed the object last, or undefined. */
  seqOf(name: string): bigint | undefined {
    return this.held.seqOf(name)
  }

  /** The last set that changed anything of a collection; 0 if none did since the snapshot. */
  changedAt(collection: ObjectCollection): bigint {
    return this.changes.get(collection) ?? 0n
  }

  /** All objects of a collection by rising ID or name; the same reference until a set changes one of them. */
  list<C extends 'Listings' | 'Orders' | 'Tags'>(collection: C): readonly ObjectTypes[C][] {
    return this.remembered(collection, () => {
      const list = [...this.held.values(collection)] as ObjectTypes[C][]
      return list.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    })
  }

  /** By their keys; the same reference until a set changes one of them. */
  tags(): ReadonlyMap<string, Tag> {
    const nameOf = (name: string) => name.slice('Tags/'.length)
    return this.remembered('Tags', () => new Map(this.all('Tags').map(([name, tag]) => [nameOf(name), tag])), 'by key')
  }

  /** With their names; the same reference until a set changes one of them. */
  accounts(): readonly (readonly [string, Account])[] {
    return this.remembered('Accounts', () => this.all('Accounts'))
  }

  /** All that is in stock, in no order; the same reference until a set changes one of them. */
  stock(): readonly StockEntry[] {
    return this.remembered('Inventory', () => {
      const keys = [...this.held.keys('Inventory')]
      return this.all('Inventory').map(([, pieces], i) => stockEntry(keys[i]!, pieces))
    })
  }

  /** `form`: of several things that are made of one collection. */
  private remembered<T>(collection: ObjectCollection, make: () => T, form = ''): T {
    const version = `${this.generation} ${this.changedAt(collection)}`
    const known = this.lists.get(collection + form)
    if (known?.version === version) return known.list as T
    const list = make()
    this.lists.set(collection + form, { version, list })
    return list
  }

  /** All objects of a collection with their names, in order of first appearance. */
  all<C extends ObjectCollection>(collection: C): [string, ObjectTypes[C]][] {
    return [...this.held.names(collection)].map((name) => [name, this.get(name) as ObjectTypes[C]])
  }
}

/** What a list is sorted by. */
export function keyOf(object: Listing | Order | Tag): bigint | string {
  return 'ID' in object ? object.ID : object.Name
}

/** What no relay accepts, or changes what is not held: something before it was left out. */
function applied(held: HeldShop, set: VerifiedSet): ReturnType<HeldShop['apply']> {
  try {
    return held.apply(set)
  } catch (error) {
    const problem = `cannot be applied to what is held as of set ${held.seq}: ${(error as Error).message}`
    throw new VerificationError(set.seq, problem, { cause: error })
  }
}
