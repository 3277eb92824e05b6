/**
 * Cells that a spreadsheet would compute instead of showing them (CSV injection): an apostrophe stands before them in a
 * file that is exported, and is taken away where such a file is read, so that what is read is what was written.
 *
 * Tests: test/catalogue/formula-guard.test.ts, test/catalogue/round-trip.test.ts
 */

const GUARD = "'"
/** What begins a formula, full-width forms too; a cell that has apostrophes before it already gets one more. */
const FORMULA = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/u
const GUARDED = /^'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/u

export function guarded(cell: string): string {
  return FORMULA.test(cell) ? `${GUARD}${cell}` : cell
}

/** What `guarded` was given. */
export function unguarded(cell: string): string {
  return GUARDED.test(cell) ? cell.slice(GUARD.length) : cell
}
