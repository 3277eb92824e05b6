/** How far a chain was followed, as it is kept in the settings table: blocks that were handled, newest last. */

import { decode } from '../codec/decode.js'
import { encode } from '../codec/encode.js'
import type { Checkpoint } from './follower.js'

export function writeCheckpoints(checkpoints: readonly Checkpoint[]): Uint8Array {
  return encode(checkpoints.map(({ number, hash }) => [number, hash]))
}

/** `row` undefined: the chain was never followed. */
export function readCheckpoints(row: Uint8Array | undefined): Checkpoint[] {
  if (row === undefined) return []
  return (decode(row) as unknown as [bigint, Uint8Array][]).map(([number, hash]) => ({ number, hash: hash.slice() }))
}
