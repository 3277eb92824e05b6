/**
 * Patches of orders (PROTOCOL §5, §11): what they ask of the rest of the shop, reservations and cancellation; what
 * needs the order alone is order-rules.ts's matter. Every check of a State write runs when that patch is applied.
 */

import type { ListingId, OrderId, Seconds } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import {
  OPEN_ORDERS_PER_GUEST_CARD_MAX,
  PAYMENT_CHOICES_PER_ORDER_MAX,
  PAYMENT_CHOICES_PER_SET_MAX,
} from '../limits.js'
import { inventoryKey, Inventory } from '../objects/inventory.js'
import { VIEW_STATE_PUBLISHED, type Listing } from '../objects/listing.js'
import { hasChainAddress, type Manifest } from '../objects/manifest.js'
import { COMMITTED, OPEN, Order, OrderItem, PAYMENT_CHOSEN, UNPAID } from '../objects/order.js'
import type { Hamt } from '../merkle/hamt.js'
import type { Patch, PathPart } from '../patches/patch.js'
import type { Author } from './access.js'
import type { Draft } from './draft.js'
import { placeOf } from './edit.js'
import { withMade } from './guest-orders.js'
import { withHolder } from './holders.js'
import { checkVariations } from './inventory.js'
import { checkLife, editedOrder } from './order-rules.js'
import { orderNumber, withAddition } from './order-number.js'
import { encodePaymentEntry, paymentEntry } from './payment-entry.js'
import { cardStockKey, count, counted, idKey, isId } from './shop-state.js'
import { invalid, notFound, outOfStock, stricter } from './verdict.js'

/** What choosing payment asks beyond the state: configured chains and a price (§11, PaymentChosen). */
export interface PaymentRules {
  /** Why payment cannot be chosen for this order now, or undefined if it can. */
  refuse(order: Order, manifest: Manifest, listing: (id: ListingId) => Listing | undefined): string | undefined
}

interface OrderContext {
  readonly author: Author
  readonly committedAt: Seconds
  readonly reservationSeconds: Seconds
  readonly payments?: PaymentRules
}

export function applyToOrders(draft: Draft, patch: Patch, context: OrderContext): void {
  const { path } = patch
  const id = path[1]
  if (!isId(id)) throw invalid(`${placeOf(path)}: an order's key is an unsigned 64-bit integer`)
  const key = idKey(id)
  const isRelay = context.author.role === 'relay'
  const before = draft.read('Orders', key, Order)
  const after = editedOrder(before, patch, id, isRelay)
  if (after !== undefined) checkReferences(draft, path, before, after)
  checkLife(patch, before, after, isRelay)
  if (path[2] === 'State') checkStateWrite(draft, before!, after!, context)
  if (after === undefined) draft.delete('Orders', key, Order)
  // What the relay adds (times, payment details) may pass the limit that clients are held to: refusing it would lose
  // the order.
  else draft.write('Orders', key, Order, after, context.author.role === 'relay')
  draft.orderWritten(id)
  if (before === undefined) {
    takeOwnership(draft, id, after!, context)
    draft.setIndex('numbers', withAddition(draft.index('numbers'), id))
  }
  countOpen(draft, id, before, after)
  reserve(draft, id, before, after, context)
  if (path.length > 2) rememberPayment(draft, path[2]!, id, after!)
}

/** The order as it was when State→4 was last written; undefined if payment is not chosen, or the order has ended. */
export function chosenOrder(index: Hamt, id: OrderId): Order | undefined {
  return choiceOf(index, id)?.order
}

/** Rows of the `chosen` index: how often payment was chosen, and the order as it was the last time. */
function choiceOf(index: Hamt, id: OrderId): { readonly times: bigint; readonly order: Order } | undefined {
  const row = index.get(idKey(id))
  if (row === undefined) return undefined
  const [times, order] = decodeChecked(row) as unknown as [bigint, Parameters<typeof Order.read>[0]]
  return { times, order: Order.read(order, 'Order') }
}

/** Whether the order holds stock: committed and neither canceled nor paid. */
export function isLive(order: Order | undefined): boolean {
  if (order === undefined || order.CanceledAt !== undefined) return false
  return order.State === COMMITTED || order.State === PAYMENT_CHOSEN || order.State === UNPAID
}

/** Listings and variations of items that come in, payee and currency: they must be there. */
function checkReferences(draft: Draft, path: Patch['path'], before: Order | undefined, after: Order): void {
  if (path.length === 2 || (path[2] === 'Items' && path.length < 5)) {
    const had = new Set(before?.Items)
    for (const item of after.Items ?? []) {
      if (!had.has(item)) checkVariations(draft.listing(item.ListingID), item.ListingID, item.VariationIDs ?? [])
    }
  }
  const { ChosenPayee: payee, ChosenCurrency: currency } = after
  const changed =
    (payee !== undefined && payee !== before?.ChosenPayee) ||
    (currency !== undefined && currency !== before?.ChosenCurrency)
  if (!changed) return
  const manifest = draft.manifest()
  if (
    payee !== before?.ChosenPayee &&
    payee !== undefined &&
    !hasChainAddress(manifest?.Payees ?? null, payee.Address)
  ) {
    throw invalid(`order ${after.ID}: ChosenPayee is no payee of the manifest`)
  }
  if (
    currency !== before?.ChosenCurrency &&
    currency !== undefined &&
    !hasChainAddress(manifest?.AcceptedCurrencies ?? null, currency)
  ) {
    throw invalid(`order ${after.ID}: ChosenCurrency is not accepted by the manifest`)
  }
}

/** What a State write asks of the rest of the shop. */
function checkStateWrite(draft: Draft, before: Order, after: Order, { author, payments }: OrderContext): void {
  if (after.State === COMMITTED) checkCommit(draft, after)
  if (after.State !== PAYMENT_CHOSEN) return
  if (++draft.paymentChoices > PAYMENT_CHOICES_PER_SET_MAX)
    throw stricter(`one set chooses payment at most ${PAYMENT_CHOICES_PER_SET_MAX} times`)
  if (author.role === 'relay' || payments === undefined) return
  const reason = payments.refuse(after, draft.manifest()!, (id) => draft.listing(id))
  if (reason !== undefined) throw invalid(`order ${before.ID}: payment cannot be chosen: ${reason}`)
}

/**
 * Every listing there and published, and stock beyond what other live orders hold; lines over the same stock are
 * summed.
 */
function checkCommit(draft: Draft, order: Order): void {
  const wanted = wantedStock(order)
  for (const { item } of wanted.values()) {
    const listing = draft.listing(item.ListingID)
    checkVariations(listing, item.ListingID, item.VariationIDs ?? [])
    if (listing!.ViewState !== VIEW_STATE_PUBLISHED)
      throw notFound(`listing ${item.ListingID} is not published`, item.ListingID)
  }
  for (const { key, item, quantity } of wanted.values()) {
    if (freeStock(draft, key) < quantity) {
      // Without the number: guests may not read the inventory (§10). What their own orders hold they know.
      const own = ownHold(draft, order.ID, key)
      const told = own === 0n ? '' : `; ${own} are held by other orders of the same card`
      const problem = `fewer than the ${quantity} wanted are available${told}`
      throw outOfStock(`listing ${item.ListingID}: ${problem}`, item.ListingID)
    }
  }
}

/** Pieces under the inventory key that other live orders of the order's card hold. */
function ownHold(draft: Draft, id: OrderId, key: Uint8Array): bigint {
  const owner = draft.index('owners').get(idKey(id))
  return owner === undefined ? 0n : count(draft.index('reservedBy'), cardStockKey(owner, key))
}

/** Pieces wanted per inventory key, items of 0 left out. */
export function wantedStock(order: Order): Map<string, { key: Uint8Array; item: OrderItem; quantity: bigint }> {
  const wanted = new Map<string, { key: Uint8Array; item: OrderItem; quantity: bigint }>()
  for (const item of order.Items ?? []) {
    if (item.Quantity === 0n) continue
    const key = inventoryKey(item.ListingID, item.VariationIDs ?? [])
    const name = toHex(key)
    const sum = wanted.get(name)
    wanted.set(name, { key, item, quantity: (sum?.quantity ?? 0n) + item.Quantity })
  }
  return wanted
}

// Indexes

function takeOwnership(draft: Draft, id: OrderId, order: Order, { author, committedAt }: OrderContext): void {
  if (author.card === undefined) return
  if (
    author.role === 'guest' &&
    order.State === OPEN &&
    count(draft.index('open'), author.card) >= BigInt(OPEN_ORDERS_PER_GUEST_CARD_MAX)
  ) {
    throw invalid(`this card has ${OPEN_ORDERS_PER_GUEST_CARD_MAX} open orders already`)
  }
  if (author.role === 'guest') draft.setIndex('made', withMade(draft.index('made'), author.card, committedAt))
  if (!draft.index('owners').has(idKey(id))) draft.setIndex('owners', draft.index('owners').set(idKey(id), author.card))
}

/** What was chosen stays until the next choice or the order's end; what was to be paid stays for ever. */
function rememberPayment(draft: Draft, field: PathPart, id: OrderId, order: Order): void {
  const chosen = draft.index('chosen')
  if (!isLive(order)) {
    if (chosen.has(idKey(id))) draft.setIndex('chosen', chosen.delete(idKey(id)))
  } else if (field === 'State' && order.State === PAYMENT_CHOSEN) {
    const times = (choiceOf(chosen, id)?.times ?? 0n) + 1n
    if (times > BigInt(PAYMENT_CHOICES_PER_ORDER_MAX))
      throw stricter(`order ${id}: payment was chosen ${PAYMENT_CHOICES_PER_ORDER_MAX} times already`)
    draft.setIndex('chosen', chosen.set(idKey(id), encode([times, Order.write(order)])))
  }
  if (field !== 'PaymentDetails') return
  const details = order.PaymentDetails!
  const { addition } = orderNumber(draft.index('numbers'), id)
  const entry = paymentEntry(draft.shopId, chosenOrder(chosen, id) ?? order, details, addition)
  if (entry === undefined) return
  draft.setIndex('payments', draft.index('payments').set(details.PaymentID, encodePaymentEntry(entry)))
  draft.paymentWritten(details.PaymentID)
}

function countOpen(draft: Draft, id: OrderId, before: Order | undefined, after: Order | undefined): void {
  const change = Number(after?.State === OPEN) - Number(before?.State === OPEN)
  const owner = draft.index('owners').get(idKey(id))
  if (change !== 0 && owner !== undefined) draft.setIndex('open', counted(draft.index('open'), owner, BigInt(change)))
}

/** Keeps reservations, holders and deadlines in step with the order. */
function reserve(
  draft: Draft,
  id: OrderId,
  before: Order | undefined,
  after: Order | undefined,
  context: OrderContext,
): void {
  const wasLive = isLive(before)
  const live = isLive(after)
  // Whoever adds an order as Committed is not asked for stock: a guest gets what there is, and no more.
  const isCapped = before === undefined && context.author.role === 'guest'
  if (live && !wasLive) hold(draft, after!, isCapped)
  if (wasLive && !live) release(draft, before!)
  if (!live) {
    if (wasLive) draft.setIndex('live', draft.index('live').delete(idKey(id)))
    return
  }
  const started = wasLive ? count(draft.index('live'), idKey(id)) : context.committedAt + context.reservationSeconds
  const paidBy = after!.PaymentDetails?.TTL ?? 0n
  const deadline = paidBy > started ? paidBy : started
  if (!wasLive || deadline !== started) draft.setIndex('live', draft.index('live').set(idKey(id), encode(deadline)))
}

/** Reserves what the order wants, of each line at most what is free where it is capped. */
function hold(draft: Draft, order: Order, isCapped: boolean): void {
  const lines = [...wantedStock(order).values()]
  const held = lines.map(({ key, quantity }) => (isCapped ? least(quantity, freeStock(draft, key)) : quantity))
  if (lines.some(({ quantity }, i) => held[i]! < quantity))
    draft.setIndex('short', draft.index('short').set(idKey(order.ID), encode(held)))
  changeHolds(draft, order, held, 1n)
}

function release(draft: Draft, order: Order): void {
  const key = idKey(order.ID)
  changeHolds(draft, order, heldBy(draft.index('short'), order), -1n)
  if (draft.index('short').has(key)) draft.setIndex('short', draft.index('short').delete(key))
}

function changeHolds(draft: Draft, order: Order, held: readonly bigint[], sign: 1n | -1n): void {
  const card = draft.index('owners').get(idKey(order.ID))
  let [reserved, reservedBy] = [draft.index('reserved'), draft.index('reservedBy')]
  for (const [i, { key }] of [...wantedStock(order).values()].entries()) {
    reserved = counted(reserved, key, sign * held[i]!)
    if (card !== undefined) reservedBy = counted(reservedBy, cardStockKey(card, key), sign * held[i]!)
  }
  draft.setIndex('reserved', reserved)
  draft.setIndex('reservedBy', reservedBy)
  draft.setIndex('holders', withHolder(draft.index('holders'), order, sign > 0n, card))
}

/** Pieces that a live order holds, in the order of wantedStock. */
export function heldBy(short: Hamt, order: Order): readonly bigint[] {
  const row = short.get(idKey(order.ID))
  if (row !== undefined) return decodeChecked(row) as readonly bigint[]
  return [...wantedStock(order).values()].map(({ quantity }) => quantity)
}

/** Stock that no live order holds; below 0 where staff added orders beyond it. */
function freeStock(draft: Draft, key: Uint8Array): bigint {
  return (draft.read('Inventory', key, Inventory) ?? 0n) - count(draft.index('reserved'), key)
}

/** Of `free` pieces, which may be below 0, as many as are wanted. */
function least(wanted: bigint, free: bigint): bigint {
  if (free <= 0n) return 0n
  return free < wanted ? free : wanted
}
