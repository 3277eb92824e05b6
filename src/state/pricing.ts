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
    const unit =
      listing === undefined ? `listing ${item.ListingID} is not there` : unitPrice(listing, item.VariationIDs ?? [])
    if (typeof unit === 'string') return unit
    sum += unit * item.Quantity
  }
  const total = modified(
    sum,
    [...byName(region.PriceModifiers ?? [])].map(([, modifier]) => modifier),
  )
  return inRange(total) ? total : 'the total is out of range'
}

/** The price of one piece with its variations, or why there is none. */
export function unitPrice(listing: Listing, variations: readonly string[]): Amount | string {
  const modifiers: PriceModifier[] = []
  for (const [name] of byName(variations.map((variation) => [variation, undefined] as const))) {
    const variation = variationOf(listing, name)
    if (variation === undefined) return `listing ${listing.ID} has no variation ${JSON.stringify(name)}`
    if (variation.PriceModifier !== undefined) modifiers.push(variation.PriceModifier)
  }
  const price = modified(listing.Price, modifiers)
  return inRange(price) ? price : `listing ${listing.ID}: the unit price is out of range`
}

/** `modifiers` in order of name. In between the amount may be negative. */
function modified(amount: Amount, modifiers: readonly PriceModifier[]): bigint {
  let result: bigint = amount
  for (const { ModificationPercent: percent } of modifiers)
    if (percent !== undefined) result = floorDivide(result * percent, 100n)
  for (const { ModificationAbsolute: absolute } of modifiers) {
    if (absolute !== undefined) result = absolute.Plus ? result + absolute.Amount : result - absolute.Amount
  }
  return result
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
