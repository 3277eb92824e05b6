/**
 * The two trees over a shop's log, a Merkle mountain range (PROOFS §2) and that of RFC 6962 (§8): what each set adds
 * to them, kept in the set's own transaction, and both read from the store. Their perfect subtrees stand at the same
 * places, so set n adds as many nodes to one as to the other: its leaf, and every parent that it completes. A row of
 * the store holds for each of its sets
 *
 *     StateRoot 32 ‖ nodes of the mountain range ‖ nodes of the tree, 32 each, from KEPT_FROM_LEVEL up
 *
 * Those below follow from the log and the state roots of a few sets and are made when they are asked for: kept, they
 * were nearly as much as the log. Rows of before have them all, from the leaf up, and are told by their length.
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
/** A node of a lower level is made from the log: of at most 2 ** KEPT_FROM_LEVEL − 1 further sets for a proof. */
export const KEPT_FROM_LEVEL = 3
/** A row is read whole and hashed for one node of it. */
const SETS_PER_ROW_MAX = 64

/** `secret`: the shop's, 32 bytes. */
export function stateRootOf(state: ShopState, secret: Uint8Array): Uint8Array {
  const level = stateLevel(state, secret)
  return level === undefined ? NO_STATE_ROOT : stateRoot(level)
}

/** The peaks after the set that comes next, and what it adds to a row. */
export function appendSet(
  before: LogPeaks,
  record: SignedSet,
  root: Uint8Array,
): { readonly peaks: LogPeaks; readonly added: Uint8Array } {
  const { peaks, nodes, treeNodes } = nodesMade(before, record, root)
  // Most sets complete no tree of that level.
  if (nodes.length <= KEPT_FROM_LEVEL) return { peaks, added: root }
  const kept = [nodes, treeNodes].flatMap((all) => all.slice(KEPT_FROM_LEVEL))
  return { peaks, added: concatBytes(root, ...kept) }
}

type SignedSet = Pick<LogRecord, 'seq' | 'header' | 'signature'>

/**
 * The peaks after the set, and the nodes that it adds from the leaf up. `without`: so many sets before it that `before`
 * has none of; they complete a tree of their own.
 */
function nodesMade(
  before: LogPeaks,
  { seq, header, signature }: SignedSet,
  root: Uint8Array,
  without = 0,
): { readonly peaks: LogPeaks; readonly nodes: readonly Uint8Array[]; readonly treeNodes: readonly Uint8Array[] } {
  const leaf = logLeafBytes({ Seq: BigInt(seq), Set: setDigest(header, signature), StateRoot: root })
  const leaves = seq - 1 - without
  const firstPosition = nodesBefore(seq) + 1
  const [mmr, tree] = [[...before.mmr], [...before.tree]]
  const nodes = appendToPeaks(mmr, leaves, sha256(leaf), (place, left, right) =>
    interiorHashAt(firstPosition + place, left, right),
  )
  const treeNodes = appendToPeaks(tree, leaves, treeLeafHash(leaf), (_place, left, right) => treeNodeHash(left, right))
  return { peaks: { mmr, tree }, nodes, treeNodes }
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
  private lows: LowNodes | undefined

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
    return this.nodeOf('mmr', Number(leaf) + 1, height)
  }

  /** The node of RFC 6962's tree over leaves index · 2^level … (index + 1) · 2^level − 1, 32 bytes. */
  treeNode(level: number, index: number): Uint8Array {
    return this.nodeOf('tree', (index + 1) * 2 ** level, level)
  }

  /** Of the log of `seq` sets. */
  peaks(seq: Seq): LogPeaks {
    const size = sizeOf(BigInt(seq) as LeafCount)
    const mmr = peakIndices(size).map((index) => this.node(index))
    return { mmr, tree: treePeaks(seq).map(({ level, index }) => this.treeNode(level, index)) }
  }

  /** What the set added to a row; of one of before what it would add now. */
  added(seq: Seq): Uint8Array {
    const [root, mmr, tree] = [this.stateRoot(seq), this.kept('mmr', seq), this.kept('tree', seq)]
    return concatBytes(root, ...mmr, ...tree)
  }

  /** What set `seq` added to a tree at `level`. */
  private nodeOf(tree: keyof LogPeaks, seq: Seq, level: number): Uint8Array {
    if (level >= KEPT_FROM_LEVEL) return this.kept(tree, seq)[level - KEPT_FROM_LEVEL]!
    return this.low(seq)[tree][seq - this.lows!.firstSeq]![level]!
  }

  private kept(tree: keyof LogPeaks, seq: Seq): Uint8Array[] {
    const count = keptBefore(seq + 1) - keptBefore(seq)
    const { isWhole } = this.rowOf(seq)
    const [below, all] = isWhole ? [KEPT_FROM_LEVEL, nodesBefore(seq + 1) - nodesBefore(seq)] : [0, count]
    const first = 1 + below + (tree === 'mmr' ? 0 : all)
    return Array.from({ length: count }, (_, i) => this.digest(seq, first + i))
  }

  /** The nodes below KEPT_FROM_LEVEL that the set and those before it add, from the log. */
  private low(seq: Seq): LowNodes {
    assert(seq >= 1 && seq <= this.head, `the trees have no set ${seq}`)
    if (this.lows === undefined || seq < this.lows.firstSeq || seq > this.lows.lastSeq) {
      const sets = 2 ** KEPT_FROM_LEVEL
      const firstSeq = Math.floor((seq - 1) / sets) * sets + 1
      // No later ones: they may be damaged.
      const seqs = Array.from({ length: seq - firstSeq + 1 }, (_, i) => firstSeq + i)
      const records = this.store.pickLog(this.shopId, seqs, Infinity)
      let peaks: LogPeaks = NO_PEAKS
      const lows: LowNodes = { firstSeq, lastSeq: seq, mmr: [], tree: [] }
      for (const record of records) {
        const made = nodesMade(peaks, record, this.stateRoot(record.seq), firstSeq - 1)
        peaks = made.peaks
        lows.mmr.push(made.nodes)
        lows.tree.push(made.treeNodes)
      }
      this.lows = lows
    }
    return this.lows
  }

  /** `place`: 0 the state root, then the nodes of the range, then those of the tree. */
  private digest(seq: Seq, place: number): Uint8Array {
    const { row, isWhole } = this.rowOf(seq)
    const before = isWhole ? nodesBefore : keptBefore
    const start = (seq - row.firstSeq + 2 * (before(seq) - before(row.firstSeq)) + place) * DIGEST_BYTES
    return row.bytes.slice(start, start + DIGEST_BYTES)
  }

  /** `isWhole`: with all nodes, as rows of before. */
  private rowOf(seq: Seq): { readonly row: LogTreeRow; readonly isWhole: boolean } {
    assert(seq >= 1 && seq <= this.head, `the trees have no set ${seq}`)
    if (this.row === undefined || seq < this.row.firstSeq || seq >= this.row.firstSeq + this.row.sets)
      this.row = this.store.logTreeRow(this.shopId, seq)
    const { firstSeq, sets, bytes } = this.row
    const whole = sets + 2 * (nodesBefore(firstSeq + sets) - nodesBefore(firstSeq))
    return { row: this.row, isWhole: bytes.length === whole * DIGEST_BYTES }
  }
}

/** Nodes that sets `firstSeq` … `lastSeq` add below KEPT_FROM_LEVEL, and at it: by set, from the leaf up. */
interface LowNodes {
  readonly firstSeq: Seq
  readonly lastSeq: Seq
  readonly mmr: (readonly Uint8Array[])[]
  readonly tree: (readonly Uint8Array[])[]
}

/** Of either tree: nodes that sets before `seq` add. */
function nodesBefore(seq: Seq): number {
  return nodesOver(seq - 1)
}

/** And those of them that are kept. */
function keptBefore(seq: Seq): number {
  return nodesOver(Math.floor((seq - 1) / 2 ** KEPT_FROM_LEVEL))
}

function nodesOver(leaves: number): number {
  return 2 * leaves - bitsSet(leaves % 2 ** 32) - bitsSet(Math.floor(leaves / 2 ** 32))
}
