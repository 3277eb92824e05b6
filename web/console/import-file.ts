/** A product file that was chosen: what it would change, as lines of a table, and writing that. */

import {
  planImport,
  readProducts,
  readTable,
  type ImportOptions,
  type ImportPlan,
  type ReadProducts,
} from 'cairn-relay/catalogue'
import type { Change, ShopClient } from 'cairn-relay/client'
import { checkedWrite } from './checked-write.js'
import { contentsOf, heldContents } from './shop-contents.js'

/** What `cairn import` reads at most. */
const FILE_BYTES_MAX = 256 * 1_048_576

export interface DryRun {
  readonly name: string
  readonly read: ReadProducts
  readonly options: ImportOptions
  readonly plan: ImportPlan
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
export class ShopChanged extends Error {
  readonly plan: ImportPlan

  constructor(plan: ImportPlan) {
    super('The shop changed since you looked, and so does what the file asks for. Nothing was written: look again.')
    this.plan = plan
  }
}

/**
 * Writes what the report said. `tell` is told how many sets of how many are on disk. Rejects with ShopChanged, with a
 * sentence that says how far it came, with ClientError.
 */
export async function writeImport(
  client: ShopClient,
  { read, options, plan }: DryRun,
  tell: (done: number, all: number) => void,
): Promise<ImportPlan> {
  await contentsOf(client)
  let now = plan
  // Taken only if the shop is as it is held here: what comes after it follows from the same plan.
  const first = () => {
    now = planImport(read, heldContents(client), options)
    if (!isSamePlan(plan, now)) throw new ShopChanged(now)
    return now.sets[0] ?? []
  }
  tell(0, plan.sets.length)
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

function changeText({ op, path, value }: Change): string {
  return [op, ...path, JSON.stringify(value, plain)].map(String).join(' ')
}

/** Maps and bigints too. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  return value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : value
}
