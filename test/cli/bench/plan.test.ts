import { availableParallelism } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseFlags } from '../../../src/cli/flags.js'
import { BENCH_FLAGS, BENCH_HELP, planOf, WORKS } from '../../../src/cli/bench/plan.js'

type Word = keyof typeof BENCH_FLAGS
const plan = (word: Word, ...argv: readonly string[]) => planOf(word, parseFlags(argv, BENCH_FLAGS[word]))
const ELSEWHERE = ['--url', 'http://h', '--shop', '1', '--card', 'c']

it('without flags: five runs, and what the help says', () => {
  expect(plan('write')).toMatchObject({ works: ['write'], runs: 5, seconds: 3, allowed: 0.1, atMost: undefined })
  expect(plan('write').write).toEqual({
    listings: [1_000, 10_000],
    patches: 1,
    connections: 1,
    windows: [1_024, 64, 1],
    rates: [100, 1_000],
  })
  expect(plan('all').works).toEqual(WORKS)
  expect(plan('fanout').fanout).toEqual({ listings: 1_000, subscribers: 1_000, patches: 20, rates: [10] })
})

it('at another relay it is bounded in time, with fewer subscribers and one size', () => {
  expect(plan('all', ...ELSEWHERE)).toMatchObject({ atMost: 300, url: 'http://h', shop: 1n, card: 'c' })
  expect(plan('all', ...ELSEWHERE, '--at-most', '7').atMost).toBe(7)
  expect(plan('all', ...ELSEWHERE).fanout.subscribers).toBe(200)
  expect(plan('write', ...ELSEWHERE).write.listings).toEqual([1_000])
})

describe('is wrong', () => {
  it.each<readonly [Word, readonly string[], RegExp]>([
    ['write', ['--url', 'http://h', '--shop', '1'], /--card is missing/u],
    ['write', ['--url', 'http://h', '--card', 'c'], /--shop is missing/u],
    ['write', ['--shop', '1'], /go with --url/u],
    ['write', ['--url', 'h', '--shop', '1', '--card', 'c'], /must be an http/u],
    ['write', [...ELSEWHERE, '--data', '.'], /--data is of a relay that is started here/u],
    ['write', [...ELSEWHERE, '--cores', '1'], /--cores is of a relay that is started here/u],
    ['write', [...ELSEWHERE, '--connections', '2'], /one card/u],
    ['write', [...ELSEWHERE, '--listings', '1,2'], /one size/u],
    ['sync', ['--listings', '1,2'], /one size/u],
    ['proofs', ['--window', '1,2'], /take one/u],
    ['write', ['--window', '1,x'], /whole numbers from 1 on/u],
    ['write', ['--rates', '0'], /whole numbers from 1 on/u],
    ['write', ['--window', '2000'], /at most 1024/u],
    ['write', ['--seconds', '61'], /at most 60/u],
    ['write', ['--runs', '0'], /--runs must be at least 1/u],
    ['write', ['--cores', String(availableParallelism() + 1)], /there are/u],
    ['read', ['--sets', '1'], /there is no --sets/u],
  ])('%s %j', (word, argv, message) => {
    expect(() => plan(word, ...argv)).toThrow(message)
  })
})

it('the help has every flag, and lines that fit', () => {
  for (const flags of Object.values(BENCH_FLAGS))
    for (const name of Object.keys(flags)) expect(BENCH_HELP).toContain(`--${name}`)
  for (const line of BENCH_HELP.split('\n')) expect(line.length).toBeLessThanOrEqual(120)
})
