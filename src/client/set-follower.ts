/**
 * What comes after the snapshot of a shop: sets, verified and applied, and the state tree of what is held, by which it
 * is compared with checkpoints. No page needs it before it shows the shop, so it is loaded behind that.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { ShopId } from '../brands.js'
import type { Account } from '../objects/account.js'
import type { HeldObjects } from '../proofs/held-objects.js'
import { HeldShop } from '../proofs/held-shop.js'
import { cardMoves } from '../state/card-moves.js'
import type { PushedSet } from '../wire/pushed-set.js'
import { LinkedCards } from './linked-cards.js'
import { VerificationError } from './verification-error.js'
import { verifySet, type VerifiedSet } from './verify.js'

export { decodeSet } from '../wire/pushed-set.js'
export * as later from '../proofs/later-checkpoint.js'
export { Freshness } from './freshness.js'

/** Whose sets are taken. */
export interface FollowedShop {
  readonly shopId: ShopId
  /** Addresses of the relay's keys, 20 bytes each, at least one. */
  readonly relays: readonly Uint8Array[]
}

/** A set that was taken, with the names of the objects that it changed. */
export interface TakenSet {
  readonly set: VerifiedSet
  readonly changed: ReadonlySet<string>
}

export class SetFollower {
  /** What is held, with its tree. */
  readonly shop: HeldShop
  private readonly of: FollowedShop
  private readonly cards = new LinkedCards()

  /** `held`: no set changed it yet. */
  constructor(of: FollowedShop, held: HeldObjects, options: { readonly hasTree: boolean }) {
    this.of = of
    this.shop = new HeldShop(options, held)
    for (const account of held.values('Accounts'))
      for (const move of cardMoves(new Uint8Array(0), [], (account as Account).KeyCards ?? [])) this.cards.move(move)
  }

  /** Verifies and applies a set. Throws VerificationError. */
  take(pushed: PushedSet): TakenSet {
    const { cards, shop } = this
    const { shopId, relays } = this.of
    const [relayAddress, ...otherRelayAddresses] = relays as [Uint8Array, ...Uint8Array[]]
    const trust = { shopId, relayAddress, otherRelayAddresses, isLinked: (card: Uint8Array) => cards.has(card) }
    const set = verifySet(pushed, shop.seq, trust)
    const { changed, cardMoves: moves } = applied(shop, set)
    for (const move of moves) cards.move(move)
    return { set, changed }
  }
}

/** What no relay accepts, or changes what is not held: something before it was left out. */
function applied(shop: HeldShop, set: VerifiedSet): ReturnType<HeldShop['apply']> {
  try {
    return shop.apply(set)
  } catch (error) {
    const problem = `cannot be applied to what is held as of set ${shop.seq}: ${(error as Error).message}`
    throw new VerificationError(set.seq, problem, { cause: error })
  }
}
