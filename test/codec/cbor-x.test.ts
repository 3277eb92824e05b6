import { Decoder, Encoder } from 'cbor-x'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { encode } from '../../src/codec/encode.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'
import { received, value } from '../fixtures/cbor.arbitrary.js'
import { acceptedBytes } from '../fixtures/codec-vectors.js'
import { refusal } from '../fixtures/codec-refusal.js'

/** As the existing TypeScript client writes: plain objects and Maps as maps, no records. */
const client = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
const reader = new Decoder({ useRecords: false, mapsAsObjects: false })

/** The client's Buffers are views of a buffer that it uses again. */
const sent = (value: unknown) => Uint8Array.from(client.encode(value))

describe('what a cbor-x client sends', () => {
  it.each<[string, unknown, string]>([
    ['small numbers', [0, 23, 24, 255, 256, 65_536, 4_294_967_295], '[0, 23, 24, 255, 256, 65536, 4294967295]'],
    ['negative numbers', [-1, -25, -500], '[-1, -25, -500]'],
    [
      'bigints, always in eight bytes',
      [0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n],
      '[0, 1, 9007199254740993, 18446744073709551615]',
    ],
    ['bigints above 64 bits as tag 2', [2n ** 64n, 2n ** 256n - 1n], `[18446744073709551616, ${2n ** 256n - 1n}]`],
    ['plain objects', { b: 1, a: { c: 'd' } }, '{"b": 1, "a": {"c": "d"}}'],
    [
      'Maps with any keys',
      new Map<unknown, unknown>([
        [1, 'a'],
        ['1', 'b'],
        [Uint8Array.of(1), 'c'],
        [2n, 'd'],
      ]),
      `{1: "a", "1": "b", h'01': "c", 2: "d"}`,
    ],
    ['a whole Date', new Date(1_700_000_000_000), '0("2023-11-14T22:13:20Z")'],
    ['a Date with milliseconds', new Date(1_700_000_000_999), '0("2023-11-14T22:13:20Z")'],
    ['a Date before 1970', new Date(-1), '0("1969-12-31T23:59:59Z")'],
    ['undefined', { a: undefined, b: [undefined, null] }, '{"a": null, "b": [null, null]}'],
    ['booleans', [true, false], '[true, false]'],
    ['byte strings', [Uint8Array.of(1, 2), Buffer.from('ff', 'hex'), new Uint8Array(0)], "[h'0102', h'ff', h'']"],
    ['texts', ['', 'ü', '😀', 'x'.repeat(300)], `["", "ü", "😀", "${'x'.repeat(300)}"]`],
  ])('%s', (_, value, expected) => {
    expect(diagnostic(decode(sent(value)))).toBe(expected)
  })

  it('map heads of three bytes and integers of nine are accepted as they are', () => {
    expect(toHex(sent({ a: 1n }))).toBe('b9000161611b0000000000000001')
    expect(toHex(encode(decode(sent({ a: 1n }))))).toBe('a1616101')
  })

  it.each<[string, unknown, string]>([
    ['a fraction', [1.5], 'float'],
    ['a number that it writes as a float', [2 ** 40], 'float'],
    ['NaN', [Number.NaN], 'float'],
    ['an invalid Date', [new Date(Number.NaN)], 'time'],
    ['a Date beyond RFC 3339', [new Date(8.64e15)], 'time'],
    ['a negative bigint below −2^64', [-(2n ** 64n) - 1n], 'tag'],
    ['a Set', [new Set([1])], 'tag'],
    ['a regular expression', [/a/u], 'tag'],
    ['a typed array', [new Uint16Array(1)], 'tag'],
  ])('but not %s', (_, value, code) => {
    expect(refusal(() => decode(sent(value)))).toBe(code)
  })

  it.each([
    ['records', new Encoder({ useRecords: true }), { a: 1 }, 'tag'],
    ['tagged byte strings', new Encoder({ useRecords: false, tagUint8Array: true }), Uint8Array.of(1), 'tag'],
  ])('nor %s, which its other settings make', (_, other, value, code) => {
    expect(refusal(() => decode(Uint8Array.from(other.encode(value))))).toBe(code)
  })
})

describe('cbor-x as oracle', () => {
  it('reads the same values from every form that we accept', () => {
    fc.assert(
      fc.property(received({ forCborX: true }), ({ bytes }) => {
        expect(diagnostic(decode(bytes))).toBe(diagnostic(normalised(reader.decode(bytes))))
      }),
      { numRuns: 500 },
    )
  })

  it('reads what our encoder writes', () => {
    fc.assert(
      fc.property(value, (value) => {
        const bytes = encode(value)
        expect(toHex(encode(normalised(reader.decode(bytes))))).toBe(toHex(bytes))
      }),
    )
  })

  it('agrees on the vectors, but for times that Date cannot show', () => {
    const compared = acceptedBytes.filter((bytes) => {
      const theirs = read(bytes)
      if (theirs === undefined) return false
      expect(diagnostic(decode(bytes)), toHex(bytes)).toBe(diagnostic(theirs))
      return true
    })
    expect(compared.length).toBeGreaterThan(100)
  })
})

/** Undefined where Date has no value or cbor-x fails on a wide integer under tag 1. */
function read(bytes: Uint8Array): Cbor | undefined {
  try {
    return normalised(reader.decode(bytes))
  } catch {
    return undefined
  }
}

/** One type per kind, as ours. */
function normalised(value: unknown): Cbor {
  if (value === undefined || value === null) return null
  if (typeof value === 'number') return BigInt(value)
  if (value instanceof Date) return new CborTime(BigInt(Math.floor(value.getTime() / 1000)))
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  if (Array.isArray(value)) return value.map((item: unknown) => normalised(item))
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [normalised(key) as CborKey, normalised(item)]))
  }
  return value as Cbor
}
