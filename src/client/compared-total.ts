/**
 * Whether what a relay asks for an order is what the shop's prices lead to (PROTOCOL §11): by listings, region and
 * address as they were when payment was chosen. What they were is known of choices that this client made and saw
 * priced; of others only the same total says something: post and address may have changed since, and nobody did wrong.
 *
 * Tests: test/client/shop-orders.test.ts, test/e2e/compared-totals.test.ts
 */

import { sha256 } from '#hash'
import type { Amount, ListingId, OrderId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { encode } from '../codec/encode.js'
import { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { Order } from '../objects/order.js'
import { regionFor, totalOf } from '../state/pricing.js'
import { ClientError } from './client-error.js'
import type { Live, Reading } from './live.js'
import { currencyOf, isSameCurrency, type Currency } from './amount-of-money.js'
import { amountText } from './money.js'

/** Where prices come from. */
export interface PricedShop {
  readonly currencies: readonly Currency[]
  /** The object as it is now, by name; a live one shows what it had while something newer is loading. */
  held(name: string): Reading<unknown>
  order(id: OrderId): Live<Order>
  listing(id: ListingId): Live<Listing>
  manifest(): Live<Manifest>
}

/** What a total follows from, as it was held at one moment. */
interface Terms {
  /** Nothing of it was loading, or a write of this client that no push has brought yet. */
  readonly isWhole: boolean
  /** In the pricing currency; undefined where that is not the order's, or something is missing. */
  readonly amount: Amount | undefined
  /** Of the wanted items' listings, 32 bytes each; undefined for one that was not held whole. */
  readonly hashes: readonly (Uint8Array | undefined)[]
}

/** What was found of a payment: whether it could be compared and is the same; an error that says what differs. */
export type Finding = boolean | ClientError

/** Follows what an order's price is made of while its payment is chosen. */
export class ChoiceTerms {
  private readonly shop: PricedShop
  private readonly before: Order | undefined
  /** Of the choice: a choice changes no items. */
  private readonly currency: NonNullable<Order['ChosenCurrency']>
  private readonly seen: Terms[]
  private readonly stops: readonly (() => void)[]

  constructor(shop: PricedShop, id: OrderId, currency: NonNullable<Order['ChosenCurrency']>) {
    this.shop = shop
    this.currency = currency
    const live = shop.order(id)
    this.before = live.get().data
    this.seen = this.before === undefined ? [] : [this.termsOf(this.before)]
    const look = () => this.look(live.get().data)
    const listings = wantedItems(this.before?.Items).map(({ ListingID }) => shop.listing(ListingID))
    this.stops = [shop.manifest(), ...listings, live].map(({ subscribe }) => subscribe(look))
  }

  end(): void {
    for (const stop of this.stops) stop()
  }

  /**
   * What is known of the payment that the choice led to. An error only where all that was held from before the choice
   * until now leads to the same other total, or is other listings than those that the relay names.
   */
  finding(order: Order): Finding {
    const { PaymentID, Total, ListingHashes } = order.PaymentDetails!
    const [first, last] = [this.seen[0], this.termsOf(order)]
    const earlier = this.before?.PaymentDetails?.PaymentID
    // What was asked before may have been priced by what there was then.
    if (first === undefined || (earlier !== undefined && equalBytes(earlier, PaymentID))) return false
    const all = [...this.seen, last]
    const priced = all.filter(({ hashes }) => isSameHashes(hashes, ListingHashes))
    if (priced.some(({ amount }) => amount === Total)) return true
    if (!all.every((terms) => terms.isWhole && isSameTerms(terms, last))) return false
    if (priced.length === 0) return otherListing(order, last)
    return last.amount === undefined ? false : this.otherTotal(order, last.amount)
  }

  /** What comes anew after a loss of the connection is looked at once it is there. */
  private look(order: Order | undefined): void {
    const terms = order && this.termsOf(order)
    if (terms?.isWhole === true) this.seen.push(terms)
  }

  private termsOf(order: Order): Terms {
    return termsOf(this.shop, { ...order, ChosenCurrency: this.currency })
  }

  private otherTotal({ ID, PaymentDetails }: Order, amount: Amount): ClientError {
    const currency = currencyOf(this.currency, this.shop.currencies)
    const text = (amount: Amount) => `${amount} (${amountText({ ...currency, amount })} ${currency.symbol})`
    return new ClientError(
      'TOTAL_MISMATCH',
      `order ${ID}: the relay asks for ${text(PaymentDetails!.Total)}, the listings lead to ${text(amount)}`,
    )
  }
}

/** Whether what is held now leads to what is asked. If not, post or address may have changed since. */
export function followsNow(shop: PricedShop, order: Order): boolean {
  const { Total, ListingHashes } = order.PaymentDetails!
  const { amount, hashes } = termsOf(shop, order)
  return amount === Total && isSameHashes(hashes, ListingHashes)
}

function termsOf(shop: PricedShop, order: Order): Terms {
  const items = wantedItems(order.Items)
  const listings = new Map(
    items.map(({ ListingID }) => [ListingID, known(shop, `Listings/${ListingID}`) as Listing | undefined]),
  )
  const hashes = items.map(({ ListingID }) => {
    const listing = listings.get(ListingID)
    return listing && sha256(encode(Listing.write(listing)))
  })
  const manifest = known(shop, 'Manifest') as Manifest | undefined
  const isWhole = manifest !== undefined && !hashes.includes(undefined)
  return { isWhole, amount: amountOf(order, manifest, (id) => listings.get(id)), hashes }
}

function amountOf(
  { Items, ShippingAddress, InvoiceAddress, ChosenCurrency }: Order,
  manifest: Manifest | undefined,
  listing: (id: ListingId) => Listing | undefined,
): Amount | undefined {
  const address = ShippingAddress ?? InvoiceAddress
  if (manifest === undefined || address === undefined || ChosenCurrency === undefined) return undefined
  if (!isSameCurrency(manifest.PricingCurrency, ChosenCurrency)) return undefined
  const found = regionFor(manifest.ShippingRegions, address)
  const amount = found && totalOf(Items ?? [], found.region, listing)
  return typeof amount === 'bigint' ? amount : undefined
}

/** As the relay has it: not what is loading still, and not a write of this client that no push has brought yet. */
function known(shop: PricedShop, name: string): unknown {
  const { isLoading, pending, error, data } = shop.held(name)
  return isLoading || pending === true || error !== undefined ? undefined : data
}

function wantedItems(items: Order['Items'] | undefined): NonNullable<Order['Items']> {
  return (items ?? []).filter(({ Quantity }) => Quantity > 0n)
}

function isSameHashes(a: readonly (Uint8Array | undefined)[], b: readonly (Uint8Array | undefined)[]): boolean {
  if (a.length !== b.length) return false
  return a.every((hash, i) => hash !== undefined && b[i] !== undefined && equalBytes(hash, b[i]))
}

function isSameTerms(a: Terms, b: Terms): boolean {
  return a.amount === b.amount && isSameHashes(a.hashes, b.hashes)
}

function otherListing(order: Order, { hashes }: Terms): ClientError {
  const named = order.PaymentDetails!.ListingHashes
  // Where all are the same the relay names more than there are.
  const i = hashes.findIndex((hash, at) => !isSameHashes([hash], [named[at]]))
  const at = i < 0 ? hashes.length : i
  const text = (hash: Uint8Array | undefined) => (hash === undefined ? 'none' : toHex(hash))
  const listing = wantedItems(order.Items)[at]?.ListingID ?? 'of no item'
  return new ClientError(
    'LISTING_MISMATCH',
    `order ${order.ID}: the relay priced listing ${listing} by the hash ${text(named[at])}, ` +
      `and the one that is held has ${text(hashes[at])}`,
  )
}
