/**
 * What a relay tells a shop's staff of its orders' payments (docs/protocol, "Payment rows"): pages of rows, one for
 * each order, as `cairn orders` lists them. All of it is deterministic CBOR, by the rules of cddl/payment-rows.cddl.
 * Nothing of it is proven: it is what the relay saw on chains, and no log has it.
 *
 * Tests: test/wire/payment-page.test.ts
 */

import { readDeterministic } from '../codec/deterministic.js'
import { encode } from '../codec/encode.js'
import { arrayOf, bool, optional, required, SchemaError, struct, text, uint, type Infer } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { PAYMENT_NOTES_PER_ROW_MAX, PAYMENT_ROWS_PER_PAGE_MAX } from '../limits.js'
import { amount, bytes32, ChainAddress, orderId, uint64 } from '../objects/scalars.js'

const PaymentAmount = struct({ Amount: required(amount), Currency: required(ChainAddress) }, { unlisted: 'refused' })

const PaymentOddity = struct(
  {
    Kind: required(text),
    Text: required(text),
    Amount: optional(PaymentAmount),
    Missing: optional(PaymentAmount),
    Place: optional(text),
  },
  { unlisted: 'refused' },
)

/**
 * `Number`: of the order in its shop, from 1. `State`: as `cairn orders` shows it. Times are seconds since 1970.
 * `Transactions`: 32 bytes each. `LeftOut`: how many transactions and oddities are not there for their number.
 */
export const PaymentRow = struct(
  {
    Order: required(orderId),
    Number: required(uint(64, 1n)),
    State: required(text),
    Due: optional(PaymentAmount),
    Paid: optional(PaymentAmount),
    Transactions: required(arrayOf(bytes32, PAYMENT_NOTES_PER_ROW_MAX)),
    PayableUntil: optional(uint64),
    ReservedUntil: optional(uint64),
    CanceledAt: optional(uint64),
    Oddities: required(arrayOf(PaymentOddity, PAYMENT_NOTES_PER_ROW_MAX)),
    LeftOut: optional(uint(64, 1n)),
  },
  { unlisted: 'refused' },
)
export interface PaymentRow extends Infer<typeof PaymentRow> {}

/** `After`: more rows follow after this order. `Again`: of a push, changes were left out: ask from the start. */
const PaymentPageForm = struct(
  {
    Rows: required(arrayOf(PaymentRow, 2 * PAYMENT_ROWS_PER_PAGE_MAX)),
    After: optional(orderId),
    Again: optional(bool),
  },
  { unlisted: 'refused' },
)
export type PaymentPage = Infer<typeof PaymentPageForm>

/** Bytes that are no page. */
export class PaymentPageError extends Error {
  override readonly name = 'PaymentPageError'
}

/** Fresh. */
export function encodePaymentPage(page: PaymentPage): Uint8Array {
  return encode(PaymentPageForm.write(page))
}

/** Byte strings are views. Throws PaymentPageError. */
export function readPaymentPage(bytes: Uint8Array): PaymentPage {
  try {
    return readDeterministic(PaymentPageForm, bytes, 'payment page')
  } catch (cause) {
    if (!(cause instanceof SchemaError) && !(cause instanceof CborError)) throw cause
    throw new PaymentPageError(`payment page: ${cause.message}`, { cause })
  }
}
