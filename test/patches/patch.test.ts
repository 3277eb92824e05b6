import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { VALUE_ITEMS_MAX } from '../../src/limits.js'
import { CborError, encodeChange, readPatch, SchemaError } from '../../src/patches/patch.js'

const PRICE = encodeChange({ op: 'replace', path: ['Listings', 42n, 'Price'], value: 1_250n })

describe('readPatch', () => {
  it('reads what encodeChange makes, and keeps the bytes', () => {
    const { op, path, value, bytes } = readPatch(PRICE)
    expect([op, path, value]).toEqual(['replace', ['Listings', 42n, 'Price'], 1_250n])
    expect(bytes).toBe(PRICE)
  })

  // Without a check of the form a walk over these would go on for ages.
  it.each([
    ['a path that says it has 2^64−1 parts', 'a164506174689bffffffffffffffff'],
    ['a map of 2^64−1 fields', 'bbffffffffffffffff'],
    ['a value that says it has 2^64−1 entries', 'a16556616c7565bbffffffffffffffff'],
    ['an op of 2^53 bytes', 'a1624f707b0020000000000000'],
  ])('refuses %s at once', (_what, hex) => {
    expect(() => readPatch(fromHex(hex))).toThrow(CborError)
  })

  it('refuses a patch that is cut off anywhere, or has a byte more', () => {
    for (let end = 0; end < PRICE.length; end++) expect(() => readPatch(PRICE.subarray(0, end))).toThrow(CborError)
    expect(() => readPatch(concatBytes(PRICE, Uint8Array.of(0)))).toThrow(CborError)
  })

  it('reads or refuses any bytes, with the errors that it names', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        try {
          readPatch(bytes)
        } catch (error) {
          expect(error instanceof CborError || error instanceof SchemaError, toHex(bytes)).toBe(true)
        }
      }),
    )
  })

  it('refuses a value of too many items when it is asked for', () => {
    const value = Array.from({ length: VALUE_ITEMS_MAX }, () => null)
    const many = encodeChange({ op: 'add', path: ['Tags', 'red'], value })
    expect(() => readPatch(many).value).toThrow(SchemaError)
  })
})
