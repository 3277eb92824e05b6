/**
 * The preimage of an interior place of the state tree, in one buffer for who goes up a path (PROOFS §1): the digest of
 * each place is written into the preimage of the one above it, so that nothing is allocated a step.
 *
 * Tests: test/merkle/state-proof.test.ts, test/merkle/state-tree.test.ts
 */

import { bitAt, DIGEST_BYTES } from './state-tree.js'

/** 0x01 ‖ left ‖ right. For all: a path is gone up synchronously, and nothing of it stays. */
export const pathPreimage: Uint8Array = Uint8Array.of(0x01, ...new Uint8Array(2 * DIGEST_BYTES))

const LEFT_AT = 1
const RIGHT_AT = 1 + DIGEST_BYTES

/** Where in the preimage of the place at `depth` the side of K stands. */
export function sideAt(keyHash: Uint8Array, depth: number): number {
  return bitAt(keyHash, depth) === 0 ? LEFT_AT : RIGHT_AT
}

/** Where the other side stands. */
export function besideOf(side: number): number {
  return LEFT_AT + RIGHT_AT - side
}

/** Writes the digest that begins at `from` of `source` to that side. */
export function writeSide(side: number, source: Uint8Array, from: number): void {
  for (let i = 0; i < DIGEST_BYTES; i++) pathPreimage[side + i] = source[from + i]!
}

/** There is nothing on that side. */
export function writeEmptySide(side: number): void {
  pathPreimage.fill(0, side, side + DIGEST_BYTES)
}
