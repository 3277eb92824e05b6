/** Pages of payment rows there and back, against cddl/payment-rows.cddl, and what is no page. */

import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Cbor, CborMap } from '../../src/codec/value.js'
import { PAYMENT_NOTES_PER_ROW_MAX } from '../../src/limits.js'
import {
  encodePaymentPage,
  PaymentPageError,
  readPaymentPage,
  type PaymentPage,
  type PaymentRow,
} from '../../src/wire/payment-page.js'
import { check } from '../fixtures/cddl-check.js'
import { neighbours, withoutOneKey } from '../fixtures/cddl-neighbours.js'

const wei = (Amount: bigint) => ({ Amount, Currency: { ChainID: 1n, Address: new Uint8Array(20) } })
const plain: PaymentRow = { Order: 5n, Number: 1n, State: 'Open', Transactions: [], Oddities: [] }
const full: PaymentRow = {
  Order: 2n ** 64n - 1n,
  Number: 77n,
  State: 'Paid, canceled',
  Due: wei(2n ** 256n - 1n),
  Paid: wei(0n),
  Transactions: [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)],
  PayableUntil: 1_700_000_000n,
  ReservedUntil: 1_700_000_001n,
  CanceledAt: 1_700_000_002n,
  Oddities: [
    { Kind: 'partial', Text: 'It is less.', Amount: wei(7n), Missing: wei(3n), Place: 'chain 1 block 2' },
    { Kind: 'no details', Text: 'It is not known.' },
  ],
  LeftOut: 3n,
}
const pages: readonly (readonly [string, PaymentPage])[] = [
  ['nothing', { Rows: [] }],
  ['one row of each kind, and more to come', { Rows: [plain, full], After: 5n }],
  ['word that changes were left out', { Rows: [], Again: true }],
]

describe('what is encoded', () => {
  test.each(pages)('%s is read as the same, and is what the contract says', (_name, page) => {
    const bytes = encodePaymentPage(page)
    expect(readPaymentPage(bytes)).toEqual(page)
    expect(check('PaymentPage', decode(bytes))).toEqual([])
  })

  test.each(pages)('%s in any other form is refused', (_name, page) => {
    const bytes = encodePaymentPage(page)
    const longer = concatBytes(Uint8Array.of((bytes[0]! & 0xe0) | 24, bytes[0]! & 0x1f), bytes.subarray(1))
    for (const other of [concatBytes(bytes, Uint8Array.of(0)), bytes.subarray(0, bytes.length - 1), longer])
      expect(() => readPaymentPage(other)).toThrow(PaymentPageError)
  })

  test.each(pages)('%s, broken in one place, is refused by the reader where it is by the contract', (_name, page) => {
    const decoded = decode(encodePaymentPage(page))
    const broken: { readonly name: string; readonly value: Cbor }[] = [...neighbours(decoded)]
    for (const { key, value } of withoutOneKey(decoded as CborMap))
      broken.push({ name: `without ${String(key)}`, value })
    expect(broken.length).toBeGreaterThan(2)
    for (const { name, value } of broken.filter((one) => isCbor(one.value)))
      expect.soft([name, reads(encode(value))]).toEqual([name, check('PaymentPage', value).length === 0])
  })
})

test('a row has at most so many transactions and oddities', () => {
  const hashes = (count: number) => Array.from({ length: count }, () => new Uint8Array(32))
  const page = (count: number) => encodePaymentPage({ Rows: [{ ...plain, Transactions: hashes(count) }] })
  expect(reads(page(PAYMENT_NOTES_PER_ROW_MAX))).toBe(true)
  expect(reads(page(PAYMENT_NOTES_PER_ROW_MAX + 1))).toBe(false)
})

/** No integer that CBOR has no form for here. */
function isCbor(value: Cbor): boolean {
  try {
    encode(value)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

function reads(bytes: Uint8Array): boolean {
  try {
    readPaymentPage(bytes)
    return true
  } catch (error) {
    if (error instanceof PaymentPageError) return false
    throw error
  }
}
