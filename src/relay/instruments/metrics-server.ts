/** The listener for metrics, apart from the public one: GET /metrics, as Prometheus scrapes it, and nothing else. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from './metrics.js'

export interface MetricsServer {
  readonly port: number
  /** Never throws; open connections are cut. */
  readonly close: () => Promise<void>
}

/** `port` 0 takes a free one. Rejects with MetricsListenError. */
export async function serveMetrics(
  metrics: Pick<Metrics, 'text'>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => void answer(metrics, request, response))
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

async function answer(
  metrics: Pick<Metrics, 'text'>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path] = (request.url ?? '').split('?')
  if (path !== '/metrics') send(response, 404, TEXT, 'only /metrics is here\n')
  else if (request.method !== 'GET') send(response.setHeader('allow', 'GET'), 405, TEXT, 'only GET is answered\n')
  else send(response, 200, EXPOSITION, await metrics.text())
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}
