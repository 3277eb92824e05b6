/**
 * The transport by uWebSockets.js, the only file that loads it. A message's memory dies when its handler returns, and
 * so does a request: both are copied at once. A close frame that is read calls the close handler before the loop turns,
 * so `closed` always precedes the peer's next connection. A message above the limit is refused by its head, without a
 * close frame. So is a faulty head of a request, without an answer: the library would take up what follows an answer in
 * the same packet, and that may be what somebody smuggles. Of request lines in pieces, trailers, chunk extensions and
 * absolute targets its API shows nothing: they are answered 505 or 400, or not at all.
 *
 * One file of more than 300 lines: the only one that knows the library.
 *
 * Tests: test/relay/transport/transport.test.ts
 */

import { STATUS_CODES } from 'node:http'
import type * as Uws from 'uWebSockets.js'
import { assert } from '../../assert.js'
import { BYTES_PER_TURN_MAX, FRAMES_PER_TURN_MAX } from '../../limits.js'
import { RequestAborted, RequestBody } from './request-body.js'
import { headFault, readFields, upgradeFault } from './request-head.js'
import type {
  Connection,
  HttpRequest,
  HttpResponse,
  Listener,
  SizedStream,
  TransportOptions,
  Upgrade,
  UpgradeRequest,
} from './transport.js'
import {
  answerOf,
  CLOSE_ABNORMAL,
  CLOSE_POLICY,
  CLOSE_UNSUPPORTED_DATA,
  exactChunks,
  guarded,
  listenFailure,
  ListenError,
  plainAddress,
  REFUSAL_HEADERS,
  releaseBody,
  upgradeDecision,
  upgradeOf,
} from './transport.js'

/** The loaded library; the members that its declarations leave out are added here. */
type UwsLibrary = Omit<typeof Uws, 'App'> & {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number
  readonly DISABLED: number
  App(): Uws.TemplatedApp & {
    listen(host: string, port: number, options: number, done: (socket: Uws.us_listen_socket | false) => void): void
  }
}

/** The library, or undefined where no binary of it loads. */
export async function loadUws(): Promise<UwsLibrary | undefined> {
  try {
    return (await import('uWebSockets.js')) as unknown as UwsLibrary
  } catch {
    return undefined
  }
}

/** Throws ListenError. */
export async function listenUws(uws: UwsLibrary, options: TransportOptions): Promise<Listener> {
  const app = uws.App()
  const release = boundSockets(app, options)
  app.ws<UserData>('/*', behaviour(uws, options, release))
  app.any('/*', (response, request) => serve(options, response, request))
  const socket = await new Promise<Uws.us_listen_socket | false>((resolve) => {
    app.listen(options.host, options.port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve)
  })
  if (socket === false)
    throw new ListenError(options.host, options.port, (await listenFailure(options.host, options.port))?.code)
  let accepting = true
  const stopAccepting = () => {
    if (accepting) uws.us_listen_socket_close(socket)
    accepting = false
  }
  return {
    kind: 'uws',
    address: options.host,
    port: uws.us_socket_local_port(socket),
    close: async () => stopAccepting(),
    terminateAll: () => {
      stopAccepting()
      app.close()
    },
  }
}

/** How long the library keeps a WebSocket at most whose peer does not answer the end of it. */
const LINGER_MS = 8_000

/**
 * Without descriptors the library would try to accept, in vain and without a pause, for as long as somebody waits.
 * Returns what has to be called when a WebSocket ends: the library's own count ends with the upgrade.
 */
function boundSockets(app: Uws.TemplatedApp, options: TransportOptions): (code: number) => void {
  let open = 0
  app.filter((response, change) => {
    open += change
    if (change < 0 || open <= options.socketsMax) return
    response.close()
    options.onFull()
  })
  return (code) => {
    if (code === CLOSE_ABNORMAL) open--
    else setTimeout(() => open--, LINGER_MS).unref()
  }
}

interface UserData {
  readonly address: string
  readonly upgrade: Upgrade
  connection?: UwsConnection
}

type Socket = Uws.WebSocket<UserData>

class UwsConnection implements Connection {
  readonly id: number
  readonly address: string
  /** Given up in the close handler: any use of a closed socket throws. */
  private socket: Socket | undefined
  private turn = 0
  private frames = 0
  private bytes = 0

  constructor(id: number, socket: Socket) {
    this.id = id
    this.address = socket.getUserData().address
    this.socket = socket
  }

  send(frame: Uint8Array): 'sent' | 'queued' | 'closed' {
    if (this.socket === undefined) return 'closed'
    const outcome = this.socket.send(frame, true, false)
    assert(outcome !== 2, 'uWebSockets.js dropped a frame although maxBackpressure is off')
    return outcome === 1 ? 'sent' : 'queued'
  }

  /** The library copies what the kernel does not take. */
  sendBorrowed(frame: Uint8Array): 'sent' | 'queued' | 'closed' {
    return this.send(frame)
  }

  bufferedAmount(): number {
    return this.socket?.getBufferedAmount() ?? 0
  }

  isOpen(): boolean {
    return this.socket !== undefined
  }

  close(code: number, reason: string): void {
    this.socket?.end(code, reason)
  }

  terminate(): void {
    this.socket?.close()
  }

  cork(act: () => void): void {
    if (this.socket === undefined) return act()
    // An exception must not pass through the library's frames.
    let failure: { readonly error: unknown } | undefined
    this.socket.cork(() => {
      try {
        act()
      } catch (error) {
        failure = { error }
      }
    })
    if (failure !== undefined) throw failure.error
  }

  /** Counts a frame that came in this turn of the loop. Whether there were too many. */
  floods(turn: number, bytes: number): boolean {
    if (this.turn !== turn) this.frames = this.bytes = 0
    this.turn = turn
    this.frames++
    this.bytes += bytes
    return this.frames > FRAMES_PER_TURN_MAX || this.bytes > BYTES_PER_TURN_MAX
  }

  /** Whether the socket was open until now. */
  forget(): boolean {
    const wasOpen = this.socket !== undefined
    this.socket = undefined
    return wasOpen
  }
}

/** The turns of the event loop, counted while somebody asks. */
class LoopTurns {
  private count = 1
  private asked = false

  now(): number {
    if (!this.asked) setImmediate(() => this.next())
    this.asked = true
    return this.count
  }

  private next(): void {
    this.asked = false
    this.count++
  }
}

/** Closes a connection that brings more than one turn of the loop may take. */
function floodGuard(): (connection: UwsConnection, message: ArrayBuffer) => boolean {
  const turns = new LoopTurns()
  // The library reads on while a socket brings more than was taken, and nobody else gets a turn meanwhile.
  return (connection, { byteLength }) => {
    if (!connection.isOpen()) return true
    const floods = connection.floods(turns.now(), byteLength)
    if (floods) connection.close(CLOSE_POLICY, 'more than can be read')
    return floods
  }
}

function behaviour(
  uws: UwsLibrary,
  options: TransportOptions,
  release: (code: number) => void,
): Uws.WebSocketBehavior<UserData> {
  let lastId = 0
  const { websocket } = options
  const isFlood = floodGuard()
  return {
    ...bounds(uws, options),
    upgrade: (response, request, context) => upgrade(options, response, request, context),
    open: (socket) => {
      const data = socket.getUserData()
      const connection = new UwsConnection(++lastId, socket)
      data.connection = connection
      guarded(options, connection, () => websocket.opened(connection, data.upgrade))
    },
    message: (socket, message, isBinary) => {
      const connection = connectionOf(socket)
      if (isFlood(connection, message)) return
      if (!isBinary) connection.close(CLOSE_UNSUPPORTED_DATA, 'binary frames only')
      else guarded(options, connection, () => websocket.frame(connection, new Uint8Array(message.slice(0))))
    },
    // The library has answered it.
    ping: (socket, message) => void isFlood(connectionOf(socket), message),
    pong: (socket, message) => void isFlood(connectionOf(socket), message),
    drain: (socket) => {
      const connection = connectionOf(socket)
      if (connection.bufferedAmount() === 0) guarded(options, connection, () => websocket.drained(connection))
    },
    close: (socket, code) => {
      release(code)
      const connection = connectionOf(socket)
      if (connection.forget()) guarded(options, connection, () => websocket.closed(connection, code))
    },
  }
}

function bounds(uws: UwsLibrary, { maxFrameBytes }: TransportOptions): Uws.WebSocketBehavior<UserData> {
  return {
    maxPayloadLength: maxFrameBytes,
    // 0 is "without a bound": a bound would drop frames silently; the relay bounds its queues itself.
    maxBackpressure: 0,
    closeOnBackpressureLimit: false,
    // The protocol's own pings keep time (PROTOCOL §8).
    idleTimeout: 0,
    sendPingsAutomatically: false,
    maxLifetime: 0,
    compression: uws.DISABLED,
  }
}

function connectionOf(socket: Socket): UwsConnection {
  const { connection } = socket.getUserData()
  assert(connection !== undefined, 'a socket without a connection')
  return connection
}

function upgrade(
  options: TransportOptions,
  response: Uws.HttpResponse,
  request: Uws.HttpRequest,
  context: Uws.us_socket_context_t,
): void {
  const asked = requestHead(options, response, request)
  if (upgradeFault(asked.headers) !== undefined) return void response.close()
  const decision = upgradeDecision(options, asked)
  if (!decision.accept) {
    writeHead(response, decision.status, REFUSAL_HEADERS)
    response.end(decision.body)
    return
  }
  const data: UserData = { address: asked.address, upgrade: upgradeOf(asked) }
  // No subprotocol and no extension is ever agreed on.
  response.upgrade(data, request.getHeader('sec-websocket-key'), '', '', context)
}

/** Everything of the request but its body, copied. */
function requestHead(options: TransportOptions, response: Uws.HttpResponse, request: Uws.HttpRequest): UpgradeRequest {
  const fields: [string, string][] = []
  request.forEach((name, value) => fields.push([name, value]))
  const headers = readFields(fields)
  const peer = plainAddress(Buffer.from(response.getRemoteAddressAsText()).toString('latin1'))
  return {
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery()),
    headers,
    address: options.clientAddress(peer, headers),
  }
}

function serve(options: TransportOptions, response: Uws.HttpResponse, request: Uws.HttpRequest): void {
  const head = requestHead(options, response, request)
  if (headFault(head.headers) !== undefined) return void response.close()
  const exchange = new Exchange(response)
  const method = request.getMethod().toUpperCase()
  const asked: HttpRequest = {
    ...head,
    method,
    body: (limit) => exchange.body.bytes(limit),
    stream: (limit) => exchange.body.stream(limit),
  }
  answer(options, asked, exchange).catch((error: unknown) => {
    if (!(error instanceof RequestAborted)) options.onBug(error)
    exchange.terminate()
  })
}

async function answer(options: TransportOptions, asked: HttpRequest, exchange: Exchange): Promise<void> {
  const answered = await answerOf(options, asked, exchange.body)
  if (answered === undefined) return
  const { response, close } = answered
  const { body } = response
  try {
    if (asked.method === 'HEAD' || response.status === 204) exchange.endWithoutBody(response, close)
    else if (body === undefined) exchange.end(response, '', close)
    else if (typeof body === 'string' || body instanceof Uint8Array) exchange.end(response, body, close)
    else await exchange.stream(response, body)
  } finally {
    await releaseBody(response)
  }
}

/** One request and its answer. Nothing of `response` may be touched once it was ended or aborted. */
class Exchange {
  readonly body: RequestBody
  private readonly response: Uws.HttpResponse
  private over = false
  private wake: (() => void) | undefined
  /** Offers the rest of a chunk, from this offset of the body, to the kernel; whether it took all. */
  private attempt: ((offset: number) => boolean) | undefined

  constructor(response: Uws.HttpResponse) {
    this.response = response
    this.body = new RequestBody({
      pause: () => this.whileOpen(() => response.pause()),
      resume: () => this.whileOpen(() => response.resume()),
    })
    response.onAborted(() => {
      this.over = true
      this.body.abort()
      this.wake?.()
    })
    response.onData((chunk, isLast) => {
      this.body.push(new Uint8Array(chunk.slice(0)))
      if (isLast) this.body.end()
    })
  }

  end(head: HttpResponse, body: Uint8Array | string, close: boolean): void {
    this.finally((response) => {
      writeHead(response, head.status, head.headers)
      response.end(body, close)
    })
  }

  endWithoutBody(head: HttpResponse, close: boolean): void {
    this.finally((response) => {
      writeHead(response, head.status, head.headers)
      // Any first argument becomes a Content-Length; undefined became one of 19 digits.
      if (close) response.end('', true)
      else response.endWithoutBody()
    })
  }

  /** Throws RequestAborted when the client goes away meanwhile. */
  async stream(head: HttpResponse, stream: SizedStream): Promise<void> {
    if (stream.size === 0) return this.end(head, '', false)
    // Once per answer: a handler that is set while the former one runs is lost in the library.
    this.whileOpen(() => this.response.onWritable((offset) => this.writable(offset)))
    let started = false
    for await (const chunk of exactChunks(stream)) {
      if (this.over) throw new RequestAborted()
      this.response.cork(() => {
        if (!started) writeHead(this.response, head.status, head.headers)
        started = true
      })
      await this.write(chunk, stream.size)
    }
  }

  terminate(): void {
    this.whileOpen(() => this.response.close())
  }

  /** Until the kernel has all of `chunk`, or the client is gone. */
  private async write(chunk: Uint8Array, size: number): Promise<void> {
    const start = this.response.getWriteOffset()
    const attempt = (offset: number): boolean => {
      let sent = true
      this.response.cork(() => {
        const [ok, done] = this.response.tryEnd(chunk.subarray(offset - start), size)
        sent = ok
        if (done) this.over = true
      })
      return sent || this.over
    }
    if (attempt(start)) return
    this.attempt = attempt
    await new Promise<void>((resolve) => {
      this.wake = resolve
    })
    this.wake = undefined
  }

  /** Whether nothing of the chunk in hand is left. */
  private writable(offset: number): boolean {
    const sent = this.attempt?.(offset) ?? true
    if (sent) {
      this.attempt = undefined
      this.wake?.()
    }
    return sent
  }

  private finally(act: (response: Uws.HttpResponse) => void): void {
    this.whileOpen(() => {
      // Before the end: a socket that stayed paused would leave the next request on it unread.
      this.body.abort()
      this.over = true
      this.response.cork(() => act(this.response))
    })
  }

  private whileOpen(act: () => void): void {
    if (!this.over) act()
  }
}

function writeHead(response: Uws.HttpResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
  for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value)
}
