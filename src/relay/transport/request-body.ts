/**
 * The body of one HTTP request between the socket's callbacks and one reader: bounded, in order, the sender held back.
 *
 * Tests: test/relay/transport/transport.test.ts, test/relay/http.test.ts
 */

import { assert } from '../../assert.js'
import { concatBytes } from '../../bytes/bytes.js'

/** How much waits for the reader before the sender is held back. */
const WAITING_BYTES_MAX = 256 * 1_024

interface Flow {
  pause(): void
  resume(): void
}

export class RequestBody {
  private readonly flow: Flow
  private readonly waiting: Uint8Array[] = []
  private waitingBytes = 0
  private paused = false
  private ended = false
  private aborted = false
  private wake: (() => void) | undefined
  private taken = 0
  private receivedBytes = 0

  constructor(flow: Flow) {
    this.flow = flow
  }

  /** Bytes that came from the socket. */
  get received(): number {
    return this.receivedBytes
  }

  /** The next bytes from the socket; they are kept as they are. */
  push(chunk: Uint8Array): void {
    this.receivedBytes += chunk.length
    if (this.aborted || chunk.length === 0) return
    this.waiting.push(chunk)
    this.waitingBytes += chunk.length
    if (this.waitingBytes > WAITING_BYTES_MAX && !this.paused && !this.ended) {
      this.paused = true
      this.flow.pause()
    }
    this.wake?.()
  }

  /** The whole body has come. */
  end(): void {
    this.ended = true
    this.wake?.()
  }

  /**
   * Nobody reads on, the client is gone or answered: a reader gets RequestAborted, and what still comes is thrown away.
   */
  abort(): void {
    this.aborted = true
    this.waiting.length = 0
    this.resume()
    this.wake?.()
  }

  /** Everything. Throws BodyTooLarge, RequestAborted. */
  async bytes(limit: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = []
    for await (const chunk of this.stream(limit)) parts.push(chunk)
    return concatBytes(...parts)
  }

  /** Chunk by chunk. Throws BodyTooLarge once more than `limit` bytes have come, RequestAborted. */
  async *stream(limit: number): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.next()
      if (chunk === undefined) return
      if (this.taken > limit) throw new BodyTooLarge(limit)
      yield chunk
    }
  }

  /** Throws away what still comes, up to `limit` bytes. */
  async discard(limit: number): Promise<'ended' | 'too-large' | 'aborted'> {
    try {
      for await (const chunk of this.stream(this.taken + limit)) assert(chunk.length > 0, 'empty chunk')
      return 'ended'
    } catch (error) {
      if (error instanceof BodyTooLarge) return 'too-large'
      if (error instanceof RequestAborted) return 'aborted'
      throw error
    }
  }

  private async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.aborted) throw new RequestAborted()
      const chunk = this.waiting.shift()
      if (chunk !== undefined) {
        this.take(chunk)
        return chunk
      }
      if (this.ended) return undefined
      assert(this.wake === undefined, 'two readers of one body')
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
      this.wake = undefined
    }
  }

  private take(chunk: Uint8Array): void {
    this.taken += chunk.length
    this.waitingBytes -= chunk.length
    if (this.waitingBytes === 0) this.resume()
  }

  /** Also when all has come, which may be just after the pause: the next request comes over the same socket. */
  private resume(): void {
    if (!this.paused) return
    this.paused = false
    this.flow.resume()
  }
}

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  readonly limit: number

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`)
    this.limit = limit
  }
}

/** The client went away before its request was answered. */
export class RequestAborted extends Error {
  override readonly name = 'RequestAborted'

  constructor() {
    super('the client is gone')
  }
}
