/** What the parts of an order cost, as long as that is what was asked for it. Pure. */

import { isSameMoney, PAID, type Money, type Order, type Quote } from 'cairn-relay/client'

/**
 * A quote is of the shop as it is now: undefined where it is not what was asked, and where that is not known though
 * something was. `asked`: undefined while nothing is, and while it is not known.
 */
export function quoteAsAsked(
  quote: Quote | undefined,
  { State, PaymentDetails }: Pick<Order, 'State' | 'PaymentDetails'>,
  asked: Money | undefined,
): Quote | undefined {
  const { total } = quote ?? {}
  if (total === undefined) return undefined
  if (asked === undefined) return State === PAID || PaymentDetails !== undefined ? undefined : quote
  return isSameMoney(asked, total) ? quote : undefined
}
