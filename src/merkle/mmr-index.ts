/**
 * Index arithmetic of Merkle mountain ranges (MMR.md §2, §3, §6.1): where a node of the append-only array stands in the
 * tree. Pure numbers, no hashes. Everything is bigint, because sizes reach 2^63 − 1. The functions of one node (height,
 * family) hold in the unbounded tree; those that take a size refuse one that is not complete.
 *
 * One file of more than 300 lines, for the sake of its examples: they are run.
 */

declare const kind: unique symbol
type Kind<Name extends string> = bigint & { readonly [kind]: Name }

/** Zero-based place of a node in the array. */
export type NodeIndex = Kind<'node index'>
/** One-based place of a node, its index + 1: what is hashed. */
export type Position = Kind<'position'>
/** Counts leaves only, zero-based. */
export type LeafIndex = Kind<'leaf index'>
/** Number of leaves. */
export type LeafCount = Kind<'leaf count'>
/** Number of nodes. */
export type TreeSize = Kind<'tree size'>

/** 2^63 − 1 nodes: the highest tree has height 62. */
export const TREE_SIZE_MAX = ((1n << 63n) - 1n) as TreeSize
export const LEAF_COUNT_MAX = 1n << 62n

/** The peak above a node. */
interface CoveringPeak {
  readonly index: NodeIndex
  readonly height: number
  /** Its place in the accumulator, from the left. */
  readonly slot: number
}

/**
 * `value` as a node index. Throws NodeIndexError outside 0 … 2^63 − 2.
 *
 * @example
 * ```ts
 * import { Mmr, nodeIndex } from 'cairn-relay/mmr'
 *
 * const range = new Mmr()
 * range.append(new Uint8Array(32).fill(7))
 * console.log(range.node(nodeIndex(0n))[0]) // 7
 * ```
 */
export function nodeIndex(value: bigint): NodeIndex {
  if (value < 0n || value >= TREE_SIZE_MAX) throw new NodeIndexError(value, TREE_SIZE_MAX)
  return value as NodeIndex
}

/**
 * `value` as a leaf index. Throws LeafCountError outside 0 … 2^62 − 1.
 *
 * @example
 * ```ts
 * import { leafIndex, nodeIndexOf } from 'cairn-relay/mmr'
 *
 * console.log(nodeIndexOf(leafIndex(2n))) // 3n
 * ```
 */
export function leafIndex(value: bigint): LeafIndex {
  if (value < 0n || value >= LEAF_COUNT_MAX) throw new LeafCountError(value)
  return value as LeafIndex
}

/**
 * `value` as the size of a whole number of leaves, 0 included. Throws TreeSizeError otherwise.
 *
 * @example
 * ```ts
 * import { Mmr, treeSize } from 'cairn-relay/mmr'
 *
 * const range = new Mmr()
 * for (const byte of [1, 2, 3]) range.append(new Uint8Array(32).fill(byte))
 * console.log(range.peaks(treeSize(3n)).length, range.peaks().length) // 1 2
 * ```
 */
export function treeSize(value: bigint): TreeSize {
  leafCountOf(value as TreeSize)
  return value as TreeSize
}

export function positionOf(index: NodeIndex): Position {
  return (index + 1n) as Position
}

/** 0 for a leaf, one more than its children for an interior node (§3.1). Throws NodeIndexError on a negative index. */
export function heightOf(index: NodeIndex): number {
  if (index < 0n) throw new NodeIndexError(index, TREE_SIZE_MAX)
  let position = index + 1n
  while (position >= SMALL_END) {
    if (isPerfectSize(position)) return bitLength(position) - 1
    position -= (1n << BigInt(bitLength(position) - 1)) - 1n
  }
  let small = Number(position)
  while ((small & (small + 1)) !== 0) small -= (1 << (31 - Math.clz32(small))) - 1
  return 31 - Math.clz32(small)
}

/** Numbers below it fit in 32-bit operations, sign and successor included: many times as fast as bigints. */
const SMALL_END = 1n << 30n

/** A node's place among its family, in the unbounded tree. */
interface Family {
  readonly isRight: boolean
  readonly sibling: NodeIndex
  readonly parent: NodeIndex
}

/** Of the node at `index`, whose height is known: a parent is stored directly after its right child (§3.2). */
export function familyOf(index: NodeIndex, height: number): Family {
  const distance = (2n << BigInt(height)) - 1n
  return heightOf((index + 1n) as NodeIndex) > height
    ? { isRight: true, sibling: (index - distance) as NodeIndex, parent: (index + 1n) as NodeIndex }
    : { isRight: false, sibling: (index + distance) as NodeIndex, parent: (index + distance + 1n) as NodeIndex }
}

/** Left and right child, or undefined for a leaf. */
export function childrenOf(index: NodeIndex): readonly [NodeIndex, NodeIndex] | undefined {
  const height = heightOf(index)
  if (height === 0) return undefined
  return [(index - (1n << BigInt(height))) as NodeIndex, (index - 1n) as NodeIndex]
}

/** Nodes of the range that holds `leaves` leaves (§3.3). Throws LeafCountError outside 0 … 2^62. */
export function sizeOf(leaves: LeafCount): TreeSize {
  if (leaves < 0n || leaves > LEAF_COUNT_MAX) throw new LeafCountError(leaves)
  return (2n * leaves - BigInt(popcount(leaves))) as TreeSize
}

/**
 * The index of leaf `leaf` is the size before it was added.
 *
 * @example
 * ```ts
 * import { leafIndex, nodeIndexOf } from 'cairn-relay/mmr'
 *
 * console.log(nodeIndexOf(leafIndex(4n))) // 7n
 * ```
 */
export function nodeIndexOf(leaf: LeafIndex): NodeIndex {
  return sizeOf(leafIndex(leaf) as bigint as LeafCount) as bigint as NodeIndex
}

/** Throws NotALeafError if an interior node stands at `index`. */
export function leafIndexOf(index: NodeIndex): LeafIndex {
  if (heightOf(nodeIndex(index)) !== 0) throw new NotALeafError(index)
  return leavesWithin(index as bigint as TreeSize) as bigint as LeafIndex
}

/** Leaves of the largest complete range within `size` nodes; `size` itself need not be complete. */
export function leavesWithin(size: TreeSize): LeafCount {
  let rest: bigint = size
  let leaves = 0n
  for (let bits = bitLength(size); bits > 0; bits--) {
    const full = (1n << BigInt(bits)) - 1n
    leaves <<= 1n
    if (rest >= full) {
      rest -= full
      leaves |= 1n
    }
  }
  return leaves as LeafCount
}

/** Leaves of a complete size; bit h of them is set exactly if there is a peak of height h. Throws TreeSizeError. */
export function leafCountOf(size: TreeSize): LeafCount {
  if (size < 0n || size > TREE_SIZE_MAX) throw new TreeSizeError(size)
  const leaves = leavesWithin(size)
  if (sizeOf(leaves) !== size) throw new TreeSizeError(size)
  return leaves
}

/** Whether `size` is reached by a whole number of leaves, 0 included. */
export function isCompleteSize(size: bigint): boolean {
  return size >= 0n && size <= TREE_SIZE_MAX && sizeOf(leavesWithin(size as TreeSize)) === size
}

/** Whether `size` is that of one perfect tree: 2^k − 1. True of 0. */
export function isPerfectSize(size: bigint): boolean {
  return (size & (size + 1n)) === 0n
}

/** The smallest complete size that contains the node. */
export function firstCompleteSize(index: NodeIndex): TreeSize {
  let size = index + 1n
  while (heightOf(size as NodeIndex) !== 0) size++
  return size as TreeSize
}

/** Indices of all peaks, left to right, highest first (§3.4); none for size 0. Throws TreeSizeError. */
export function peakIndices(size: TreeSize): NodeIndex[] {
  const leaves = leafCountOf(size)
  const peaks: NodeIndex[] = []
  let offset = 0n
  for (let height = bitLength(leaves) - 1; height >= 0; height--) {
    if (((leaves >> BigInt(height)) & 1n) === 0n) continue
    offset += (2n << BigInt(height)) - 1n
    peaks.push((offset - 1n) as NodeIndex)
  }
  return peaks
}

/**
 * The first peak that is not left of the node. Throws TreeSizeError, or NodeIndexError if the node is not within
 * `size`.
 */
export function coveringPeak(index: NodeIndex, size: TreeSize): CoveringPeak {
  const leaves = leafCountOf(size)
  if (index < 0n || index >= size) throw new NodeIndexError(index, size)
  let offset = 0n
  let slot = 0
  let height = bitLength(leaves) - 1
  for (; ; height--) {
    if (((leaves >> BigInt(height)) & 1n) === 0n) continue
    offset += (2n << BigInt(height)) - 1n
    if (index < offset) return { index: (offset - 1n) as NodeIndex, height, slot }
    slot++
  }
}

/**
 * Indices of the siblings that prove the node, bottom-up (§6.1); empty exactly if it is a peak.
 * Throws TreeSizeError, or NodeIndexError if the node is not within `size`.
 */
export function inclusionPathIndices(index: NodeIndex, size: TreeSize): NodeIndex[] {
  const peak = coveringPeak(index, size)
  const path: NodeIndex[] = []
  let node = index
  for (let height = heightOf(index); height < peak.height; height++) {
    const { sibling, parent } = familyOf(node, height)
    path.push(sibling)
    node = parent
  }
  return path
}

/** What shows that a range began as a smaller one (§7.1). */
interface ConsistencyIndices {
  /** For each peak of the smaller range, left to right: its inclusion path in the larger one. */
  readonly paths: readonly (readonly NodeIndex[])[]
  /** The peaks of the larger range that no path leads to, left to right. */
  readonly rightPeaks: readonly NodeIndex[]
}

/**
 * Indices of the nodes that prove the first `from` nodes of a range of `to` nodes (§7.1). Throws TreeSizeError, or
 * NodeIndexError if `from` is above `to`.
 */
export function consistencyIndices(from: TreeSize, to: TreeSize): ConsistencyIndices {
  const peaks = peakIndices(from)
  const reached = new Set<bigint>(peaks.map((peak) => coveringPeak(peak, to).index))
  return {
    paths: peaks.map((peak) => inclusionPathIndices(peak, to)),
    rightPeaks: peakIndices(to).filter((peak) => !reached.has(peak)),
  }
}

/** A size that is not reached by a whole number of leaves, or is out of range. */
export class TreeSizeError extends RangeError {
  override readonly name = 'TreeSizeError'
  readonly size: bigint

  constructor(size: bigint) {
    super(`no whole number of leaves makes a range of ${size} nodes`)
    this.size = size
  }
}

/** A node that is not within the range. */
export class NodeIndexError extends RangeError {
  override readonly name = 'NodeIndexError'
  readonly index: bigint
  readonly size: bigint

  constructor(index: bigint, size: bigint) {
    super(`node ${index} is not within a range of ${size} nodes`)
    this.index = index
    this.size = size
  }
}

/** A number of leaves, or the index of a leaf, that no range has. */
export class LeafCountError extends RangeError {
  override readonly name = 'LeafCountError'
  readonly leaves: bigint

  constructor(leaves: bigint) {
    super(`a range has at most 2^62 leaves: ${leaves}`)
    this.leaves = leaves
  }
}

/** An interior node where a leaf is wanted. */
export class NotALeafError extends RangeError {
  override readonly name = 'NotALeafError'
  readonly index: bigint

  constructor(index: bigint) {
    super(`node ${index} is not a leaf`)
    this.index = index
  }
}

/** Bits needed to write `value`: 0 for 0. */
function bitLength(value: bigint): number {
  return value < 0x1_0000_0000n ? 32 - Math.clz32(Number(value)) : 32 + bitLength(value >> 32n)
}

/** How many peaks a range of `value` leaves has. */
export function popcount(value: bigint): number {
  let ones = 0
  for (let rest = value; rest !== 0n; rest &= rest - 1n) ones++
  return ones
}
