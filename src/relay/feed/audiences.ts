/**
 * The audiences of one shop by what they select: a set that is published costs as much as the audiences that its
 * patches are for, however many others there are.
 *
 * Tests: test/relay/feed/audience.test.ts
 */

import type { OrderId, Seq } from '../../brands.js'
import { toHex } from '../../bytes/hex.js'
import type { PatchKey } from '../../patches/object-name.js'
import { Audience } from './audience.js'
import type { Feed } from './feed.js'
import type { Selection } from './selection.js'

/** A set with the keys of its patches. */
interface PublishedSet {
  readonly seq: Seq
  readonly keys: readonly PatchKey[]
}

/** The card that an order belongs to; where that cannot be read now, any guest's. */
type OwnerOf = (id: OrderId) => Uint8Array | 'unknown' | undefined

export class Audiences {
  private readonly feed: Feed
  private readonly byName = new Map<string, Audience>()
  /** By collection. */
  private readonly whole = new Map<string, Set<Audience>>()
  /** By collection, then by key. */
  private readonly objects = new Map<string, Map<string, Set<Audience>>>()
  /** Of guests, for their own orders: by card, in hexadecimal. */
  private readonly ofGuests = new Map<string, Set<Audience>>()

  constructor(feed: Feed) {
    this.feed = feed
  }

  /** That of this selection: found, or made. */
  of(selection: Selection): Audience {
    const known = this.byName.get(selection.name)
    if (known !== undefined) return known
    const audience = new Audience(this.feed, selection)
    this.byName.set(selection.name, audience)
    this.eachPlace(selection, (map, key) => {
      const all = map.get(key) ?? new Set()
      map.set(key, all.add(audience))
    })
    return audience
  }

  /** Its last member has gone. */
  remove(audience: Audience): void {
    const { selection } = audience
    this.byName.delete(selection.name)
    audience.forget()
    this.eachPlace(selection, (map, key) => {
      const all = map.get(key)
      if (all?.delete(audience) === true && all.size === 0) map.delete(key)
    })
    for (const [collection, keys] of this.objects) if (keys.size === 0) this.objects.delete(collection)
  }

  get size(): number {
    return this.byName.size
  }

  *[Symbol.iterator](): Generator<Audience> {
    yield* this.byName.values()
  }

  /**
   * Notes for each audience which of the sets, just published, may hold something for it; returns those for which one
   * does. `ownerOf`: the card that an order belongs to.
   */
  note(sets: Iterable<PublishedSet>, ownerOf: OwnerOf): ReadonlySet<Audience> {
    const all = new Set<Audience>()
    for (const { seq, keys } of sets) {
      for (const audience of this.matching(keys, ownerOf)) {
        audience.note(seq)
        all.add(audience)
      }
    }
    return all
  }

  private matching(keys: readonly PatchKey[], ownerOf: OwnerOf): Set<Audience> {
    const found = new Set<Audience>()
    const add = (some: ReadonlySet<Audience> | undefined) => {
      if (some !== undefined) for (const audience of some) found.add(audience)
    }
    const collections = new Set<string>()
    for (const { collection, key } of keys) {
      if (!collections.has(collection)) add(this.whole.get(collection))
      collections.add(collection)
      add(this.objects.get(collection)?.get(key))
      if (collection !== 'Orders' || this.ofGuests.size === 0) continue
      const owner = ownerOf(BigInt(key))
      if (owner === 'unknown') for (const some of this.ofGuests.values()) add(some)
      else if (owner !== undefined) add(this.ofGuests.get(toHex(owner)))
    }
    return found
  }

  private eachPlace(selection: Selection, act: (map: Map<string, Set<Audience>>, key: string) => void): void {
    const { collections, objects, ordersOf } = selection.interests()
    for (const collection of collections) act(this.whole, collection)
    for (const { collection, key } of objects) {
      const keys = this.objects.get(collection) ?? new Map<string, Set<Audience>>()
      this.objects.set(collection, keys)
      act(keys, key)
    }
    if (ordersOf !== undefined) act(this.ofGuests, toHex(ordersOf))
  }
}
