/**
 * Two checkpoints of one log against each other (PROOFS §3): what they show by themselves against the relay that signed
 * both, and whether the later one continues the earlier. Other evidence is in evidence.ts.
 *
 * Tests: test/proofs/evidence.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'
import { formatRfc3339 } from '../codec/time.js'
import { ProofError } from '../merkle/proof-error.js'
import { requireIdentity, type Checkpoint, type VerifiedCheckpoint } from './checkpoint-form.js'
import { verifyLogConsistency, type LogConsistency } from './log-consistency.js'

/**
 * two-contents: two checkpoints of one Seq differ in more than Timestamp · two-leaves: two leaves for one seq, each in
 * the log of a checkpoint · last-leaf: a checkpoint's StateRoot is not that of its last leaf · time-falls: Seq rises
 * while Timestamp falls · state: from the sets of the log another StateRoot follows than a leaf holds.
 */
export type EvidenceKind = 'two-contents' | 'two-leaves' | 'last-leaf' | 'time-falls' | 'state'

/** Two statements that a relay signed, and that cannot both be true. */
export interface Evidence {
  readonly outcome: 'evidence'
  readonly kind: EvidenceKind
  /** One line: where, and both values. */
  readonly message: string
}

/**
 * same: one Seq, at most another Timestamp · consistent: the later log began as the earlier · evidence · not shown: no
 * valid consistency was given, which is reported and proves nothing by itself.
 */
export type Comparison =
  { readonly outcome: 'same' | 'consistent' } | { readonly outcome: 'not shown'; readonly reason: string } | Evidence

/**
 * Compares a checkpoint with one from anywhere, of either order. `consistency`: the relay's answer when it is asked for
 * the one between the two Seqs; undefined if it gives none. Throws CheckpointError 'identity' for another shop's.
 *
 * @example
 * ```ts
 * import * as checkpoints from 'cairn-relay/checkpoint'
 *
 * const secret = new Uint8Array(32).fill(7)
 * const relay = new Uint8Array(Buffer.from('4a62316623ad457f02cdc5d997ded67a383ec569', 'hex'))
 * const digest = (byte: number) => new Uint8Array(32).fill(byte)
 * const identity = { ChainID: 1n, Registry: new Uint8Array(20), Relay: 12n, ShopID: 7n }
 * const Timestamp = new checkpoints.CborTime(0n)
 * function signed(StateRoot: Uint8Array) {
 *   const state = { Seq: 1n, Peaks: [digest(1)], StateRoot, StateHash: digest(2), Timestamp }
 *   const bytes = checkpoints.encodeCheckpoint({ Version: 1n, ...identity, ...state })
 *   return checkpoints.verifyCheckpoint(checkpoints.signCheckpoint(bytes, secret), [relay])
 * }
 * const [one, other] = [signed(digest(3)), signed(digest(4))]
 * console.log(checkpoints.compareCheckpoints(one, one, undefined).outcome) // same
 * console.log(checkpoints.compareCheckpoints(one, other, undefined).outcome) // evidence
 * ```
 */
export function compareCheckpoints(
  mine: VerifiedCheckpoint,
  other: VerifiedCheckpoint,
  consistency: LogConsistency | undefined,
): Comparison {
  requireIdentity(other.fields, mine.fields)
  const conflict = conflictBetween(mine.fields, other.fields)
  if (conflict !== undefined) return conflict
  if (mine.fields.Seq === other.fields.Seq) return { outcome: 'same' }
  const [earlier, later] = mine.fields.Seq < other.fields.Seq ? [mine, other] : [other, mine]
  const asked = `that the log of set ${later.fields.Seq} began as the log of set ${earlier.fields.Seq}`
  if (consistency === undefined) return { outcome: 'not shown', reason: `nothing was given to show ${asked}` }
  try {
    verifyLogConsistency(consistency, earlier.fields, later.fields)
    return { outcome: 'consistent' }
  } catch (error) {
    if (!(error instanceof ProofError)) throw error
    return { outcome: 'not shown', reason: `what was given does not show ${asked}: ${error.message}` }
  }
}

/** What two checkpoints of one log show by themselves. */
export function conflictBetween(a: Checkpoint, b: Checkpoint): Evidence | undefined {
  if (a.Seq === b.Seq) return contentsConflict(a, b)
  const [earlier, later] = a.Seq < b.Seq ? [a, b] : [b, a]
  if (later.Timestamp.seconds >= earlier.Timestamp.seconds) return undefined
  const [before, after] = [earlier, later].map(({ Timestamp }) => formatRfc3339(Timestamp.seconds))
  const message = `checkpoint ${earlier.Seq} is of ${before}, and the later ${later.Seq} of ${after}`
  return { outcome: 'evidence', kind: 'time-falls', message }
}

function contentsConflict(a: Checkpoint, b: Checkpoint): Evidence | undefined {
  const contents = ({ Peaks, StateRoot, StateHash }: Checkpoint) => ({
    ...Object.fromEntries(Peaks.map((peak, i) => [`peak ${i}`, prefixedHex(peak)])),
    StateRoot: prefixedHex(StateRoot),
    StateHash: prefixedHex(StateHash),
  })
  const theirs: Readonly<Record<string, string>> = contents(b)
  for (const [field, value] of Object.entries(contents(a))) {
    if (theirs[field] === value) continue
    const message = `two checkpoints of set ${a.Seq}: ${field} is ${value} in one, ${theirs[field]} in the other`
    return { outcome: 'evidence', kind: 'two-contents', message }
  }
  return undefined
}
