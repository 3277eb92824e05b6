/**
 * The checkpoints of a log as they were signed (PROOFS §3), against what follows from the log.
 *
 * Tests: test/relay/audit/log-audit.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { formatRfc3339 } from '../../codec/time.js'
import { CheckpointError } from '../../proofs/checkpoint-error.js'
import {
  requireIdentity,
  verifyCheckpoint,
  type Checkpoint,
  type LogIdentity,
  type SignedCheckpoint,
} from '../../proofs/checkpoint-form.js'
import { differenceOf, type Difference } from './difference.js'

/** What the next checkpoint has to go on from. */
export interface CheckpointTrail {
  readonly count: number
  /** Of the first one. */
  readonly identity: LogIdentity | undefined
  readonly lastSeconds: bigint
  /** Of the last one; 0 if there is none. */
  readonly lastSeq: Seq
  /** Of its bytes, 32; empty if there is none. */
  readonly lastDigest: Uint8Array
}

export const NO_CHECKPOINTS: CheckpointTrail = {
  count: 0,
  identity: undefined,
  lastSeconds: -(2n ** 62n),
  lastSeq: 0,
  lastDigest: new Uint8Array(0),
}

/** What follows from the log after set `seq`. */
export interface Following {
  readonly seq: Seq
  readonly peaks: readonly Uint8Array[]
  readonly stateRoot: Uint8Array
  readonly stateHash: Uint8Array
}

/** The trail with the checkpoint of `seq`, or how it differs. `relays`: whose signatures count; undefined: nobody's. */
export function auditCheckpoint(
  trail: CheckpointTrail,
  signed: SignedCheckpoint,
  { shopId, relays, following }: { shopId: ShopId; relays: readonly Uint8Array[] | undefined; following: Following },
): CheckpointTrail | Difference {
  const { seq } = following
  try {
    const { fields, digest } = verifyCheckpoint(signed, relays ?? [])
    requireIdentity(fields, { ...(trail.identity ?? fields), ShopID: shopId })
    const seconds = fields.Timestamp.seconds
    const difference = contentsDifference(fields, following) ?? timeDifference(trail, seconds, seq)
    const { ChainID, Registry, Relay, ShopID } = fields
    const identity = trail.identity ?? { ChainID, Registry, Relay, ShopID }
    return difference ?? { count: trail.count + 1, identity, lastSeconds: seconds, lastSeq: seq, lastDigest: digest }
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    return { kind: 'checkpoint', seq, text: error.message }
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
