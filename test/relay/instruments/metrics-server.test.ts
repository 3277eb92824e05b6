import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Metrics } from '../../../src/relay/instruments/metrics.js'
import { MetricsListenError, serveMetrics, type MetricsServer } from '../../../src/relay/instruments/metrics-server.js'

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
