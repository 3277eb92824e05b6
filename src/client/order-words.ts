/**
 * What an order's state means: a sentence for its guest and one for the merchant, and how long its pieces are reserved.
 *
 * Tests: test/client/order-words.test.ts
 */

import type { Seconds } from '../brands.js'
import { CANCELED, ORDER_STATE_NAMES, UNPAID, type Order, type OrderState } from '../objects/order.js'

/** The state of an order in words, with a sentence for its guest and one for the merchant. */
export interface OrderWords {
  /** Open, Canceled, Committed, PaymentChosen, Unpaid or Paid. */
  readonly state: (typeof ORDER_STATE_NAMES)[`${OrderState}`]
  /** The same for people, wherever they see it: Cart, Canceled, Placed, Being priced, To be paid or Paid. */
  readonly title: string
  readonly guest: string
  readonly merchant: string
}

const TITLES: Readonly<Record<`${OrderState}`, string>> = {
  '1': 'Cart',
  '2': 'Canceled',
  '3': 'Placed',
  '4': 'Being priced',
  '5': 'To be paid',
  '6': 'Paid',
}

type Sentences = Pick<OrderWords, 'guest' | 'merchant'>

const WORDS: Readonly<Record<`${OrderState}`, Sentences>> = {
  '1': {
    guest: 'You are still choosing; nothing is reserved for you yet.',
    merchant: 'The guest is still choosing; nothing is reserved.',
  },
  '2': {
    guest: 'The order was canceled or has expired; pay nothing for it, and order again if you still want it.',
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
const PAID_LATE: Sentences = {
  guest: 'Your payment came after the order had ended. Ask the merchant for your money back, or for the pieces.',
  merchant: 'Paid after it had ended: refund it, or take it for a new order.',
}

const ENDING: Sentences = {
  guest: 'The order is being canceled; do not pay.',
  merchant: 'Being canceled; its pieces are free again. Do not ship.',
}

/** What may be odd about an order's payments, as `cairn orders --odd` and the merchant's console name it. */
export type OddPayment =
  'partial' | 'over' | 'late' | 'extra' | 'fell' | 'earlier' | 'reorged' | 'shortfall' | 'no details'

const ODD: Readonly<Record<OddPayment, Sentences>> = {
  partial: {
    guest: 'Less came than is due: send the rest to the same address in time, or ask the merchant for it back.',
    merchant: 'Less came than is due: ask for the rest, or refund it. Do not ship.',
  },
  over: {
    guest: 'It is paid, and more came than was due: ask the merchant for the difference.',
    merchant: 'Paid, and more came than was due: ship it, and refund the difference.',
  },
  late: PAID_LATE,
  extra: {
    guest: 'It was paid already, and a payment came once more: ask the merchant for the second one back.',
    merchant: 'Paid already, and a payment came once more: refund the second one.',
  },
  fell: {
    guest: 'Your payment came, and its token took it back: ask the merchant what to do.',
    merchant: 'The payment came, and its token took it back: do not ship, refund nothing, ask the guest.',
  },
  earlier: {
    guest: 'It is paid, by the way that you had chosen first: nothing more is to be paid.',
    merchant: 'Paid by an earlier choice of currency or payee: ship it, and book it as that.',
  },
  reorged: {
    guest: 'The chain has dropped the block with your payment: wait, your wallet shows whether it is sent again.',
    merchant: 'The payment counted, and its block left the chain: do not ship; wait for it, or ask again.',
  },
  shortfall: {
    guest: 'It is paid, and some pieces are missing: the merchant sends them later, or your money back.',
    merchant: 'Paid, and the stock had less than was bought: restock, or refund what you cannot send.',
  },
  'no details': {
    guest: 'The shop waits for the chain or a price; that takes a while. Pay nothing yet.',
    merchant: 'Chain or price are not at hand: nothing to do, the relay keeps trying.',
  },
}

/**
 * What to do about a payment that is odd: the merchant is told which it is (`cairn orders --odd`), and may tell the
 * guest, whom the protocol tells of late ones alone.
 *
 * @example
 * ```ts
 * import { oddPaymentWords } from 'cairn-relay/client'
 *
 * console.log(oddPaymentWords('extra').merchant) // Paid already, and a payment came once more: refund the second one.
 * ```
 */
export function oddPaymentWords(kind: OddPayment): Pick<OrderWords, 'guest' | 'merchant'> {
  return ODD[kind]
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
  return { state: ORDER_STATE_NAMES[name], title: TITLES[name], ...words }
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
