/**
 * What a client shows of a shop: its objects, and lists of them, each with its standing. A list is as complete as what
 * it is made of: the whole collection where that is subscribed to, else the objects that it names, one by one.
 *
 * Tests: test/client/shop-views.test.ts, test/client/proven-client.test.ts
 */

import type { ListingId } from '../brands.js'
import type { Listing } from '../objects/listing.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import {
  isInListedOrder,
  isSameList,
  isWanted,
  listedIds,
  ListingsOrder,
  queryKey,
  type ListingsQuery,
} from './listings-query.js'
import type { Reading, Standing, Verified, View } from './live.js'
import type { Part } from './parts.js'

type ListedCollection = 'Listings' | 'Orders' | 'Tags'

/** Where objects come from, by name: `Listings/42`, `Manifest`, … */
export interface ViewSource {
  get(name: string): unknown
  standing(name: string): Standing
  /** All objects of a collection by rising ID or name; the same reference until one of them changes. */
  list(collection: ListedCollection): readonly unknown[]
  listStanding(collection: ListedCollection): Standing
  /** Whether all objects of the collection come to this client. */
  isWhole(collection: ListedCollection): boolean
}

interface ListFacts {
  readonly total: number | undefined
  readonly hasMore: boolean
}

/** One object. */
export function objectView<T>(source: ViewSource, name: string, part: Part | undefined): View<T> {
  return {
    id: name,
    topics: [name],
    parts: part === undefined ? [] : [part],
    missing: () => (source.standing(name).isLoading ? [name] : []),
    read: () => {
      // First: one that cannot be read has another standing then.
      const data = source.get(name) as T | undefined
      return { ...source.standing(name), data }
    },
  }
}

/** All orders or tags that may be read. */
export function collectionView<T extends Order | Tag>(
  source: ViewSource,
  collection: 'Orders' | 'Tags',
  part: Part,
): View<readonly T[], ListFacts> {
  const name = `${collection}/`
  return {
    id: name,
    topics: [name],
    parts: [part],
    read: () => {
      const data = source.list(collection) as readonly T[]
      return { ...source.listStanding(collection), data, total: data.length, hasMore: false }
    },
  }
}

/** Listings that a query wants. */
export function listingsView(source: ViewSource, query: ListingsQuery): View<readonly Listing[], ListFacts> {
  const { tag, ids } = query
  const tagName = tag === undefined ? [] : [`Tags/${tag}`]
  const tagParts: readonly Part[] = tag === undefined ? [] : [{ tag }]
  const own: readonly Part[] =
    tag === undefined && ids !== undefined ? ids.map((listing) => ({ listing })) : [{ listing: 'all' }]
  const list = new ListedListings(source, query)
  return {
    id: `Listings ${queryKey(query)}`,
    topics: ['Listings/', ...tagName],
    parts: [...tagParts, ...own],
    missing: () => list.missing(),
    read: () => list.read(),
  }
}

class ListedListings {
  private readonly source: ViewSource
  private readonly query: ListingsQuery
  private readonly order: ListingsOrder
  private shown: readonly Listing[] = []
  private base: { readonly all: unknown; readonly tag: unknown; readonly listed: readonly Listing[] } | undefined

  constructor(source: ViewSource, query: ListingsQuery) {
    this.source = source
    this.query = query
    this.order = new ListingsOrder(query)
  }

  read(): Reading<readonly Listing[]> & ListFacts {
    const { source, query } = this
    if (query.tag === undefined && query.ids === undefined) return this.whole(source.listStanding('Listings'))
    const tag = query.tag === undefined ? undefined : source.standing(`Tags/${query.tag}`)
    // A tag that is proven may be loading still: sets behind its snapshot are on their way.
    if (tag?.isLoading && !tag.complete) return this.result([], tag, { total: undefined, hasMore: true })
    if (source.isWhole('Listings')) return this.whole(together([source.listStanding('Listings'), tag]))
    return this.oneByOne(tag)
  }

  /** Names that stand between here and what can be shown first. */
  missing(): readonly string[] {
    const { source, query } = this
    if (query.tag !== undefined && source.standing(`Tags/${query.tag}`).isLoading) return [`Tags/${query.tag}`]
    if (!source.isWhole('Listings') || source.listStanding('Listings').isLoading)
      return this.firstUnknown().map((id) => `Listings/${id}`)
    return []
  }

  /** Of a screen no more than it has room for. */
  private firstUnknown(): readonly ListingId[] {
    const ids = this.listed() ?? []
    const unknown = ids.filter((id) => this.source.standing(`Listings/${id}`).isLoading)
    const { limit } = this.query
    if (limit === undefined || !isInListedOrder(this.query)) return unknown
    const { found } = this.known(ids)
    return unknown.slice(0, Math.max(0, limit - found.length))
  }

  private whole(standing: Standing): Reading<readonly Listing[]> & ListFacts {
    const all = this.source.list('Listings') as readonly Listing[]
    const ids = this.listed()
    const tag = this.query.tag === undefined ? undefined : this.source.get(`Tags/${this.query.tag}`)
    if (this.base === undefined || this.base.all !== all || this.base.tag !== tag)
      this.base = { all, tag, listed: ids === undefined ? all : this.there(ids) }
    const ordered = this.order.of(this.base.listed)
    return this.limited(ordered, standing, standing.isLoading ? undefined : ordered.length)
  }

  /** Where listings come one by one: what is known up to the first that is not, if the order allows it. */
  private oneByOne(tag: Standing | undefined): Reading<readonly Listing[]> & ListFacts {
    const ids = this.listed()!
    const { found, standings, isAll } = this.known(ids)
    const proven = together([...standings, tag])
    const isLoading = !isAll && !(isInListedOrder(this.query) && found.length >= (this.query.limit ?? Infinity))
    const ordered = this.order.of(found)
    // Of a list of which something is on its way nothing is said.
    const standing = isLoading ? { ...proven, complete: false, verified: undefined } : proven
    return this.limited(ordered, { ...standing, isLoading }, isAll ? ordered.length : undefined)
  }

  /** In the order of listing up to the first that is loading. */
  private known(ids: readonly ListingId[]) {
    const [found, standings]: [Listing[], Standing[]] = [[], []]
    for (const id of ids) {
      const standing = this.source.standing(`Listings/${id}`)
      if (standing.isLoading) return { found, standings, isAll: false }
      standings.push(standing)
      const listing = this.source.get(`Listings/${id}`) as Listing | undefined
      if (listing !== undefined && isWanted(listing, this.query)) found.push(listing)
    }
    return { found, standings, isAll: true }
  }

  private listed(): readonly ListingId[] | undefined {
    const { query, source } = this
    const tag = query.tag === undefined ? undefined : (source.get(`Tags/${query.tag}`) as Tag | undefined)
    return listedIds(query, tag?.ListingIDs)
  }

  private there(ids: readonly ListingId[]): readonly Listing[] {
    return ids.flatMap((id) => (this.source.get(`Listings/${id}`) as Listing | undefined) ?? [])
  }

  private limited(ordered: readonly Listing[], standing: Standing, total: number | undefined) {
    const { limit = Infinity } = this.query
    const data = ordered.length > limit ? ordered.slice(0, limit) : ordered
    return this.result(data, standing, { total, hasMore: total === undefined || total > data.length })
  }

  private result(
    data: readonly Listing[],
    standing: Standing,
    facts: ListFacts,
  ): Reading<readonly Listing[]> & ListFacts {
    if (!isSameList(data, this.shown)) this.shown = data
    return { ...standing, data: this.shown, ...facts }
  }
}

/** Of a list that follows from several: as good as the worst, as of the earliest. */
function together(standings: readonly (Standing | undefined)[]): Standing {
  const known = standings.filter((standing) => standing !== undefined)
  const verified = known.map((standing) => standing.verified)
  return {
    isLoading: known.some(({ isLoading }) => isLoading),
    complete: known.every(({ complete }) => complete),
    stale: known.some(({ stale }) => stale),
    ...(known.some(({ pending }) => pending !== undefined) && { pending: known.some(({ pending }) => pending) }),
    verified: verified.includes(undefined) ? undefined : (verified as Verified[]).reduce(earlier, verified[0]!),
  }
}

function earlier(a: Verified, b: Verified): Verified {
  return a.seq <= b.seq ? a : b
}
