/** An order as the lists and its panel name it. */

import {
  CANCELED,
  COMMITTED,
  OPEN,
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

const STATES: Readonly<Record<string, readonly [text: string, kind: string]>> = {
  [`${OPEN}`]: ['Cart', 'calm'],
  [`${CANCELED}`]: ['Canceled', 'calm'],
  [`${COMMITTED}`]: ['Placed', 'new'],
  [`${PAYMENT_CHOSEN}`]: ['Choosing payment', 'new'],
  [`${UNPAID}`]: ['To be paid', 'wait'],
  [`${PAID}`]: ['Paid', 'good'],
}

export function OrderState({ order }: { readonly order: Order | undefined }) {
  const [text, kind] = order === undefined ? ['Removed', 'calm'] : STATES[`${order.State}`]!
  const isEnding = order?.CanceledAt !== undefined && order.State !== CANCELED
  return <Badge kind={kind}>{isEnding ? `${text}, being canceled` : text}</Badge>
}

/** The short number where the relay tells it. */
export function nameOf({ id, payments }: OrderRow): string {
  return payments === undefined ? `…${String(id).slice(-6)}` : `#${payments.number}`
}
