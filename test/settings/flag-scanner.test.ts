import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { scanFlags } from '../../src/settings/flag-scanner.js'

const KINDS = { shop: 'string', json: 'boolean', 'push-delay-ms': 'string' } as const

const scanned = (...words: string[]) =>
  scanFlags(words, KINDS).map(({ word, name, value, inline }) => [word, name, value, inline])

describe('a known flag', () => {
  test.each<[string[], unknown[][]]>([
    [['--shop', '1'], [['--shop', 'shop', '1', false]]],
    [['--shop=1'], [['--shop', 'shop', '1', true]]],
    [['--shop='], [['--shop', 'shop', '', true]]],
    [['--shop=a=b'], [['--shop', 'shop', 'a=b', true]]],
    [['--shop', ''], [['--shop', 'shop', '', false]]],
    [['--shop', '--json'], [['--shop', 'shop', '--json', false]]],
    [['--shop', '-1'], [['--shop', 'shop', '-1', false]]],
    [['--shop', '--'], [['--shop', 'shop', '--', false]]],
    [['--shop'], [['--shop', 'shop', undefined, false]]],
    [['--json=no'], [['--json', 'json', 'no', true]]],
    [
      ['--json', '--push-delay-ms', '2', '--json'],
      [
        ['--json', 'json', undefined, false],
        ['--push-delay-ms', 'push-delay-ms', '2', false],
        ['--json', 'json', undefined, false],
      ],
    ],
  ])('%j', (words, flags) => expect(scanned(...words)).toEqual(flags))
})

describe('what is none comes up without a name', () => {
  const words = [
    'word',
    '',
    '-',
    '--',
    '-s',
    '-shop',
    '-x=1',
    '--=x',
    '--nonesuch',
    '--nonesuch=1',
    '--no-json',
    '--SHOP',
  ]
  test.each([...words, '--__proto__', '--toString=1', '--shop 1', '-js', '- - ', 'a=b'])('%j', (word) => {
    const flags = scanned(word, '--json')
    expect(flags[0]).toEqual([word.split('=')[0], undefined, undefined, false])
    if (word !== '--') expect(flags.at(-1)).toEqual(['--json', 'json', undefined, false])
  })
})

test('no word is lost, whatever stands there', () => {
  const word = fc.oneof(
    fc.constantFrom('--shop', '--json', '--shop=', '--json=', '--', '-', '-js', 'x', ''),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      const flags = scanFlags(words, KINDS)
      const seen = flags.flatMap(({ word, value, inline }) => (value === undefined || inline ? [word] : [word, value]))
      expect(seen.map((word) => word.split('=', 1)[0])).toEqual(words.map((word) => word.split('=', 1)[0]))
    }),
  )
})
