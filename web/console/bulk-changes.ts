/** The same change of many listings, as sets that are written. */

import { parseMoney, type Change, type Money, type ShopClient } from 'cairn-relay/client'
import type { CheckedSet, WatchedField } from './checked-write.js'
import { piecesText, stateText, tagChanges, type ShownListing } from './listing-changes.js'

export type BulkKind = 'percent' | 'price' | 'stock' | 'more' | 'publish' | 'unpublish' | 'tag' | 'untag'

export interface BulkWish {
  readonly kind: BulkKind
  readonly value: string
}

/** In one set. */
const LISTINGS_PER_SET = 100

/** Throws for a value that is none. `pricing`: what prices are in; `price`: an amount of it as a text. */
export function bulkSets(
  client: ShopClient,
  chosen: readonly ShownListing[],
  { kind, value }: BulkWish,
  { pricing, price }: { readonly pricing: Money; readonly price: (amount: bigint) => string },
): CheckedSet[] {
  const one = oneOf(client, { kind, value }, { pricing, price })
  const sets: CheckedSet[] = []
  for (let i = 0; i < chosen.length; i += LISTINGS_PER_SET) {
    const some = chosen.slice(i, i + LISTINGS_PER_SET).map(one)
    sets.push({ changes: () => joined(some), fields: some.flatMap(({ fields }) => fields) })
  }
  return sets
}

/** A tag that is new is made once. */
function joined(sets: readonly CheckedSet[]): Change[] {
  const changes: Change[] = []
  const made = new Map<string, Change>()
  for (const change of sets.flatMap((set) => set.changes())) {
    const [collection, name] = change.path
    const isNewTag = collection === 'Tags' && change.path.length === 2
    const known = isNewTag ? made.get(name as string) : undefined
    const value = change.value as unknown as ReadonlyMap<string, readonly bigint[]> | undefined
    if (known !== undefined) {
      const [id] = value!.get('ListingIDs')!
      changes.push({ op: 'append', path: ['Tags', name as string, 'ListingIDs'], value: id! })
      continue
    }
    if (isNewTag) made.set(name as string, change)
    changes.push(change)
  }
  return fromTheEnd(changes)
}

/** Of one tag the last place goes first: each removal moves those behind it. */
function fromTheEnd(changes: readonly Change[]): Change[] {
  const isRemoval = ({ op, path }: Change) => op === 'remove' && path[0] === 'Tags'
  const removals = changes.filter(isRemoval)
  removals.sort((a, b) => Number((b.path[3] as bigint) - (a.path[3] as bigint)))
  return [...changes.filter((change) => !isRemoval(change)), ...removals]
}

function oneOf(
  client: ShopClient,
  { kind, value }: BulkWish,
  { pricing, price }: { readonly pricing: Money; readonly price: (amount: bigint) => string },
): (shown: ShownListing) => CheckedSet {
  if (kind === 'tag' || kind === 'untag') {
    const name = value.trim()
    if (name === '') throw new Error('Give the name of a tag.')
    const wanted = (tags: readonly string[]) => (kind === 'tag' ? [...tags, name] : tags.filter((tag) => tag !== name))
    return ({ listing, tags }) => ({ changes: () => tagChanges(client, listing.ID, [tags, wanted(tags)]), fields: [] })
  }
  if (kind === 'stock' || kind === 'more') {
    const pieces = wholeNumber(value)
    return (shown) => stockOf(client, shown, { pieces, isMore: kind === 'more' })
  }
  if (kind === 'publish' || kind === 'unpublish')
    return fieldOf(client, 'ViewState', () => (kind === 'publish' ? 1n : 0n), stateText)
  const text = (amount: unknown) => (typeof amount === 'bigint' ? price(amount) : 'gone')
  if (kind === 'percent') {
    const change = percentOf(value)
    return fieldOf(client, 'Price', change, text)
  }
  const { amount } = parseMoney(value, pricing, 'en')
  return fieldOf(client, 'Price', () => amount, text)
}

function fieldOf(
  client: ShopClient,
  name: 'Price' | 'ViewState',
  wanted: (held: bigint) => bigint,
  text: (value: unknown) => string,
): (shown: ShownListing) => CheckedSet {
  return ({ listing }) => {
    const { ID } = listing
    const value = wanted(listing[name])
    const now = () => text(client.listing(ID).get().data?.[name])
    const field: WatchedField = { name: listing.Metadata.Title, before: text(listing[name]), mine: text(value), now }
    if (value === listing[name]) return { changes: () => [], fields: [] }
    return { changes: () => [{ op: 'replace', path: ['Listings', ID, name], value }], fields: [field] }
  }
}

/** Of all variations that are counted; of a listing without options also where nothing is counted yet. */
function stockOf(
  client: ShopClient,
  { listing, stock }: ShownListing,
  { pieces, isMore }: { readonly pieces: bigint; readonly isMore: boolean },
): CheckedSet {
  const isPlain = listing.Options === undefined || listing.Options.size === 0
  const places = stock.length > 0 || !isPlain ? stock : [{ variations: [], pieces: undefined }]
  const now = (variations: readonly string[]) => client.stock(listing.ID, ...variations).get().data
  const changes = () =>
    places.map(({ variations }): Change => {
      const path = ['Inventory', listing.ID, ...variations] as const
      if (isMore) return { op: 'increment', path, value: pieces }
      return { op: now(variations) === undefined ? 'add' : 'replace', path, value: pieces }
    })
  const fields = places.map(({ variations, pieces: before }): WatchedField => ({
    name: [listing.Metadata.Title, ...variations].join(', '),
    before: piecesText(before),
    mine: piecesText(pieces),
    now: () => piecesText(now(variations)),
  }))
  // What is added needs nobody to have stood still.
  return { changes, fields: isMore ? [] : fields }
}

function wholeNumber(text: string): bigint {
  if (!/^[0-9]{1,15}$/u.test(text.trim())) throw new Error(`${text} is no number of pieces: write digits alone`)
  return BigInt(text.trim())
}

/** In hundredths of a percent, rounded down. Throws for another text, and for −100 and below: nothing leads back. */
export function percentOf(text: string): (price: bigint) => bigint {
  const [, sign, digits, rest = ''] = /^([+-]?)([0-9]{1,4})(?:\.([0-9]{1,2}))?%?$/u.exec(text.trim()) ?? []
  if (digits === undefined) throw new Error(`${text} is no percentage: write 10, or -12.5`)
  const part = BigInt(digits) * 100n + BigInt(rest.padEnd(2, '0'))
  const factor = 10_000n + (sign === '-' ? -part : part)
  if (factor <= 0n) throw new Error(`a price cannot fall by all or more of it: set it to 0 if it is for nothing`)
  return (price) => (price * factor) / 10_000n
}
