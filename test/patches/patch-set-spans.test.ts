import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { decodeChecked } from '../../src/codec/decode-checked.js'
import { encode } from '../../src/codec/encode.js'
import { CborError, type Cbor, type CborKey } from '../../src/codec/value.js'
import { patchSetSpans } from '../../src/patches/patch-set-spans.js'
import { refusal } from '../fixtures/codec-refusal.js'

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
