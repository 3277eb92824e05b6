import { describe, expect, test } from 'vitest'
import { integerFlag, parseFlags, relayFlag, urlFlag, UsageError } from '../../src/cli/flags.js'

const DEFINITIONS = {
  shop: { kind: 'text', required: true },
  seconds: { kind: 'number', value: 10 },
  title: { kind: 'text' },
  json: { kind: 'switch' },
} as const

const parse = (...argv: string[]) => parseFlags(argv, DEFINITIONS)

describe('flags', () => {
  test('have the types of their definitions', () => {
    const { shop, seconds, title, json } = parse('--shop', '7', '--json')
    const typed: [string, number, string | undefined, boolean] = [shop, seconds, title, json]
    expect(typed).toEqual(['7', 10, undefined, true])
  })

  test('the last of two equal ones counts, and a text may look like a flag', () => {
    expect(parse('--shop', '1', '--shop=2', '--title', '--json')).toEqual({
      shop: '2',
      seconds: 10,
      title: '--json',
      json: false,
    })
  })

  test.each<[string[], string]>([
    [['--json'], '--shop is missing'],
    [['--shop'], '--shop needs a value'],
    [['--shop', '1', '--json=1'], '--json takes no value'],
    [['--seconds', '1.5'], '--seconds must be a whole number, not 1.5'],
    [['--seconds', '-1'], '--seconds must be a whole number, not -1'],
    [['--sho', '1'], 'there is no --sho; known are --shop, --seconds, --title, --json'],
    [['-shop'], 'there is no -shop; known are --shop, --seconds, --title, --json'],
    [['--toString'], 'there is no place for such an argument; known are --shop, --seconds, --title, --json'],
    [['--'], 'there is no place for such an argument; known are --shop, --seconds, --title, --json'],
  ])('%j is refused', (argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message))
  })

  test.each(['http://127.0.0.1/#shop=1,invite=hunter2', 'a1b2hunter2', 'hunter2=x'])(
    'an argument in the wrong place is not repeated: %s',
    (argument) => {
      expect(() => parse('--shop', '1', argument)).toThrow(/^there is no place for such an argument/u)
      expect(() => parse('--shop', '1', argument)).not.toThrow(/hunter2/u)
    },
  )
})

test('integers, addresses and URLs', () => {
  expect(integerFlag('shop', String(2n ** 256n - 1n))).toBe(2n ** 256n - 1n)
  for (const bad of ['', '-1', '1.5', '0x1', String(2n ** 256n)])
    expect(() => integerFlag('shop', bad)).toThrow(UsageError)
  expect(relayFlag(`0x${'aB'.repeat(20)}`)).toBe(`0x${'aB'.repeat(20)}`)
  expect(relayFlag('development')).toBe('development')
  expect(() => relayFlag('ab')).toThrow(UsageError)
  expect(urlFlag('url', 'https://shop.example/x//')).toBe('https://shop.example/x')
  for (const bad of ['ftp://x', 'x', '']) expect(() => urlFlag('url', bad)).toThrow(UsageError)
})
