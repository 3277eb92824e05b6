/** An order as the lists and its panel name it. */

import {
  CANCELED,
  COMMITTED,
  OPEN,
  orderWords,
  PAID,
  PAYMENT_CHOSEN,
  UNPAID,
  type Order,
  type OrderPayments,
} from 'cairn-relay/client'
import { Badge } from './shared.js'

export interface OrderRow {
  readonly id: bigint
  /** Undefined for one that was removed. */
  readonly order: Order | undefined
  readonly payments: OrderPayments | undefined
}

const KINDS: Readonly<Record<string, string>> = {
  [`${OPEN}`]: 'calm',
  [`${CANCELED}`]: 'calm',
  [`${COMMITTED}`]: 'new',
  [`${PAYMENT_CHOSEN}`]: 'new',
  [`${UNPAID}`]: 'wait',
  [`${PAID}`]: 'good',
}

export function OrderState({ order }: { readonly order: Order | undefined }) {
  if (order === undefined) return <Badge kind="calm">Removed</Badge>
  const { State, CanceledAt } = order
  const { title } = orderWords(order)
  const isEnding = CanceledAt !== undefined && State !== CANCELED
  return <Badge kind={KINDS[`${State}`]!}>{isEnding ? `${title}, being canceled` : title}</Badge>
}

/** Whether something is to be paid for it now. */
export function isDue(order: Order | undefined): boolean {
  return order?.State === UNPAID && order.CanceledAt === undefined
}

/** The short number where the relay tells it. */
export function nameOf({ id, payments }: OrderRow): string {
  return payments === undefined ? shortId(id) : `#${payments.number}`
}

/** What its guest calls it: he is told no short number. */
export function shortId(id: bigint): string {
  const text = String(id)
  return text.length > ID_DIGITS ? `…${text.slice(-ID_DIGITS)}` : text
}

const ID_DIGITS = 6
