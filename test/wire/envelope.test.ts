import { create, toBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { FILTERS_PER_SUBSCRIPTION_MAX, FRAME_IN_BYTES_MAX, SETS_PER_PUSH_MAX } from '../../src/limits.js'
import {
  EnvelopeError,
  decodeEnvelope,
  encodeEnvelope,
  encodePushEnvelope,
  pushEnvelopeLength,
} from '../../src/wire/envelope.js'
import type { EnvelopeErrorCode, WireVersion } from '../../src/wire/envelope.js'
import { EnvelopeSchema } from '../fixtures/generated/envelope_pb.js'
import { decodeSet, encodeSet, pushSetLength } from '../../src/wire/pushed-set.js'
import { oracleDecode, oracleEncode, oracleEncodeSet } from '../fixtures/envelope-oracle.js'
import { envelope, envelope4, filled, mutated, pushedSet, requestId } from '../fixtures/messages.arbitrary.js'
import { samples } from '../fixtures/envelope-samples.js'

function codeOf(frame: Uint8Array, version: WireVersion = 4): EnvelopeErrorCode | undefined {
  try {
    decodeEnvelope(frame, version)
  } catch (error) {
    if (error instanceof EnvelopeError) return error.code
    throw error
  }
  return undefined
}

describe('the samples of PROTOCOL §7', () => {
  test.each(samples)('$name', ({ frame, envelope, written = frame }) => {
    expect(decodeEnvelope(frame)).toEqual(envelope)
    expect(decodeEnvelope(written)).toEqual(envelope)
    expect(toHex(encodeEnvelope(envelope))).toBe(toHex(written))
  })

  test.each(samples)('$name, cut off anywhere, is no envelope or another', ({ frame, envelope }) => {
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.slice(0, length)
      if (codeOf(cut) === undefined) expect(decodeEnvelope(cut)).not.toEqual(envelope)
    }
  })
})

describe('an empty success', () => {
  const empty = { requestId: 1n, message: { kind: 'response', payload: new Uint8Array(0) } } as const

  test('is read with and without its payload field', () => {
    expect(decodeEnvelope(fromHex('0a0208021200'))).toEqual(empty)
    expect(decodeEnvelope(fromHex('0a02080212021200'))).toEqual(empty)
  })

  test('is written as an empty GenericResponse', () => {
    expect(toHex(encodeEnvelope(empty))).toBe('0a0208021200')
  })

  test('is not what an error of code 0 without text is', () => {
    expect(decodeEnvelope(fromHex('0a02080212020a00')).message).toEqual({
      kind: 'response',
      error: { code: 0, message: '' },
    })
  })
})

describe('a frame that is no envelope', () => {
  test.each<[string, string, EnvelopeErrorCode]>([
    ['a message without request id', '4200', 'no-request-id'],
    ['nothing', '', 'no-request-id'],
    ['a request id without a number', '0a004200', 'zero-request-id'],
    ['a request id of 0', '0a0208004200', 'zero-request-id'],
    ['no message', '0a020802', 'no-message'],
    ['a message of a number that is not known', '0a02080282020100', 'no-message'],
    ['a message with the wire type of a number', '0a0208024001', 'no-message'],
    ['a length beyond the frame', '0a0208024201', 'malformed'],
    ['a length beyond the message', '0a0208021202120100', 'malformed'],
    ['field number 0', '0a02080202004200', 'malformed'],
    ['a field number of 30 bits', '0a020802fbffffff7f00', 'malformed'],
    ['wire type 6', '0a0208024e4200', 'malformed'],
    ['the end of a group that did not start', '0a0208024c4200', 'malformed'],
    ['a group that does not end', '0a0208022b4200', 'malformed'],
    ['an integer of 11 bytes', '0a0c08ffffffffffffffffffff014200', 'malformed'],
    ['an integer of 65 bits', '0a0b08ffffffffffffffffff024200', 'malformed'],
    ['an unknown integer of 65 bits', '0a0208028002ffffffffffffffffff024200', 'malformed'],
    ['a length of 6 bytes', '0a02080242808080808000', 'malformed'],
    ['text that is not UTF-8', '0a02080212050a031201ff', 'malformed'],
    ['a truncated field inside a ping', '0a020802420108', 'malformed'],
  ])('%s', (_name, hex, code) => {
    expect(codeOf(fromHex(hex))).toBe(code)
  })
})

describe('what is ignored', () => {
  const ping = { requestId: 1n, message: { kind: 'ping' } }

  test.each([
    ['an unknown varint', '0a0208028002ff014200'],
    ['an unknown varint of 64 bits', '0a0208028002ffffffffffffffffff014200'],
    ['an unknown length-delimited field', '0a020802820203616263 4200'],
    ['unknown fixed fields', '0a0208028d020000000081020000000000000000 4200'],
    ['an unknown group with a group in it', '0a0208028302 0b0801 0c 8402 4200'],
    ['unknown fields in the request id and the message', '0a0410010802 42021001'],
    ['the order of the fields', '4200 0a020802'],
    ['a longer head than needed', '8a0082000802 c2008000'],
    ['an earlier message', '0a020802 1200 4200'],
  ])('%s', (_name, hex) => {
    expect(decodeEnvelope(fromHex(hex.replaceAll(' ', '')))).toEqual(ping)
  })

  test('a public key before another, whatever it holds, but not so a shop id', () => {
    const bodies = '12010a 12030a0107'
    const frame = (tag: string) => fromHex(`0a020802 ${tag}08 ${bodies}`.replaceAll(' ', ''))
    expect(decodeEnvelope(frame('52')).message).toEqual({ kind: 'authenticate', publicKey: Uint8Array.of(7) })
    expect(codeOf(frame('22'))).toBe('malformed')
  })

  test('a filter id that is there but empty', () => {
    const frame = fromHex('0a02080222061a0418032200')
    expect(decodeEnvelope(frame).message).toMatchObject({ filters: [{ objectType: 3 }] })
    expect(decodeEnvelope(frame).message).not.toHaveProperty('filters.0.objectId')
  })
})

describe('against the generated code', () => {
  test('what is encoded decodes to the same', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        expect(decodeEnvelope(encodeEnvelope(value), 5)).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  test('both write the same bytes, and read them as the same', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        const frame = oracleEncode(value)
        expect(toHex(encodeEnvelope(value))).toBe(toHex(frame))
        expect(decodeEnvelope(frame, 5)).toEqual(value)
        expect(oracleDecode(frame)).toEqual(value)
      }),
      { numRuns: 500 },
    )
  })

  test('every field that the contract names is described', () => {
    fc.assert(
      fc.property(filled(EnvelopeSchema), (value) => {
        const frame = toBinary(EnvelopeSchema, create(EnvelopeSchema, value))
        expect(toHex(encodeEnvelope(decodeEnvelope(frame, 5)))).toBe(toHex(frame))
      }),
      { numRuns: 500 },
    )
  })

  test('both read and refuse the same of frames that are nearly envelopes', () => {
    fc.assert(
      fc.property(mutated(envelope.map(oracleEncode)), (frame) => {
        expect(codeOf(frame, 5) ?? decodeEnvelope(frame, 5)).toEqual(oracleDecode(frame))
        expect(codeOf(frame, 4) ?? decodeEnvelope(frame, 4)).toEqual(oracleDecode(frame, 4))
      }),
      { numRuns: 5_000 },
    )
  })

  test('what version 4 has is read as the same in both versions', () => {
    fc.assert(
      fc.property(envelope4, (value) => {
        const frame = encodeEnvelope(value)
        expect(decodeEnvelope(frame, 4)).toEqual(value)
        expect(decodeEnvelope(frame, 5)).toEqual(value)
      }),
    )
  })

  test('its empty success, which keeps an empty payload, is ours too', () => {
    const response = { case: 'payload', value: new Uint8Array(0) } as const
    const frame = toBinary(
      EnvelopeSchema,
      create(EnvelopeSchema, { requestId: { raw: 7n }, message: { case: 'response', value: { response } } }),
    )
    expect(decodeEnvelope(frame)).toEqual({ requestId: 7n, message: { kind: 'response', payload: new Uint8Array(0) } })
  })

  test('a push is as long as foretold, and its sets are read as they were', () => {
    fc.assert(
      fc.property(requestId, fc.uint8Array(), fc.array(pushedSet), (id, subscriptionId, sets) => {
        const message = { kind: 'push', subscriptionId, sets: sets.map(oracleEncodeSet) } as const
        const frame = encodePushEnvelope(id, subscriptionId, sets.map(encodeSet))
        expect(toHex(frame)).toBe(toHex(oracleEncode({ requestId: id, message })))
        const setsLength = sets.reduce((length, set) => length + pushSetLength(set), 0)
        expect(pushEnvelopeLength(id, subscriptionId, setsLength)).toBe(frame.length)
        const read = decodeEnvelope(frame).message
        expect(read.kind === 'push' && read.sets.map(decodeSet)).toEqual(sets)
      }),
    )
  })
})

describe('a frame of version 5 in a session of version 4', () => {
  test.each([32, 33, 34, 35, 36])('holds no message where its number is %s', (number) => {
    const frame = Uint8Array.of(0x0a, 2, 8, 2, 0x82 + 8 * (number - 32), 2, 0)
    expect(codeOf(frame, 4)).toBe('no-message')
    expect(codeOf(frame, 5)).toBeUndefined()
  })

  test('is a write, or a subscription, without what it adds', () => {
    const write = { kind: 'write', patchSet: Uint8Array.of(1) } as const
    const subscribe = { kind: 'subscribe', startSeq: 0n, filters: [] } as const
    const added = { snapshot: true, pushDelayMs: 1, checkpointSeq: 2n }
    const frames = [
      { ...write, expectedSeq: 7n },
      { ...subscribe, ...added },
    ].map((message) => encodeEnvelope({ requestId: 1n, message }))
    expect(frames.map((frame) => decodeEnvelope(frame, 4).message)).toEqual([write, subscribe])
    expect(frames.map((frame) => decodeEnvelope(frame, 5).message)).toEqual([
      { ...write, expectedSeq: 7n },
      { ...subscribe, ...added },
    ])
  })

  test('is refused for the same that is wrong in what it ignores', () => {
    // Field 4 of a subscription as an integer of 65 bits; field 2 of a write as a byte string is ignored by both.
    const long = fromHex('0a020802220b20ffffffffffffffffff02')
    expect([codeOf(long, 4), codeOf(long, 5)]).toEqual(['malformed', 'malformed'])
    const bytes = fromHex('0a0208021a03120107')
    for (const version of [4, 5] as const)
      expect(decodeEnvelope(bytes, version).message).toEqual({ kind: 'write', patchSet: new Uint8Array(0) })
  })

  test('every number but 0 is true', () => {
    for (const [hex, snapshot] of [
      ['00', false],
      ['01', true],
      ['02', true],
      ['80808080808080808001', true],
    ] as const)
      expect(decodeEnvelope(fromHex(`0a02080222${hex.length === 2 ? '02' : '0b'}20${hex}`), 5).message).toMatchObject({
        snapshot,
      })
  })
})

describe('hostile frames', () => {
  test('arbitrary bytes are read or refused with EnvelopeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (frame) => {
        for (const version of [4, 5] as const) {
          codeOf(frame, version)
          codeOf(concatBytes(fromHex('0a020802'), frame), version)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('frames with a few bytes changed are read or refused with EnvelopeError', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }))
    fc.assert(
      fc.property(envelope, fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
        const frame = encodeEnvelope(value)
        for (const [place, byte] of changes) frame[place % frame.length] = byte
        codeOf(frame, 4)
        codeOf(frame, 5)
      }),
      { numRuns: 2_000 },
    )
  })

  test('groups nested through a whole frame do not exhaust the stack', () => {
    expect(codeOf(new Uint8Array(FRAME_IN_BYTES_MAX).fill(0x7b))).toBe('malformed')
  })

  test('a frame full of filters is read up to one more than is legal', () => {
    const { message } = decodeEnvelope(fullOf(0x22, 0x1a))
    expect(message.kind === 'subscribe' && message.filters.length).toBe(FILTERS_PER_SUBSCRIPTION_MAX + 1)
  })

  test('a frame full of sets is read up to one more than is legal', () => {
    const { message } = decodeEnvelope(fullOf(0x32, 0x12))
    expect(message.kind === 'push' && message.sets.length).toBe(SETS_PER_PUSH_MAX + 1)
  })

  test('as many filters and sets as are legal are all read', () => {
    const filters = Array.from({ length: FILTERS_PER_SUBSCRIPTION_MAX }, () => ({ objectType: 1 }))
    const subscribe = { kind: 'subscribe', startSeq: 0n, filters } as const
    expect(decodeEnvelope(encodeEnvelope({ requestId: 1n, message: subscribe })).message).toEqual(subscribe)
    const sets = Array.from({ length: SETS_PER_PUSH_MAX }, () => Uint8Array.of(0x12, 0))
    const push = { kind: 'push', subscriptionId: Uint8Array.of(0, 1), sets } as const
    expect(decodeEnvelope(encodeEnvelope({ requestId: 1n, message: push })).message).toEqual(push)
  })
})

describe('ownership and bugs', () => {
  test('byte strings are views of the frame', () => {
    const frame = encodeEnvelope({ requestId: 1n, message: { kind: 'write', patchSet: Uint8Array.of(1, 2, 3) } })
    const { message } = decodeEnvelope(frame)
    frame.fill(9)
    expect(message).toEqual({ kind: 'write', patchSet: Uint8Array.of(9, 9, 9) })
  })

  test.each([0n, 2n ** 63n, -(2n ** 63n) - 1n])('request id %s is not written', (id) => {
    expect(() => encodeEnvelope({ requestId: id, message: { kind: 'ping' } })).toThrow('request id')
    expect(() => encodePushEnvelope(id, Uint8Array.of(0, 1), [])).toThrow('request id')
  })
})

/** A frame of 2 MiB: a message in field `tag`, of nothing but empty fields `inner`. */
function fullOf(tag: number, inner: number): Uint8Array {
  const length = FRAME_IN_BYTES_MAX - 16
  const body = new Uint8Array(length)
  for (let i = 0; i < length; i += 2) body[i] = inner
  const head = Uint8Array.of(0x0a, 2, 8, 2, tag, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14)
  return concatBytes(head, body)
}
