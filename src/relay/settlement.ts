/**
 * What a payment does to its order (PROTOCOL §11, Paid): the relay's set that makes it Paid once, or the row that tells a
 * person what came late, in part, twice or too much. A function of the state, of what was seen before, and of what is seen now.
 */

import { equalBytes } from '../bytes/bytes.js'
import { encodeChange, type Change } from '../patches/patch.js'
import { decodeChecked } from '../codec/decode.js'
import { Inventory, inventoryKey, inventoryKeyText } from '../objects/inventory.js'
import { Listing, variationOf } from '../objects/listing.js'
import { CANCELED, PAID, PAYMENT_CHOSEN, TxDetails, UNPAID, type Order } from '../objects/order.js'
import { orderNumber } from '../state/order-number.js'
import type { PaymentEntry } from '../state/payment-entry.js'
import { idKey, type ShopState } from '../state/shop-state.js'
import type { LedgerRow } from '../store/store.js'
import { orderIn } from './checkout.js'
import { receiptRow, shortfallRow, type Receipt, type ReceiptEffect, type Shortfall } from './receipt.js'

/** A payment as a chain shows it, deep enough to count. */
export interface SeenPayment {
  readonly kind: Receipt['kind']
  readonly paymentId: Uint8Array
  readonly entry: PaymentEntry
  /** `held`: what the address holds in all. `made`: ignored, the contract takes the whole amount. */
  readonly held: bigint
  readonly blockNumber: bigint
  readonly blockHash: Uint8Array
  readonly txHash?: Uint8Array | undefined
  readonly logIndex?: number | undefined
  readonly seenAt: bigint
}

export interface Settlement {
  readonly patches: readonly Uint8Array[]
  readonly ledger: readonly LedgerRow[]
  readonly effect: ReceiptEffect
  readonly shortfall: Shortfall | undefined
}

/** Undefined if this was seen before and nothing has changed since. `before`: the receipts of the order so far. */
export function settle(state: ShopState, seen: SeenPayment, before: readonly Receipt[]): Settlement | undefined {
  const { entry } = seen
  const known = before.find((receipt) => isSame(receipt, seen))
  const unchanged = known !== undefined && !known.reorged && equalOrLess(seen, known)
  if (unchanged) return undefined
  const order = orderOf(state, entry)
  const effect = effectOf(order, seen, known, before)
  const amount = effect === 'moved' ? 0n : seen.kind === 'made' ? entry.amount : seen.held
  const { paymentId, blockNumber, blockHash, txHash, logIndex, seenAt, kind } = seen
  const receipt: Receipt = {
    kind,
    orderId: entry.orderId,
    chainId: entry.chainId,
    paymentId,
    amount,
    effect,
    blockNumber,
    blockHash,
    txHash,
    logIndex,
    seenAt: known?.seenAt ?? seenAt,
    reorged: false,
  }
  const row = receiptRow(state.shopId, receipt)
  if (effect === 'late' && order !== undefined && order.TxDetails === undefined)
    return { patches: [encodeChange(txChange(order, seen))], ledger: [row], effect, shortfall: undefined }
  const becomesPaid = effect === 'paid' && order !== undefined && order.State !== PAID
  if (!becomesPaid) return { patches: [], ledger: [row], effect, shortfall: undefined }
  const { changes, shortfall } = paidChanges(state, order, seen)
  const ledger = shortfall === undefined ? [row] : [row, shortfallRow(state.shopId, shortfall)]
  return { patches: changes.map(encodeChange), ledger, effect, shortfall }
}

/** Undefined also where the id belongs to another order by now: this payment is none for that one. */
function orderOf(state: ShopState, { orderId, addition }: PaymentEntry): Order | undefined {
  return orderNumber(state.indexes.numbers, orderId).addition === addition ? orderIn(state, orderId) : undefined
}

/** Whether the payment is all that its own request asks; a Total of 0 is paid by the contract's event alone. */
export function isEnough({ kind, held, entry }: Pick<SeenPayment, 'kind' | 'held' | 'entry'>): boolean {
  return kind === 'made' || (entry.amount > 0n && held >= entry.amount)
}

function effectOf(
  order: Order | undefined,
  seen: SeenPayment,
  known: Receipt | undefined,
  before: readonly Receipt[],
): ReceiptEffect {
  const stands = known !== undefined && !known.reorged
  if (stands && (known.effect === 'paid' || known.effect === 'moved')) return known.effect
  if (seen.kind === 'made' && wasMoved(seen, before)) return 'moved'
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
 * The contract took what lay at the address of the same payment: that was enough (else the contract makes no payment of it),
 * and the address holds less than before.
 */
function wasMoved({ paymentId, entry, held }: SeenPayment, before: readonly Receipt[]): boolean {
  const atAddress = before.find((receipt) => receipt.kind === 'held' && equalBytes(receipt.paymentId, paymentId))
  if (atAddress === undefined || atAddress.reorged || atAddress.amount < entry.amount) return false
  return held < atAddress.amount
}

function isSame(receipt: Receipt, { kind, paymentId, entry, txHash, logIndex }: SeenPayment): boolean {
  if (receipt.kind !== kind || receipt.chainId !== entry.chainId || !equalBytes(receipt.paymentId, paymentId))
    return false
  return kind === 'held' || (receipt.logIndex === logIndex && equalBytes(receipt.txHash!, txHash!))
}

function equalOrLess(seen: SeenPayment, known: Receipt): boolean {
  return seen.kind === 'made' ? equalBytes(seen.blockHash, known.blockHash) : seen.held <= known.amount
}

function paidChanges(
  state: ShopState,
  order: Order,
  seen: SeenPayment,
): { changes: Change[]; shortfall: Shortfall | undefined } {
  const changes: Change[] = []
  const missing: Shortfall['missing'][number][] = []
  const left = new Map<string, bigint>()
  if (order.State === PAYMENT_CHOSEN) changes.push(stateChange(order, UNPAID))
  for (const { ListingID, VariationIDs = [], Quantity } of order.Items ?? []) {
    const name = inventoryKeyText(ListingID, VariationIDs)
    const stock = left.get(name) ?? stockOf(state, ListingID, VariationIDs)
    const taken = stock < Quantity ? stock : Quantity
    left.set(name, stock - taken)
    if (taken > 0n) changes.push({ op: 'decrement', path: ['Inventory', ListingID, ...VariationIDs], value: taken })
    if (taken < Quantity) missing.push({ listingId: ListingID, variations: VariationIDs, pieces: Quantity - taken })
  }
  changes.push(txChange(order, seen), stateChange(order, PAID))
  return { changes, shortfall: missing.length === 0 ? undefined : { orderId: order.ID, missing } }
}

/** 0 also where the listing or a variation is gone: nothing can be taken from it. */
function stockOf(state: ShopState, listingId: bigint, variations: readonly string[]): bigint {
  const stored = state.collections.Listings.get(idKey(listingId))
  if (stored === undefined) return 0n
  const listing = Listing.read(decodeChecked(stored), 'Listing')
  if (variations.some((name) => variationOf(listing, name) === undefined)) return 0n
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
