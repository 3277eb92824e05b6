/**
 * One WebSocket to a relay: requests with their answers, and the relay's own requests handed on. No reconnecting here.
 *
 * Tests: test/client/connection.test.ts
 */

import { PlatformWebSocket } from '#websocket'
import { decodeEnvelope, encodeEnvelope, type WireVersion } from '../wire/envelope.js'
import { ErrorCode } from '../wire/error-code.js'
import type {
  CheckpointPush,
  Message,
  PaymentsRequest,
  PushRequest,
  Request,
  Response,
  SnapshotPush,
  SyncStatusRequest,
} from '../wire/messages.js'
import { SILENCE_MS_MAX } from '../limits.js'
import { aborted, ClientError, fromWire, noRelayAt } from './client-error.js'
import { inSlices, type Steps } from './slices.js'

export interface ConnectionHandlers {
  /**
   * Answered for the callee once it returns and its steps are done, like the next ones; a throw ends the connection
   * without an answer. What comes meanwhile waits. Steps are left where they are when the connection ends.
   */
  push(push: PushRequest): Steps | undefined
  checkpoint(push: CheckpointPush): Steps | undefined
  snapshot(push: SnapshotPush): Steps | undefined
  /** Left out: they were not asked for, and are refused. */
  readonly payments?: ((push: PaymentsRequest) => void) | undefined
  syncStatus(status: SyncStatusRequest): void
  /** The relay ended the subscription by itself. */
  subscriptionClosed(reason: string): void
  /** Once, whoever ended it. */
  closed(reason: string): void
}

interface Waiting {
  resolve(payload: Uint8Array): void
  reject(error: ClientError): void
  readonly write: boolean
}

/** Requests that clients send, and no relay does. */
type ClientsKind =
  | 'write'
  | 'subscribe'
  | 'cancel'
  | 'getBlobUploadUrl'
  | 'authenticate'
  | 'challengeSolution'
  | 'stateProof'
  | 'logProof'
  | 'checkpoint'

const CLOSE_NORMAL = 1000

export class RelayConnection {
  readonly version: WireVersion
  private readonly socket: WebSocket
  private readonly handlers: ConnectionHandlers
  private readonly waiting = new Map<bigint, Waiting>()
  private lastId = 0n
  private open = true
  /** What came and was not taken yet, in order. */
  private readonly frames: ArrayBuffer[] = []
  private isTaking = false
  private silence: ReturnType<typeof setTimeout> | undefined

  private constructor(socket: WebSocket, version: WireVersion, handlers: ConnectionHandlers) {
    this.socket = socket
    this.version = version
    this.handlers = handlers
    socket.addEventListener('message', (event) => this.message(event.data as ArrayBuffer))
    socket.addEventListener('close', (event) => this.ended(event.reason))
  }

  /** Throws ClientError UNREACHABLE, ABORTED. `url`: http(s) or ws(s) address of the relay. */
  static open(
    url: string,
    version: WireVersion,
    handlers: ConnectionHandlers,
    signal?: AbortSignal,
  ): Promise<RelayConnection> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal))
      const socket = new PlatformWebSocket(sessionsUrl(url, version))
      socket.binaryType = 'arraybuffer'
      const stop = () => {
        socket.close()
        reject(aborted(signal!))
      }
      const fail = () => {
        signal?.removeEventListener('abort', stop)
        reject(noRelayAt(url))
      }
      signal?.addEventListener('abort', stop, { once: true })
      socket.addEventListener('error', fail, { once: true })
      socket.addEventListener(
        'open',
        () => {
          signal?.removeEventListener('abort', stop)
          socket.removeEventListener('error', fail)
          socket.addEventListener('error', () => undefined)
          resolve(new RelayConnection(socket, version, handlers))
        },
        { once: true },
      )
    })
  }

  /**
   * The payload of the answer. Rejects with the wire's code, DISCONNECTED, or OUTCOME_UNKNOWN for a write without an
   * answer.
   */
  request(message: Request, signal?: AbortSignal): Promise<Uint8Array> {
    const write = message.kind === 'write'
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal))
      if (!this.open) return reject(new ClientError('DISCONNECTED', 'the connection to the relay is closed'))
      const requestId = ++this.lastId
      const stop = () => {
        this.waiting.delete(requestId)
        reject(aborted(signal!))
      }
      const settle = () => signal?.removeEventListener('abort', stop)
      signal?.addEventListener('abort', stop, { once: true })
      this.waiting.set(requestId, {
        write,
        resolve: (payload) => (settle(), resolve(payload)),
        reject: (error) => (settle(), reject(error)),
      })
      if (this.waiting.size === 1) this.listen()
      this.send(requestId, message)
    })
  }

  get isOpen(): boolean {
    return this.open
  }

  close(): void {
    this.end('closed by the client')
  }

  private end(reason: string): void {
    this.socket.close(CLOSE_NORMAL)
    this.ended(reason)
  }

  private send(requestId: bigint, message: Message): void {
    if (this.socket.readyState === this.socket.OPEN)
      this.socket.send(encodeEnvelope({ requestId, message }) as Uint8Array<ArrayBuffer>)
  }

  /** A network may be gone without a word: no request waits for ever, and for so long nothing else came. */
  private listen(): void {
    clearTimeout(this.silence)
    const look = () => this.waiting.size > 0 && this.end('the relay is silent')
    this.silence = setTimeout(look, SILENCE_MS_MAX)
  }

  private message(frame: ArrayBuffer): void {
    if (this.waiting.size > 0) this.listen()
    this.frames.push(frame)
    if (this.isTaking) return
    this.isTaking = true
    void inSlices(this.takeAll(), () => this.open)
  }

  private *takeAll(): Steps {
    for (let frame; this.open && (frame = this.frames.shift()) !== undefined; yield) yield* this.take(frame)
    this.isTaking = false
  }

  private *take(frame: ArrayBuffer): Steps {
    try {
      const { requestId, message } = decodeEnvelope(new Uint8Array(frame), this.version)
      if (message.kind === 'response') this.answered(requestId, message)
      else yield* this.serve(requestId, message)
    } catch (error) {
      this.end((error as Error).message)
    }
  }

  private answered(requestId: bigint, message: Response): void {
    const waiting = this.waiting.get(requestId)
    this.waiting.delete(requestId)
    // A second answer to the request that made the subscription.
    if (waiting === undefined && message.error?.code === ErrorCode.CLOSE_SUBSCRIPTION)
      return this.handlers.subscriptionClosed(message.error.message)
    if (message.error === undefined) waiting?.resolve(message.payload.slice())
    else waiting?.reject(fromWire(message.error))
  }

  private *serve(requestId: bigint, request: Request): Steps {
    switch (request.kind) {
      case 'push':
        yield* this.handlers.push(request) ?? []
        return this.send(requestId, SUCCESS)
      case 'syncStatus':
        this.handlers.syncStatus(request)
        return this.send(requestId, SUCCESS)
      case 'checkpointPush':
        yield* this.handlers.checkpoint(request) ?? []
        return this.send(requestId, SUCCESS)
      case 'snapshotPush':
        yield* this.handlers.snapshot(request) ?? []
        return this.send(requestId, SUCCESS)
      case 'payments':
        this.handlers.payments?.(request)
        return this.send(requestId, this.handlers.payments ? SUCCESS : refusal('payments were not asked for'))
      case 'ping':
        return this.send(requestId, SUCCESS)
      default: {
        // The compiler names a kind that is in neither list.
        const kind: ClientsKind = request.kind
        return this.send(requestId, refusal(`a relay does not send ${kind} requests`))
      }
    }
  }

  private ended(reason: string): void {
    if (!this.open) return
    this.open = false
    clearTimeout(this.silence)
    for (const waiting of this.waiting.values()) {
      waiting.reject(
        waiting.write
          ? new ClientError(
              'OUTCOME_UNKNOWN',
              'the connection ended before the relay answered: the write may have been applied',
            )
          : new ClientError('DISCONNECTED', 'the connection ended before the relay answered'),
      )
    }
    this.waiting.clear()
    this.handlers.closed(reason)
  }
}

const SUCCESS: Response = { kind: 'response', payload: new Uint8Array(0) }

function refusal(message: string): Response {
  return { kind: 'response', error: { code: ErrorCode.INVALID, message } }
}

function sessionsUrl(url: string, version: WireVersion): string {
  const target = new URL(`/v${version}/sessions`, url)
  target.protocol = target.protocol.replace('http', 'ws')
  return target.href
}
