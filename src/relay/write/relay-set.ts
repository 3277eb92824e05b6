/**
 * Sets that the relay makes itself (PROTOCOL §11): how an order is canceled, and how patches are packed into sets that
 * fit a frame.
 *
 * Tests: test/e2e/subscriptions.test.ts
 */

import type { OrderId, Seconds } from '../../brands.js'
import { CborTime } from '../../codec/value.js'
import { FRAME_OUT_BYTES_MAX } from '../../limits.js'
import { CANCELED } from '../../objects/order.js'
import { encodeChange } from '../../patches/patch.js'

/** Encoded patches that cancel an order: CanceledAt if it has none, then State 2. */
export function cancelPatches(orderId: OrderId, hasCanceledAt: boolean, atSeconds: Seconds): Uint8Array[] {
  const state = encodeChange({ op: 'replace', path: ['Orders', orderId, 'State'], value: CANCELED })
  if (hasCanceledAt) return [state]
  return [encodeChange({ op: 'add', path: ['Orders', orderId, 'CanceledAt'], value: new CborTime(atSeconds) }), state]
}

/**
 * Groups of encoded patches as sets that fit a frame to a client with all their proofs: groups in order, one kept whole
 * where that is possible, none empty.
 */
export function packSets(groups: readonly (readonly Uint8Array[])[]): Uint8Array[][] {
  const sets: Uint8Array[][] = []
  let room = 0
  for (const group of groups) {
    const bytes = group.reduce((sum, patch) => sum + pushedBytes(patch), 0)
    if (bytes > room) room = 0
    for (const patch of group) {
      if (sets.length === 0 || room < pushedBytes(patch)) {
        sets.push([])
        room = RELAY_SET_BYTES
      }
      sets.at(-1)!.push(patch)
      room -= pushedBytes(patch)
    }
  }
  return sets
}

/** Half a frame: a single patch above it still fits. */
const RELAY_SET_BYTES = FRAME_OUT_BYTES_MAX / 2
/** Room for a patch's proof and heads in a set of that size. */
const PROOF_ROOM_BYTES = 768

function pushedBytes(patch: Uint8Array): number {
  return patch.length + PROOF_ROOM_BYTES
}
