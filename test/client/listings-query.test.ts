/** Which listings, in which order: against an oracle that does it in the dumbest way, over many changes. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { listedIds, ListingsOrder, queryKey, type ListingsQuery } from '../../src/client/listings-query.js'
import { listingsView, type ViewSource } from '../../src/client/shop-views.js'
import type { Listing } from '../../src/objects/listing.js'

const listing = (
  ID: bigint,
  more: { title?: string; description?: string; price?: bigint; state?: 0n | 1n | 2n } = {},
) => {
  const { title = `Thing ${ID}`, description = 'x', price = 1n, state = 1n } = more
  return { ID, Price: price, Metadata: { Title: title, Description: description }, ViewState: state } as Listing
}

const ids = fc.bigInt({ min: 1n, max: 12n })
const listings = fc.record({
  id: ids,
  title: fc.constantFrom('Ice axe', 'Éclair', 'eclair', 'axe 2', 'axe 10', 'Rope'),
  price: fc.bigInt({ min: 0n, max: 4n }),
  state: fc.constantFrom(0n, 1n, 2n),
  isGone: fc.boolean(),
})
const queries: fc.Arbitrary<ListingsQuery> = fc.record(
  {
    tag: fc.constantFrom('red', 'none'),
    ids: fc.array(ids, { maxLength: 6 }),
    search: fc.constantFrom('', 'axe', 'ECLAIR', 'ice axe', 'nothing'),
    published: fc.boolean(),
    orderBy: fc.constantFrom('listed', 'id', 'price', 'title'),
    descending: fc.boolean(),
    limit: fc.integer({ min: 1, max: 5 }),
  },
  { requiredKeys: [] },
)

/** From the words of ListingsQuery alone: each comparison of each pair, no state. */
function oracle(shop: ReadonlyMap<bigint, Listing>, red: readonly bigint[], query: ListingsQuery) {
  const byId = [...shop.keys()].sort((a, b) => Number(a - b))
  const tagged = query.tag === undefined ? undefined : query.tag === 'red' ? red : []
  const listed = [...new Set(query.ids ?? tagged ?? byId)].filter((id) => tagged === undefined || tagged.includes(id))
  const fold = (text: string) => text.toLowerCase().replaceAll('é', 'e')
  const found = listed
    .map((id) => shop.get(id))
    .filter((one) => one !== undefined)
    .filter((one) => query.published !== true || one.ViewState === 1n)
    .filter((one) =>
      fold(query.search ?? '')
        .split(' ')
        .every((word) => fold(one.Metadata.Title).includes(word)),
    )
  const key = (one: Listing): number => {
    if (query.orderBy === 'id') return Number(one.ID)
    if (query.orderBy === 'price') return Number(one.Price)
    return ['axe 2', 'axe 10', 'eclair', 'ice axe', 'rope'].indexOf(fold(one.Metadata.Title))
  }
  const isBefore = (a: number, b: number) => {
    if (query.orderBy === undefined || query.orderBy === 'listed') return query.descending === true ? a > b : a < b
    const [x, y] = [key(found[a]!), key(found[b]!)]
    return x === y ? a < b : query.descending === true ? x > y : x < y
  }
  const places = found.map((_, a) => found.filter((_other, b) => b !== a && isBefore(b, a)).length)
  const ordered = found.map((_, place) => found[places.indexOf(place)]!)
  return { data: ordered.slice(0, query.limit ?? ordered.length), total: ordered.length }
}

function sourceOf(
  shop: ReadonlyMap<bigint, Listing>,
  red: () => readonly bigint[],
  isLoading: (name: string) => boolean,
): ViewSource {
  const standing = (name: string) => ({ isLoading: isLoading(name), verified: undefined, complete: true, stale: false })
  return {
    get: (name) =>
      name === 'Tags/red' ? { Name: 'red', ListingIDs: red() } : shop.get(BigInt(/\d+$/u.exec(name)?.[0] ?? 0)),
    standing,
    list: () => [...shop.values()].sort((a, b) => (a.ID < b.ID ? -1 : 1)),
    listStanding: () => standing('Listings/'),
    isWhole: () => !isLoading('Listings/'),
  }
}

describe('a query', () => {
  it('gives what the oracle gives, after each of many changes, whole and one by one', () => {
    fc.assert(
      fc.property(
        queries,
        fc.array(fc.tuple(listings, fc.array(ids)), { maxLength: 20 }),
        fc.boolean(),
        (query, steps, isWhole) => {
          const shop = new Map<bigint, Listing>()
          let red: readonly bigint[] = []
          const view = listingsView(
            sourceOf(
              shop,
              () => red,
              (name) => name === 'Listings/' && !isWhole,
            ),
            query,
          )
          const isOneByOne = query.tag !== undefined || query.ids !== undefined
          for (const [{ id, title, price, state, isGone }, tagged] of steps) {
            if (isGone) shop.delete(id)
            else shop.set(id, listing(id, { title, price, state }))
            red = [...new Set(tagged)]
            if (!isWhole && !isOneByOne) continue
            const { data, total, hasMore, isLoading } = view.read()
            const wanted = oracle(shop, red, query)
            expect(data).toEqual(wanted.data)
            expect([total, hasMore, isLoading]).toEqual([wanted.total, wanted.total > wanted.data.length, false])
            expect(view.read().data).toBe(data)
          }
        },
      ),
    )
  })

  it('shows the first screen once that is known, and asks for no more than it', () => {
    const shop = new Map([1n, 2n, 3n, 4n, 5n].map((id) => [id, listing(id)]))
    const known = new Set<string>()
    const source = sourceOf(
      shop,
      () => [5n, 4n, 3n, 2n, 1n],
      (name) => !known.has(name),
    )
    const view = listingsView(source, { tag: 'red', limit: 2 })
    expect([view.read().isLoading, view.missing!()]).toEqual([true, ['Tags/red']])
    known.add('Tags/red')
    expect([view.read().isLoading, view.missing!()]).toEqual([true, ['Listings/5', 'Listings/4']])
    expect(view.read()).toMatchObject({ complete: false, verified: undefined })
    known.add('Listings/5').add('Listings/4')
    expect(view.read()).toMatchObject({
      isLoading: false,
      total: undefined,
      hasMore: true,
      data: [{ ID: 5n }, { ID: 4n }],
    })
    expect(view.missing!()).toEqual([])
  })

  it('shows what is proven while later sets are on their way, and nothing else as complete', () => {
    const shop = new Map([[1n, listing(1n)]])
    const whole = sourceOf(
      shop,
      () => [1n],
      () => false,
    )
    const loading = (complete: boolean) => ({ ...whole.standing('Tags/red'), isLoading: true, complete })
    const of = (complete: boolean) => {
      const standing = () => loading(complete)
      return listingsView({ ...whole, standing, listStanding: standing }, { tag: 'red' }).read()
    }
    expect(of(true)).toMatchObject({ isLoading: true, complete: true, data: [{ ID: 1n }] })
    expect(of(false)).toMatchObject({ isLoading: true, complete: false, data: [] })
  })

  it('that orders by price needs all of them for its first screen', () => {
    const shop = new Map([1n, 2n, 3n].map((id) => [id, listing(id)]))
    const known = new Set(['Listings/1', 'Listings/2'])
    const source = sourceOf(
      shop,
      () => [],
      (name) => !known.has(name),
    )
    const view = listingsView(source, { ids: [1n, 2n, 3n], limit: 2, orderBy: 'price' })
    expect([view.read().isLoading, view.missing!()]).toEqual([true, ['Listings/3']])
  })

  it('has one key with those that want the same', () => {
    expect(queryKey({ search: ' Ice  AXE' })).toBe(queryKey({ search: 'ice axe', orderBy: 'listed', limit: undefined }))
    const different = [
      {},
      { tag: 'a' },
      { ids: [] },
      { ids: [1n] },
      { search: 'a' },
      { published: true },
      { orderBy: 'id' },
      { descending: true },
      { limit: 1 },
    ] as const
    expect(new Set(different.map(queryKey)).size).toBe(different.length)
    expect(listedIds({ ids: [2n, 1n, 2n], tag: 'x' }, [1n, 2n, 3n])).toEqual([2n, 1n])
  })

  it('searches titles, descriptions, options and variations, each word anywhere', () => {
    const variation = { VariationInfo: { Title: 'Größe XL', Description: 'x' } }
    const one = {
      ...listing(1n, { title: 'Ice axe', description: 'For glaciers' }),
      Options: new Map([['size', { Title: 'Size', Variations: new Map([['xl', variation]]) }]]),
    } as Listing
    const found = (search: string) => new ListingsOrder({ search }).of([one]).length
    expect(['axe glaciers', 'GROSSE', 'größe', 'size ice', 'xl'].map(found)).toEqual([1, 0, 1, 1, 1])
    expect(['axes', 'red'].map(found)).toEqual([0, 0])
  })
})
