/**
 * The Merkle tree of RFC 6962 §2.1 over SHA-256, as a log grows it: perfect subtrees, each named by its level (0: a
 * leaf) and its index there, never change once they are made. Whoever stores the nodes that `append` gives can make
 * every proof, for every size that the log had. Its perfect subtrees stand where those of a mountain range over the
 * same leaves do (MMR.md §3), in the same order.
 *
 * One file of more than 300 lines: tree, inclusion and consistency are one recursion of the RFC each, over the same
 * splits.
 */

import { sha256 } from '#hash'
import { assert } from '../assert.js'
import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { appendToPeaks } from './accumulator.js'
import { LEAF_COUNT_MAX, LeafCountError, popcount } from './mmr-index.js'
import { NODE_BYTES, nodeValue } from './node-hash.js'
import { ProofError, type ProofErrorCode } from './proof-error.js'

/** So that indices of subtrees are exact numbers. */
const APPENDED_LEAVES_MAX = 2 ** 52

/** A perfect subtree: of 2^level leaves, the index-th of its level from the left. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

/** A subtree and its hash, 32 bytes. */
export interface SubtreeNode extends Subtree {
  readonly value: Uint8Array
}

/** The stored hash of a subtree, 32 bytes. */
export type ReadSubtree = (level: number, index: number) => Uint8Array

/**
 * The hash of a leaf: SHA-256(0x00 ‖ leaf), 32 bytes.
 *
 * @example
 * ```ts
 * import { treeLeafHash } from 'cairn-relay/notes'
 *
 * console.log(treeLeafHash(new Uint8Array(0)).length) // 32
 * ```
 */
export function treeLeafHash(leaf: Uint8Array): Uint8Array {
  const preimage = leaf.length < leafPreimage.length ? leafPreimage : new Uint8Array(1 + leaf.length)
  preimage.set(leaf, 1)
  return sha256(preimage.subarray(0, 1 + leaf.length))
}

/** Scratch for a short leaf, as those of logs are; it begins with 0x00. */
const leafPreimage = new Uint8Array(128)

/**
 * The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), 32 bytes. Throws NodeValueError unless both are 32 bytes.
 *
 * @example
 * ```ts
 * import { treeNodeHash } from 'cairn-relay/notes'
 *
 * console.log(treeNodeHash(new Uint8Array(32), new Uint8Array(32)).length) // 32
 * ```
 */
export function treeNodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodePreimage.set(nodeValue(left), 1)
  nodePreimage.set(nodeValue(right), 1 + NODE_BYTES)
  return sha256(nodePreimage)
}

/** One scratch buffer for all: hashing is synchronous and keeps nothing of it. */
const nodePreimage = new Uint8Array(1 + 2 * NODE_BYTES)
nodePreimage[0] = 1

/**
 * The largest perfect subtrees of a tree, left to right, which are all that appending to it needs.
 *
 * @example
 * ```ts
 * import { TreeAppender, treeLeafHash } from 'cairn-relay/notes'
 *
 * const tree = new TreeAppender()
 * for (const byte of [1, 2, 3]) tree.append(treeLeafHash(Uint8Array.of(byte)))
 * console.log(tree.size, tree.peaks.length, tree.root().length) // 3 2 32
 * ```
 */
export class TreeAppender {
  private readonly stack: Uint8Array[]
  private leaves: number

  /**
   * Goes on from a tree of `size` leaves with these peaks, left to right (32 bytes each; kept, not copied): as many as
   * `size` has ones. Throws LeafCountError above 2^52 leaves, NodeValueError, ProofError 'peak-count'.
   */
  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    if (!Number.isSafeInteger(size) || size < 0 || size >= APPENDED_LEAVES_MAX)
      throw new LeafCountError(Number.isSafeInteger(size) ? BigInt(size) : -1n)
    const wanted = popcount(BigInt(size))
    if (peaks.length !== wanted)
      throw new ProofError('peak-count', `a tree of ${size} leaves has ${wanted} peaks, not ${peaks.length}`)
    this.stack = peaks.map(nodeValue)
    this.leaves = size
  }

  get size(): number {
    return this.leaves
  }

  /** Left to right, a fresh array of values that are not to be changed. */
  get peaks(): Uint8Array[] {
    return [...this.stack]
  }

  /** The root (RFC 6962 §2.1), 32 bytes; of no leaves SHA-256 of nothing. */
  root(): Uint8Array {
    return rootOfPeaks(this.stack)
  }

  /**
   * Appends the hash of a leaf, which is kept and not copied. Gives the perfect subtrees that it completes: the leaf
   * first, then every one above it. Throws NodeValueError, and leaves no trace then.
   */
  append(leafHash: Uint8Array): SubtreeNode[] {
    const first = this.leaves
    const values = appendToPeaks(this.stack, first, nodeValue(leafHash), (_place, left, right) =>
      treeNodeHash(left, right),
    )
    this.leaves++
    return values.map((value, level) => ({ level, index: Math.floor(first / 2 ** level), value }))
  }
}

/**
 * Root of the tree whose largest perfect subtrees, left to right, are `peaks`; of none SHA-256 of nothing.
 *
 * @example
 * ```ts
 * import { rootOfPeaks } from 'cairn-relay/notes'
 *
 * const peak = new Uint8Array(32).fill(7)
 * console.log(rootOfPeaks([peak])[0], rootOfPeaks([peak, peak]).length) // 7 32
 * ```
 */
export function rootOfPeaks(peaks: readonly Uint8Array[]): Uint8Array {
  if (peaks.length === 0) return sha256(new Uint8Array(0))
  return peaks.reduceRight((right, left) => treeNodeHash(left, right))
}

/** The largest perfect subtrees of leaves `start` to before `end`, left to right; start is a multiple of each. */
function subtreesOf(start: number, end: number): Subtree[] {
  const subtrees: Subtree[] = []
  for (let at = start; at < end;) {
    const level = levelWithin(end - at)
    subtrees.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return subtrees
}

/**
 * The largest perfect subtrees of a tree of `size` leaves, left to right: what to read to go on from it.
 *
 * @example
 * ```ts
 * import { treePeaks } from 'cairn-relay/notes'
 *
 * console.log(treePeaks(3)) // [ { level: 1, index: 0 }, { level: 0, index: 2 } ]
 * ```
 */
export function treePeaks(size: number): Subtree[] {
  requireSize(size)
  return subtreesOf(0, size)
}

/**
 * Root of the tree of the first `size` leaves, from the stored subtrees.
 *
 * @example
 * ```ts
 * import { treeRoot } from 'cairn-relay/notes'
 *
 * const leaf = new Uint8Array(32).fill(7)
 * console.log(treeRoot(1, () => leaf)[0]) // 7
 * ```
 */
export function treeRoot(size: number, read: ReadSubtree): Uint8Array {
  return rootOfPeaks(treePeaks(size).map(({ level, index }) => nodeValue(read(level, index))))
}

/** Hash of the leaves from `start` to before `end`, a place where the tree of some size splits. */
function hashOf(start: number, end: number, read: ReadSubtree): Uint8Array {
  return rootOfPeaks(subtreesOf(start, end).map(({ level, index }) => nodeValue(read(level, index))))
}

/** The largest power of two below `size`, which is at least 2: where its tree splits. */
function splitOf(size: number): number {
  return 2 ** levelWithin(size - 1)
}

/** The level of the largest perfect subtree within `leaves`, at least 1; the logarithm may be rounded up. */
function levelWithin(leaves: number): number {
  const level = Math.floor(Math.log2(leaves))
  return 2 ** level > leaves ? level - 1 : level
}

/**
 * The siblings that lead from leaf `index` (0 …) to the root of the tree of `size` leaves, bottom-up (RFC 6962 §2.1.1).
 * Throws ProofError 'node-index' unless index < size.
 *
 * @example
 * ```ts
 * import { treeInclusionPath } from 'cairn-relay/notes'
 *
 * const leaves = [1, 2].map((byte) => new Uint8Array(32).fill(byte))
 * console.log(treeInclusionPath(0, 2, (_level, index) => leaves[index]!)[0]![0]) // 2
 * ```
 */
export function treeInclusionPath(index: number, size: number, read: ReadSubtree): Uint8Array[] {
  requireSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size)
    throw new ProofError('node-index', `leaf ${index} is not in a tree of ${size}`)
  const path: Uint8Array[] = []
  for (let [start, end] = [0, size]; end - start > 1;) {
    const middle = start + splitOf(end - start)
    const isLeft = index < middle
    path.push(isLeft ? hashOf(middle, end, read) : hashOf(start, middle, read))
    if (isLeft) end = middle
    else start = middle
  }
  return path.reverse()
}

/**
 * Proves that the tree of `size1` leaves is how the tree of `size2` began (RFC 6962 §2.1.2); empty where they are one,
 * or the first is empty. Throws ProofError 'tree-size' unless size1 ≤ size2.
 *
 * @example
 * ```ts
 * import { treeConsistency } from 'cairn-relay/notes'
 *
 * const leaves = [1, 2].map((byte) => new Uint8Array(32).fill(byte))
 * console.log(treeConsistency(1, 2, (_level, index) => leaves[index]!)[0]![0]) // 2
 * ```
 */
export function treeConsistency(size1: number, size2: number, read: ReadSubtree): Uint8Array[] {
  requireSize(size1)
  requireSize(size2)
  if (size1 > size2) throw new ProofError('tree-size', `a tree of ${size2} leaves does not go on from ${size1}`)
  if (size1 === 0 || size1 === size2) return []
  const path: Uint8Array[] = []
  let [start, end] = [0, size2]
  let isWhole = true
  while (end !== size1) {
    const middle = start + splitOf(end - start)
    if (size1 <= middle) {
      path.push(hashOf(middle, end, read))
      end = middle
    } else {
      path.push(hashOf(start, middle, read))
      start = middle
      isWhole = false
    }
  }
  if (!isWhole) path.push(hashOf(start, end, read))
  return path.reverse()
}

/**
 * The root to which `path` leads from leaf `index` with this hash in a tree of `size` leaves: the caller compares it
 * with one that he trusts. Throws ProofError 'node-index', 'tree-size', 'path-length', 'element-length'.
 *
 * @example
 * ```ts
 * import { rootFromInclusion } from 'cairn-relay/notes'
 *
 * const leaf = new Uint8Array(32).fill(7)
 * console.log(rootFromInclusion(0n, 1n, leaf, [])[0]) // 7
 * ```
 */
export function rootFromInclusion(
  index: bigint,
  size: bigint,
  leafHash: Uint8Array,
  path: readonly Uint8Array[],
): Uint8Array {
  requireTreeSize(size)
  if (index < 0n || index >= size) throw refusal('node-index', `leaf ${index} is not in a tree of ${size}`)
  let [at, last] = [index, size - 1n]
  let hash = leafHash
  let taken = 0
  for (; last > 0n; at >>= 1n, last >>= 1n) {
    // The last of its level without one to its right goes up as it is.
    if (at === last && at % 2n === 0n) continue
    const sibling = path[taken++]
    if (sibling === undefined) throw refusal('path-length', `the path of leaf ${index} of ${size} ends too early`)
    hash = at % 2n === 1n ? pairHash(sibling, hash) : pairHash(hash, sibling)
  }
  if (taken < path.length)
    throw refusal('path-length', `the path of leaf ${index} of ${size} has ${path.length} elements, not ${taken}`)
  return hash
}

/**
 * Returns if the leaf with this hash is number `index` (0 …) of the tree of `size` leaves with this root, which the
 * caller has to trust. Throws ProofError otherwise.
 *
 * @example
 * ```ts
 * import { treeLeafHash, verifyTreeInclusion } from 'cairn-relay/notes'
 *
 * const leaf = treeLeafHash(Uint8Array.of(7))
 * verifyTreeInclusion(0n, 1n, leaf, [], leaf)
 * try {
 *   verifyTreeInclusion(0n, 1n, leaf, [leaf], leaf)
 * } catch (error) {
 *   console.log((error as Error).message) // the path of leaf 0 of 1 has 1 elements, not 0
 * }
 * ```
 */
export function verifyTreeInclusion(
  index: bigint,
  size: bigint,
  leafHash: Uint8Array,
  path: readonly Uint8Array[],
  root: Uint8Array,
): void {
  const found = rootFromInclusion(index, size, leafHash, path)
  if (equalBytes(found, root)) return
  throw refusal('root', `leaf ${index} of ${size}: its path leads to the root ${toHex(found)}, not ${toHex(root)}`)
}

/** A tree: how many leaves, and its root of 32 bytes. */
export interface TreeHead {
  readonly size: bigint
  readonly root: Uint8Array
}

/**
 * Returns if the tree of `later` began as the tree of `earlier`, which is not empty; the caller has to trust both.
 * Throws ProofError otherwise.
 *
 * @example
 * ```ts
 * import { treeNodeHash, verifyTreeConsistency } from 'cairn-relay/notes'
 *
 * const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
 * verifyTreeConsistency({ size: 1n, root: one }, { size: 2n, root: treeNodeHash(one, two) }, [two])
 * console.log('it only grew') // it only grew
 * ```
 */
export function verifyTreeConsistency(earlier: TreeHead, later: TreeHead, path: readonly Uint8Array[]): void {
  requireTreeSize(earlier.size)
  requireTreeSize(later.size)
  const between = `the trees of ${earlier.size} and ${later.size} leaves`
  if (earlier.size < 1n || earlier.size > later.size) throw refusal('tree-size', `${between}: no consistency is shown`)
  const [old, whole] = earlier.size === later.size ? sameRoots(earlier, path) : consistentRoots(earlier, later, path)
  for (const [name, found, wanted] of [
    ['earlier', old, earlier.root],
    ['later', whole, later.root],
  ] as const)
    if (!equalBytes(found, wanted))
      throw refusal('root', `${between}: the ${name} root that follows is ${toHex(found)}, not ${toHex(wanted)}`)
}

function sameRoots({ size, root }: TreeHead, path: readonly Uint8Array[]): readonly [Uint8Array, Uint8Array] {
  if (path.length > 0) throw refusal('path-length', `one tree of ${size} leaves: a path of ${path.length}, not 0`)
  return [root, root]
}

/** The two roots that follow (RFC 9162 §2.1.4.2). */
function consistentRoots(
  earlier: TreeHead,
  later: TreeHead,
  path: readonly Uint8Array[],
): readonly [Uint8Array, Uint8Array] {
  const problem = `the consistency of ${earlier.size} and ${later.size} leaves`
  let [at, last] = [earlier.size - 1n, later.size - 1n]
  while (at % 2n === 1n) [at, last] = [at >> 1n, last >> 1n]
  // A first tree that is one perfect subtree is known by its root.
  const [first, ...rest] = at === 0n ? [earlier.root, ...path] : path
  if (first === undefined) throw refusal('path-length', `${problem} has no path`)
  let [old, whole] = [first, first]
  for (const sibling of rest) {
    if (last === 0n) throw refusal('path-length', `${problem} has a path of ${path.length}, which is too long`)
    if (at % 2n === 1n || at === last) {
      ;[old, whole] = [pairHash(sibling, old), pairHash(sibling, whole)]
      while (at % 2n === 0n && at !== 0n) [at, last] = [at >> 1n, last >> 1n]
    } else whole = pairHash(whole, sibling)
    at >>= 1n
    last >>= 1n
  }
  if (last !== 0n) throw refusal('path-length', `${problem} has a path of ${path.length}, which ends too early`)
  return [old, whole]
}

function pairHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  for (const { length } of [left, right])
    if (length !== NODE_BYTES) throw refusal('element-length', `a node has ${NODE_BYTES} bytes, not ${length}`)
  return treeNodeHash(left, right)
}

function requireTreeSize(size: bigint): void {
  if (size < 0n || size > LEAF_COUNT_MAX) throw refusal('tree-size', `no tree has ${size} leaves`)
}

/** Of a tree of our own. */
function requireSize(size: number): void {
  assert(Number.isSafeInteger(size) && size >= 0 && size <= APPENDED_LEAVES_MAX, `a tree of ${size} leaves`)
}

function refusal(code: ProofErrorCode, message: string): ProofError {
  return new ProofError(code, message)
}
