/**
 * A Merkle mountain range in memory (MMR.md §5, §6.1): an append-only array of 32-byte nodes, one per leaf and one per
 * pair.
 */

import { present } from '../assert.js'
import {
  inclusionPathIndices,
  NodeIndexError,
  peakIndices,
  TreeSizeError,
  type LeafCount,
  type NodeIndex,
  type TreeSize,
} from './mmr-index.js'
import { interiorHashInMemory, nodeValue } from './node-hash.js'

export class Mmr {
  private readonly values: Uint8Array[] = []
  private leaves = 0

  /** All values in the order of their node indices: a live view, not to be changed. */
  get nodes(): readonly Uint8Array[] {
    return this.values
  }

  /** Number of nodes: always complete, and the node index that the next leaf will get. */
  get size(): TreeSize {
    return BigInt(this.values.length) as TreeSize
  }

  get leafCount(): LeafCount {
    return BigInt(this.leaves) as LeafCount
  }

  /**
   * Appends a leaf of 32 bytes, which is kept and not copied, and every parent that it completes. Gives the new size.
   * Throws NodeValueError.
   */
  append(leafHash: Uint8Array): TreeSize {
    const nodes = this.values
    nodes.push(nodeValue(leafHash))
    let span = 2
    for (let pairs = this.leaves; pairs % 2 === 1; pairs = (pairs - 1) / 2) {
      const left = present(nodes[nodes.length - span], 'left child')
      const right = present(nodes[nodes.length - 1], 'right child')
      nodes.push(interiorHashInMemory(nodes.length + 1, left, right))
      span *= 2
    }
    this.leaves++
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
