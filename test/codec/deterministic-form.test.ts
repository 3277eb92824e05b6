import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { checkDeterministic, DeterministicReader } from '../../src/codec/deterministic-form.js'
import { encode } from '../../src/codec/encode.js'
import { received, value } from '../fixtures/cbor.arbitrary.js'
import { refusal } from '../fixtures/codec-refusal.js'

describe('checkDeterministic', () => {
  it('takes what encode makes', () => {
    fc.assert(
      fc.property(value, (value) => {
        expect(refusal(() => checkDeterministic(encode(value)))).toBeUndefined()
      }),
    )
  })

  it('refuses all other forms of the same value, and no others', () => {
    fc.assert(
      fc.property(received(), ({ bytes }) => {
        const isOurs = equalBytes(encode(decode(bytes)), bytes)
        expect(refusal(() => checkDeterministic(bytes))).toBe(isOurs ? undefined : 'not-deterministic')
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['1817', 'a number in longer form'],
    ['190017', 'two bytes longer'],
    ['1a0000ffff', 'four bytes longer'],
    ['1b00000000ffffffff', 'eight bytes longer'],
    ['580100', 'a length in longer form'],
    ['a2616200616100', 'keys out of order'],
    ['a2616100410000', 'keys of two types out of order'],
    ['f7', 'undefined'],
    ['c100', 'a time as a number'],
    ['c074323032332d30312d30315430303a30303a30307a', 'a time with a small z'],
    ['c07819323032332d30312d30315430303a30303a30302b30303a3030', 'a time with an offset'],
    ['c24801ffffffffffffff', 'a bignum that is no bignum'],
    ['c24900ffffffffffffffff', 'a bignum with a zero before it'],
    ['81a1001817', 'deep inside'],
  ])('refuses %s: %s', (hex) => {
    expect(refusal(() => decode(fromHex(hex)))).toBeUndefined()
    expect(refusal(() => checkDeterministic(fromHex(hex)))).toBe('not-deterministic')
  })

  it('refuses what decode refuses, for the same reason', () => {
    for (const hex of ['', '18', '0000', '9f00ff', 'a2006100610000', 'c3', 'fb0000000000000000', '9bffffffffffffffff'])
      expect([hex, refusal(() => checkDeterministic(fromHex(hex)))]).toEqual([hex, refusal(() => decode(fromHex(hex)))])
    expect(refusal(() => checkDeterministic(fromHex('8181818100'), 3))).toBe('too-deep')
  })
})

describe('DeterministicReader', () => {
  const reader = (hex: string) => new DeterministicReader(fromHex(hex))

  it('reads items one by one, byte strings as views', () => {
    const bytes = fromHex('851bffffffffffffffff4201026161f6a10001')
    const read = new DeterministicReader(bytes)
    expect([read.array(), read.uint()]).toEqual([5, 2n ** 64n - 1n])
    const view = read.bytes()
    expect([toHex(view), view.buffer === bytes.buffer]).toEqual(['0102', true])
    expect([read.takeNull(), read.takeText('ab'), read.takeText('b'), read.text()]).toEqual([false, false, false, 'a'])
    expect([read.takeText('a'), read.takeNull()]).toEqual([false, true])
    expect([read.majorType, read.map(), read.uint(), read.uint(), read.majorType]).toEqual([5, 1, 0n, 1n, undefined])
    expect(refusal(() => read.end())).toBeUndefined()
  })

  it('takes a text where it stands whole', () => {
    const read = reader('654c6576656c644c657665')
    expect([read.takeText('Leve'), read.takeText('Level'), read.takeText('Level')]).toEqual([false, true, false])
    expect([read.takeText('Leve'), read.majorType]).toEqual([true, undefined])
    expect(reader('654c6576').takeText('Level')).toBe(false)
  })

  it.each([
    ['another item than the wanted one', '60', (read: DeterministicReader) => read.uint(), 'shape'],
    ['a negative number', '20', (read: DeterministicReader) => read.uint(), 'shape'],
    ['a longer number', '1817', (read: DeterministicReader) => read.uint(), 'not-deterministic'],
    ['a longer length', '580100', (read: DeterministicReader) => read.bytes(), 'not-deterministic'],
    ['an indefinite length', '9fff', (read: DeterministicReader) => read.array(), 'indefinite-length'],
    ['a length beyond the input', '5affffffff00', (read: DeterministicReader) => read.bytes(), 'length-beyond-input'],
    ['a count beyond the input', '9affffffff00', (read: DeterministicReader) => read.array(), 'length-beyond-input'],
    ['half a map', 'a100', (read: DeterministicReader) => read.map(), 'length-beyond-input'],
    ['a text that is none', '61ff', (read: DeterministicReader) => read.text(), 'utf8'],
    ['nothing', '', (read: DeterministicReader) => read.uint(), 'truncated'],
    ['half a head', '18', (read: DeterministicReader) => read.uint(), 'truncated'],
    ['something left', '00', (read: DeterministicReader) => read.end(), 'trailing-bytes'],
  ])('refuses %s', (_what, hex, act, code) => {
    expect(refusal(() => act(reader(hex)))).toBe(code)
  })
})
