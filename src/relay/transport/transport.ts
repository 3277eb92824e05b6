/**
 * What the relay needs of a socket library (PROTOCOL §8, §13): WebSocket connections that carry binary frames, and HTTP
 * requests as values. Two implementations keep this contract, uws.ts and ws.ts; one suite runs over both.
 */

import { createServer } from 'node:net'
import { UNREAD_BODY_BYTES_MAX } from '../../limits.js'
import type { RequestBody } from './request-body.js'
import { RequestAborted } from './request-body.js'
import type { Headers } from './request-head.js'

/** One WebSocket. It lives from `opened` to `closed`; afterwards every method is harmless. */
export interface Connection {
  /** Counts from 1 per listener, never used twice. */
  readonly id: number
  /** That of its upgrade request. */
  readonly address: string
  /**
   * Sends one binary frame. 'sent': handed to the kernel (inside `cork`: to the corked buffer). 'queued': some of it
   * waits in memory, `drained` follows. Never drops a frame: whoever sends bounds the queue by `bufferedAmount`. The
   * bytes may be kept until they are written: never change them afterwards.
   */
  send(frame: Uint8Array): 'sent' | 'queued' | 'closed'
  /** As `send`, but of bytes that the caller changes as soon as this returns. */
  sendBorrowed(frame: Uint8Array): 'sent' | 'queued' | 'closed'
  /** Bytes that wait in memory for the peer to read; 0 when closed. */
  bufferedAmount(): number
  isOpen(): boolean
  /**
   * Sends a close frame behind what is queued and ends the socket. `closed` is called before this returns. `reason`: ≤
   * 123 bytes.
   */
  close(code: number, reason: string): void
  /** Ends the socket without a close frame. `closed` is called before this returns. */
  terminate(): void
  /** Joins what `act` sends into as few packets as possible. */
  cork(act: () => void): void
}

/** Called by the transport. What they throw is a bug: it is reported, and the connection is closed with 1011. */
export interface WebSocketHandlers {
  opened(connection: Connection, upgrade: Upgrade): void
  /** `bytes` is a fresh copy that the callee owns. */
  frame(connection: Connection, bytes: Uint8Array): void
  /** What was queued has been handed to the kernel: `bufferedAmount` is 0. */
  drained(connection: Connection): void
  /**
   * Exactly once for each connection that was opened, when a close frame, FIN or RST is read, or from inside `close`
   * and `terminate`. `code` is the peer's close code, 1005 where it gave none, 1006 where no close frame was read, or
   * our own.
   */
  closed(connection: Connection, code: number): void
}

interface Target {
  readonly path: string
  readonly query: URLSearchParams
}

export interface Upgrade extends Target {
  /** Whether an Origin header came along: browsers send it for every page. */
  readonly hasOrigin: boolean
}

export interface UpgradeRequest extends Target {
  readonly headers: Headers
  /** Whose it is: `TransportOptions.clientAddress`. */
  readonly address: string
}

export type UpgradeDecision =
  | { readonly accept: true }
  /** `body`: plain text. */
  | { readonly accept: false; readonly status: number; readonly body: string }

export interface HttpRequest extends UpgradeRequest {
  /** In upper case. */
  readonly method: string
  /** The whole body. Throws BodyTooLarge above `limit` bytes, RequestAborted when the client is gone. */
  body(limit: number): Promise<Uint8Array>
  /** The body as it comes; the client is slowed to the pace of the reader. Throws as `body` does. */
  stream(limit: number): AsyncIterable<Uint8Array>
}

export interface HttpResponse {
  readonly status: number
  /** Without Content-Length, which the transport sets. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string | SizedStream
}

/**
 * A body that is read as fast as the client takes it. `chunks` yields exactly `size` bytes; another length is a bug.
 * The transport calls the iterator's `return` in any case, also when nothing was read, so that it can release what it
 * holds.
 */
export interface SizedStream {
  readonly size: number
  readonly chunks: AsyncIterable<Uint8Array>
}

export interface TransportOptions {
  /** A loopback address unless somebody decided otherwise; there is no default here. */
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** A larger message closes its connection before it is buffered whole. */
  readonly maxFrameBytes: number
  /** Sockets at once, whatever they carry: one more is closed as soon as it is accepted, and `onFull` is called. */
  readonly socketsMax: number
  onFull(): void
  /** `peer` is in the form of `plainAddress`. What is returned is the request's address. */
  clientAddress(peer: string, headers: Headers): string
  /** Asked for heads without a fault. */
  decideUpgrade(request: UpgradeRequest): UpgradeDecision
  http(request: HttpRequest): Promise<HttpResponse>
  readonly websocket: WebSocketHandlers
  /** A handler threw. Must not throw itself. */
  onBug(error: unknown): void
}

export interface Listener {
  readonly kind: 'uws' | 'ws'
  readonly address: string
  readonly port: number
  /** Stops accepting. Existing sockets stay until they end. */
  close(): Promise<void>
  /** Ends every socket, WebSocket and HTTP, at once. */
  terminateAll(): void
}

/** Throws ListenError. */
export type ListenFunction = (options: TransportOptions) => Promise<Listener>

/** Close codes (RFC 6455 §7.4.1) that the transport itself uses. */
export const CLOSE_UNSUPPORTED_DATA = 1003
export const CLOSE_NONE_GIVEN = 1005
export const CLOSE_ABNORMAL = 1006
export const CLOSE_POLICY = 1008
export const CLOSE_INTERNAL_ERROR = 1011

/**
 * The form in which addresses are compared and counted: IPv6 as RFC 5952 writes it, IPv4-mapped as dotted IPv4, no
 * zone.
 */
export function plainAddress(text: string): string {
  if (!text.includes(':')) return text
  const canonical = new URL(`http://[${text.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (mapped === null) return canonical
  const [high, low] = [Number.parseInt(mapped[1]!, 16), Number.parseInt(mapped[2]!, 16)]
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`
}

/**
 * The answer of `options.http`, or a 500 after a report when it throws; undefined when the client is gone. What the
 * client still sends is read and thrown away first: many clients write their whole body before they read, and a socket
 * closed under them loses the answer. `close` says that they went on for too long.
 */
export async function answerOf(
  options: TransportOptions,
  request: HttpRequest,
  body: RequestBody,
): Promise<{ response: HttpResponse; close: boolean } | undefined> {
  let response: HttpResponse
  try {
    response = await options.http(request)
  } catch (error) {
    if (error instanceof RequestAborted) return undefined
    options.onBug(error)
    response = errorAnswer(500, 'internal error')
  }
  const ended = await body.discard(UNREAD_BODY_BYTES_MAX)
  if (ended !== 'aborted') return { response, close: ended === 'too-large' }
  await releaseBody(response)
  return undefined
}

/** The chunks of `stream`, or an error once they are not exactly its size. Empty chunks are left out. */
export async function* exactChunks(stream: SizedStream): AsyncGenerator<Uint8Array> {
  let left = stream.size
  for await (const chunk of stream.chunks) {
    left -= chunk.length
    if (left < 0) break
    if (chunk.length > 0) yield chunk
  }
  if (left !== 0) throw new Error(`a body of ${stream.size} bytes was announced, ${stream.size - left} came`)
}

/** Lets a streamed body go, whether it was read or not. */
export async function releaseBody({ body }: HttpResponse): Promise<void> {
  if (typeof body === 'object' && 'chunks' in body) await body.chunks[Symbol.asyncIterator]().return?.()
}

/** Runs a handler of the core for `connection`: an exception is reported and closes the connection. */
export function guarded(options: TransportOptions, connection: Connection, act: () => void): void {
  try {
    act()
  } catch (error) {
    options.onBug(error)
    connection.close(CLOSE_INTERNAL_ERROR, 'internal error')
  }
}

/** What stays of an upgrade that was accepted. */
export function upgradeOf({ path, query, headers }: UpgradeRequest): Upgrade {
  return { path, query, hasOrigin: headers.has('origin') }
}

/** `decideUpgrade`, or a 500 after a report when it throws. */
export function upgradeDecision(options: TransportOptions, request: UpgradeRequest): UpgradeDecision {
  try {
    return options.decideUpgrade(request)
  } catch (error) {
    options.onBug(error)
    return { accept: false, status: 500, body: 'internal error' }
  }
}

/** Of an answer 429: all rates give at least one more in a second. Pages of other origins may read it. */
export const RETRY_HEADERS: Readonly<Record<string, string>> = {
  'Retry-After': '1',
  'Access-Control-Expose-Headers': 'Retry-After',
}

/** The headers of a refused upgrade. */
export const REFUSAL_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/plain; charset=utf-8',
  'Access-Control-Allow-Origin': '*',
}

type ListenErrorCode = 'port-taken' | 'not-permitted' | 'address-not-available' | 'failed'

export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: ListenErrorCode
  readonly host: string
  readonly port: number

  /** `errno`: the system's name of what went wrong, as `EADDRINUSE`. */
  constructor(host: string, port: number, errno: string | undefined) {
    const code = listenErrorCode(errno)
    super(
      `cannot listen on ${host} port ${port}: ${code.replaceAll('-', ' ')}${errno === undefined ? '' : ` (${errno})`}`,
    )
    this.code = code
    this.host = host
    this.port = port
  }
}

/** Why nothing can listen there; undefined if something can. Some libraries only say that they failed. */
export async function listenFailure(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', resolve)
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}

/** What the transport itself answers. */
export function errorAnswer(status: number, error: string): HttpResponse {
  const headers = { 'Content-Type': 'application/json', 'Access-Control-Allow-Origin': '*' }
  return { status, headers, body: JSON.stringify({ error }) }
}

function listenErrorCode(errno: string | undefined): ListenErrorCode {
  if (errno === 'EADDRINUSE') return 'port-taken'
  if (errno === 'EACCES' || errno === 'EPERM') return 'not-permitted'
  if (errno === 'EADDRNOTAVAIL' || errno === 'ENOTFOUND' || errno === 'EAI_AGAIN') return 'address-not-available'
  return 'failed'
}
