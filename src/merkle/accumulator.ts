/**
 * The peaks of a Merkle mountain range, which are all that appending to it needs (MMR.md §5): whoever stores nodes
 * stores what `append` gives, and reads none of them to go on.
 */

import { present } from '../assert.js'
import { LeafCountError, popcount, sizeOf, type LeafCount, type NodeIndex } from './mmr-index.js'
import { interiorHashAt, nodeValue } from './node-hash.js'

/** So that positions are exact numbers: sizes are below 2^53. */
const LEAVES_MAX = 1n << 52n

export class Accumulator {
  private readonly stack: Uint8Array[]
  private leaves: number
  private nodes: number

  /**
   * Goes on from `leafCount` leaves whose peaks, left to right, are `peaks` (32 bytes each; kept, not copied). Throws
   * LeafCountError above 2^52 leaves, PeakCountError, NodeValueError.
   */
  constructor(leafCount = 0n as LeafCount, peaks: readonly Uint8Array[] = []) {
    if (leafCount < 0n || leafCount >= LEAVES_MAX) throw new LeafCountError(leafCount)
    if (peaks.length !== popcount(leafCount)) throw new PeakCountError(leafCount, peaks.length)
    this.stack = peaks.map(nodeValue)
    this.leaves = Number(leafCount)
    this.nodes = Number(sizeOf(leafCount))
  }

  get leafCount(): LeafCount {
    return BigInt(this.leaves) as LeafCount
  }

  /** Left to right, a fresh array of values that are not to be changed. */
  get peaks(): Uint8Array[] {
    return [...this.stack]
  }

  /**
   * Appends a leaf of 32 bytes, which is kept and not copied. Gives the values of the nodes that it makes, itself
   * first, then every parent that it completes; the index of the first is the size before, the others follow it.
   * Throws NodeValueError, and leaves no trace then.
   */
  append(leafHash: Uint8Array): Uint8Array[] {
    const made = appendToPeaks(this.stack, this.leaves, nodeValue(leafHash), (place, left, right) =>
      interiorHashAt(this.nodes + place + 1, left, right),
    )
    this.nodes += made.length
    this.leaves++
    return made
  }
}

/**
 * Appends a leaf to the peaks of a forest of perfect trees, the highest first, over so many leaves: they become those
 * after it. `join` hashes a pair to the node that is the `place`-th one that the leaf makes, from 0, itself included.
 * Gives all of them.
 */
export function appendToPeaks(
  peaks: Uint8Array[],
  leaves: number,
  leafHash: Uint8Array,
  join: (place: number, left: Uint8Array, right: Uint8Array) => Uint8Array,
): Uint8Array[] {
  const made = [leafHash]
  let right = leafHash
  for (let pairs = leaves; pairs % 2 === 1; pairs = (pairs - 1) / 2) {
    right = join(made.length, present(peaks.pop(), 'left child'), right)
    made.push(right)
  }
  peaks.push(right)
  return made
}

/** A node that a range gained. */
export interface AddedNode {
  readonly index: NodeIndex
  /** 32 bytes. */
  readonly value: Uint8Array
}

/** What becomes of a range to which leaves are appended. */
interface Appended {
  /** By rising index, without gaps, from the size before. */
  readonly nodes: readonly AddedNode[]
  readonly leafCount: LeafCount
  readonly peaks: readonly Uint8Array[]
}

/**
 * Appends `leafHashes` (32 bytes each) to a range of `leafCount` leaves with these peaks, which stay as they are.
 * Throws LeafCountError, PeakCountError, NodeValueError.
 */
export function appendLeaves(
  leafCount: LeafCount,
  peaks: readonly Uint8Array[],
  leafHashes: readonly Uint8Array[],
): Appended {
  const accumulator = new Accumulator(leafCount, peaks)
  const values = leafHashes.flatMap((leafHash) => accumulator.append(leafHash))
  const first = sizeOf(leafCount)
  const nodes = values.map((value, i) => ({ index: (first + BigInt(i)) as NodeIndex, value }))
  return { nodes, leafCount: accumulator.leafCount, peaks: accumulator.peaks }
}

/** Peaks that are not those of so many leaves: a range of n leaves has as many as n has ones. */
export class PeakCountError extends RangeError {
  override readonly name = 'PeakCountError'
  readonly leaves: bigint
  readonly peaks: number

  constructor(leaves: bigint, peaks: number) {
    super(`a range of ${leaves} leaves has ${popcount(leaves)} peaks, not ${peaks}`)
    this.leaves = leaves
    this.peaks = peaks
  }
}
