/**
 * Which checkpoint of a shop has a digest that stands in the registry (PROOFS §3). The nonce beside it is mostly its
 * Seq; where it is not, checkpoints are looked through.
 *
 * Tests: test/e2e/rotated-relay.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { checkpointDigest, type SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { Store } from '../../store/store.js'
import { decodeStored } from '../checkpoints/stored-checkpoint.js'

/** What is in the registry: 32 bytes, and the nonce of the call. */
export interface Registered {
  readonly digest: Uint8Array
  readonly nonce: bigint
}

export interface FoundCheckpoint {
  readonly seq: Seq
  readonly checkpoint: SignedCheckpoint
}

type FirstSigned = (shopId: ShopId, seq: Seq) => SignedCheckpoint | undefined

/** By the nonce alone. */
export function checkpointOfNonce(
  firstSigned: FirstSigned,
  shopId: ShopId,
  { digest, nonce }: Registered,
): FoundCheckpoint | undefined {
  const seq = Number(nonce)
  const checkpoint = Number.isSafeInteger(seq) && seq > 0 ? firstSigned(shopId, seq) : undefined
  return checkpoint !== undefined && equalBytes(checkpointDigest(checkpoint[0]), digest)
    ? { seq, checkpoint }
    : undefined
}

/** The set of the stored checkpoint, of those behind set `after`; it takes long, and lets others have their turn. */
export async function seqOfDigest(
  store: Pick<Store, 'checkpoints'>,
  shopId: ShopId,
  digest: Uint8Array,
  after: Seq,
): Promise<Seq | undefined> {
  for (let before = after; ;) {
    const rows = store.checkpoints(shopId, before, ROWS_AT_ONCE)
    const row = rows.find(({ value }) => equalBytes(checkpointDigest(decodeStored(value).first), digest))
    const last = rows.at(-1)
    if (row !== undefined || last === undefined) return row?.seq
    before = last.seq
    await nextTurn()
  }
}

const ROWS_AT_ONCE = 256
