import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { CborEncoded, compareKeys, encode, type Encodable } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'
import { EARLIEST, key, LATEST, Messy, text, value } from '../fixtures/cbor.arbitrary.js'

const hexOf = (value: Encodable) => toHex(encode(value))

describe('encode', () => {
  // RFC 8949, appendix A
  it.each<[Cbor, string]>([
    [0n, '00'],
    [23n, '17'],
    [24n, '1818'],
    [1_000n, '1903e8'],
    [1_000_000n, '1a000f4240'],
    [1_000_000_000_000n, '1b000000e8d4a51000'],
    [18_446_744_073_709_551_615n, '1bffffffffffffffff'],
    [18_446_744_073_709_551_616n, 'c249010000000000000000'],
    [-1n, '20'],
    [-1_000n, '3903e7'],
    [-18_446_744_073_709_551_616n, '3bffffffffffffffff'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    [new CborTime(1_363_896_240n), 'c074323031332d30332d32315432303a30343a30305a'],
    [fromHex('01020304'), '4401020304'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['"\\', '62225c'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    ['𐅑', '64f0908591'],
    [[], '80'],
    [[1n, [2n, 3n], [4n, 5n]], '8301820203820405'],
    [Array.from({ length: 25 }, (_, i) => BigInt(i + 1)), '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
    [new Map(), 'a0'],
    [
      new Map<CborKey, Cbor>([
        ['a', 1n],
        ['b', [2n, 3n]],
      ]),
      'a26161016162820203',
    ],
  ])('%s', (value, hex) => {
    expect(hexOf(value)).toBe(hex)
  })

  it('sorts keys by their encoding (RFC 8949 §4.2.1)', () => {
    const keys: CborKey[] = [
      2n ** 64n,
      'z',
      'aa',
      Uint8Array.of(9),
      -1n,
      100n,
      10n,
      '',
      Uint8Array.of(1, 0),
      2n ** 80n,
      -25n,
    ]
    expect(hexOf(new Map(keys.map((key) => [key, null])))).toBe(
      'ab0af61864f620f63818f64109f6420100f660f6617af6626161f6c249010000000000000000f6c24b0100000000000000000000f6',
    )
  })

  it('depends on the value alone, not on the order in which maps were filled', () => {
    const choices = fc.array(fc.nat({ max: 255 }), { minLength: 13, maxLength: 50 })
    fc.assert(
      fc.property(value, choices, (value, choices) => {
        expect(hexOf(refilled(value, choices))).toBe(hexOf(value))
      }),
    )
  })

  it('is the shortest of all forms', () => {
    fc.assert(
      fc.property(value, fc.array(fc.nat({ max: 255 }), { minLength: 13, maxLength: 50 }), (value, choices) => {
        const encoded = encode(value)
        checkForm(encoded)
        if (!hasShorterForm(value)) expect(encoded.length).toBeLessThanOrEqual(new Messy(choices).encode(value).length)
      }),
    )
  })

  it('writes the heads of long strings, arrays and maps at their edges', () => {
    for (const [length, head] of [
      [23, '57'],
      [24, '5818'],
      [255, '58ff'],
      [256, '590100'],
      [65_535, '59ffff'],
      [65_536, '5a00010000'],
    ] as const) {
      expect(hexOf(new Uint8Array(length))).toBe(head + '00'.repeat(length))
    }
    expect(hexOf('é'.repeat(12)).slice(0, 4)).toBe('7818')
    expect(hexOf(`${'x'.repeat(21)}é`).slice(0, 2)).toBe('77')
    expect(hexOf(Array.from({ length: 256 }, () => null)).slice(0, 8)).toBe('990100f6')
    expect(hexOf(new Map(Array.from({ length: 300 }, (_, i) => [BigInt(i), null]))).slice(0, 10)).toBe('b9012c00f6')
  })

  it('takes encoded items as they are', () => {
    const odd = new CborEncoded(fromHex('b9000161611800'))
    expect(hexOf([odd, 1n])).toBe('82b900016161180001')
    expect(hexOf(new Map([['k', odd]]))).toBe('a1616bb9000161611800')
  })

  it('returns a fresh array and leaves the value alone', () => {
    const content = Uint8Array.of(1)
    const map = new Map<CborKey, Cbor>([
      ['b', content],
      ['a', 1n],
    ])
    encode(map)[0] = 0
    expect([...map.keys()]).toStrictEqual(['b', 'a'])
    encode(content)[1] = 9
    expect(content).toStrictEqual(Uint8Array.of(1))
  })

  it.each<[string, Cbor, Cbor]>([
    ['an integer above 2^256−1', 2n ** 256n - 1n, 2n ** 256n],
    ['an integer below −2^64', -(2n ** 64n), -(2n ** 64n) - 1n],
    ['a lone high surrogate', '\ud83d\ude00', '\ud83d'],
    ['a high surrogate before a letter', '\ud83d\ude00a', '\ud83da'],
    ['a lone low surrogate', '\ud83d\ude00', '\ude00'],
    ['a lone surrogate in a key', new Map([['\ud83d\ude00', 1n]]), new Map([['\ud83d', 1n]])],
    ['a time after the year 9999', new CborTime(LATEST), new CborTime(LATEST + 1n)],
    ['a time before the year 0', new CborTime(EARLIEST), new CborTime(EARLIEST - 1n)],
    ['two equal keys', twoKeys(0), twoKeys(1)],
    ['two equal keys among many', manyKeys(1n), manyKeys(0n)],
  ])('refuses %s', (_, legal, refused) => {
    expect(encode(legal).length).toBeGreaterThan(0)
    expect(() => encode(refused)).toThrow(RangeError)
  })

  it.each([undefined, 1, new Date(0), { a: 1n }, Symbol.iterator])('does not write what is no value: %s', (thing) => {
    expect(() => encode([thing as unknown as Cbor])).toThrow('no CBOR value')
  })
})

describe('compareKeys', () => {
  it('is the order of the encodings', () => {
    fc.assert(
      fc.property(key, key, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(compareBytes(encode(a), encode(b))))
      }),
      { numRuns: 2_000 },
    )
  })

  it('orders texts of one length by code points, not by UTF-16 units', () => {
    expect(compareKeys('\ue000bc', '\u{10000}a')).toBeLessThan(0)
    expect(compareKeys('\u{10000}', '\ue000x')).toBeGreaterThan(0)
    fc.assert(
      fc.property(text, fc.nat({ max: 40 }), fc.string({ unit: 'binary', maxLength: 2 }), (a, at, change) => {
        const points = Array.from(a)
        const b = [...points.slice(0, at), change, ...points.slice(at + 1)].join('')
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(compareBytes(encode(a), encode(b))))
      }),
    )
  })
})

function twoKeys(last: number): Cbor {
  return new Map([
    [Uint8Array.of(1, 1), 1n],
    [Uint8Array.of(1, last), 1n],
  ])
}

function manyKeys(first: bigint): Cbor {
  const keys = Array.from({ length: 40 }, (_, i) => Uint8Array.of((i * 7) % 40))
  return new Map([...keys, Uint8Array.of(Number(first) * 200)].map((key) => [key, null]))
}

/** The same value with its maps filled in another order. */
function refilled(value: Cbor, choices: readonly number[]): Cbor {
  if (Array.isArray(value)) return value.map((item: Cbor) => refilled(item, choices))
  if (!(value instanceof Map)) return value
  const entries = [...value].map(([key, item], i) => ({
    key,
    item: refilled(item, choices),
    rank: choices[i % choices.length]!,
  }))
  return new Map(entries.sort((a, b) => a.rank - b.rank).map(({ key, item }) => [key, item]))
}

/**
 * Times may be written as numbers, and integers of 5 or 6 bytes as a bignum, which is not deterministic (RFC 8949
 * §4.2.2).
 */
function hasShorterForm(value: Cbor | CborKey): boolean {
  if (value instanceof CborTime) return true
  if (typeof value === 'bigint') {
    const size = value < 0n ? -1n - value : value
    return size >> 32n > 0n && size >> 48n === 0n
  }
  if (Array.isArray(value)) return value.some(hasShorterForm)
  return value instanceof Map && [...value.entries()].flat().some(hasShorterForm)
}
