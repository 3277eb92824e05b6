/**
 * Checking inclusion in a Merkle mountain range (MMR.md §6.2, §6.4).
 *
 * Tests: test/merkle/mmr-patch-proof.test.ts, test/merkle/mmr.test.ts, test/merkle/mmr-consistency.test.ts
 */

import { assert } from '../assert.js'
import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import {
  coveringPeak,
  familyOf,
  heightOf,
  isCompleteSize,
  nodeIndex,
  positionOf,
  type NodeIndex,
  type TreeSize,
} from './mmr-index.js'
import { interiorHash, NODE_BYTES } from './node-hash.js'
import { ProofError, type ProofClaim, type ProofErrorCode } from './proof-error.js'

/** Where a path ends: the last position is part of the last hash, so the index is as good as the value. */
interface PathEnd {
  readonly index: NodeIndex
  readonly value: Uint8Array
}

/**
 * Hashes `value`, the node at `index`, with all elements of `path` (§6.2). It proves nothing alone: the caller compares
 * the end with what he trusts. Throws NodeValueError on an element (or a value that is hashed) not of 32 bytes,
 * NodeIndexError if the path leaves the largest tree.
 */
export function includedRoot(index: NodeIndex, value: Uint8Array, path: readonly Uint8Array[]): PathEnd {
  let end: PathEnd = { index, value }
  let height = heightOf(index)
  for (const sibling of path) {
    const { isRight, parent } = familyOf(end.index, height)
    const [left, right] = isRight ? [sibling, end.value] : [end.value, sibling]
    end = { index: nodeIndex(parent), value: interiorHash(positionOf(parent), left, right) }
    height++
  }
  return end
}

/**
 * Returns if `value` (32 bytes) is the node at `index` of the range of `size` nodes whose peaks, left to right, are
 * `accumulator`; both of them the caller has to trust. Throws ProofError otherwise (§6.4).
 *
 * @example
 * ```ts
 * import { leafIndex, Mmr, nodeIndexOf, ProofError, verifyInclusion } from 'cairn-relay/mmr'
 *
 * const range = new Mmr()
 * for (const byte of [1, 2]) range.append(new Uint8Array(32).fill(byte))
 * const first = nodeIndexOf(leafIndex(0n))
 * const path = range.inclusionPath(first)
 * verifyInclusion(first, new Uint8Array(32).fill(1), path, range.size, range.peaks())
 * try {
 *   verifyInclusion(first, new Uint8Array(32).fill(9), path, range.size, range.peaks())
 * } catch (error) {
 *   console.log((error as ProofError).code) // root
 * }
 * ```
 */
export function verifyInclusion(
  index: NodeIndex,
  value: Uint8Array,
  path: readonly Uint8Array[],
  size: TreeSize,
  accumulator: readonly Uint8Array[],
): void {
  const claim: ProofClaim = { nodeIndex: index, treeSize: size, pathLength: path.length }
  const refuse = (code: ProofErrorCode, message: string): ProofError => new ProofError(code, message, { claim })
  if (size < 1n || !isCompleteSize(size)) throw refuse('tree-size', `${size} nodes are no whole number of leaves`)
  if (index < 0n || index >= size) throw refuse('node-index', `node ${index} is not among ${size} nodes`)
  const peak = coveringPeak(index, size)
  const wanted = peak.height - heightOf(index)
  if (path.length !== wanted) throw refuse('path-length', `the path has ${path.length} elements, not ${wanted}`)
  const trusted = accumulator[peak.slot]
  for (const bytes of [value, ...path, trusted ?? value])
    if (bytes.length !== NODE_BYTES)
      throw refuse('element-length', `a hash has ${bytes.length} bytes, not ${NODE_BYTES}`)
  const end = includedRoot(index, value, path)
  assert(end.index === peak.index, 'a path of the right length ends at the covering peak')
  if (trusted === undefined || !equalBytes(end.value, trusted)) {
    const wanted = trusted === undefined ? 'a hash that is not there' : toHex(trusted)
    throw refuse('root', `the path from node ${index} leads to ${toHex(end.value)}, not to the trusted ${wanted}`)
  }
}

/** A size and the peaks of that many nodes, left to right, 32 bytes each. */
export interface TrustedRange {
  readonly size: TreeSize
  readonly peaks: readonly Uint8Array[]
}

/** verifyInclusion for a node that has to be a leaf. */
export function verifyLeafInclusion(
  index: NodeIndex,
  leafHash: Uint8Array,
  path: readonly Uint8Array[],
  size: TreeSize,
  accumulator: readonly Uint8Array[],
): void {
  if (index >= 0n && heightOf(index) !== 0) {
    const claim: ProofClaim = { nodeIndex: index, treeSize: size, pathLength: path.length }
    throw new ProofError('node-index', `node ${index} is not a leaf`, { claim })
  }
  verifyInclusion(index, leafHash, path, size, accumulator)
}
