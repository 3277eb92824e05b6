/** What a user has of the package to find out a lie. Bundled with one check taken out, it is a client that lacks it. */

export { connect } from '../../src/client/shop-client.js'
export { receiptReport, verifyReceipt } from '../../src/proofs/receipt.js'
export { reportWithAnchor } from '../../src/proofs/receipt-report.js'
export { findAnchorCall } from '../../src/chain/anchor-call.js'
export { CheckpointTrust, verifyLogConsistency, verifyLogInclusion } from '../../src/proofs/checkpoint.js'
export { verifyPatchProofs } from '../../src/merkle/patch-proof.js'
export { verifyStateProofs } from '../../src/merkle/state-proof.js'
export { verifyCheckpoint } from '../../src/proofs/checkpoint.js'
export {
  evidenceOfTwoBindings,
  evidenceOfTwoNotes,
  evidenceOfTwoTrees,
  verifyBinding,
  verifyNote,
} from '../../src/notes/forms.js'
