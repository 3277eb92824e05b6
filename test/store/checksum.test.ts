/** CRC-32C over rows: a known answer, and that nothing of a row can change unnoticed. */

import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { isOfKey, seal, SEAL_BYTES, unseal } from '../../src/store/checksum.js'

const KEY = Uint8Array.of(2, 0, 0, 0, 1, 9)
const VALUE = utf8('what was written')

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

const bitsOf = (bytes: Uint8Array) => Array.from({ length: 8 * bytes.length }, (_, bit) => bit)

describe('a sealed row', () => {
  it('ends with the CRC-32C of its key, and of key and value (RFC 3720 B.4, and the catalogue’s check value)', () => {
    expect(toHex(seal(new Uint8Array(0), utf8('123456789')).slice(-4))).toBe('e3069283')
    expect(toHex(seal(utf8('12345'), utf8('6789')).slice(-4))).toBe('e3069283')
    expect(toHex(seal(utf8('123456789'), new Uint8Array(0)))).toBe('e3069283e3069283')
    expect(toHex(seal(new Uint8Array(0), new Uint8Array(32)).slice(-4))).toBe('8a9136aa')
    expect(toHex(seal(new Uint8Array(0), new Uint8Array(32).fill(0xff)).slice(-4))).toBe('62a8ab43')
  })

  it('gives its value back', () => {
    const sealed = seal(KEY, VALUE)
    expect(sealed).toHaveLength(VALUE.length + SEAL_BYTES)
    expect(unseal(KEY, sealed)).toEqual(VALUE)
    expect(unseal(KEY, seal(KEY, new Uint8Array(0)))).toEqual(new Uint8Array(0))
  })

  it('is refused with any single bit flipped, of the value or of the checksums', () => {
    const sealed = seal(KEY, VALUE)
    for (const bit of bitsOf(sealed)) expect([bit, unseal(KEY, flipped(sealed, bit))]).toEqual([bit, undefined])
  })

  it('is refused under another key, and cut short at any length', () => {
    const sealed = seal(KEY, VALUE)
    for (const bit of bitsOf(KEY)) {
      expect(unseal(flipped(KEY, bit), sealed)).toBeUndefined()
      expect(isOfKey(flipped(KEY, bit), sealed)).toBe(false)
    }
    // A key's byte at the front of its value: the same bytes in a row.
    expect(unseal(Uint8Array.of(...KEY, VALUE[0]!), seal(KEY, VALUE).slice(1))).toBeUndefined()
    for (let length = 0; length < sealed.length; length++) {
      expect(unseal(KEY, sealed.slice(0, length))).toBeUndefined()
    }
  })

  it('tells whether it is at its place, whatever became of its value', () => {
    const sealed = seal(KEY, VALUE)
    for (const bit of bitsOf(VALUE)) expect(isOfKey(KEY, flipped(sealed, bit))).toBe(true)
    expect(isOfKey(KEY, new Uint8Array(SEAL_BYTES - 1))).toBe(false)
  })
})
