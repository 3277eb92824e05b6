/**
 * What a client holds of a shop: the objects that its subscription selects, made from verified sets, and from snapshots
 * where there are any. An object is the same reference until a set changes it, so that user interfaces can compare by
 * identity. Sets are taken by set-follower.ts, once that is there.
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
import { present } from '../assert.js'
import { HeldObjects } from '../proofs/held-objects.js'
import type { HeldShop } from '../proofs/held-shop.js'
import type { ObjectCollection } from '../state/object-edit.js'
import type { PushedSet } from '../wire/pushed-set.js'
import type * as Following from './set-follower.js'
import type { Steps } from './slices.js'

interface ObjectTypes {
  readonly Manifest: Manifest
  readonly Accounts: Account
  readonly Inventory: bigint
  readonly Listings: Listing
  readonly Orders: Order
  readonly Tags: Tag
}

export class Replica {
  private readonly of: Following.FollowedShop
  private held = new HeldObjects()
  private hasTree = false
  /** Undefined until it is loaded. */
  private following: typeof Following | undefined
  private follower: Following.SetFollower | undefined
  /** The last set that changed anything of a collection, by its name. */
  private readonly changes = new Map<string, bigint>()

  /** How many snapshots began it. */
  private generation = 0
  private readonly lists = new Map<string, { readonly version: string; readonly list: unknown }>()

  /** `relays`: addresses of the relay's keys, at least one. */
  constructor(shopId: ShopId, relays: readonly Uint8Array[]) {
    this.of = { shopId, relays }
  }

  /** The last set that was verified and applied; 0 before the first. */
  get lastSeq(): bigint {
    return this.held.seq
  }

  /** Sets are taken from now on, and what is held gets its tree. Throws SchemaError, CborError. */
  follow(following: typeof Following): void {
    this.follower = new following.SetFollower(this.of, this.held, { hasTree: this.hasTree })
    this.following = following
  }

  /** What is held with its tree, as of some set; undefined before `follow`. */
  get followed(): HeldShop | undefined {
    return this.follower?.shop
  }

  /** Of objects that `begin` may get with it. Undefined before `follow`. */
  followerOf(held: HeldObjects, hasTree: boolean): Following.SetFollower | undefined {
    return this.following && new this.following.SetFollower(this.of, held, { hasTree })
  }

  /**
   * What a snapshot brought. Whatever was held before is dropped. With a tree it can be compared with checkpoints: it
   * is proven.
   */
  begin(held: HeldObjects, hasTree: boolean, follower = this.followerOf(held, hasTree)): void {
    this.generation++
    this.held = held
    this.hasTree = hasTree
    this.follower = follower
    this.changes.clear()
  }

  /** Verifies and applies a set, after `follow`. Throws VerificationError. */
  take(pushed: PushedSet): Following.TakenSet {
    const taken = present(this.follower, 'what follows a snapshot').take(pushed)
    for (const name of taken.changed) this.changes.set(name.split('/', 1)[0]!, taken.set.seq)
    return taken
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

  /** Whether a list of the collection can be made at once; else `readSteps` come first. */
  isRead(collection: ObjectCollection): boolean {
    return this.held.isRead(collection)
  }

  /** Reads all objects of the collection from their bytes. Throws SchemaError, CborError. */
  readSteps(collection: ObjectCollection): Steps {
    return this.held.readSteps(collection)
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
