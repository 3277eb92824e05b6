/** A product file in the console: its report, and what it refuses to read or to write. */

import { describe, expect, test } from 'vitest'
import { readTable } from '../../src/catalogue/csv.js'
import { changedFields, dryRunOf, isSamePlan, readFile, reportLines } from '../../web/console/import-file.js'
import { changed, contentsOf, empty, imported, planOf } from '../fixtures/catalogue-shop.js'
import { listingIdOf } from '../../src/catalogue/listing-id.js'
import { newer, newerFile, older } from '../fixtures/product-samples.js'
import { map } from '../fixtures/sample-shop.js'
import { picturesByFile } from '../../web/console/picture-files.js'

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

test('what others changed since the report was made is told field by field, and nothing else is', () => {
  const { state } = imported(empty, older)
  const read = readFile(utf8(older), { decimals: 2 })
  const dry = (shop: typeof state) => dryRunOf({ name: 'shop.csv', read, options: {} }, contentsOf(shop))
  const mug = listingIdOf('mug')
  const fields = ['Price', 'ViewState'].map((field) => ['Listings', mug, field] as const)
  const now = changed(
    changed(state, [
      { op: 'replace', path: fields[0]!, value: 7n },
      { op: 'replace', path: ['Tags', 'Winter', 'ListingIDs'], value: [] },
    ]),
    [{ op: 'replace', path: ['Inventory', mug], value: 3n }],
  )
  const told = changedFields(dry(state), dry(now), (amount) => `${amount} c`)
  const { Price } = contentsOf(state).listings.find(({ ID }) => ID === mug)!
  const pieces = contentsOf(state).stock.find(({ listing }) => listing === mug)!.pieces
  const [before, after] = [contentsOf(state), contentsOf(now)].map(
    ({ tags }) => `${tags.get('Winter')!.ListingIDs!.length} of them`,
  )
  expect(told).toEqual(
    expect.arrayContaining([
      { name: 'Mug: Price', before: `${Price} c`, theirs: '7 c', mine: `${Price} c` },
      { name: 'Mug: Stock', before: `${pieces}`, theirs: '3', mine: `${pieces}` },
      { name: 'Tag Winter', before, theirs: after, mine: expect.any(String) as string },
    ]),
  )
  expect(told).toHaveLength(3)
})

test('that lists and options were changed is told where as many are there as before', () => {
  const { state } = imported(empty, older)
  const read = readFile(utf8(older), { decimals: 2 })
  const dry = (shop: typeof state) => dryRunOf({ name: 'shop.csv', read, options: {} }, contentsOf(shop))
  const all = contentsOf(state).listings
  const pictured = all.find(({ Metadata }) => (Metadata.Images?.length ?? 0) > 0)!
  const chosen = all.find(({ Options }) => (Options?.size ?? 0) > 0)!
  const dearer = ['Listings', chosen.ID, 'Options', 'Size', 'Variations', 'L'] as const
  const others = pictured.Metadata.Images!.map((_image, i) => `https://x.example/other-${i}.png`)
  const now = changed(state, [
    { op: 'replace', path: ['Listings', pictured.ID, 'Metadata', 'Images'], value: others },
    { op: 'replace', path: [...dearer, 'PriceModifier'], value: map({ ModificationPercent: 110n }) },
  ])
  const told = changedFields(dry(state), dry(now), (amount) => `${amount}`)
  expect(told.map(({ name }) => name).sort()).toEqual(
    [`${pictured.Metadata.Title}: Images`, `${chosen.Metadata.Title}: Options`].sort(),
  )
  for (const { before, theirs } of told) expect(theirs).not.toBe(before)
  const count = `${others.length} of them`
  const [images] = told.filter(({ name }) => name.endsWith('Images'))
  expect(images).toMatchObject({ before: count, theirs: `${count}, changed`, mine: count })
})

test('pictures that are files are known by their names, whatever their folders', () => {
  const named = picturesByFile([
    'a/mug.webp',
    'b\\mug.webp',
    'cap.png',
    'https://x.example/y.png',
    '/ipfs/Qm1',
    'data:,',
  ])
  expect([...named]).toEqual([
    ['mug.webp', ['a/mug.webp', 'b\\mug.webp']],
    ['cap.png', ['cap.png']],
  ])
})
