/**
 * How far a chain was followed, as it is kept in the settings table: blocks that were handled, newest last.
 *
 * Tests: test/e2e/registry.test.ts, test/e2e/chain-faults.test.ts
 */

import { decode } from '../codec/decode.js'
import { encode } from '../codec/encode.js'
import type { FollowedBlock } from './follower.js'

export function writeFollowedBlocks(followed: readonly FollowedBlock[]): Uint8Array {
  return encode(followed.map(({ number, hash }) => [number, hash]))
}

/** `row` undefined: the chain was never followed. */
export function readFollowedBlocks(row: Uint8Array | undefined): FollowedBlock[] {
  if (row === undefined) return []
  return (decode(row) as unknown as [bigint, Uint8Array][]).map(([number, hash]) => ({ number, hash: hash.slice() }))
}
