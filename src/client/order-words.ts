/**
 * What an order's state means: a sentence for its guest and one for the merchant, and how long its pieces are reserved.
 *
 * Tests: test/client/order-words.test.ts
 */

import type { Seconds } from '../brands.js'
import { CANCELED, ORDER_STATE_NAMES, UNPAID, type Order, type OrderState } from '../objects/order.js'

export interface OrderWords {
  /** Open, Canceled, Committed, PaymentChosen, Unpaid or Paid. */
  readonly state: (typeof ORDER_STATE_NAMES)[`${OrderState}`]
  readonly guest: string
  readonly merchant: string
}

const WORDS: Readonly<Record<`${OrderState}`, Omit<OrderWords, 'state'>>> = {
  '1': {
    guest: 'You are still choosing; nothing is reserved for you yet.',
    merchant: 'The guest is still choosing; nothing is reserved.',
  },
  '2': {
    guest: 'The order was canceled or has expired; nothing is to be paid any more.',
    merchant: 'Canceled or expired; its pieces are free again. Do not ship.',
  },
  '3': {
    guest: 'The pieces are reserved for you; choose how to pay.',
    merchant: 'The pieces are reserved; the guest has not chosen how to pay.',
  },
  '4': {
    guest: 'The shop works out what is to be paid; that takes seconds.',
    merchant: 'The guest has chosen how to pay; the relay works out what is due.',
  },
  '5': {
    guest: 'Pay the whole amount in time; less than it does not count.',
    merchant: 'Waits for the payment. Do not ship.',
  },
  '6': {
    guest: 'It is paid. Keep the receipt: it proves what you bought.',
    merchant: 'Paid: ship it.',
  },
}

/** An order that ended before its payment came: TxDetails beside Canceled. */
const PAID_LATE: Omit<OrderWords, 'state'> = {
  guest: 'Your payment came after the order had ended. Ask the merchant for your money back, or for the pieces.',
  merchant: 'Paid after it had ended: refund it, or take it for a new order.',
}

const ENDING: Omit<OrderWords, 'state'> = {
  guest: 'The order is being canceled; do not pay.',
  merchant: 'Being canceled; its pieces are free again. Do not ship.',
}

/**
 * What the order's state means now.
 *
 * @example
 * ```ts
 * import { COMMITTED, orderWords } from 'cairn-relay/client'
 *
 * const { guest } = orderWords({ ID: 1n, State: COMMITTED, Items: [] })
 * console.log(guest) // The pieces are reserved for you; choose how to pay.
 * ```
 */
export function orderWords(order: Order): OrderWords {
  const { State, CanceledAt, TxDetails } = order
  const name = `${State}` as const
  const isOver = State === CANCELED
  const words =
    isOver && TxDetails !== undefined ? PAID_LATE : !isOver && CanceledAt !== undefined ? ENDING : WORDS[name]
  return { state: ORDER_STATE_NAMES[name], ...words }
}

/**
 * Seconds that are left to pay, never below 0; undefined for an order of which nothing is due. Until then its pieces
 * are reserved. Before payment is chosen the relay alone knows its deadline: 24 hours from the commit, if its operator
 * has not set another.
 *
 * @example
 * ```ts
 * import { COMMITTED, secondsLeft } from 'cairn-relay/client'
 *
 * console.log(secondsLeft({ ID: 1n, State: COMMITTED, Items: [] }, 0n)) // undefined
 * ```
 */
export function secondsLeft({ State, CanceledAt, PaymentDetails }: Order, now: Seconds): Seconds | undefined {
  if (State !== UNPAID || CanceledAt !== undefined || PaymentDetails === undefined) return undefined
  return PaymentDetails.TTL > now ? PaymentDetails.TTL - now : 0n
}
