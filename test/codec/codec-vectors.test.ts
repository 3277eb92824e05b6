import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { encode } from '../../src/codec/encode.js'
import { acceptedBytes, groups } from '../fixtures/codec-vectors.js'
import { refusal } from '../fixtures/codec-refusal.js'

describe.each(groups)('$rule', ({ accept, refuse }) => {
  it.each(accept)('accepts $hex', ({ hex, diagnostic: expected, encoded = hex }) => {
    const value = decode(fromHex(hex))
    expect(diagnostic(value)).toBe(expected)
    expect(toHex(encode(value))).toBe(encoded)
  })

  it.each(refuse)('refuses $hex: $reason', ({ hex, code }) => {
    expect(refusal(() => decode(fromHex(hex)))).toBe(code)
  })

  it('has both sides', () => {
    expect(Math.min(accept.length, refuse.length)).toBeGreaterThan(0)
  })
})

describe('around every accepted item', () => {
  it('refuses it cut off at every byte', () => {
    for (const bytes of acceptedBytes) {
      for (let end = 0; end < bytes.length; end++) {
        const code = refusal(() => decode(bytes.subarray(0, end)))
        expect(code, `${toHex(bytes)} to ${end}`).toMatch(/^(truncated|length-beyond-input)$/u)
      }
    }
  })

  it('refuses a byte behind it', () => {
    for (const bytes of acceptedBytes) {
      expect(
        refusal(() => decode(concatBytes(bytes, Uint8Array.of(0)))),
        toHex(bytes),
      ).toBe('trailing-bytes')
    }
  })
})
