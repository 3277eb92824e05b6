/** Order receipts against cddl/receipt.cddl: those of the known answers, which we make byte for byte. */

import { describe, expect, test } from 'vitest'
import { receiptCall } from '../../src/cli/receipt-vectors.js'
import { decode } from '../../src/codec/decode.js'
import { CborError } from '../../src/codec/value.js'
import { decodeReceipt } from '../../src/proofs/receipt-form.js'
import { ReceiptError } from '../../src/proofs/receipt-error.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours } from '../fixtures/cddl-neighbours.js'
import { receiptKat } from '../fixtures/kat-receipts.js'

const values = receiptKat.receipts
  .slice(0, 3)
  .map((row) => [row.name, decode(receiptCall(receiptKat, row)[0])] as const)

test.each(values)('%s is a Receipt', (_name, value) => {
  expect(check('Receipt', value)).toEqual([])
})

test.each(values)('%s, broken anywhere, is none', (_name, value) => {
  const broken = neighbours(value)
  expect(broken.length).toBeGreaterThan(200)
  const taken = broken.filter((neighbour) => check('Receipt', neighbour.value).length === 0).map(({ name }) => name)
  expect(taken.filter((name) => !OF_ANY_LENGTH.test(name))).toEqual([])
})

/** Byte strings whose inside is another rule's matter, and those of state proofs, which may be empty too. */
const OF_ANY_LENGTH = new RegExp(
  [
    String.raw`^Sets: \d: (?:Header|Manifest|Patches: \d: [01]): 33 bytes more$`,
    String.raw`^(?:Listings: \d|Checkpoint: 0|Anchor: Checkpoint: 0): 33 bytes more$`,
    '^Proofs: .*(?:33 bytes more|no bytes)$',
  ].join('|'),
  'u',
)

describe('the refused known answers', () => {
  test('are none by the contract exactly where their form is refused', () => {
    const seen = { both: 0, neither: 0 }
    for (const row of receiptKat.receipts_refused) {
      const [bytes] = receiptCall(receiptKat, row)
      const value = decoded(bytes)
      if (value === undefined) continue
      const isNone = check('Receipt', value).length > 0
      expect.soft([row.name, isNone]).toEqual([row.name, isRefused(bytes)])
      seen[isNone ? 'both' : 'neither']++
    }
    expect(seen.both).toBeGreaterThan(3)
    expect(seen.neither).toBeGreaterThan(40)
  })
})

function decoded(bytes: Uint8Array) {
  try {
    return decode(bytes)
  } catch (error) {
    if (error instanceof CborError) return undefined
    throw error
  }
}

function isRefused(bytes: Uint8Array): boolean {
  try {
    decodeReceipt(bytes)
    return false
  } catch (error) {
    if (error instanceof ReceiptError) return true
    throw error
  }
}
