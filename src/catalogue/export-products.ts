/**
 * A shop's listings as a product file with Shopify's newer columns: the same text for the same shop, by rising id. Read
 * again it changes nothing. No cell is a formula: readProducts takes away the apostrophes that stand before those.
 *
 * Tests: test/catalogue/round-trip.test.ts
 */

import type { Amount, ListingId } from '../brands.js'
import { compareUtf8 } from '../codec/utf8.js'
import { columnName, optionColumns, type ColumnKey } from './columns.js'
import type { Table } from './csv.js'
import { decimalText } from './decimal.js'
import { guarded } from './formula-guard.js'
import { HeldListing, heldListings, type ShopContents } from './held-listing.js'
import { cellOfText } from './html-text.js'
import { handleOf, listingIdOf } from './listing-id.js'
import { isTagSayable } from './tag-changes.js'

/**
 * `decimals`: of the shop's pricing currency.
 *
 * @example
 * ```ts
 * import { exportProducts } from 'cairn-relay/catalogue'
 *
 * const shop = { listings: [], tags: new Map(), stock: [] }
 * console.log(exportProducts(shop, { decimals: 18 }).header[0]) // Title
 * ```
 */
export function exportProducts(shop: ShopContents, { decimals }: { readonly decimals: number }): Table {
  const held = [...heldListings(shop).values()].sort((a, b) => (a.listing.ID < b.listing.ID ? -1 : 1))
  const tags = tagsByListing(shop)
  const handles = new Handles()
  const options = Math.max(OPTIONS_MIN, ...held.map(({ options }) => options.length))
  const header = [
    ...BEFORE_OPTIONS.map(columnName),
    ...Array.from({ length: options }, (_, i) => optionColumns(i)).flat(),
    ...BEHIND_OPTIONS.map(columnName),
  ]
  const rows = held.flatMap((listing) =>
    rowsOf(listing, { handle: handles.of(listing), tags: tags.get(listing.listing.ID) ?? [], options, decimals }),
  )
  return { header, rows }
}

/** As many as Shopify's own files have. */
const OPTIONS_MIN = 3
const BEFORE_OPTIONS: readonly ColumnKey[] = ['title', 'handle', 'description', 'tags', 'published', 'status', 'sku']
const BEHIND_OPTIONS: readonly ColumnKey[] = [
  'price',
  'tracker',
  'quantity',
  'image',
  'position',
  'variantImage',
  'listingId',
]

type Cells = Partial<Record<ColumnKey, string>>

function rowsOf(
  held: HeldListing,
  about: {
    readonly handle: string
    readonly tags: readonly string[]
    readonly options: number
    readonly decimals: number
  },
): string[][] {
  const { images } = held
  const variants = held.variants()
  return Array.from({ length: Math.max(variants.length, images.length) }, (_, i) => {
    const variant = variants[i]
    const cells: Cells = {
      handle: about.handle,
      ...(i === 0 && productCells(held, about.tags)),
      ...(variant !== undefined && variantCells(held, variant, about.decimals)),
      ...(images[i] !== undefined && { image: images[i], position: String(i + 1) }),
    }
    const options = Array.from({ length: about.options }, (_, at) => optionCells(held, at, variant, i === 0)).flat()
    return [
      ...BEFORE_OPTIONS.map((key) => cells[key] ?? ''),
      ...options,
      ...BEHIND_OPTIONS.map((key) => cells[key] ?? ''),
    ].map(guarded)
  })
}

function productCells({ listing }: HeldListing, tags: readonly string[]): Cells {
  return {
    title: listing.Metadata.Title,
    description: cellOfText(listing.Metadata.Description),
    tags: tags.join(', '),
    published: listing.ViewState === 1n ? 'TRUE' : 'FALSE',
    status: STATUSES[`${listing.ViewState}`],
    listingId: String(listing.ID),
  }
}

const STATUSES = { '0': 'draft', '1': 'active', '2': 'archived' } as const

function variantCells(held: HeldListing, variant: readonly string[], decimals: number): Cells {
  const pieces = held.pieces(variant)
  return {
    sku: held.sku(variant) ?? '',
    price: priceText(held.price(variant), decimals),
    variantImage: held.image(variant),
    ...(pieces !== undefined && { tracker: 'shopify', quantity: String(pieces) }),
  }
}

function priceText(price: Amount | undefined, decimals: number): string {
  return price === undefined ? '' : decimalText(price, decimals)
}

/** Names stand in the first row. */
function optionCells(
  held: HeldListing,
  at: number,
  variant: readonly string[] | undefined,
  isFirst: boolean,
): [name: string, value: string] {
  const option = held.options[at]
  if (option === undefined || variant === undefined) return ['', '']
  return [isFirst ? option.label : '', held.valueOf(variant, at)]
}

function tagsByListing({ tags }: ShopContents): Map<ListingId, string[]> {
  const found = new Map<ListingId, string[]>()
  const names = [...tags.keys()].filter(isTagSayable).sort(compareUtf8)
  for (const name of names)
    for (const id of new Set(tags.get(name)!.ListingIDs)) found.set(id, [...(found.get(id) ?? []), name])
  return found
}

/** The title's where the id follows from it, as of products that came from Shopify; else it and the id. */
class Handles {
  private readonly taken = new Set<string>()

  of({ listing: { ID, Metadata } }: HeldListing): string {
    const plain = handleOf(Metadata.Title)
    let handle = plain !== '' && listingIdOf(plain) === ID ? plain : `${plain === '' ? 'listing' : plain}-${ID}`
    while (this.taken.has(handle)) handle += '-'
    this.taken.add(handle)
    return handle
  }
}
