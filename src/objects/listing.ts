/**
 * Listings with their options, variations and stock statuses (PROTOCOL §3).
 *
 * Tests: test/objects/fields.test.ts
 */

import {
  arrayOf,
  bool,
  defaulting,
  mapOf,
  nullable,
  oneOf,
  optional,
  required,
  SchemaError,
  struct,
  text,
  time,
  type Infer,
  type KeySchema,
  type Schema,
} from '../codec/schema.js'
import { filledText, Metadata, nameKey, nameText, listingId, PriceModifier, amount } from './scalars.js'

/** `ViewState` of a listing that everybody sees. */
export const VIEW_STATE_PUBLISHED = 1n
export const ViewState = oneOf(0n, 1n, 2n)

/** Joins variation names in an inventory key (§6), so no name may hold it. */
export const VARIATION_SEPARATOR = '|'

export const variationName: Schema<string> = {
  ...nameText,
  read(value, at) {
    const name = nameText.read(value, at)
    if (name.includes(VARIATION_SEPARATOR)) {
      throw new SchemaError(at, `must not hold ${VARIATION_SEPARATOR}`, { stricter: true })
    }
    return name
  },
}
export const variationKey: KeySchema<string> = {
  ...nameKey,
  readKey: (key, at) => variationName.read(key, `${at} key`),
}

/** Names of variations, in any order, none twice. */
export const VariationIDs: Schema<readonly string[]> = {
  ...arrayOf(nameText),
  read(value, at) {
    const names = arrayOf(nameText).read(value, at)
    if (new Set(names).size !== names.length) throw new SchemaError(at, 'names a variation twice')
    return names
  },
}

export const Variation = struct({
  VariationInfo: required(Metadata),
  PriceModifier: optional(PriceModifier),
  SKU: optional(text),
})
/** One value of an option: its title, what it adds to the price or takes from it, its SKU. */
export interface Variation extends Infer<typeof Variation> {}
export const Variations = mapOf(variationKey, Variation)

export const Option = struct(
  { Title: required(filledText), Variations: optional(Variations) },
  { aliases: { title: 'Title' } },
)
/** What a guest chooses of a listing, such as its size; the keys of `Variations` are the names that items hold. */
export interface Option extends Infer<typeof Option> {}

/** Options by name. Variation names are unique over all of them. */
export type Options = ReadonlyMap<string, Option>
const optionMap = mapOf(nameKey, Option)
export const Options: Schema<Options> = {
  ...optionMap,
  read(value, at) {
    const options = optionMap.read(value, at)
    checkVariationNames(options, at)
    return options
  },
}

export const StockStatus = struct({
  VariationIDs: nullable(VariationIDs),
  InStock: optional(bool),
  ExpectedInStockBy: optional(time),
})
/** What the merchant says of the stock of a combination of variations, to everybody: no number of pieces. */
export interface StockStatus extends Infer<typeof StockStatus> {}
export const StockStatuses = arrayOf(StockStatus)

export const Listing = struct({
  ID: required(listingId),
  Price: required(amount),
  Metadata: required(Metadata),
  ViewState: defaulting(ViewState, 0n),
  Options: optional(Options),
  StockStatuses: optional(StockStatuses),
})
/**
 * Something that a shop sells. `Price` is in the smallest unit of the manifest's pricing currency, `ViewState` 0n not
 * published, 1n published, 2n deleted; the keys of `Options` are their names.
 */
export interface Listing extends Infer<typeof Listing> {}

/** Throws SchemaError if two options of one listing have a variation of the same name. */
export function checkVariationNames(options: Options, at: string): void {
  const seen = new Set<string>()
  for (const option of options.values()) {
    for (const name of option.Variations?.keys() ?? []) {
      if (seen.has(name)) throw new SchemaError(at, `has the variation ${JSON.stringify(name)} in two options`)
      seen.add(name)
    }
  }
}

/** The variation of that name, in whichever option it is. */
export function variationOf(listing: Listing, name: string): Variation | undefined {
  for (const option of listing.Options?.values() ?? []) {
    const variation = option.Variations?.get(name)
    if (variation !== undefined) return variation
  }
  return undefined
}

/** The names of all variations of a listing. */
export function variationNames(listing: Listing): ReadonlySet<string> {
  const names = new Set<string>()
  for (const option of listing.Options?.values() ?? [])
    for (const name of option.Variations?.keys() ?? []) names.add(name)
  return names
}
