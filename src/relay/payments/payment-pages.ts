/**
 * Rows of payments as sessions of a shop's staff are shown them (docs/protocol, "Payment rows"): order by order in the
 * order of their ids' hashes, so that a page goes on where the last one ended, whatever was added meanwhile.
 *
 * Tests: test/e2e/payment-rows.test.ts
 */

import type { OrderId, ShopId } from '../../brands.js'
import { be64, fromBigEndian } from '../../bytes/bytes.js'
import { fromHex } from '../../bytes/hex.js'
import { PAYMENT_NOTES_PER_ROW_MAX, PAYMENT_PAGE_BYTES_MAX, PAYMENT_ROWS_PER_PAGE_MAX } from '../../limits.js'
import type { ShopState } from '../../state/shop-state.js'
import type { Store } from '../../store/store.js'
import { encodePaymentPage, type PaymentRow } from '../../wire/payment-page.js'
import type { Shop } from '../shops/shop.js'
import { linesOfOrder, type Money, type OrderLine } from './order-book.js'
import { orderPrefix } from './payment-record.js'

/** Orders looked at before others get their turn. */
const SLICE_ORDERS = 32

/** Who is told of changes. */
interface Watcher {
  changed(ids: Iterable<OrderId>): void
  lost(): void
}

export class PaymentPages {
  private readonly store: Pick<Store, 'paymentRows'>
  private readonly watchers = new Map<ShopId, Set<Watcher>>()

  constructor(store: Pick<Store, 'paymentRows'>) {
    this.store = store
  }

  /** The page of rows behind order `after`, 0 for the first one; yields between pieces of work. */
  *page({ current: { state } }: Shop, after: OrderId): Generator<undefined, Uint8Array> {
    const rows: PaymentRow[] = []
    const { numbers } = state.indexes
    let [bytes, looked] = [0, 0]
    for (const [key] of after === 0n ? numbers.entries() : numbers.entriesAfter(be64(after))) {
      const id = fromBigEndian(key)
      const own = this.rowsOf(state, id).filter((row) => !isNothing(row))
      rows.push(...own)
      bytes += bytesOf(own)
      if (rows.length >= PAYMENT_ROWS_PER_PAGE_MAX || bytes >= PAYMENT_PAGE_BYTES_MAX)
        return encodePaymentPage({ Rows: rows, After: id })
      if (++looked % SLICE_ORDERS === 0) yield undefined
    }
    return encodePaymentPage({ Rows: rows })
  }

  /**
   * The rows of some of these orders, which are taken out of `changed`. Of an order that was removed there is one that
   * says so.
   */
  takeChanged({ current: { state } }: Shop, changed: Set<OrderId>): Uint8Array {
    const rows: PaymentRow[] = []
    let [bytes, looked] = [0, 0]
    for (const id of changed) {
      if (looked++ >= SLICE_ORDERS || bytes >= PAYMENT_PAGE_BYTES_MAX) break
      changed.delete(id)
      const own = this.rowsOf(state, id)
      rows.push(...own)
      bytes += bytesOf(own)
    }
    return encodePaymentPage({ Rows: rows })
  }

  /** The returned function ends it. */
  watch(shopId: ShopId, watcher: Watcher): () => void {
    const watchers = this.watchers.get(shopId) ?? new Set()
    this.watchers.set(shopId, watchers.add(watcher))
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0 && this.watchers.get(shopId) === watchers) this.watchers.delete(shopId)
    }
  }

  /** Orders were written, or something was seen of their payments. */
  changed(shopId: ShopId, ids: Iterable<OrderId>): void {
    for (const watcher of this.watchers.get(shopId) ?? []) watcher.changed(ids)
  }

  /** A commit failed: what was shown while it was on its way may not be so. */
  commitFailed(): void {
    for (const watchers of this.watchers.values()) for (const watcher of watchers) watcher.lost()
  }

  private rowsOf(state: ShopState, id: OrderId): PaymentRow[] {
    return linesOfOrder(state, id, this.store.paymentRows(state.shopId, orderPrefix(id))).map(rowOf)
  }
}

/** Of an order that is gone, and of which nothing came. */
function isNothing({ State, Oddities, Transactions }: PaymentRow): boolean {
  return State === 'removed' && Oddities.length === 0 && Transactions.length === 0
}

function bytesOf(rows: readonly PaymentRow[]): number {
  return encodePaymentPage({ Rows: rows }).length
}

function rowOf(line: OrderLine): PaymentRow {
  const { transactions, oddities, due, paid, payableUntil, reservedUntil, canceledAt } = line
  const leftOut =
    Math.max(0, transactions.length - PAYMENT_NOTES_PER_ROW_MAX) +
    Math.max(0, oddities.length - PAYMENT_NOTES_PER_ROW_MAX)
  return {
    Order: line.id,
    Number: line.number,
    State: line.state,
    ...(due !== undefined && { Due: amountOf(due) }),
    ...(paid !== undefined && { Paid: amountOf(paid) }),
    Transactions: transactions.slice(0, PAYMENT_NOTES_PER_ROW_MAX).map((hash) => fromHex(hash.slice(2))),
    ...(payableUntil !== undefined && { PayableUntil: payableUntil }),
    ...(reservedUntil !== undefined && { ReservedUntil: reservedUntil }),
    ...(canceledAt !== undefined && { CanceledAt: canceledAt }),
    Oddities: oddities.slice(0, PAYMENT_NOTES_PER_ROW_MAX).map(({ kind, text, money, missing, chain }) => ({
      Kind: kind,
      Text: text,
      ...(money !== undefined && { Amount: amountOf(money) }),
      ...(missing !== undefined && { Missing: amountOf(missing) }),
      ...(chain !== undefined && { Place: chain }),
    })),
    ...(leftOut > 0 && { LeftOut: BigInt(leftOut) }),
  }
}

function amountOf({ amount, chainId, currency }: Money) {
  return { Amount: amount, Currency: { ChainID: chainId, Address: currency } }
}
