/** A product file that was chosen: what it would change, as lines of a table, and writing that. */

import {
  planImport,
  readProducts,
  readTable,
  type ImportOptions,
  type ImportPlan,
  type ReadProducts,
  type ShopContents,
} from 'cairn-relay/catalogue'
import type { Change, Listing, ShopClient } from 'cairn-relay/client'
import { checkedWrite, EditConflict, type ChangedField } from './checked-write.js'
import { contentsOf, heldContents } from './shop-contents.js'

/** What `cairn import` reads at most. */
const FILE_BYTES_MAX = 256 * 1_048_576

export interface DryRun {
  readonly name: string
  readonly read: ReadProducts
  readonly options: ImportOptions
  readonly plan: ImportPlan
  /** What the shop was when the plan was made. */
  readonly shop: ShopContents
}

export type DryRunFile = Pick<DryRun, 'name' | 'read' | 'options'>

/** What the file asks of the shop as it is now. */
export function dryRunOf(file: DryRunFile, shop: ShopContents): DryRun {
  return { ...file, shop, plan: planImport(file.read, shop, file.options) }
}

/** Throws a sentence, or TableError. */
export function readFile(
  bytes: Uint8Array,
  { decimals, mayDelete = false }: { readonly decimals: number } & ImportOptions,
): ReadProducts {
  if (bytes.length > FILE_BYTES_MAX)
    throw new Error(`It has ${bytes.length} bytes, and at most ${FILE_BYTES_MAX} are read.`)
  const read = readProducts(readTable(textOf(bytes)), { decimals })
  if (mayDelete && read.ids.size === 0) throw new Error('It names no product: the whole shop would go.')
  return read
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Error('It is no UTF-8: save it as “CSV UTF-8”.', { cause })
  }
}

/** A line of the report. */
export interface ReportLine {
  readonly kind: 'wrong' | 'note' | 'column'
  /** As a spreadsheet counts; undefined for a whole column. */
  readonly row: string
  readonly column: string
  readonly reason: string
}

/** What is wrong first, in order of the rows. */
export function reportLines({ read, plan }: Pick<DryRun, 'read' | 'plan'>): ReportLine[] {
  return [
    ...plan.problems.map(({ row, column, reason }): ReportLine => ({
      kind: 'wrong',
      row: `${row}`,
      column: column || 'all',
      reason,
    })),
    ...plan.notices.map(({ row, rows, text }): ReportLine => {
      const more = rows > 1 ? ` and ${rows - 1} more` : ''
      return { kind: 'note', row: `${row}${more}`, column: '', reason: text }
    }),
    ...read.unplaced.map(({ column, cells }): ReportLine => {
      const reason = `has no place in a shop: ${cells} ${cells === 1 ? 'cell is' : 'cells are'} left out`
      return { kind: 'column', row: '', column, reason }
    }),
  ]
}

/** The shop changed since the report was made: writing would do something else than it says. */
export class ShopChanged extends EditConflict {
  /** As it would be now. */
  readonly dry: DryRun

  constructor(dry: DryRun, fields: readonly ChangedField[]) {
    super(fields)
    this.message = 'The shop changed since you looked, and so does what the file asks for. Nothing was written.'
    this.dry = dry
  }
}

/** How amounts of the pricing currency are written. */
export type PriceText = (amount: bigint) => string

interface ImportSteps {
  /** How many sets of how many are on disk. */
  readonly tell: (done: number, all: number) => void
  readonly price: PriceText
  /** Whether it is taken only if it does what the report said. */
  readonly isWatched: boolean
}

/**
 * Writes what the report said. Rejects with ShopChanged, with a sentence that says how far it came, with ClientError.
 */
export async function writeImport(
  client: ShopClient,
  dry: DryRun,
  { tell, price, isWatched }: ImportSteps,
): Promise<ImportPlan> {
  await contentsOf(client)
  let now = dry.plan
  // Taken only if the shop is as it is held here: what comes after it follows from the same plan.
  const first = () => {
    const next = dryRunOf(dry, heldContents(client))
    if (isWatched && !isSamePlan(dry.plan, next.plan)) throw new ShopChanged(next, changedFields(dry, next, price))
    now = next.plan
    return now.sets[0] ?? []
  }
  tell(0, now.sets.length)
  await checkedWrite(client, [{ changes: first, fields: [] }])
  for (const [i, set] of now.sets.slice(1).entries()) {
    tell(i + 1, now.sets.length)
    await client.write(set).catch((cause: unknown) => {
      const far = `${i + 1} of ${now.sets.length} sets are written; the same file goes on from there.`
      throw new Error(`${far} ${(cause as Error).message}`, { cause })
    })
  }
  return now
}

/** What is written, whatever the values were before. */
export function isSamePlan(a: ImportPlan, b: ImportPlan): boolean {
  const text = ({ sets }: ImportPlan) => JSON.stringify(sets.flat().map(changeText))
  return text(a) === text(b)
}

/** What others changed of what the file names, since the report was made: as it was, as it is, as the file has it. */
export function changedFields(before: DryRun, now: DryRun, price: PriceText): readonly ChangedField[] {
  const [was, is] = [changesByText(before), changesByText(now)]
  const other = [...without(was, is), ...without(is, was)]
  const wanted = new Map([...is.values()].map(({ path, value }) => [placeText(path), value]))
  const places = new Map(other.map(({ path }) => [placeText(path), path]))
  return [...places].flatMap(([place, path]): ChangedField[] => {
    const [then, today] = [valueAt(before.shop, path), valueAt(now.shop, path)]
    if (isSame(then, today)) return []
    const textOf = (value: unknown) => valueText(path, value, price)
    // Of lists and of what holds more the texts may be the same.
    const theirs = textOf(today) === textOf(then) ? `${textOf(today)}, changed` : textOf(today)
    const isMine = wanted.has(place) && !isSame(wanted.get(place), today)
    const mine = isMine ? textOf(wanted.get(place)) : theirs
    return [{ name: placeName(now.shop, path), before: textOf(then), theirs, mine }]
  })
}

type Changes = ReadonlyMap<string, Change>

function changesByText({ plan }: DryRun): Changes {
  return new Map(plan.sets.flat().map((change) => [changeText(change), change]))
}

function without(some: Changes, others: Changes): readonly Change[] {
  return [...some].flatMap(([text, change]) => (others.has(text) ? [] : [change]))
}

function placeText(path: Change['path']): string {
  return path.map(String).join('/')
}

function valueAt(shop: ShopContents, path: Change['path']): unknown {
  const [collection, id, ...rest] = path
  if (collection === 'Inventory') return piecesAt(shop, id as bigint, rest)
  if (collection === 'Tags') return shop.tags.get(String(id))?.ListingIDs
  let value: unknown = listingOf(shop, id)
  for (const name of rest)
    value = value instanceof Map ? value.get(name) : (value as Record<string, unknown> | undefined)?.[String(name)]
  return value
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null, plain) === JSON.stringify(other ?? null, plain)
}

function piecesAt({ stock }: ShopContents, id: bigint, variations: readonly unknown[]): bigint | undefined {
  const wanted = variations.map(String).sort().join('|')
  return stock.find((entry) => entry.listing === id && [...entry.variations].sort().join('|') === wanted)?.pieces
}

function listingOf({ listings }: ShopContents, id: unknown): Listing | undefined {
  return listings.find(({ ID }) => ID === id)
}

/** As a person reads it. */
function valueText(path: Change['path'], value: unknown, price: PriceText): string {
  if (value === undefined || value === null) return 'none'
  if (typeof value === 'bigint') return path.at(-1) === 'Price' ? price(value) : `${value}`
  if (typeof value === 'string') return value
  // Of lists and of what holds more, that it is another one is all that a cell can say.
  return Array.isArray(value) ? `${value.length} of them` : 'another one'
}

function placeName(shop: ShopContents, [collection, id, ...rest]: Change['path']): string {
  if (collection === 'Tags') return `Tag ${String(id)}`
  const title = listingOf(shop, id)?.Metadata.Title ?? `Listing ${String(id)}`
  const field = collection === 'Inventory' ? ['Stock', ...rest] : rest.filter((name) => name !== 'Metadata')
  return [title, field.join(' ')].filter((part) => part !== '').join(': ')
}

function changeText({ op, path, value }: Change): string {
  return [op, ...path, JSON.stringify(value, plain)].map(String).join(' ')
}

/** Maps and bigints too. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : value
}
