/** Which orders are new since the console was opened. */

import { CANCELED, OPEN, type Order } from 'cairn-relay/client'

export class FreshOrders {
  private known: ReadonlySet<bigint> | undefined

  /** Placed orders that were not there before; none of the first list. */
  take(orders: readonly Order[]): readonly Order[] {
    const placed = orders.filter(({ State }) => State !== OPEN && State !== CANCELED)
    const { known } = this
    this.known = new Set([...(known ?? []), ...placed.map(({ ID }) => ID)])
    return known === undefined ? [] : placed.filter(({ ID }) => !known.has(ID))
  }
}
