/**
 * What an order costs in the pricing currency (PROTOCOL §11, PaymentDetails): the modifiers of the chosen variations on
 * each item, then those of the shipping region on the sum. A percent is a factor (120 = plus 20 %): multiply, divide by
 * 100, round down, one at a time; percents come before absolutes, each group by the UTF-8 order of the names.
 */

import type { Amount, ListingId } from '../brands.js'
import { compareBytes, utf8 } from '../bytes/bytes.js'
import { variationOf, type Listing } from '../objects/listing.js'
import type { ShippingRegion } from '../objects/manifest.js'
import type { AddressDetails, OrderItem } from '../objects/order.js'
import type { PriceModifier } from '../objects/scalars.js'

/** Amounts are uint256. */
export const AMOUNT_END = 1n << 256n

/**
 * The region that ships to the address, or undefined. Scores: country 10, any country 1, postal code 100, city with it
 * 1,000.
 */
export function regionFor(
  regions: ReadonlyMap<string, ShippingRegion> | undefined,
  address: Pick<AddressDetails, 'Country' | 'PostalCode' | 'City'>,
): { readonly name: string; readonly region: ShippingRegion } | undefined {
  let best: { name: string; region: ShippingRegion; score: number } | undefined
  for (const [name, region] of byName(regions ?? [])) {
    const score = scoreOf(region, address)
    if (score > (best?.score ?? 0)) best = { name, region, score }
  }
  return best
}

/** One modifier, and what the amount is after it. In between it may be negative. */
export interface PriceStep {
  /** Of the variation or of the region's modifier. */
  readonly name: string
  readonly modifier: PriceModifier
  readonly amount: bigint
}

/** What an item costs, with every step that leads there. */
interface PricedItem {
  /** The listing's price. */
  readonly price: Amount
  readonly steps: readonly PriceStep[]
  /** Of one piece with its variations. */
  readonly unit: Amount
  /** Of all pieces. */
  readonly sum: bigint
}

/**
 * The total of an order's items, 0 … 2^256−1; items of quantity 0 are left out. A text instead says why there is none:
 * a listing or variation that is gone, or a unit price or total out of range.
 */
export function totalOf(
  items: readonly OrderItem[],
  region: ShippingRegion,
  listingOf: (id: ListingId) => Listing | undefined,
): Amount | string {
  let sum = 0n
  for (const item of items) {
    if (item.Quantity === 0n) continue
    const listing = listingOf(item.ListingID)
    const priced = listing === undefined ? `listing ${item.ListingID} is not there` : priceOfItem(item, listing)
    if (typeof priced === 'string') return priced
    sum += priced.sum
  }
  const shipped = priceInRegion(sum, region)
  return typeof shipped === 'string' ? shipped : shipped.total
}

/** The price of one piece with its variations, or why there is none. */
export function unitPrice(listing: Listing, variations: readonly string[]): Amount | string {
  const priced = priceOfItem({ ListingID: listing.ID, VariationIDs: variations, Quantity: 1n }, listing)
  return typeof priced === 'string' ? priced : priced.unit
}

/** What the item costs of `listing`, which is its own; a text instead says why it has no price. */
export function priceOfItem({ VariationIDs = [], Quantity }: OrderItem, listing: Listing): PricedItem | string {
  const modifiers: (readonly [name: string, modifier: PriceModifier])[] = []
  for (const [name] of byName(VariationIDs.map((variation) => [variation, undefined] as const))) {
    const variation = variationOf(listing, name)
    if (variation === undefined) return `listing ${listing.ID} has no variation ${JSON.stringify(name)}`
    if (variation.PriceModifier !== undefined) modifiers.push([name, variation.PriceModifier])
  }
  const { Price: price } = listing
  const steps = stepsFrom(price, modifiers)
  const unit = steps.at(-1)?.amount ?? price
  if (!inRange(unit)) return `listing ${listing.ID}: the unit price is out of range`
  return { price, steps, unit, sum: unit * Quantity }
}

/** What the region makes of the items' sum; a text instead says why there is no total. */
export function priceInRegion(
  sum: bigint,
  { PriceModifiers }: ShippingRegion,
): { readonly steps: readonly PriceStep[]; readonly total: Amount } | string {
  const steps = stepsFrom(sum, byName(PriceModifiers ?? []))
  const total = steps.at(-1)?.amount ?? sum
  return inRange(total) ? { steps, total } : 'the total is out of range'
}

/** `modifiers` in order of name. */
function stepsFrom(
  start: bigint,
  modifiers: readonly (readonly [name: string, modifier: PriceModifier])[],
): readonly PriceStep[] {
  let amount = start
  const steps: PriceStep[] = []
  for (const [name, modifier] of modifiers) {
    const { ModificationPercent: percent } = modifier
    if (percent !== undefined) steps.push({ name, modifier, amount: (amount = floorDivide(amount * percent, 100n)) })
  }
  for (const [name, modifier] of modifiers) {
    const { ModificationAbsolute: absolute } = modifier
    if (absolute === undefined) continue
    amount = absolute.Plus ? amount + absolute.Amount : amount - absolute.Amount
    steps.push({ name, modifier, amount })
  }
  return steps
}

function scoreOf(region: ShippingRegion, address: Pick<AddressDetails, 'Country' | 'PostalCode' | 'City'>): number {
  if (region.Country !== '' && region.Country !== address.Country) return 0
  let score = region.Country === '' ? 1 : 10
  if (region.PostalCode !== '' && region.PostalCode === address.PostalCode) {
    score += 100
    if (region.City !== '' && region.City === address.City) score += 1_000
  }
  return score
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor
  return value < 0n && quotient * divisor !== value ? quotient - 1n : quotient
}

function inRange(amount: Amount): boolean {
  return amount >= 0n && amount < AMOUNT_END
}

function byName<T>(entries: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...entries].sort(([a], [b]) => compareBytes(utf8(a), utf8(b)))
}
