/**
 * The listing that a product of a file asks for: what the file says, and of what it does not say what the shop has.
 * Everything that reads the same in a table stays as it is: a table that was written of a shop changes nothing in it.
 *
 * Tests: test/catalogue/import-plan.test.ts
 */

import { encode } from '../codec/encode.js'
import { SchemaError } from '../codec/schema.js'
import { OBJECT_BYTES_MAX } from '../limits.js'
import { Listing } from '../objects/listing.js'
import { columnName, optionColumns } from './columns.js'
import type { HeldListing } from './held-listing.js'
import { variantListingId } from './listing-id.js'
import type { Problem, Product, Variant } from './product.js'
import { otherOptions, wantedOptions, type WantedOptions, type Wish } from './wanted-options.js'

export interface WantedListing {
  readonly kind: 'listing'
  readonly listing: Listing
  /** Keys of variations of each variant of the product: where its stock stands. */
  readonly keys: readonly (readonly string[])[]
}

type Wanted = WantedListing | { readonly kind: 'split' } | { readonly kind: 'problem'; readonly problem: Problem }

/** `split`: the prices are no sums of a base and modifiers. */
export function wantedListing(wish: Wish): Wanted {
  const { product, held } = wish
  const blank = product.variants.find(({ price }) => price === undefined)
  if (blank !== undefined && held === undefined)
    return {
      kind: 'problem',
      problem: problem(blank.row, columnName('price'), 'is blank, and the shop has no such listing'),
    }
  tellOfPlaces(wish)
  const priced = product.options.length === 0 ? withoutOptions(wish) : wantedOptions(wish)
  if (priced === undefined) return { kind: 'split' }
  if ('reason' in priced) return { kind: 'problem', problem: priced }
  const listing = withPrices(wish, priced)
  const wrong = listing === held?.listing ? undefined : refused(listing, product)
  return wrong === undefined ? { kind: 'listing', listing, keys: priced.keys } : { kind: 'problem', problem: wrong }
}

/** A variant as a product of its own, with an id that follows from handle and values. */
export function variantProduct(product: Product, variant: Variant): Product {
  const { image } = variant
  const images =
    image === undefined || image === ''
      ? product.images
      : [image, ...(product.images ?? []).filter((other) => other !== image)]
  return {
    ...product,
    row: variant.row,
    id: variantListingId(product.handle, variant.values),
    title: `${product.title} – ${variant.values.join(' / ')}`,
    images,
    options: [],
    variants: [{ ...variant, values: [], sku: undefined, image: undefined }],
  }
}

/** What the fields of a variant have no place for in the kind of product that it is. */
function tellOfPlaces({ product, notices }: Wish): void {
  const withSku = product.variants.find(({ sku }) => (sku ?? '') !== '')
  if (withSku !== undefined && product.options.length !== 1)
    notices.add(withSku.row, 'its SKU has no place: a shop keeps one for each value of a product with one option')
  const withImage = product.variants.find(({ image }) => (image ?? '') !== '')
  if (withImage !== undefined && product.options.length === 0)
    notices.add(withImage.row, 'the picture of its variant has no place: it has no options, only pictures of its own')
}

function withoutOptions({ product, held, mayDelete }: Wish): WantedOptions | Problem {
  const [{ price }] = product.variants as [Variant]
  const options = held?.options ?? []
  if (options.length > 0 && !mayDelete) return otherOptions(product, held!)
  if (options.length > 0) return { price: price ?? held!.listing.Price, options: undefined, keys: [[]] }
  return { price: price ?? held!.listing.Price, options: held?.listing.Options, keys: [[]] }
}

/** The shop's own listing if nothing of it changes. */
function withPrices({ product, held }: Wish, { price, options }: WantedOptions): Listing {
  const before = held?.listing
  const Metadata = metadataOf(product, held)
  const ViewState = product.viewState ?? before?.ViewState ?? 1n
  const isSame =
    before !== undefined &&
    before.Metadata === Metadata &&
    before.ViewState === ViewState &&
    before.Price === price &&
    before.Options === options
  if (isSame) return before
  const { Options: _before, ...rest } = before ?? { ID: product.id }
  return { ...rest, Price: price, Metadata, ViewState, ...(options !== undefined && { Options: options }) }
}

function metadataOf({ title, description, images }: Product, held: HeldListing | undefined): Listing['Metadata'] {
  const before = held?.listing.Metadata
  if (before === undefined)
    return { Title: title, Description: description ?? title, ...(images !== undefined && { Images: images }) }
  const keeps = images === undefined || isSameList(images, held!.images)
  const isSame = keeps && before.Title === title && (description ?? before.Description) === before.Description
  if (isSame) return before
  return {
    ...before,
    Title: title,
    Description: description ?? before.Description,
    ...(!keeps && { Images: images }),
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}

/** What a relay would refuse. */
function refused(listing: Listing, { row }: Product): Problem | undefined {
  try {
    const written = Listing.write(listing)
    Listing.read(written, 'Listing')
    const { length } = encode(written)
    if (length <= OBJECT_BYTES_MAX) return undefined
    return problem(row, columnName('description'), `makes a listing of ${length} bytes, at most ${OBJECT_BYTES_MAX}`)
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    const [, column] = COLUMNS_AT.find(([start]) => error.at.startsWith(start))!
    return problem(row, column, error.message)
  }
}

const COLUMNS_AT: readonly (readonly [at: string, column: string])[] = [
  ['Listing.Metadata.Title', columnName('title')],
  ['Listing.Metadata.Description', columnName('description')],
  ['Listing.Metadata.Images', columnName('image')],
  ['Listing.Options', optionColumns(0)[1]],
  ['Listing.Price', columnName('price')],
  ['', ''],
]

function problem(row: number, column: string, reason: string): Problem {
  return { row, column, reason }
}
