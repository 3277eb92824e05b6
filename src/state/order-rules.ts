/**
 * The rules of an order that need this order alone (PROTOCOL §5, §11): its form, its states, what only the relay
 * writes. Rules that ask the rest of the shop (listings, stock, the manifest) are orders.ts's matter.
 *
 * Tests: test/state/orders.test.ts, test/state/transitions.test.ts, test/proofs/receipt.test.ts
 */

import type { OrderId } from '../brands.js'
import {
  CANCELED,
  COMMITTED,
  OPEN,
  ORDER_STATE_NAMES,
  PAID,
  PAYMENT_CHOSEN,
  UNPAID,
  type Order,
  type OrderState,
} from '../objects/order.js'
import type { Op, Patch } from '../patches/patch.js'
import { checkedOp, placeOf } from './edit.js'
import { editOrder } from './order-edit.js'
import { invalid, stricter } from './verdict.js'

/**
 * The order after a patch that its signer, the relay or not, may write, by its form alone; undefined if it is gone.
 * `id` is its key. Throws Refusal, SchemaError.
 */
export function editedOrder(before: Order | undefined, patch: Patch, id: OrderId, isRelay: boolean): Order | undefined {
  const { path, value } = patch
  const edit = editOrder(checkedOp(patch), path, 2)
  refuseRelayField(path, isRelay)
  const after = edit(before, value)
  if (after !== undefined && after.ID !== id) throw stricter(`order ${id}: ID must equal the key`)
  return after
}

/** Throws Refusal where the states of the order, `before` the patch and `after` it, do not allow it. */
export function checkLife(
  { op, path }: Patch,
  before: Order | undefined,
  after: Order | undefined,
  isRelay: boolean,
): void {
  if (path.length === 2) checkWhole(op as Op, before, after, isRelay)
  else checkField(path, before!, after!, isRelay)
}

/** Whether the patch, of an order, writes what is to be paid. */
export function asksForPayment({ path }: Pick<Patch, 'path'>): boolean {
  return path[2] === 'PaymentDetails'
}

function refuseRelayField(path: Patch['path'], isRelay: boolean): void {
  if (!isRelay && (path[2] === 'PaymentDetails' || path[2] === 'TxDetails')) {
    throw invalid(`${placeOf(path)} is written by the relay`)
  }
}

function checkWhole(op: Op, before: Order | undefined, after: Order | undefined, isRelay: boolean): void {
  if (before !== undefined) {
    if (op === 'remove' && before.State !== OPEN && before.State !== CANCELED)
      throw refusedIn(before, 'cannot be removed')
    if (op === 'replace' && before.State !== OPEN) throw refusedIn(before, 'cannot be replaced')
    if (op === 'replace' && before.CanceledAt !== undefined && !isRelay) throw canceled(before)
  }
  if (after === undefined) return
  if (after.State !== OPEN && !(op === 'add' && after.State === COMMITTED)) {
    throw invalid(`order ${after.ID} cannot be ${op === 'add' ? 'added' : 'replaced'} with State ${after.State}`)
  }
  if (after.PaymentDetails !== undefined) throw invalid(`order ${after.ID}: PaymentDetails are written by the relay`)
  if (after.CanceledAt !== undefined) throw invalid(`order ${after.ID}: a new order cannot be canceled`)
}

function checkField(path: Patch['path'], before: Order, after: Order, isRelay: boolean): void {
  const field = path[2]
  if (field === 'State') return checkTransition(before, after, isRelay)
  if (field === 'Items' && before.State !== OPEN) throw refusedIn(before, 'keeps its items')
  if (isRelay) return
  if (before.State === CANCELED || before.State === PAID) throw refusedIn(before, 'takes no more changes')
  if (before.CanceledAt !== undefined) throw canceled(before)
}

const TRANSITIONS: Readonly<Record<`${OrderState}`, readonly OrderState[]>> = {
  '1': [CANCELED, COMMITTED],
  '2': [],
  '3': [CANCELED, PAYMENT_CHOSEN],
  '4': [CANCELED, PAYMENT_CHOSEN, UNPAID],
  '5': [CANCELED, PAYMENT_CHOSEN, PAID],
  '6': [],
}

function checkTransition(before: Order, after: Order, isRelay: boolean): void {
  const to = after.State
  if (before.State === CANCELED && to === OPEN) throw stricter(`order ${before.ID} is Canceled and stays so`)
  if (!TRANSITIONS[`${before.State}`].includes(to))
    throw refusedIn(before, `cannot become ${ORDER_STATE_NAMES[`${to}`]}`)
  if ((to === UNPAID || to === PAID) && !isRelay) {
    throw invalid(`order ${before.ID}: ${ORDER_STATE_NAMES[`${to}`]} is set by the relay`)
  }
  if (before.CanceledAt !== undefined && to !== CANCELED) throw canceled(before)
  if (to === COMMITTED && !(after.Items ?? []).some(({ Quantity }) => Quantity > 0n))
    throw invalid(`order ${after.ID} has no item of a quantity above 0`)
}

function refusedIn(order: Order, what: string): Error {
  return invalid(`order ${order.ID} is ${ORDER_STATE_NAMES[`${order.State}`]} and ${what}`)
}

function canceled(order: Order): Error {
  return invalid(`order ${order.ID} is canceled and can only become Canceled`)
}
