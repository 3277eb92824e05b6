/**
 * The root of a whole collection from its leaves by rising K, one by one (PROOFS §1): at most 257 digests are kept,
 * whatever the number of leaves.
 *
 * Tests: test/merkle/state-tree.test.ts, test/merkle/state-kat.test.ts
 */

import { compareBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { bitAt, EMPTY_PLACE, interiorDigest, sharedBits, stateLeafDigest, type TreeLeaf } from './state-tree.js'

/** The whole side of bit 0 of a place at `depth`, which has leaves on the other side too. */
interface LeftSide {
  readonly depth: number
  readonly digest: Uint8Array
}

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
  /** By rising depth. */
  private readonly left: LeftSide[] = []
  private last: Uint8Array | undefined
  /** Of the last leaf. */
  private digest = EMPTY_PLACE

  /** Throws StateLeafOrderError unless its K is greater than the last one's. */
  add(leaf: Pick<TreeLeaf, 'keyHash' | 'valueHash'>): void {
    const { last } = this
    if (last !== undefined) {
      if (compareBytes(last, leaf.keyHash) >= 0) throw new StateLeafOrderError(last, leaf.keyHash)
      const depth = sharedBits(last, leaf.keyHash)
      this.left.push({ depth, digest: folded(last, this.digest, this.left, depth + 1) })
    }
    this.last = leaf.keyHash
    this.digest = stateLeafDigest(leaf)
  }

  /** Of the leaves so far, 32 bytes; zeros of none. The stream goes on after it. */
  root(): Uint8Array {
    return this.last === undefined ? EMPTY_PLACE : folded(this.last, this.digest, [...this.left], 0)
  }
}

/** A leaf whose K is not greater than that of the leaf before it. */
export class StateLeafOrderError extends RangeError {
  override readonly name = 'StateLeafOrderError'

  constructor(before: Uint8Array, keyHash: Uint8Array) {
    super(`K ${toHex(keyHash)} comes after ${toHex(before)}`)
  }
}

/**
 * The digest of the place at `depth` that ends with the leaf `digest` under `keyHash`, and whose splits are those of
 * `left` from `depth` on: they are taken off it.
 */
function folded(keyHash: Uint8Array, leaf: Uint8Array, left: LeftSide[], depth: number): Uint8Array {
  let digest = leaf
  /** Where it stands; a lone leaf stands wherever it is wanted. */
  let at: number | undefined
  for (let side = left.at(-1); side !== undefined && side.depth >= depth; side = left.at(-1)) {
    left.pop()
    digest = interiorDigest(side.digest, lifted(keyHash, digest, at ?? side.depth + 1, side.depth + 1))
    at = side.depth
  }
  return lifted(keyHash, digest, at ?? depth, depth)
}

/** The digest of the place at `to` above an interior one at `from`, with nothing beside it. */
function lifted(keyHash: Uint8Array, digest: Uint8Array, from: number, to: number): Uint8Array {
  let place = digest
  for (let depth = from - 1; depth >= to; depth--) {
    const isLeft = bitAt(keyHash, depth) === 0
    place = isLeft ? interiorDigest(place, EMPTY_PLACE) : interiorDigest(EMPTY_PLACE, place)
  }
  return place
}
