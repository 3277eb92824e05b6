/**
 * Orders as the merchant's person reads them: what is due, what came, and what has to be looked at by a person, each
 * with the action that fits. Made of the state and the payment rows; the same for a running relay and for its data on
 * disk.
 *
 * Tests: test/relay/payments/payment-outcome.test.ts
 */

import type { Amount, ChainId, OrderId, Seconds } from '../../brands.js'
import { equalBytes, fromBigEndian } from '../../bytes/bytes.js'
import { prefixedHex, toHex } from '../../bytes/hex.js'
import { CANCELED, ORDER_STATE_NAMES, PAID, PAYMENT_CHOSEN, type Order } from '../../objects/order.js'
import { orderIn } from '../../state/held-object.js'
import { orderNumber } from '../../state/order-number.js'
import { findPayment, type PaymentEntry } from '../../state/payment-entry.js'
import { count, idKey, type ShopState } from '../../state/shop-state.js'
import type { PaymentRow } from '../../store/store.js'
import { paymentRecordsIn, shortfallsIn, type PaymentRecord, type Shortfall } from './payment-record.js'
import { isEnough } from './payment-outcome.js'

export interface Money {
  /** In the currency's smallest unit. */
  readonly amount: Amount
  readonly chainId: ChainId
  /** 20 bytes; zeros: the native currency. */
  readonly currency: Uint8Array
}

/** What a person has to look at. */
interface Oddity {
  readonly kind: 'late' | 'partial' | 'over' | 'extra' | 'fell' | 'earlier' | 'reorged' | 'shortfall' | 'no details'
  readonly money: Money | undefined
  /** Of a part: what its payment still asks. */
  readonly missing?: Money
  readonly chain: string | undefined
  /** What happened, and what now: one sentence each. */
  readonly text: string
}

export interface OrderLine {
  readonly number: bigint
  readonly id: OrderId
  readonly state: string
  readonly due: Money | undefined
  /** Of everything that came for the newest payment's currency, is still on the chain and was not taken back. */
  readonly paid: Money | undefined
  readonly transactions: readonly string[]
  /** Until when the newest payment can be made, and until when the stock is held; seconds. */
  readonly payableUntil: Seconds | undefined
  readonly reservedUntil: Seconds | undefined
  readonly canceledAt: Seconds | undefined
  readonly oddities: readonly Oddity[]
}

/** All orders of a shop, by their numbers. `paymentRows`: all its rows. */
export function orderBook(state: ShopState, paymentRows: readonly PaymentRow[]): OrderLine[] {
  const records = byOrder(paymentRecordsIn(paymentRows))
  const shortfalls = byOrder(shortfallsIn(paymentRows))
  const ids = new Set([...state.collections.Orders.entries()].map(([key]) => fromBigEndian(key)))
  for (const id of records.keys()) ids.add(id)
  const lines = [...ids].flatMap((id) => linesOf(state, id, records.get(id) ?? [], shortfalls.get(id) ?? []))
  return lines.sort((a, b) => (a.number < b.number ? -1 : 1))
}

/**
 * The lines of one order: its own, and one more of state `removed` where it was removed, which is all that is left of
 * it, or was paid before it was removed and added again. `paymentRows`: those of the order.
 */
export function linesOfOrder(state: ShopState, id: OrderId, paymentRows: readonly PaymentRow[]): OrderLine[] {
  return linesOf(state, id, paymentRecordsIn(paymentRows), shortfallsIn(paymentRows))
}

function linesOf(
  state: ShopState,
  id: OrderId,
  records: readonly PaymentRecord[],
  shortfalls: readonly Shortfall[],
): OrderLine[] {
  const order = orderIn(state, id)
  if (order === undefined) return [removedLine(state, id, records)]
  const gone = records.filter((record) => !isOfThisAddition(state, record))
  const own = records.filter((record) => isOfThisAddition(state, record))
  const line = lineOf(state, order, own, shortfalls)
  return gone.length === 0 ? [line] : [line, removedLine(state, id, gone)]
}

/** Not for an order that was removed before its id was added again. */
function isOfThisAddition(state: ShopState, { orderId, paymentId }: PaymentRecord): boolean {
  const entry = findPayment(state.indexes.payments, state.shopId, paymentId)
  return entry?.addition === orderNumber(state.indexes.numbers, orderId).addition
}

function lineOf(
  state: ShopState,
  order: Order,
  records: readonly PaymentRecord[],
  shortfalls: readonly Shortfall[],
): OrderLine {
  const payment = (id: Uint8Array) => findPayment(state.indexes.payments, state.shopId, id)
  const newest = order.PaymentDetails && payment(order.PaymentDetails.PaymentID)
  const deadline = count(state.indexes.live, idKey(order.ID))
  const payer = payerOf(order, records, payment)
  return {
    number: orderNumber(state.indexes.numbers, order.ID).number,
    id: order.ID,
    state:
      order.CanceledAt === undefined || order.State === CANCELED ? stateName(order) : `${stateName(order)}, canceled`,
    due: newest && moneyOf(newest, newest.amount),
    paid: newest && moneyOf(newest, sumFor(newest, records, payment)),
    transactions: transactionsOf(records),
    payableUntil: newest?.ttl,
    reservedUntil: deadline === 0n ? undefined : deadline,
    canceledAt: order.CanceledAt?.seconds,
    oddities: [
      ...records.flatMap((record) => oddityOf(order, record, payment(record.paymentId), payer) ?? []),
      ...records.flatMap((record) => fallOf(order, record, payment(record.paymentId))),
      ...(payer === undefined ? lostPayments(order, records, payment) : earlierChoice(newest, payer, payment)),
      ...shortfalls.map(shortfallOddity),
      ...(order.State === PAYMENT_CHOSEN && order.CanceledAt === undefined ? [NO_DETAILS] : []),
    ],
  }
}

/** An order that was removed after it was canceled, and paid all the same. */
function removedLine(state: ShopState, id: OrderId, records: readonly PaymentRecord[]): OrderLine {
  const payment = (paymentId: Uint8Array) => findPayment(state.indexes.payments, state.shopId, paymentId)
  return {
    number: orderNumber(state.indexes.numbers, id).number,
    id,
    state: REMOVED,
    due: undefined,
    paid: undefined,
    transactions: transactionsOf(records),
    payableUntil: undefined,
    reservedUntil: undefined,
    canceledAt: undefined,
    oddities: [
      ...records.flatMap((record) => oddityOf(undefined, record, payment(record.paymentId), undefined) ?? []),
      ...records.flatMap((record) => fallOf(undefined, record, payment(record.paymentId))),
    ],
  }
}

const REMOVED = 'removed'

const NO_DETAILS: Oddity = {
  kind: 'no details',
  money: undefined,
  chain: undefined,
  text:
    'Payment is chosen and what is to be paid is not known yet. ' +
    'The relay keeps trying; look at /health if it stays so.',
}

/** `payer`: what the order is Paid by. */
function oddityOf(
  order: Order | undefined,
  record: PaymentRecord,
  entry: PaymentEntry | undefined,
  payer: PaymentRecord | undefined,
): Oddity | undefined {
  if (record.reorged || entry === undefined || record.effect === 'moved') return undefined
  const odd = (kind: Oddity['kind'], amount: Amount, text: string) => ({
    kind,
    money: moneyOf(entry, amount),
    chain: transactionOf(record),
    text,
  })
  const { effect, amount, balance = amount } = record
  if (effect === 'late')
    return odd('late', amount, 'It came after the order had ended. Refund it, or take it for a new order.')
  if (effect === 'extra' && payer !== undefined && record !== payer)
    return odd('extra', amount, 'It came after the order was paid. Refund it.')
  const isWhole = effect === 'paid' || record === payer
  // The contract took it together with the rest.
  if (!isWhole && amount === 0n) return undefined
  if (!isWhole) {
    const rest = entry.amount - balance
    const partial = odd('partial', amount, partialText(order, rest, payer !== undefined))
    return mayPayRest(order, rest, payer !== undefined) ? { ...partial, missing: moneyOf(entry, rest) } : partial
  }
  if (amount > entry.amount)
    return odd('over', amount - entry.amount, 'It is more than was due. Refund the difference.')
  return undefined
}

/** A token can take back what it gave: by a fee, a rebase, or because somebody who may do so said so. */
function fallOf(order: Order | undefined, record: PaymentRecord, entry: PaymentEntry | undefined): Oddity[] {
  const { fell = 0n, reorged } = record
  if (fell === 0n || reorged || entry === undefined) return []
  const what = 'It came, and its token took it back: it is gone from the address, and the merchant did not get it.'
  const text = order?.State === PAID ? `${what} Do not ship; ask the guest.` : `${what} Do not refund it.`
  return [{ kind: 'fell', money: moneyOf(entry, fell), chain: transactionOf(record), text }]
}

function partialText(order: Order | undefined, rest: bigint, isPaid: boolean): string {
  if (rest <= 0n) return 'It came although nothing was due there. Refund it.'
  if (isPaid) return 'It is less than its payment asks, and the order is paid otherwise. Refund it.'
  if (hasEnded(order)) return 'It is less than its payment asks, and the order has ended. Refund it.'
  return 'It is less than its payment asks. Ask the guest for what is missing, or refund it.'
}

function mayPayRest(order: Order | undefined, rest: bigint, isPaid: boolean): boolean {
  return rest > 0n && !isPaid && !hasEnded(order)
}

function hasEnded(order: Order | undefined): boolean {
  return order === undefined || order.State === CANCELED || order.CanceledAt !== undefined
}

/** What stands on the chain of what made the order Paid; where that has left it, another that suffices. */
function payerOf(
  { State }: Order,
  records: readonly PaymentRecord[],
  payment: (id: Uint8Array) => PaymentEntry | undefined,
): PaymentRecord | undefined {
  if (State !== PAID) return undefined
  const standing = records.filter(({ reorged }) => !reorged)
  const suffices = ({ kind, amount, paymentId }: PaymentRecord) => {
    const entry = payment(paymentId)
    return entry !== undefined && isEnough({ kind, held: amount, entry })
  }
  return (
    standing.find(({ effect }) => effect === 'paid') ??
    standing.find((record) => record.effect === 'extra' && suffices(record))
  )
}

/** What the order says was chosen is not what it was paid by: books that go by the order would be wrong. */
function earlierChoice(
  newest: PaymentEntry | undefined,
  payer: PaymentRecord,
  payment: (id: Uint8Array) => PaymentEntry | undefined,
): Oddity[] {
  const entry = payment(payer.paymentId)!
  const isSame =
    newest === undefined ||
    (newest.chainId === entry.chainId &&
      equalBytes(newest.currency, entry.currency) &&
      equalBytes(newest.payee, entry.payee))
  if (isSame) return []
  const text = `It was paid by an earlier choice of currency or payee, to 0x${toHex(entry.payee)}. Book it as that.`
  return [{ kind: 'earlier', money: moneyOf(entry, payer.amount), chain: transactionOf(payer), text }]
}

/** The order says Paid, and every payment that made it so has left the chain. */
function lostPayments(
  { State }: Order,
  records: readonly PaymentRecord[],
  payment: (id: Uint8Array) => PaymentEntry | undefined,
): Oddity[] {
  if (State !== PAID) return []
  return records
    .filter(({ reorged, effect }) => reorged && effect === 'paid')
    .flatMap((record) => {
      const entry = payment(record.paymentId)
      if (entry === undefined) return []
      const text = 'It is no longer on the chain. Do not ship; ask the guest to pay again, or wait for it to come back.'
      return [{ kind: 'reorged' as const, money: moneyOf(entry, record.amount), chain: transactionOf(record), text }]
    })
}

function shortfallOddity({ missing }: Shortfall): Oddity {
  const pieces = missing
    .map(({ listingId, variations, pieces }) => `${pieces} of listing ${[listingId, ...variations].join(' ')}`)
    .join(', ')
  return {
    kind: 'shortfall',
    money: undefined,
    chain: undefined,
    text: `It is paid, and the stock lacked ${pieces}. Restock, or refund what cannot be sent.`,
  }
}

function sumFor(
  newest: PaymentEntry,
  records: readonly PaymentRecord[],
  payment: (id: Uint8Array) => PaymentEntry | undefined,
): bigint {
  let sum = 0n
  for (const { paymentId, amount, fell = 0n, reorged } of records) {
    const entry = payment(paymentId)
    const same = entry?.chainId === newest.chainId && toHex(entry.currency) === toHex(newest.currency)
    if (same && !reorged) sum += amount - fell
  }
  return sum
}

function moneyOf({ chainId, currency }: PaymentEntry, amount: Amount): Money {
  return { amount, chainId, currency }
}

function transactionsOf(records: readonly PaymentRecord[]): string[] {
  return records.flatMap(({ txHash }) => (txHash === undefined ? [] : [prefixedHex(txHash)]))
}

function transactionOf({ chainId, blockNumber, txHash }: PaymentRecord): string {
  const place = `chain ${chainId} block ${blockNumber}`
  return txHash === undefined ? place : `${place} 0x${toHex(txHash)}`
}

function stateName({ State }: Order): string {
  return ORDER_STATE_NAMES[`${State}`]
}

function byOrder<T extends { readonly orderId: OrderId }>(rows: readonly T[]): Map<bigint, T[]> {
  const grouped = new Map<bigint, T[]>()
  for (const row of rows) grouped.set(row.orderId, [...(grouped.get(row.orderId) ?? []), row])
  return grouped
}
