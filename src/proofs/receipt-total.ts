/**
 * What an order costs, computed again (PROOFS §6): from the order as it stood when payment was asked last, the manifest
 * of that moment, and the listings that were priced.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import { sha256 } from '#hash'
import type { Amount, ListingId, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { readDeterministic } from '../codec/deterministic.js'
import { DeterministicReader } from '../codec/deterministic-form.js'
import { SchemaError } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { readLevelItems, stateRoot } from '../merkle/state-level.js'
import { StateProofError } from '../merkle/state-proof-error.js'
import { Listing } from '../objects/listing.js'
import { StoredManifest, type Manifest } from '../objects/manifest.js'
import type { Order, OrderItem } from '../objects/order.js'
import type { ChainAddress } from '../objects/scalars.js'
import { asksForPayment } from '../state/order-rules.js'
import { regionFor, totalOf } from '../state/pricing.js'
import { ReceiptError, receiptStep } from './receipt-error.js'
import type { ReceiptSet } from './receipt-form.js'
import type { ReplayedSet } from './receipt-history.js'
import { whereOf } from './receipt-sets.js'

/** What was asked for an order, and what it costs by its listings. Amounts are in a currency's smallest unit. */
export interface ReceiptTotal {
  /** recomputed: both are one · rate taken from the relay: they are in two currencies, and only the relay knows why. */
  readonly kind: 'recomputed' | 'rate taken from the relay'
  readonly asked: Amount
  readonly currency: ChainAddress
  /** By listings, variations and shipping region. */
  readonly computed: Amount
  readonly pricingCurrency: ChainAddress
  /** The name of the shipping region in the manifest. */
  readonly region: string
}

/** The total, the manifest and the listings of the items; undefined where no payment was asked. */
interface Priced {
  readonly total: ReceiptTotal
  readonly manifest: Manifest
  readonly listings: ReadonlyMap<ListingId, Listing>
}

/** Throws ReceiptError: 'payment-set', 'listings', 'total', 'version'. */
export function priceAgain(
  shopId: ShopId,
  sets: readonly ReplayedSet[],
  listings: readonly Uint8Array[],
): Priced | undefined {
  const asking = sets.findLast(({ applied }) => applied.some(asksForPayment))
  for (const { set } of sets) requireFields(set.set, set === asking?.set)
  if (asking === undefined) {
    if (listings.length > 0)
      throw new ReceiptError('listings', 'Listings', `${listings.length} listings, and no payment was asked`)
    return undefined
  }
  const manifest = manifestOf(asking.set.set, shopId)
  const { after } = asking
  const items = (after.Items ?? []).filter(({ Quantity }) => Quantity > 0n)
  const priced = listingsOf(after, items, listings)
  return { total: totalAgain(after, items, manifest, priced), manifest, listings: priced }
}

function requireFields({ Seq, Level, Manifest: manifest }: ReceiptSet, isAsking: boolean): void {
  for (const [name, field] of Object.entries({ Level, Manifest: manifest }))
    if ((field !== undefined) !== isAsking)
      throw new ReceiptError(
        'payment-set',
        whereOf(Seq),
        isAsking ? `it asks for payment last and has no ${name}` : `it has ${name} and is not where payment was asked`,
      )
}

function manifestOf({ Seq, Level: levelBytes, Manifest: received, StateRoot }: ReceiptSet, shopId: ShopId): Manifest {
  const where = whereOf(Seq)
  const level = readLevel(levelBytes!, where)
  const { manifestHash, roots } = level
  if (manifestHash !== null)
    throw new ReceiptError('payment-set', where, 'ManifestHash is not null, and Manifest gives it')
  for (const [name, root] of Object.entries(roots))
    if (root === null) throw new ReceiptError('payment-set', where, `${name} is null in Level`)
  const found = stateRoot({
    ...level,
    manifestHash: sha256(received!),
    roots: roots as Record<keyof typeof roots, Uint8Array>,
  })
  if (!equalBytes(found, StateRoot)) {
    const details = { found: prefixedHex(found), wanted: prefixedHex(StateRoot) }
    const problem = `Level and Manifest give StateRoot ${details.found}, not ${details.wanted}`
    throw new ReceiptError('payment-set', where, problem, details)
  }
  const manifest = receiptStep('payment-set', where, [CborError, SchemaError], () =>
    readDeterministic(StoredManifest, received!, 'Manifest'),
  )
  if (manifest.ShopID === shopId) return manifest
  throw new ReceiptError('payment-set', where, `the manifest is of shop ${manifest.ShopID}, not ${shopId}`)
}

function readLevel(bytes: Uint8Array, where: string) {
  try {
    const reader = new DeterministicReader(bytes)
    const level = readLevelItems(reader)
    reader.end()
    return level
  } catch (cause) {
    const isNewer = cause instanceof StateProofError && cause.code === 'schema-version'
    if (isNewer || cause instanceof StateProofError || cause instanceof CborError)
      throw new ReceiptError(isNewer ? 'version' : 'payment-set', where, cause.message, { cause })
    throw cause
  }
}

/** One per ListingHash, in that order, of the items that are wanted. */
function listingsOf(
  { PaymentDetails: details }: Order,
  items: readonly OrderItem[],
  received: readonly Uint8Array[],
): ReadonlyMap<ListingId, Listing> {
  const hashes = details!.ListingHashes
  if (received.length !== hashes.length || items.length !== hashes.length) {
    const problem = `${received.length} listings for ${hashes.length} ListingHashes and ${items.length} wanted items`
    throw new ReceiptError('listings', 'Listings', problem)
  }
  const listings = new Map<ListingId, Listing>()
  const hashOf = new Map<ListingId, Uint8Array>()
  for (const [i, bytes] of received.entries()) {
    const where = `Listings, ${i}`
    const [found, wanted] = [sha256(bytes), hashes[i]!]
    if (!equalBytes(found, wanted)) {
      const details = { found: prefixedHex(found), wanted: prefixedHex(wanted) }
      throw new ReceiptError('listings', where, `its hash is ${details.found}, not ${details.wanted}`, details)
    }
    const listing = receiptStep('listings', where, [CborError, SchemaError], () =>
      readDeterministic(Listing, bytes, 'Listing'),
    )
    const { ListingID } = items[i]!
    if (listing.ID !== ListingID)
      throw new ReceiptError('listings', where, `it is listing ${listing.ID}, and the item is of ${ListingID}`)
    const other = hashOf.get(ListingID)
    if (other !== undefined && !equalBytes(other, found))
      throw new ReceiptError('listings', where, `listing ${ListingID} stands there in two forms`)
    hashOf.set(ListingID, found)
    listings.set(ListingID, listing)
  }
  return listings
}

function totalAgain(
  order: Order,
  items: readonly OrderItem[],
  { PricingCurrency, ShippingRegions }: Manifest,
  listings: ReadonlyMap<ListingId, Listing>,
): ReceiptTotal {
  const refuse = (problem: string, details = {}) => new ReceiptError('total', 'Total', problem, details)
  const { ChosenCurrency: currency, PaymentDetails: asked } = order
  const address = order.ShippingAddress ?? order.InvoiceAddress
  if (currency === undefined) throw refuse('payment was asked, and the order has no ChosenCurrency')
  if (address === undefined) throw refuse('payment was asked, and the order has no address')
  const region = regionFor(ShippingRegions, address)
  if (region === undefined) throw refuse('no shipping region of the manifest matches the address')
  const computed = totalOf(items, region.region, (id) => listings.get(id))
  if (typeof computed === 'string') throw refuse(computed)
  const isOne = currency.ChainID === PricingCurrency.ChainID && equalBytes(currency.Address, PricingCurrency.Address)
  const { Total } = asked!
  if (isOne && Total !== computed)
    throw refuse(`the relay asked ${Total}, and order, listings and region give ${computed}`, {
      found: `${Total}`,
      wanted: `${computed}`,
    })
  const kind = isOne ? 'recomputed' : 'rate taken from the relay'
  return { kind, asked: Total, currency, computed, pricingCurrency: PricingCurrency, region: region.name }
}
