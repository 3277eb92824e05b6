/** An order on its way to Paid, for tests: the state before and after payment is asked for, what a chain shows, and the books. */

import { toHex } from '../../src/bytes/hex.js'
import { decodeChecked } from '../../src/codec/decode.js'
import type { Encodable } from '../../src/codec/encode.js'
import { Inventory, inventoryKey } from '../../src/objects/inventory.js'
import type { PaymentDetails } from '../../src/objects/order.js'
import { readPatch, type Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { findPayment } from '../../src/state/payment-entry.js'
import type { ShopState } from '../../src/state/shop-state.js'
import type { LedgerRow } from '../../src/store/store.js'
import { Checkout, orderIn, type Details, type KnownChain } from '../../src/relay/checkout.js'
import { orderBook, type OrderLine } from '../../src/relay/order-book.js'
import { fixedPrice } from '../../src/relay/price-source.js'
import { receiptsIn, type Receipt, type ReceiptKind } from '../../src/relay/receipt.js'
import { reorgedRows, settle, type SeenPayment, type Settlement } from '../../src/relay/settlement.js'
import {
  addOrder,
  address,
  after,
  by,
  chainAddress,
  filled,
  item,
  map,
  native,
  NOW,
  patch,
  payee,
  setState,
  shop,
  type Who,
} from '../state/shop.js'

export const ID = 100n
export const QUANTITY = 3n
/** 3 pieces at 500. */
export const TOTAL = 1_500n

/** A block at a time. */
export const blockAt = (timestamp: bigint) => ({
  number: 5n,
  hash: filled(32, 5),
  parentHash: filled(32, 4),
  timestamp,
})
export const known: KnownChain = { head: blockAt(NOW), decimals: () => 2n }

/** Chain 1 is configured (or not), and one wei is three cents of the token. */
export function checkoutWith(
  chain: KnownChain | undefined = known,
  prices = fixedPrice({ factor: 3n, divisor: 1n }),
): Checkout {
  return new Checkout(new Map(chain === undefined ? [] : [[1n, chain]]), prices)
}

/** Payee and currency replaced, and State 4. */
export function choose(id: bigint, currency: Uint8Array): Patch[] {
  return [
    patch('replace', ['Orders', id, 'ChosenPayee'], map({ Address: chainAddress(1n, payee) })),
    patch('replace', ['Orders', id, 'ChosenCurrency'], chainAddress(1n, currency)),
    setState(id, 4n),
  ]
}

/** A committed order with an address; by default of three pieces of listing 2, of which the shop has ten. */
export function placed(
  state: ShopState,
  id = ID,
  items: readonly Encodable[] = [item(2n, QUANTITY)],
  who: Who = 'guest',
): ShopState {
  return after(state, who, addOrder(id, items, { State: 3n }), patch('add', ['Orders', id, 'ShippingAddress'], address))
}

/** The relay's patches for an order in State 4; throws where there are none. */
export function detailsOf(state: ShopState, id: bigint, checkout = checkoutWith(), taken = new Set<string>()): Details {
  const details = checkout.details(state, id, taken)
  if ('later' in details) throw new Error(details.later)
  return details
}

/** Payment chosen and asked for. */
export function asked(state: ShopState, id: bigint, currency: Uint8Array, checkout = checkoutWith()): ShopState {
  const chosen = after(state, 'clerk', ...choose(id, currency))
  return after(chosen, 'relay', ...detailsOf(chosen, id, checkout).patches.map(readPatch))
}

export function paymentOf(state: ShopState, id = ID): PaymentDetails {
  return orderIn(state, id)!.PaymentDetails!
}

export const committed = placed(shop)
/** Asked for 1,500 wei. */
export const unpaid = asked(committed, ID, native)

/** Of listing 2. */
export function stockOf(state: ShopState): bigint {
  return Inventory.read(decodeChecked(state.collections.Inventory.get(inventoryKey(2n, []))!), 'Inventory')
}

/** A payment as a chain shows it; `place` tells transactions apart. */
export function sighting(
  state: ShopState,
  paymentId: Uint8Array,
  kind: ReceiptKind,
  { held = 0n, block = 1n, place = 0 }: { held?: bigint; block?: bigint; place?: number } = {},
): SeenPayment {
  return {
    kind,
    paymentId,
    entry: findPayment(state.indexes.payments, state.shopId, paymentId)!,
    held,
    blockNumber: block,
    blockHash: filled(32, Number(block)),
    ...(kind === 'made' && { txHash: filled(32, 100 + place), logIndex: place }),
    seenAt: NOW + block,
  }
}

/** A relay that has nothing but the state and the ledger. */
export class Books {
  state: ShopState
  readonly rows = new Map<string, LedgerRow>()
  readonly settlements: Settlement[] = []

  constructor(state: ShopState) {
    this.state = state
  }

  see(payment: SeenPayment): Settlement | undefined {
    const own = receiptsIn([...this.rows.values()]).filter(({ orderId }) => orderId === payment.entry.orderId)
    const settlement = settle(this.state, payment, own)
    if (settlement === undefined) return undefined
    this.settlements.push(settlement)
    for (const row of settlement.ledger) this.rows.set(toHex(row.key), row)
    this.write(...settlement.patches.map(readPatch))
    return settlement
  }

  /** As the relay. */
  write(...patches: readonly Patch[]): void {
    if (patches.length === 0) return
    const applied = applyPatches(this.state, patches, by('relay'))
    if (!applied.ok) throw new Error(applied.verdict.message)
    this.state = applied.state
  }

  /** The receipts that satisfy `lost` have left the chain. */
  reorg(lost: (receipt: Receipt) => boolean = () => true): void {
    for (const receipt of this.receipts.filter(lost))
      for (const row of reorgedRows(this.state.shopId, receipt, this.receipts)) this.rows.set(toHex(row.key), row)
  }

  /** In the order of their keys, as a store gives them. */
  get receipts(): Receipt[] {
    const rows = [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1))
    return receiptsIn(rows.map(([, row]) => row))
  }

  get lines(): OrderLine[] {
    return orderBook(this.state, [...this.rows.values()])
  }

  line(id = ID): OrderLine {
    return this.lines.find((line) => line.id === id)!
  }

  /** How many of the relay's sets write State 6. */
  get paidSets(): number {
    const paid = (bytes: Uint8Array) => {
      const { path, value } = readPatch(bytes)
      return path[2] === 'State' && value === 6n
    }
    return this.settlements.filter(({ patches }) => patches.some(paid)).length
  }
}
