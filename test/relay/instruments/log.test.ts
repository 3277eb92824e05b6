import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeLog, type Log } from '../../../src/relay/instruments/log.js'

const NOON = Date.UTC(2025, 0, 2, 12, 0, 5, 250)

function lines(format: 'text' | 'json', act: (log: Log) => void): string[] {
  const written: string[] = []
  act(makeLog({ format, write: (line) => written.push(line), now: () => NOON }))
  return written
}

describe('JSON', () => {
  test('one object a line: time, level, event, fields', () => {
    const [line] = lines('json', (log) =>
      log.info('listening', { shop: 12_345_678_901_234_567_890n, port: 4444, native: true, none: undefined }),
    )
    expect(line).toBe(
      '{"time":"2025-01-02T12:00:05.250Z","level":"info","event":"listening",' +
        '"shop":"12345678901234567890","port":4444,"native":true}',
    )
  })

  test('no field replaces what the line itself says', () => {
    const [line] = lines('json', (log) => log.warn('full', { level: 'info', event: 'x', time: 'y' }))
    expect(JSON.parse(line!)).toEqual({ time: '2025-01-02T12:00:05.250Z', level: 'warn', event: 'full' })
  })

  test('any fields are as JSON.stringify writes them, in their order, big numbers as text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 120 })
    const value = fc.oneof(text, fc.double(), fc.maxSafeInteger(), fc.bigInt(), fc.boolean(), fc.constant(undefined))
    const name = fc.constantFrom('err', 'msg', 'error', 'pid', 'shop', 'seq', 'a b', 'say "hi"', 'größe')
    fc.assert(
      fc.property(text, fc.dictionary(name, value), (event, fields) => {
        const own = { time: '2025-01-02T12:00:05.250Z', level: 'warn', event }
        const plain = JSON.stringify({ ...own, ...fields }, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        )
        expect(lines('json', (log) => log.warn(event, { level: 'x', ...fields, time: 'x', event: 'x' }))).toEqual([
          plain,
        ])
      }),
    )
  })

  test('is written when the call returns, each line in one piece', () => {
    const written: string[] = []
    const log = makeLog({ format: 'json', write: (line) => written.push(line), now: () => NOON })
    for (let i = 1; i <= 1_000; i++) {
      log.info('line', { i })
      expect(written).toHaveLength(i)
    }
    expect(written.at(-1)).toBe('{"time":"2025-01-02T12:00:05.250Z","level":"info","event":"line","i":1000}')
  })

  test('an error comes with its causes and stack, on one line', () => {
    const cause = new RangeError('disk')
    const [line] = lines('json', (log) => log.error('bug', new Error('commit\nfailed', { cause }), { seq: 7 }))
    expect(line).not.toContain('\n')
    const logged = JSON.parse(line!) as Record<string, unknown>
    expect(logged).toMatchObject({
      level: 'error',
      event: 'bug',
      seq: 7,
      error: 'Error: commit\nfailed ← RangeError: disk',
    })
    expect(logged['stack']).toContain('log.test')
  })

  test('causes in a circle end', () => {
    const error = new Error('round')
    error.cause = error
    expect(lines('json', (log) => log.error('bug', error))).toHaveLength(1)
  })
})

describe('text', () => {
  test('time, event, fields', () => {
    expect(lines('text', (log) => log.info('listening', { url: 'http://127.0.0.1:4444', shops: 2 }))).toEqual([
      '12:00:05   listening url=http://127.0.0.1:4444 shops=2',
    ])
  })

  test('level, and values that need quotes', () => {
    expect(lines('text', (log) => log.warn('odd', { reason: 'two words', empty: '' }))).toEqual([
      '12:00:05 WARN odd reason="two words" empty=""',
    ])
  })

  test('nothing logged ends the line or steers the terminal', () => {
    const [line] = lines('text', (log) => log.error('bug', new Error('a\nb\u001B[2Jc\u2028d\u202Ee')))
    expect(line).toBe('12:00:05 ERROR bug error="Error: a b [2Jc d e"')
  })

  test('what is thrown and is no error', () => {
    const [text, object] = lines('text', (log) => {
      log.error('bug', 'text')
      log.error('bug', { secret: 'hunter2' })
    })
    expect(text).toBe('12:00:05 ERROR bug error=text')
    expect(object).toBe('12:00:05 ERROR bug error=object')
  })
})

describe.each(['text', 'json'] as const)('as %s', (format) => {
  test.each(['secret', 'relaySecret', 'key', 'signature', 'uploadToken', 'password', 'seed'])(
    'the text of %s is not logged',
    (name) => {
      const [line] = lines(format, (log) => log.info('made', { [name]: 'hunter2', shop: 1n }))
      expect(line).not.toContain('hunter2')
      expect(line).toContain('(not logged)')
    },
  )

  test('a count or a yes of such a name is', () => {
    const [line] = lines(format, (log) => log.info('made', { nativeSignatures: true, tokens: 16 }))
    expect(line).not.toContain('(not logged)')
  })

  test('long text is cut', () => {
    const [line] = lines(format, (log) => log.info('made', { text: 'x'.repeat(10_000) }))
    expect(line!.length).toBeLessThan(700)
  })
})
