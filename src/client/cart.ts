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
import type { AddressDetails } from '../objects/order.js'
import { ClientError, usage } from './client-error.js'
import { isId } from './places.js'
import { isSameList } from './listings-query.js'
import { states, type Live } from './live.js'
import type { Currency } from './money.js'
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
  readonly quote: Quote
}

/** What a cart needs of a shop. */
interface CartShop {
  readonly currencies: readonly Currency[]
  listing(id: ListingId): Live<Listing>
  manifest(): Live<Manifest>
  /** What prices the lines; undefined while it is loading: all of them are, then. */
  quote(): typeof quoteOf | undefined
  /** What `save` gives now. */
  kept?(text: string): void
  /** An order of these items, its pieces reserved; its id. */
  order(items: readonly Item[], address: AddressDetails | undefined, signal?: AbortSignal): Promise<OrderId>
}

type Line = Required<Item> & { readonly key: string }

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

  constructor(shop: CartShop) {
    this.shop = shop
  }

  /** The same reference until a line, a price or what is sold changes. */
  readonly get = (): CartState => {
    const lines = [...this.lines.values()]
    const manifest = this.shop.manifest().get().data
    const listings = lines.map(({ listing }) => this.listing(listing))
    const quoteOf = this.shop.quote() ?? loadingQuote
    const of = [this.version, quoteOf, manifest, ...listings]
    if (this.shown !== undefined && isSameList(this.shown.of, of)) return this.shown.state
    const { currencies } = this.shop
    const byId = new Map(lines.map(({ listing }, i) => [listing, listings[i]]))
    const quote = quoteOf({ manifest, listing: (id) => byId.get(id), currencies }, lines, this.address)
    const state: CartState = {
      lines: quote.lines.map((line, i) => ({ ...line, key: lines[i]!.key })),
      count: lines.reduce((sum, { quantity }) => sum + quantity, 0n),
      address: this.address,
      quote,
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
    const variations = [...(item.variations ?? [])].sort()
    const key = [item.listing, ...variations.map((name) => JSON.stringify(name))].join(' ')
    const quantity = (this.lines.get(key)?.quantity ?? 0n) + item.quantity
    if (!this.lines.has(key) && this.lines.size >= ITEMS_PER_ORDER_MAX)
      throw usage('item', `the cart has ${ITEMS_PER_ORDER_MAX} lines already`, 'Check out first.')
    checkQuantity(quantity, 'item.quantity')
    this.lines.set(key, { key, listing: item.listing, variations, quantity })
    this.changed()
    return key
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

  /** Takes all lines out; the address stays. */
  clear(): void {
    if (this.lines.size === 0) return
    this.lines.clear()
    this.changed()
  }

  /** Where it is sent to: without it no shipping and no total is known. */
  sendTo(address: AddressDetails | undefined): void {
    this.address = address
    this.changed()
  }

  /**
   * Makes an order of all lines and reserves their pieces, all or none, and empties the cart; the order's id. The cart
   * stays as it was where that is refused: OUT_OF_STOCK and NOT_FOUND name the listing by objectId.
   */
  checkout(options: { readonly signal?: AbortSignal } = {}): Promise<OrderId> {
    // A second click is not a second order.
    return (this.running ??= this.ordered(options).finally(() => (this.running = undefined)))
  }

  private async ordered({ signal }: { readonly signal?: AbortSignal }): Promise<OrderId> {
    if (this.lines.size === 0) throw usage('cart', 'it has no lines', 'Add something first.')
    const sent = [...this.lines.values()]
    const order = await this.shop.order(sent, this.address, signal)
    // What was added in the meantime stays.
    for (const { key, quantity } of sent) {
      const now = this.lines.get(key)
      if (now === undefined) continue
      if (now.quantity > quantity) this.lines.set(key, { ...now, quantity: now.quantity - quantity })
      else this.lines.delete(key)
    }
    this.changed()
    return order
  }

  /** Lines and address as text, for `restore`: a page keeps it over a reload. It holds the address. */
  save(): string {
    const lines = [...this.lines.values()].map(({ listing, variations, quantity }) => ({
      listing: String(listing),
      variations,
      quantity: String(quantity),
    }))
    return JSON.stringify({ lines, ...(this.address !== undefined && { address: this.address }) })
  }

  /** What `save` gave, in the place of what is there. Of another text nothing changes: throws ClientError USAGE. */
  restore(text: string): void {
    const { lines, address } = readSaved(text)
    const restored = new Cart({ ...this.shop, kept: () => undefined })
    for (const line of lines) restored.add(line)
    this.lines.clear()
    for (const [key, line] of restored.lines) this.lines.set(key, line)
    this.address = address
    this.changed()
  }

  /** What prices the lines has come. */
  quotes(): void {
    this.tell()
  }

  private listing(id: ListingId): Listing | undefined | 'loading' {
    const { status, data } = this.shop.listing(id).get()
    return status === 'loading' ? 'loading' : data
  }

  private changed(): void {
    this.version++
    this.look()
    this.tell()
    this.shop.kept?.(this.save())
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

function kindOf(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : value === undefined ? 'missing' : `a ${typeof value}`
}

function readSaved(text: string): { readonly lines: readonly Item[]; readonly address: AddressDetails | undefined } {
  try {
    const { lines, address } = JSON.parse(text) as {
      readonly lines: readonly { listing: string; variations: string[]; quantity: string }[]
      readonly address?: AddressDetails
    }
    const items = lines.map(({ listing, variations, quantity }) => ({
      listing: BigInt(listing),
      variations,
      quantity: BigInt(quantity),
    }))
    for (const [i, item] of items.entries()) checkItem(item, `lines[${i}]`)
    if (address !== undefined && !Object.values(address).every((line) => typeof line === 'string'))
      throw usage('address', 'it is no list of texts', 'Leave it out.')
    return { lines: items, address }
  } catch (cause) {
    // What JavaScript says of a text that is none of ours explains nothing.
    const why = cause instanceof ClientError ? ` (${cause.message})` : ''
    throw usage('text', `it is no saved cart${why}`, 'Give what save() gave, or begin anew.')
  }
}
