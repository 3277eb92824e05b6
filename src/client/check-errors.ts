/**
 * What the client throws, and what checks throw: the `cause` of VERIFICATION_FAILED.
 *
 * Tests: test/client/proven-client.test.ts
 */

export { ClientError } from './client-error.js'
export { ProofError } from '../merkle/proof-error.js'
export { StateProofError } from '../merkle/state-proof-error.js'
export { CheckpointError } from '../proofs/checkpoint-error.js'
export { HeldObjectError } from '../proofs/held-object-error.js'
export { MyOrdersError } from '../proofs/my-orders-error.js'
export { SnapshotError } from '../proofs/snapshot.js'
export { OwnSetError } from './own-set-error.js'
export { VerificationError } from './verification-error.js'
