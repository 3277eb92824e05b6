import { expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import { readDeterministic } from '../../src/codec/deterministic.js'
import { bytes, required, SchemaError, struct, text, time, tuple, uint } from '../../src/codec/schema.js'
import { CborError, CborTime } from '../../src/codec/value.js'

const Pair = tuple(uint(64), bytes(2))
const Row = struct({ A: required(uint(64)), T: required(time) }, { unlisted: 'refused' })
const row = 'a26141016154c074313937302d30312d30315430303a30303a30305a'

test('a tuple has exactly its elements', () => {
  expect(readDeterministic(Pair, fromHex('8205420102'), 'pair')).toEqual([5n, Uint8Array.of(1, 2)])
  for (const wrong of ['80', '8105', '830542010200', 'a105420102', '82054101', '8242010205', '05', 'f6'])
    expect(() => readDeterministic(Pair, fromHex(wrong), 'pair'), wrong).toThrow(SchemaError)
  expect(() => readDeterministic(Pair, fromHex('8105'), 'pair')).toThrow('pair must have 2 elements, not 1')
  expect(() => readDeterministic(Pair, fromHex('82054101'), 'pair')).toThrow('pair.1 must have 2 bytes, not 1')
})

test('another encoding of the same value is refused, and said where it differs', () => {
  expect(readDeterministic(Row, fromHex(row), 'row')).toEqual({ A: 1n, T: new CborTime(0n) })
  const others: Readonly<Record<string, string>> = {
    'a long head': row.replace('614101', '61411801'),
    'keys out of order': `a26154${row.slice(12)}614101`,
    'another time zone': row.replace('c074', 'c07819').replace('5a', '2b30303a3030'),
    'a fraction of a second': row.replace('c074', 'c076').replace('5a', '2e305a'),
    'a time as a number': `a26141016154c100`,
  }
  for (const [name, other] of Object.entries(others))
    expect(() => readDeterministic(Row, fromHex(other), 'row'), name).toThrow(
      /^row is not in its deterministic encoding, from byte \d+ on$/u,
    )
})

test('what is no item, or has another shape, is refused', () => {
  expect(() => readDeterministic(Row, fromHex(`${row}00`), 'row')).toThrow(CborError)
  expect(() => readDeterministic(Row, fromHex(row.slice(0, -2)), 'row')).toThrow(CborError)
  expect(() => readDeterministic(text, fromHex('05'), 'text')).toThrow('text must be a text')
})
