/**
 * What a payment does to its order (PROTOCOL §11, Paid): the relay's set that makes it Paid once, or the row that tells
 * a person what came late, in part, twice or too much. A function of the state, of what was seen before, and of what is
 * seen now.
 */

import type { Amount, ListingId, Seconds, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { encodeChange, type Change } from '../../patches/patch.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import { Inventory, inventoryKey, inventoryKeyText } from '../../objects/inventory.js'
import { variationOf, type Listing } from '../../objects/listing.js'
import { CANCELED, PAID, PAYMENT_CHOSEN, TxDetails, UNPAID, type Order } from '../../objects/order.js'
import { orderNumber } from '../../state/order-number.js'
import type { PaymentEntry } from '../../state/payment-entry.js'
import type { ShopState } from '../../state/shop-state.js'
import { listingIn, orderIn } from '../../state/held-object.js'
import type { PaymentRow } from '../../store/store.js'
import {
  paymentRecordRow,
  shortfallRow,
  type PaymentRecord,
  type PaymentEffect,
  type Shortfall,
} from './payment-record.js'

/** A payment as a chain shows it, deep enough to count. */
export interface SeenPayment {
  readonly kind: PaymentRecord['kind']
  readonly paymentId: Uint8Array
  readonly entry: PaymentEntry
  /** What the address holds now; undefined where a token does not tell, for `made` only. */
  readonly held: Amount | undefined
  /** `held`: less than before, and the contract has never been at the address: the token took it. */
  readonly isTakenBack?: boolean
  readonly blockNumber: bigint
  readonly blockHash: Uint8Array
  readonly txHash?: Uint8Array | undefined
  readonly logIndex?: number | undefined
  readonly seenAt: Seconds
}

export interface PaymentOutcome {
  readonly patches: readonly Uint8Array[]
  readonly paymentRows: readonly PaymentRow[]
  readonly effect: PaymentEffect
  /** All that came with this payment so far. */
  readonly amount: Amount
  /** Whether money came, or was moved, that was not known of. */
  readonly isNews: boolean
  /** What the token has taken back since this payment was seen before. */
  readonly fell: Amount
  readonly shortfall: Shortfall | undefined
}

/** Undefined if this was seen before and nothing has changed since. `before`: the records of the order so far. */
export function paymentOutcome(
  state: ShopState,
  seen: SeenPayment,
  before: readonly PaymentRecord[],
): PaymentOutcome | undefined {
  const { entry } = seen
  const seenBefore = before.find((record) => isSame(record, seen))
  const known = seenBefore?.reorged ? undefined : seenBefore
  if (isUnchanged(seen, known)) return undefined
  const order = orderOf(state, entry)
  const atAddress = seen.kind === 'made' && known === undefined ? takenFrom(seen, before) : undefined
  const { came, fell } = seen.kind === 'made' ? { came: entry.amount, fell: 0n } : atTheAddress(seen, known)
  const effect = effectOf(order, seen, { known, atAddress, came, before })
  const amount = effect === 'moved' ? 0n : came
  const record = recordOf(seen, { effect, amount, fell, known, seenAt: seenBefore?.seenAt ?? seen.seenAt })
  const rows = [paymentRecordRow(state.shopId, record)]
  if (atAddress !== undefined) rows.push(paymentRecordRow(state.shopId, afterTaking(atAddress, effect)))
  const isNews = known === undefined || amount > known.amount
  const lost = fell - (known?.fell ?? 0n)
  const outcome = { effect, amount, isNews, fell: lost > 0n ? lost : 0n, shortfall: undefined }
  if (effect === 'late' && order !== undefined && order.TxDetails === undefined)
    return { ...outcome, patches: [encodeChange(txChange(order, seen))], paymentRows: rows }
  const becomesPaid = effect === 'paid' && order !== undefined && order.State !== PAID
  if (!becomesPaid) return { ...outcome, patches: [], paymentRows: rows }
  const { changes, shortfall } = paidChanges(state, order, seen)
  if (shortfall !== undefined) rows.push(shortfallRow(state.shopId, shortfall))
  return { ...outcome, patches: changes.map(encodeChange), paymentRows: rows, shortfall }
}

/**
 * The rows of a record that left the chain; `ofOrder`: all of its order. What the contract had taken is at the address
 * again; of what came to an address after the contract had taken from it, only the later part is gone.
 */
export function reorgedRows(shopId: ShopId, record: PaymentRecord, ofOrder: readonly PaymentRecord[]): PaymentRow[] {
  const ofPayment = ofOrder.filter(({ paymentId }) => equalBytes(paymentId, record.paymentId))
  const moved = ofPayment.find(({ effect, reorged }) => effect === 'moved' && !reorged)
  const { amount, balance = amount } = record
  if (record.kind === 'held' && moved !== undefined && balance < amount) {
    const { blockNumber, blockHash } = moved
    return [paymentRecordRow(shopId, { ...record, amount: amount - balance, balance: 0n, blockNumber, blockHash })]
  }
  const held = record.effect === 'moved' ? ofPayment.filter(({ kind }) => kind === 'held') : []
  const again = held.map((other) => ({ ...other, balance: other.amount - (other.fell ?? 0n) }))
  return [{ ...record, reorged: true }, ...again].map((row) => paymentRecordRow(shopId, row))
}

/** `known`: the record of the same payment so far, if its block is still on the chain. */
function recordOf(
  { kind, entry: { orderId, chainId }, paymentId, held, ...seen }: SeenPayment,
  {
    effect,
    amount,
    fell,
    known,
    seenAt,
  }: Pick<PaymentRecord, 'effect' | 'amount' | 'fell' | 'seenAt'> & {
    readonly known: PaymentRecord | undefined
  },
): PaymentRecord {
  // Where the money came stays when it is taken away.
  const { blockNumber, blockHash, txHash, logIndex } = kind === 'held' && amount === known?.amount ? known : seen
  const balance = kind === 'held' ? held : undefined
  const place = { blockNumber, blockHash, txHash, logIndex }
  return { kind, orderId, chainId, paymentId, amount, balance, fell, effect, ...place, seenAt, reorged: false }
}

/** Undefined also where the id belongs to another order by now: this payment is none for that one. */
function orderOf(state: ShopState, { orderId, addition }: PaymentEntry): Order | undefined {
  return orderNumber(state.indexes.numbers, orderId).addition === addition ? orderIn(state, orderId) : undefined
}

/**
 * Whether the payment is all that its own request asks: what lies at the address at once, for what left it may have
 * been given back. A Total of 0 is paid by the contract's event alone.
 */
export function isEnough({ kind, held, entry }: Pick<SeenPayment, 'kind' | 'held' | 'entry'>): boolean {
  return kind === 'made' || (entry.amount > 0n && held! >= entry.amount)
}

/**
 * What has come to the address in all, and what of it the token has taken back: it grows, and when the contract has
 * taken from it, it may grow again; what was taken back and is there again has not come anew.
 */
function atTheAddress(
  { held, isTakenBack = false }: SeenPayment,
  known: PaymentRecord | undefined,
): { came: Amount; fell: Amount } {
  const now = held!
  if (known === undefined) return { came: now, fell: 0n }
  const { amount, fell = 0n } = known
  const lay = layAt(known)
  if (now <= lay) return { came: amount, fell: isTakenBack ? fell + lay - now : fell }
  const back = now - lay < fell ? now - lay : fell
  return { came: amount + now - lay - back, fell: fell - back }
}

function effectOf(
  order: Order | undefined,
  seen: SeenPayment,
  context: {
    readonly known: PaymentRecord | undefined
    readonly atAddress: PaymentRecord | undefined
    readonly came: Amount
    readonly before: readonly PaymentRecord[]
  },
): PaymentEffect {
  const { entry } = seen
  const { known, atAddress, came, before } = context
  if (known !== undefined && (known.effect === 'paid' || known.effect === 'moved' || came === known.amount))
    return known.effect
  if (atAddress !== undefined && layAt(atAddress) >= entry.amount) return 'moved'
  if (hasEnded(order)) return 'late'
  // An order whose payment has left the chain is Paid and unpaid: the next that suffices takes its place.
  const isPaid = order!.State === PAID && before.some(({ effect, reorged }) => effect === 'paid' && !reorged)
  if (isPaid) return 'extra'
  return isEnough(seen) ? 'paid' : 'partial'
}

function hasEnded(order: Order | undefined): boolean {
  if (order === undefined || order.State === CANCELED || order.CanceledAt !== undefined) return true
  return order.State !== PAID && order.State !== UNPAID && order.State !== PAYMENT_CHOSEN
}

/**
 * The record of the same payment's address if the contract took what was seen there: it holds less than before. Where a
 * token does not tell, a person is told of two payments rather than of none. Dust at the address of a Total of 0 is
 * none.
 */
function takenFrom(
  { paymentId, entry, held }: SeenPayment,
  before: readonly PaymentRecord[],
): PaymentRecord | undefined {
  const atAddress = before.find(
    (record) => record.kind === 'held' && !record.reorged && equalBytes(record.paymentId, paymentId),
  )
  const isTaken = atAddress !== undefined && held !== undefined && entry.amount > 0n && held < layAt(atAddress)
  return isTaken ? atAddress : undefined
}

function layAt({ balance, amount }: PaymentRecord): Amount {
  return balance ?? amount
}

/**
 * The contract leaves nothing there: what is there now has come since. Where less had been seen than it took, the rest
 * came in the same moment, and the payment that it made stands for all of it.
 */
function afterTaking(record: PaymentRecord, effect: PaymentEffect): PaymentRecord {
  const amount = effect === 'moved' ? record.amount : record.amount - layAt(record)
  return { ...record, amount, balance: 0n, fell: undefined }
}

function isSame(record: PaymentRecord, { kind, paymentId, entry, txHash, logIndex }: SeenPayment): boolean {
  if (record.kind !== kind || record.chainId !== entry.chainId || !equalBytes(record.paymentId, paymentId)) return false
  return kind === 'held' || (record.logIndex === logIndex && equalBytes(record.txHash!, txHash!))
}

function isUnchanged({ kind, held, blockHash }: SeenPayment, known: PaymentRecord | undefined): boolean {
  if (kind === 'held') return held === (known === undefined ? 0n : layAt(known))
  return known !== undefined && equalBytes(blockHash, known.blockHash)
}

function paidChanges(
  state: ShopState,
  order: Order,
  seen: SeenPayment,
): { changes: Change[]; shortfall: Shortfall | undefined } {
  const changes: Change[] = []
  const missing: Shortfall['missing'][number][] = []
  const left = new Map<string, bigint>()
  const listings = new Map<bigint, Listing | undefined>()
  if (order.State === PAYMENT_CHOSEN) changes.push(stateChange(order, UNPAID))
  for (const { ListingID, VariationIDs = [], Quantity } of order.Items ?? []) {
    const name = inventoryKeyText(ListingID, VariationIDs)
    const stock = left.get(name) ?? stockOf(state, listings, ListingID, VariationIDs)
    const taken = stock < Quantity ? stock : Quantity
    left.set(name, stock - taken)
    if (taken > 0n) changes.push({ op: 'decrement', path: ['Inventory', ListingID, ...VariationIDs], value: taken })
    if (taken < Quantity) missing.push({ listingId: ListingID, variations: VariationIDs, pieces: Quantity - taken })
  }
  changes.push(txChange(order, seen), stateChange(order, PAID))
  return { changes, shortfall: missing.length === 0 ? undefined : { orderId: order.ID, missing } }
}

/** 0 also where the listing or a variation is gone: nothing can be taken from it. */
function stockOf(
  state: ShopState,
  listings: Map<bigint, Listing | undefined>,
  listingId: ListingId,
  variations: readonly string[],
): bigint {
  if (!listings.has(listingId)) listings.set(listingId, listingIn(state, listingId))
  const listing = listings.get(listingId)
  if (listing === undefined || variations.some((name) => variationOf(listing, name) === undefined)) return 0n
  const stock = state.collections.Inventory.get(inventoryKey(listingId, variations))
  return stock === undefined ? 0n : Inventory.read(decodeChecked(stock), 'Inventory')
}

/** A TxDetails that a client added with the order means nothing and gives way (§11). */
function txChange(order: Order, { txHash, blockHash }: SeenPayment): Change {
  const value = TxDetails.write({ ...(txHash !== undefined && { TxHash: txHash }), BlockHash: blockHash })
  const op = order.TxDetails === undefined ? 'add' : 'replace'
  return { op, path: ['Orders', order.ID, 'TxDetails'], value }
}

function stateChange(order: Order, to: bigint): Change {
  return { op: 'replace', path: ['Orders', order.ID, 'State'], value: to }
}
