/**
 * Orders and listings as a state holds them, read one at a time.
 *
 * Tests: test/relay/payments/checkout.test.ts
 */

import type { ListingId, OrderId } from '../brands.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { Listing } from '../objects/listing.js'
import { Order } from '../objects/order.js'
import { idKey, type ShopState } from './shop-state.js'

/** Undefined if there is none under this id. */
export function orderIn(state: ShopState, id: OrderId): Order | undefined {
  const stored = state.collections.Orders.get(idKey(id))
  return stored === undefined ? undefined : Order.read(decodeChecked(stored), 'Order')
}

/** Undefined if there is none under this id. */
export function listingIn(state: ShopState, id: ListingId): Listing | undefined {
  const stored = state.collections.Listings.get(idKey(id))
  return stored === undefined ? undefined : Listing.read(decodeChecked(stored), 'Listing')
}
