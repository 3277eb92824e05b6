/**
 * From a chosen payment to what is to be paid (PROTOCOL §11): whether payment can be chosen, and the PaymentDetails
 * that the relay writes in the same commit. Everything is computed from what is at hand; no chain is asked here.
 */

import { sha256 } from '#hash'
import type { Amount, ChainId, ListingId, OrderId, Seconds } from '../../brands.js'
import { equalBytes, isAllZero } from '../../bytes/bytes.js'
import { toHex } from '../../bytes/hex.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import type { Block } from '../../chain/chain.js'
import { PAYMENT_TTL_SECONDS } from '../../limits.js'
import { VIEW_STATE_PUBLISHED, type Listing } from '../../objects/listing.js'
import { hasChainAddress, StoredManifest, type Manifest } from '../../objects/manifest.js'
import { PAYMENT_CHOSEN, PaymentDetails, UNPAID, type Order, type OrderItem } from '../../objects/order.js'
import { paymentIdOf, paymentRequest } from '../../objects/payment-request.js'
import type { ChainAddress } from '../../objects/scalars.js'
import { encodeChange } from '../../patches/patch.js'
import { convert } from '../../state/conversion.js'
import { chosenOrder } from '../../state/orders.js'
import { orderNumber } from '../../state/order-number.js'
import { findPayment } from '../../state/payment-entry.js'
import { regionFor, totalOf } from '../../state/pricing.js'
import { idKey, type ShopState } from '../../state/shop-state.js'
import { listingIn, orderIn } from '../../state/held-object.js'
import type { OrderCheckout, OrderDetails } from '../write/change.js'
import type { PriceSource } from './price-source.js'

/** What is known of a chain that orders are paid on. */
export interface KnownChain {
  /** The newest block; undefined until the chain has answered once. */
  readonly head: Block | undefined
  /** Of an ERC-20, 20 bytes; undefined while they are not known, which makes the relay ask for them. */
  decimals(token: Uint8Array): bigint | undefined
}

/** `later`: a value that is needed is not at hand yet; asking again may help. */
type Quote = { readonly total: Amount } | { readonly refused: string } | { readonly later: string }

const NATIVE_DECIMALS = 18n
const RUNS_MAX = 10_000

export class Checkout implements OrderCheckout {
  private readonly chains: ReadonlyMap<ChainId, KnownChain>
  private readonly prices: PriceSource
  /**
   * TTLs of equal payments that were found taken, from … to: hints, so that a thousand equal orders cost a thousand
   * steps.
   */
  private readonly runs = new Map<string, { readonly from: bigint; readonly to: bigint }>()

  /** `chains`: those configured for payments, by chain id. */
  constructor(chains: ReadonlyMap<ChainId, KnownChain>, prices: PriceSource) {
    this.chains = chains
    this.prices = prices
  }

  refuse(order: Order, manifest: Manifest, listing: (id: ListingId) => Listing | undefined): string | undefined {
    const quote = this.quote(order, manifest, listing)
    if ('refused' in quote) return quote.refused
    // Only here: what was chosen in time is still priced when a listing is taken down afterwards.
    const down = wantedItems(order).find(({ ListingID }) => listing(ListingID)?.ViewState !== VIEW_STATE_PUBLISHED)
    return down === undefined ? undefined : `listing ${down.ListingID} is not published any more`
  }

  /** What the order costs in the chosen currency's smallest unit. */
  quote(order: Order, manifest: Manifest, listing: (id: ListingId) => Listing | undefined): Quote {
    const { ChosenPayee: payee, ChosenCurrency: currency } = order
    if (payee === undefined || currency === undefined) return { refused: 'ChosenPayee and ChosenCurrency must be set' }
    if (!hasChainAddress(manifest.Payees, payee.Address)) return { refused: 'the payee is not in the manifest' }
    if (!hasChainAddress(manifest.AcceptedCurrencies, currency)) return { refused: 'the currency is not accepted' }
    if (payee.Address.ChainID !== currency.ChainID) return { refused: 'payee and currency are on different chains' }
    if (!this.chains.has(currency.ChainID))
      return { refused: `chain ${currency.ChainID} is not configured for payments` }
    const address = order.ShippingAddress ?? order.InvoiceAddress
    if (address === undefined) return { refused: 'a shipping or invoice address must be set' }
    const region = regionFor(manifest.ShippingRegions, address)
    if (region === undefined) return { refused: 'no shipping region matches the address' }
    const items = wantedItems(order)
    if (items.length === 0) return { refused: 'the order has no item of a quantity above 0' }
    const total = totalOf(items, region.region, once(listing))
    if (typeof total === 'string') return { refused: total }
    return this.inCurrency(total, manifest.PricingCurrency, currency)
  }

  /**
   * The relay's patches for an order in state 4, by what it had when payment was chosen; `later` says why there are
   * none yet. `taken`: PaymentIDs (hexadecimal) of the same set; the new one is added.
   */
  details(state: ShopState, orderId: OrderId, taken: Set<string>): OrderDetails | { readonly later: string } {
    const current = orderIn(state, orderId)
    const order = chosenOrder(state.indexes.chosen, orderId)
    if (current?.State !== PAYMENT_CHOSEN || order === undefined) return { later: 'payment is not chosen' }
    const manifest = StoredManifest.read(decodeChecked(state.manifest!), 'Manifest')
    const quote = this.quote(order, manifest, (id) => listingIn(state, id))
    if (!('total' in quote)) return { later: 'refused' in quote ? quote.refused : quote.later }
    const head = this.chains.get(order.ChosenCurrency!.ChainID)!.head
    if (head === undefined) return { later: 'the chain has not answered yet' }
    const firstTtl = head.timestamp + PAYMENT_TTL_SECONDS
    const { PaymentID, TTL } =
      this.present(state, current, order, quote.total, firstTtl) ??
      this.uniqueId(state, order, quote.total, firstTtl, taken)
    const canonicalListing = once((id) => state.collections.Listings.get(idKey(id))!)
    const hashOf = once((id) => sha256(canonicalListing(id)))
    const listings = wantedItems(order).map(({ ListingID }) => ListingID)
    const details: PaymentDetails = {
      PaymentID,
      Total: quote.total,
      ListingHashes: listings.map(hashOf),
      TTL,
      ShopSignature: new Uint8Array(65),
    }
    const op = current.PaymentDetails === undefined ? 'add' : 'replace'
    return {
      patches: [
        encodeChange({ op, path: ['Orders', orderId, 'PaymentDetails'], value: PaymentDetails.write(details) }),
        encodeChange({ op: 'replace', path: ['Orders', orderId, 'State'], value: UNPAID }),
      ],
      pricedListings: [...new Set(listings)].map(canonicalListing),
    }
  }

  /** What the order was told last, where the same is to be paid and as long can be paid: it serves again. */
  private present(
    { shopId, indexes }: ShopState,
    { ID, PaymentDetails: told }: Order,
    { ChosenPayee, ChosenCurrency }: Order,
    total: Amount,
    firstTtl: Seconds,
  ): PaymentDetails | undefined {
    if (told === undefined || told.TTL < firstTtl || told.Total !== total) return undefined
    const request = paymentRequest(shopId, ChosenPayee!.Address, ChosenCurrency!, { total, ttl: told.TTL })
    const isSame = equalBytes(paymentIdOf(request), told.PaymentID)
    const { addition } = orderNumber(indexes.numbers, ID)
    const entry = isSame ? findPayment(indexes.payments, shopId, told.PaymentID) : undefined
    return entry?.orderId === ID && entry.addition === addition ? told : undefined
  }

  /**
   * An id that no other order of the shop has or had: the TTL rises second by second until it is one. A run of taken
   * seconds that was walked once is not walked again.
   */
  private uniqueId(
    state: ShopState,
    order: Order,
    total: Amount,
    firstTtl: Seconds,
    taken: Set<string>,
  ): { PaymentID: Uint8Array; TTL: bigint } {
    const { shopId, indexes } = state
    const { addition } = orderNumber(indexes.numbers, order.ID)
    const [payee, currency] = [order.ChosenPayee!.Address, order.ChosenCurrency!]
    const name = [shopId, total, currency.ChainID, toHex(currency.Address), toHex(payee.Address)].join('/')
    const run = this.runs.get(name)
    for (let ttl = firstTtl; ; ttl++) {
      const id = paymentIdOf(paymentRequest(shopId, payee, currency, { total, ttl }))
      const entry = findPayment(indexes.payments, shopId, id)
      const isOwn = entry?.orderId === order.ID && entry.addition === addition
      if (isOwn || (entry === undefined && !taken.has(toHex(id)))) {
        taken.add(toHex(id))
        const joins = run !== undefined && run.from <= firstTtl && firstTtl <= run.to + 1n
        this.remember(name, joins ? run.from : firstTtl, ttl)
        return { PaymentID: id, TTL: ttl }
      }
      if (run !== undefined && ttl >= run.from && ttl < run.to) ttl = run.to - 1n
    }
  }

  private remember(name: string, from: bigint, to: bigint): void {
    if (this.runs.size >= RUNS_MAX) this.runs.clear()
    this.runs.set(name, { from, to })
  }

  private inCurrency(total: Amount, from: ChainAddress, to: ChainAddress): Quote {
    if (sameCurrency(from, to)) return { total }
    const rate = this.prices.rate(from, to)
    if (typeof rate === 'string') return { refused: rate }
    const [fromDecimals, toDecimals] = [this.decimalsOf(from), this.decimalsOf(to)]
    if (fromDecimals === 'no chain') return { refused: 'the pricing currency is on a chain that is not configured' }
    if (fromDecimals === undefined || toDecimals === undefined || toDecimals === 'no chain')
      return { later: "the token's decimals are not known yet" }
    const converted = convert(total, fromDecimals, toDecimals, rate)
    return typeof converted === 'string' ? { refused: converted } : { total: converted }
  }

  private decimalsOf({ ChainID, Address }: ChainAddress): bigint | undefined | 'no chain' {
    if (isAllZero(Address)) return NATIVE_DECIMALS
    const chain = this.chains.get(ChainID)
    return chain === undefined ? 'no chain' : chain.decimals(Address)
  }
}

function wantedItems({ Items }: Order): readonly OrderItem[] {
  return (Items ?? []).filter(({ Quantity }) => Quantity > 0n)
}

/** Asks once for each id: lines of an order share listings, and a listing is large. */
function once<T>(ask: (id: ListingId) => T): (id: ListingId) => T {
  const answers = new Map<ListingId, T>()
  return (id) => {
    if (!answers.has(id)) answers.set(id, ask(id))
    return answers.get(id)!
  }
}

function sameCurrency(a: ChainAddress, b: ChainAddress): boolean {
  return a.ChainID === b.ChainID && toHex(a.Address) === toHex(b.Address)
}
