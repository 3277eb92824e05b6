/**
 * Requests are answered with a checkpoint too: it has to be the one that is known.
 *
 * Tests: test/client/proven-client.test.ts
 */

import { CheckpointError } from '../proofs/checkpoint-error.js'
import { verifyLast, type VerifiedCheckpoint } from '../proofs/checkpoint-form.js'
import { compareCheckpoints } from '../proofs/conflict.js'
import type { ProvenAnswer } from '../wire/proof-payloads.js'
import type { ShopCheckpoints } from './shop-checkpoints.js'

/** What beside `mine` came as the answer about the very same Seq. Throws CheckpointError. */
export function requireSame(
  checkpoints: ShopCheckpoints,
  mine: VerifiedCheckpoint,
  { Checkpoint, Last }: ProvenAnswer,
): void {
  const theirs = checkpoints.verified(Checkpoint)
  const [found, wanted] = [theirs.fields.Seq, mine.fields.Seq]
  if (found !== wanted) {
    const problem = `the answer is of checkpoint ${found}, not ${wanted}`
    throw new CheckpointError('identity', problem, { at: 'Seq', found: `${found}`, wanted: `${wanted}` })
  }
  const compared = compareCheckpoints(mine, theirs, undefined)
  if (compared.outcome === 'evidence') throw new CheckpointError('two-contents', compared.message)
  verifyLast(Last, theirs.fields)
}
