/**
 * A listing of a shop as a product file would tell it: what a row wants is compared with this, and written of it.
 * Options and variations go by their titles, in an order that follows from their names alone, sizes from small to
 * large.
 *
 * Tests: test/catalogue/round-trip.test.ts, test/catalogue/import-plan.test.ts
 */

import type { Amount, ListingId } from '../brands.js'
import { compareUtf8 } from '../codec/utf8.js'
import { inventoryKeyText, type StockEntry } from '../objects/inventory.js'
import type { Listing, Option, Variation } from '../objects/listing.js'
import type { Tag } from '../objects/tag.js'
import { unitPrice } from '../state/pricing.js'
import { inSizeOrder } from './size-order.js'

/** What of a shop a product file is about. */
export interface ShopContents {
  readonly listings: readonly Listing[]
  /** By their keys. */
  readonly tags: ReadonlyMap<string, Tag>
  readonly stock: readonly StockEntry[]
}

interface HeldOption {
  readonly key: string
  readonly label: string
  /** Keys of variations by their labels. */
  readonly values: ReadonlyMap<string, string>
}

export class HeldListing {
  readonly listing: Listing
  /** Without those that have no variations: no row can tell of them. */
  readonly options: readonly HeldOption[]
  private readonly stock: ReadonlyMap<string, StockEntry>
  private readonly variationsByKey = new Map<string, Variation>()

  /** `stock`: of this listing. */
  constructor(listing: Listing, stock: readonly StockEntry[]) {
    this.listing = listing
    this.stock = new Map(stock.map((entry) => [inventoryKeyText(listing.ID, entry.variations), entry]))
    this.options = optionsOf(listing)
    for (const { Variations } of listing.Options?.values() ?? [])
      for (const [key, variation] of Variations ?? []) this.variationsByKey.set(key, variation)
  }

  get images(): readonly string[] {
    return sayable(this.listing.Metadata.Images)
  }

  /** Of the variations of one variant; undefined if the modifiers lead out of range. */
  price(variations: readonly string[]): Amount | undefined {
    const price = unitPrice(this.listing, variations)
    return typeof price === 'string' ? undefined : price
  }

  /** Empty for none; undefined where no column says it: with no or several options. */
  sku(variations: readonly string[]): string | undefined {
    return this.options.length === 1 ? (this.variationsByKey.get(variations[0]!)?.SKU ?? '') : undefined
  }

  /** The first picture of the first variation that has one; empty for none. */
  image(variations: readonly string[]): string {
    return variations.flatMap((key) => sayable(this.variationsByKey.get(key)?.VariationInfo.Images))[0] ?? ''
  }

  pieces(variations: readonly string[]): bigint | undefined {
    return this.stock.get(inventoryKeyText(this.listing.ID, variations))?.pieces
  }

  /** What a row says of a variant in the option with this index. */
  valueOf(variant: readonly string[], option: number): string {
    return [...this.options[option]!.values].find(([, key]) => key === variant[option])![0]
  }

  /** Whether these are one variation of each option. */
  isVariant(variations: readonly string[]): boolean {
    return inOrder(variations, this.keys()) !== undefined
  }

  /** Keys of variations, one of each option: what has stock, and as many others as name all variations. */
  variants(): (readonly string[])[] {
    const { options } = this
    if (options.length === 0) return [[]]
    const keys = this.keys()
    const found = this.entries()
      .map((entry) => inOrder(entry.variations, keys))
      .filter((variant) => variant !== undefined)
    const named = new Set(found.flat())
    for (const [i, own] of keys.entries())
      for (const key of own) {
        if (named.has(key)) continue
        const variant = keys.map((others, j) => (i === j ? key : others[0]!))
        for (const name of variant) named.add(name)
        found.push(variant)
      }
    const places = keys.map((own) => new Map(own.map((key, at) => [key, at])))
    return found.sort((a, b) => compareBy(a, b, places))
  }

  private keys(): (readonly string[])[] {
    return this.options.map(({ values }) => [...values.values()])
  }

  entries(): readonly StockEntry[] {
    return [...this.stock.values()]
  }

  /** By the keys of its variations, one of each option in order; undefined for a value that there is not. */
  keysOf(values: readonly (readonly [option: string, value: string])[]): readonly string[] | undefined {
    const byLabel = new Map(values)
    const keys = this.options.map(({ label, values }) => values.get(byLabel.get(label) ?? ''))
    return keys.every((key) => key !== undefined) ? keys : undefined
  }
}

/** By their ids. */
export function heldListings({ listings, stock }: ShopContents): ReadonlyMap<ListingId, HeldListing> {
  const byListing = new Map<ListingId, StockEntry[]>()
  for (const entry of stock) {
    const known = byListing.get(entry.listing)
    if (known === undefined) byListing.set(entry.listing, [entry])
    else known.push(entry)
  }
  return new Map(listings.map((listing) => [listing.ID, new HeldListing(listing, byListing.get(listing.ID) ?? [])]))
}

/** An empty text has no place in a cell. */
function sayable(images: readonly string[] | undefined): string[] {
  return (images ?? []).filter((image) => image !== '')
}

function optionsOf({ Options }: Listing): HeldOption[] {
  const options = sorted(Options).filter(([, { Variations }]) => (Variations?.size ?? 0) > 0)
  const labels = labelsOf(options.map(([key, { Title }]) => [key, Title]))
  return options.map(([key, { Variations }], i) => ({ key, label: labels[i]!, values: valuesOf(Variations) }))
}

function valuesOf(variations: Option['Variations']): ReadonlyMap<string, string> {
  const entries = sorted(variations)
  const labels = labelsOf(entries.map(([key, { VariationInfo }]) => [key, VariationInfo.Title]))
  const named = entries.map(([key], i): [label: string, key: string] => [labels[i]!, key])
  return new Map(inSizeOrder(named, ([label]) => label))
}

/** Titles where no two are equal, else keys, which never are. */
function labelsOf(named: readonly (readonly [key: string, title: string])[]): string[] {
  const titles = named.map(([, title]) => title)
  return new Set(titles).size === titles.length ? titles : named.map(([key]) => key)
}

function sorted<T>(map: ReadonlyMap<string, T> | undefined): [string, T][] {
  return [...(map ?? [])].sort(([a], [b]) => compareUtf8(a, b))
}

/** The names by the options that they are of; undefined unless there is exactly one of each. */
function inOrder(names: readonly string[], keys: readonly (readonly string[])[]): readonly string[] | undefined {
  if (names.length !== keys.length) return undefined
  const ordered = keys.map((own) => names.find((name) => own.includes(name)))
  return ordered.every((name) => name !== undefined) ? ordered : undefined
}

function compareBy(a: readonly string[], b: readonly string[], places: readonly ReadonlyMap<string, number>[]): number {
  for (const [i, place] of places.entries()) {
    const difference = place.get(a[i]!)! - place.get(b[i]!)!
    if (difference !== 0) return difference
  }
  return 0
}
