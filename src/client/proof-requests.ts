/**
 * Proofs that are asked for beside the pushes (PROOFS §3, §4, §5). The relay answers with its newest checkpoint, which
 * may be ahead of the pushes: an answer counts once its checkpoint is one of those that were accepted from pushes, so
 * that requests and pushes cannot show two histories.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { ShopId } from '../brands.js'
import { equalBytes, toBigEndian } from '../bytes/bytes.js'
import { TIED_ANSWER_MS_MAX } from '../limits.js'
import { CheckpointError } from '../proofs/checkpoint-error.js'
import { decodeSignedCheckpoint, type VerifiedCheckpoint } from '../proofs/checkpoint-form.js'
import { compareCheckpoints, type Comparison } from '../proofs/conflict.js'
import { setDigest } from '../proofs/log-leaf.js'
import { verifyLogInclusion } from '../proofs/log-proof.js'
import {
  readCheckpointAnswer,
  readLogProofAnswer,
  type LogProofAnswer,
  type ProvenAnswer,
  type WriteAnswer,
} from '../wire/proof-payloads.js'
import { clientClosed, ClientError } from './client-error.js'
import { OwnSetError } from './own-set-error.js'
import type { Ask } from './part-proofs.js'
import { requireSame } from './same-checkpoint.js'
import type { ShopCheckpoints } from './shop-checkpoints.js'

export interface AskedShop {
  readonly shopId: ShopId
  readonly checkpoints: ShopCheckpoints
  readonly ask: Ask
}

/** The relay is asked again while its newest checkpoint is one that no push brought: some are passed over. */
const TRIES_MAX = 8

/** An answer and its checkpoint, as it was accepted. Rejects with CheckpointError, with TIMEOUT, and with CLOSED. */
async function tiedAnswer<A extends ProvenAnswer>(
  { checkpoints }: AskedShop,
  ask: () => Promise<A>,
): Promise<{ readonly answer: A; readonly checkpoint: VerifiedCheckpoint }> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (checkpoints.isEnded) throw clientClosed()
    const answer = await ask()
    const { Seq } = checkpoints.verified(answer.Checkpoint).fields
    const isReached = await checkpoints.reached(Seq, TIED_ANSWER_MS_MAX)
    if (checkpoints.isEnded) throw clientClosed()
    if (!isReached)
      throw new ClientError('TIMEOUT', `checkpoint ${Seq} was answered, and no push brought it or a later one`)
    const checkpoint = checkpoints.at(Seq)
    if (checkpoint === undefined) continue
    requireSame(checkpoints, checkpoint, answer)
    return { answer, checkpoint }
  }
  throw new ClientError('TIMEOUT', `the relay answered ${TRIES_MAX} times with checkpoints that no push brought`)
}

/** A set of one's own: what was sent, and what the relay said of it. */
export interface OwnSet {
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly answer: WriteAnswer
}

/**
 * Resolves with a checkpoint under which this header and signature are set Seq, with this StateRoot. Rejects with
 * CheckpointError, ProofError, OwnSetError, and with TIMEOUT.
 */
export async function proveOwnSet(shop: AskedShop, set: OwnSet): Promise<VerifiedCheckpoint> {
  const { Seq: seq } = set.answer
  await shop.checkpoints.reached(seq, TIED_ANSWER_MS_MAX)
  const request = { kind: 'logProof', shopId: toBigEndian(shop.shopId, 32), seq } as const
  const { answer, checkpoint } = await tiedAnswer(shop, async () => readLogProofAnswer(await shop.ask(request)))
  requireOwnLeaf(set, answer)
  verifyLogInclusion(answer.Inclusion, { Seq: seq, Set: answer.Set, StateRoot: answer.StateRoot }, checkpoint.fields)
  return checkpoint
}

/** Throws OwnSetError. */
function requireOwnLeaf({ header, signature, answer }: OwnSet, leaf: LogProofAnswer): void {
  const own = { Set: setDigest(header, signature), StateRoot: answer.StateRoot }
  for (const field of ['Set', 'StateRoot'] as const)
    if (!equalBytes(own[field], leaf[field])) throw new OwnSetError(answer.Seq, field, leaf[field], own[field])
}

/**
 * Compares a checkpoint from anywhere with what the relay showed here. Rejects with CheckpointError for bytes that are
 * none, and for another relay's or shop's.
 */
export async function compareWith(shop: AskedShop, received: Uint8Array): Promise<Comparison> {
  const { checkpoints } = shop
  const other = checkpoints.verified(decodeSignedCheckpoint(received))
  const known = checkpoints.at(other.fields.Seq)
  if (known !== undefined) return compareCheckpoints(known, other, undefined)
  const request = { kind: 'checkpoint', shopId: toBigEndian(shop.shopId, 32), fromSeq: other.fields.Seq } as const
  try {
    const { answer, checkpoint } = await tiedAnswer(shop, async () => readCheckpointAnswer(await shop.ask(request)))
    return compareCheckpoints(checkpoint, other, answer.Consistency)
  } catch (error) {
    if (!(error instanceof ClientError || error instanceof CheckpointError)) throw error
    const compared = compareCheckpoints(checkpoints.accepted!, other, undefined)
    return compared.outcome === 'not shown'
      ? { outcome: 'not shown', reason: `${compared.reason}: ${error.message}` }
      : compared
  }
}
