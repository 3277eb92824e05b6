// A session on the bare wire, for the load that benchmarks make: it signs sets, asks, and answers pushes.

import { personalMessageDigest } from '../dist/bytes/eip191.js'
import { publicKeyOf, sign } from '../dist/bytes/signature.node.js'
import { encodeChange } from '../dist/patches/patch.js'
import { encodePatchSet, signPatches } from '../dist/patches/patch-set.js'
import { decodeEnvelope, encodeEnvelope } from '../dist/wire/envelope.js'
import { WebSocket } from 'ws'

export const map = (fields) => new Map(Object.entries(fields))
const EMPTY = new Uint8Array(0)

/** Opened; authenticated where there is a card's secret key. */
export async function openSession(url, shop, secret) {
  const session = new Session(shop, secret)
  await session.open(url)
  return session
}

class Session {
  constructor(shop, secret) {
    this.shop = shop
    this.secret = secret
    this.nonce = BigInt(Date.now()) * 1_000n
    this.lastId = 0n
    this.waiting = new Map()
  }

  async open(url) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`, { maxPayload: 2 ** 21 })
    this.socket.binaryType = 'nodebuffer'
    this.socket.on('error', () => undefined)
    this.socket.on('message', (frame) => this.message(frame))
    await new Promise((resolve, reject) => {
      this.socket.once('open', resolve)
      this.socket.once('close', () => reject(new Error('no session')))
    })
    if (this.secret === undefined) return
    const challenge = await this.ask({ kind: 'authenticate', publicKey: publicKeyOf(this.secret) })
    const signature = sign(personalMessageDigest(challenge.payload), this.secret)
    const solved = await this.ask({ kind: 'challengeSolution', signature })
    if (solved.error !== undefined) throw new Error(solved.error.message)
  }

  /** The response, whether it is an error or not; never, where the socket ends before. */
  ask(message) {
    return new Promise((resolve) => {
      this.waiting.set(++this.lastId, resolve)
      this.socket.send(encodeEnvelope({ requestId: this.lastId, message }))
    })
  }

  /** Bytes of a set, signed. */
  signed(changes) {
    const patches = changes.map(encodeChange)
    const timestamp = BigInt(Math.floor(Date.now() / 1_000))
    const { headerBytes, signature } = signPatches(
      { shopId: this.shop, nonce: ++this.nonce, timestamp, patches },
      this.secret,
    )
    return encodePatchSet(headerBytes, signature, patches)
  }

  write(changes) {
    return this.ask({ kind: 'write', patchSet: this.signed(changes) })
  }

  /** Throws when it is refused. */
  async written(changes) {
    const { error } = await this.write(changes)
    if (error !== undefined) throw new Error(error.message)
  }

  close() {
    this.socket.terminate()
  }

  message(frame) {
    const { requestId, message } = decodeEnvelope(frame)
    if (message.kind !== 'response')
      return this.socket.send(encodeEnvelope({ requestId, message: { kind: 'response', payload: EMPTY } }))
    this.waiting.get(requestId)?.(message)
    this.waiting.delete(requestId)
  }
}
