/**
 * The contract of this room: what the writer is asked for and what becomes of it, what it asks of whoever knows chains
 * and prices, and what it tells after a commit.
 *
 * Tests: test/e2e/rejected-commits.test.ts
 */

import type { OrderId, Seq } from '../../brands.js'
import type { PaymentRules } from '../../state/orders.js'
import type { ShopState } from '../../state/shop-state.js'
import type { VerdictCode } from '../../state/verdict.js'
import type { CardRow, Commit, PaymentRow, ShopRow } from '../../store/store.js'
import type { CommittedSet } from '../shops/committed-set.js'
import type { Shop } from '../shops/shop.js'

/** What becomes of a write. `stateHash`: 32 bytes, of the state after exactly this set. */
/** What a set became; hashes of 32 bytes, of the state after it. */
interface WrittenSet {
  readonly seq: Seq
  readonly stateHash: Uint8Array
  readonly stateRoot: Uint8Array
}

export type WriteOutcome =
  | ({ readonly ok: true } & WrittenSet)
  | {
      readonly ok: false
      /**
       * TOO_MANY_CONCURRENT_REQUESTS: it could not be stored, or a guest's card has too many orders; it is the code of
       * version 4 that says try again.
       */
      readonly code: VerdictCode | 'UNLINKED_KEYCARD' | 'TOO_MANY_CONCURRENT_REQUESTS' | 'CONFLICT'
      readonly message: string
      readonly objectId?: bigint
      /** It could not be stored: in version 5 the code says so (PROOFS §4). */
      readonly unavailable?: boolean
    }

/** What a session of version 5 says of a write beside its set. */
export interface WriteTerms {
  /** What the shop's head has to be. */
  readonly expectedSeq?: bigint | undefined
}

/** A set that the relay makes, built when its turn comes. */
export interface RelayChange {
  readonly patches: readonly Uint8Array[]
  readonly cards?: readonly CardRow[]
  readonly newShop?: ShopRow
  readonly settings?: Commit['settings']
  readonly paymentRows?: Commit['paymentRows']
  /** Canonical CBOR of listings whose hashes the patches name. */
  readonly pricedListings?: readonly Uint8Array[]
}

/** `paymentRows`: the rows of the shop whose keys begin so, those that are on their way to the disk among them. */
export type Build = (
  state: ShopState | undefined,
  paymentRows: (prefix: Uint8Array) => PaymentRow[],
) => RelayChange | undefined

export type RelayOutcome = 'done' | 'refused' | 'not-stored'

/**
 * What is to be paid, as whoever knows chains and prices fills it in (payments/checkout.ts): from what is at hand, at
 * once.
 */
export interface OrderCheckout extends PaymentRules {
  /**
   * The relay's patches for an order in state 4; `later` says why there are none yet. `taken`: PaymentIDs (hexadecimal)
   * of the same set; the new one is added.
   */
  details(state: ShopState, orderId: OrderId, taken: Set<string>): OrderDetails | { readonly later: string }
}

export interface OrderDetails {
  /** Encoded: PaymentDetails and State 5. */
  readonly patches: readonly Uint8Array[]
  /** Canonical CBOR of the listings that are wanted. */
  readonly pricedListings: readonly Uint8Array[]
}

/** What a commit made durable in one shop. */
export interface Committed {
  /** In order of sequence; at least one. */
  readonly sets: readonly CommittedSet[]
  /** Cards that were taken out of their account, with the set that did it. */
  readonly unlinked: readonly { readonly card: Uint8Array; readonly seq: Seq }[]
  readonly orders: WrittenOrders
}

/** Orders and PaymentIDs that were written. */
export interface WrittenOrders {
  readonly ids: ReadonlySet<OrderId>
  readonly payments: readonly Uint8Array[]
}

/** `alone` guards what it calls like a step: of several things one that throws does not stop the others. */
export type AfterCommit = (shop: Shop, committed: Committed, alone: (act: () => void) => void) => void
