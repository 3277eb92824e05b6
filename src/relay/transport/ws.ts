/**
 * The transport by npm `ws` on node:http, the only file that loads it: where no binary of uWebSockets.js loads.
 * The library tells of a closing peer only when the socket is gone; the relay has to know when it reads the close frame
 * or FIN (PROTOCOL §8). Its documented extension point, the WebSocket class of the server, sees the moment: before it
 * answers a close frame, and when a frame is too large or broken, it calls `close` on itself.
 *
 * One file of more than 300 lines: the only one that knows the library.
 *
 * Tests: test/relay/transport/transport.test.ts
 */

import { createServer, STATUS_CODES } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ServerOptions } from 'ws'
import { WebSocket, WebSocketServer } from 'ws'
import {
  CLOSE_ANSWER_MS_MAX,
  HTTP_BODY_BYTES_PER_SECOND_MIN,
  HTTP_BODY_MS_MAX,
  HTTP_HEAD_MS_MAX,
  HTTP_IDLE_MS_MAX,
} from '../../limits.js'
import { RequestBody } from './request-body.js'
import { headFault, readFields, splitTarget, upgradeFault, type HeadFault } from './request-head.js'
import type { Connection, HttpRequest, HttpResponse, Listener, TransportOptions, UpgradeRequest } from './transport.js'
import {
  answerOf,
  CLOSE_ABNORMAL,
  CLOSE_NONE_GIVEN,
  CLOSE_UNSUPPORTED_DATA,
  errorAnswer,
  exactChunks,
  guarded,
  ListenError,
  plainAddress,
  REFUSAL_HEADERS,
  releaseBody,
  upgradeDecision,
  upgradeOf,
} from './transport.js'

/** What a frame that waits costs beside its own bytes: callbacks, list entries, heads of buffers. */
const QUEUED_FRAME_BYTES = 256

interface HttpTimes {
  readonly idleMs: number
  readonly headMs: number
  readonly bodyMs: number
}

const HTTP_TIMES: HttpTimes = { idleMs: HTTP_IDLE_MS_MAX, headMs: HTTP_HEAD_MS_MAX, bodyMs: HTTP_BODY_MS_MAX }
/** How often heads are looked at; Node does it every 30 s by itself. */
const HEADS_LOOK_MS = 1_000

/** Throws ListenError. */
export async function listenWs(options: TransportOptions, times = HTTP_TIMES): Promise<Listener> {
  const connections = new Set<WsConnection>()
  const bounds = {
    headersTimeout: times.headMs,
    connectionsCheckingInterval: Math.min(HEADS_LOOK_MS, times.headMs),
    // Bodies have a bound of their own (`boundBody`).
    requestTimeout: 0,
  }
  const server = createServer(bounds, (request, response) => serve(options, times, request, response))
  server.setTimeout(times.idleMs)
  server.maxConnections = options.socketsMax
  server.on('drop', () => options.onFull())
  acceptUpgrades(options, server, connections)
  const { address, port } = await bind(server, options)
  return {
    kind: 'ws',
    address,
    port,
    close: async () => {
      server.close()
      server.closeIdleConnections()
    },
    terminateAll: () => {
      server.close()
      for (const connection of connections) connection.terminate()
      server.closeAllConnections()
    },
  }
}

/** How it is told that a client went away in the middle of an answer. */
const GONE: ReadonlySet<string | undefined> = new Set(['ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET', 'EPIPE'])

class EndingSocket extends WebSocket {
  onEnding: ((code: number) => void) | undefined

  override close(code?: number, reason?: string | Buffer): void {
    this.onEnding?.(code ?? CLOSE_NONE_GIVEN)
    super.close(code, reason)
  }
}

class WsConnection implements Connection {
  readonly id: number
  readonly address: string
  private readonly websocket: EndingSocket
  private readonly socket: Duplex
  private readonly drained: () => void
  private behind = false
  /** Frames that the kernel does not have. */
  private queued = 0

  constructor(id: number, address: string, websocket: EndingSocket, socket: Duplex, drained: () => void) {
    this.id = id
    this.address = address
    this.websocket = websocket
    this.socket = socket
    this.drained = drained
  }

  send(frame: Uint8Array): 'sent' | 'queued' | 'closed' {
    if (!this.isOpen()) return 'closed'
    this.queued++
    this.websocket.send(frame, { binary: true, compress: false }, () => this.written())
    if (this.websocket.bufferedAmount === 0) return 'sent'
    this.behind = true
    return 'queued'
  }

  sendBorrowed(frame: Uint8Array): 'sent' | 'queued' | 'closed' {
    return this.isOpen() ? this.send(frame.slice()) : 'closed'
  }

  bufferedAmount(): number {
    const bytes = this.isOpen() ? this.websocket.bufferedAmount : 0
    return bytes === 0 ? 0 : bytes + QUEUED_FRAME_BYTES * this.queued
  }

  isOpen(): boolean {
    return this.websocket.onEnding !== undefined && this.websocket.readyState === WebSocket.OPEN
  }

  close(code: number, reason: string): void {
    this.websocket.close(code, reason)
  }

  terminate(): void {
    this.websocket.onEnding?.(CLOSE_ABNORMAL)
    this.websocket.terminate()
  }

  cork(act: () => void): void {
    this.socket.cork()
    try {
      act()
    } finally {
      this.socket.uncork()
    }
  }

  private written(): void {
    this.queued--
    if (!this.behind || !this.isOpen() || this.websocket.bufferedAmount > 0) return
    this.behind = false
    this.drained()
  }
}

function acceptUpgrades(options: TransportOptions, server: Server, connections: Set<WsConnection>): void {
  let lastId = 0
  const settings: ServerOptions<typeof EndingSocket> & { closeTimeout: number } = {
    noServer: true,
    WebSocket: EndingSocket,
    maxPayload: options.maxFrameBytes,
    perMessageDeflate: false,
    clientTracking: false,
    skipUTF8Validation: true,
    closeTimeout: CLOSE_ANSWER_MS_MAX,
    handleProtocols: () => false,
  }
  const websockets = new WebSocketServer(settings)
  websockets.on('wsClientError', (_error, socket) => refuse(socket, 400, 'not a WebSocket upgrade'))
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const asked = requestHead(options, request)
    const fault = upgradeFault(asked.headers)
    if (fault !== undefined) return refuse(socket, fault.status, `${fault.reason}\n`)
    const decision = upgradeDecision(options, asked)
    if (!decision.accept) return refuse(socket, decision.status, decision.body)
    websockets.handleUpgrade(request, socket, head, (websocket) => {
      open(options, connections, ++lastId, asked, websocket, socket)
    })
  })
}

function open(
  options: TransportOptions,
  connections: Set<WsConnection>,
  id: number,
  asked: UpgradeRequest,
  websocket: EndingSocket,
  socket: Duplex,
): void {
  const handlers = options.websocket
  const connection: WsConnection = new WsConnection(id, asked.address, websocket, socket, () =>
    guarded(options, connection, () => handlers.drained(connection)),
  )
  connections.add(connection)
  const ended = (code: number) => {
    if (websocket.onEnding === undefined) return
    websocket.onEnding = undefined
    connections.delete(connection)
    guarded(options, connection, () => handlers.closed(connection, code))
  }
  websocket.onEnding = ended
  for (const event of ['end', 'error', 'close']) socket.on(event, () => ended(CLOSE_ABNORMAL))
  // What it reports has ended the connection by the listeners above.
  websocket.on('error', () => {})
  websocket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!connection.isOpen()) return
    if (!isBinary) connection.close(CLOSE_UNSUPPORTED_DATA, 'binary frames only')
    else guarded(options, connection, () => handlers.frame(connection, new Uint8Array(data)))
  })
  guarded(options, connection, () => handlers.opened(connection, upgradeOf(asked)))
}

function refuse(socket: Duplex, status: number, body: string): void {
  const bytes = Buffer.from(body)
  const headers = { ...REFUSAL_HEADERS, 'Content-Length': String(bytes.length), Connection: 'close' }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.on('error', () => socket.destroy())
  socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n`), bytes]))
}

function requestHead(options: TransportOptions, request: IncomingMessage): UpgradeRequest {
  const { path, query, authority } = splitTarget(request.url ?? '/')
  const headers = readFields(pairs(request.rawHeaders))
  if (authority !== undefined) headers.set('host', authority)
  const address = options.clientAddress(plainAddress(request.socket.remoteAddress ?? ''), headers)
  return { path, query, headers, address }
}

/** Node's list has names and values in turn. */
function* pairs(raw: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i + 1 < raw.length; i += 2) yield [raw[i]!, raw[i + 1]!]
}

function serve(options: TransportOptions, times: HttpTimes, request: IncomingMessage, response: ServerResponse): void {
  if (REFUSED.has(request.socket)) return
  const head = requestHead(options, request)
  const fault = headFault(head.headers)
  if (fault !== undefined) return refuseHead(fault, response)
  const body = new RequestBody({ pause: () => request.pause(), resume: () => request.resume() })
  boundBody(times.bodyMs, body, request, response)
  request.on('data', (chunk: Buffer) => body.push(chunk))
  request.on('end', () => body.end())
  request.on('error', () => body.abort())
  response.on('error', () => body.abort())
  response.on('close', () => body.abort())
  const asked: HttpRequest = {
    ...head,
    method: request.method ?? 'GET',
    body: (limit) => body.bytes(limit),
    stream: (limit) => body.stream(limit),
  }
  answer(options, asked, body, response).catch((error: unknown) => {
    if (!GONE.has((error as NodeJS.ErrnoException).code)) options.onBug(error)
    response.destroy()
  })
}

/** Behind a faulty head nothing is a request, and Node would read on until the answer is out. */
const REFUSED = new WeakSet<Duplex>()

/** Node's parser has refused most of them with a 400 of its own. */
function refuseHead({ status, reason }: HeadFault, response: ServerResponse): void {
  REFUSED.add(response.req.socket)
  const { headers, body } = errorAnswer(status, reason)
  response.writeHead(status, { ...headers, Connection: 'close' }).end(body)
}

/** Ends an exchange whose body comes too slowly with a 408. */
function boundBody(bodyMs: number, body: RequestBody, request: IncomingMessage, response: ServerResponse): void {
  const start = performance.now()
  const look = () => {
    const allowedMs = bodyMs + (body.received / HTTP_BODY_BYTES_PER_SECOND_MIN) * 1_000
    const leftMs = start + allowedMs - performance.now()
    if (leftMs > 0) {
      timer = setTimeout(look, leftMs)
      return
    }
    body.abort()
    if (response.headersSent) response.destroy()
    else response.writeHead(408, { 'Access-Control-Allow-Origin': '*', Connection: 'close' }).end()
  }
  let timer = setTimeout(look, bodyMs)
  const stop = () => clearTimeout(timer)
  request.on('end', stop)
  response.on('close', stop)
}

async function answer(
  options: TransportOptions,
  asked: HttpRequest,
  requestBody: RequestBody,
  response: ServerResponse,
): Promise<void> {
  const answered = await answerOf(options, asked, requestBody)
  if (answered === undefined) return
  if (answered.close) response.shouldKeepAlive = false
  try {
    await write(answered.response, asked.method === 'HEAD', response)
  } finally {
    await releaseBody(answered.response)
  }
}

async function write(
  { status, headers, body }: HttpResponse,
  headOnly: boolean,
  response: ServerResponse,
): Promise<void> {
  if (body === undefined) {
    response.writeHead(status, status === 204 ? headers : { ...headers, 'Content-Length': 0 }).end()
    return
  }
  response.writeHead(status, { ...headers, 'Content-Length': lengthOf(body) })
  if (headOnly) response.end()
  else if (typeof body === 'string' || body instanceof Uint8Array) response.end(body)
  else await pipeline(Readable.from(exactChunks(body), { objectMode: false }), response)
}

function lengthOf(body: NonNullable<HttpResponse['body']>): number {
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : body.size
}

async function bind(server: Server, { host, port }: TransportOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError(host, port, error.code)))
    server.listen({ host, port, exclusive: true }, () => resolve(server.address() as AddressInfo))
  })
}
