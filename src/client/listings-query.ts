/**
 * Which listings are wanted, and in which order: plain data, so that two who want the same share it. No network.
 *
 * Tests: test/client/listings-query.test.ts
 */

import type { ListingId } from '../brands.js'
import { usage } from './client-error.js'
import { isId } from './places.js'
import { VIEW_STATE_PUBLISHED, type Listing } from '../objects/listing.js'

/** What is left out does not select. */
export interface ListingsQuery {
  /** Of this tag. */
  readonly tag?: string | undefined
  /** These; those that are not there are left out. */
  readonly ids?: readonly ListingId[] | undefined
  /**
   * Each of its words occurs in title, description, or the title of an option or variation; letter case and accents do
   * not count.
   */
  readonly search?: string | undefined
  /** Those that guests may buy. */
  readonly published?: boolean | undefined
  /**
   * `listed` (the standard): as in `ids`, else as in the tag, else by ID. Whatever is equal stands as it is listed.
   */
  readonly orderBy?: 'listed' | 'id' | 'price' | 'title' | undefined
  /** From the other end. */
  readonly descending?: boolean | undefined
  /** At most so many, from the first; above 0. */
  readonly limit?: number | undefined
}

const CHECKS: Readonly<Record<keyof ListingsQuery, readonly [isFine: (value: unknown) => boolean, remedy: string]>> = {
  tag: [(tag) => typeof tag === 'string' && tag !== '', 'Give the name of a tag.'],
  ids: [(ids) => Array.isArray(ids) && ids.every(isId), 'Give a list of bigints: [1n, 2n].'],
  search: [(search) => typeof search === 'string', 'Give a text.'],
  published: [(published) => typeof published === 'boolean', 'Give true or false.'],
  orderBy: [
    (orderBy) => ['listed', 'id', 'price', 'title'].includes(orderBy as string),
    "Give 'listed', 'id', 'price' or 'title'.",
  ],
  descending: [(descending) => typeof descending === 'boolean', 'Give true or false.'],
  limit: [(limit) => Number.isInteger(limit) && (limit as number) > 0, 'Give a whole number above 0.'],
}

/** Throws ClientError USAGE for what is no query. */
export function checkQuery(query: ListingsQuery): void {
  if (typeof query !== 'object' || query === null)
    throw usage('query', 'it is not of the form that is wanted', `Give an object of ${Object.keys(CHECKS).join(', ')}.`)
  for (const [name, value] of Object.entries(query)) {
    if (!Object.hasOwn(CHECKS, name))
      throw usage(`query.${name}`, 'there is no such field', `There are ${Object.keys(CHECKS).join(', ')}.`)
    const [isFine, remedy] = CHECKS[name as keyof ListingsQuery]
    if (value !== undefined && !isFine(value))
      throw usage(`query.${name}`, 'it is not of the form that is wanted', remedy)
  }
}

/** The same for queries that want the same. */
export function queryKey({ tag, ids, search, published, orderBy, descending, limit }: ListingsQuery): string {
  return JSON.stringify([
    tag ?? null,
    ids?.map(String) ?? null,
    wordsOf(search),
    published === true,
    orderBy ?? 'listed',
    descending === true,
    limit ?? null,
  ])
}

/** Ids of the listings that may be wanted, in the order in which they are listed; undefined for all, by ID. */
export function listedIds(
  { ids, tag }: ListingsQuery,
  tagged: readonly ListingId[] | null | undefined,
): readonly ListingId[] | undefined {
  if (tag === undefined) return ids === undefined ? undefined : [...new Set(ids)]
  const inTag = new Set(tagged)
  return ids === undefined ? [...inTag] : [...new Set(ids)].filter((id) => inTag.has(id))
}

/** Whether the first of the result can be known before all that may be wanted is: it is in the order of listing. */
export function isInListedOrder({ orderBy = 'listed', descending = false }: ListingsQuery): boolean {
  return orderBy === 'listed' && !descending
}

/** Whether the listing is selected, wherever it is listed. */
export function isWanted(listing: Listing, { published = false, search }: ListingsQuery): boolean {
  if (published && listing.ViewState !== VIEW_STATE_PUBLISHED) return false
  const words = wordsOf(search)
  if (words.length === 0) return true
  const text = searchedText(listing)
  return words.every((word) => text.includes(word))
}

/** Orders listings again and again: a few that changed among many cost little. */
export class ListingsOrder {
  private readonly query: ListingsQuery
  private before: readonly Listing[] = []

  constructor(query: ListingsQuery) {
    this.query = query
  }

  /** Those of `listed` that are wanted, ordered, without limit; the same reference if it is the same. */
  of(listed: readonly Listing[]): readonly Listing[] {
    const wanted = listed.filter((listing) => isWanted(listing, this.query))
    const ordered = this.ordered(wanted)
    if (isSameList(ordered, this.before)) return this.before
    this.before = ordered
    return ordered
  }

  private ordered(wanted: readonly Listing[]): readonly Listing[] {
    const { orderBy = 'listed', descending = false } = this.query
    if (orderBy === 'listed') return descending ? wanted.toReversed() : wanted
    const places = new Map(wanted.map(({ ID }, place) => [ID, place]))
    const compare = COMPARE[orderBy]
    const turn = descending ? -1 : 1
    return this.nearlyOrdered(wanted).sort((a, b) => turn * compare(a, b) || places.get(a.ID)! - places.get(b.ID)!)
  }

  /** As they stood before: sorting what is nearly sorted takes about one comparison each. */
  private nearlyOrdered(wanted: readonly Listing[]): Listing[] {
    const rest = new Map(wanted.map((listing) => [listing.ID, listing]))
    const known = this.before.flatMap(({ ID }) => {
      const listing = rest.get(ID)
      rest.delete(ID)
      return listing === undefined ? [] : [listing]
    })
    return [...known, ...rest.values()]
  }
}

const COMPARE: Readonly<Record<'id' | 'price' | 'title', (a: Listing, b: Listing) => number>> = {
  id: (a, b) => compareBigints(a.ID, b.ID),
  price: (a, b) => compareBigints(a.Price, b.Price),
  title: (a, b) => collator().compare(a.Metadata.Title, b.Metadata.Title),
}

function compareBigints(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

let made: Intl.Collator | undefined
/** Not at import, which has no effect; making one takes a millisecond. */
function collator(): Intl.Collator {
  return (made ??= new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }))
}

/** In one form, so that nobody needs to know letter case and accents. */
function folded(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
}

function wordsOf(search: string | undefined): readonly string[] {
  return search === undefined
    ? []
    : folded(search)
        .split(/\s+/u)
        .filter((word) => word !== '')
}

const texts = new WeakMap<Listing, string>()

function searchedText(listing: Listing): string {
  const known = texts.get(listing)
  if (known !== undefined) return known
  const parts = [listing.Metadata.Title, listing.Metadata.Description]
  for (const { Title, Variations } of listing.Options?.values() ?? [])
    parts.push(Title, ...[...(Variations?.values() ?? [])].map(({ VariationInfo }) => VariationInfo.Title))
  const text = folded(parts.join('\n'))
  texts.set(listing, text)
  return text
}

export function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i])
}
