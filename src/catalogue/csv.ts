/**
 * Tables as text: comma-separated values (RFC 4180), as spreadsheets and Shopify write them. Semicolons and tabs are
 * read too, where the first line has no comma.
 *
 * Tests: test/catalogue/read-products.test.ts
 */

import { parse } from 'csv-parse/browser/esm/sync'
import { stringify } from 'csv-stringify/browser/esm/sync'
import { TABLE_CELL_UNITS_MAX, TABLE_ROWS_MAX } from '../limits.js'
import { guarded as guardedCell } from './formula-guard.js'

/** The first row and those below it; cells as they are, without trimming. */
export interface Table {
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A text that is no table: a quote that does not end, for example. */
export class TableError extends Error {
  override readonly name = 'TableError'
}

/**
 * Throws TableError, also of more than TABLE_ROWS_MAX rows or a cell of more than TABLE_CELL_UNITS_MAX. Empty lines
 * stand for rows, but for those at the end: numbers of rows are those that a spreadsheet shows.
 *
 * @example
 * ```ts
 * import { readTable } from 'cairn-relay/catalogue'
 *
 * console.log(readTable('Title,Price\nA mug,4.50\n').rows[0]) // [ 'A mug', '4.50' ]
 * ```
 */
export function readTable(text: string): Table {
  const content = text.replace(/^\u{feff}/u, '')
  const [header, ...rows] = parsed(content)
  if (header === undefined || header.every((cell) => cell.trim() === '')) throw new TableError(NO_COLUMNS)
  return { header: header.map((name) => name.trim()), rows }
}

/**
 * Lines end with a line feed. `guarded`: a cell that a spreadsheet would compute is written with an apostrophe before
 * it, for tables of what strangers wrote. `readTable` gives it with the apostrophe.
 *
 * @example
 * ```ts
 * import { writeTable } from 'cairn-relay/catalogue'
 *
 * const table = { header: ['Title'], rows: [['=1+1']] }
 * console.log(JSON.stringify(writeTable(table, { guarded: true }))) // "Title\n'=1+1\n"
 * ```
 */
export function writeTable({ header, rows }: Table, { guarded = false } = {}): string {
  return stringify(
    [header, ...rows].map((row) => (guarded ? row.map(guardedCell) : [...row])),
    { quoted_match: /[\r\n]/u },
  )
}

function parsed(content: string): string[][] {
  // What is parsed as a row costs much where it is shorter than the first one: empty lines are counted instead.
  const rows: string[][] = []
  let header: readonly string[] = []
  const take = (cells: string[], { empty_lines: empty, records }: Counted) => {
    if (rows.length === 0 && empty > 0) throw new TableError(NO_COLUMNS)
    if (rows.length === 0) header = cells
    const row = records + empty
    requireRead(cells, row, header)
    while (rows.length < row - 1) rows.push([''])
    rows.push(cells)
    return null
  }
  try {
    parse(content, {
      delimiter: delimiterOf(content),
      record_delimiter: LINE_ENDS,
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: take,
    })
    return rows
  } catch (error) {
    if (error instanceof TableError) throw error
    throw new TableError(quoteProblem(error as CsvError) ?? (error as Error).message, { cause: error })
  }
}

/** What csv-parse throws. */
type CsvError = Error & { readonly code?: string; readonly lines?: number }

/** Of quotation marks that are not as they have to be; undefined for something else. */
function quoteProblem({ code = '', lines }: CsvError): string | undefined {
  if (code === 'CSV_QUOTE_NOT_CLOSED')
    return `line ${lines}: a cell begins with a quotation mark, and none ends it. ${QUOTE_REMEDY}`
  if (!/^(?:CSV_)?INVALID_(?:OPENING|CLOSING)_QUOTE$/u.test(code)) return undefined
  return `line ${lines}: a quotation mark stands within a cell. ${QUOTE_REMEDY}`
}

const QUOTE_REMEDY = 'Put one before and one behind such a cell, and write each within it twice, or save the file anew'

interface Counted {
  readonly empty_lines: number
  readonly records: number
}

/** Throws TableError. `row`: as a spreadsheet counts. */
function requireRead(cells: readonly string[], row: number, header: readonly string[]): void {
  if (row - 1 > TABLE_ROWS_MAX)
    throw new TableError(`row ${row}: at most ${TABLE_ROWS_MAX} rows are read; make several files of it`)
  const at = cells.findIndex((cell) => cell.length > TABLE_CELL_UNITS_MAX)
  if (at < 0) return
  const column = (header[at] ?? `${at + 1}`).slice(0, COLUMN_SHOWN_UNITS)
  const [length, most] = [cells[at]!.length, TABLE_CELL_UNITS_MAX]
  throw new TableError(`row ${row}, column ${column}: the cell has ${length} characters, at most ${most} are read`)
}

const NO_COLUMNS = 'the first line has to hold the names of the columns'
const COLUMN_SHOWN_UNITS = 40

/** A file that was edited by hand may have several. */
const LINE_ENDS = ['\r\n', '\n', '\r']

function delimiterOf(content: string): string {
  const first = /^[^\r\n]*/u.exec(content)![0]
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? ','
}
