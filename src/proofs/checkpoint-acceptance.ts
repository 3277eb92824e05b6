/**
 * What a client accepts of a relay's checkpoints (PROOFS §3): one after the other, each a continuation of the last, and
 * how old the last one is. Time comes from the caller.
 *
 * Tests: test/proofs/checkpoint.test.ts
 */

import type { Seconds } from '../brands.js'
import { formatRfc3339 } from '../codec/time.js'
import { CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX, VERIFIED_AT_SECONDS_DEFAULT } from '../limits.js'
import { ProofError } from '../merkle/proof-error.js'
import { CheckpointError } from './checkpoint-error.js'
import {
  requireIdentity,
  verifyCheckpoint,
  verifyLast,
  type Last,
  type LogIdentity,
  type SignedCheckpoint,
  type VerifiedCheckpoint,
} from './checkpoint-form.js'
import { conflictBetween } from './conflict.js'
import { verifyLogConsistency, type LogConsistency } from './log-proof.js'

/**
 * Whose checkpoints are accepted. Who knows the relay's address and the shop only takes the rest from the fields of the
 * first checkpoint that verifyCheckpoint gave, and keeps it.
 */
export interface LogTrust extends LogIdentity {
  /** Addresses of the relay's keys, 20 bytes each: several after a rotation. */
  readonly relays: readonly Uint8Array[]
}

/** A checkpoint as it arrives. */
export interface OfferedCheckpoint {
  readonly signed: SignedCheckpoint
  readonly last: Last
  /** From the last accepted Seq to this one; not looked at where there is none before, or its Seq is the same. */
  readonly consistency?: LogConsistency | undefined
}

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
export class CheckpointTrust {
  private readonly trust: LogTrust
  private last: VerifiedCheckpoint | undefined

  /** Goes on from `accepted`, which was kept, if it is given. Throws CheckpointError 'identity' if it is another's. */
  constructor(trust: LogTrust, accepted?: VerifiedCheckpoint) {
    if (accepted !== undefined) requireIdentity(accepted.fields, trust)
    this.trust = trust
    this.last = accepted
  }

  /** The last accepted checkpoint. */
  get accepted(): VerifiedCheckpoint | undefined {
    return this.last
  }

  /**
   * Checks all of a checkpoint and holds it from now on; `ignored` if it is the one that is held, signed earlier.
   * Throws CheckpointError, and goes on holding what it held.
   */
  accept(offered: OfferedCheckpoint, nowSeconds: Seconds): 'accepted' | 'ignored' {
    const next = verifyCheckpoint(offered.signed, this.trust.relays)
    requireIdentity(next.fields, this.trust)
    requireNotAhead(next, nowSeconds)
    if (this.last !== undefined) requireNoConflict(this.last, next)
    verifyLast(offered.last, next.fields)
    if (this.last !== undefined && next.fields.Seq > this.last.fields.Seq)
      requireConsistency(this.last, next, offered.consistency)
    if (this.last?.fields.Seq === next.fields.Seq && next.fields.Timestamp.seconds < timeOf(this.last)) return 'ignored'
    this.last = next
    return 'accepted'
  }

  /**
   * Whether the last accepted checkpoint is older than `verifiedAtSeconds`, counted from its Timestamp, not from when
   * it came; true if there is none.
   */
  isStale(nowSeconds: Seconds, verifiedAtSeconds: Seconds = VERIFIED_AT_SECONDS_DEFAULT): boolean {
    return this.last === undefined || nowSeconds - timeOf(this.last) > verifiedAtSeconds
  }
}

function timeOf({ fields }: VerifiedCheckpoint): Seconds {
  return fields.Timestamp.seconds
}

function requireNotAhead(next: VerifiedCheckpoint, nowSeconds: Seconds): void {
  const latest = nowSeconds + CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX
  if (timeOf(next) <= latest) return
  const [found, now] = [formatRfc3339(timeOf(next)), formatRfc3339(nowSeconds)]
  const problem = `checkpoint ${next.fields.Seq} is of ${found}, more than 5 minutes after now, ${now}`
  throw new CheckpointError('future', problem, { at: 'Timestamp', found, wanted: `at most ${formatRfc3339(latest)}` })
}

/** What speaks against the relay comes before what may be an old answer. */
function requireNoConflict(last: VerifiedCheckpoint, next: VerifiedCheckpoint): void {
  const conflict = conflictBetween(last.fields, next.fields)
  if (conflict?.kind === 'two-contents') throw new CheckpointError('two-contents', conflict.message)
  if (conflict?.kind === 'time-falls') throw new CheckpointError('time-falls', conflict.message)
  const [found, wanted] = [next.fields.Seq, last.fields.Seq]
  if (found >= wanted) return
  const problem = `checkpoint ${found} comes after checkpoint ${wanted} was accepted`
  throw new CheckpointError('seq-lower', problem, { at: 'Seq', found: `${found}`, wanted: `at least ${wanted}` })
}

function requireConsistency(
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
