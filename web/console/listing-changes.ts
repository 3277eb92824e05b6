/** What an edited listing has to be written as: sets of one audience each, with the fields that they change. */

import type { Change, Listing, ShopClient, StockEntry, Tag } from 'cairn-relay/client'
import type { CheckedSet, WatchedField } from './checked-write.js'
import { map } from './fields.js'
import {
  combinations,
  namedOptions,
  optionChanges,
  optionDrafts,
  optionsText,
  optionsValue,
  type AmountWords,
  type NamedOptions,
  type OptionDraft,
} from './options.js'

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
  readonly options: readonly OptionDraft[]
  /** By the keys of values (`stockName`); undefined: nothing is counted. */
  readonly stock: ReadonlyMap<string, bigint | undefined>
}

export const NEW_LISTING: ListingDraft = {
  title: '',
  description: '',
  price: 0n,
  viewState: 1n,
  images: [],
  tags: [],
  options: [],
  stock: new Map(),
}

const BETWEEN = ' | '

/** Of the names of variations; empty for a listing without options. */
export function stockName(variations: readonly string[]): string {
  return [...variations].sort().join(BETWEEN)
}

function variationsOf(name: string): string[] {
  return name === '' ? [] : name.split(BETWEEN)
}

export function draftOf({ listing, tags, stock }: ShownListing, amounts: AmountWords): ListingDraft {
  const { Metadata, Price, ViewState, Options } = listing
  return {
    title: Metadata.Title,
    description: Metadata.Description,
    price: Price,
    viewState: ViewState,
    images: Metadata.Images ?? [],
    tags,
    options: optionDrafts(Options, amounts),
    stock: new Map(stock.map(({ variations, pieces }) => [stockName(variations), pieces])),
  }
}

/** Texts of what is in a set, and amounts as they are written in forms. */
export interface ListingWords extends AmountWords {
  /** With the currency. */
  readonly price: (amount: bigint) => string
}

/** Of a listing that is there: what `mine` changes of `before`. Throws for options that are wrong. */
export function editSets(
  client: ShopClient,
  held: Listing,
  [before, mine]: readonly [before: ListingDraft, mine: ListingDraft],
  words: ListingWords,
): CheckedSet[] {
  const isSame = JSON.stringify(before.options) === JSON.stringify(mine.options)
  const named = isSame ? sameNames(held, mine) : namedOptions(mine.options, held.Options, words)
  const now = () => client.listing(held.ID).get().data
  const wanted = named.options
  const optionsSet: CheckedSet = {
    changes: () => optionChanges(held.ID, now()?.Options, wanted),
    fields: [optionsField(held, wanted, now, words)],
  }
  const pieces = piecesOf(mine, named)
  const going = isSame ? [] : [goingSet(client, held.ID, before, pieces)]
  const listed = listedSet(client, held.ID, [before, mine], words)
  return [...going, listed, ...(isSame ? [] : [optionsSet]), stockSet(client, held.ID, before.stock, pieces)]
}

function sameNames(held: Listing, { options }: ListingDraft): NamedOptions {
  const keys = options.flatMap(({ values }) => values.map(({ key }) => key))
  return { options: held.Options ?? new Map(), names: new Map(keys.map((key) => [key, key])) }
}

function optionsField(
  { Options }: Listing,
  wanted: NamedOptions['options'],
  now: () => Listing | undefined,
  { price }: ListingWords,
): WatchedField {
  const text = (options: Listing['Options']) => optionsText(options, price)
  return { name: 'Options', before: text(Options), mine: text(wanted), now: () => text(now()?.Options) }
}

function listedSet(
  client: ShopClient,
  id: bigint,
  [before, mine]: readonly [before: ListingDraft, mine: ListingDraft],
  words: ListingWords,
): CheckedSet {
  const now = () => client.listing(id).get().data
  const part = (
    name: string,
    path: string,
    of: (draft: ListingDraft) => unknown,
    shown: (value: unknown) => string,
  ) => {
    const [was, is] = [of(before), of(mine)]
    if (shown(was) === shown(is) && String(was) === String(is)) return []
    const change: Change = { op: 'replace', path: ['Listings', id, ...path.split('.')], value: is as bigint }
    const field = { name, before: shown(was), mine: shown(is), now: () => shown(heldField(now(), path)) }
    return [{ change, field }]
  }
  const parts = [
    part('Title', 'Metadata.Title', ({ title }) => title, String),
    part('Description', 'Metadata.Description', ({ description }) => description, String),
    part('Pictures', 'Metadata.Images', ({ images }) => [...images], picturesText),
    part(
      'Price',
      'Price',
      ({ price }) => price,
      (price) => words.price((price ?? 0n) as bigint),
    ),
    part('State', 'ViewState', ({ viewState }) => viewState, stateText),
  ].flat()
  return {
    changes: () => [...parts.map(({ change }) => change), ...tagChanges(client, id, [before.tags, mine.tags])],
    fields: parts.map(({ field }) => field),
  }
}

function picturesText(images: unknown): string {
  const ends = ((images ?? []) as readonly string[]).map((image) => `…${image.slice(-12)}`)
  return ends.length === 0 ? 'none' : ends.join(', ')
}

export function stateText(state: unknown): string {
  return VIEW_STATES[String(state)]?.[0] ?? 'gone'
}

function heldField(listing: Listing | undefined, path: string): unknown {
  let value: unknown = listing
  for (const name of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[name]
  return value
}

/** A new listing: first what is sold, then how much there is. Throws for options that are wrong. */
export function newSets(client: ShopClient, id: bigint, mine: ListingDraft, words: ListingWords): CheckedSet[] {
  const named = namedOptions(mine.options, undefined, words)
  const metadata = {
    Title: mine.title,
    Description: mine.description,
    ...(mine.images.length > 0 && { Images: [...mine.images] }),
  }
  const Options = named.options.size > 0 && { Options: optionsValue(named.options) }
  const value = map({ ID: id, Price: mine.price, Metadata: map(metadata), ViewState: mine.viewState, ...Options })
  const add: Change = { op: 'add', path: ['Listings', id], value }
  const listed: CheckedSet = { changes: () => [add, ...tagChanges(client, id, [[], mine.tags])], fields: [] }
  return [listed, stockSet(client, id, new Map(), piecesOf(mine, named))]
}

/** Places in a tag are looked up at this moment: what others write moves them. */
export function tagChanges(
  client: ShopClient,
  id: bigint,
  [before, mine]: readonly [before: readonly string[], mine: readonly string[]],
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
      const tag = tags.get(name)
      if (tag === undefined) return [{ op: 'add', path: ['Tags', name], value: map({ Name: name, ListingIDs: [id] }) }]
      return tag.ListingIDs?.includes(id) ? [] : [{ op: 'append', path: ['Tags', name, 'ListingIDs'], value: id }]
    }),
  ]
}

type Pieces = ReadonlyMap<string, bigint | undefined>

/** Of what can be bought, by the names that the shop has. */
function piecesOf({ options, stock }: ListingDraft, { names }: NamedOptions): Pieces {
  return new Map(
    combinations(options).map((keys) => [stockName(keys.map((key) => names.get(key)!)), stock.get(stockName(keys))]),
  )
}

/** What was counted of variants that are none any more: it goes before they do. */
function goingSet(client: ShopClient, id: bigint, { stock }: ListingDraft, wanted: Pieces): CheckedSet {
  const names = [...stock.keys()].filter((name) => !wanted.has(name))
  const isThere = (name: string) => client.stock(id, ...variationsOf(name)).get().data !== undefined
  const changes = () =>
    names.filter(isThere).map((name): Change => ({ op: 'remove', path: ['Inventory', id, ...variationsOf(name)] }))
  return { changes, fields: [] }
}

/** Stock stands in a set of its own: who is shown a listing could guess it from hashes. */
function stockSet(client: ShopClient, id: bigint, before: Pieces, mine: Pieces): CheckedSet {
  const changed = [...mine].filter(([name, pieces]) => pieces !== undefined && pieces !== before.get(name))
  const now = (name: string) => client.stock(id, ...variationsOf(name)).get().data
  return {
    changes: () =>
      changed.map(([name, pieces]): Change => ({
        op: now(name) === undefined ? 'add' : 'replace',
        path: ['Inventory', id, ...variationsOf(name)],
        value: pieces!,
      })),
    fields: changed.map(([name, pieces]) => ({
      name: name === '' ? 'Stock' : `Stock of ${variationsOf(name).join(', ')}`,
      before: piecesText(before.get(name)),
      mine: piecesText(pieces),
      now: () => piecesText(now(name)),
    })),
  }
}

export function piecesText(pieces: bigint | undefined): string {
  return pieces === undefined ? 'not counted' : `${pieces} pieces`
}
