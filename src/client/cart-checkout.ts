/**
 * How a cart becomes an order, and what becomes of the cart: its lines leave with the order that was agreed to, and
 * with no other.
 *
 * Tests: test/client/cart.test.ts, test/client/offline.test.ts
 */

import type { OrderId } from '../brands.js'
import { CANCELED, type AddressDetails, type Order } from '../objects/order.js'
import { checkAgreed, requireMade } from './agreed-total.js'
import { Cart, lineOf, type CartInside, type CheckoutOptions, type Line, type MadeOrder } from './cart.js'
import { isKnown, orderThere, outcomeOf, requireOrderable, whenKnown } from './checkout.js'
import { ClientError, usage } from './client-error.js'
import type { Money } from './money.js'
import { randomId } from './places.js'

/** See `checkout` of Cart. */
export async function checkOut(cart: Cart, inside: CartInside, options: CheckoutOptions): Promise<MadeOrder> {
  const { shop, lines, clearings } = inside
  const { total, ...call } = options
  checkAgreed(total)
  const isWaiting = () => inside.sent !== undefined && shop.isWaiting(inside.sent.order)
  if (lines.size > 0 && !isWaiting() && !isKnown(cart.get(), total)) {
    await whenKnown(cart, { client: shop.client, ...options })
    // What it holds then is another one's.
    if (inside.clearings !== clearings)
      throw new ClientError('ABORTED', 'the cart was cleared before its checkout was sent')
  }
  if (lines.size === 0) throw usage('cart', 'it has no lines', 'Add something first.')
  const state = cart.get()
  requireOrderable(state, isWaiting(), total)
  const made = { total: state.quote.total, lines: [...lines.values()], address: state.address }
  const order = await placed(inside, made, total, call)
  return { order, total: made.total }
}

/** Throws where a call that joined a checkout agreed to another total than that of its order. */
export function requireSameOrder({ order, total }: MadeOrder, agreed: Money | undefined): OrderId {
  checkAgreed(agreed)
  requireMade(agreed, total, order)
  return order
}

interface Wanted {
  readonly lines: readonly Line[]
  readonly address: AddressDetails | undefined
}

async function placed(
  inside: CartInside,
  wanted: Wanted,
  agreed: Money | undefined,
  call: Omit<CheckoutOptions, 'total'>,
): Promise<OrderId> {
  const { shop, placing, clearings } = inside
  const { lines, address } = wanted
  const before = inside.sent
  const id = before?.order ?? inside.next ?? randomId()
  inside.sent = { order: id, lines, isTried: before !== undefined }
  placing.add(id)
  inside.changed()
  let isAnew = false
  try {
    await shop.place({ id, items: lines, ...(address && { shippingAddress: address }) }, call)
    taken(inside, id)
    return id
  } catch (error) {
    // That there is such an order already is no refusal: another tab, or an earlier try, made it.
    const order = await orderThere(error, shop.client, () => shop.order(id))
    if (order === undefined) {
      notTaken(inside, id, error)
      throw error
    }
    shop.made(id)
    if (order.State !== CANCELED) return takenAs(inside, wanted, order, agreed)
    // It ended, of itself or by the guest: what he wants now is another one.
    dropped(inside, id)
    isAnew = inside.clearings === clearings
    if (!isAnew) throw error
  } finally {
    placing.delete(id)
    if (!isAnew) lookForOrder(inside)
  }
  return placed(inside, wanted, agreed, call)
}

/** The order that is there is what was wanted; if not nothing of the cart is taken, and its next order another one. */
function takenAs(inside: CartInside, wanted: Wanted, order: Order, agreed: Money | undefined): OrderId {
  const { ID: id, ShippingAddress: address } = order
  const lines = linesOf(order)
  if (textOf(lines, address) === textOf(wanted.lines, wanted.address)) {
    taken(inside, id, lines)
    return id
  }
  dropped(inside, id)
  const theirs = new Cart({ ...inside.shop, kept: () => undefined })
  for (const line of lines) theirs.add(line)
  theirs.sendTo(address)
  const { total } = theirs.get().quote
  if (total !== undefined) requireMade(agreed, total, id)
  const problem = `order ${id}, which was made of this cart before, has other lines or another address`
  throw new ClientError('INVALID', `${problem}: nothing was sent`, { objectId: id, remedy: LOOK_AT_IT })
}

const LOOK_AT_IT = 'Show the guest that order, to pay or to cancel; the next checkout is another order.'

/** The same for the same lines, in any order, and the same address. */
function textOf(lines: readonly Line[], address: AddressDetails | undefined): string {
  const pieces = lines.map(({ key, quantity }) => `${quantity} ${key}`).sort()
  const fields = Object.entries(address ?? {}).filter(([, value]) => value !== undefined)
  return JSON.stringify([pieces, fields.sort(([a], [b]) => (a < b ? -1 : 1))])
}

function linesOf({ Items }: Order): readonly Line[] {
  return (Items ?? [])
    .filter(({ Quantity }) => Quantity > 0n)
    .map(({ ListingID: listing, VariationIDs, Quantity: quantity }) =>
      lineOf({ listing, quantity, variations: VariationIDs }),
    )
}

/** See `left` of Cart. */
export function orderLeft(inside: CartInside, order: OrderId, error: ClientError | undefined): void {
  if (error === undefined) taken(inside, order)
  else notTaken(inside, order, error, true)
}

/** Its lines leave; what was added in the meantime stays. */
function taken(inside: CartInside, order: OrderId, ordered?: readonly Line[]): void {
  const { sent, lines } = inside
  if (sent?.order !== order && inside.next !== order) return
  inside.sent = undefined
  inside.next = undefined
  inside.joined = []
  for (const { key, quantity } of ordered ?? sent?.lines ?? [...lines.values()]) {
    const now = lines.get(key)
    if (now === undefined) continue
    if (now.quantity > quantity) lines.set(key, { ...now, quantity: now.quantity - quantity })
    else lines.delete(key)
  }
  inside.changed()
}

/** Its lines are free again where nobody took it, by all that is known. */
function notTaken(inside: CartInside, order: OrderId, error: unknown, hasLeft = false): void {
  const { sent } = inside
  // What leaves the outbox as aborted was never sent.
  const isAborted = hasLeft && error instanceof ClientError && error.code === 'ABORTED'
  const outcome = isAborted ? 'not sent' : outcomeOf(error)
  if (sent?.order !== order || outcome === 'unknown') return
  if (outcome === 'not sent' && sent.isTried) return
  inside.sent = undefined
  inside.next = order
  inside.changed()
}

/** The order is there, and none of these lines: they become another one. */
function dropped(inside: CartInside, order: OrderId): void {
  if (inside.sent?.order !== order && inside.next !== order) return
  inside.sent = undefined
  inside.next = randomId()
  inside.joined = []
  inside.changed()
}

/** Where its answer will not come to this client: it is there, or it is asked for again with the next checkout. */
export function lookForOrder(inside: CartInside): void {
  const sent = inside.sent?.order
  const order = sent === undefined || inside.placing.has(sent) ? undefined : sent
  if (order === inside.looking?.order) return
  inside.looking?.stop()
  inside.looking = undefined
  if (order === undefined) return
  const live = inside.shop.order(order)
  const look = () => {
    const { data, pending } = live.get()
    if (data === undefined || pending === true) return
    if (data.State === CANCELED) dropped(inside, order)
    else taken(inside, order, linesOf(data))
  }
  inside.looking = { order, stop: live.subscribe(look) }
  look()
}
