/**
 * What is kept beside a log of what follows from it, and how it differs from what does: state roots and the nodes of
 * both trees.
 *
 * Tests: test/cli/audit.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { logIndexOf } from '../../proofs/log-proof.js'
import type { Store } from '../../store/store.js'
import { decodeStored, type StoredCheckpoint } from '../checkpoints/stored-checkpoint.js'
import { KEPT_FROM_LEVEL, ShopLog } from '../shops/log-trees.js'
import type { Following } from './checkpoint-audit.js'
import { differenceOf, type Difference } from './difference.js'

/** What is kept of a shop; its functions throw StoreError where the store is damaged. */
export class StoredProofs {
  private readonly store: Store
  private readonly shopId: ShopId
  private readonly log: ShopLog

  constructor(store: Store, shopId: ShopId) {
    this.store = store
    this.shopId = shopId
    this.log = new ShopLog(store, shopId)
  }

  /** What the set adds to the trees over the log, as log-trees.ts has it; undefined where nothing is kept. */
  added(seq: Seq): Uint8Array | undefined {
    return seq <= this.log.head ? this.log.added(seq) : undefined
  }

  /** The last set of which anything is kept. */
  get head(): Seq {
    return this.log.head
  }

  /** The checkpoints of sets after `after` up to `last`, rising. */
  *checkpoints(after: Seq, last: Seq): Generator<{ readonly seq: Seq; readonly stored: StoredCheckpoint }> {
    for (let at = after; at < last;) {
      const rows = this.store.checkpoints(this.shopId, at, CHECKPOINTS_AT_ONCE)
      for (const { seq, value } of rows) if (seq <= last) yield { seq, stored: decodeStored(value) }
      at = rows.at(-1)?.seq ?? last
    }
  }

  /** What a checkpoint of a set has to hold, by what is kept and was found right. */
  following(seq: Seq): Following {
    const [record] = this.store.pickLog(this.shopId, [seq], 1)
    const [peaks, stateRoot] = [this.log.peaks(seq).mmr, this.log.stateRoot(seq)]
    return { seq, peaks, stateRoot, stateHash: record!.stateHash }
  }
}

const CHECKPOINTS_AT_ONCE = 256
const DIGEST_BYTES = 32

/** The first place at which what is stored of the set is another than `made`, which follows. */
export function addedDifference(seq: Seq, stored: Uint8Array | undefined, made: Uint8Array): Difference | undefined {
  if (stored !== undefined && equalBytes(stored, made)) return undefined
  for (let at = 0; at < made.length; at += DIGEST_BYTES) {
    const [found, wanted] = [stored, made].map((bytes) => bytes?.subarray(at, at + DIGEST_BYTES))
    const difference = differenceOf(placeOf(seq, at, made.length), found, wanted!)
    if (difference !== undefined) return difference
  }
  if (stored === undefined || stored.length === made.length) return undefined
  const [found, wanted] = [`${stored.length} bytes`, `${made.length} bytes`]
  return { kind: 'log-node', seq, text: 'what it adds to the trees over the log', found, wanted }
}

function placeOf(seq: Seq, at: number, length: number): Pick<Difference, 'kind' | 'seq' | 'text'> {
  const nodes = (length / DIGEST_BYTES - 1) / 2
  const place = at / DIGEST_BYTES - 1
  if (place < 0) return { kind: 'state-root', seq, text: 'its state root' }
  if (place < nodes) {
    const node = logIndexOf(BigInt(seq)) + BigInt(KEPT_FROM_LEVEL + place)
    return { kind: 'log-node', seq, text: `node ${node} of the log's range` }
  }
  const level = KEPT_FROM_LEVEL + place - nodes
  return { kind: 'tree-node', seq, text: `node ${seq / 2 ** level - 1} of level ${level} of the log's tree` }
}
