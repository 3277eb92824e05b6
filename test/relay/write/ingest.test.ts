/**
 * PROTOCOL §4, §13, §15: what fits a frame to a client, to the byte, whatever ids it goes out with; rates and a clock
 * that is set back.
 */

import { describe, expect, it } from 'vitest'
import { publicKeyOf } from '../../../src/bytes/signature.node.js'
import { encode } from '../../../src/codec/encode.js'
import { FRAME_OUT_BYTES_MAX } from '../../../src/limits.js'
import { encodePatchSet, readPatchSet, signPatches } from '../../../src/patches/patch-set.js'
import { checkSet } from '../../../src/relay/write/ingest.js'
import { RateLimiter } from '../../../src/relay/transport/rate-limit.js'
import { encodePushEnvelope } from '../../../src/wire/envelope.js'
import { encodeSet } from '../../../src/wire/pushed-set.js'

const secret = new Uint8Array(32).fill(1)

/** A set of `count` patches of which the last has a text of `bytes` bytes, and the others a few. */
function setOf(count: number, bytes: number): Uint8Array {
  const patches = Array.from({ length: count }, (_, i) =>
    encode(
      new Map<string, string | string[]>([
        ['Op', 'replace'],
        ['Path', ['Tags', `${i}`, 'Name']],
        ['Value', 'x'.repeat(i === count - 1 ? bytes : 20 + (i % 300))],
      ]),
    ),
  )
  const { headerBytes, signature } = signPatches({ shopId: 77n, nonce: 1n, timestamp: 5n, patches }, secret)
  return encodePatchSet(headerBytes, signature, patches)
}

const refusal = (set: Uint8Array) => {
  const checked = checkSet(set, { shopId: 77n, card: publicKeyOf(secret), isGuest: false }, 5n)
  return typeof checked === 'string' ? checked : 'none'
}

/** The frame that carries the whole set alone. */
function frameBytes(set: Uint8Array, ids: { seq: bigint; requestId: bigint }): number {
  const { headerBytes, signature, patches, tree } = readPatchSet(set)
  const pushed = encodeSet({
    seq: ids.seq,
    leafIndex: 0,
    header: headerBytes,
    signature,
    patches: patches.map((patch) => patch.bytes),
    proofs: patches.map((_, place) => tree.proof(place)),
  })
  return encodePushEnvelope(ids.requestId, Uint8Array.of(255, 255), [pushed]).length
}

const LONGEST = { seq: 2n ** 64n - 1n, requestId: -(2n ** 63n) }

describe('a set and a frame to a client', () => {
  // Numbers of patches on both sides of the powers of two, where proofs grow.
  it.each([1, 2, 3, 24, 64, 65, 129, 1_000])(
    'the largest set of %i patches that fits is taken, one byte more is INVALID',
    (count) => {
      let [taken, refused] = [0, FRAME_OUT_BYTES_MAX]
      while (refused - taken > 1) {
        const middle = Math.floor((taken + refused) / 2)
        if (frameBytes(setOf(count, middle), LONGEST) <= FRAME_OUT_BYTES_MAX) taken = middle
        else refused = middle
      }
      expect(frameBytes(setOf(count, taken), LONGEST)).toBe(FRAME_OUT_BYTES_MAX)
      expect(refusal(setOf(count, taken))).toBe('none')
      expect(refusal(setOf(count, refused))).toBe('the set would not fit a frame of 1048576 bytes to a client')
    },
  )
})

it('a clock that is set back takes nothing from a rate', () => {
  let now = 10_000_000
  const limiter = new RateLimiter({ perSecond: 2, burst: 3 }, () => now)
  expect(limiter.take('a')).toBe(true)
  now -= 3_600_000
  expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([true, true, false])
  now += 500
  expect([limiter.take('a'), limiter.take('a')]).toEqual([true, false])
})
