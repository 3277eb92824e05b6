/**
 * One digest over everything that an audit looked at, set by set, so that another one that goes on from there can tell
 * by hashing alone whether it is still what stands in the log:
 *
 *     trace = H(trace before ‖ CBOR [seq, committed at, reservation seconds, signer, account, role, header, signature,
 *               patches, state hash, state root, checkpoint | null])
 *
 * Tests: test/relay/audit/audit-file.test.ts
 */

import { sha256 } from '#hash'
import { concatBytes } from '../../bytes/bytes.js'
import { encode } from '../../codec/encode.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { LogRecord } from '../../store/store.js'

/** Before the first set. */
export const NO_TRACE: Uint8Array = new Uint8Array(32)

/** 32 bytes. */
export function traced(
  before: Uint8Array,
  record: LogRecord,
  stateRoot: Uint8Array,
  signed: SignedCheckpoint | undefined,
): Uint8Array {
  const { seq, committedAtMs, reservationSeconds, signer, account, role, header, signature } = record
  const seen = encode([
    ...[seq, committedAtMs, reservationSeconds].map(BigInt),
    ...[signer, account, role, header, signature],
    ...[record.patches, record.stateHash, stateRoot, signed ?? null],
  ])
  return sha256(concatBytes(before, seen))
}
