/**
 * A Merkle mountain range in memory (MMR.md §5, §6.1): an append-only array of 32-byte nodes, one per leaf and one per
 * pair.
 */

import { Accumulator } from './accumulator.js'
import {
  inclusionPathIndices,
  NodeIndexError,
  peakIndices,
  TreeSizeError,
  type LeafCount,
  type NodeIndex,
  type TreeSize,
} from './mmr-index.js'

export {
  leafIndex,
  LeafCountError,
  nodeIndex,
  NodeIndexError,
  nodeIndexOf,
  treeSize,
  TreeSizeError,
  type LeafCount,
  type LeafIndex,
  type NodeIndex,
  type TreeSize,
} from './mmr-index.js'
export { verifyInclusion } from './mmr-proof.js'
export { NodeValueError } from './node-hash.js'
export { ProofError, type ProofErrorCode } from './proof-error.js'

/**
 * The range, leaf by leaf; it keeps every node.
 *
 * @example
 * ```ts
 * import { leafIndex, Mmr, nodeIndexOf, verifyInclusion } from 'cairn-relay/mmr'
 *
 * const range = new Mmr()
 * const leaves = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
 * for (const leaf of leaves) range.append(leaf)
 * const place = nodeIndexOf(leafIndex(1n))
 * verifyInclusion(place, leaves[1]!, range.inclusionPath(place), range.size, range.peaks())
 * console.log(range.size) // 4n
 * ```
 */
export class Mmr {
  private readonly values: Uint8Array[] = []
  private readonly accumulator = new Accumulator()

  /** All values in the order of their node indices: a live view, not to be changed. */
  get nodes(): readonly Uint8Array[] {
    return this.values
  }

  /** Number of nodes: always complete, and the node index that the next leaf will get. */
  get size(): TreeSize {
    return BigInt(this.values.length) as TreeSize
  }

  get leafCount(): LeafCount {
    return this.accumulator.leafCount
  }

  /**
   * Appends a leaf of 32 bytes, which is kept and not copied, and every parent that it completes. Gives the new size.
   * Throws NodeValueError.
   */
  append(leafHash: Uint8Array): TreeSize {
    for (const value of this.accumulator.append(leafHash)) this.values.push(value)
    return this.size
  }

  /** The value at `index`. Throws NodeIndexError beyond the end. */
  node(index: NodeIndex): Uint8Array {
    const value = this.values[Number(index)]
    if (value === undefined) throw new NodeIndexError(index, this.size)
    return value
  }

  /**
   * The accumulator of the first `size` nodes: their peaks, left to right. Throws TreeSizeError on an incomplete size
   * or one not reached.
   */
  peaks(size: TreeSize = this.size): Uint8Array[] {
    this.requireReached(size)
    return peakIndices(size).map((index) => this.node(index))
  }

  /**
   * The siblings that prove node `index`, a leaf or not, in the range of `size` nodes, bottom-up; empty if it is a peak
   * there. Throws TreeSizeError on an incomplete size or one not reached, NodeIndexError on a node outside it.
   */
  inclusionPath(index: NodeIndex, size: TreeSize = this.size): Uint8Array[] {
    this.requireReached(size)
    return inclusionPathIndices(index, size).map((sibling) => this.node(sibling))
  }

  private requireReached(size: TreeSize): void {
    if (size > this.size) throw new TreeSizeError(size)
  }
}
