/** Where the listings of every stage stand in the state tree: keys are hashed, so it is the same everywhere. */

import { compareBytes, be64 } from '../../src/bytes/bytes.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { sharedBits } from '../../src/merkle/state-tree.js'
import { FEATHER, SHELL, STONE } from './stage.js'

const K = (id: bigint): Uint8Array => sha256(be64(id))
const shared = (a: bigint, b: bigint): number => sharedBits(K(a), K(b))

/** Two listings whose leaves lie beside each other, by rising K. */
export const TWINS: readonly bigint[] = [
  [STONE, FEATHER],
  [STONE, SHELL],
  [FEATHER, SHELL],
]
  .toSorted(([a, b], [c, d]) => shared(c!, d!) - shared(a!, b!))[0]!
  .toSorted((a, b) => compareBytes(K(a), K(b)))

/** Where the stone's leaf lies. */
const STONE_DEPTH = 1 + Math.max(shared(STONE, FEATHER), shared(STONE, SHELL))

/** An id that no listing has, and whose way ends at the stone's leaf, behind it. */
export const NEIGHBOUR: bigint = (() => {
  for (let id = 5_000n; ; id++) if (shared(STONE, id) >= STONE_DEPTH && compareBytes(K(STONE), K(id)) < 0) return id
})()
