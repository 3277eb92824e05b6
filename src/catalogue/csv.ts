/**
 * Tables as text: comma-separated values (RFC 4180), as spreadsheets and Shopify write them. Semicolons and tabs are
 * read too, where the first line has no comma.
 *
 * Tests: test/catalogue/read-products.test.ts
 */

import { parse } from 'csv-parse/browser/esm/sync'
import { stringify } from 'csv-stringify/browser/esm/sync'
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
 * Throws TableError. Empty lines stand for rows: numbers of rows are those that a spreadsheet shows.
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
  if (header === undefined || header.every((cell) => cell.trim() === ''))
    throw new TableError('the first line has to hold the names of the columns')
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
  try {
    return parse(content, { delimiter: delimiterOf(content), record_delimiter: LINE_ENDS, relax_column_count: true })
  } catch (error) {
    throw new TableError((error as Error).message, { cause: error })
  }
}

/** A file that was edited by hand may have several. */
const LINE_ENDS = ['\r\n', '\n', '\r']

function delimiterOf(content: string): string {
  const first = /^[^\r\n]*/u.exec(content)![0]
  return [',', ';', '\t'].find((delimiter) => first.includes(delimiter)) ?? ','
}
