/**
 * Values of the nodes of a Merkle mountain range (MMR.md §4): 32 bytes, SHA-256, interior ones bound to their position.
 *
 * Tests: test/merkle/mmr.test.ts
 */

import { sha256 } from '#hash'
import { writeBe64 } from '../bytes/bytes.js'
import type { Position } from './mmr-index.js'

export const NODE_BYTES = 32

/**
 * SHA-256(be64(position) ‖ left ‖ right), fresh; `position` is the parent's own. Throws NodeValueError unless both
 * children are 32 bytes.
 */
export function interiorHash(position: Position, left: Uint8Array, right: Uint8Array): Uint8Array {
  writeBe64(preimage, 0, position)
  return hashOfPreimage(left, right)
}

/** The same for a position below 2^53: no bigint is made. */
export function interiorHashAt(position: number, left: Uint8Array, right: Uint8Array): Uint8Array {
  view.setUint32(0, position / 0x1_0000_0000)
  view.setUint32(4, position)
  return hashOfPreimage(left, right)
}

/** `value` if it is 32 bytes; throws NodeValueError otherwise. */
export function nodeValue(value: Uint8Array): Uint8Array {
  if (value.length !== NODE_BYTES) throw new NodeValueError(value.length)
  return value
}

/**
 * A node's value that is not 32 bytes: lengths that shift between two children would reproduce their parent (§13.5).
 */
export class NodeValueError extends RangeError {
  override readonly name = 'NodeValueError'
  readonly bytes: number

  constructor(bytes: number) {
    super(`a node has ${NODE_BYTES} bytes, not ${bytes}`)
    this.bytes = bytes
  }
}

/** One scratch buffer for all: hashing is synchronous and keeps nothing of it. */
const preimage = new Uint8Array(8 + 2 * NODE_BYTES)
const view = new DataView(preimage.buffer)

function hashOfPreimage(left: Uint8Array, right: Uint8Array): Uint8Array {
  preimage.set(nodeValue(left), 8)
  preimage.set(nodeValue(right), 8 + NODE_BYTES)
  return sha256(preimage)
}
