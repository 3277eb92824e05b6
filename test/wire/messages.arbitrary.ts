/** Arbitrary envelopes and sets for property tests: every kind of message, every field to its bounds. */

import * as fc from 'fast-check'
import type { Envelope, Message } from '../../src/wire/messages.js'
import { encodeSet } from '../../src/wire/pushed-set.js'
import type { PushedSet } from '../../src/wire/pushed-set.js'

const bytes = fc.uint8Array({ maxLength: 200 })
const nonEmptyBytes = fc.uint8Array({ minLength: 1, maxLength: 200 })
const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 127n, 128n, 2n ** 49n, 2n ** 64n - 1n),
)
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

export const requestId = fc
  .oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(-(2n ** 63n), -1n, 1n, 2n ** 63n - 1n))
  .filter((id) => id !== 0n)

export const pushedSet: fc.Arbitrary<PushedSet> = fc.record({
  seq: uint64,
  leafIndex: fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.constantFrom(0, 2 ** 32 - 1)),
  header: bytes,
  signature: bytes,
  patches: fc.array(bytes, { maxLength: 5 }),
  proofs: fc.array(bytes, { maxLength: 5 }),
})

const error = fc.oneof(
  fc.record({ code: int32, message: fc.string({ unit: 'grapheme' }) }),
  fc.record({ code: int32, message: fc.string({ unit: 'grapheme' }), objectId: uint64 }),
)
const filter = fc.oneof(fc.record({ objectType: int32 }), fc.record({ objectType: int32, objectId: nonEmptyBytes }))

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('response'), payload: bytes }),
  fc.record({ kind: fc.constant('response'), error }),
  fc.record({ kind: fc.constant('write'), patchSet: bytes }),
  fc.record({
    kind: fc.constant('subscribe'),
    startSeq: uint64,
    shopId: fc.option(bytes, { nil: undefined }),
    filters: fc.array(filter, { maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('cancel'), subscriptionId: bytes }),
  fc.record({
    kind: fc.constant('push'),
    subscriptionId: bytes,
    sets: fc.array(pushedSet.map(encodeSet), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('syncStatus'), subscriptionId: uint64, unpushedPatches: uint64 }),
  fc.record({ kind: fc.constant('ping') }),
  fc.record({ kind: fc.constant('getBlobUploadUrl') }),
  fc.record({ kind: fc.constant('authenticate'), publicKey: bytes }),
  fc.record({ kind: fc.constant('challengeSolution'), signature: bytes }),
)

export const envelope: fc.Arbitrary<Envelope> = fc.record({ requestId, message })
