import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  be64,
  compareBytes,
  concatBytes,
  equalBytes,
  fromBigEndian,
  isAllZero,
  toBigEndian,
  utf8,
  writeBe64,
} from '../../src/bytes/bytes.js'

const bytes = (...values: readonly number[]) => new Uint8Array(values)
const buffer = (value: Uint8Array) => Buffer.from(value)
/** Short, over few values, so that equal ones and prefixes are met. */
const shortBytes = fc.uint8Array({ maxLength: 5, max: 3 })

describe('comparison', () => {
  test('agrees with Buffer', () => {
    fc.assert(
      fc.property(fc.oneof(shortBytes, fc.uint8Array()), fc.oneof(shortBytes, fc.uint8Array()), (a, b) => {
        expect(equalBytes(a, b)).toBe(buffer(a).equals(buffer(b)))
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(buffer(a), buffer(b)))
      }),
      { numRuns: 1_000 },
    )
  })

  test('a prefix comes first, bytes are unsigned', () => {
    expect(compareBytes(bytes(1), bytes(1, 0))).toBeLessThan(0)
    expect(compareBytes(bytes(0x80), bytes(0x7f))).toBeGreaterThan(0)
    expect(compareBytes(bytes(), bytes())).toBe(0)
    expect(equalBytes(bytes(1, 2), bytes(1, 2, 3))).toBe(false)
    expect(equalBytes(bytes(1, 2, 3), bytes(1, 2))).toBe(false)
  })
})

describe('joining', () => {
  test('agrees with Buffer and is fresh', () => {
    fc.assert(
      fc.property(fc.array(shortBytes), (parts) => {
        expect(buffer(concatBytes(...parts)).equals(Buffer.concat(parts))).toBe(true)
      }),
    )
    const part = bytes(1, 2)
    const joined = concatBytes(part)
    part[0] = 9
    expect(joined).toEqual(bytes(1, 2))
  })
})

describe('64-bit integers', () => {
  test('agree with DataView', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 9 }), (value, offset) => {
        const target = new Uint8Array(20).fill(0xee)
        const expected = target.slice()
        new DataView(expected.buffer).setBigUint64(offset, value)
        writeBe64(target, offset, value)
        expect(target).toEqual(expected)
        expect(be64(value)).toEqual(expected.slice(offset, offset + 8))
      }),
    )
  })

  test('at the bounds', () => {
    expect(be64(0n)).toEqual(new Uint8Array(8))
    expect(be64(0xffff_ffffn)).toEqual(bytes(0, 0, 0, 0, 255, 255, 255, 255))
    expect(be64(0x1_0000_0000n)).toEqual(bytes(0, 0, 0, 1, 0, 0, 0, 0))
    expect(be64(2n ** 64n - 1n)).toEqual(new Uint8Array(8).fill(255))
    for (const value of [-1n, 2n ** 64n, -(2n ** 64n)]) {
      const target = new Uint8Array(8)
      expect(() => writeBe64(target, 0, value)).toThrow(RangeError)
      expect(target).toEqual(new Uint8Array(8))
    }
  })
})

describe('integers of any length', () => {
  test('there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (value) => {
        const hex = buffer(value).toString('hex')
        expect(fromBigEndian(value)).toBe(hex === '' ? 0n : BigInt(`0x${hex}`))
        expect(toBigEndian(fromBigEndian(value), value.length)).toEqual(value)
      }),
    )
  })

  test('the fewest bytes, or as many as asked for', () => {
    expect(toBigEndian(0n)).toEqual(bytes())
    expect(toBigEndian(255n)).toEqual(bytes(255))
    expect(toBigEndian(256n)).toEqual(bytes(1, 0))
    expect(toBigEndian(1n, 4)).toEqual(bytes(0, 0, 0, 1))
    expect(toBigEndian(0n, 0)).toEqual(bytes())
    expect(toBigEndian(2n ** 256n - 1n)).toHaveLength(32)
  })

  test('what does not fit is refused', () => {
    expect(() => toBigEndian(-1n)).toThrow(RangeError)
    expect(() => toBigEndian(256n, 1)).toThrow(RangeError)
    expect(() => toBigEndian(1n, 0)).toThrow(RangeError)
  })
})

test('zeros are all zero, and nothing else is', () => {
  expect(isAllZero(new Uint8Array(20))).toBe(true)
  expect(isAllZero(bytes())).toBe(true)
  for (let place = 0; place < 20; place++) expect(isAllZero(new Uint8Array(20).fill(1, place, place + 1))).toBe(false)
})

test('text is UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(buffer(utf8(text)).equals(Buffer.from(text, 'utf8'))).toBe(true)
    }),
  )
  expect(utf8('é€')).toEqual(bytes(0xc3, 0xa9, 0xe2, 0x82, 0xac))
})
