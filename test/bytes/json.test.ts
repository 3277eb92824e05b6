import { describe, expect, test } from 'vitest'
import { isJsonObject, readJson } from '../../src/bytes/json.js'

describe('readJson', () => {
  test('gives the value', () => {
    expect(readJson(() => '{"a": [1, null]}', fail)).toEqual({ a: [1, null] })
    expect(readJson(() => 'null', fail)).toBeNull()
  })

  test.each(['', '{', '{"a": 1,}', 'undefined', '{"a": 1} x'])('%j is refused in the words of the caller', (text) => {
    expect(
      readJson(
        () => text,
        (cause) => cause.name,
      ),
    ).toBe('SyntaxError')
    const refuse = (cause: Error) => {
      throw new RangeError('mine', { cause })
    }
    expect(() => readJson(() => text, refuse)).toThrow(RangeError)
  })

  test('so is a text that cannot be had', () => {
    const broken = () => new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))
    expect(readJson(broken, () => 'refused')).toBe('refused')
  })
})

test.each<[unknown, boolean]>([
  [{}, true],
  [{ a: 1 }, true],
  [[], false],
  [null, false],
  ['{}', false],
  [1, false],
])('%j is an object: %s', (value, is) => {
  expect(isJsonObject(value)).toBe(is)
})

function fail(cause: Error): never {
  throw cause
}
