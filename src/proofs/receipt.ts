/**
 * Order receipts (PROOFS §6), as others use them: verifying, making, and what a person is told of one.
 *
 * Tests: test/proofs/receipt.test.ts, test/proofs/receipt-report.test.ts
 */

import { sha256 } from '#hash'

export { ReceiptError, type ReceiptErrorCode } from './receipt-error.js'
export type { Receipt, ReceiptAnchor, ReceiptSet } from './receipt-form.js'
export type { StepSigner } from './receipt-history.js'
export { makeReceipt, receiptSets, type ReceiptParts, type SetForReceipt } from './receipt-maker.js'
export { receiptReport, type ReceiptOutcome, type ReceiptReport, type ReportTrust } from './receipt-report.js'
export { amountText, receiptText, type ReceiptStepText, type ReceiptText } from './receipt-text.js'
export type { ReceiptTotal } from './receipt-total.js'
export {
  addressNamedByReceipt,
  verifyReceipt,
  type ExpectedReceipt,
  type ReceiptChange,
  type ReceiptStep,
  type ReceiptTrust,
  type VerifiedReceipt,
} from './receipt-verifier.js'

/**
 * Names a receipt: SHA-256 of its bytes, 32 bytes.
 *
 * @example
 * ```ts
 * import { receiptDigest } from 'cairn-relay/receipt'
 *
 * console.log(receiptDigest(Uint8Array.of(0xa0)).length) // 32
 * ```
 */
export function receiptDigest(received: Uint8Array): Uint8Array {
  return sha256(received)
}
