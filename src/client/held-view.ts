/**
 * What a client holds of a shop and what is proven of it, as its views show it. A list of many objects is made once
 * they are read from their bytes, a slice at a time.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts, test/client/held-view.test.ts
 */

import type { ObjectCollection } from '../state/object-edit.js'
import type { WireVersion } from '../wire/envelope.js'
import { loadingUnless, seqOnly, type Reading, type Standing } from './live.js'
import type { Part } from './parts.js'
import type { Replica } from './replica.js'
import type { ShopProofs } from './shop-proofs.js'
import type { ViewSource } from './shop-views.js'
import { inSlices } from './slices.js'

type ListedCollection = Parameters<ViewSource['list']>[0]

interface HeldViewHost {
  /** What is subscribed to follows from what is looked at. */
  readonly isWatched: boolean
  protocol(): WireVersion
  /** What is subscribed to; undefined for everything. */
  parts(): readonly Part[] | undefined
  /** All that there was when the client came has come. */
  isSynced(): boolean
  /** There is a session by which more can come. */
  isConnected(): boolean
  /** Whether somebody may look still. */
  isWanted(): boolean
  /** Lists of the collection can be made now. */
  listed(collection: ListedCollection): void
  failed(error: unknown): void
}

/** The same each time. */
const NOTHING_READ: readonly never[] = []
/** Of what is on its way, or cannot be read, nothing is said. */
const UNREAD = { complete: false, verified: undefined } as const

export class HeldView implements ViewSource {
  private readonly replica: Replica
  private readonly proofs: ShopProofs
  private readonly host: HeldViewHost
  /** Collections whose objects are being read. */
  private readonly beingRead = new Set<ListedCollection>()
  /** Names of objects that cannot be read, and collections with one: the client has failed, they are shown empty. */
  private readonly unreadable = new Set<string>()

  constructor(replica: Replica, proofs: ShopProofs, host: HeldViewHost) {
    this.replica = replica
    this.proofs = proofs
    this.host = host
  }

  get(name: string): unknown {
    return this.readable(name, () => this.proofs.value(name))
  }

  /** Of version 4 the set that changed it last is told, and nothing proves that none is missing. */
  standing(name: string): Standing {
    const standing = this.standingOf(name)
    return this.unreadable.has(name) ? { ...standing, ...UNREAD } : standing
  }

  private standingOf(name: string): Standing {
    if (this.host.protocol() === 4) return { ...this.unproven(), verified: seqOnly(this.replica.seqOf(name)) }
    const standing = this.proofs.standing(name)
    // An object that was proven by itself need not wait for the rest of the shop.
    if (!this.proofs.covers(name)) return this.host.isWatched ? loadingUnless(standing) : standing
    return this.upToDate(standing)
  }

  list(collection: ListedCollection): readonly unknown[] {
    return (this.isRead(collection) ? this.made(collection) : undefined) ?? NOTHING_READ
  }

  listStanding(collection: ListedCollection): Standing {
    const standing = this.collectionStanding(collection)
    return this.isRead(collection) ? standing : { ...standing, ...UNREAD, isLoading: true }
  }

  /** What `make` makes of all objects of a collection, at once. */
  reading<T>(collection: ObjectCollection, make: () => T): Reading<T> {
    const data = this.readable(collection, make)
    const standing = this.collectionStanding(collection)
    return this.unreadable.has(collection) ? { ...standing, ...UNREAD, data } : { ...standing, data }
  }

  /** Of all objects of a collection, read or not. */
  collectionStanding(collection: ObjectCollection): Standing {
    if (this.host.protocol() === 4) return { ...this.unproven(), verified: seqOnly(this.replica.changedAt(collection)) }
    const standing = this.upToDate(this.proofs.listStanding(collection))
    return this.host.isWatched ? loadingUnless(standing) : standing
  }

  /** In version 4 as far as it was subscribed to. */
  isWhole(collection: ListedCollection): boolean {
    if (this.host.protocol() === 5) return this.proofs.isWhole(collection)
    const kind = { Listings: 'listing', Orders: 'order', Tags: 'tags' }[collection]
    const parts = this.host.parts()
    return parts === undefined || parts.some((part) => Object.entries(part).join() === `${kind},all`)
  }

  /**
   * A snapshot is as of its checkpoint: the sets behind it belong to what there was when the client came, and while
   * they are on their way nothing is complete.
   */
  private upToDate(standing: Standing): Standing {
    const { host } = this
    if (host.isSynced()) return standing
    return { ...standing, isLoading: true, complete: standing.complete && !host.isConnected() }
  }

  private unproven(): Omit<Standing, 'verified'> {
    return { isLoading: !this.host.isSynced(), complete: false, stale: false }
  }

  /** Of many objects not at once: then they are read, and lists are told. */
  private isRead(collection: ListedCollection): boolean {
    if (this.unreadable.has(collection)) return false
    if (this.replica.isRead(collection) || !this.host.isWanted()) return this.made(collection) !== undefined
    if (!this.beingRead.has(collection)) void this.read(collection)
    return false
  }

  private async read(collection: ListedCollection): Promise<void> {
    this.beingRead.add(collection)
    try {
      await inSlices(this.replica.readSteps(collection), () => this.host.isWanted())
    } catch (error) {
      this.unreadable.add(collection)
      this.host.failed(error)
    }
    this.beingRead.delete(collection)
    this.host.listed(collection)
  }

  /** The same list until one of its objects changes. */
  private made(collection: ListedCollection): readonly unknown[] | undefined {
    return this.readable(collection, () => this.replica.list(collection))
  }

  /** Whoever draws a page is not thrown at: the client fails, and says so. `what`: an object, or a collection. */
  private readable<T>(what: string, read: () => T): T | undefined {
    try {
      return read()
    } catch (error) {
      this.unreadable.add(what)
      this.host.failed(error)
      return undefined
    }
  }
}
