import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, toBigEndian, utf8 } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { decodeChecked } from '../../src/codec/decode-checked.js'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { encode } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'
import { CBOR_NESTING_MAX, CBOR_NESTING_MAX_IN_FILES, INTEGER_KEYS_PER_MAP_MAX } from '../../src/limits.js'
import { received, value } from '../fixtures/cbor.arbitrary.js'
import { acceptedBytes } from '../fixtures/codec-vectors.js'
import { refusal } from '../fixtures/codec-refusal.js'

describe('decode', () => {
  it('returns what was encoded', () => {
    fc.assert(
      fc.property(value, (value) => {
        expect(inKeyOrder(decode(encode(value)))).toStrictEqual(inKeyOrder(value))
      }),
    )
  })

  it('reads every legal form of a value as that value', () => {
    fc.assert(
      fc.property(received(), ({ value, bytes }) => {
        const decoded = decode(bytes)
        expect(inKeyOrder(decoded)).toStrictEqual(inKeyOrder(value))
        expect(toHex(encode(decoded))).toBe(toHex(encode(value)))
      }),
    )
  })

  it('throws nothing but CborError on arbitrary bytes, and what it accepts has one deterministic encoding', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), isRefusedOrFixed), { numRuns: 5_000 })
  })

  it('throws nothing but CborError on damaged items', () => {
    const intact = fc.oneof(
      fc.constantFrom(...acceptedBytes),
      received().map(({ bytes }) => bytes),
    )
    const damages = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.constantFrom('set', 'insert', 'delete')), {
      minLength: 1,
      maxLength: 3,
    })
    fc.assert(
      fc.property(intact, damages, (bytes, damages) => {
        isRefusedOrFixed(damages.reduce(damaged, bytes))
      }),
      { numRuns: 3_000 },
    )
  })

  it('gives byte strings as views, plain ones also of a Buffer', () => {
    const bytes = Buffer.from('8242aabb01', 'hex')
    const [content] = decode(bytes) as [Uint8Array]
    expect(content.constructor).toBe(Uint8Array)
    bytes[2] = 0xcc
    expect(toHex(content)).toBe('ccbb')
  })

  it('keeps the received order of keys and makes no objects', () => {
    const map = decode(fromHex('a3616201695f5f70726f746f5f5f0220f6')) as Map<CborKey, Cbor>
    expect([...map]).toStrictEqual([
      ['b', 1n],
      ['__proto__', 2n],
      [-1n, null],
    ])
  })

  it('keeps a byte order mark', () => {
    expect(decode(encode('\ufefftext that is longer than a short one'))).toBe(
      '\ufefftext that is longer than a short one',
    )
  })

  it('reads texts of all lengths, short or long, ASCII or not', () => {
    for (let length = 0; length < 70; length++) {
      const ascii = 'x'.repeat(length)
      for (const text of [ascii, `${ascii}é`, `é${ascii}`, `${ascii}😀`]) expect(decode(encode(text))).toBe(text)
    }
  })
})

describe('decodeChecked', () => {
  it('reads the one item at an offset', () => {
    const bytes = fromHex('83 182a a16161c100 43010203'.replaceAll(' ', ''))
    checkForm(bytes)
    expect(decodeChecked(bytes, 1)).toBe(42n)
    expect(decodeChecked(bytes, 3)).toStrictEqual(new Map([['a', new CborTime(0n)]]))
    expect(decodeChecked(bytes, 8)).toStrictEqual(Uint8Array.of(1, 2, 3))
    expect(decodeChecked(bytes)).toHaveLength(3)
  })
})

describe('nesting', () => {
  it.each([CBOR_NESTING_MAX, CBOR_NESTING_MAX_IN_FILES, 1])(
    'of %i is accepted where that is the limit, one more refused',
    (limit) => {
      expect(refusal(() => decode(nested(limit), limit))).toBeUndefined()
      expect(refusal(() => decode(nested(limit + 1), limit))).toBe('too-deep')
    },
  )

  it('is limited to 16 unless told otherwise', () => {
    expect(refusal(() => decode(nested(16)))).toBeUndefined()
    expect(refusal(() => decode(nested(17)))).toBe('too-deep')
    expect(refusal(() => checkForm(nested(17)))).toBe('too-deep')
  })

  it('a limit of 0 leaves scalars', () => {
    expect(decode(Uint8Array.of(7), 0)).toBe(7n)
    expect(refusal(() => decode(Uint8Array.of(0x80), 0))).toBe('too-deep')
  })

  it('never costs stack: a mebibyte of arrays is refused by the limit', () => {
    expect(refusal(() => decode(new Uint8Array(2 ** 20).fill(0x81)))).toBe('too-deep')
  })
})

describe('large maps', () => {
  // 100,000 keys: comparing each with each would take minutes, and the test would run into its time limit.
  const keys = Array.from({ length: 100_000 }, (_, i) => i)

  it.each([
    ['texts', textEntry],
    ['byte strings', bytesEntry],
  ])('of %s are read, and a repeated key found', (_, entry) => {
    const entries = keys.map((key) => entry(String(key)))
    expect((decode(mapOf(entries)) as Map<CborKey, Cbor>).size).toBe(100_000)
    for (const repeated of ['0', '7', '8', '50000', '99999']) {
      expect(refusal(() => decode(mapOf([...entries, entry(repeated)])))).toBe('duplicate-key')
    }
  })

  it('tell the same content as text and as byte string apart', () => {
    const entries = keys.slice(0, 1_000).flatMap((key) => [textEntry(String(key)), bytesEntry(String(key))])
    expect((decode(mapOf(entries)) as Map<CborKey, Cbor>).size).toBe(2_000)
  })

  it('find a repeated key whatever its head and place', () => {
    const integers = Array.from({ length: 40 }, (_, i) => fromHex(`18${(i + 30).toString(16).padStart(2, '0')}00`))
    expect((decode(mapOf(integers)) as Map<CborKey, Cbor>).size).toBe(40)
    for (const repeated of ['1b000000000000001e00', '19004500', 'c2411e00', 'c242004500']) {
      expect(
        refusal(() => decode(mapOf([...integers, fromHex(repeated)]))),
        repeated,
      ).toBe('duplicate-key')
    }
    for (const other of ['381e00', '613000', '411e00', 'c24901000000000000001e00']) {
      expect(
        refusal(() => decode(mapOf([...integers, fromHex(other)]))),
        other,
      ).toBeUndefined()
    }
  })

  it('hold a bounded number of integers, which are the keys that collide at will', () => {
    const legal = Array.from({ length: INTEGER_KEYS_PER_MAP_MAX }, (_, i) => colliding(i))
    expect((decode(mapOf(legal)) as Map<CborKey, Cbor>).size).toBe(INTEGER_KEYS_PER_MAP_MAX)
    expect((decode(mapOf([...legal, textEntry('a')])) as Map<CborKey, Cbor>).size).toBe(INTEGER_KEYS_PER_MAP_MAX + 1)
    expect(refusal(() => decode(mapOf([...legal, fromHex('0000')])))).toBe('too-many-keys')
    expect(refusal(() => decode(mapOf([...legal, fromHex('2000')])))).toBe('too-many-keys')
  })
})

function isRefusedOrFixed(bytes: Uint8Array): void {
  if (refusal(() => checkForm(bytes)) !== undefined) {
    expect(refusal(() => decode(bytes))).toBeDefined()
    return
  }
  const encoded = encode(decode(bytes))
  expect(toHex(encode(decode(encoded)))).toBe(toHex(encoded))
}

function damaged(bytes: Uint8Array, [place, byte, how]: [number, number, string]): Uint8Array {
  const at = place % (bytes.length + 1)
  const rest = bytes.subarray(how === 'insert' ? at : at + 1)
  return concatBytes(bytes.subarray(0, at), how === 'delete' ? new Uint8Array(0) : Uint8Array.of(byte), rest)
}

/** Maps as lists of entries in one order, so that two values compare by content. */
function inKeyOrder(value: Cbor): unknown {
  if (Array.isArray(value)) return value.map((item: Cbor) => inKeyOrder(item))
  if (!(value instanceof Map)) return value
  const entries = [...value].map(([key, item]) => ({ key: diagnostic(key), item: inKeyOrder(item) }))
  return { map: entries.sort((a, b) => (a.key < b.key ? -1 : 1)) }
}

function nested(levels: number): Uint8Array {
  return new Uint8Array(levels + 1).fill(0x81, 0, levels)
}

/** A map of entries that are encoded already. */
function mapOf(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(Uint8Array.of(0xba), toBigEndian(BigInt(entries.length), 4), ...entries)
}

function textEntry(key: string): Uint8Array {
  return concatBytes(encode(key), Uint8Array.of(0xf6))
}

function bytesEntry(key: string): Uint8Array {
  return concatBytes(encode(utf8(key)), Uint8Array.of(0xf6))
}

/** An integer of twelve bytes as key, whose last eight are the same in all. */
function colliding(i: number): Uint8Array {
  return concatBytes(fromHex('c24c'), utf8(String(1_000 + i)), fromHex('000000000000000500'))
}
