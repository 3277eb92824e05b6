import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, HexError, prefixedHex, toHex } from '../../src/bytes/hex.js'

test('agrees with Buffer, there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('hex')
      expect(toHex(bytes)).toBe(text)
      expect(prefixedHex(bytes)).toBe(`0x${text}`)
      for (const form of [text, text.toUpperCase(), `0x${text}`, `0X${text}`]) expect(fromHex(form)).toEqual(bytes)
    }),
  )
})

test('every byte', () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  expect(fromHex(toHex(all))).toEqual(all)
})

test('nothing', () => {
  expect(toHex(new Uint8Array(0))).toBe('')
  for (const text of ['', '0x']) expect(fromHex(text)).toEqual(new Uint8Array(0))
})

test.each(['0', 'abc', '0xa', '0x0'])('odd length: %s', (text) => {
  expect(() => fromHex(text)).toThrow(HexError)
})

test.each(['0g', 'zz', '1 ', ' 1', '+1', '-1', '1.', '0x0x00', '00x0', '@a', '`a', 'Ga', 'ɐa', '１１'])(
  'not hexadecimal: %s',
  (text) => {
    expect(() => fromHex(text)).toThrow(HexError)
  },
)

test('only the hexadecimal characters are digits', () => {
  for (let code = 0; code < 512; code++) {
    const text = `0${String.fromCharCode(code)}`
    if (/^[0-9a-fA-F]{2}$/.test(text)) expect(fromHex(text)).toEqual(new Uint8Array([Number.parseInt(text, 16)]))
    else if (text.toLowerCase() !== '0x') expect(() => fromHex(text)).toThrow(HexError)
  }
})
