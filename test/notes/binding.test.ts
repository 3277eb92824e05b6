import { describe, expect, test } from 'vitest'
import { encode } from '../../src/codec/encode.js'
import {
  decodeBinding,
  decodeSignedBinding,
  encodeBinding,
  encodeSignedBinding,
  originOf,
  readOrigin,
  requireOriginOf,
  signBinding,
  verifyBinding,
} from '../../src/notes/forms.js'
import { NoteBinding } from '../../src/notes/binding.js'
import { bindingFields, bound, filled, refusal, RELAY, RELAY_SECRET } from '../fixtures/noted-log.js'

const shop = { ChainID: 1n, Registry: filled(0xab, 20), ShopID: 255n }
const first = `relay.example/1/${'ab'.repeat(20)}/shop/${'00'.repeat(31)}ff`

describe('an origin', () => {
  test('is made of host, chain, registry and shop', () => {
    expect(originOf({ host: 'relay.example', ...shop, generation: 1 })).toBe(first)
    expect(originOf({ host: 'relay.example', ...shop, generation: 3 })).toBe(`${first}/3`)
    expect(readOrigin(`${first}/2`)).toEqual({ host: 'relay.example', ...shop, generation: 2 })
    expect(readOrigin(first.replace('example', 'example:8080')).host).toBe('relay.example:8080')
  })

  test.each([
    '',
    'a b',
    `${first} `,
    first.replace('relay', 're lay'),
    first.replace('relay', 're+lay'),
    first.replace('relay', 're\u00a0lay'),
    first.replace('relay', 're\nlay'),
    first.replace('/1/', '/01/'),
    first.replace('ab', 'AB'),
    first.replace('shop', 'shops'),
    `${first}/`,
    `${first}/1`,
    `${first}/0`,
    `${first}/02`,
    `x${'y'.repeat(255)}${first}`,
    `/${first}`,
  ])('is not %j', (origin) => expect(refusal(() => readOrigin(origin))).toBe('origin'))

  test('has at most 255 bytes', () => {
    const room = 255 - first.length
    const host = `${'h'.repeat(room)}relay.example`
    expect(originOf({ host, ...shop, generation: 1 })).toHaveLength(255)
    expect(refusal(() => originOf({ host: `h${host}`, ...shop, generation: 1 }))).toBe('origin')
  })

  test('of another shop is refused', () => {
    requireOriginOf(first, shop)
    for (const changed of [{ ChainID: 2n }, { Registry: filled(0, 20) }, { ShopID: 1n }])
      expect(refusal(() => requireOriginOf(first, { ...shop, ...changed }))).toBe('origin')
  })
})

describe('a binding', () => {
  const good = encodeBinding(bindingFields())
  const written = () => new Map(NoteBinding.write(bindingFields()) as ReadonlyMap<string, never>)

  test('signed by one of the relay’s keys', () => {
    const { fields, signed } = verifyBinding(signBinding(good, RELAY_SECRET), [filled(1, 20), RELAY])
    expect(fields).toEqual(bindingFields())
    expect(decodeSignedBinding(encodeSignedBinding(signed))).toEqual(signed)
  })

  test('signed by nobody, by others, or with another v', () => {
    const [, signature] = signBinding(good, RELAY_SECRET)
    expect(refusal(() => verifyBinding([good, signature], []))).toBe('signer')
    expect(refusal(() => verifyBinding(signBinding(good, filled(8)), [RELAY]))).toBe('signer')
    expect(refusal(() => verifyBinding([good, filled(0, 65)], [RELAY]))).toBe('signer')
    expect(refusal(() => verifyBinding([good, signature.with(64, signature[64]! - 27)], [RELAY]))).toBe('signer')
    expect(refusal(() => verifyBinding([good, signature.subarray(1)], [RELAY]))).toBe('signer')
  })

  test('of an origin of another shop is not made, and not taken where somebody signed one', () => {
    const fields = bindingFields({ Origin: originOf({ host: 'x', ...shop, generation: 1 }) })
    expect(refusal(() => encodeBinding(fields))).toBe('origin')
    const encoded = encode(NoteBinding.write(fields))
    expect(refusal(() => verifyBinding(signBinding(encoded, RELAY_SECRET), [RELAY]))).toBe('origin')
  })

  test.each([
    ['Version', 2n, 'version'],
    ['Version', null, 'version'],
    ['ChainID', 'one', 'form'],
    ['Registry', filled(0, 19), 'form'],
    ['Origin', 'a b', 'origin'],
    ['Origin', 7n, 'origin'],
    ['NoteKey', filled(0, 31), 'note-key'],
  ] as const)('whose %s is %s is refused: %s', (name, value, code) => {
    const changed = written().set(name, value as never)
    expect(refusal(() => decodeBinding(encode(changed)))).toBe(code)
  })

  test('with a field more or less, or another form', () => {
    expect(refusal(() => decodeBinding(encode(written().set('More', 1n as never))))).toBe('fields')
    const less = written()
    less.delete('Relay')
    expect(refusal(() => decodeBinding(encode(less)))).toBe('fields')
    expect(refusal(() => decodeBinding(Uint8Array.of(0x80)))).toBe('form')
    expect(refusal(() => decodeBinding(Uint8Array.of(0xa1)))).toBe('form')
    expect(refusal(() => decodeBinding(Uint8Array.of(...good, 0)))).toBe('form')
    expect(refusal(() => decodeSignedBinding(Uint8Array.of(0xff)))).toBe('form')
    expect(refusal(() => decodeSignedBinding(Uint8Array.of(0x80)))).toBe('form')
    // A version to come may have other fields: it is told as one.
    expect(refusal(() => decodeBinding(encode(new Map([['Version', 3n]]))))).toBe('version')
  })

  test('is the same again', () => expect(bound().signed).toEqual(bound().signed))
})
