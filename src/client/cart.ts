/**
 * A cart: lines that a guest chose and may change, with their price as the shop is now. It is the guest's own until he
 * checks out: then it becomes an order, whose pieces are reserved, in one set that is taken whole or not at all.
 *
 * Tests: test/client/cart.test.ts
 */

import type { ListingId, OrderId } from '../brands.js'
import { CARTS_JOINED_MAX, ITEMS_PER_ORDER_MAX } from '../limits.js'
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

/** A cart as it is now, with its price. */
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

/** Why no relay would take an address. */
export interface AddressProblem {
  readonly field: string
  /** One sentence's end: `must be an e-mail address: name@host.domain`. */
  readonly message: string
}

/** What a cart needs that is loaded with what guests do. */
interface CartSide {
  readonly quoteOf: typeof quoteOf
  addressProblem(address: AddressDetails): AddressProblem | undefined
  checkAddress(address: unknown, at: string): void
  checkOut(cart: Cart, inside: CartInside, options: CheckoutOptions): Promise<MadeOrder>
  requireSameOrder(made: MadeOrder, agreed: Money | undefined): OrderId
  orderLeft(inside: CartInside, order: OrderId, error: ClientError | undefined): void
  lookForOrder(inside: CartInside): void
}

/** What a cart needs of a shop. */
interface CartShop {
  readonly currencies: readonly Currency[]
  readonly client: ClosingClient
  listing(id: ListingId): Live<Listing>
  manifest(): Live<Manifest>
  /** Undefined while it is loading: all lines are, then. */
  side(): CartSide | undefined
  /** Once it is loaded. Rejects with ClientError UNREACHABLE. */
  loadedSide(): Promise<CartSide>
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

/** What a checkout sees of its cart, and changes. */
export interface CartInside {
  readonly shop: CartShop
  readonly lines: Map<string, Line>
  sent: SentCheckout | undefined
  /**
   * Of the order that these lines become, in each tab and at each try, until it is taken: a refusal need not be true.
   */
  next: OrderId | undefined
  /** That of each cart which was joined to this one. */
  joined: readonly OrderId[]
  /** How often it was cleared. */
  clearings: number
  /** Orders whose answer this cart waits for. */
  readonly placing: Set<OrderId>
  /** Looks whether the order of `sent` is there, where no answer will tell. */
  looking: { readonly order: OrderId; stop(): void } | undefined
  changed(): void
}

/** What a checkout made; `total`: as it was quoted then. */
export interface MadeOrder {
  readonly order: OrderId
  readonly total: Money | undefined
}

interface CallOptions {
  readonly signal?: AbortSignal
}

/** For what total a cart is checked out. */
export interface CheckoutOptions extends CallOptions {
  /** What the guest saw and agreed to, as `quote.total` had it: nothing is sent where it comes to something else. */
  readonly total?: Money | undefined
}

export interface Line extends Item {
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
  private readonly inside: CartInside
  private readonly watchers = new Set<() => void>()
  /** Of the manifest and the lines' listings, while somebody looks. */
  private stops: (() => void)[] = []
  private address: AddressDetails | undefined
  private shown: { readonly state: CartState; readonly of: readonly unknown[] } | undefined
  private version = 0
  private running: Promise<MadeOrder> | undefined

  constructor(shop: CartShop) {
    this.inside = {
      shop,
      lines: new Map(),
      sent: undefined,
      next: undefined,
      joined: [],
      clearings: 0,
      placing: new Set(),
      looking: undefined,
      changed: () => this.changed(),
    }
  }

  private get shop(): CartShop {
    return this.inside.shop
  }

  private get lines(): Map<string, Line> {
    return this.inside.lines
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
      ordering: this.inside.sent?.order,
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
    const { inside } = this
    this.running = undefined
    inside.clearings++
    inside.next = undefined
    inside.joined = []
    if (inside.lines.size === 0 && inside.sent === undefined) return
    inside.sent = undefined
    inside.lines.clear()
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
   * which a relay takes once: where it is there already with other lines or another address nothing of the cart is
   * taken, and it is PRICE_CHANGED, or INVALID where that is no other total, with its id as objectId. A call while
   * another one runs is the same order: PRICE_CHANGED, with its id, where that comes to another total than this call's.
   */
  async checkout(options: CheckoutOptions = {}): Promise<OrderId> {
    // A second click is not a second order.
    this.running ??= this.ordered(options).finally(() => {
      if (this.running === running) this.running = undefined
    })
    const { running } = this
    const made = await running
    return this.shop.side()!.requireSameOrder(made, options.total)
  }

  private async ordered(options: CheckoutOptions): Promise<MadeOrder> {
    return (this.shop.side() ?? (await this.shop.loadedSide())).checkOut(this, this.inside, options)
  }

  /** The outbox holds its order no more: it was taken, or, with `error`, it was not, or nobody knows. */
  left(order: OrderId, error: ClientError | undefined): void {
    this.shop.side()?.orderLeft(this.inside, order, error)
  }

  /**
   * Lines, address and a checkout whose end is not known as text, for `restore`: a page keeps it over a reload. It
   * holds the address.
   */
  save(): string {
    const { address } = this
    const { sent, next, joined } = this.inside
    return JSON.stringify({
      lines: savedLines([...this.lines.values()]),
      ...(address !== undefined && { address }),
      ...(sent !== undefined && { checkout: savedCheckout(sent) }),
      ...(next !== undefined && { next: String(next) }),
      ...(joined.length > 0 && { joined: joined.map(String) }),
    })
  }

  /** What `save` gave, in the place of what is there. Of another text nothing changes: throws ClientError USAGE. */
  restore(text: string): void {
    const { lines, address, ...rest } = readSaved(text)
    this.hold(lines)
    this.address = address
    Object.assign(this.inside, rest)
    this.changed()
  }

  /**
   * The same beside what is there, where that is another cart: pieces of both, and the own address first. Where one of
   * them was joined to the other before, it has the more of each line: what went there and back is not twice. An order
   * that the other one waits for is none of this one. Throws ClientError USAGE.
   */
  join(text: string): void {
    const { inside, address: own } = this
    const { address, ...other } = readSaved(text)
    if (other.next === inside.next && inside.lines.size > 0) return this.restore(text)
    const isBare = inside.lines.size === 0 && inside.sent === undefined
    if (isBare) this.restore(text)
    else if (other.sent === undefined) {
      const wasJoined = isIn(inside.next, other.joined) || isIn(other.next, inside.joined)
      this.hold([...this.lines.values(), ...(wasJoined ? this.moreOf(other.lines) : other.lines)])
      const joined = [...other.joined, ...inside.joined, ...(other.next ? [other.next] : [])]
      inside.joined = [...new Set(joined)].slice(-CARTS_JOINED_MAX)
    }
    this.address = own ?? address
    this.changed()
  }

  /** Of each line what it has more than there is. */
  private moreOf(lines: readonly Item[]): readonly Item[] {
    return lines.flatMap((line) => {
      const quantity = line.quantity - (this.lines.get(lineOf(line).key)?.quantity ?? 0n)
      return quantity > 0n ? [{ ...line, quantity }] : []
    })
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
    this.shop.side()?.lookForOrder(this.inside)
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
    if (this.lines.size > 0) this.inside.next ??= randomId()
    this.look()
    this.tell()
    this.shop.kept?.(this.save())
    this.shop.side()?.lookForOrder(this.inside)
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
export function lineOf({ listing, variations: names = [], quantity }: Item): Line {
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
export function checkItem(item: Item | undefined, at: string): void {
  const { listing, variations, quantity } = item ?? ({} as Partial<Item>)
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
  readonly joined?: readonly string[]
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

function isIn(id: OrderId | undefined, ids: readonly OrderId[]): boolean {
  return id !== undefined && ids.includes(id)
}

/** Throws ClientError USAGE. */
function idIn(text: string, at: string): OrderId {
  const id = BigInt(text)
  if (!isId(id)) throw usage(at, 'it is no id', 'Leave it out.')
  return id
}

function readSaved(
  text: string,
): { readonly lines: readonly Item[]; readonly address: AddressDetails | undefined } & Pick<
  CartInside,
  'sent' | 'next' | 'joined'
> {
  try {
    const { lines, address, checkout, next, joined = [] } = JSON.parse(text) as SavedCart
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
      joined: joined.map((id) => idIn(id, 'joined')),
    }
  } catch (cause) {
    // What JavaScript says of a text that is none of ours explains nothing.
    const why = cause instanceof ClientError ? ` (${cause.message})` : ''
    throw usage('text', `it is no saved cart${why}`, 'Give what save() gave, or begin anew.')
  }
}
