/** `cairn bench` as a user runs it, against real relays: little of everything. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../../../src/bytes/hex.js'
import { parseResult, type Result } from '../../../src/cli/bench/result.js'
import { cairn, endAll, type Outcome } from '../../fixtures/program.js'
import { enrolCard, listing, newSecret, relay, SHOP, Wire, type TestRelay } from '../../fixtures/relay-harness.js'

const home = mkdtempSync(join(tmpdir(), 'cairn-bench-test-'))
const at = (name: string) => join(home, name)
const LITTLE = ['--runs', '1', '--seconds', '1', '--listings', '20']
const ONE_WRITE = [...LITTLE, '--runs', '2', '--window', '4', '--rates', '20']

beforeAll(() => writeFileSync(at('none.key'), `${'1'.repeat(64)}\n`))
afterAll(async () => {
  await endAll()
  rmSync(home, { recursive: true, force: true })
})

/** Its data go to a folder of the test's, where nothing may stay. */
async function bench(...argv: readonly string[]): Promise<Outcome> {
  const outcome = await cairn(['bench', ...argv]).outcome()
  expect(readdirSync(home).filter((name) => name.startsWith('cairn-bench-'))).toEqual([])
  return outcome
}

const names = ({ figures }: Result) => [...new Set(figures.map(({ name }) => name.split(': ')[0]))]

describe('write, and what is compared with it', () => {
  let written: Result

  it('measures closed and open loops, in shops of each size, on one core', async () => {
    const sizes = ['--listings', '20,40']
    const { code, out, err } = await bench('write', ...ONE_WRITE, ...sizes, '--cores', '1', '--data', home, '--json')
    expect(code, err).toBe(0)
    written = parseResult(out)
    expect(names(written)).toEqual([
      'write, window 4, 20 listings',
      'write, 20 a second, 20 listings',
      'write, window 4, 40 listings',
    ])
    const { machine, figures, ended, series } = written
    expect([ended, machine.relayCores, machine.disk?.syncs]).toEqual([null, 1, expect.any(Number)])
    expect(machine.recoveriesPerSecond).toBeGreaterThan(0)
    for (const { name, values } of figures) {
      expect(values, name).toHaveLength(2)
      for (const value of values) expect(value, name).toBeGreaterThan(0)
    }
    for (const { runs } of series)
      for (const { done, timeline } of runs) expect(timeline.reduce((sum, count) => sum + count)).toBe(done)
  })

  it.each([
    ['much better before: 1', 1, 1e6],
    ['much worse before: 0', 0, 1e-6],
  ] as const)('%s', async (_, code, factor) => {
    const figures = written.figures.map(({ better, values, ...figure }) => {
      const before = values.map((value) => (better === 'more' ? value * factor : value / factor))
      return { ...figure, better, values: before }
    })
    writeFileSync(at('before.json'), JSON.stringify({ ...written, figures }))
    const outcome = await bench('write', ...ONE_WRITE, '--data', home, '--compare', at('before.json'))
    expect(outcome.code, outcome.err).toBe(code)
    expect(outcome.out).toMatch(/^machine +.+\ndata +.+\(\w+\)\nfsync +4 KiB.+\nrecovery ceiling +[\d,]+ /mu)
    expect(outcome.out).toMatch(/^ {2}p99 +[\d.,]+ ms, spread \d+ %: [\d.,]+ to [\d.,]+ \(2 runs\)$/mu)
    expect(outcome.out).toContain(code === 0 ? '0 of 9 figures are worse' : '9 of 9 figures are worse')
  })

  it('what cannot be compared is refused before anything is measured', async () => {
    writeFileSync(at('other.json'), '{}')
    const outcome = await bench('write', ...ONE_WRITE, '--compare', at('other.json'))
    expect([outcome.code, outcome.out]).toEqual([1, ''])
    expect(outcome.err).toMatch(/^cairn bench: --compare .*other.json: format undefined.*\n$/u)
  })
})

describe('measures', () => {
  it.each<readonly [string, readonly string[], readonly string[]]>([
    [
      'read',
      ['--connections', '2', '--rates', '10'],
      ['read one listing, 2 sessions, 20 listings', 'read one listing, 10 a second, 2 sessions, 20 listings'],
    ],
    [
      'fanout',
      ['--subscribers', '10', '--rates', '5', '--patches', '3'],
      ['fan-out, 5 sets of 3 patches a second, 10 subscribers', 'fan-out, full speed, 10 subscribers'],
    ],
    ['sync', ['--sets', '300'], ['sync the log, 303 sets', 'sync a snapshot, 20 listings']],
    [
      'proofs',
      ['--connections', '2', '--window', '2', '--rates', '10'],
      [
        'prove one listing, window 2, 2 sessions, 20 listings',
        'prove one listing, 10 a second, 2 sessions, 20 listings',
      ],
    ],
  ])('%s', async (word, flags, wanted) => {
    const report = at(`${word}.html`)
    const { code, out, err } = await bench(word, ...LITTLE, ...flags, '--json', '--data', home, '--report', report)
    expect(code, err).toBe(0)
    const result = parseResult(out)
    expect(names(result)).toEqual(wanted)
    // Of a log a visitor is shown what is public: all but the set that made the shop, and maybe a newer one.
    const least = { sync: [302, 20] }[word] ?? [1, 1]
    for (const [i, { name, runs }] of result.series.entries())
      for (const { done } of runs) expect(done, name).toBeGreaterThanOrEqual(least[i]!)
    for (const name of wanted) expect(readFileSync(report, 'utf8')).toContain(`<h2>${name}</h2>`)
  })
})

describe('ends early', () => {
  it('with what it has, at Ctrl-C', async () => {
    const program = cairn(['bench', 'write', '--seconds', '60', '--window', '4', '--listings', '20', '--data', home])
    await program.says(/run 1 of 5, (?!0)\d+ s/u, 'err')
    expect(await program.end('SIGINT')).toBe(1)
    expect(program.out).toMatch(/^ {2}sets +[\d.,]+ a second, spread 0 %: .*\(1 run\)$/mu)
    expect(program.err).toMatch(/^cairn bench: ended before all was measured: interrupted$/mu)
    expect(readdirSync(home).filter((name) => name.startsWith('cairn-bench-'))).toEqual([])
  })

  it('at Ctrl-C before there is anything', async () => {
    const program = cairn(['bench', 'write', '--data', home])
    await program.says(/looking at the machine/u, 'err')
    expect(await program.end('SIGINT')).toBe(1)
    expect(program.out).toBe('')
    expect(readdirSync(home).filter((name) => name.startsWith('cairn-bench-'))).toEqual([])
  })

  it('without a throughput, where sets are refused', async () => {
    const { code, out, err } = await bench('write', ...LITTLE, '--patches', '4097', '--window', '1', '--data', home)
    expect(code).toBe(1)
    expect(out).toMatch(/REFUSED, so there are no figures: \d+ of \d+ sets of a run were refused: .*4096/u)
    expect(out).not.toMatch(/sets .* a second/u)
    expect(err).toMatch(/ended before all was measured: write, 4097 patches, window 1, 20 listings: /u)
  })

  it('before it begins, where data would be in memory', async () => {
    const { code, out, err } = await bench('write', ...LITTLE, '--data', '/dev/shm')
    expect([code, out]).toEqual([1, ''])
    expect(err).toBe(
      'cairn bench: /dev/shm is in memory (tmpfs): writes there cost nothing. Name a folder on a disk: --data DIR\n',
    )
  })

  it.each([
    ['--data', '/nowhere', /^cairn bench: --data \/nowhere: there is no such folder\n$/u],
    ['--report', '/nowhere/at/all', /^cairn bench: the report .* cannot be written/u],
  ])('before it begins, for %s %s', async (flag, value, message) => {
    const { code, out, err } = await bench('write', ...LITTLE, flag, value)
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(message)
  })
})

describe('at another relay', () => {
  const OWN = 5_501n
  const OTHER = 5_502n
  const [own, used] = [newSecret(), newSecret()]
  let running: TestRelay
  beforeAll(async () => {
    running = await relay()
    await enrolCard(running.url, own, { shop: OWN })
    await enrolCard(running.url, newSecret(), { shop: OTHER })
    await enrolCard(running.url, used)
    writeFileSync(at('own.key'), toHex(own))
    writeFileSync(at('used.key'), toHex(used))
  })
  afterAll(() => running?.stop())

  const there = (shop: bigint, card: string) => ['--url', running.url, '--shop', `${shop}`, '--card', at(card)]

  it('a shop that holds nothing is filled and measured, also again', async () => {
    for (const _ of ['new', 'known']) {
      const { code, out, err } = await bench('proofs', ...LITTLE, ...there(OWN, 'own.key'), '--rates', '10')
      expect(code, err).toBe(0)
      expect(out).toMatch(/^relay +http.*: of its machine and disk nothing is known here$/mu)
      expect(out).not.toMatch(/^fsync|CPU of the relay/mu)
    }
  })

  it('ends when its time is over', async () => {
    const long = ['--seconds', '60', '--runs', '1', '--listings', '20', '--window', '4', '--at-most', '20']
    const { code, err } = await bench('write', ...there(OWN, 'own.key'), ...long)
    expect(code).toBe(1)
    expect(err).toMatch(/ended before all was measured: after 20 s \(--at-most\)$/mu)
  })

  it.each<readonly [string, () => readonly string[], RegExp]>([
    [
      'nobody answers',
      () => ['--url', 'http://127.0.0.1:1', '--shop', '1', '--card', at('own.key')],
      /no relay answers/u,
    ],
    ['the shop is unknown', () => there(99n, 'own.key'), /shop 99 cannot be read with this card: /u],
    ['the shop is another', () => there(OTHER, 'own.key'), /the card may not fill the shop: /u],
    ['the card is unknown', () => there(OWN, 'none.key'), /shop 5501 cannot be read with this card: /u],
    ['there is no such card', () => there(OWN, 'gone.key'), /the card .*gone.key cannot be read/u],
  ])('%s: it says so, and measures nothing', async (_, argv, message) => {
    const { code, out, err } = await bench('write', ...LITTLE, ...argv())
    expect(code).toBe(1)
    expect(err.split('\n').at(-2)).toMatch(message)
    expect(out).not.toContain('sets')
  })

  it('a shop that holds something else is left as it is', async () => {
    const wire = await Wire.as(running.url, used)
    expect(await wire.write(used, [listing(1n)])).toBeInstanceOf(Uint8Array)
    await wire.close()
    const { code, err } = await bench('write', ...LITTLE, ...there(SHOP, 'used.key'))
    expect(code).toBe(1)
    expect(err).toMatch(/^cairn bench: shop 77 is in use: it holds Listings that no bench wrote\. Name a shop/mu)
    const after = await Wire.open(running.url)
    await after.subscribe()
    await after.until(() => after.statuses.some(([, left]) => left === 0n))
    expect(after.sets.filter(({ seq }) => seq > 2n)).toEqual([])
    await after.close()
  })
})
