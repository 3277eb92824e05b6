/**
 * What has to change in a shop for it to have what a product file says. What reads the same stays, so that a second
 * import changes nothing, and one that was interrupted goes on where it was.
 */

import type { ListingId } from '../brands.js'
import type { Encodable } from '../codec/encode.js'
import { nameText } from '../objects/scalars.js'
import { SchemaError } from '../codec/schema.js'
import { inventoryKeyText, type StockEntry } from '../objects/inventory.js'
import { Listing, variationNames } from '../objects/listing.js'
import type { Change } from '../patches/patch.js'
import { columnName } from './columns.js'
import { heldListings, type HeldListing, type ShopContents } from './held-listing.js'
import { variantListingId } from './listing-id.js'
import { Notices, type Notice, type Problem, type Product, type ReadProducts } from './product.js'
import { setsOf, type ChangeGroup } from './sets.js'
import { tagChanges } from './tag-changes.js'
import { variantProduct, wantedListing, type WantedListing } from './wanted-listing.js'

/** What an import may do beside adding and changing. */
export interface ImportOptions {
  /** Listings and variations that the file does not name go; refused beside wrong rows. */
  readonly mayDelete?: boolean
  /** Stock stays as it is. */
  readonly keepStock?: boolean
}

/** What an import would write, and what is wrong with its file. */
export interface ImportPlan {
  /** To be written in this order, each as one set. Stock never stands beside what everybody may read. */
  readonly sets: readonly (readonly Change[])[]
  readonly counts: ImportCounts
  /** Rows of products that are not taken, those of the file included. */
  readonly problems: readonly Problem[]
  readonly notices: readonly Notice[]
}

interface ImportCounts {
  added: number
  changed: number
  unchanged: number
  deleted: number
  /** Entries of stock that are written or removed. */
  stock: number
  /** Tags that are made or change. */
  tags: number
}

/**
 * What `file` asks of `shop`.
 *
 * @example
 * ```ts
 * import { planImport, readProducts, readTable } from 'cairn-relay/catalogue'
 *
 * const shop = { listings: [], tags: new Map(), stock: [] }
 * const file = readProducts(readTable('Title,Description,Price\nA mug,Blue,4.50\n'), { decimals: 2 })
 * console.log(planImport(file, shop).counts.added) // 1
 * ```
 */
export function planImport(file: ReadProducts, shop: ShopContents, options: ImportOptions = {}): ImportPlan {
  return new Planner(file, shop, options).plan()
}

class Planner {
  private readonly file: ReadProducts
  private readonly shop: ShopContents
  private readonly mayDelete: boolean
  private readonly keepStock: boolean
  private readonly held: ReadonlyMap<ListingId, HeldListing>
  private readonly notices = new Notices()
  private readonly problems: Problem[]
  private readonly counts: ImportCounts = { added: 0, changed: 0, unchanged: 0, deleted: 0, stock: 0, tags: 0 }
  private readonly kept: Set<ListingId>
  /** Tags of listings that the file has something to say of. */
  private readonly tagged = new Map<ListingId, readonly string[]>()
  private readonly removals: ChangeGroup[] = []
  private readonly listings: ChangeGroup[] = []
  private readonly stock: ChangeGroup[] = []

  constructor(file: ReadProducts, shop: ShopContents, { mayDelete = false, keepStock = false }: ImportOptions) {
    this.file = file
    this.shop = shop
    this.mayDelete = mayDelete
    this.keepStock = keepStock
    this.held = heldListings(shop)
    this.problems = [...file.problems]
    this.kept = new Set(file.ids)
  }

  plan(): ImportPlan {
    for (const product of this.file.products) this.take(product)
    if (this.mayDelete && this.problems.length === 0) this.deleteOthers()
    const tags = tagChanges(this.shop.tags, this.tagged)
    this.counts.tags = tags.length
    // Stock of variations that go has to go before them, and new stock comes after its listing.
    const groups = [this.removals, this.listings, tags, this.stock]
    this.problems.sort((a, b) => a.row - b.row)
    const { counts, problems } = this
    return {
      sets: groups.flatMap(setsOf),
      counts,
      problems,
      notices: [...this.file.notices, ...this.notices.list()].sort((a, b) => a.row - b.row),
    }
  }

  private take(product: Product): void {
    const wrongTag = product.tags?.map(tagProblem).find((reason) => reason !== undefined)
    if (wrongTag !== undefined)
      return void this.problems.push({ row: product.row, column: columnName('tags'), reason: wrongTag })
    const held = this.held.get(product.id)
    const wanted = this.wanted(product)
    if (wanted.kind === 'split') return this.split(product)
    if (wanted.kind === 'problem') return void this.problems.push(wanted.problem)
    this.tellOfOldForm(product)
    this.write(product, held, wanted)
  }

  private wanted(product: Product): ReturnType<typeof wantedListing> {
    const { mayDelete, notices } = this
    return wantedListing({ product, held: this.held.get(product.id), mayDelete, notices })
  }

  /** One listing a variant. A variant that cannot be taken takes none of the product. */
  private split(product: Product): void {
    const parts = product.variants.map((variant) => variantProduct(product, variant))
    const wanted = parts.map((part) => this.wanted(part))
    const wrong = wanted.flatMap((part) => (part.kind === 'problem' ? [part.problem] : []))
    if (wrong.length > 0) return void this.problems.push(...wrong)
    const { row } = product
    this.notices.add(
      row,
      'its prices are no sums of a base and what each value adds: each variant is a listing of its own',
    )
    if (this.held.has(product.id) && !this.mayDelete && this.held.get(product.id)!.listing.ViewState !== DELETED)
      this.notices.add(
        row,
        'it was one listing before, which stays beside them: only an import that may delete takes it away',
      )
    this.kept.delete(product.id)
    for (const [i, part] of parts.entries()) {
      this.kept.add(part.id)
      this.write(part, this.held.get(part.id), wanted[i] as WantedListing)
    }
  }

  private tellOfOldForm({ row, handle, options, variants }: Product): void {
    if (options.length === 0) return
    const isOld = ({ values }: Product['variants'][number]) => {
      const old = this.held.get(variantListingId(handle, values))
      return old !== undefined && old.listing.ViewState !== DELETED
    }
    if (variants.some(isOld))
      this.notices.add(
        row,
        'its variants were listings of their own before, which stay beside it unless an import may delete',
      )
  }

  private write(product: Product, held: HeldListing | undefined, { listing, keys }: WantedListing): void {
    if (held === undefined && product.viewState === DELETED)
      return this.notices.add(product.row, 'archived, and not in the shop: it is left out')
    const changes = listingChanges(held?.listing, listing)
    this.counts[held === undefined ? 'added' : changes.length > 0 ? 'changed' : 'unchanged']++
    if (changes.length > 0) this.listings.push(changes)
    if (product.tags !== undefined) this.tagged.set(product.id, product.tags)
    this.writeStock(product, held, listing, keys)
  }

  private writeStock(
    { id, variants }: Product,
    held: HeldListing | undefined,
    listing: Listing,
    keys: WantedListing['keys'],
  ): void {
    const wanted = variants.flatMap(({ quantity }, i) =>
      quantity === undefined || this.keepStock ? [] : [{ quantity, key: keys[i]! }],
    )
    const entries = held === undefined ? [] : this.goingStock(held, listing, keys, wanted.length > 0)
    for (const { variations } of entries) this.count(this.removals, { op: 'remove', path: stockPath(id, variations) })
    for (const { quantity, key } of wanted) {
      const before = held?.pieces(key)
      if (before === quantity) continue
      this.count(this.stock, {
        op: before === undefined ? 'add' : 'replace',
        path: stockPath(id, key),
        value: quantity,
      })
    }
  }

  /** Of variations that go, and where the file may delete of what it does not name. */
  private goingStock(
    held: HeldListing,
    listing: Listing,
    keys: WantedListing['keys'],
    isCounted: boolean,
  ): readonly StockEntry[] {
    const names = variationNames(listing)
    const named = new Set(keys.map((key) => inventoryKeyText(listing.ID, key)))
    return held.entries().filter(({ variations }) => {
      if (variations.some((name) => !names.has(name))) return true
      if (!this.mayDelete || named.has(inventoryKeyText(listing.ID, variations))) return false
      return held.listing.Options === listing.Options ? isCounted && held.isVariant(variations) : true
    })
  }

  private count(group: ChangeGroup[], change: Change): void {
    this.counts.stock++
    group.push([change])
  }

  private deleteOthers(): void {
    for (const { listing } of this.held.values()) {
      if (this.kept.has(listing.ID) || listing.ViewState === DELETED) continue
      this.counts.deleted++
      this.listings.push([{ op: 'replace', path: ['Listings', listing.ID, 'ViewState'], value: DELETED }])
    }
  }
}

const DELETED = 2n

type Fields = ReadonlyMap<string, Encodable>

function listingChanges(before: Listing | undefined, after: Listing): Change[] {
  const written = Listing.write(after) as unknown as Fields
  const path = ['Listings', after.ID] as const
  if (before === undefined) return [{ op: 'add', path, value: written }]
  const metadata = written.get('Metadata') as unknown as Fields
  const fields = (['ViewState', 'Price', 'Options'] as const).flatMap((field): Change[] =>
    before[field] === after[field]
      ? []
      : [{ op: 'replace', path: [...path, field], value: written.get(field) ?? null }],
  )
  if (before.Metadata === after.Metadata) return fields
  const texts = (['Title', 'Description', 'Images'] as const).flatMap((field): Change[] =>
    before.Metadata[field] === after.Metadata[field]
      ? []
      : [{ op: 'replace', path: [...path, 'Metadata', field], value: metadata.get(field) ?? [] }],
  )
  return [...texts, ...fields]
}

function stockPath(id: ListingId, variations: readonly string[]): Change['path'] {
  return ['Inventory', id, ...variations]
}

function tagProblem(tag: string): string | undefined {
  try {
    nameText.read(tag, `the tag ${JSON.stringify(tag.slice(0, 40))}`)
    return undefined
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    return error.message
  }
}
