/**
 * A session on the bare wire, for load: it asks, signs sets, and answers the relay's pushes at once.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { WebSocket } from 'ws'
import { publicKeyOf, sign } from '#signature'
import { personalMessageDigest } from '../../bytes/eip191.js'
import { encodeChange, type Change } from '../../patches/patch.js'
import { encodePatchSet, signPatches } from '../../patches/patch-set.js'
import { FRAME_OUT_BYTES_MAX_5 } from '../../limits.js'
import { decodeEnvelope, encodeEnvelope, type WireVersion } from '../../wire/envelope.js'
import type { Message, Request, Response } from '../../wire/messages.js'

interface SessionOptions {
  readonly url: string
  readonly shop: bigint
  /** Of its card, 32 bytes; left out: a visitor. */
  readonly secret?: Uint8Array | undefined
  /** 4 if left out. */
  readonly version?: WireVersion
  /** What the relay asks, pings too; it was answered already. */
  readonly requested?: (request: Request) => void
}

/** The relay refused, or ended, the session. */
export class SessionError extends Error {
  override readonly name = 'SessionError'
}

/** Opened, and authenticated where there is a card. Rejects with SessionError. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const session = new Session(options)
  try {
    await session.open()
    return session
  } catch (error) {
    session.close()
    throw error
  }
}

export class Session {
  readonly shop: bigint
  readonly secret: Uint8Array | undefined
  /** Of the last set that was signed; as SDK clients count, so that a card may be used by both in turns. */
  nonce = BigInt(Date.now()) * 1_000n
  /** Of the last request. */
  lastId = 0n
  private readonly options: SessionOptions
  private readonly version: WireVersion
  private readonly socket: WebSocket
  private readonly waiting = new Map<bigint, (response: Response) => void>()
  /** Whether it has ended: every request is answered with an error then, at once. */
  isOver = false
  /** Why the session is over, whoever ended it. */
  readonly ended: Promise<string>
  private over: (why: string) => void = () => undefined

  constructor(options: SessionOptions) {
    this.options = options
    this.shop = options.shop
    this.secret = options.secret
    this.version = options.version ?? 4
    this.ended = new Promise((resolve) => (this.over = resolve))
    const address = `${options.url.replace('http', 'ws')}/v${this.version}/sessions`
    this.socket = new WebSocket(address, { maxPayload: FRAME_OUT_BYTES_MAX_5, perMessageDeflate: false })
    this.socket.binaryType = 'nodebuffer'
  }

  /** Rejects with SessionError. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', resolve)
      const fail = (why: string) =>
        reject(new SessionError(`the relay at ${this.options.url} opens no session: ${why}`))
      this.socket.on('error', (error) => fail(error.message || 'no answer'))
      this.socket.on('close', () => (fail('closed'), this.end()))
    })
    this.socket.on('message', (frame: Buffer) => this.message(frame))
    if (this.secret === undefined) return
    const challenge = await this.asked({ kind: 'authenticate', publicKey: publicKeyOf(this.secret) })
    await this.asked({ kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge), this.secret) })
  }

  /** The response, whether it is an error or not; where the session ends before, an error. */
  ask(message: Message): Promise<Response> {
    return new Promise((resolve) => this.request(message, resolve))
  }

  /** As `ask`; `answered` is called before anything that came after the answer is looked at. */
  request(message: Message, answered: (response: Response) => void): void {
    const requestId = ++this.lastId
    this.send(requestId, encodeEnvelope({ requestId, message }), answered)
  }

  /** The payload of the answer. Rejects with SessionError when it is refused. */
  async asked(message: Message): Promise<Uint8Array> {
    const { payload, error } = await this.ask(message)
    if (error !== undefined) throw new SessionError(error.message)
    return payload
  }

  /** A frame that was made before, with this id in it. */
  send(requestId: bigint, frame: Uint8Array, answered: (response: Response) => void): void {
    if (this.isOver) return answered({ kind: 'response', error: { code: 0, message: ENDED } })
    this.waiting.set(requestId, answered)
    this.socket.send(frame)
  }

  /** Bytes of a set. */
  signed(changes: readonly Change[]): Uint8Array {
    return signedSet(this.secret!, this.shop, ++this.nonce, changes)
  }

  write(changes: readonly Change[]): Promise<Response> {
    return this.ask({ kind: 'write', patchSet: this.signed(changes) })
  }

  /** Rejects with SessionError when it is refused. */
  written(changes: readonly Change[]): Promise<Uint8Array> {
    return this.asked({ kind: 'write', patchSet: this.signed(changes) })
  }

  /** At once; the relay may go on with the session for a moment. */
  close(): void {
    this.socket.terminate()
  }

  /** Resolves when the relay has ended the session too: a card has one at a time. */
  async left(): Promise<void> {
    this.socket.close()
    await this.ended
  }

  private message(frame: Buffer): void {
    const { requestId, message } = decodeEnvelope(frame, this.version)
    if (message.kind === 'response') {
      const answered = this.waiting.get(requestId)
      this.waiting.delete(requestId)
      if (answered !== undefined) return answered(message)
      // Of a subscription that cannot go on (PROOFS §4).
      this.end(message.error?.message)
      return this.close()
    }
    this.socket.send(encodeEnvelope({ requestId, message: SUCCESS }))
    this.options.requested?.(message)
  }

  private end(why = ENDED): void {
    this.isOver = true
    const refusal: Response = { kind: 'response', error: { code: 0, message: why } }
    for (const answered of this.waiting.values()) answered(refusal)
    this.waiting.clear()
    this.over(why)
  }
}

/** Bytes of a set, signed now. */
export function signedSet(secret: Uint8Array, shopId: bigint, nonce: bigint, changes: readonly Change[]): Uint8Array {
  const patches = changes.map(encodeChange)
  const timestamp = BigInt(Math.floor(Date.now() / 1_000))
  const { headerBytes, signature } = signPatches({ shopId, nonce, timestamp, patches }, secret)
  return encodePatchSet(headerBytes, signature, patches)
}

const SUCCESS: Response = { kind: 'response', payload: new Uint8Array(0) }
const ENDED = 'the relay ended the session'
