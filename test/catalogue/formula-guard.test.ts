import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTable, writeTable } from '../../src/catalogue/csv.js'
import { guarded, unguarded } from '../../src/catalogue/formula-guard.js'
import { changed, empty, exported, planOf } from '../fixtures/catalogue-shop.js'
import { listing } from '../fixtures/relay-harness.js'
import { map } from '../fixtures/sample-shop.js'

const FORMULAS = ['=cmd()', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1']

test.each(FORMULAS)('%j is no formula where it was exported', (cell) => {
  expect(guarded(cell)).toBe(`'${cell}`)
  expect(unguarded(guarded(cell))).toBe(cell)
  expect(unguarded(guarded(`'${cell}`))).toBe(`'${cell}`)
})

test('a table of what strangers wrote is guarded by the same rules', () => {
  const cells = [...FORMULAS, "'=1", 'Mug', "it's"]
  const table = { header: ['Cell'], rows: cells.map((cell) => [cell]) }
  const { rows } = readTable(writeTable(table, { guarded: true }))
  expect(rows.map(([cell]) => cell)).toEqual(cells.map(guarded))
})

test('what is no formula stays, and all is read as it was', () => {
  for (const cell of ['', 'Mug', "it's", "'quoted'", '4.50', ' =1']) expect(guarded(cell)).toBe(cell)
  const text = fc.oneof(fc.string(), fc.constantFrom(...FORMULAS, "'", "''=", "'a"))
  fc.assert(fc.property(text, (cell) => unguarded(guarded(cell)) === cell))
})

test('every cell of an export is guarded, and its import changes nothing', () => {
  const fields = { Metadata: map({ Title: '=1+1', Description: '@x' }) }
  const tag = { op: 'add', path: ['Tags', '=cmd()'], value: map({ Name: '=cmd()', ListingIDs: [1n] }) } as const
  const state = changed(empty, [listing(1n, fields), tag])
  const csv = exported(state)
  expect(csv.split('\n')[1]).toMatch(/^'=1\+1,1-1-1,'@x,'=cmd\(\),/u)
  expect(planOf(state, csv).sets).toEqual([])
})

test('a file of another maker is read as it stands', () => {
  const plan = planOf(empty, "Title,Description,Price\n'=1,x,1\n")
  const values = plan.sets.flat().map(({ value }) => value as unknown as ReadonlyMap<string, unknown>)
  const [metadata] = values.flatMap((value) => (value instanceof Map ? (value.get('Metadata') ?? []) : []))
  expect((metadata as ReadonlyMap<string, unknown>).get('Title')).toBe("'=1")
})
