/**
 * One push for many sessions (PROTOCOL §7): its sets stand joined in one buffer, and what each session has of its own,
 * request id and subscription id, is written before them anew for each.
 *
 * Tests: test/wire/shared-push.test.ts
 */

import { pushHeadLength, writePushHead } from './envelope.js'
import type { EncodedSet } from './messages.js'

/** Of what stands before the sets: a request id of 10 bytes, a subscription id of 2, tags and lengths. */
export const PUSH_HEAD_BYTES_MAX = 32

export class SharedPush {
  private readonly buffer: Uint8Array

  /** Of at least one set, each as encodeSet makes it, or several of these joined. */
  constructor(sets: readonly EncodedSet[]) {
    this.buffer = new Uint8Array(sets.reduce((sum, { length }) => sum + length, PUSH_HEAD_BYTES_MAX))
    let at = PUSH_HEAD_BYTES_MAX
    for (const set of sets) {
      this.buffer.set(set, at)
      at += set.length
    }
  }

  get bytes(): number {
    return this.buffer.length
  }

  /** The frame for one session: the same bytes as encodePushEnvelope's, and a view that the next call changes. */
  frame(requestId: bigint, subscriptionId: Uint8Array): Uint8Array {
    const setsLength = this.buffer.length - PUSH_HEAD_BYTES_MAX
    const head = { requestId, subscriptionId, setsLength }
    const start = PUSH_HEAD_BYTES_MAX - pushHeadLength(head)
    writePushHead(this.buffer, start, head)
    return this.buffer.subarray(start)
  }
}
