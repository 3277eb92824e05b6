/**
 * What a client accepts of a relay's checkpoints (PROOFS §3): one after the other, each a continuation of the last, and
 * how old the last one is. Time comes from the caller.
 *
 * Tests: test/proofs/checkpoint.test.ts
 */

import type { Seconds } from '../brands.js'
import { formatRfc3339 } from '../codec/time.js'
import { CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX, VERIFIED_AT_SECONDS_DEFAULT } from '../limits.js'
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
import type { LogConsistency } from './log-consistency.js'

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

/** What a later checkpoint has to be (later-checkpoint.ts); the first one needs none of it. */
export interface LaterRules {
  /** Throws CheckpointError. */
  requireNoConflict(last: VerifiedCheckpoint, next: VerifiedCheckpoint): void
  /** Throws CheckpointError. */
  requireConsistency(last: VerifiedCheckpoint, next: VerifiedCheckpoint, consistency: LogConsistency | undefined): void
}

/** See CheckpointTrust. */
export class AcceptedCheckpoints {
  private readonly trust: LogTrust
  private readonly rules: LaterRules
  private last: VerifiedCheckpoint | undefined

  /** Goes on from `accepted`, which was kept, if it is given. Throws CheckpointError 'identity' if it is another's. */
  constructor(trust: LogTrust, rules: LaterRules, accepted?: VerifiedCheckpoint) {
    if (accepted !== undefined) requireIdentity(accepted.fields, trust)
    this.trust = trust
    this.rules = rules
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
    if (this.last !== undefined) this.rules.requireNoConflict(this.last, next)
    verifyLast(offered.last, next.fields)
    if (this.last !== undefined && next.fields.Seq > this.last.fields.Seq)
      this.rules.requireConsistency(this.last, next, offered.consistency)
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
