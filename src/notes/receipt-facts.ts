/**
 * What a verified order receipt (PROOFS §6) says of its log, as the forms of §8 ask it.
 *
 * Tests: test/notes/receipt-facts.test.ts
 */

import { decodeCheckpoint } from '../proofs/checkpoint-form.js'
import { setDigest } from '../proofs/log-leaf.js'
import { decodeReceipt } from '../proofs/receipt-form.js'
import { verifyReceipt, type ExpectedReceipt, type ReceiptTrust } from '../proofs/receipt-verifier.js'
import type { ReceiptFacts } from './forms.js'

/** For verifyForm: verifies a receipt whole, and throws ReceiptError. */
export function receiptVerifier(
  trust: ReceiptTrust,
  expected: ExpectedReceipt = {},
): (receipt: Uint8Array) => ReceiptFacts {
  return (receipt) => {
    verifyReceipt(receipt, trust, expected)
    const { Sets, Checkpoint } = decodeReceipt(receipt)
    const { ChainID, Registry, Relay, ShopID, Seq: checkpointSeq } = decodeCheckpoint(Checkpoint[0])
    // Verified: there is a last one, which is in the checkpoint's log.
    const { Seq, Header, Signature, StateRoot } = Sets.at(-1)!
    return {
      ChainID,
      Registry,
      Relay,
      ShopID,
      checkpointSeq,
      last: { Seq, Set: setDigest(Header, Signature), StateRoot },
    }
  }
}
