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

/** As for receipts; registries left out: none was named, and an anchor counts for nothing. */
type Trust = Pick<ReceiptTrust, 'relays'> & { readonly registries?: ReceiptTrust['registries'] | undefined }

/** For verifyForm: verifies a receipt whole, and throws ReceiptError. */
export function receiptVerifier(trust: Trust, expected: ExpectedReceipt = {}): (receipt: Uint8Array) => ReceiptFacts {
  return (receipt) => {
    const { Sets, Checkpoint, Anchor } = decodeReceipt(receipt)
    const registries = trust.registries ?? (Anchor === undefined ? [] : [[Anchor.ChainID, Anchor.Contract] as const])
    verifyReceipt(receipt, { relays: trust.relays, registries }, expected)
    const { ChainID, Registry, Relay, ShopID, Seq: checkpointSeq } = decodeCheckpoint(Checkpoint[0])
    // Verified: there is a last one, which is in the checkpoint's log.
    const { Seq, Header, Signature, StateRoot } = Sets.at(-1)!
    const last = { Seq, Set: setDigest(Header, Signature), StateRoot }
    return { ChainID, Registry, Relay, ShopID, checkpointSeq, last }
  }
}
