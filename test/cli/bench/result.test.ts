/** A result by hand: its figures, and how they are told. */

import { describe, expect, it } from 'vitest'
import { compareFigures } from '../../../src/cli/bench/figures.js'
import { figuresOf, parseResult, type Series } from '../../../src/cli/bench/result.js'
import { comparisonLines, machineLines, seriesLines, shown } from '../../../src/cli/bench/text.js'
import { benchRun, benchResult, benchSeries } from '../../fixtures/bench-result.js'

describe('figures', () => {
  it('of a closed loop: rate, latencies, cost', () => {
    const series = benchSeries({ runs: [benchRun({ done: 300, seconds: 3, relayCores: 1.5 })] })
    expect(figuresOf(series).map(({ name, unit, better, values }) => [name, values[0], unit, better])).toEqual([
      ['write: sets', 100, 'a second', 'more'],
      ['write: p50', expect.closeTo(2, 1), 'ms', 'less'],
      ['write: p99', expect.closeTo(3, 1), 'ms', 'less'],
      ['write: CPU of the relay for one of the sets', 15_000, 'µs', 'less'],
    ])
  })

  it('of an open loop have the tail too; without a relay of ours there is no cost', () => {
    const series = benchSeries({ loop: 'open', rate: 10, runs: [benchRun({ relayCores: null })] })
    expect(figuresOf(series).map(({ name }) => name.replace('write: ', ''))).toEqual(['sets', 'p50', 'p99', 'p99.9'])
  })

  it('have a value for each run', () => {
    expect(figuresOf(benchSeries({ runs: [benchRun({ done: 30 }), benchRun({ done: 60 })] }))[0]!.values).toEqual([
      10, 20,
    ])
  })

  it.each<readonly [string, Partial<Series>]>([
    ['something was refused', { refused: { count: 1, of: 300, why: 'no room' } }],
    ['a run did nothing', { runs: [benchRun(), benchRun({ done: 0 })] }],
    ['there is no run', { runs: [] }],
  ])('are none where %s', (_, change) => {
    const series = benchSeries(change)
    expect(figuresOf(series)).toEqual([])
    expect(seriesLines(series).join('\n')).not.toMatch(/a second/u)
  })
})

describe('lines', () => {
  it('say what was refused, and how', () => {
    const refused = { count: 2, of: 300, why: 'the disk is full\u001b[2J' }
    expect(seriesLines(benchSeries({ refused }))).toEqual([
      'write',
      '  REFUSED, so there are no figures: 2 of 300 sets of a run were refused: the disk is full\u{fffd}[2J',
    ])
  })

  it('have median and spread', () => {
    const runs = [90, 100, 110].map((done) => benchRun({ done, seconds: 1 }))
    expect(seriesLines(benchSeries({ runs }))[1]).toMatch(
      /^ {2}sets +100 a second, spread 20 %: 90 to 110 \(3 runs\)$/u,
    )
  })

  it('say what was never answered', () => {
    const runs = [benchRun({ unanswered: 4 })]
    expect(seriesLines(benchSeries({ loop: 'open', runs })).join('\n')).toContain('4 sets were never answered')
  })

  it('of the machine say what was not looked at, and who else works there', () => {
    const { machine } = benchResult()
    expect(machineLines(machine, null).join('\n')).toMatch(
      /^fsync +4 KiB and fdatasync: p50 1.5 ms, p99 4 ms of 200$/mu,
    )
    expect(machineLines(machine, null).join('\n')).not.toContain('busy')
    expect(machineLines({ ...machine, disk: null }, 'http://h').join('\n')).toContain('nothing is known here')
    expect(machineLines({ ...machine, loadBefore: 3 }, null).join('\n')).toMatch(/^busy +3 processes/mu)
  })

  it('of a comparison say what is worse, in words too', () => {
    const figures = figuresOf(benchSeries())
    const worse = figures.map((figure) => ({ ...figure, values: figure.values.map((value) => value * 2) }))
    const lines = comparisonLines(compareFigures(figures, worse, 0.1), 0.1)
    expect(lines[1]).toMatch(/^ {2}× 2.00 {2}write: sets: .* \(spread 0 %, 0 %\)$/u)
    expect(lines[2]).toMatch(/^ {2}× 2.00 {2}write: p50: .* {2}WORSE$/u)
    expect(lines.at(-1)).toBe('3 of 4 figures are worse by more than 10 %')
  })

  it('have three digits', () => {
    expect([0.01234, 1.234, 12.34, 123.4, 1_234.5, 0, 1_000_000].map(shown)).toEqual([
      '0.012',
      '1.23',
      '12.3',
      '123',
      '1,235',
      '0',
      '1,000,000',
    ])
  })
})

describe('read again', () => {
  it('is what was printed', () => {
    const result = benchResult()
    expect(parseResult(JSON.stringify(result))).toEqual(result)
  })

  it.each([
    ['', /no JSON/u],
    ['null', /format undefined/u],
    ['{"format":2}', /format 2, and 1/u],
    ['{"format":1}', /no figures/u],
    ['{"format":1,"figures":[{"name":"a","unit":"b","better":"more","values":[]}]}', /no figures/u],
    ['{"format":1,"figures":[null]}', /no figures/u],
  ])('%s is not', (text, message) => expect(() => parseResult(text)).toThrow(message))
})
