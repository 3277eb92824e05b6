/**
 * One digest over everything that an audit looked at, set by set, so that another one that goes on from there can tell
 * by hashing alone whether it is still what stands in the log:
 *
 *     trace = H(trace before ‖ CBOR [seq, committed at, reservation seconds, signer, account, role, header, signature,
 *               patches, state hash, what is kept of what it adds to the trees | null])
 *
 * and likewise over the checkpoints as they were first signed, which come later than their sets.
 *
 * Tests: test/cli/audit.test.ts
 */

import { sha256 } from '#hash'
import { concatBytes } from '../../bytes/bytes.js'
import { encode } from '../../codec/encode.js'
import type { LogRecord } from '../../store/store.js'

/** A set as it is stored, or as a relay shows it: then without the state hash that it says follows. */
export type AuditRecord = Omit<LogRecord, 'stateHash'> & Partial<Pick<LogRecord, 'stateHash'>>

/** Before the first set. */
export const NO_TRACE: Uint8Array = new Uint8Array(32)

/** 32 bytes. */
export function tracedCheckpoint(before: Uint8Array, first: Uint8Array): Uint8Array {
  return sha256(concatBytes(before, sha256(first)))
}

/** 32 bytes. `added`: as log-trees.ts has it. */
export function traced(before: Uint8Array, record: AuditRecord, added: Uint8Array | undefined): Uint8Array {
  const { seq, committedAtMs, reservationSeconds, signer, account, role, header, signature } = record
  const seen = encode([
    ...[seq, committedAtMs, reservationSeconds].map(BigInt),
    ...[signer, account, role, header, signature],
    ...[record.patches, record.stateHash ?? null, added ?? null],
  ])
  return sha256(concatBytes(before, seen))
}
