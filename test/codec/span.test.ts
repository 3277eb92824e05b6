import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { mapFields } from '../../src/codec/fields.js'
import { arrayItems, byteString, checkForm, itemEnd, majorTypeAt } from '../../src/codec/span.js'
import { received } from '../fixtures/cbor.arbitrary.js'
import { refusal } from '../fixtures/codec-refusal.js'

describe('itemEnd', () => {
  it('finds the end of every item, whatever follows', () => {
    fc.assert(
      fc.property(received(), fc.uint8Array({ maxLength: 5 }), ({ bytes }, rest) => {
        expect(itemEnd(concatBytes(rest, bytes, rest), rest.length)).toBe(rest.length + bytes.length)
      }),
    )
  })
})

describe('arrayItems and mapFields', () => {
  it('span the items of an array without gaps', () => {
    fc.assert(
      fc.property(fc.array(received(), { maxLength: 30 }), (items) => {
        const bytes = concatBytes(
          fromHex(`98${items.length.toString(16).padStart(2, '0')}`),
          ...items.map((item) => item.bytes),
        )
        const spans = arrayItems(bytes, 0)
        expect(spans.map(({ start, end }) => toHex(bytes.subarray(start, end)))).toStrictEqual(
          items.map((item) => toHex(item.bytes)),
        )
      }),
    )
  })

  it('give the received bytes of each value by its key', () => {
    const bytes = fromHex('b90003616b18007801614101695f5f70726f746f5f5fa0')
    checkForm(bytes)
    const fields = [...mapFields(bytes, 0)].map(([key, { start, end }]) => [key, toHex(bytes.subarray(start, end))])
    expect(fields).toStrictEqual([
      ['k', '1800'],
      ['a', '4101'],
      ['__proto__', 'a0'],
    ])
  })

  it('refuse what is no array, no map, no map of texts', () => {
    expect(arrayItems(fromHex('80'), 0)).toStrictEqual([])
    expect(refusal(() => arrayItems(fromHex('a0'), 0))).toBe('shape')
    expect(mapFields(fromHex('a0'), 0).size).toBe(0)
    expect(refusal(() => mapFields(fromHex('80'), 0))).toBe('shape')
    expect(refusal(() => mapFields(fromHex('a10100'), 0))).toBe('shape')
    expect(refusal(() => mapFields(fromHex('a1416100'), 0))).toBe('shape')
  })
})

describe('byteString and majorTypeAt', () => {
  it('view the content of a byte string and of nothing else', () => {
    const bytes = fromHex('825900020a0b6161')
    const content = byteString(bytes, 1)
    expect(toHex(content)).toBe('0a0b')
    expect(content.buffer).toBe(bytes.buffer)
    expect(refusal(() => byteString(bytes, 6))).toBe('shape')
    expect(refusal(() => byteString(bytes, 0))).toBe('shape')
  })

  it('name the major type', () => {
    const items = ['00', '20', '40', '60', '80', 'a0', 'c100', 'f6']
    expect(items.map((hex) => majorTypeAt(fromHex(hex), 0))).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })
})
