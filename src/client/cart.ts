/**
 * A cart: lines that a guest chose and may change, with their price as the shop is now. It is the guest's own until he
 * checks out: then it becomes an order, whose pieces are reserved, in one set that is taken whole or not at all.
 *
 * Tests: test/client/cart.test.ts
 */

import type { ListingId, OrderId } from '../brands.js'
import { ITEMS_PER_ORDER_MAX } from '../limits.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { AddressDetails, Order } from '../objects/order.js'
import type { ClosingClient } from './client-closed.js'
import { ClientError, kindOf, usage } from './client-error.js'
import { isId, randomId } from './places.js'
import { isSameList } from './listings-query.js'
import { states, type Live, type LiveState } from './live.js'
import type { Currency, Money } from './money.js'
import type { Item, Quote, quoteOf, QuoteLine } from './quote.js'

export interface CartLine extends QuoteLine {
  /** What `change` and `remove` take; the same for the same listing and variations. */
  readonly key: string
}

export interface CartState {
  /** In the order in which they were added. The same reference while nothing in it changed. */
  readonly lines: readonly CartLine[]
  /** Pieces of all lines. */
  readonly count: bigint
  /** Where it is sent to; undefined until `sendTo`. */
  readonly address: AddressDetails | undefined
  /** Why no relay would take the address, and of which field; undefined without one. */
  readonly addressProblem: AddressProblem | undefined
  readonly quote: Quote
  /**
   * `loading`: what the quote is made of is still coming, or was kept, and may be of the past. `failed`: a check
   * failed, and it is not to be relied on.
   */
  readonly status: 'loading' | 'ready' | 'failed'
  /**
   * The order that a checkout made of these lines, while nobody knows whether the relay took it: it waits in the
   * outbox, or its answer was lost. Once it is known to be taken its lines leave the cart; if it is refused they stay.
   */
  readonly ordering: OrderId | undefined
}

export interface AddressProblem {
  readonly field: string
  /** One sentence's end: `must be an e-mail address: name@host.domain`. */
  readonly message: string
}

/** What became of an order that was not answered; `refused`: it was not there before either. */
export type Outcome = 'unknown' | 'refused' | 'not sent'

/** What a cart needs that is loaded with what guests do. */
interface CartSide {
  readonly quoteOf: typeof quoteOf
  addressProblem(address: AddressDetails): AddressProblem | undefined
  checkAddress(address: unknown, at: string): void
  requireOrderable(state: CartState, isWaiting: boolean, agreed: Money | undefined): void
  checkAgreed(total: unknown): void
  isKnown(state: CartState, agreed: Money | undefined): boolean
  /** Resolves once it is known what of each line has to be chosen. */
  whenKnown(cart: Cart, options: CheckoutOptions & { readonly client: ClosingClient }): Promise<void>
  outcomeOf(error: unknown): Outcome
  itemsOf(order: Order): readonly Item[]
  /** The order, where the relay refuses it because it is there, and it is not Canceled. */
  orderThere(error: unknown, client: ClosingClient, live: () => Live<Order>): Promise<Order | undefined>
}

/** What a cart needs of a shop. */
interface CartShop {
  readonly currencies: readonly Currency[]
  readonly client: ClosingClient
  listing(id: ListingId): Live<Listing>
  manifest(): Live<Manifest>
  /** Undefined while it is loading: all lines are, then. */
  side(): CartSide | undefined
  /** What `save` gives now. */
  kept?(text: string): void
  /** An order of these items with that id, its pieces reserved. */
  place(
    order: { readonly id: OrderId; readonly items: readonly Item[]; readonly shippingAddress?: AddressDetails },
    options: CallOptions,
  ): Promise<OrderId>
  order(id: OrderId): Live<Order>
  /** Whether the outbox holds it. */
  isWaiting(order: OrderId): boolean
  /** It was made by another write than the one that was refused. */
  made(order: OrderId): void
}

interface CallOptions {
  readonly signal?: AbortSignal
}

export interface CheckoutOptions extends CallOptions {
  /** What the guest saw and agreed to, as `quote.total` had it: nothing is sent where it comes to something else. */
  readonly total?: Money | undefined
}

interface Line extends Item {
  readonly variations: readonly string[]
  readonly key: string
}

/** A checkout whose end is not known. */
interface SentCheckout {
  readonly order: OrderId
  readonly lines: readonly Line[]
  /** It was sent before, and may be there. */
  readonly isTried: boolean
}

const LINE_QUANTITY_END = 1n << 32n

/** Live, like the objects of a shop: `useSyncExternalStore(cart.subscribe, cart.get)`. */
export class Cart implements AsyncIterable<CartState> {
  private readonly shop: CartShop
  private readonly lines = new Map<string, Line>()
  private readonly watchers = new Set<() => void>()
  /** Of the manifest and the lines' listings, while somebody looks. */
  private stops: (() => void)[] = []
  private address: AddressDetails | undefined
  private shown: { readonly state: CartState; readonly of: readonly unknown[] } | undefined
  private version = 0
  private running: Promise<OrderId> | undefined
  private sent: SentCheckout | undefined
  /**
   * Of the order that these lines become, in each tab and at each try, until it is taken: a refusal need not be true.
   */
  private next: OrderId | undefined
  /** How often it was cleared. */
  private clearings = 0
  /** Orders whose answer this cart waits for. */
  private readonly placing = new Set<OrderId>()
  /** Looks whether the order of `sent` is there, where no answer will tell. */
  private looking: { readonly order: OrderId; stop(): void } | undefined

  constructor(shop: CartShop) {
    this.shop = shop
  }

  /** The same reference until a line, a price or what is sold changes. */
  readonly get = (): CartState => {
    const lines = [...this.lines.values()]
    const { status: known, data: manifest } = this.shop.manifest().get()
    const listings = lines.map(({ listing }) => this.listing(listing))
    const status = this.statusOf([known, ...lines.map(({ listing }) => this.shop.listing(listing).get().status)])
    const side = this.shop.side()
    const quoteOf = side?.quoteOf ?? loadingQuote
    const of = [this.version, status, quoteOf, manifest, ...listings]
    if (this.shown !== undefined && isSameList(this.shown.of, of)) return this.shown.state
    const { currencies } = this.shop
    const byId = new Map(lines.map(({ listing }, i) => [listing, listings[i]]))
    const quote = quoteOf({ manifest, listing: (id) => byId.get(id), currencies }, lines, this.address)
    const state: CartState = {
      lines: quote.lines.map((line, i) => ({ ...line, key: lines[i]!.key })),
      count: lines.reduce((sum, { quantity }) => sum + quantity, 0n),
      address: this.address,
      addressProblem: this.address && side?.addressProblem(this.address),
      quote,
      status,
      ordering: this.sent?.order,
    }
    this.shown = { state, of }
    return state
  }

  /** `changed` is called after each change of a line, and of what it costs; the returned function ends that. */
  readonly subscribe = (changed: () => void): (() => void) => {
    const watcher = () => changed()
    this.watchers.add(watcher)
    if (this.watchers.size === 1) this.look()
    return () => {
      if (this.watchers.delete(watcher) && this.watchers.size === 0) this.look()
    }
  };

  /** Each state once, as it becomes. */
  [Symbol.asyncIterator](): AsyncIterator<CartState> {
    return states(this.get, this.subscribe)
  }

  /** Adds pieces, to the line of the same listing and variations if there is one; its key. Throws ClientError USAGE. */
  add(item: Item): string {
    checkItem(item, 'item')
    const line = lineOf(item)
    const quantity = (this.lines.get(line.key)?.quantity ?? 0n) + item.quantity
    if (!this.lines.has(line.key) && this.lines.size >= ITEMS_PER_ORDER_MAX)
      throw usage('item', `the cart has ${ITEMS_PER_ORDER_MAX} lines already`, 'Check out first.')
    checkQuantity(quantity, 'item.quantity')
    this.lines.set(line.key, { ...line, quantity })
    this.changed()
    return line.key
  }

  /** Sets the pieces of a line; 0 removes it. Throws ClientError USAGE. */
  change(key: string, quantity: bigint): void {
    const line = this.lines.get(key)
    if (line === undefined) throw usage('key', `there is no line ${JSON.stringify(key)}`, 'Take a key of get().lines.')
    if (quantity === 0n) return this.remove(key)
    checkQuantity(quantity, 'quantity')
    this.lines.set(key, { ...line, quantity })
    this.changed()
  }

  /** Takes a line out; nothing happens if it is not there. */
  remove(key: string): void {
    if (this.lines.delete(key)) this.changed()
  }

  /**
   * Takes all lines out; the address stays. A checkout that waits in the outbox goes on, and the next one is another
   * order; one that waits until the lines are loaded is ABORTED.
   */
  clear(): void {
    this.running = undefined
    this.clearings++
    this.next = undefined
    if (this.lines.size === 0 && this.sent === undefined) return
    this.sent = undefined
    this.lines.clear()
    this.changed()
  }

  /**
   * Where it is sent to: without it no shipping and no total is known. A form may be half filled in: `addressProblem`
   * tells what is missing. Throws ClientError USAGE for a field that there is not, and for one that is no text.
   */
  sendTo(address: AddressDetails | undefined): void {
    if (address !== undefined) this.shop.side()?.checkAddress(address, 'address')
    this.address = address
    this.changed()
  }

  /**
   * Makes an order of all lines and reserves their pieces, all or none, and empties the cart; the order's id. The cart
   * stays as it was where that is refused: OUT_OF_STOCK and NOT_FOUND name the listing by objectId. Nothing is sent
   * where a choice is missing (VARIATION_MISSING), while an earlier checkout waits in the outbox (CHECKOUT_PENDING),
   * where a line is still loading after some seconds (TIMEOUT), and where `total` was given and the lines come to
   * another one (PRICE_CHANGED, with both as `totals`). One whose answer was lost is made again as the same order,
   * which a relay takes once.
   */
  checkout(options: CheckoutOptions = {}): Promise<OrderId> {
    // A second click is not a second order.
    this.running ??= this.ordered(options).finally(() => {
      if (this.running === running) this.running = undefined
    })
    const { running } = this
    return running
  }

  private async ordered({ total, ...options }: CheckoutOptions): Promise<OrderId> {
    const side = this.shop.side()
    side?.checkAgreed(total)
    const isWaiting = () => this.sent !== undefined && this.shop.isWaiting(this.sent.order)
    if (this.lines.size > 0 && !isWaiting() && side?.isKnown(this.get(), total) !== true)
      await this.known(side, { total, ...options })
    if (this.lines.size === 0) throw usage('cart', 'it has no lines', 'Add something first.')
    side?.requireOrderable(this.get(), isWaiting(), total)
    const before = this.sent
    const id = before?.order ?? this.next ?? randomId()
    const items = [...this.lines.values()]
    this.sent = { order: id, lines: items, isTried: before !== undefined }
    this.placing.add(id)
    this.changed()
    try {
      await this.shop.place({ id, items, ...(this.address && { shippingAddress: this.address }) }, options)
      this.taken(id)
      return id
    } catch (error) {
      // That there is such an order already is no refusal: another tab, or an earlier try, made it.
      const order = await side?.orderThere(error, this.shop.client, () => this.shop.order(id))
      if (order !== undefined) {
        this.shop.made(id)
        this.taken(id, side!.itemsOf(order))
        return id
      }
      this.notTaken(id, side?.outcomeOf(error) ?? 'unknown')
      throw error
    } finally {
      this.placing.delete(id)
      this.lookForOrder()
    }
  }

  /** Rejects where it was cleared in the meantime: what it holds then is another one's. */
  private async known(side: CartSide | undefined, options: CheckoutOptions): Promise<void> {
    const { clearings } = this
    await side?.whenKnown(this, { client: this.shop.client, ...options })
    if (this.clearings !== clearings)
      throw new ClientError('ABORTED', 'the cart was cleared before its checkout was sent')
  }

  /** The outbox holds its order no more: it was taken, or, with `error`, it was not, or nobody knows. */
  left(order: OrderId, error: ClientError | undefined): void {
    if (error === undefined) return this.taken(order)
    // What was aborted leaves only before it is signed.
    this.notTaken(order, error.code === 'ABORTED' ? 'not sent' : (this.shop.side()?.outcomeOf(error) ?? 'unknown'))
  }

  /** Its lines leave; what was added in the meantime stays. */
  private taken(order: OrderId, items?: readonly Item[]): void {
    const { sent } = this
    if (sent?.order !== order && this.next !== order) return
    this.sent = undefined
    this.next = undefined
    for (const { key, quantity } of items?.map(lineOf) ?? sent?.lines ?? [...this.lines.values()]) {
      const now = this.lines.get(key)
      if (now === undefined) continue
      if (now.quantity > quantity) this.lines.set(key, { ...now, quantity: now.quantity - quantity })
      else this.lines.delete(key)
    }
    this.changed()
  }

  /** Its lines are free again where nobody took it, by all that is known. */
  private notTaken(order: OrderId, outcome: Outcome): void {
    const { sent } = this
    if (sent?.order !== order || outcome === 'unknown') return
    if (outcome === 'not sent' && sent.isTried) return
    this.sent = undefined
    this.next = order
    this.changed()
  }

  /** Where its answer will not come to this client: it is there, or it is asked for again with the next checkout. */
  private lookForOrder(): void {
    const sent = this.sent?.order
    const order = sent === undefined || this.placing.has(sent) ? undefined : sent
    if (order === this.looking?.order) return
    this.looking?.stop()
    this.looking = undefined
    if (order === undefined) return
    const live = this.shop.order(order)
    const look = () => {
      const { data, pending } = live.get()
      if (data !== undefined && pending !== true) this.taken(order, this.shop.side()?.itemsOf(data))
    }
    this.looking = { order, stop: live.subscribe(look) }
    look()
  }

  /**
   * Lines, address and a checkout whose end is not known as text, for `restore`: a page keeps it over a reload. It
   * holds the address.
   */
  save(): string {
    const { sent, address } = this
    return JSON.stringify({
      lines: savedLines([...this.lines.values()]),
      ...(address !== undefined && { address }),
      ...(sent !== undefined && { checkout: savedCheckout(sent) }),
      ...(this.next !== undefined && { next: String(this.next) }),
    })
  }

  /** What `save` gave, in the place of what is there. Of another text nothing changes: throws ClientError USAGE. */
  restore(text: string): void {
    const { lines, address, sent, next } = readSaved(text)
    this.hold(lines)
    this.address = address
    this.sent = sent
    this.next = next
    this.changed()
  }

  /**
   * The same beside what is there, where that is another cart: pieces of both, and the own address first. An order that
   * the other one waits for is none of this one. Throws ClientError USAGE.
   */
  join(text: string): void {
    const { lines, address, sent, next } = readSaved(text)
    if (this.lines.size === 0 || next === this.next) return this.restore(text)
    if (sent === undefined) this.hold([...this.lines.values(), ...lines])
    this.address ??= address
    this.changed()
  }

  /** These lines and no others, or none of them. Throws ClientError USAGE. */
  private hold(lines: readonly Item[]): void {
    const held = new Cart({ ...this.shop, kept: () => undefined })
    for (const line of lines) held.add(line)
    this.lines.clear()
    for (const [key, line] of held.lines) this.lines.set(key, line)
  }

  /** What prices the lines has come. */
  quotes(): void {
    this.tell()
  }

  private statusOf(all: readonly LiveState<unknown>['status'][]): CartState['status'] {
    if (all.includes('failed')) return 'failed'
    return all.includes('loading') || this.shop.side() === undefined ? 'loading' : 'ready'
  }

  private listing(id: ListingId): Listing | undefined | 'loading' {
    const { status, data } = this.shop.listing(id).get()
    // What was kept has a price too: `status` says that it may be of the past.
    return data ?? (status === 'loading' ? 'loading' : undefined)
  }

  private changed(): void {
    this.version++
    if (this.lines.size > 0) this.next ??= randomId()
    this.look()
    this.tell()
    this.shop.kept?.(this.save())
    this.lookForOrder()
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }

  /** At what the lines are made of, as long as somebody looks at them. */
  private look(): void {
    const before = this.stops
    this.stops = []
    if (this.watchers.size > 0) {
      const tell = () => this.tell()
      const ids = new Set([...this.lines.values()].map(({ listing }) => listing))
      this.stops = [this.shop.manifest(), ...[...ids].map((id) => this.shop.listing(id))].map((live) =>
        live.subscribe(tell),
      )
    }
    for (const stop of before) stop()
  }
}

/** The same key for the same listing and variations. */
function lineOf({ listing, variations: names = [], quantity }: Item): Line {
  const variations = [...names].sort()
  return { key: [listing, ...variations.map((name) => JSON.stringify(name))].join(' '), listing, variations, quantity }
}

/** Of lines of which nothing is known yet. */
function loadingQuote(_shop: unknown, items: readonly Item[]): Quote {
  const none = { title: undefined, price: undefined, steps: [], unit: undefined, sum: undefined }
  return {
    lines: items.map(({ listing, variations = [], quantity }) => ({ listing, variations, quantity, ...none })),
    subtotal: undefined,
    region: undefined,
    shipping: [],
    total: undefined,
    problems: [{ code: 'LOADING', message: 'The shop is still loading.' }],
    warnings: [],
  }
}

/** Throws ClientError USAGE. */
export function checkItem({ listing, variations, quantity }: Item, at: string): void {
  if (!isId(listing)) throw usage(`${at}.listing`, `it is ${kindOf(listing)}`, 'Give the id of a listing: 42n.')
  checkQuantity(quantity, `${at}.quantity`)
  if (variations === undefined) return
  if (!Array.isArray(variations) || !variations.every((name) => typeof name === 'string'))
    throw usage(`${at}.variations`, 'it is no list of texts', "Give names of variations: ['gold'].")
  if (new Set(variations).size !== variations.length)
    throw usage(`${at}.variations`, 'it names one twice', 'Name each once.')
}

function checkQuantity(quantity: unknown, at: string): void {
  if (typeof quantity === 'bigint' && quantity > 0n && quantity < LINE_QUANTITY_END) return
  throw usage(at, `it is ${kindOf(quantity)}`, 'Give a bigint, 1n … 2^32−1.')
}

interface SavedLine {
  readonly listing: string
  readonly variations: readonly string[]
  readonly quantity: string
}

interface SavedCart {
  readonly lines: readonly SavedLine[]
  readonly address?: AddressDetails
  readonly checkout?: SavedCheckout
  readonly next?: string
}

interface SavedCheckout {
  readonly order: string
  readonly lines: readonly SavedLine[]
  readonly tried?: boolean
}

function savedCheckout({ order, lines, isTried }: SentCheckout): SavedCheckout {
  return { order: String(order), lines: savedLines(lines), ...(isTried && { tried: true }) }
}

function savedLines(lines: readonly Line[]): readonly SavedLine[] {
  return lines.map(({ listing, variations, quantity }) => ({
    listing: String(listing),
    variations,
    quantity: String(quantity),
  }))
}

/** Throws ClientError USAGE. */
function readLines(lines: readonly SavedLine[], at: string): readonly Item[] {
  const items = lines.map(({ listing, variations, quantity }) => ({
    listing: BigInt(listing),
    variations,
    quantity: BigInt(quantity),
  }))
  for (const [i, item] of items.entries()) checkItem(item, `${at}[${i}]`)
  return items
}

/** Throws ClientError USAGE. */
function idIn(text: string, at: string): OrderId {
  const id = BigInt(text)
  if (!isId(id)) throw usage(at, 'it is no id', 'Leave it out.')
  return id
}

function readSaved(text: string): {
  readonly lines: readonly Item[]
  readonly address: AddressDetails | undefined
  readonly sent: SentCheckout | undefined
  readonly next: OrderId | undefined
} {
  try {
    const { lines, address, checkout, next } = JSON.parse(text) as SavedCart
    if (address !== undefined && !Object.values(address).every((line) => typeof line === 'string'))
      throw usage('address', 'it is no list of texts', 'Leave it out.')
    const order = checkout && idIn(checkout.order, 'checkout.order')
    return {
      lines: readLines(lines, 'lines'),
      address,
      sent: checkout && {
        order: order!,
        lines: readLines(checkout.lines, 'checkout.lines').map(lineOf),
        isTried: checkout.tried === true,
      },
      next: next === undefined ? undefined : idIn(next, 'next'),
    }
  } catch (cause) {
    // What JavaScript says of a text that is none of ours explains nothing.
    const why = cause instanceof ClientError ? ` (${cause.message})` : ''
    throw usage('text', `it is no saved cart${why}`, 'Give what save() gave, or begin anew.')
  }
}
