/**
 * What the writer is asked for, and what becomes of it: a client's set or a change of the relay's own, and their
 * outcomes.
 *
 * Tests: test/e2e/rejected-commits.test.ts
 */

import type { ShopState } from '../../state/shop-state.js'
import type { VerdictCode } from '../../state/verdict.js'
import type { CardRow, Commit, PaymentRow, ShopRow } from '../../store/store.js'

/** What becomes of a write. `stateHash`: 32 bytes, of the state after exactly this set. */
export type WriteOutcome =
  | { readonly ok: true; readonly stateHash: Uint8Array }
  | {
      readonly ok: false
      readonly code: VerdictCode | 'UNLINKED_KEYCARD'
      readonly message: string
      readonly objectId?: bigint
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
