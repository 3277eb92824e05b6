import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode, decodeChecked } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import {
  arrayItems,
  byteString,
  checkForm,
  itemEnd,
  majorTypeAt,
  mapFields,
  patchSetSpans,
} from '../../src/codec/span.js'
import { CborError, type Cbor, type CborKey } from '../../src/codec/value.js'
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

describe('patchSetSpans', () => {
  const header = fromHex('b9000161611b0000000000000001')
  const signature = concatBytes(fromHex('5841'), new Uint8Array(65).fill(7))
  const patch = fromHex('a1624f7063616464')
  const fields = { Header: header, Signature: signature, Patches: concatBytes(fromHex('82'), patch, fromHex('a0')) }

  it.each([
    ['Header', 'Signature', 'Patches'],
    ['Patches', 'Header', 'Signature'],
    ['Signature', 'Patches', 'Header'],
  ] as const)('finds the received bytes of the parts in the order %s, %s, %s', (...order) => {
    const bytes = set(Object.fromEntries(order.map((name) => [name, fields[name]])))
    const spans = patchSetSpans(bytes)
    expect(toHex(bytes.subarray(spans.header.start, spans.header.end))).toBe(toHex(header))
    expect(toHex(bytes.subarray(spans.signature.start, spans.signature.end))).toBe('07'.repeat(65))
    expect(spans.patches.map(({ start, end }) => toHex(bytes.subarray(start, end)))).toStrictEqual([toHex(patch), 'a0'])
  })

  it('takes longer heads as well', () => {
    const long = concatBytes(
      fromHex('b90003'),
      ...keyed({ ...fields, Signature: concatBytes(fromHex('590041'), new Uint8Array(65).fill(7)) }),
    )
    const { signature } = patchSetSpans(long)
    expect(toHex(long.subarray(signature.start, signature.end))).toBe('07'.repeat(65))
  })

  it('refuses it cut off at every byte, and with a byte more', () => {
    const bytes = set(fields)
    expect(message(bytes)).toBe('accepted')
    for (let end = 0; end < bytes.length; end++) {
      expect(refusal(() => patchSetSpans(bytes.subarray(0, end)))).toMatch(/^(truncated|length-beyond-input)$/u)
    }
    expect(refusal(() => patchSetSpans(concatBytes(bytes, Uint8Array.of(0))))).toBe('trailing-bytes')
  })

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    ['a field more', { ...fields, Note: fromHex('f6') }, /^shape: .*"Note"/u],
    ['a field in other letters', { header, Signature: signature, Patches: fields.Patches }, /^shape: .*Header/u],
    ['no header', { Signature: signature, Patches: fields.Patches }, /^shape: .*Header/u],
    ['no signature', { Header: header, Patches: fields.Patches }, /^shape: .*Signature/u],
    ['no patches', { Header: header, Signature: signature }, /^shape: .*Patches/u],
    ['a header that is no map', { ...fields, Header: fromHex('80') }, /^shape: Header/u],
    ['a header in a byte string', { ...fields, Header: encode(header) }, /^shape: Header/u],
    ['a signature of 64 bytes', { ...fields, Signature: encode(new Uint8Array(64)) }, /^shape: Signature has 64/u],
    ['a signature of 66 bytes', { ...fields, Signature: encode(new Uint8Array(66)) }, /^shape: Signature has 66/u],
    ['a signature that is a text', { ...fields, Signature: encode('x'.repeat(65)) }, /^shape: /u],
    ['patches that are a map', { ...fields, Patches: fromHex('a0') }, /^shape: /u],
    ['no patch at all', { ...fields, Patches: fromHex('80') }, /^shape: Patches is empty/u],
    ['a patch that is an array', { ...fields, Patches: fromHex('8180') }, /^shape: a patch/u],
    [
      'a patch of ill form',
      { ...fields, Patches: fromHex('81a10102'.replace('02', 'fb') + '00'.repeat(8)) },
      /^float: /u,
    ],
  ])('refuses %s', (_, parts, expected) => {
    expect(message(set(parts))).toMatch(expected)
  })

  it('refuses what is no map, keys that are no texts, and a field twice', () => {
    expect(message(fromHex('80'))).toMatch(/^shape: not a map/u)
    expect(message(fromHex('a10000'))).toMatch(/^shape: a key/u)
    const twice = concatBytes(fromHex('a4'), ...keyed(fields), ...keyed({ Header: header }))
    expect(message(twice)).toMatch(/^duplicate-key: /u)
  })

  it('counts nesting from the set: its map is 1', () => {
    const value = (levels: number): Cbor => (levels === 0 ? 0n : [value(levels - 1)])
    const nested = (levels: number) =>
      set({ ...fields, Patches: encode([new Map<CborKey, Cbor>([['Value', value(levels)]])]) })
    expect(refusal(() => patchSetSpans(nested(13)))).toBeUndefined()
    expect(refusal(() => patchSetSpans(nested(14)))).toBe('too-deep')
    expect(refusal(() => patchSetSpans(nested(14), 17))).toBeUndefined()
  })

  it('spans what decode reads', () => {
    const bytes = set(fields)
    const { header, patches } = patchSetSpans(bytes)
    const whole = decode(bytes) as Map<CborKey, Cbor>
    expect(decodeChecked(bytes, header.start)).toStrictEqual(whole.get('Header'))
    expect(patches.map(({ start }) => decodeChecked(bytes, start))).toStrictEqual(whole.get('Patches'))
  })
})

/** The entries of a map, keys encoded, values as they are. */
function keyed(parts: Record<string, Uint8Array>): Uint8Array[] {
  return Object.entries(parts).flatMap(([name, bytes]) => [encode(name), bytes])
}

/** What patchSetSpans says to the bytes. */
function message(bytes: Uint8Array): string {
  try {
    patchSetSpans(bytes)
    return 'accepted'
  } catch (error) {
    expect(error).toBeInstanceOf(CborError)
    return `${(error as CborError).code}: ${(error as CborError).message}`
  }
}

function set(parts: Record<string, Uint8Array>): Uint8Array {
  return concatBytes(Uint8Array.of(0xa0 | Object.keys(parts).length), ...keyed(parts))
}
