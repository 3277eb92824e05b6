/**
 * What a verified order receipt (PROOFS §6) says of its log, as the forms of §8 ask it.
 *
 * Tests: test/notes/receipt-facts.test.ts
 */

import { decodeCheckpoint } from '../proofs/checkpoint-form.js'
import { setDigest } from '../proofs/log-leaf.js'
import { decodeReceipt } from '../proofs/receipt-form.js'
import { registriesFor, type ReportTrust } from '../proofs/receipt-report.js'
import { verifyReceipt, type ExpectedReceipt } from '../proofs/receipt-verifier.js'
import type { ReceiptFacts } from './forms.js'

/** For verifyForm: verifies a receipt whole, and throws ReceiptError. */
export function receiptVerifier(
  trust: ReportTrust,
  expected: ExpectedReceipt = {},
): (receipt: Uint8Array) => ReceiptFacts {
  return (receipt) => {
    const decoded = decodeReceipt(receipt)
    const { Sets, Checkpoint } = decoded
    verifyReceipt(receipt, { relays: trust.relays, registries: registriesFor(decoded, trust) }, expected)
    const { ChainID, Registry, Relay, ShopID, Seq: checkpointSeq } = decodeCheckpoint(Checkpoint[0])
    // Verified: there is a last one, which is in the checkpoint's log.
    const { Seq, Header, Signature, StateRoot } = Sets.at(-1)!
    const last = { Seq, Set: setDigest(Header, Signature), StateRoot }
    return { ChainID, Registry, Relay, ShopID, checkpointSeq, last }
  }
}
