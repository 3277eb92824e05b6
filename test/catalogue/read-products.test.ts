/** Product files as Shopify writes them, and what is wrong with others. */

import { describe, expect, test } from 'vitest'
import { readTable, TableError, writeTable } from '../../src/catalogue/csv.js'
import { HTML_DEPTH_MAX, TABLE_CELL_UNITS_MAX, TABLE_ROWS_MAX } from '../../src/limits.js'
import { listingIdOf } from '../../src/catalogue/listing-id.js'
import type { ReadProducts } from '../../src/catalogue/product.js'
import { readProducts } from '../../src/catalogue/catalogue.js'
import { newer, newerFile, older, olderFile, type SampleRow } from '../fixtures/product-samples.js'

const read = (csv: string): ReadProducts => readProducts(readTable(csv), { decimals: 2 })

test('both generations of columns say the same', () => {
  const [shirt, mug, hat] = read(older).products
  expect(read(older).problems).toEqual([])
  expect(shirt).toMatchObject({
    row: 2,
    handle: 'wool-shirt',
    title: 'Wool shirt',
    description: 'Warm & light.\n\n• Merino\n• Two pockets',
    images: ['https://pictures.example/blue.jpg', 'https://pictures.example/red.jpg'],
    viewState: 1n,
    tags: ['Winter', 'Clothes'],
    options: ['Size', 'Colour'],
  })
  expect(shirt!.variants.map(({ values, price, quantity }) => [...values, price, quantity])).toEqual([
    ['M', 'Red', 4_000n, 5n],
    ['M', 'Blue', 4_150n, 0n],
    ['L', 'Red', 4_500n, 7n],
  ])
  expect(mug).toMatchObject({ handle: 'mug', description: undefined, viewState: 0n, options: [] })
  expect(hat).toMatchObject({ viewState: 2n })
  const rowless = ({ products }: ReadProducts) =>
    products
      .slice(0, 2)
      .map((product) => ({ ...product, row: 0, variants: product.variants.map((v) => ({ ...v, row: 0 })) }))
  expect(rowless(read(newer))).toEqual(rowless(read(older)))
})

test('ids are the first 8 bytes of the SHA-256 of the handle', () => {
  // printf wool-shirt | sha256sum | cut -c1-16
  expect(listingIdOf('wool-shirt')).toBe(BigInt('0x153853640b913ced'))
  expect(read(older).products[0]!.id).toBe(listingIdOf('wool-shirt'))
})

test('columns without a place are named, with how many cells they have', () => {
  expect(read(older).unplaced).toEqual([
    { column: 'Vendor', cells: 1 },
    { column: 'Gift Card', cells: 1 },
  ])
})

test('what is not tracked has no number of pieces', () => {
  const row = { Handle: 'a', Title: 'A', 'Variant Price': '1', 'Variant Inventory Qty': '0' }
  const { products, notices } = read(olderFile([row]))
  expect(products[0]!.variants[0]!.quantity).toBeUndefined()
  expect(notices[0]).toMatchObject({ row: 2, rows: 1 })
})

test('oversold is none left', () => {
  const row = {
    Handle: 'a',
    Title: 'A',
    'Variant Price': '1',
    'Variant Inventory Tracker': 'shopify',
    'Variant Inventory Qty': '-3',
  }
  const { products, notices } = read(olderFile([row]))
  expect(products[0]!.variants[0]!.quantity).toBe(0n)
  expect(notices[0]!.text).toContain('below zero')
})

test('a file of two columns leaves all else unsaid', () => {
  const [product] = read('Title,Price\nA mug,5\n').products
  expect(product).toMatchObject({ handle: 'a-mug', description: undefined, images: undefined, viewState: undefined })
  expect(product!.variants[0]).toMatchObject({ price: 500n, sku: undefined, quantity: undefined })
})

test.each([';', '\t'])('%j stands between cells too', (delimiter) => {
  expect(read(`Title,Price\nA mug,5\n`.replaceAll(',', delimiter)).products[0]!.variants[0]!.price).toBe(500n)
})

const shirt: SampleRow = {
  'URL handle': 'shirt',
  Title: 'Shirt',
  'Option1 name': 'Size',
  'Option1 value': 'M',
  Price: '10',
}
const more = (row: SampleRow): SampleRow => ({ 'URL handle': 'shirt', 'Option1 value': 'L', Price: '11', ...row })

describe('a row is wrong that', () => {
  test.each<[what: string, rows: readonly SampleRow[], row: number, column: string, reason: string]>([
    ['has no title', [{ 'URL handle': 'a', Price: '1' }], 2, 'Title', 'is blank'],
    [
      'has a price with a comma',
      [{ ...shirt, Price: '1,50' }],
      2,
      'Price',
      '"1,50" is no amount: digits and at most one point, as 1299.90',
    ],
    [
      'has half pieces',
      [{ ...shirt, 'Inventory tracker': 'shopify', 'Inventory quantity': '1.5' }],
      2,
      'Inventory quantity',
      '"1.5" is no number of pieces',
    ],
    [
      'has a state that there is not',
      [{ ...shirt, Status: 'gone' }],
      2,
      'Status',
      'has to be active, draft, archived or unlisted',
    ],
    [
      'is published perhaps',
      [{ ...shirt, 'Published on online store': 'maybe' }],
      2,
      'Published on online store',
      'has to be TRUE or FALSE',
    ],
    ['repeats a variant', [shirt, more({ 'Option1 value': 'M' })], 3, 'Option1 value', 'is the variant of row 2 again'],
    [
      'has a price without a variant',
      [shirt, more({ 'Option1 value': '' })],
      3,
      'Price',
      'says something of a variant without values',
    ],
    [
      'changes the name of an option',
      [shirt, more({ 'Option1 name': 'Width' })],
      3,
      'Option1 name',
      'is not "Size", as in the first row',
    ],
    [
      'brings an option',
      [shirt, more({ 'Option2 value': 'Red' })],
      3,
      'Option2 value',
      'is of an option that the first row of the product does not name',
    ],
    [
      'has an option without a value',
      [{ ...shirt, 'Option2 name': 'Colour' }],
      2,
      'Option2 value',
      'is blank: it is of the option "Colour"',
    ],
    [
      'has a picture at no place',
      [{ ...shirt, 'Product image URL': 'x', 'Image position': 'first' }],
      2,
      'Image position',
      'is no number',
    ],
  ])('%s', (_what, rows, row, column, reason) => {
    const good = { Title: 'Good', 'URL handle': 'good', Price: '1' }
    const { products, problems } = read(newerFile([...rows, good]))
    expect(problems).toEqual([{ row, column, reason }])
    expect(products.map(({ handle }) => handle)).toEqual(['good'])
  })

  test('has more cells than there are columns', () => {
    expect(read('Title,Price\nA,1,2\n').problems).toEqual([
      { row: 2, column: '', reason: 'has 3 cells, and the first line 2' },
    ])
  })

  test('is the listing of another product', () => {
    const { problems } = read('Title,URL handle,Price,Listing ID\nA,a,1,7\nB,b,1,7\nC,c,1,0\n')
    expect(problems).toEqual([
      { row: 3, column: 'Listing ID', reason: 'listing 7 is the product of row 2 already' },
      { row: 4, column: 'Listing ID', reason: 'is no id: 1 to 2^64−1' },
    ])
  })
})

test('lines may end in several ways', () => {
  const { products, problems } = read('Title,Price\r\nA,1\nB,2\rC,3\r\n"D\nE",4\n')
  expect(problems).toEqual([])
  expect(products.map(({ title, row }) => [title, row])).toEqual([
    ['A', 2],
    ['B', 3],
    ['C', 4],
    ['D\nE', 5],
  ])
})

describe('a file is refused that', () => {
  test.each([
    ['is empty', '', 'the first line has to hold the names of the columns'],
    [
      'is no product file',
      'Name,Amount\nA,1\n',
      'there is no column Title: it has to be a product file, as Shopify writes it',
    ],
    ['has a column twice', 'Title,Price,Variant Price\nA,1,2\n', 'the column "Variant Price" stands there twice'],
    ['has a quote without an end', 'Title,Price\n"A,1\n', 'line 2: a cell begins with a quotation mark'],
    [
      'has a quote in a cell',
      'Title,Price\nA "B",1\n',
      'line 2: a quotation mark stands within a cell. Put one before',
    ],
    ['has a quote behind a cell', 'Title,Price\n"A"B,1\n', 'line 2: a quotation mark stands within a cell'],
  ])('%s', (_what, csv, problem) => {
    expect(() => read(csv)).toThrow(TableError)
    expect(() => read(csv)).toThrow(problem)
  })
})

test('a table comes back with quotes, line breaks and blanks', () => {
  const table = {
    header: ['A', 'B'],
    rows: [
      ['"', 'a,b'],
      ['\r', ' x\n'],
      ['', '=1'],
    ],
  }
  expect(readTable(`\u{feff}${writeTable(table)}`)).toEqual(table)
  expect(writeTable({ header: ['A'], rows: [['=1+1'], ['@x']] }, { guarded: true })).toBe("A\n'=1+1\n'@x\n")
})

describe('small files that would take long', () => {
  test('empty lines count as rows, and none at the end are kept', () => {
    expect(readTable(`Title,Price\r\n\r\n\nA mug,1\n${'\n'.repeat(1_000_000)}`).rows).toEqual([
      [''],
      [''],
      ['A mug', '1'],
    ])
    expect(() => readTable('\nTitle,Price\nA mug,1\n')).toThrow('the first line has to hold')
  })

  test('more rows than are read, empty ones too', () => {
    const rows = `Title,Price\n${'\n'.repeat(TABLE_ROWS_MAX - 1)}A mug,1\n`
    expect(readTable(rows).rows).toHaveLength(TABLE_ROWS_MAX)
    const error = `row ${TABLE_ROWS_MAX + 2}: at most ${TABLE_ROWS_MAX} rows are read; make several files of it`
    expect(() => readTable(`${rows}A hat,1\n`)).toThrow(new TableError(error))
  })

  test('a cell that is longer than what is read, by row and column', () => {
    const cell = 'x'.repeat(TABLE_CELL_UNITS_MAX)
    expect(readTable(`Title,Price\n${cell},1\n`).rows[0]![0]).toHaveLength(TABLE_CELL_UNITS_MAX)
    const error = `row 3, column Price: the cell has ${cell.length + 1} characters, at most ${cell.length} are read`
    expect(() => readTable(`Title,Price\nA mug,1\nA hat,${cell}x\n`)).toThrow(new TableError(error))
  })

  test('a description whose tags nest deeper than any page does', () => {
    const nested = (depth: number) => read(`Title,Body (HTML),Price\nA mug,${'<div>'.repeat(depth)}x,1\n`)
    expect(nested(HTML_DEPTH_MAX).products[0]!.description).toBe('x')
    expect(nested(200_000).problems).toEqual([
      { row: 2, column: 'Body (HTML)', reason: `tags nest deeper than ${HTML_DEPTH_MAX}` },
    ])
    expect(read(`Title,Body (HTML),Price\nA mug,${'<br><p>x'.repeat(100_000)},1\n`).problems).toEqual([])
  })
})
