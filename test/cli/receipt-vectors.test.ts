/** The sections of order receipts in the specification's known answers, and that each can fail. */

import { describe, expect, test } from 'vitest'
import { checkReceiptSections, RECEIPT_SECTIONS } from '../../src/cli/receipt-vectors.js'
import { VectorFileError } from '../../src/cli/vector-findings.js'
import { receiptKat } from '../fixtures/kat-receipts.js'

type Row = Record<string, unknown>
const { log, receipts, receipts_refused } = receiptKat

test('every row agrees', () => {
  const findings = checkReceiptSections({ log, receipts, receipts_refused })
  expect([findings.differences, findings.notes]).toEqual([[], []])
  expect(findings.agree).toBe(8 + 63)
  expect(checkReceiptSections({ log }).agree).toBe(0)
})

describe('the check can fail', () => {
  test.each<[field: string, value: unknown]>([
    ['order', '1'],
    ['value', 'a0'],
    ['history', []],
    ['total', null],
    ['anchored', true],
    ['relays', []],
  ])('at a receipt whose %s is another', (field, value) => {
    const changed = [{ ...(receipts[0] as unknown as Row), [field]: value }]
    const { differences } = checkReceiptSections({ log, receipts: changed })
    expect(differences.map(({ at }) => at)).toEqual([`receipts: ${receipts[0]!.name}`])
  })

  test('at a refused one that is good', () => {
    const good = { ...receipts_refused[0]!, splices: [] }
    const { differences } = checkReceiptSections({ log, receipts, receipts_refused: [good] })
    expect(differences.map(({ theirs }) => theirs)).toEqual(['refused: Trail'])
  })

  test('a section of another shape is said to be one', () => {
    for (const section of RECEIPT_SECTIONS)
      expect(() => checkReceiptSections({ log, [section]: [{ name: 'x', base: ['receipts', 0] }] }), section).toThrow(
        VectorFileError,
      )
  })
})
