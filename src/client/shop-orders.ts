/**
 * A customer's orders through the client (PROTOCOL §11): from a cart to a chosen payment, and what is then to be paid,
 * computed anew here: a PaymentID that the order does not lead to is never shown as due, and of a total is said whether
 * it was compared.
 *
 * Tests: test/client/shop-client.test.ts, test/client/shop-orders.test.ts
 */

import type { Amount, ListingId, OrderId, Seconds, ShopId } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import type { Encodable } from '../codec/encode.js'
import { SchemaError } from '../codec/schema.js'
import { CborTime, type CborKey } from '../codec/value.js'
import { CHECKOUT_LOADING_MS, DUE_MS_MAX } from '../limits.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import { AddressDetails, CANCELED, COMMITTED, OPEN, PAYMENT_CHOSEN, UNPAID, type Order } from '../objects/order.js'
import {
  getPaymentAddressCall,
  payCall,
  paymentIdOf,
  paymentRequest,
  processPaymentCall,
  type PaymentRequest,
} from '../objects/payment-request.js'
import { ChainAddress } from '../objects/scalars.js'
import type { Change } from '../patches/patch.js'
import { checkAgreed, isAgreed, requireAgreed, requireDue } from './agreed-total.js'
import { checkAddress, outcomeOf, whenHeld } from './checkout.js'
import { checkItem, type AddressProblem } from './cart.js'
import type { ClosingClient } from './client-closed.js'
import { ClientError, kindOf, usage } from './client-error.js'
import { ChoiceTerms, followsNow, type Finding, type PricedShop } from './compared-total.js'
import type { Live, LiveList } from './live.js'
import { currencyOf, isSameCurrency, type Currency, type Money } from './amount-of-money.js'
import { randomId } from './places.js'
import { choiceProblem, quoteOf, type Item, type Quote } from './quote.js'
import { stateOf, waitFor } from './wait-for.js'

/** What an order begins with; all of it may come later. */
export interface NewOrder {
  /** 64 bits, not 0; random if left out. */
  readonly id?: OrderId | undefined
  readonly items?: readonly Item[] | undefined
  readonly shippingAddress?: AddressDetails | undefined
  readonly invoiceAddress?: AddressDetails | undefined
}

/** Who is paid, and in what: a payee and a currency of the manifest. */
export interface PaymentChoice {
  readonly payee: ChainAddress
  /** An accepted currency on the payee's chain. */
  readonly currency: ChainAddress
  /** Whether the payee is a contract that is called; default: as the manifest has it. */
  readonly callAsContract?: boolean
}

/** What is to be paid, to whom, until when; the contract takes `request` as it stands. */
export interface PaymentDue {
  readonly order: OrderId
  /** 32 bytes. */
  readonly paymentId: Uint8Array
  readonly request: PaymentRequest
  /** For the Payments contract of the currency's chain: pay(request), or the address to send to (getPaymentAddress). */
  readonly calls: PaymentCalls
  /** In the currency's smallest unit. */
  readonly total: Amount
  readonly currency: ChainAddress
  /** The same total, as `formatMoney` takes it. */
  readonly money: Money
  /**
   * The same total follows from the shop's prices, as this client holds them. False where that could not be found out:
   * another currency than the shop's own, a rate that the relay alone knows; or a listing, the price of post or the
   * address changed after payment was chosen, or are not held. Then a page says that nothing was compared.
   */
  readonly compared: boolean
  /** Seconds since 1970. */
  readonly payableUntil: Seconds
}

/** Call data with 0x, and the wei that go along with `pay`; a token has to be approved for the contract first. */
export interface PaymentCalls {
  readonly pay: { readonly data: `0x${string}`; readonly value: bigint }
  readonly getPaymentAddress: { readonly data: `0x${string}` }
  /** Takes what lies at that address to the payee; anybody may send it. */
  readonly processPayment: { readonly data: `0x${string}` }
}

/** What orders need of a shop; a ShopClient is one. */
interface OrderShop extends ClosingClient {
  /** Whether the order's sets come to this client. */
  sees(order: OrderId): boolean
  readonly shopId: ShopId
  write(changes: readonly Change[], options?: { readonly signal?: AbortSignal }): Promise<unknown>
  order(id: OrderId): Live<Order>
  orderList(): LiveList<Order>
  readonly currencies: readonly Currency[]
  listing(id: ListingId): Live<Listing>
  manifest(): Live<Manifest>
}

interface CallOptions {
  readonly signal?: AbortSignal
}

/** For what total payment is chosen. */
export interface ChoiceOptions extends CallOptions {
  /** What the guest saw and agreed to: where something else is due nothing is to be paid before he is asked again. */
  readonly total?: Money | undefined
}

/** What was found of the payment that a choice of this client led to. */
interface Found {
  /** 32 bytes. */
  readonly paymentId: Uint8Array
  readonly finding: Finding
}

/** Makes and changes orders, and tells what is due; `client.orders`. */
export class ShopOrders {
  private readonly shop: OrderShop
  private readonly priced: PricedShop
  /** Of each order's last choice: what it was priced by may change later, and the finding stays. */
  private readonly found = new Map<OrderId, Found>()

  private readonly isKept: () => boolean

  /** `held`: what is held of an object, by name; `isKept`: what is written is kept until it is sent. */
  constructor(shop: OrderShop, held: PricedShop['held'], isKept: () => boolean = () => false) {
    this.shop = shop
    this.isKept = isKept
    const { currencies } = shop
    const [order, listing] = [(id: OrderId) => shop.order(id), (id: ListingId) => shop.listing(id)]
    this.priced = { currencies, held, order, listing, manifest: () => shop.manifest() }
  }

  /**
   * An Open order; resolves with its id when it is durable. Rejects with the wire's code; where nobody knows whether it
   * is there, objectId is its id. VARIATION_MISSING and VARIATION_TWICE, with nothing sent, where a listing has options
   * and the item not one variation of each.
   */
  async create(order: NewOrder = {}, options: CallOptions = {}): Promise<OrderId> {
    const id = order.id ?? randomId()
    const added = this.added(id, order)
    const held = this.held(order.items, options.signal)
    if (held !== undefined) await held
    this.requireChosen(order.items)
    await this.write(id, [added], options)
    return id
  }

  /** Nobody can look for an order whose id only the call knew. */
  private async write(id: OrderId, changes: readonly Change[], options: CallOptions): Promise<void> {
    // Throws USAGE for an id that is none.
    this.shop.order(id)
    try {
      await this.shop.write(changes, options)
    } catch (error) {
      throw naming(id, error)
    }
  }

  /** Undefined where nothing has to come first, and where a write is kept: then it is made at once. */
  private held(items: readonly Item[] = [], signal?: AbortSignal): Promise<void> | undefined {
    const lives = items.map(({ listing }) => this.shop.listing(listing))
    return this.shop.state !== 'connected' || this.isKept() ? undefined : whenHeld(this.shop, lives, signal)
  }

  /** As a cart does; what is not held here the relay knows. Throws ClientError. */
  private requireChosen(items: readonly Item[] = []): void {
    for (const { listing: id, variations = [] } of items) {
      const listing = this.shop.listing(id).get().data
      const problem = listing && choiceProblem(listing, variations)
      if (problem !== undefined) throw new ClientError(problem.code, problem.message, { objectId: id })
    }
  }

  private added(id: OrderId, { items = [], ...order }: NewOrder): Change {
    const fields: [CborKey, Encodable][] = [
      ['ID', id],
      ['State', OPEN],
      ['Items', itemValues(items)],
    ]
    for (const [field, address] of addressFields(order)) fields.push([field, addressValue(address, field)])
    return { op: 'add', path: ['Orders', id], value: new Map(fields) }
  }

  /** Appends an item to an Open order. */
  async add(id: OrderId, item: Item, options: CallOptions = {}): Promise<void> {
    const [value] = itemValues([item])
    const held = this.held([item], options.signal)
    if (held !== undefined) await held
    this.requireChosen([item])
    await this.write(id, [{ op: 'append', path: ['Orders', id, 'Items'], value: value! }], options)
  }

  /** Puts these in the place of all items of an Open order: changed, removed and added at once. */
  async setItems(id: OrderId, items: readonly Item[], options: CallOptions = {}): Promise<void> {
    const value = itemValues(items)
    const held = this.held(items, options.signal)
    if (held !== undefined) await held
    this.requireChosen(items)
    await this.write(id, [{ op: 'replace', path: ['Orders', id, 'Items'], value }], options)
  }

  /** Of an order that is not Canceled or Paid. What is due changes once payment is chosen again. */
  async setAddress(
    id: OrderId,
    { shippingAddress, invoiceAddress }: Pick<NewOrder, 'shippingAddress' | 'invoiceAddress'>,
    options: CallOptions = {},
  ): Promise<void> {
    const before = this.order(id)
    const changes = addressFields({ shippingAddress, invoiceAddress }).map(([field, address]): Change => ({
      op: before?.[field] === undefined ? 'add' : 'replace',
      path: ['Orders', id, field],
      value: addressValue(address, field),
    }))
    if (changes.length === 0) throw usage('addresses', 'there is none', 'Give shippingAddress, or invoiceAddress.')
    await this.write(id, changes, options)
  }

  /** An order whose items are reserved, made in one set: all of it or, with OUT_OF_STOCK, nothing. */
  async place(order: NewOrder, options: CallOptions = {}): Promise<OrderId> {
    const id = order.id ?? randomId()
    const changes = [this.added(id, order), stateChange(id, COMMITTED)]
    const held = this.held(order.items, options.signal)
    if (held !== undefined) await held
    this.requireChosen(order.items)
    await this.write(id, changes, options)
    return id
  }

  /** What an order costs, part by part, as the shop is now; undefined while the order is not there. */
  quote(id: OrderId): Quote | undefined {
    const order = this.order(id)
    return order && this.quoteFor(order)
  }

  /** Reserves the items; rejects with OUT_OF_STOCK and the listing's id. */
  async commit(id: OrderId, options: CallOptions = {}): Promise<void> {
    await this.write(id, [stateChange(id, COMMITTED)], options)
  }

  /** Gives the reservation back. A payment that comes later is told to the merchant. */
  async cancel(id: OrderId, options: CallOptions = {}): Promise<void> {
    const canceledAt = new CborTime(BigInt(Math.floor(Date.now() / 1_000)))
    await this.write(
      id,
      [{ op: 'add', path: ['Orders', id, 'CanceledAt'], value: canceledAt }, stateChange(id, CANCELED)],
      options,
    )
  }

  /**
   * Chooses payee and currency of a committed order, again too, and resolves with what is to be paid once the relay has
   * said so. Rejects with INVALID where it cannot be paid so; with PAYMENT_MISMATCH, LISTING_MISMATCH or TOTAL_MISMATCH
   * where what is asked is not what follows from the order and what the shop sells, as it was held when it was priced;
   * with PRICE_CHANGED where that is another total than the given one: nothing was sent if the shop's prices lead to
   * another one now, else `due` has what is asked.
   */
  async choosePayment(id: OrderId, choice: PaymentChoice, options: ChoiceOptions = {}): Promise<PaymentDue> {
    const { total } = options
    checkAgreed(total)
    for (const name of ['payee', 'currency'] as const) checkPlace(choice?.[name], `choice.${name}`)
    if (!this.shop.sees(id))
      throw new ClientError(
        'NOT_SUBSCRIBED',
        `order ${id} is not subscribed to: connect with only: [{ order: 'all' }, …], or without only`,
      )
    await this.requireAgreed(id, total, options.signal)
    const before = this.order(id)
    const { payee, currency, callAsContract = this.payeeIsContract(payee) } = choice
    const chosen = new Map<CborKey, Encodable>([
      ['Address', ChainAddress.write(payee)],
      ['CallAsContract', callAsContract],
    ])
    const changes: readonly Change[] = [
      { op: 'replace', path: ['Orders', id, 'ChosenPayee'], value: chosen },
      { op: 'replace', path: ['Orders', id, 'ChosenCurrency'], value: ChainAddress.write(currency) },
      stateChange(id, PAYMENT_CHOSEN),
    ]
    const terms = new ChoiceTerms(this.priced, id, currency)
    const { signal } = options
    try {
      await this.write(id, changes, { ...(signal && { signal }) })
      const isDue = (order: Order) => {
        if (!isNewlyDue(order, before, choice)) return false
        // At once: who is told of the order in the same turn asks what is due.
        this.found.set(id, { paymentId: order.PaymentDetails!.PaymentID, finding: terms.finding(order) })
        return true
      }
      const due = this.checkedDue(await this.until(id, isDue, signal))
      requireDue(total, due.money, id)
      return due
    } finally {
      terms.end()
    }
  }

  /**
   * What is to be paid now; undefined where nothing is, and while the order is loading: it may be paid already. Throws
   * ClientError PAYMENT_MISMATCH; what a choice of this client found it throws again.
   */
  due(id: OrderId): PaymentDue | undefined {
    const order = this.loaded(id)
    return order?.State === UNPAID && order.PaymentDetails !== undefined ? this.checkedDue(order) : undefined
  }

  /**
   * What was asked last, Paid or not; undefined while nothing is: `calls.processPayment` gets a merchant what lies at
   * its address. Throws as `due` does.
   */
  asked(id: OrderId): PaymentDue | undefined {
    const order = this.loaded(id)
    const isAsked = order?.PaymentDetails !== undefined && order.State !== PAYMENT_CHOSEN
    return isAsked ? this.checkedDue(order) : undefined
  }

  /** The order as it is and becomes. */
  watch(id: OrderId): Live<Order> {
    return this.shop.order(id)
  }

  /** All orders that may be read, by id, with their proof of completeness: a guest's own, the shop's for staff. */
  all(): LiveList<Order> {
    return this.shop.orderList()
  }

  /**
   * As a cart does: another total of what is still coming may be one of the past. Of another currency than the shop's
   * own the relay alone knows what it will ask. Rejects with ClientError PRICE_CHANGED, ABORTED and CLOSED.
   */
  private async requireAgreed(id: OrderId, agreed: Money | undefined, signal?: AbortSignal): Promise<void> {
    if (agreed === undefined) return
    const [live, manifest] = [this.shop.order(id), this.shop.manifest()]
    const items = live.get().data?.Items ?? []
    const lives = [live, manifest, ...items.map(({ ListingID }) => this.shop.listing(ListingID))]
    const watched = [stateOf(this.shop), ...lives]
    const quoted = () => {
      const { data } = live.get()
      return data && this.quoteFor(data)
    }
    const look = () => {
      const quote = quoted()
      const isHere = this.shop.state !== 'connected' || lives.every((one) => one.get().status !== 'loading')
      return isHere || (quote !== undefined && isAgreed(agreed, quote)) ? ([quote] as const) : undefined
    }
    const found = look() ?? [
      await waitFor({ client: this.shop, signal, watched, look, ms: CHECKOUT_LOADING_MS, late: quoted }),
    ]
    const [quote] = found
    if (quote?.total === undefined) return
    if (isSameCurrency(agreed.currency, quote.total.currency)) requireAgreed(agreed, quote)
  }

  private loaded(id: OrderId): Order | undefined {
    const { status, data } = this.shop.order(id).get()
    return status === 'loading' ? undefined : data
  }

  private order(id: OrderId): Order | undefined {
    return this.shop.order(id).get().data
  }

  private payeeIsContract({ ChainID, Address }: ChainAddress): boolean {
    return this.shop.manifest().get().data?.Payees?.get(ChainID)?.get(toHex(Address))?.CallAsContract ?? false
  }

  private checkedDue(order: Order): PaymentDue {
    const { ID, ChosenPayee, ChosenCurrency: currency, PaymentDetails: details } = order
    if (ChosenPayee === undefined || currency === undefined || details === undefined)
      throw new ClientError('PAYMENT_MISMATCH', `order ${ID} is Unpaid, and nothing says what is to be paid`)
    const { Total: total, TTL: ttl, PaymentID } = details
    const request = paymentRequest(this.shop.shopId, ChosenPayee.Address, currency, { total, ttl })
    if (!equalBytes(paymentIdOf(request), PaymentID))
      throw new ClientError('PAYMENT_MISMATCH', `order ${ID}: the PaymentID does not follow from what was chosen`)
    const money = { ...currencyOf(currency, this.shop.currencies), amount: total }
    const compared = this.isCompared(order)
    const calls = callsOf(request)
    return { order: ID, paymentId: PaymentID, request, calls, total, currency, money, compared, payableUntil: ttl }
  }

  /** Throws what was found wrong when its payment was chosen. */
  private isCompared(order: Order): boolean {
    const found = this.found.get(order.ID)
    const finding = found !== undefined && equalBytes(found.paymentId, order.PaymentDetails!.PaymentID) && found.finding
    if (finding instanceof ClientError) throw finding
    return finding || followsNow(this.priced, order)
  }

  private quoteFor({ Items, ShippingAddress, InvoiceAddress }: Order): Quote {
    const wanted = (Items ?? []).filter(({ Quantity }) => Quantity > 0n)
    const items = wanted.map(({ ListingID: listing, VariationIDs, Quantity: quantity }) => ({
      listing,
      quantity,
      variations: VariationIDs ?? [],
    }))
    const listing = (id: ListingId) => {
      const { status, data } = this.shop.listing(id).get()
      return data ?? (status === 'loading' ? ('loading' as const) : undefined)
    }
    const { currencies } = this.shop
    const manifest = this.shop.manifest().get().data
    return quoteOf({ manifest, listing, currencies }, items, ShippingAddress ?? InvoiceAddress)
  }

  /** Rejects when the signal aborts or the client is closed, when the order cannot be seen, and after a minute. */
  private until(id: OrderId, condition: (order: Order) => boolean, signal?: AbortSignal): Promise<Order> {
    const live = this.shop.order(id)
    const look = () => {
      const { data, error } = live.get()
      if (error !== undefined) throw error
      return data !== undefined && condition(data) ? ([data] as const) : undefined
    }
    const late = () => {
      throw new ClientError('TIMEOUT', `order ${id}: what is to be paid is not known yet`)
    }
    return waitFor({ client: this.shop, signal, watched: [live], look, ms: DUE_MS_MAX, late })
  }
}

/**
 * What a choice led to, and not what was due before: a set that changes an order makes another object of it, but a
 * snapshot does so too.
 */
function isNewlyDue(order: Order, before: Order | undefined, { payee, currency }: PaymentChoice): boolean {
  const { State, PaymentDetails, ChosenPayee, ChosenCurrency } = order
  if (order === before || State !== UNPAID || PaymentDetails === undefined) return false
  if (ChosenPayee === undefined || ChosenCurrency === undefined) return false
  return isSameCurrency(ChosenPayee.Address, payee) && isSameCurrency(ChosenCurrency, currency)
}

function naming(id: OrderId, error: unknown): unknown {
  if (!(error instanceof ClientError) || outcomeOf(error) !== 'unknown' || error.objectId !== undefined) return error
  const { code, message, remedy, retryAfter, cause = error } = error
  return new ClientError(code, `order ${id}: ${message}`, { cause, objectId: id, remedy, retryAfter })
}

function callsOf(request: PaymentRequest): PaymentCalls {
  const native = isAllZero(request.currency)
  return {
    pay: { data: prefixedHex(payCall(request)), value: native ? request.amount : 0n },
    getPaymentAddress: { data: prefixedHex(getPaymentAddressCall(request)) },
    processPayment: { data: prefixedHex(processPaymentCall(request)) },
  }
}

/** Throws ClientError USAGE. */
function checkPlace(place: Partial<ChainAddress> | undefined, at: string): void {
  if (typeof place?.ChainID !== 'bigint') throw usage(`${at}.ChainID`, `it is ${kindOf(place?.ChainID)}`, 'Give 1n.')
  if (!(place.Address instanceof Uint8Array && place.Address.length === 20))
    throw usage(`${at}.Address`, `it is ${kindOf(place.Address)}`, 'Give 20 bytes (Uint8Array).')
}

/** Throws ClientError USAGE. */
function itemValues(items: readonly Item[]): ReadonlyMap<CborKey, Encodable>[] {
  if (!Array.isArray(items)) throw usage('items', 'it is no list', 'Write [{ listing: 42n, quantity: 1n }].')
  return (items as readonly Item[]).map((item, i) => {
    checkItem(item, `items[${i}]`)
    const { listing, variations = [], quantity } = item
    const fields: [CborKey, Encodable][] = [
      ['ListingID', listing],
      ['Quantity', quantity],
    ]
    if (variations.length > 0) fields.push(['VariationIDs', [...variations]])
    return new Map(fields)
  })
}

function addressFields({ shippingAddress, invoiceAddress }: Pick<NewOrder, 'shippingAddress' | 'invoiceAddress'>) {
  const fields = [
    ['ShippingAddress', shippingAddress],
    ['InvoiceAddress', invoiceAddress],
  ] as const
  return fields.flatMap(([field, address]) => (address === undefined ? [] : [[field, address] as const]))
}

/** Throws ClientError USAGE. */
function addressValue(address: AddressDetails, at: string): Encodable {
  checkAddress(address, at)
  const problem = addressProblem(address)
  if (problem !== undefined) throw usage(`${at}.${problem.field}`, problem.message, ADDRESS_REMEDY)
  return AddressDetails.write(address)
}

const ADDRESS_REMEDY = 'Name, Address1, City, PostalCode, Country and EmailAddress are needed.'

/** What keeps the relay from taking it, and of which field. */
export function addressProblem(address: AddressDetails): AddressProblem | undefined {
  const given = Object.entries({ ...address }).filter(([, value]) => value !== undefined)
  try {
    AddressDetails.read(new Map(given), '')
    return undefined
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    const { at, message } = error
    return { field: at.replace(/^\./u, ''), message: message.slice(at.length + 1) }
  }
}

function stateChange(id: OrderId, to: bigint): Change {
  return { op: 'replace', path: ['Orders', id, 'State'], value: to }
}
