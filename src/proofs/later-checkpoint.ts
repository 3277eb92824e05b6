/**
 * What a client asks of a checkpoint that comes after one that it accepted (PROOFS §3): it contradicts nothing, and its
 * log began as the other's.
 *
 * Tests: test/proofs/checkpoint.test.ts
 */

import { ProofError } from '../merkle/proof-error.js'
import { AcceptedCheckpoints, type LogTrust } from './checkpoint-acceptance.js'
import { CheckpointError } from './checkpoint-error.js'
import type { VerifiedCheckpoint } from './checkpoint-form.js'
import { conflictBetween } from './conflict.js'
import { verifyLogConsistency, type LogConsistency } from './log-consistency.js'

export { decodeLogConsistency } from './log-consistency.js'

/**
 * Holds the last accepted checkpoint of one shop.
 *
 * @example
 * ```ts
 * import * as checkpoints from 'cairn-relay/checkpoint'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const digest = (byte: number) => new Uint8Array(32).fill(byte)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const [Set, StateRoot] = [digest(4), digest(3)]
 * const Peaks = [checkpoints.logLeafHash({ Seq: 1n, Set, StateRoot })]
 * const Timestamp = new checkpoints.CborTime(1_000n)
 * const state = { Seq: 1n, Peaks, StateRoot, StateHash: digest(2), Timestamp }
 * const bytes = checkpoints.encodeCheckpoint({ Version: 1n, ...identity, ...state })
 *
 * const trust = new checkpoints.CheckpointTrust({ ...identity, relays: [relay] })
 * console.log(trust.accept({ signed: checkpoints.signCheckpoint(bytes, secret), last: [Set, []] }, 1_010n)) // accepted
 * console.log(trust.isStale(1_060n), trust.isStale(1_061n)) // false true
 * ```
 */
export class CheckpointTrust extends AcceptedCheckpoints {
  /** Goes on from `accepted`, which was kept, if it is given. Throws CheckpointError 'identity' if it is another's. */
  constructor(trust: LogTrust, accepted?: VerifiedCheckpoint) {
    super(trust, { requireNoConflict, requireConsistency }, accepted)
  }
}

/** What speaks against the relay comes before what may be an old answer. */
export function requireNoConflict(last: VerifiedCheckpoint, next: VerifiedCheckpoint): void {
  const conflict = conflictBetween(last.fields, next.fields)
  if (conflict?.kind === 'two-contents') throw new CheckpointError('two-contents', conflict.message)
  if (conflict?.kind === 'time-falls') throw new CheckpointError('time-falls', conflict.message)
  const [found, wanted] = [next.fields.Seq, last.fields.Seq]
  if (found >= wanted) return
  const problem = `checkpoint ${found} comes after checkpoint ${wanted} was accepted`
  throw new CheckpointError('seq-lower', problem, { at: 'Seq', found: `${found}`, wanted: `at least ${wanted}` })
}

/** A log that only grew. Throws CheckpointError. */
export function requireConsistency(
  last: VerifiedCheckpoint,
  next: VerifiedCheckpoint,
  consistency: LogConsistency | undefined,
): void {
  const between = `checkpoint ${next.fields.Seq} after ${last.fields.Seq}`
  if (consistency === undefined) throw new CheckpointError('consistency', `${between}: no consistency came with it`)
  try {
    verifyLogConsistency(consistency, last.fields, next.fields)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new CheckpointError('consistency', `${between}: ${cause.message}`, { cause })
  }
}
