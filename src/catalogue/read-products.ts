/** Products out of the rows of a product file. */

import type { ListingId } from '../brands.js'
import { columnsOf, type ColumnKey, type Columns } from './columns.js'
import { TableError, type Table } from './csv.js'
import { readDecimal } from './decimal.js'
import { unguarded } from './formula-guard.js'
import { HtmlDepthError, textOfCell } from './html-text.js'
import { handleOf, listingIdOf } from './listing-id.js'
import { Notices, type Problem, type Product, type ReadProducts, type Variant } from './product.js'

interface Row {
  /** As a spreadsheet counts. */
  readonly number: number
  readonly cells: readonly string[]
}

/**
 * `decimals`: of the currency in which the file's prices are. Throws TableError for a file without the columns.
 *
 * @example
 * ```ts
 * import { readProducts, readTable } from 'cairn-relay/catalogue'
 *
 * const { products, problems } = readProducts(readTable('Title,Price\nA mug,4.50\n'), { decimals: 2 })
 * console.log(products[0]?.variants[0]?.price, problems.length) // 450n 0
 * ```
 */
export function readProducts(table: Table, { decimals }: { readonly decimals: number }): ReadProducts {
  const columns = columnsOf(table.header)
  if (typeof columns === 'string') throw new TableError(columns)
  // A column of ours: the file was exported, and guarded.
  const isExported = columns.places.listingId !== undefined
  const rows = table.rows.map((cells, i): Row => ({
    number: i + FIRST_ROW,
    cells: isExported ? cells.map(unguarded) : cells,
  }))
  const notices = new Notices()
  const products: Product[] = []
  const problems: Problem[] = []
  const firsts = new Map<ListingId, { readonly handle: string; readonly row: number }>()
  for (const [handle, group] of grouped(rows, columns)) {
    const read = new ProductReader(columns, handle, group, decimals, notices)
    const product = read.product()
    const other = firsts.get(product.id)
    if (other === undefined) firsts.set(product.id, { handle, row: product.row })
    else read.wrong(product.row, 'listingId', `listing ${product.id} is the product of row ${other.row} already`)
    if (read.problems.length === 0) products.push(product)
    problems.push(...read.problems)
  }
  const unplaced = columns.others.flatMap((at) => {
    const cells = rows.filter((row) => (row.cells[at] ?? '').trim() !== '').length
    return cells === 0 ? [] : [{ column: columns.header[at]!, cells }]
  })
  problems.sort((a, b) => a.row - b.row)
  return { products, problems, notices: notices.list(), unplaced, ids: new Set(firsts.keys()) }
}

const FIRST_ROW = 2

/** Rows by handle, in order of coming. A row without handle and title goes on with the product before it. */
function grouped(rows: readonly Row[], { places }: Columns): Map<string, Row[]> {
  const groups = new Map<string, Row[]>()
  let last = ''
  for (const row of rows) {
    if (row.cells.every((cell) => cell.trim() === '')) continue
    const [given, title] = [places.handle, places.title].map((at) =>
      at === undefined ? '' : (row.cells[at] ?? '').trim(),
    )
    const handle = given !== '' ? given! : title === '' ? last : handleOf(title!)
    const group = groups.get(handle)
    if (group === undefined) groups.set(handle, [row])
    else group.push(row)
    last = handle
  }
  return groups
}

class ProductReader {
  readonly problems: Problem[] = []
  private readonly columns: Columns
  private readonly handle: string
  private readonly rows: readonly Row[]
  private readonly decimals: number
  private readonly notices: Notices
  private readonly first: Row
  /** A row of ours: what Shopify writes for no options is a name like others there. */
  private readonly isOurs: boolean

  constructor(columns: Columns, handle: string, rows: readonly Row[], decimals: number, notices: Notices) {
    this.columns = columns
    this.handle = handle
    this.rows = rows
    this.decimals = decimals
    this.notices = notices
    this.first = rows[0]!
    this.isOurs = (this.cell(this.first, 'listingId') ?? '').trim() !== ''
  }

  /** What has problems is not to be used but for its id. */
  product(): Product {
    const { first, handle } = this
    for (const { number, cells } of this.rows)
      if (cells.length > this.columns.header.length)
        this.problem(number, '', `has ${cells.length} cells, and the first line ${this.columns.header.length}`)
    const title = this.cell(first, 'title')!
    if (title.trim() === '') this.wrong(first.number, 'title', 'is blank')
    if (handle === '') this.wrong(first.number, 'handle', 'is blank, and the title has no letters to make one of')
    const options = this.options()
    return {
      row: first.number,
      handle,
      id: this.id(),
      title,
      description: this.description(),
      images: this.images(),
      viewState: this.viewState(),
      tags: this.tags(),
      options,
      variants: this.variants(options),
    }
  }

  wrong(row: number, key: ColumnKey, reason: string): void {
    this.problem(row, this.columns.header[this.columns.places[key] ?? -1] ?? '', reason)
  }

  private problem(row: number, column: string, reason: string): void {
    this.problems.push({ row, column, reason })
  }

  /** Undefined where there is no such column. */
  private cell(row: Row, key: ColumnKey): string | undefined {
    const at = this.columns.places[key]
    return at === undefined ? undefined : (row.cells[at] ?? '')
  }

  private id(): ListingId {
    const text = (this.cell(this.first, 'listingId') ?? '').trim()
    if (text === '') return listingIdOf(this.handle)
    const id = /^[0-9]{1,20}$/u.test(text) ? BigInt(text) : 0n
    if (id >= 1n && id < 1n << 64n) return id
    this.wrong(this.first.number, 'listingId', 'is no id: 1 to 2^64−1')
    return listingIdOf(this.handle)
  }

  /** A listing has to have one: a blank cell says nothing of it. */
  private description(): string | undefined {
    try {
      const text = textOfCell(this.cell(this.first, 'description') ?? '')
      return text.trim() === '' ? undefined : text
    } catch (error) {
      if (!(error instanceof HtmlDepthError)) throw error
      this.wrong(this.first.number, 'description', error.message)
      return undefined
    }
  }

  private images(): string[] | undefined {
    if (this.columns.places.image === undefined) return undefined
    // Without a position a picture follows the one before it.
    let last = 0
    const found = this.rows.flatMap((row) => {
      const image = this.cell(row, 'image')!
      if (image === '') return []
      const position = (this.cell(row, 'position') ?? '').trim()
      if (!/^[0-9]{0,9}$/u.test(position)) this.wrong(row.number, 'position', 'is no number')
      if (position !== '') last = Number(position)
      return [{ image, position: last }]
    })
    found.sort((a, b) => a.position - b.position)
    return found.map(({ image }) => image)
  }

  private viewState(): Product['viewState'] {
    const { number } = this.first
    const [status, published] = (['status', 'published'] as const).map((key) =>
      this.cell(this.first, key)?.trim().toLowerCase(),
    )
    if (status === undefined && published === undefined) return undefined
    if (!STATUSES.has(status ?? '')) this.wrong(number, 'status', 'has to be active, draft, archived or unlisted')
    const isPublished = PUBLISHED.get(published ?? '')
    if (isPublished === undefined) this.wrong(number, 'published', 'has to be TRUE or FALSE')
    if (status === 'archived') return 2n
    if (status === 'unlisted')
      this.notices.add(number, 'unlisted: a shop shows a listing to all or to nobody, so it is not published')
    return status === 'draft' || status === 'unlisted' || isPublished === false ? 0n : 1n
  }

  private tags(): string[] | undefined {
    const cell = this.cell(this.first, 'tags')
    if (cell === undefined) return undefined
    return [...new Set(cell.split(',').map((tag) => tag.trim()))].filter((tag) => tag !== '')
  }

  /** Their names, which stand in the first row. */
  private options(): string[] {
    const { options, header } = this.columns
    const names: string[] = []
    let ended = false
    for (const { name, value } of options) {
      const text = name === undefined ? '' : (this.first.cells[name] ?? '')
      const label = text === '' ? header[value]! : text
      if ((this.first.cells[value] ?? '') === '') {
        if (text !== '')
          this.problem(this.first.number, header[value]!, `is blank: it is of the option ${JSON.stringify(text)}`)
        ended = true
        continue
      }
      if (ended) this.problem(this.first.number, header[value]!, 'has a value, and an option before it has none')
      if (names.includes(label)) this.problem(this.first.number, header[name ?? value]!, 'names an option twice')
      names.push(label)
    }
    const isDefault = !this.isOurs && names.length === 1 && names[0] === 'Title'
    return isDefault && this.first.cells[options[0]!.value] === 'Default Title' ? [] : names
  }

  private variants(options: readonly string[]): Variant[] {
    const variants: Variant[] = []
    const seen = new Map<string, number>()
    for (const row of this.rows) {
      const values = this.columns.options.slice(0, options.length).map(({ value }) => row.cells[value] ?? '')
      if (row !== this.first && (options.length === 0 || values.every((value) => value === ''))) {
        this.checkImageRow(row, options)
        continue
      }
      this.checkValues(row, values, options)
      const name = JSON.stringify(values)
      const other = seen.get(name)
      if (other === undefined) seen.set(name, row.number)
      else this.problem(row.number, this.valueColumn(0), `is the variant of row ${other} again`)
      variants.push(this.variant(row, values))
    }
    return variants
  }

  private variant(row: Row, values: readonly string[]): Variant {
    return {
      row: row.number,
      values,
      price: this.price(row),
      sku: this.cell(row, 'sku'),
      image: this.cell(row, 'variantImage'),
      quantity: this.quantity(row),
    }
  }

  private checkValues(row: Row, values: readonly string[], options: readonly string[]): void {
    for (const [i, { name, value }] of this.columns.options.entries()) {
      const [said, column] = [name === undefined ? '' : (row.cells[name] ?? ''), this.columns.header[value]!]
      if (i >= options.length) {
        const isExtra = options.length > 0 && (row.cells[value] ?? '') !== '' && row !== this.first
        if (isExtra) this.problem(row.number, column, 'is of an option that the first row of the product does not name')
        continue
      }
      if (values[i] === '')
        this.problem(row.number, column, `is blank: it is of the option ${JSON.stringify(options[i])}`)
      if (row !== this.first && said !== '' && said !== options[i])
        this.problem(
          row.number,
          this.columns.header[name!]!,
          `is not ${JSON.stringify(options[i])}, as in the first row`,
        )
    }
  }

  /** A row without values of options brings pictures alone. */
  private checkImageRow(row: Row, options: readonly string[]): void {
    const says = (['price', 'sku', 'quantity'] as const).find((key) => (this.cell(row, key) ?? '').trim() !== '')
    if (says === undefined) return
    const what = options.length === 0 ? 'a second variant of a product without options' : 'a variant without values'
    this.wrong(row.number, says, `says something of ${what}`)
  }

  private valueColumn(option: number): string {
    const place = this.columns.options[option]?.value
    return place === undefined ? '' : this.columns.header[place]!
  }

  private price(row: Row): bigint | undefined {
    const text = this.cell(row, 'price')?.trim()
    if (text === undefined || text === '') return undefined
    const price = readDecimal(text, this.decimals)
    if (typeof price === 'bigint') return price
    this.wrong(row.number, 'price', price)
    return undefined
  }

  /** What Shopify does not track has no number there, or one without a meaning. */
  private quantity(row: Row): bigint | undefined {
    const text = this.cell(row, 'quantity')?.trim()
    if (text === undefined) return undefined
    const isTracked = this.cell(row, 'tracker')?.trim() !== ''
    if (text === '' || !isTracked) {
      this.notices.add(
        row.number,
        'no pieces are counted for it: what the shop has stays, and without any it cannot be ordered',
      )
      return undefined
    }
    if (!/^-?[0-9]{1,20}$/u.test(text) || BigInt(text) >= 1n << 64n) {
      this.wrong(row.number, 'quantity', `${JSON.stringify(text.slice(0, 40))} is no number of pieces`)
      return undefined
    }
    if (BigInt(text) >= 0n) return BigInt(text)
    this.notices.add(row.number, 'more was sold than there was (a quantity below zero): it becomes 0')
    return 0n
  }
}

const STATUSES: ReadonlySet<string> = new Set(['', 'active', 'draft', 'archived', 'unlisted'])
const PUBLISHED: ReadonlyMap<string, boolean> = new Map([
  ['', true],
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
])
