import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../../src/assert.js'
import { Metrics } from '../../../src/relay/instruments/metrics.js'

describe('the text', () => {
  test('a counter, a gauge, a histogram', async () => {
    const metrics = new Metrics()
    const sets = metrics.counter('cairn_sets_total', 'Sets')
    let open = 3
    metrics.gauge('cairn_sessions', 'Open sessions', () => open)
    const batch = metrics.histogram('cairn_batch_sets', 'Sets of a commit', [1, 2.5, 10])
    sets.add()
    sets.add(4)
    open = 7
    for (const value of [0, 1, 2.5, 3, 11]) batch.observe(value)
    expect(await metrics.text()).toBe(`# HELP cairn_sets_total Sets
# TYPE cairn_sets_total counter
cairn_sets_total 5

# HELP cairn_sessions Open sessions
# TYPE cairn_sessions gauge
cairn_sessions 7

# HELP cairn_batch_sets Sets of a commit
# TYPE cairn_batch_sets histogram
cairn_batch_sets_bucket{le="1"} 2
cairn_batch_sets_bucket{le="2.5"} 3
cairn_batch_sets_bucket{le="10"} 4
cairn_batch_sets_bucket{le="+Inf"} 5
cairn_batch_sets_sum 17.5
cairn_batch_sets_count 5
`)
  })

  test('help with a line break stays one line, odd numbers have words that Prometheus reads', async () => {
    const metrics = new Metrics()
    metrics.gauge('a', 'one\ntwo \\ three', () => Number.POSITIVE_INFINITY)
    metrics.gauge('b', 'none', () => Number.NaN)
    expect(await metrics.text()).toBe(
      '# HELP a one\\ntwo \\\\ three\n# TYPE a gauge\na +Inf\n\n# HELP b none\n# TYPE b gauge\nb Nan\n',
    )
  })

  test('of any counts and readings is what the format says, and no more', async () => {
    const amount = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
    const reading = fc.double({ noNaN: true, noDefaultInfinity: true })
    await fc.assert(
      fc.asyncProperty(fc.array(amount), reading, fc.string({ minLength: 1 }), async (amounts, value, help) => {
        const metrics = new Metrics()
        const counter = metrics.counter('x_total', help)
        metrics.gauge('y', help, () => value)
        for (const n of amounts) counter.add(n)
        const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
        const sum = amounts.reduce((total, n) => total + n, 0)
        fc.pre(Number.isFinite(sum))
        expect((await metrics.text()).split('\n').filter((line) => line !== '')).toEqual([
          `# HELP x_total ${text}`,
          '# TYPE x_total counter',
          `x_total ${sum}`,
          `# HELP y ${text}`,
          '# TYPE y gauge',
          `y ${value}`,
        ])
      }),
    )
  })

  test.each<[string, (metrics: Metrics) => unknown]>([
    ['a name twice', (metrics) => [metrics.counter('x_total', 'X'), metrics.gauge('x_total', 'X', () => 0)]],
    ['no help', (metrics) => metrics.counter('x_total', '')],
    ['a malformed name', (metrics) => metrics.counter('x total', 'X')],
    ['buckets that do not rise', (metrics) => metrics.histogram('x', 'X', [2, 2])],
    ['a counter that falls', (metrics) => metrics.counter('x_total', 'X').add(-1)],
  ])('%s is a bug', (_, act) => {
    expect(() => act(new Metrics())).toThrow(AssertionError)
  })
})
