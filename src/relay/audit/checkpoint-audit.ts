/**
 * The checkpoints of a log as they were signed (PROOFS §3), against what follows from the log.
 *
 * Tests: test/cli/audit.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { formatRfc3339 } from '../../codec/time.js'
import { CheckpointError } from '../../proofs/checkpoint-error.js'
import {
  checkpointDigest,
  decodeCheckpoint,
  requireIdentity,
  verifyCheckpoint,
  type Checkpoint,
  type LogIdentity,
} from '../../proofs/checkpoint-form.js'
import type { StoredCheckpoint } from '../checkpoints/stored-checkpoint.js'
import { differenceOf, type Difference } from './difference.js'
import { NO_TRACE, tracedCheckpoint } from './trace.js'

/** What the next checkpoint has to go on from. */
export interface CheckpointTrail {
  readonly count: number
  /** Of the first one. */
  readonly identity: LogIdentity | undefined
  readonly lastSeconds: bigint
  /** Of the last one; 0 if there is none. */
  readonly lastSeq: Seq
  /** Of its first bytes, 32; empty if there is none. */
  readonly lastDigest: Uint8Array
  /** Of all of them (trace.ts), 32 bytes. */
  readonly trace: Uint8Array
}

export const NO_CHECKPOINTS: CheckpointTrail = {
  count: 0,
  identity: undefined,
  lastSeconds: -(2n ** 62n),
  lastSeq: 0,
  lastDigest: new Uint8Array(0),
  trace: NO_TRACE,
}

/** What follows from the log after set `seq`. */
export interface Following {
  readonly seq: Seq
  readonly peaks: readonly Uint8Array[]
  readonly stateRoot: Uint8Array
  readonly stateHash: Uint8Array
}

interface CheckpointPlace {
  readonly shopId: ShopId
  /** Addresses of the keys whose signatures count, 20 bytes each; undefined: nobody's. */
  readonly relays: readonly Uint8Array[] | undefined
  readonly following: Following
}

/**
 * The trail with the checkpoint of `seq`, or how it differs. What was signed last for that set must be the first but
 * for a later time; one that was stored and not signed yet must follow too.
 */
export function auditCheckpoint(
  trail: CheckpointTrail,
  { first, signature, newest }: StoredCheckpoint,
  place: CheckpointPlace,
): CheckpointTrail | Difference {
  const { seq } = place.following
  try {
    if (signature !== undefined) verifyCheckpoint([first, signature], place.relays ?? [])
    const after = trailWith(trail, first, place)
    if ('kind' in after || newest === first) return after
    const again = trailWith(after, newest, place)
    return 'kind' in again ? again : after
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    return { kind: 'checkpoint', seq, text: error.message }
  }
}

/** Throws CheckpointError. */
function trailWith(
  trail: CheckpointTrail,
  bytes: Uint8Array,
  { shopId, following }: CheckpointPlace,
): CheckpointTrail | Difference {
  const fields = decodeCheckpoint(bytes)
  requireIdentity(fields, { ...(trail.identity ?? fields), ShopID: shopId })
  const { ChainID, Registry, Relay, ShopID, Timestamp } = fields
  const { seq } = following
  const difference = contentsDifference(fields, following) ?? timeDifference(trail, Timestamp.seconds, seq)
  if (difference !== undefined) return difference
  return {
    count: trail.count + 1,
    identity: trail.identity ?? { ChainID, Registry, Relay, ShopID },
    lastSeconds: Timestamp.seconds,
    lastSeq: seq,
    lastDigest: checkpointDigest(bytes),
    trace: tracedCheckpoint(trail.trace, bytes),
  }
}

function contentsDifference(fields: Checkpoint, following: Following): Difference | undefined {
  const { seq, peaks, stateRoot, stateHash } = following
  const place = (field: string) => ({ kind: 'checkpoint', seq, text: `its checkpoint's ${field}` }) as const
  if (fields.Seq !== BigInt(seq)) return { ...place('Seq'), found: `${fields.Seq}`, wanted: `${seq}` }
  for (const [i, peak] of peaks.entries()) {
    const difference = differenceOf(place(`peak ${i}`), fields.Peaks[i], peak)
    if (difference !== undefined) return difference
  }
  return (
    differenceOf(place('StateRoot'), fields.StateRoot, stateRoot) ??
    differenceOf(place('StateHash'), fields.StateHash, stateHash)
  )
}

function timeDifference({ lastSeconds, lastSeq }: CheckpointTrail, seconds: bigint, seq: Seq): Difference | undefined {
  if (seconds >= lastSeconds) return undefined
  const wanted = `${formatRfc3339(lastSeconds)} or later, as checkpoint ${lastSeq} was`
  return { kind: 'checkpoint', seq, text: "its checkpoint's Timestamp", found: formatRfc3339(seconds), wanted }
}
