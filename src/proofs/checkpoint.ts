/** All about checkpoints (PROOFS §3) for who builds on them: the subpath `cairn-relay/checkpoint`. */

export { CborTime } from '../codec/value.js'
export { ProofError, type ProofErrorCode } from '../merkle/proof-error.js'
export { CheckpointError, type CheckpointErrorCode } from './checkpoint-error.js'
export {
  checkpointDigest,
  decodeCheckpoint,
  decodeLast,
  decodeSignedCheckpoint,
  encodeCheckpoint,
  requireIdentity,
  signCheckpoint,
  verifyCheckpoint,
  verifyLast,
  type Checkpoint,
  type Last,
  type LogIdentity,
  type SignedCheckpoint,
  type VerifiedCheckpoint,
} from './checkpoint-form.js'
export { compareCheckpoints, type Comparison, type Evidence, type EvidenceKind } from './conflict.js'
export {
  evidenceOfLastLeaf,
  evidenceOfLog,
  evidenceOfTwoLeaves,
  type Judgement,
  type LoggedSet,
  type ShownLeaf,
  type StateRootAfter,
} from './evidence.js'
export {
  decodeSignedHandOver,
  encodeSignedHandOver,
  relaysAfter,
  signHandOver,
  verifyHandOver,
  type HandOver,
  type RelayIdentity,
  type SignedHandOver,
} from './hand-over.js'
export { logLeafBytes, logLeafHash, setDigest, type LogLeaf } from './log-leaf.js'
export {
  decodeLogConsistency,
  encodeLogConsistency,
  logConsistency,
  verifyLogConsistency,
  type LogConsistency,
} from './log-consistency.js'
export {
  decodeLogInclusion,
  encodeLogInclusion,
  logInclusion,
  LogSeqError,
  verifyLogInclusion,
  type LogHead,
  type LogInclusion,
  type ReadNode,
} from './log-proof.js'
export type { LogTrust, OfferedCheckpoint } from './checkpoint-acceptance.js'
export { CheckpointTrust } from './later-checkpoint.js'
