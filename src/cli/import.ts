/**
 * `cairn import`: makes a shop have what a product file says.
 *
 * Tests: test/cli/catalogue-commands.test.ts
 */

import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { concatBytes } from '../bytes/bytes.js'
import { readTable, TableError, type Table } from '../catalogue/csv.js'
import { planImport, type ImportPlan } from '../catalogue/import-plan.js'
import { picturesOf, withPictures } from '../catalogue/pictures.js'
import type { ReadProducts } from '../catalogue/product.js'
import { readProducts } from '../catalogue/read-products.js'
import type { ShopClient } from '../client/shop-client.js'
import { PRODUCT_FILE_BYTES_MAX } from '../limits.js'
import type { Change } from '../patches/patch.js'
import { parseFlags, urlFlag, UsageError, type Flags } from './flags.js'
import { printable, type Io } from './io.js'
import { told } from './merchant.js'
import { placePictures } from './picture-upload.js'
import { reporter } from './progress.js'
import {
  CATALOGUE_PARTS,
  contentsOf,
  currencyText,
  decimalsFlag,
  pricingOf,
  SHOP_FLAGS,
  SHOP_FLAGS_HELP,
  withShop,
} from './shop-catalogue.js'
import { whyUnread } from './unread-file.js'

export const IMPORT_HELP = `cairn import FILE [--shop ID] [--dry-run] [--skip-bad-rows] [--delete] [--keep-stock]
             [--upload] [--decimals N] [--card FILE | --data DIR] [--url URL] [--relay ADDRESS|chain]
             [--chain FILE] [--json]

Makes a shop have the products of a CSV file: Shopify's, of both generations of its columns, or cairn export's.
Prices are in the shop's pricing currency. What reads the same stays as it is, so a second run changes nothing, and one
that was interrupted goes on. Rows that are wrong are named with row, column and reason, and nothing is written then.

  --dry-run        tells what would change, and writes nothing
  --skip-bad-rows  takes the other products where rows are wrong
  --delete         what the file does not name goes: listings are marked deleted, variations of its products removed,
                   and live orders of those canceled; not beside --skip-bad-rows
  --keep-stock     leaves stock as it is: a file is older than the last sale
  --upload         fetches the pictures, or reads them beside FILE, and keeps them on the relay; left out, listings have
                   the file's addresses
${SHOP_FLAGS_HELP}
  --json           the report as one JSON object
`

const FLAGS = {
  ...SHOP_FLAGS,
  'dry-run': { kind: 'switch' },
  'skip-bad-rows': { kind: 'switch' },
  delete: { kind: 'switch' },
  'keep-stock': { kind: 'switch' },
  upload: { kind: 'switch' },
  json: { kind: 'switch' },
} as const

type ImportFlags = Flags<typeof FLAGS>

export async function run(argv: readonly string[], io: Io): Promise<number> {
  if (argv.includes('--help')) return (io.out(IMPORT_HELP), 0)
  try {
    const [file = '', ...rest] = argv
    const isNamed = file !== '' && !file.startsWith('--')
    const flags = parseFlags(isNamed ? rest : argv, FLAGS)
    if (!isNamed) throw new UsageError('give the file first: cairn import products.csv (more: cairn import --help)')
    if (flags.delete && flags['skip-bad-rows'])
      throw new UsageError('--delete needs a file without wrong rows: it cannot stand beside --skip-bad-rows')
    const source = { file, table: readTable(await textOf(file, io.signal)), flags }
    const { wanted, plan } = await withShop(flags, CATALOGUE_PARTS, io, (client) => planned(client, source, io))
    const isRefused = plan.problems.length > 0 && !flags['skip-bad-rows']
    const isWritten = !isRefused && !flags['dry-run']
    // Whoever writes needs not be shown all that he writes.
    if (isWritten && plan.sets.length > 0) await withShop(flags, [], io, (client) => writeSets(client, plan.sets, io))
    if (flags.json) io.out(jsonReport(wanted, plan, isWritten))
    else for (const line of reportLines(wanted, plan, isWritten)) io.out(shown(line))
    if (isRefused) io.err('nothing was written: mend these rows, or leave their products out with --skip-bad-rows')
    return isRefused ? 1 : 0
  } catch (error) {
    if (io.signal.aborted) return 1
    if (!(error instanceof TableError)) return told('cairn import', error, io)
    io.err(`cairn import: ${shown(`${argv[0]}: ${error.message}`)}`)
    return 1
  }
}

interface Source {
  readonly file: string
  readonly table: Table
  readonly flags: ImportFlags
}

interface Planned {
  /** The file, with the addresses of uploaded pictures. */
  readonly wanted: ReadProducts
  readonly plan: ImportPlan
}

async function planned(client: ShopClient, { file, table, flags }: Source, io: Io): Promise<Planned> {
  const { currency, decimals } = await pricingOf(client, decimalsFlag(flags.decimals), io)
  io.err(`prices are read as ${currencyText(currency)}, with ${decimals} decimals`)
  const read = readProducts(table, { decimals })
  if (flags.delete && read.ids.size === 0)
    throw new UsageError(`${file} names no product: with --delete the whole shop would go`)
  const wanted = flags.upload ? await uploaded(client, read, { file, flags }, io) : read
  const options = { mayDelete: flags.delete, keepStock: flags['keep-stock'] }
  return { wanted, plan: planImport(wanted, await contentsOf(client, io), options) }
}

async function uploaded(
  client: ShopClient,
  read: ReadProducts,
  { file, flags }: Omit<Source, 'table'>,
  io: Io,
): Promise<ReadProducts> {
  // A file that is not taken uploads nothing.
  const dryRun = flags['dry-run'] || (read.problems.length > 0 && !flags['skip-bad-rows'])
  const options = { url: urlFlag('url', flags.url), folder: dirname(file), dryRun }
  return withPictures(read, await placePictures(client, picturesOf(read).keys(), options, io))
}

/** Some at once, in order. Resolves when all are on the relay's disk; rejects with the first refusal. */
async function writeSets(client: ShopClient, sets: readonly (readonly Change[])[], io: Io): Promise<void> {
  const tell = reporter(io)
  const open = new Set<Promise<unknown>>()
  let [done, failure]: [number, unknown] = [0, undefined]
  for (const set of sets) {
    if (failure !== undefined || io.signal.aborted) break
    const write: Promise<unknown> = client
      .write(set, { signal: io.signal })
      .then(() => tell(`written: ${++done} of ${sets.length} sets`))
      .catch((error: unknown) => (failure ??= error))
      .finally(() => open.delete(write))
    open.add(write)
    if (open.size >= SETS_AT_ONCE) await Promise.race(open)
  }
  await Promise.all(open)
  if (done === sets.length) return
  io.err(`${done} of ${sets.length} sets or some more are written: the same command goes on from there`)
  throw failure ?? io.signal.reason
}

const SETS_AT_ONCE = 16

/** Throws UsageError. */
async function textOf(path: string, signal: AbortSignal): Promise<string> {
  const bytes = await bytesOf(path, signal).catch((error: unknown) => {
    if (error instanceof UsageError || signal.aborted) throw error
    throw new UsageError(`${path} cannot be read: ${whyUnread(error)}`)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UsageError(`${path} is no UTF-8: save it as "CSV UTF-8"`)
  }
}

/** Opening a FIFO that nobody writes to would wait where no signal reaches. */
async function bytesOf(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (stat.isFIFO()) return await bytesOfFifo(file, path, signal)
    requireSize(path, stat.size)
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** Until its writer has closed it; before there is one it is waited for. */
async function bytesOfFifo(file: FileHandle, path: string, signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (let size = 0; ; requireSize(path, size)) {
    signal.throwIfAborted()
    const part = await file.read(new Uint8Array(FIFO_READ_BYTES), 0, FIFO_READ_BYTES, null).catch(nothingYet)
    if (part?.bytesRead === 0 && size > 0) return concatBytes(...parts)
    if (part === undefined || part.bytesRead === 0) await new Promise((resolve) => setTimeout(resolve, FIFO_PAUSE_MS))
    else parts.push(part.buffer.subarray(0, part.bytesRead))
    size += part?.bytesRead ?? 0
  }
}

/** Its writer has written nothing more. */
function nothingYet(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'EAGAIN') throw error
}

function requireSize(path: string, size: number): void {
  if (size > PRODUCT_FILE_BYTES_MAX)
    throw new UsageError(`${path} has ${size} bytes, at most ${PRODUCT_FILE_BYTES_MAX} are read`)
}

const FIFO_READ_BYTES = 65_536
const FIFO_PAUSE_MS = 20

function reportLines(
  read: ReadProducts,
  { counts, problems, notices, sets }: ImportPlan,
  isWritten: boolean,
): string[] {
  const { added, changed, unchanged, deleted, stock, tags } = counts
  const done = isWritten ? '' : 'would be '
  const wrong = problems.length > 0 ? `, wrong rows: ${problems.length}` : ''
  return [
    ...problems.map(({ row, column, reason }) => `row ${row}, ${column === '' ? 'as a whole' : column}: ${reason}`),
    ...notices.map(({ row, rows, text }) => `note: row ${row}${rows > 1 ? ` and ${rows - 1} more` : ''}: ${text}`),
    ...read.unplaced.map(
      ({ column, cells }) => `column without a place: ${column} (${cells} ${cells === 1 ? 'cell' : 'cells'})`,
    ),
    `listings: ${added} ${done}added, ${changed} changed, ${deleted} deleted, ${unchanged} stay as they are`,
    `stock: ${stock} entries, tags: ${tags}, sets: ${sets.length}${wrong}`,
  ]
}

/** Cells of a file may be as long as the file. */
function shown(line: string): string {
  return printable(line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX)}…` : line)
}

const LINE_CHARS_MAX = 500

function jsonReport(read: ReadProducts, { counts, problems, notices, sets }: ImportPlan, written: boolean): string {
  return JSON.stringify({ written, ...counts, sets: sets.length, problems, notices, unplaced: read.unplaced })
}
