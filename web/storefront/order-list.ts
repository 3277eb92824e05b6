/** In which order a guest's orders are listed: their ids are random, and no time stands in them. */

import { CANCELED, COMMITTED, OPEN, PAID, PAYMENT_CHOSEN, UNPAID, type Order } from 'cairn-relay/client'

/** What waits for its guest comes first. */
const STATES: readonly bigint[] = [UNPAID, PAYMENT_CHOSEN, COMMITTED, OPEN, PAID, CANCELED]

/** Of one state as they were. */
export function toBePaidFirst(orders: readonly Order[]): readonly Order[] {
  const place = ({ State, CanceledAt }: Order) => STATES.indexOf(CanceledAt === undefined ? State : CANCELED)
  return orders.toSorted((a, b) => place(a) - place(b))
}
