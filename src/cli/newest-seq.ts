/**
 * The set of a relay's newest checkpoint of a shop, which is checked by nobody yet: where to look first.
 *
 * Tests: test/e2e/anchor.test.ts, test/e2e/audit-relay.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { ClientError } from '../client/client-error.js'
import { bytesFromRelay, type RelayPlace } from '../client/relay-http.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { decodeCheckpoint } from '../proofs/checkpoint-form.js'
import { readCheckpointAnswer } from '../wire/proof-payloads.js'
import { ProofPayloadError } from '../wire/snapshot-payloads.js'

/** Rejects with ClientError. */
export async function newestSeq(place: RelayPlace, shopId: ShopId): Promise<Seq> {
  const answer = await bytesFromRelay(place, `/v5/shops/${shopId}/checkpoint`)
  try {
    return Number(decodeCheckpoint(readCheckpointAnswer(answer).Checkpoint[0]).Seq)
  } catch (error) {
    if (!(error instanceof CheckpointError || error instanceof ProofPayloadError)) throw error
    const problem = `what the relay answers is no checkpoint: ${error.message}`
    throw new ClientError('VERIFICATION_FAILED', problem, { cause: error })
  }
}
