/**
 * What a relay tells a shop's staff of payments (docs/protocol, "Payment rows"): all rows once, page by page, then what
 * changes, and all anew after each loss of the connection. It is the relay's word: nothing of it is proven.
 *
 * Tests: test/client/shop-payments.test.ts, test/e2e/payment-rows.test.ts
 */

import type { OrderId, Seconds, ShopId } from '../brands.js'
import { toBigEndian } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import type { ChainAddress } from '../objects/scalars.js'
import type { WireVersion } from '../wire/envelope.js'
import type { Request } from '../wire/messages.js'
import { readPaymentPage, type PaymentRow } from '../wire/payment-page.js'
import { ClientError, verificationFailed } from './client-error.js'
import type { Reading } from './live.js'
import type { Money } from './money.js'
import type { ConnectionState } from './relay-link.js'

/** One order's payments, as its relay saw them. */
export interface OrderPayments {
  readonly order: OrderId
  /** Of the order in its shop: 1, 2, 3 … */
  readonly number: bigint
  /** By name; `removed`: the order is gone, and this is what came for it. */
  readonly state: string
  /** Of the newest payment that was asked for. */
  readonly due: Money | undefined
  /** Of all that came in its currency, is on the chain, and was not taken back. */
  readonly paid: Money | undefined
  /** Hashes with 0x. */
  readonly transactions: readonly string[]
  /** Seconds since 1970: until when it can be paid, until when its stock is held, when it was canceled. */
  readonly payableUntil: Seconds | undefined
  readonly reservedUntil: Seconds | undefined
  readonly canceledAt: Seconds | undefined
  /** What a person has to look at. */
  readonly oddities: readonly PaymentOddity[]
  /** How many transactions and oddities are not told, for their number. */
  readonly leftOut: number
}

/** A payment that a person has to look at. */
export interface PaymentOddity {
  /** late, partial, over, extra, fell, earlier, reorged, shortfall, no details; others may come. */
  readonly kind: string
  /** For a person: what happened, and what to do. */
  readonly text: string
  readonly money: Money | undefined
  /** Of a part: what is still due. */
  readonly missing: Money | undefined
  /** Chain, block and transaction. */
  readonly place: string | undefined
}

interface PaymentsShop {
  readonly shopId: ShopId
  ask(request: Request): Promise<Uint8Array>
  money(amount: bigint, currency: ChainAddress): Money
  changed(): void
}

type Rows = Map<OrderId, readonly OrderPayments[]>

const NOTHING = new Uint8Array(0)
const REMOVED = 'removed'

export class ShopPayments {
  private readonly shop: PaymentsShop
  /** Shown until newer ones are whole. */
  private rows: Rows = new Map()
  /** While pages come: what they brought, and the orders of which pushes, which are newer, told meanwhile. */
  private coming: { readonly rows: Rows; readonly pushed: Set<OrderId> } | undefined
  private isWhole = false
  private isConnected = false
  private error: ClientError | undefined
  private listed: readonly OrderPayments[] | undefined

  constructor(shop: PaymentsShop) {
    this.shop = shop
  }

  get reading(): Reading<readonly OrderPayments[]> {
    const isLoading = !this.isWhole && this.error === undefined
    this.listed ??= [...this.rows.values()].flat().sort((a, b) => (a.number < b.number ? -1 : 1))
    const { listed: data, error, isConnected } = this
    return { isLoading, complete: false, verified: undefined, stale: this.isWhole && !isConnected, data, error }
  }

  /** The connection is as this says now. */
  follow(state: ConnectionState, version: WireVersion): void {
    const isConnected = state === 'connected'
    if (isConnected === this.isConnected) return
    this.isConnected = isConnected
    if (isConnected && version === 5) void this.load()
    else if (isConnected)
      this.fail(new ClientError('NEEDS_VERSION_5', 'the relay speaks version 4, which tells nothing of payments'))
    else this.coming = undefined
    this.shop.changed()
  }

  /** A push. Throws PaymentPageError. */
  take(bytes: Uint8Array): void {
    const page = readPaymentPage(bytes)
    if (page.Again === true) return void this.load()
    const orders = this.byOrder(page.Rows)
    for (const [order, rows] of orders) {
      this.coming?.pushed.add(order)
      for (const target of [this.rows, this.coming?.rows]) if (target !== undefined) put(target, order, rows)
    }
    this.changed()
  }

  private async load(): Promise<void> {
    const coming = { rows: new Map() as Rows, pushed: new Set<OrderId>() }
    this.coming = coming
    if (!this.isWhole) this.rows = coming.rows
    try {
      for (let after: OrderId | undefined = 0n; after !== undefined;) {
        const shopId = toBigEndian(this.shop.shopId, 32)
        const bytes = await this.shop.ask({ kind: 'payments', shopId, after, live: true, page: NOTHING })
        if (this.coming !== coming) return
        const page = readPaymentPage(bytes)
        for (const [order, rows] of this.byOrder(page.Rows))
          if (!coming.pushed.has(order)) put(coming.rows, order, rows)
        after = page.After
        this.changed()
      }
      Object.assign(this, { rows: coming.rows, coming: undefined, isWhole: true, error: undefined })
      this.changed()
    } catch (error) {
      if (this.coming === coming) this.failed(verificationFailed(error))
    }
  }

  /** What comes back with the next connection is no failure. */
  private failed(error: ClientError): void {
    this.coming = undefined
    if (error.code !== 'DISCONNECTED') this.fail(error)
  }

  private fail(error: ClientError): void {
    this.error = error
    this.changed()
  }

  private changed(): void {
    this.listed = undefined
    this.shop.changed()
  }

  private byOrder(rows: readonly PaymentRow[]): Rows {
    const orders = new Map<OrderId, OrderPayments[]>()
    for (const row of rows) orders.set(row.Order, [...(orders.get(row.Order) ?? []), this.shown(row)])
    return orders
  }

  private shown(row: PaymentRow): OrderPayments {
    const money = (of: PaymentRow['Due']) => of && this.shop.money(of.Amount, of.Currency)
    return {
      order: row.Order,
      number: row.Number,
      state: row.State,
      due: money(row.Due),
      paid: money(row.Paid),
      transactions: row.Transactions.map(prefixedHex),
      payableUntil: row.PayableUntil,
      reservedUntil: row.ReservedUntil,
      canceledAt: row.CanceledAt,
      oddities: row.Oddities.map(({ Kind, Text, Amount, Missing, Place }) => ({
        kind: Kind,
        text: Text,
        money: money(Amount),
        missing: money(Missing),
        place: Place,
      })),
      leftOut: Number(row.LeftOut ?? 0n),
    }
  }
}

/** Of an order that is gone and was never paid nothing is left. */
function put(target: Rows, order: OrderId, rows: readonly OrderPayments[]): void {
  const left = rows.filter((row) => row.state !== REMOVED || row.oddities.length + row.transactions.length > 0)
  if (left.length === 0) target.delete(order)
  else target.set(order, left)
}
