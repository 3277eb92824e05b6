/** A push that is built once is, for every session, the frame that would be encoded for it alone (PROTOCOL §7). */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { encodePushEnvelope } from '../../src/wire/envelope.js'
import { PUSH_HEAD_BYTES_MAX, SharedPush } from '../../src/wire/shared-push.js'

const encodedSet = fc.integer({ min: 2, max: 70_000 }).map((length) => new Uint8Array(length).fill(length))
const session = fc.record({
  requestId: fc.bigInt({ min: -(2n ** 63n), max: -1n }),
  subscriptionId: fc.uint8Array({ minLength: 2, maxLength: 2 }),
})

test('the frame of each session is the one that is encoded for it alone', () => {
  fc.assert(
    fc.property(
      fc.array(encodedSet, { minLength: 1, maxLength: 4 }),
      fc.array(session, { minLength: 1, maxLength: 5 }),
      (sets, sessions) => {
        const push = new SharedPush(sets)
        for (const { requestId, subscriptionId } of sessions) {
          const frame = push.frame(requestId, subscriptionId)
          expect(equalBytes(frame, encodePushEnvelope(requestId, subscriptionId, sets))).toBe(true)
          expect(frame.length).toBeLessThanOrEqual(push.bytes)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('the longest head has room before the largest push', () => {
  const push = new SharedPush([new Uint8Array(1_048_576)])
  const frame = push.frame(-(2n ** 63n), Uint8Array.of(255, 255))
  expect(push.bytes - 1_048_576).toBe(PUSH_HEAD_BYTES_MAX)
  expect(frame.length).toBeLessThan(push.bytes)
})
