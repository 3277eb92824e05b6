/**
 * What a shop's client shows: live objects and lists, orders, and the guest's cart.
 *
 * Tests: test/client/shop-views.test.ts, test/client/cart.test.ts
 */

import type { ListingId, OrderId, ShopId } from '../brands.js'
import type { WireVersion } from '../wire/envelope.js'
import type { Request } from '../wire/messages.js'
import { CARD_REMOVAL_WAIT_MS } from '../limits.js'
import type { Account } from '../objects/account.js'
import type { StockEntry } from '../objects/inventory.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import { PAID, type Order } from '../objects/order.js'
import type { ChainAddress } from '../objects/scalars.js'
import type { Tag } from '../objects/tag.js'
import type { Change } from '../patches/patch.js'
import type { SavedCard } from './card-text.js'
import { Cart } from './cart.js'
import { ClientError, usage } from './client-error.js'
import type * as GuestSide from './guest-side.js'
import { isId } from './places.js'
import { checkQuery, queryKey, type ListingsQuery } from './listings-query.js'
import type { Live, LiveList, LiveObjects, Reading } from './live.js'
import { currencyOf, type Currency, type Money } from './amount-of-money.js'
import type { Part } from './parts.js'
import type { ConnectionState } from './relay-link.js'
import type { AskedShop } from './proof-requests.js'
import { cardsOf, type ShopCard } from './card-list.js'
import type { OutboxState } from './outbox.js'
import type { ShopDevice } from './shop-device.js'
import type { ShopOrders } from './shop-orders.js'
import { ordersLater } from './visitor-orders.js'
import type { OrderPayments, ShopPayments } from './shop-payments.js'
import { collectionView, listingsView, objectView, type ViewSource } from './shop-views.js'
import type { WriteOptions, Written } from './shop-writes.js'

export interface LiveOrder extends Live<Order> {
  /**
   * A file that proves the order as it is now, offline and for ever, to who knows the relay's address: it was verified
   * so before this resolves. It has a connection of its own; version 5 only. It holds name, address and e-mail. Rejects
   * with NOT_FOUND, TIMEOUT, VERIFICATION_FAILED.
   */
  receipt(options?: ReceiptOptions): Promise<Uint8Array>
}

/** `signal`: rejects with ABORTED, whatever was come to. */
export interface ReceiptOptions {
  readonly signal?: AbortSignal | undefined
}

/** A guest's orders, or the shop's for staff: `orders()` lists them, its methods make and change them. */
export type Orders = ShopOrders & (() => LiveList<Order>)

export abstract class ShopObjects {
  /** As `connect` was told. */
  readonly currencies: readonly Currency[]
  abstract readonly shopId: ShopId
  abstract readonly state: ConnectionState
  abstract readonly protocol: WireVersion
  protected abstract readonly source: ViewSource
  protected abstract readonly objects: LiveObjects
  private guests: { readonly side: typeof GuestSide; readonly orders: Orders } | undefined
  private visitorsOrders: Orders | undefined
  private ownCart: Cart | undefined
  /** As made of one list of accounts. */
  private cardList: { readonly of: unknown; readonly cards: readonly ShopCard[] } | undefined
  private ownPayments: ShopPayments | undefined
  private arePaymentsWanted = false
  private isCardKept = false
  /** Undefined without `outbox` of `connect`. */
  protected device: ShopDevice | undefined

  constructor(currencies: readonly Currency[]) {
    this.currencies = currencies
  }

  /** Once: of a card's client before anybody has it. */
  protected use(side: typeof GuestSide): void {
    const held = (name: string) => ({ ...this.source.standing(name), data: this.source.get(name) })
    this.guests = { side, orders: callable(side.makeOrders(this, held, () => this.device !== undefined)) }
    this.ownCart?.quotes()
  }

  /** Rejects with ClientError UNREACHABLE where it does not load. */
  protected abstract loadGuests(): Promise<void>

  /** All orders that may be read, as a live list; and what becomes of them: create, place, commit, choosePayment, … */
  get orders(): Orders {
    return this.guests?.orders ?? (this.visitorsOrders ??= callable(ordersLater(this, () => this.loadedOrders())))
  }

  private async loadedOrders(): Promise<Orders> {
    await this.loadGuests()
    return this.guests!.orders
  }

  /** Whether the order is part of what was subscribed to. */
  abstract sees(order: OrderId): boolean
  abstract onState(watch: (state: ConnectionState) => void): () => void
  protected abstract notice(text: string): void
  protected abstract askRelay(request: Request): Promise<Uint8Array>
  /** Of the accounts and the last set that they are as of. */
  protected abstract readAccounts(): Reading<readonly (readonly [string, Account])[]> & { readonly seq: bigint }
  protected abstract readonly asked: AskedShop
  abstract write(changes: readonly Change[], options?: WriteOptions): Promise<Written>
  protected abstract readTags(): Reading<ReadonlyMap<string, Tag>>
  protected abstract readStock(): Reading<readonly StockEntry[]>
  protected abstract watchStock(name: string, path: readonly ['Inventory', bigint, ...string[]]): void
  /** What a text of the card holds; undefined for a visitor. */
  protected abstract readonly ownCard: Omit<SavedCard, 'publicKey'> | undefined
  /** Whether the card is a guest's, as far as it is known. */
  protected abstract readonly isGuest: boolean
  protected abstract receiptOf(id: OrderId, options?: ReceiptOptions): Promise<Uint8Array>

  /** The same object while somebody holds it; like those below. */
  listing(id: ListingId): Live<Listing> {
    if (!isId(id)) throw usage('id', 'it is no id', 'Give a bigint: 42n.')
    return this.object(`Listings/${id}`, { listing: id })
  }

  /** With its receipt, which a guest gets of his own orders, and staff of all. */
  order(id: OrderId): LiveOrder {
    if (!isId(id)) throw usage('id', 'it is no id', 'Give a bigint: 42n.')
    const receipt = (options?: ReceiptOptions) => this.receiptOf(id, options)
    return this.object<Order, { readonly receipt: typeof receipt }>(`Orders/${id}`, { order: id }, { receipt })
  }

  /** A tag by its name, with the ids of its listings. Throws ClientError USAGE. */
  tag(name: string): Live<Tag> {
    if (typeof name !== 'string' || name === '') throw usage('name', 'it is no name', 'Give a text.')
    return this.object(`Tags/${name}`, { tag: name })
  }

  /** The shop's own facts: its pricing currency, payees, regions. */
  manifest(): Live<Manifest> {
    return this.object('Manifest', undefined)
  }

  /** Pieces in stock of a listing with these variations: staff alone may read it. */
  stock(listing: ListingId, ...variations: readonly string[]): Live<bigint> {
    if (!isId(listing)) throw usage('listing', 'it is no id', 'Give a bigint: 42n.')
    const name = ['Inventory', listing, ...[...variations].sort()].join('/')
    this.watchStock(name, ['Inventory', listing, ...variations])
    return this.object(name, { inventory: listing })
  }

  /**
   * The listings that the query wants, as they are and become; all by ID without one. Of those that come one by one,
   * with `ids`, and with `tag` while a long shop is loading, the first screen comes first. Throws ClientError USAGE.
   */
  listings(query: ListingsQuery = {}): LiveList<Listing> {
    checkQuery(query)
    return this.objects.live(
      `Listings ${queryKey(query)}`,
      () => listingsView(this.source, query),
      () => ({}),
    )
  }

  /** All tags, by name. */
  tags(): LiveList<Tag> {
    return this.list('Tags', { tags: 'all' })
  }

  /** All tags that are subscribed to, by their keys. */
  tagList(): Live<ReadonlyMap<string, Tag>> {
    return this.objects.live(
      'Tags/ by key',
      () => ({ id: 'Tags/ by key', topics: ['Tags/'], parts: [{ tags: 'all' }], read: () => this.readTags() }),
      () => ({}),
    )
  }

  /** All stock that is subscribed to, which is staff's to see; in no order. */
  stockList(): Live<readonly StockEntry[]> {
    return this.objects.live(
      'Inventory/',
      () => ({ id: 'Inventory/', topics: ['Inventory/'], parts: [{ inventory: 'all' }], read: () => this.readStock() }),
      () => ({}),
    )
  }

  /** All orders that may be read: a guest's own, the shop's for staff; by id. The same as `orders()`. */
  orderList(): LiveList<Order> {
    return this.list('Orders', { order: 'all' })
  }

  /**
   * What the relay saw of each order's payments, by the orders' short numbers, and what is odd about them: late,
   * partial, over, twice, gone again, each with what to do. For clerks and the owner in version 5; for others `error`
   * says why not. It is what the relay says: no log has it, so it is never `verified` and never `complete`. `ready`:
   * all of it has come, and changes follow.
   */
  payments(): Live<readonly OrderPayments[]> {
    void this.loadPayments()
    return this.objects.live(
      PAYMENTS,
      () => ({ id: PAYMENTS, topics: [PAYMENTS], parts: [], read: () => this.ownPayments?.reading ?? LOADING }),
      () => ({}),
    )
  }

  /** All key cards that may sign for the shop: those of its staff, by wallet, then those of guests. */
  cards(): Live<readonly ShopCard[]> {
    const read = () => {
      const { seq: _seq, data, ...rest } = this.readAccounts()
      const known = this.cardList
      const list = known !== undefined && known.of === data ? known : { of: data, cards: cardsOf(data ?? []) }
      this.cardList = list
      return { ...rest, data: list.cards }
    }
    return this.objects.live(
      'Accounts/',
      () => ({ id: 'Accounts/', topics: ['Accounts/'], parts: [], read }),
      () => ({}),
    )
  }

  /**
   * The sets that put the cards, 33 bytes each, into their accounts, proven; undefined for one that is in none. Version
   * 5 only. Rejects with UNAVAILABLE while no checkpoint was accepted.
   */
  async cardsSince(cards: readonly Uint8Array[]): Promise<readonly (bigint | undefined)[]> {
    const { cardsSince } = await import('./shop-cards.js')
    return cardsSince(this.asked, cards)
  }

  /**
   * Takes a key card out of the shop: its session ends at once, and it signs nothing any more. The owner may remove any
   * card, a clerk those of his own wallet. Version 5 only. Rejects with the wire's code; with CONFLICT where others
   * write so much that its place was never known; with NOT_FOUND where no account has it.
   */
  async removeCard(card: Uint8Array, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Written> {
    const { removeCard } = await import('./shop-cards.js')
    return removeCard(
      {
        accounts: () => {
          const { seq, data: list = [] } = this.readAccounts()
          return { seq, list }
        },
        write: (changes, options) => this.write(changes, options),
        moved: () => new Promise((resolve) => setTimeout(resolve, CARD_REMOVAL_WAIT_MS)),
      },
      card,
      signal,
    )
  }

  /** A push of them. */
  protected tookPayments(page: Uint8Array): void {
    this.ownPayments?.take(page)
  }

  /** A page loads what reads them when they are wanted. */
  private async loadPayments(): Promise<void> {
    if (this.arePaymentsWanted) return
    this.arePaymentsWanted = true
    const { ShopPayments } = await import('./shop-payments.js')
    this.ownPayments = new ShopPayments({
      shopId: this.shopId,
      ask: (request) => this.askRelay(request),
      money: (amount, currency) => this.money(amount, currency),
      changed: () => this.objects.changed(PAYMENTS),
    })
    const follow = () => this.ownPayments!.follow(this.state, this.protocol)
    this.onState(follow)
    follow()
  }

  /** The guest's cart: one for each client. */
  cart(): Cart {
    const { currencies } = this
    if (this.ownCart !== undefined) return this.ownCart
    this.ownCart = new Cart({
      currencies,
      client: this,
      side: () => this.guests?.side,
      loadedSide: async () => {
        await this.loadGuests()
        return this.guests!.side
      },
      kept: (text) => this.device?.keepCart(text),
      listing: (id) => this.listing(id),
      manifest: () => this.manifest(),
      place: (order, options) => this.orders.place(order, options),
      order: (id) => this.order(id),
      isWaiting: (order) =>
        this.device?.outbox.get().pending.some(({ changes }) => orderIn(changes) === order) === true,
      made: (order) => {
        for (const { id, changes } of this.device?.outbox.get().refused ?? [])
          if (orderIn(changes) === order) this.device!.outbox.dismiss(id)
      },
    })
    this.cartKept(this.device?.outbox.cart ?? '')
    // Without it the lines are loading.
    if (this.guests === undefined) this.loadGuests().catch((error: unknown) => this.notice((error as Error).message))
    return this.ownCart
  }

  /** A write left the outbox, which may have been that of a checkout; `error`: why, where the relay did not take it. */
  protected writeLeft(changes: readonly MadeChange[], error: ClientError | undefined): void {
    const order = orderIn(changes)
    if (order !== undefined) this.cart().left(order, error)
  }

  /** Writes that wait for the relay, and those that it refused; without `outbox` of `connect` there are none. */
  outbox(): LiveOutbox {
    return {
      get: () => this.device?.get() ?? NO_WRITES,
      subscribe: (changed) => this.device?.subscribe(changed) ?? (() => undefined),
      dismiss: (id) => this.device?.outbox.dismiss(id),
    }
  }

  /** The cart that was kept, or that another tab made. */
  protected cartKept(text: string): void {
    if (this.ownCart === undefined || text === '' || text === this.ownCart.save()) return
    try {
      this.ownCart.restore(text)
    } catch {
      // Of another version of this library: the guest begins anew.
    }
  }

  /** An amount of the chain's currency or token, as `formatMoney` takes it. */
  money(amount: bigint, currency: ChainAddress): Money {
    if (typeof amount !== 'bigint') throw usage('amount', 'it is no bigint', 'Give smallest units: 1299n.')
    return { ...currencyOf(currency, this.currencies), amount }
  }

  /**
   * The card as a text for a file, a paper or a QR code, which `importCard` reads: on another device it is this guest.
   * It ends what `cardOffer` offers. Throws ClientError NEEDS_KEY.
   */
  exportCard(): string {
    const { ownCard } = this
    if (ownCard === undefined) throw new ClientError('NEEDS_KEY', 'a visitor has no card: connect with a key')
    const text = this.guests!.side.exportCard(ownCard)
    this.dismissCardOffer()
    return text
  }

  /**
   * A lost card is a lost order: once one of a guest's orders is Paid, `data` is that order, until the card was
   * exported or the offer dismissed. A page that shows something then has offered it once, by itself.
   */
  cardOffer(): Live<Order> {
    return this.objects.live(
      CARD_OFFER,
      () => ({ id: CARD_OFFER, topics: ['Orders/'], parts: [{ order: 'all' }], read: () => this.readCardOffer() }),
      () => ({}),
    )
  }

  /** The guest does not want his card as a text now. */
  dismissCardOffer(): void {
    this.isCardKept = true
    this.device?.outbox.keepCardKept()
    this.objects.changed('Orders/')
  }

  private readCardOffer(): Reading<Order> {
    const isKept = this.isCardKept || this.device?.outbox.isCardKept === true
    const orders = this.isGuest && !isKept ? (this.source.list('Orders') as readonly Order[]) : []
    return { ...this.source.listStanding('Orders'), data: orders.find(({ State }) => State === PAID) }
  }

  private object<T, Extra extends object = object>(
    name: string,
    part: Part | undefined,
    extra?: Extra,
  ): Live<T> & Extra {
    return this.objects.live(
      name,
      () => objectView<T>(this.source, name, part),
      () => extra ?? ({} as Extra),
    )
  }

  private list<T extends Order | Tag>(collection: 'Orders' | 'Tags', part: Part): LiveList<T> {
    return this.objects.live(
      `${collection}/`,
      () => collectionView<T>(this.source, collection, part),
      () => ({}),
    )
  }
}

/** The order that a write makes. */
function orderIn([first]: readonly MadeChange[]): OrderId | undefined {
  const [collection, id] = first?.op === 'add' && first.path.length === 2 ? first.path : []
  return collection === 'Orders' && typeof id === 'bigint' ? id : undefined
}

interface MadeChange {
  readonly op: string
  readonly path: readonly unknown[]
}

const PAYMENTS = 'Payments/'
const LOADING = { isLoading: true, complete: false, verified: undefined, stale: false, data: undefined } as const

/** Live: `useSyncExternalStore(outbox.subscribe, outbox.get)`. */
export interface LiveOutbox {
  /** The same reference until something changes. */
  readonly get: () => OutboxState
  /** `changed` is called after each change; the returned function ends that. */
  readonly subscribe: (changed: () => void) => () => void
  /** Takes a refused write off the list; nothing happens if it is not on it. */
  readonly dismiss: (id: bigint) => void
}

const NO_WRITES: OutboxState = { pending: [], refused: [], isHere: true, isCartKept: false }
const CARD_OFFER = 'Orders/ card offer'

/** Called, it lists all orders; its methods are those of `orders`. */
function callable(orders: ShopOrders): Orders {
  return Object.setPrototypeOf(() => orders.all(), orders) as Orders
}
