import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { AssertionError } from '../../../src/assert.js'
import {
  Metrics,
  MetricsListenError,
  serveMetrics,
  type MetricsServer,
} from '../../../src/relay/instruments/metrics.js'

describe('the text', () => {
  test('a counter, a gauge, a histogram', () => {
    const metrics = new Metrics()
    const sets = metrics.counter('cairn_sets_total', 'Sets')
    let open = 3
    metrics.gauge('cairn_sessions', 'Open sessions', () => open)
    const batch = metrics.histogram('cairn_batch_sets', 'Sets of a commit', [1, 2.5, 10])
    sets.add()
    sets.add(4)
    open = 7
    for (const value of [0, 1, 2.5, 3, 11]) batch.observe(value)
    expect(metrics.text()).toBe(`# HELP cairn_sets_total Sets
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

  test('help with a line break stays one line, odd numbers have the format’s words', () => {
    const metrics = new Metrics()
    metrics.gauge('a', 'one\ntwo \\ three', () => Number.POSITIVE_INFINITY)
    metrics.gauge('b', 'none', () => Number.NaN)
    expect(metrics.text()).toBe(
      '# HELP a one\\ntwo \\\\ three\n# TYPE a gauge\na +Inf\n# HELP b none\n# TYPE b gauge\nb NaN\n',
    )
  })

  test.each<[string, (metrics: Metrics) => unknown]>([
    ['a name twice', (metrics) => [metrics.counter('x_total', ''), metrics.gauge('x_total', '', () => 0)]],
    ['a malformed name', (metrics) => metrics.counter('x total', '')],
    ['buckets that do not rise', (metrics) => metrics.histogram('x', '', [2, 2])],
    ['a counter that falls', (metrics) => metrics.counter('x_total', '').add(-1)],
  ])('%s is a bug', (_, act) => {
    expect(() => act(new Metrics())).toThrow(AssertionError)
  })
})

describe('the listener', () => {
  let server: MetricsServer | undefined
  afterEach(() => server?.close())

  async function serve(): Promise<MetricsServer> {
    const metrics = new Metrics()
    metrics.counter('cairn_sets_total', 'Sets')
    return (server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 }))
  }

  test.each([
    ['GET', '/metrics', 200],
    ['GET', '/metrics?x=1', 200],
    ['POST', '/metrics', 405],
    ['GET', '/', 404],
    ['GET', '/metrics/', 404],
  ])('%s %s is answered %i', async (method, path, status) => {
    const { port } = await serve()
    const response = await ask(port, method, path)
    expect(response.status).toBe(status)
    expect(response.body.includes('cairn_sets_total 0')).toBe(status === 200)
    if (status === 200) expect(response.type).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  test('a taken port is one clear error', async () => {
    const { port } = await serve()
    const second = serveMetrics(new Metrics(), { host: '127.0.0.1', port })
    await expect(second).rejects.toThrow(MetricsListenError)
    await expect(second).rejects.toThrow(`cannot serve metrics on 127.0.0.1:${port}: the port is taken`)
  })

  test('close does not wait for a connection that stays open, and may come twice', async () => {
    const { port, close } = await serve()
    const socket = connect(port, '127.0.0.1')
    const ended = new Promise((resolve) => socket.on('close', resolve))
    await new Promise((resolve) => socket.on('connect', resolve))
    socket.on('error', () => undefined)
    await close()
    await ended
    await close()
  })
})

function ask(port: number, method: string, path: string): Promise<{ status: number; type: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => (body += text))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body }),
      )
    })
    sent.on('error', reject).end()
  })
}
