import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromBase64, toBase64 } from '../../src/bytes/base64.js'

describe('base64', () => {
  test('is what Node makes, and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        expect(toBase64(bytes)).toBe(text)
        expect(fromBase64(text)).toEqual(bytes)
      }),
    )
  })

  test('is read in one form only', () => {
    expect(fromBase64('')).toEqual(new Uint8Array(0))
    for (const text of [
      'A',
      'AA',
      'AAA',
      'AB==',
      'AAB=',
      'A===',
      '====',
      'AA==AAAA',
      'AA=A',
      'A-A=',
      'A_A=',
      ' AA=',
      'AAA\n',
    ])
      expect(fromBase64(text), text).toBeUndefined()
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9+/=]{0,12}$/u), (text) => {
        const bytes = fromBase64(text)
        if (bytes !== undefined) expect(toBase64(bytes)).toBe(text)
      }),
    )
  })
})
