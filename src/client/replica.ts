/**
 * What a client holds of a shop: the objects that its subscription selects, made from verified sets only. An object is
 * the same reference until a set changes it, so that user interfaces can compare by identity.
 *
 * Tests: test/client/shop-client.test.ts
 */

import type { ShopId } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import type { Account } from '../objects/account.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import { objectName } from '../patches/object-name.js'
import { editObject, type ObjectCollection } from '../state/object-edit.js'
import type { PushedSet } from '../wire/pushed-set.js'
import { verifySet, type VerifiedSet } from './verify.js'

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
  private readonly relayAddress: Uint8Array
  private readonly objects = new Map<string, unknown>()
  private readonly changedAt = new Map<string, bigint>()
  private readonly linkedCards = new Map<string, number>()
  private last = 0n

  constructor(shopId: ShopId, relayAddress: Uint8Array) {
    this.shopId = shopId
    this.relayAddress = relayAddress
  }

  /** The last set that was verified and applied; 0 before the first. */
  get lastSeq(): bigint {
    return this.last
  }

  /**
   * Verifies and applies a set; returns it with the names of the objects that it changed. Throws VerificationError,
   * Refusal, SchemaError.
   */
  take(set: PushedSet): { readonly set: VerifiedSet; readonly changed: ReadonlySet<string> } {
    const { shopId, relayAddress } = this
    const verified = verifySet(set, this.last, {
      shopId,
      relayAddress,
      isLinked: (card) => this.linkedCards.has(toHex(card)),
    })
    const changed = new Map<string, unknown>()
    for (const patch of verified.patches) {
      const name = objectName(patch.path)
      changed.set(name, editObject(changed.has(name) ? changed.get(name) : this.objects.get(name), patch))
    }
    for (const [name, value] of changed) this.put(name, value, set.seq)
    this.last = set.seq
    return { set: verified, changed: new Set(changed.keys()) }
  }

  /** By object name: `Listings/42`, `Manifest`, … */
  get(name: string): unknown {
    return this.objects.get(name)
  }

  /** The set that changed the object last, or undefined. */
  seqOf(name: string): bigint | undefined {
    return this.changedAt.get(name)
  }

  /** All objects of a collection with their names, in order of first appearance. */
  all<C extends ObjectCollection>(collection: C): [string, ObjectTypes[C]][] {
    const found: [string, ObjectTypes[C]][] = []
    for (const [name, value] of this.objects)
      if (name.startsWith(`${collection}/`)) found.push([name, value as ObjectTypes[C]])
    return found
  }

  private put(name: string, value: unknown, seq: bigint): void {
    if (name.startsWith('Accounts/'))
      this.relink(this.objects.get(name) as Account | undefined, value as Account | undefined)
    this.changedAt.set(name, seq)
    if (value === undefined) this.objects.delete(name)
    else this.objects.set(name, value)
  }

  /** A card may stand in more than one account. */
  private relink(before: Account | undefined, after: Account | undefined): void {
    for (const card of after?.KeyCards ?? [])
      this.linkedCards.set(toHex(card), (this.linkedCards.get(toHex(card)) ?? 0) + 1)
    for (const card of before?.KeyCards ?? []) {
      const left = (this.linkedCards.get(toHex(card)) ?? 1) - 1
      if (left > 0) this.linkedCards.set(toHex(card), left)
      else this.linkedCards.delete(toHex(card))
    }
  }
}
