/**
 * The two trees over a shop's log, a Merkle mountain range (PROOFS §2) and that of RFC 6962 (§8): what each set adds
 * to them, kept in the set's own transaction, and both read from the store. Their perfect subtrees stand at the same
 * places, so set n adds as many nodes to one as to the other: its leaf, and every parent that it completes. A row of
 * the store holds for each of its sets
 *
 *     StateRoot 32 ‖ nodes of the mountain range ‖ nodes of the tree, 32 each, from the leaf up
 *
 * Tests: test/relay/shops/log-trees.test.ts
 */

import { sha256 } from '#hash'
import { assert } from '../../assert.js'
import type { Seq, ShopId } from '../../brands.js'
import { concatBytes } from '../../bytes/bytes.js'
import { appendToPeaks } from '../../merkle/accumulator.js'
import { bitsSet } from '../../merkle/hamt-node.js'
import { heightOf, leafIndexOf, peakIndices, sizeOf, type LeafCount, type NodeIndex } from '../../merkle/mmr-index.js'
import { interiorHashAt } from '../../merkle/node-hash.js'
import { treeLeafHash, treeNodeHash, treePeaks } from '../../merkle/rfc6962.js'
import { stateRoot } from '../../merkle/state-level.js'
import { logLeafBytes, setDigest } from '../../proofs/log-leaf.js'
import type { ShopState } from '../../state/shop-state.js'
import { stateLevel } from '../../state/state-root.js'
import type { LogRecord, LogTreeRow, Store } from '../../store/store.js'

/** Of the trees over a log: 32 bytes each, the highest first, as many as the number of its sets has ones. */
export interface LogPeaks {
  readonly mmr: readonly Uint8Array[]
  readonly tree: readonly Uint8Array[]
}

export const NO_PEAKS: LogPeaks = { mmr: [], tree: [] }
/** StateRoot after a set before which there is no manifest: no checkpoint names it. */
export const NO_STATE_ROOT: Uint8Array = new Uint8Array(32)

const DIGEST_BYTES = 32
/** A row is read whole and hashed for one node of it. */
const SETS_PER_ROW_MAX = 64

/** `secret`: the shop's, 32 bytes. */
export function stateRootOf(state: ShopState, secret: Uint8Array): Uint8Array {
  const level = stateLevel(state, secret)
  return level === undefined ? NO_STATE_ROOT : stateRoot(level)
}

/** The peaks after the set that comes next, and what it adds to a row. */
export function appendSet(
  peaks: LogPeaks,
  { seq, header, signature }: Pick<LogRecord, 'seq' | 'header' | 'signature'>,
  root: Uint8Array,
): { readonly peaks: LogPeaks; readonly added: Uint8Array } {
  const leaf = logLeafBytes({ Seq: BigInt(seq), Set: setDigest(header, signature), StateRoot: root })
  const leaves = seq - 1
  const firstPosition = nodesBefore(seq) + 1
  const [mmr, tree] = [[...peaks.mmr], [...peaks.tree]]
  const nodes = appendToPeaks(mmr, leaves, sha256(leaf), (place, left, right) =>
    interiorHashAt(firstPosition + place, left, right),
  )
  const treeNodes = appendToPeaks(tree, leaves, treeLeafHash(leaf), (_place, left, right) => treeNodeHash(left, right))
  return { peaks: { mmr, tree }, added: concatBytes(root, ...nodes, ...treeNodes) }
}

/** Rows of what sets from `firstSeq` on add, in order. */
export function logTreeRows(firstSeq: Seq, added: readonly Uint8Array[]): LogTreeRow[] {
  const rows: LogTreeRow[] = []
  for (let i = 0; i < added.length; i += SETS_PER_ROW_MAX) {
    const some = added.slice(i, i + SETS_PER_ROW_MAX)
    rows.push({ firstSeq: firstSeq + i, sets: some.length, bytes: concatBytes(...some) })
  }
  return rows
}

/** The trees over a shop's log, read from the store when asked. Throws StoreError 'derived' where they are damaged. */
export class ShopLog {
  private readonly store: Store
  private readonly shopId: ShopId
  private row: LogTreeRow | undefined

  constructor(store: Store, shopId: ShopId) {
    this.store = store
    this.shopId = shopId
  }

  get head(): Seq {
    return this.store.logTreeHead(this.shopId)
  }

  /** After set `seq`, 32 bytes. */
  stateRoot(seq: Seq): Uint8Array {
    return this.digest(seq, 0)
  }

  /** Set of the set's leaf: the digest of its header and signature, 32 bytes. */
  setDigest(seq: Seq): Uint8Array {
    const [record] = this.store.pickLog(this.shopId, [seq], 1)
    return setDigest(record!.header, record!.signature)
  }

  /** A node of the mountain range, 32 bytes. */
  node(index: NodeIndex): Uint8Array {
    const height = heightOf(index)
    // The rightmost leaf below the node is the one that completed it.
    const leaf = leafIndexOf((index - BigInt(height)) as NodeIndex)
    return this.digest(Number(leaf) + 1, 1 + height)
  }

  /** The node of RFC 6962's tree over leaves index · 2^level … (index + 1) · 2^level − 1, 32 bytes. */
  treeNode(level: number, index: number): Uint8Array {
    const seq = (index + 1) * 2 ** level
    return this.digest(seq, 1 + nodesOf(seq) + level)
  }

  /** Of the log of `seq` sets. */
  peaks(seq: Seq): LogPeaks {
    const size = sizeOf(BigInt(seq) as LeafCount)
    const mmr = peakIndices(size).map((index) => this.node(index))
    return { mmr, tree: treePeaks(seq).map(({ level, index }) => this.treeNode(level, index)) }
  }

  /** What the set added to a row. */
  added(seq: Seq): Uint8Array {
    return this.part(seq, 0, 1 + 2 * nodesOf(seq))
  }

  /** `place`: 0 the state root, then the nodes of the range, then those of the tree. */
  private digest(seq: Seq, place: number): Uint8Array {
    return this.part(seq, place, 1)
  }

  private part(seq: Seq, place: number, digests: number): Uint8Array {
    assert(seq >= 1 && seq <= this.head, `the trees have no set ${seq}`)
    if (this.row === undefined || seq < this.row.firstSeq || seq >= this.row.firstSeq + this.row.sets)
      this.row = this.store.logTreeRow(this.shopId, seq)
    const { firstSeq, bytes } = this.row
    const before = seq - firstSeq + 2 * (nodesBefore(seq) - nodesBefore(firstSeq))
    const start = (before + place) * DIGEST_BYTES
    return bytes.slice(start, start + digests * DIGEST_BYTES)
  }
}

/** That set `seq` adds to either tree. */
function nodesOf(seq: Seq): number {
  return nodesBefore(seq + 1) - nodesBefore(seq)
}

function nodesBefore(seq: Seq): number {
  const leaves = seq - 1
  return 2 * leaves - bitsSet(leaves % 2 ** 32) - bitsSet(Math.floor(leaves / 2 ** 32))
}
