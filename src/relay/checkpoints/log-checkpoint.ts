/**
 * The checkpoint that a stored log leads to, for comparing it with one that was signed.
 *
 * Tests: test/relay/checkpoints/checkpoints.test.ts, test/cli/audit.test.ts
 */

import { CborTime } from '../../codec/value.js'
import { checkpointDigest, encodeCheckpoint } from '../../proofs/checkpoint-form.js'
import type { SignedMark } from '../../store/signed-guard.js'
import type { Store } from '../../store/store.js'
import { ShopLog } from '../shops/log-trees.js'

/** Digest of the checkpoint of that set and time, by what is stored, 32 bytes. Throws StoreError. */
export function storedDigest(store: Store, { identity, seq, timestamp }: Omit<SignedMark, 'digest'>): Uint8Array {
  const [at, shopId] = [Number(seq), identity.ShopID]
  const trees = new ShopLog(store, shopId)
  const [record] = store.pickLog(shopId, [at], 1)
  const bytes = encodeCheckpoint({
    Version: 1n,
    ...identity,
    Seq: seq,
    Peaks: [...trees.peaks(at).mmr],
    StateRoot: trees.stateRoot(at),
    StateHash: record!.stateHash,
    Timestamp: new CborTime(timestamp),
  })
  return checkpointDigest(bytes)
}
