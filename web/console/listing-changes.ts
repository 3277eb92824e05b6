/** What an edited listing has to be written as: sets of one audience each, with the fields that they change. */

import type { Change, Listing, ShopClient, StockEntry, Tag } from 'cairn-relay/client'
import type { CheckedSet, WatchedField } from './checked-write.js'
import { map } from './shared.js'

export const VIEW_STATES: Readonly<Record<string, readonly [text: string, kind: string]>> = {
  0: ['Not published', 'calm'],
  1: ['Published', 'good'],
  2: ['Deleted', 'bad'],
}

export interface ShownListing {
  readonly listing: Listing
  readonly tags: readonly string[]
  readonly stock: readonly StockEntry[]
}

/** As a person edits it. */
export interface ListingDraft {
  readonly title: string
  readonly description: string
  /** In the smallest unit. */
  readonly price: bigint
  readonly viewState: bigint
  readonly images: readonly string[]
  readonly tags: readonly string[]
  /** By the names of variations, joined; undefined: nothing is counted. */
  readonly stock: ReadonlyMap<string, bigint | undefined>
}

export function stockName({ variations }: Pick<StockEntry, 'variations'>): string {
  return variations.length === 0 ? 'stock' : [...variations].sort().join(' | ')
}

export function draftOf(listing: Listing, tags: readonly string[], stock: readonly StockEntry[]): ListingDraft {
  const { Metadata, Price, ViewState } = listing
  return {
    title: Metadata.Title,
    description: Metadata.Description,
    price: Price,
    viewState: ViewState,
    images: Metadata.Images ?? [],
    tags,
    stock: new Map(stock.map((entry) => [stockName(entry), entry.pieces])),
  }
}

/** Of a listing that is there: what `mine` changes of `before`. */
export function editSets(
  client: ShopClient,
  id: bigint,
  before: ListingDraft,
  mine: ListingDraft,
  priceText: (price: bigint) => string,
): CheckedSet[] {
  const now = () => client.listing(id).get().data
  const place = (field: string) => ['Listings', id, ...field.split('.')] as const
  const parts: { changes: Change[]; field: WatchedField }[] = []
  const part = (name: string, path: string, of: (draft: ListingDraft) => unknown, value: unknown, shown: Shown) => {
    if (String(of(before)) === String(of(mine))) return
    const change: Change = { op: 'replace', path: place(path), value: value as bigint }
    const field = { name, before: shown(of(before)), mine: shown(of(mine)), now: () => shown(heldField(now(), path)) }
    parts.push({ changes: [change], field })
  }
  part('Title', 'Metadata.Title', ({ title }) => title, mine.title, String)
  part('Description', 'Metadata.Description', ({ description }) => description, mine.description, String)
  part(
    'Price',
    'Price',
    ({ price }) => price,
    mine.price,
    (price) => priceText(price as bigint),
  )
  part('State', 'ViewState', ({ viewState }) => viewState, mine.viewState, stateText)
  const listed: CheckedSet = {
    changes: [
      ...parts.flatMap(({ changes }) => changes),
      ...imageChanges(id, before.images, mine.images),
      ...tagChanges(client, id, before.tags, mine.tags),
    ],
    fields: parts.map(({ field }) => field),
  }
  return [listed, stockSet(client, id, before, mine)]
}

type Shown = (value: unknown) => string

const stateText: Shown = (state) => ['not published', 'published', 'deleted'][Number(state)] ?? ''

function heldField(listing: Listing | undefined, path: string): unknown {
  let value: unknown = listing
  for (const name of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[name]
  return value ?? 'gone'
}

/** A new listing: first what is sold, then how much there is. */
export function newSets(client: ShopClient, id: bigint, mine: ListingDraft): CheckedSet[] {
  const metadata = {
    Title: mine.title,
    Description: mine.description,
    ...(mine.images.length > 0 && { Images: [...mine.images] }),
  }
  const value = map({ ID: id, Price: mine.price, Metadata: map(metadata), ViewState: mine.viewState })
  const add = { op: 'add', path: ['Listings', id], value } as Change
  const nothing = { ...mine, tags: [], stock: new Map() }
  return [{ changes: [add, ...tagChanges(client, id, [], mine.tags)], fields: [] }, stockSet(client, id, nothing, mine)]
}

/** As they were and as they are to be: an array without an index is replaced as a whole. */
function imageChanges(id: bigint, before: readonly string[], mine: readonly string[]): Change[] {
  if (before.join('\n') === mine.join('\n')) return []
  return [{ op: 'replace', path: ['Listings', id, 'Metadata', 'Images'], value: [...mine] }]
}

export function tagChanges(
  client: ShopClient,
  id: bigint,
  before: readonly string[],
  mine: readonly string[],
): Change[] {
  const tags: ReadonlyMap<string, Tag> = client.tagList().get().data ?? new Map()
  const gone = before.filter((name) => !mine.includes(name))
  const added = mine.filter((name) => !before.includes(name))
  return [
    ...gone.flatMap((name): Change[] => {
      const place = tags.get(name)?.ListingIDs?.indexOf(id) ?? -1
      return place < 0 ? [] : [{ op: 'remove', path: ['Tags', name, 'ListingIDs', BigInt(place)] }]
    }),
    ...added.flatMap((name): Change[] => {
      const append: Change = { op: 'append', path: ['Tags', name, 'ListingIDs'], value: id }
      if (tags.has(name)) return [append]
      return [{ op: 'add', path: ['Tags', name], value: map({ Name: name, ListingIDs: [id] }) }]
    }),
  ]
}

/** Stock stands in a set of its own: who is shown a listing could guess it from hashes. */
function stockSet(client: ShopClient, id: bigint, before: ListingDraft, mine: ListingDraft): CheckedSet {
  const changes: Change[] = []
  const fields: WatchedField[] = []
  for (const [name, pieces] of mine.stock) {
    const known = before.stock.get(name)
    if (pieces === undefined || pieces === known) continue
    const variations = name === 'stock' ? [] : name.split(' | ')
    const now = () => client.stock(id, ...variations).get().data
    const op = known === undefined ? 'add' : 'replace'
    changes.push({ op, path: ['Inventory', id, ...variations], value: pieces })
    const text = (value: bigint | undefined) => (value === undefined ? 'not counted' : `${value} pieces`)
    fields.push({ name: `Stock, ${name}`, before: text(known), mine: text(pieces), now: () => text(now()) })
  }
  return { changes, fields }
}
