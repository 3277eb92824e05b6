/**
 * The highest checkpoint that a relay noted beside its key (PROOFS §3), against the log: it tells of sets that are
 * missing at the log's end, and of a log that goes another way than the one that was signed.
 *
 * Tests: test/cli/audit.test.ts
 */

import { join } from 'node:path'
import { differenceOf, type Difference } from '../relay/audit/difference.js'
import type { AuditedLog } from '../relay/audit/log-audit.js'
import { storedDigest } from '../relay/checkpoints/log-checkpoint.js'
import { openGuard, type SignedGuard } from '../store/signed-guard.js'
import type { Store } from '../store/store.js'

/** Of a data directory; one that holds nothing where it is kept elsewhere. Read before the log: it is never behind. */
export function guardIn(data: string): Promise<SignedGuard> {
  return openGuard(join(data, 'relay.key.signed'))
}

export function guardDifference(guard: SignedGuard, store: Store, audited: AuditedLog): Difference | undefined {
  const { identity } = audited.checkpoints
  const mark = identity && guard.highest(identity)
  if (identity === undefined || mark === undefined) return undefined
  const seq = Number(mark.seq)
  const place = { kind: 'checkpoint', seq, text: 'what was signed of it, as is noted beside the key' } as const
  if (seq > audited.seq) return { ...place, found: `a log of ${audited.seq} sets`, wanted: `of at least ${seq}` }
  return differenceOf(place, storedDigest(store, mark), mark.digest)
}
