import { describe, expect, it } from 'vitest'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'

const value: Cbor = new Map<CborKey, Cbor>([
  ['b', [1n, -2n, null, true, []]],
  [2n ** 64n, Uint8Array.of(0, 255)],
  [Uint8Array.of(7), new CborTime(0n)],
  ['"\n', new Map<CborKey, Cbor>([['é', new Map()]])],
])

describe('diagnostic', () => {
  it('writes RFC 8949 §8 on one line, in the order of the value', () => {
    expect(diagnostic(value)).toBe(
      `{"b": [1, -2, null, true, []], 18446744073709551616: h'00ff', ` +
        `h'07': 0("1970-01-01T00:00:00Z"), "\\"\\n": {"é": {}}}`,
    )
  })

  it('writes an entry a line when asked', () => {
    expect(diagnostic(value, { multiline: true })).toBe(
      [
        '{',
        '  "b": [',
        '    1,',
        '    -2,',
        '    null,',
        '    true,',
        '    []',
        '  ],',
        "  18446744073709551616: h'00ff',",
        '  h\'07\': 0("1970-01-01T00:00:00Z"),',
        '  "\\"\\n": {',
        '    "é": {}',
        '  }',
        '}',
      ].join('\n'),
    )
  })

  it('tells values apart that print alike in JavaScript', () => {
    const texts = [1n, '1', Uint8Array.of(1), [1n], new CborTime(1n), null, 'null', new Map([[1n, 1n]])].map((value) =>
      diagnostic(value),
    )
    expect(new Set(texts).size).toBe(texts.length)
  })
})
