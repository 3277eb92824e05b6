/**
 * What the relay counts, as Prometheus text (exposition format 0.0.4). No labels but a histogram's bounds: nothing about a
 * shop, a card or an address is counted apart, and the number of series is fixed.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { assert } from '../../assert.js'

export interface Counter {
  /** `n` ≥ 0, default 1. */
  add(n?: number): void
}

export interface Histogram {
  observe(value: number): void
}

/** A metric's lines below its HELP and TYPE. */
type Samples = () => string[]

export class Metrics {
  private readonly families = new Map<string, { readonly head: string; readonly samples: Samples }>()

  /** `name` ends in _total by Prometheus' custom. */
  counter(name: string, help: string): Counter {
    let total = 0
    this.register(name, 'counter', help, () => [`${name} ${numberText(total)}`])
    return {
      add: (n = 1) => {
        assert(n >= 0, `the counter ${name} was added ${n}`)
        total += n
      },
    }
  }

  /** `read` is called when the text is asked for; it must not throw. */
  gauge(name: string, help: string, read: () => number): void {
    this.register(name, 'gauge', help, () => [`${name} ${numberText(read())}`])
  }

  /** `buckets` are upper bounds, inclusive, rising; +Inf is added. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const rising = buckets.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > buckets[i - 1]!))
    assert(rising, `the buckets of ${name} do not rise`)
    const counts = Array.from({ length: buckets.length + 1 }, () => 0)
    let sum = 0
    this.register(name, 'histogram', help, () => histogramLines(name, buckets, counts, sum))
    return {
      observe: (value) => {
        const at = buckets.findIndex((bound) => value <= bound)
        counts[at === -1 ? buckets.length : at]!++
        sum += value
      },
    }
  }

  /** All metrics, in the order of their making. */
  text(): string {
    return [...this.families.values()].map(({ head, samples }) => `${head}${samples().join('\n')}\n`).join('')
  }

  private register(name: string, type: 'counter' | 'gauge' | 'histogram', help: string, samples: Samples): void {
    assert(/^[a-z_][a-z0-9_]*$/.test(name), `${name} is no name of a metric`)
    assert(!this.families.has(name), `the metric ${name} is made twice`)
    const head = `# HELP ${name} ${escapedHelp(help)}\n# TYPE ${name} ${type}\n`
    this.families.set(name, { head, samples })
  }
}

export interface MetricsServer {
  readonly port: number
  /** Never throws; open connections are cut. */
  readonly close: () => Promise<void>
}

/** Answers GET /metrics and nothing else. `port` 0 takes a free one. Rejects with MetricsListenError. */
export async function serveMetrics(
  metrics: Pick<Metrics, 'text'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => answer(metrics, request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new MetricsListenError(host, port, error)))
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The listener for metrics could not be opened. */
export class MetricsListenError extends Error {
  override readonly name = 'MetricsListenError'
  readonly host: string
  readonly port: number

  constructor(host: string, port: number, cause: NodeJS.ErrnoException) {
    const why = cause.code === 'EADDRINUSE' ? 'the port is taken' : cause.message
    super(`cannot serve metrics on ${host}:${port}: ${why}. Choose --metrics-port, or 0 for none.`, { cause })
    this.host = host
    this.port = port
  }
}

const TEXT = 'text/plain; charset=utf-8'
const EXPOSITION = 'text/plain; version=0.0.4; charset=utf-8'

function answer(metrics: Pick<Metrics, 'text'>, request: IncomingMessage, response: ServerResponse): void {
  const [path] = (request.url ?? '').split('?')
  if (path !== '/metrics') send(response, 404, TEXT, 'only /metrics is here\n')
  else if (request.method !== 'GET') send(response.setHeader('allow', 'GET'), 405, TEXT, 'only GET is answered\n')
  else send(response, 200, EXPOSITION, metrics.text())
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

function histogramLines(name: string, buckets: readonly number[], counts: readonly number[], sum: number): string[] {
  let below = 0
  const bounds = [...buckets.map(numberText), '+Inf']
  const lines = bounds.map((bound, i) => `${name}_bucket{le="${bound}"} ${(below += counts[i]!)}`)
  return [...lines, `${name}_sum ${numberText(sum)}`, `${name}_count ${below}`]
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function escapedHelp(help: string): string {
  return help.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`)
}
