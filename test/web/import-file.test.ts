/** A product file in the console: its report, and what it refuses to read or to write. */

import { describe, expect, test } from 'vitest'
import { readTable } from '../../src/catalogue/csv.js'
import { isSamePlan, readFile, reportLines } from '../../web/console/import-file.js'
import { changed, contentsOf, empty, imported, planOf } from '../fixtures/catalogue-shop.js'
import { listingIdOf } from '../../src/catalogue/listing-id.js'
import { newer, newerFile, older } from '../fixtures/product-samples.js'

const utf8 = (text: string) => new TextEncoder().encode(text)

test('the report has row, column and reason of each, what is wrong first', () => {
  const rows = [
    { 'URL handle': 'a', Title: 'A', Price: '1', Vendor: 'V', 'Inventory quantity': '-3' },
    { 'URL handle': 'b', Title: '', Price: 'much' },
  ]
  const read = readFile(utf8(newerFile(rows)), { decimals: 2 })
  const lines = reportLines({ read, plan: planOf(empty, newerFile(rows)) })
  const told = lines.map(({ kind, row, column }) => [kind, row, column].join(' | '))
  expect(told).toEqual([
    'wrong | 3 | Title',
    'wrong | 3 | Price',
    expect.stringMatching(/^note \| 2/u),
    'column |  | Vendor',
  ])
  expect(lines.every(({ reason }) => reason.length > 5)).toBe(true)
})

describe('a file', () => {
  test('that is no UTF-8, or would empty the shop, is refused', () => {
    expect(() => readFile(Uint8Array.of(0x54, 0xe9), { decimals: 2 })).toThrow('UTF-8')
    const none = utf8(newerFile([]))
    expect(() => readFile(none, { decimals: 2, mayDelete: true })).toThrow('the whole shop')
    expect(readFile(none, { decimals: 2 }).ids.size).toBe(0)
    expect(readTable(newer).rows.length).toBeGreaterThan(1)
  })

  test('asks for the same as long as nobody changed what it names', () => {
    const { state } = imported(empty, older)
    const edited = older.replace('"Wool shirt"', '"Woollen shirt"')
    const plan = planOf(state, edited)
    const id = listingIdOf('mug')
    const priced = changed(state, [{ op: 'replace', path: ['Listings', id, 'Price'], value: 7n }])
    const titled = changed(state, [
      { op: 'replace', path: ['Listings', listingIdOf('wool-shirt'), 'ViewState'], value: 0n },
    ])
    expect(contentsOf(priced)).not.toEqual(contentsOf(state))
    expect(isSamePlan(plan, planOf(state, edited))).toBe(true)
    expect(isSamePlan(plan, planOf(priced, edited))).toBe(false)
    expect(isSamePlan(plan, planOf(titled, edited))).toBe(false)
  })
})
