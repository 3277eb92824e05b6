import { create, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { PushedSetError, decodeSet, encodeSet, pushSetLength } from '../../src/wire/pushed-set.js'
import type { PushedSet } from '../../src/wire/pushed-set.js'
import { oracleDecodeSet, oracleEncodeSet, setInit } from '../fixtures/envelope-oracle.js'
import { SubscriptionPushRequest_SetSchema as SetSchema } from '../fixtures/generated/envelope_pb.js'
import { filled, mutated, pushedSet } from '../fixtures/messages.arbitrary.js'

const set: PushedSet = {
  seq: 300n,
  leafIndex: 2,
  header: Uint8Array.of(0xa0),
  signature: Uint8Array.of(1, 2),
  patches: [Uint8Array.of(0xa1), Uint8Array.of(0xa2)],
  proofs: [Uint8Array.of(0x83), Uint8Array.of(0x84)],
}

test('the bytes of a set, field by field', () => {
  const fields = ['08ac02', '1002', '1a01a0', '22020102', '2a01a1', '2a01a2', '320183', '320184']
  expect(toHex(encodeSet(set))).toBe(`12${(fields.join('').length / 2).toString(16)}${fields.join('')}`)
})

test('what is encoded decodes to the same and is as long as foretold', () => {
  fc.assert(
    fc.property(pushedSet, (value) => {
      const encoded = encodeSet(value)
      expect(decodeSet(encoded)).toEqual(value)
      expect(pushSetLength(value)).toBe(encoded.length)
    }),
  )
})

test('the generated code writes the same bytes, and reads and refuses the same of what is nearly a set', () => {
  fc.assert(
    fc.property(pushedSet, (value) => {
      expect(toHex(encodeSet(value))).toBe(toHex(oracleEncodeSet(value)))
    }),
  )
  const body = mutated(pushedSet.map((value) => toBinary(SetSchema, create(SetSchema, setInit(value)))))
  fc.assert(
    fc.property(body, (bytes) => {
      const encoded = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(bytes).finish()
      expect(readSet(encoded)).toEqual(oracleDecodeSet(bytes))
    }),
    { numRuns: 2_000 },
  )
})

test('every field that the contract names is described', () => {
  fc.assert(
    fc.property(filled(SetSchema), (value) => {
      const bytes = toBinary(SetSchema, create(SetSchema, value))
      const encoded = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(bytes).finish()
      expect(toHex(encodeSet(decodeSet(encoded)))).toBe(toHex(encoded))
    }),
  )
})

test.each([
  ['nothing', ''],
  ['another field', '1a00'],
  ['a length beyond the bytes', '1203'],
  ['a field cut off', '12020801'.slice(0, 6)],
  ['a patch cut off', '12032a0501'],
])('%s is no set', (_name, hex) => {
  expect(() => decodeSet(fromHex(hex))).toThrow(PushedSetError)
})

test('arbitrary bytes are read or refused with PushedSetError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeSet(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(PushedSetError)
      }
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  { ...set, seq: -1n },
  { ...set, seq: 2n ** 64n },
  { ...set, leafIndex: -1 },
  { ...set, leafIndex: 2 ** 32 },
  { ...set, leafIndex: 0.5 },
])('integers beyond their fields are bugs', (wrong) => {
  expect(() => encodeSet(wrong)).toThrow('bug')
})

/** undefined where there is no set. */
function readSet(encoded: Uint8Array): PushedSet | undefined {
  try {
    return decodeSet(encoded)
  } catch (error) {
    if (error instanceof PushedSetError) return undefined
    throw error
  }
}
