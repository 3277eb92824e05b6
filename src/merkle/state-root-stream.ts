/**
 * The root of a whole collection from its leaves by rising K, one by one (PROOFS §1): at most 257 digests are kept,
 * whatever the number of leaves.
 *
 * Tests: test/merkle/state-tree.test.ts, test/merkle/state-kat.test.ts
 */

import { sha256Into } from '#hash'
import { compareBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { besideOf, pathPreimage, sideAt, writeEmptySide, writeSide } from './path-preimage.js'
import {
  copyDigest,
  DIGEST_BYTES,
  EMPTY_PLACE,
  sharedBits,
  STATE_DEPTH_MAX,
  stateLeafDigest,
  type TreeLeaf,
} from './state-tree.js'

/**
 * Takes leaves, gives their root.
 *
 * @example
 * ```ts
 * import { stateLeaf, StateRootStream } from 'cairn-relay/state-proof'
 *
 * const stream = new StateRootStream()
 * stream.add(stateLeaf(Uint8Array.of(0x61), { value: Uint8Array.of(1) }))
 * console.log(stream.root().length) // 32
 * ```
 */
export class StateRootStream {
  /** Of places on the way to the last leaf that have leaves on both sides, rising. */
  private readonly depths: number[] = []
  /** The digests of their sides of bit 0, which are whole, each at its depth. */
  private readonly lefts = new Uint8Array(DIGEST_BYTES * STATE_DEPTH_MAX)
  private last: Uint8Array | undefined
  /** Of the last leaf. */
  private digest = EMPTY_PLACE

  /** Throws StateLeafOrderError unless its K is greater than the last one's. */
  add(leaf: Pick<TreeLeaf, 'keyHash' | 'valueHash'>): void {
    const { last, depths } = this
    if (last !== undefined) {
      if (compareBytes(last, leaf.keyHash) >= 0) throw new StateLeafOrderError(last, leaf.keyHash)
      const depth = sharedBits(last, leaf.keyHash)
      const splits = this.splitsFrom(depth + 1)
      this.fold(depth + 1, this.lefts, DIGEST_BYTES * depth)
      depths.length = splits
      depths.push(depth)
    }
    this.last = leaf.keyHash
    this.digest = stateLeafDigest(leaf)
  }

  /** Of the leaves so far, 32 bytes, fresh; zeros of none. The stream goes on after it. */
  root(): Uint8Array {
    const root = new Uint8Array(DIGEST_BYTES)
    if (this.last !== undefined) this.fold(0, root, 0)
    return root
  }

  /** How many of the splits lie above `depth`. */
  private splitsFrom(depth: number): number {
    let count = this.depths.length
    while (count > 0 && this.depths[count - 1]! >= depth) count--
    return count
  }

  /**
   * Writes to `target` the digest of the place at `depth` that ends with the last leaf: from the leaf up through the
   * splits that lie there, and with nothing beside it between them. A lone leaf stands wherever it is wanted.
   */
  private fold(depth: number, target: Uint8Array, to: number): void {
    const { depths } = this
    const end = this.splitsFrom(depth)
    if (end === depths.length) return copyDigest(target, to, this.digest, 0)
    const keyHash = this.last!
    let split = depths.length - 1
    let above = depths[split]!
    writeSide(sideAt(keyHash, above), this.digest, 0)
    for (; above >= depth; above--) {
      const beside = besideOf(sideAt(keyHash, above))
      if (split >= end && depths[split] === above) {
        writeSide(beside, this.lefts, DIGEST_BYTES * above)
        split--
      } else writeEmptySide(beside)
      if (above > depth) sha256Into(pathPreimage, pathPreimage, sideAt(keyHash, above - 1))
    }
    sha256Into(pathPreimage, target, to)
  }
}

/** A leaf whose K is not greater than that of the leaf before it. */
export class StateLeafOrderError extends RangeError {
  override readonly name = 'StateLeafOrderError'

  constructor(before: Uint8Array, keyHash: Uint8Array) {
    super(`K ${toHex(keyHash)} comes after ${toHex(before)}`)
  }
}
