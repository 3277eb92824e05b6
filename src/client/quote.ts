/**
 * A quote: what an order costs in the shop's own currency, with every part that leads there (PROTOCOL §11), computed
 * from what is held. The relay computes the same; where it asks for another total, that is an error.
 *
 * Tests: test/client/quote.test.ts, test/client/cart.test.ts
 */

import type { ListingId } from '../brands.js'
import { VIEW_STATE_PUBLISHED, type Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { AddressDetails } from '../objects/order.js'
import { priceInRegion, priceOfItem, regionFor, type PriceStep } from '../state/pricing.js'
import { currencyOf, type Currency, type Money } from './amount-of-money.js'

/** Something that is wanted: so many pieces of a listing with these variations. */
export interface Item {
  readonly listing: ListingId
  /** Names of variations, one of each option; in any order. */
  readonly variations?: readonly string[] | undefined
  /** Above 0. */
  readonly quantity: bigint
}

/** One modifier: what it changes, and what the amount is then. */
export interface QuoteStep {
  /** Of the variation, or of the region's modifier: `tax`, `post`. */
  readonly name: string
  /** A factor, where it is one: 120n is plus 20 %. Left out: an absolute amount. */
  readonly percent?: bigint
  /** Below 0 for what makes it cheaper. */
  readonly change: Money
  readonly amount: Money
}

export interface QuoteLine extends Item {
  readonly variations: readonly string[]
  /** Undefined while the listing is not there. */
  readonly title: string | undefined
  /** The listing's. Undefined, like those below, where the line has no price. */
  readonly price: Money | undefined
  /** Of the variations, percents first. */
  readonly steps: readonly QuoteStep[]
  /** Of one piece with its variations. */
  readonly unit: Money | undefined
  readonly sum: Money | undefined
}

/**
 * VARIATION_MISSING: of an option of the listing nothing is chosen; VARIATION_TWICE: more than one. COUNTRY_UNKNOWN:
 * the shop's regions name countries by codes of two letters, and the address does not: a problem where no region fits,
 * and a warning where one for anywhere does. The others say what is missing.
 */
export type QuoteProblemCode =
  | 'EMPTY'
  | 'LOADING'
  | 'LISTING_GONE'
  | 'NOT_PUBLISHED'
  | 'VARIATION_MISSING'
  | 'VARIATION_TWICE'
  | 'NO_PRICE'
  | 'NO_ADDRESS'
  | 'COUNTRY_UNKNOWN'
  | 'NO_REGION'
  | 'OUT_OF_RANGE'

/** Why there is no total, or why the relay would refuse the order. */
export interface QuoteProblem {
  readonly code: QuoteProblemCode
  /** Place in `lines` of what it is about. */
  readonly line?: number
  /** One sentence for the guest. */
  readonly message: string
}

/** What an order costs, part by part, or why that is not known. */
export interface Quote {
  readonly lines: readonly QuoteLine[]
  /** Of all lines that have a price; undefined while the shop's currency is not known. */
  readonly subtotal: Money | undefined
  /** The shipping region that fits the address. */
  readonly region: string | undefined
  /** What the region adds, percents first. */
  readonly shipping: readonly QuoteStep[]
  /** Undefined as long as there are `problems`. */
  readonly total: Money | undefined
  /** Empty for an order that can be paid. */
  readonly problems: readonly QuoteProblem[]
  /** What may be a slip, and is taken all the same. */
  readonly warnings: readonly QuoteProblem[]
}

interface QuotedShop {
  readonly manifest: Manifest | undefined
  /** `loading`: it may be there. */
  readonly listing: (id: ListingId) => Listing | undefined | 'loading'
  readonly currencies: readonly Currency[]
}

/** What the items cost at that address; without one there is no shipping, and no total. */
export function quoteOf(
  shop: QuotedShop,
  items: readonly Item[],
  address: Pick<AddressDetails, 'Country' | 'PostalCode' | 'City'> | undefined,
): Quote {
  const { manifest } = shop
  if (manifest === undefined)
    return { ...NOTHING, lines: items.map(emptyLine), problems: [problem('LOADING', 'The shop is still loading.')] }
  const money = moneyOf(currencyOf(manifest.PricingCurrency, shop.currencies))
  const problems: QuoteProblem[] = items.length === 0 ? [problem('EMPTY', 'Nothing is in the cart.')] : []
  let sum = 0n
  const lines = items.map((item, line) => {
    const priced = lineOf(shop, item, money)
    problems.push(...priced.problems.map((found) => ({ ...found, line })))
    sum += priced.line.sum?.amount ?? 0n
    return priced.line
  })
  const shipped = shippingOf(manifest, sum, address, money)
  problems.push(...shipped.problems)
  const { region, steps: shipping, warnings = [] } = shipped
  const total = problems.length === 0 ? shipped.total : undefined
  return { lines, subtotal: money(sum), region, shipping, total, problems, warnings }
}

const NOTHING = { subtotal: undefined, region: undefined, shipping: [], total: undefined, warnings: [] } as const

type MakeMoney = (amount: bigint) => Money

function moneyOf(currency: Currency): MakeMoney {
  return (amount) => ({ ...currency, amount })
}

function emptyLine({ listing, variations = [], quantity }: Item): QuoteLine {
  const none = { title: undefined, price: undefined, steps: [], unit: undefined, sum: undefined }
  return { listing, variations, quantity, ...none }
}

function lineOf(
  shop: QuotedShop,
  item: Item,
  money: MakeMoney,
): { readonly line: QuoteLine; readonly problems: readonly QuoteProblem[] } {
  const listing = shop.listing(item.listing)
  const line = emptyLine(item)
  if (listing === 'loading') return { line, problems: [problem('LOADING', 'A line is still loading.')] }
  if (listing === undefined) return { line, problems: [problem('LISTING_GONE', 'A line is not sold any more.')] }
  const { Title: title } = listing.Metadata
  const { listing: ListingID, quantity: Quantity } = item
  const priced = priceOfItem({ ListingID, VariationIDs: line.variations, Quantity }, listing)
  if (typeof priced === 'string')
    return {
      line: { ...line, title },
      problems: [problem('NO_PRICE', `${title} cannot be bought like this: ${priced}.`)],
    }
  const unchosen = choiceProblem(listing, line.variations)
  if (unchosen !== undefined) return { line: { ...line, title, price: money(priced.price) }, problems: [unchosen] }
  const steps = stepsOf(priced.price, priced.steps, money)
  const sums = { price: money(priced.price), steps, unit: money(priced.unit), sum: money(priced.sum) }
  const isSold = listing.ViewState === VIEW_STATE_PUBLISHED
  const problems = isSold ? [] : [problem('NOT_PUBLISHED', `${title} is not sold now.`)]
  return { line: { ...line, title, ...sums }, problems }
}

interface ChoiceProblem extends QuoteProblem {
  readonly code: 'VARIATION_MISSING' | 'VARIATION_TWICE'
}

/** The protocol takes none of an option, and two: what is in stock is counted by one of each. */
export function choiceProblem(
  { Metadata, Options }: Listing,
  variations: readonly string[],
): ChoiceProblem | undefined {
  const counted = [...(Options ?? [])].flatMap(([name, { Title, Variations }]) => {
    const names = [...(Variations?.keys() ?? [])]
    const chosen = names.filter((one) => variations.includes(one)).length
    return names.length === 0 ? [] : [{ title: Title || name, chosen }]
  })
  const titles = (isIt: (chosen: number) => boolean) =>
    counted.filter(({ chosen }) => isIt(chosen)).map(({ title }) => title)
  const [missing, twice] = [titles((chosen) => chosen === 0), titles((chosen) => chosen > 1)]
  if (missing.length > 0) return problem('VARIATION_MISSING', `${Metadata.Title}: choose ${namesOf(missing)} first.`)
  if (twice.length === 0) return undefined
  return problem('VARIATION_TWICE', `${Metadata.Title}: choose one of ${namesOf(twice)}, not several.`)
}

function namesOf(titles: readonly string[]): string {
  const [last, ...others] = titles.map((title) => `“${title}”`).reverse()
  return others.length === 0 ? last! : `${others.reverse().join(', ')} and ${last}`
}

interface Shipped {
  readonly region: string | undefined
  readonly steps: readonly QuoteStep[]
  readonly total?: Money
  readonly problems: readonly QuoteProblem[]
  readonly warnings?: readonly QuoteProblem[]
}

function shippingOf(
  { ShippingRegions }: Manifest,
  sum: bigint,
  address: Pick<AddressDetails, 'Country' | 'PostalCode' | 'City'> | undefined,
  money: MakeMoney,
): Shipped {
  const none = { region: undefined, steps: [] }
  if (address === undefined)
    return { ...none, problems: [problem('NO_ADDRESS', 'Where it is sent to is not known yet.')] }
  const found = regionFor(ShippingRegions, address)
  const unknown = unknownCountry(address.Country, countriesByCode(ShippingRegions))
  if (found === undefined)
    return { ...none, problems: [unknown ?? problem('NO_REGION', 'The shop does not send to this address.')] }
  const warnings = unknown === undefined ? [] : [unknown]
  const priced = priceInRegion(sum, found.region)
  const region = found.name
  if (typeof priced === 'string')
    return { ...none, region, problems: [problem('OUT_OF_RANGE', `${priced}.`)], warnings }
  return { region, steps: stepsOf(sum, priced.steps, money), total: money(priced.total), problems: [], warnings }
}

/** ISO 3166-1 alpha-2. The protocol has free text: it is what the regions of the shop say that has to be met. */
const COUNTRY_CODE = /^[A-Z]{2}$/u

/**
 * The countries that the regions name, where all of them are codes: another text meets none of them. It may be right
 * all the same, where a region names no country and takes what comes from anywhere.
 */
function countriesByCode(regions: Manifest['ShippingRegions']): readonly string[] {
  const named = [...(regions?.values() ?? [])].map(({ Country }) => Country).filter((country) => country !== '')
  return named.every((country) => COUNTRY_CODE.test(country)) ? [...new Set(named)] : []
}

function unknownCountry(country: string, named: readonly string[]): QuoteProblem | undefined {
  if (named.length === 0 || COUNTRY_CODE.test(country)) return undefined
  const given = country === '' ? 'The country is missing' : `“${country}” is no country as this shop names them`
  return problem('COUNTRY_UNKNOWN', `${given}: it wants a code of two capital letters, as ${named[0]}.`)
}

function stepsOf(start: bigint, steps: readonly PriceStep[], money: MakeMoney): readonly QuoteStep[] {
  return steps.map(({ name, modifier: { ModificationPercent: percent }, amount }, i) => {
    const before = steps[i - 1]?.amount ?? start
    return { name, ...(percent !== undefined && { percent }), change: money(amount - before), amount: money(amount) }
  })
}

function problem<Code extends QuoteProblemCode>(code: Code, message: string): QuoteProblem & { readonly code: Code } {
  return { code, message }
}
