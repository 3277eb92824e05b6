/**
 * Sessions of version 4 as they were before there was a version 5, byte for byte: what a client of that time sends, and
 * what it gets, with a fixed clock, keys and chance. Recorded by the relay of that time (RECORD=1 records anew, which a
 * change of version 4 alone justifies).
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { describe, expect, it } from 'vitest'
import { concatBytes, toBigEndian } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { encodeChange, type Change } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { decodeEnvelope, encodeEnvelope } from '../../src/wire/envelope.js'
import { ObjectType, type Filter, type Message } from '../../src/wire/messages.js'
import { enrolCard, listing, map, order, relay, SHOP, state, stock } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'
import { Watched } from '../fixtures/watched.js'

const FILE = fileURLToPath(new URL('../fixtures/transcripts/version-4.txt', import.meta.url))
const START_MS = 1_768_640_000_000
const PING_MS = 15_000
const CLERK = new Uint8Array(32).fill(0x31)
const GUEST = new Uint8Array(32).fill(0x32)
const shopId = toBigEndian(SHOP, 32)
const SUCCESS: Message = { kind: 'response', payload: new Uint8Array(0) }

/** Chance that always falls alike. */
function counted(): (length: number) => Uint8Array {
  let calls = 0
  return (length) => new Uint8Array(length).fill(++calls)
}

class Recorder {
  readonly lines: string[] = []

  async open(url: string, name: string): Promise<Recorded> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v4/sessions`)
    const recorded = new Recorded(socket, name, this.lines)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return recorded
  }
}

class Recorded {
  private readonly socket: WebSocket
  private readonly name: string
  private readonly lines: string[]
  private readonly frames: Uint8Array[] = []
  private readonly watched = new Watched()
  private seen = 0
  private lastId = 0n
  private nonce = 0n
  private closed = false

  constructor(socket: WebSocket, name: string, lines: string[]) {
    this.socket = socket
    this.name = name
    this.lines = lines
    socket.on('message', (data: Buffer) => {
      this.frames.push(new Uint8Array(data))
      this.watched.changed()
    })
    socket.on('close', (code, reason) => {
      this.closed = true
      lines.push(`${name} closed ${code} ${String(reason)}`)
      this.watched.changed()
    })
  }

  /** The next frames of the relay, that many; its requests are answered in their order. */
  async got(count = 1): Promise<void> {
    for (let left = count; left > 0; left--) {
      await this.watched.until(
        () => this.frames.length > this.seen,
        10_000,
        () => this.lines.slice(-3).join(', '),
      )
      const frame = this.frames[this.seen++]!
      this.lines.push(`${this.name} < ${toHex(frame)}`)
      const { requestId, message } = decodeEnvelope(frame)
      if (message.kind !== 'response') this.send(encodeEnvelope({ requestId, message: SUCCESS }))
    }
  }

  /** Nothing else came meanwhile: a ping's answer is the next frame. */
  async quiet(): Promise<void> {
    await this.ask({ kind: 'ping' })
    expect(this.frames.length).toBe(this.seen)
  }

  send(frame: Uint8Array): void {
    this.lines.push(`${this.name} > ${toHex(frame)}`)
    this.socket.send(frame)
  }

  /** `more`: bytes behind the message's own. */
  request(message: Message, more: Uint8Array = new Uint8Array(0)): void {
    const frame = encodeEnvelope({ requestId: ++this.lastId, message })
    if (more.length === 0) return this.send(frame)
    // The message's length is of two bytes, or of one where it stays below 128.
    const head = frame.subarray(0, 2 + frame[1]!)
    const tag = frame[head.length]!
    const body = frame.subarray(head.length + (frame[head.length + 1]! < 128 ? 2 : 3))
    const length = body.length + more.length
    expect(length).toBeGreaterThan(127)
    this.send(concatBytes(head, Uint8Array.of(tag, (length & 127) | 128, length >> 7), body, more))
  }

  async ask(message: Message, more: Uint8Array = new Uint8Array(0)): Promise<Message> {
    this.request(message, more)
    await this.got()
    return decodeEnvelope(this.frames[this.seen - 1]!).message
  }

  async authenticate(card: Uint8Array): Promise<void> {
    const challenge = await this.ask({ kind: 'authenticate', publicKey: publicKeyOf(card) })
    if (challenge.kind !== 'response' || challenge.error !== undefined) throw new Error('no challenge')
    await this.ask({ kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge.payload), card) })
  }

  set(card: Uint8Array, changes: readonly Change[], nonce = ++this.nonce): Uint8Array {
    const patches = changes.map(encodeChange)
    const { headerBytes, signature } = signPatches({ shopId: SHOP, nonce, timestamp: 1_768_640_000n, patches }, card)
    return encodePatchSet(headerBytes, signature, patches)
  }

  subscribe(startSeq: bigint, filters: readonly Filter[] = [], shop = shopId): Message {
    return { kind: 'subscribe', startSeq, shopId: shop, filters }
  }

  async end(): Promise<void> {
    this.socket.close()
    await this.watched.until(
      () => this.closed,
      10_000,
      () => 'not closed',
    )
  }

  async ended(): Promise<void> {
    await this.watched.until(
      () => this.closed,
      10_000,
      () => 'not closed',
    )
  }
}

async function session(ws: boolean): Promise<string[]> {
  const clock = new TestClock(START_MS)
  const settings = { pushDelayMs: 100, pingIntervalMs: PING_MS, kickTimeoutMs: 3 * PING_MS }
  const running = await relay(settings, { clock, randomBytes: counted(), ws })
  await enrolCard(running.url, CLERK)
  await enrolCard(running.url, GUEST, { wallet: '34'.repeat(32), guest: true })
  await clock.turn(100)
  const recorder = new Recorder()
  const a = await recorder.open(running.url, 'a')
  await reading(a)
  await writing(a, clock)
  const b = await recorder.open(running.url, 'b')
  await guest(b, a, clock)
  await refused(a)
  await clock.turn(PING_MS)
  await a.got()
  await b.got()
  await a.quiet()
  await b.quiet()
  await b.end()
  await unknown(a, recorder, running.url)
  expect(running.bugs).toEqual([])
  await running.stop()
  return recorder.lines
}

async function reading(a: Recorded): Promise<void> {
  await a.quiet()
  await a.ask(a.subscribe(0n))
  await a.got(3)
  await a.ask({ kind: 'write', patchSet: a.set(CLERK, [listing(1n)]) })
  await a.authenticate(CLERK)
  await a.quiet()
}

async function writing(a: Recorded, clock: TestClock): Promise<void> {
  const first = a.set(CLERK, [listing(1n), stock(1n, 5n)])
  for (const patchSet of [first, first, a.set(CLERK, [stock(2n, 1n)], 2n), a.set(CLERK, [stock(9n, 1n)])])
    await a.ask({ kind: 'write', patchSet })
  // With a field that has no name, and with what version 5 adds to a write: expected_seq.
  await a.ask({ kind: 'write', patchSet: a.set(CLERK, [listing(2n, { Listings: 1n })]) })
  await a.ask({ kind: 'write', patchSet: a.set(CLERK, [stock(2n, 1n)]) }, fromHex('1063'))
  await a.ask({ kind: 'write', patchSet: fromHex('a0') })
  // And to a subscription: snapshot, push_delay_ms, checkpoint_seq.
  const filters = [ObjectType.LISTING, ObjectType.INVENTORY].flatMap((objectType) =>
    Array.from({ length: 8 }, (_, i) => ({ objectType, objectId: toBigEndian(BigInt(i + 1), 8) })),
  )
  await a.ask(a.subscribe(1n, filters), fromHex('200128003001'))
  await a.got(1)
  await clock.turn(100)
  await a.got(6)
  await a.quiet()
}

async function guest(b: Recorded, a: Recorded, clock: TestClock): Promise<void> {
  await b.authenticate(GUEST)
  await b.ask(b.subscribe(1n, [{ objectType: ObjectType.ORDER }]))
  await b.got(1)
  const sets = [[order(7n, 1n, 2n)], [state(7n, 3n)], [order(8n, 1n, 4n)], [state(8n, 3n)], [listing(3n)]]
  for (const changes of sets) await b.ask({ kind: 'write', patchSet: b.set(GUEST, changes) })
  await b.ask({ kind: 'getBlobUploadUrl' })
  await b.ask(b.subscribe(0n, [{ objectType: ObjectType.INVENTORY }]))
  await b.ask({ kind: 'authenticate', publicKey: publicKeyOf(GUEST) })
  await clock.turn(100)
  await b.got(3)
  await a.quiet()
  await b.quiet()
}

async function refused(a: Recorded): Promise<void> {
  await a.ask(a.subscribe(99n))
  await a.ask(a.subscribe(0n, [], toBigEndian(5n, 32)))
  await a.ask(a.subscribe(0n, [{ objectType: 9 }]))
  for (const id of ['0002', '0002', '07']) await a.ask({ kind: 'cancel', subscriptionId: fromHex(id) })
  await a.ask({ kind: 'syncStatus', subscriptionId: 1n, unpushedPatches: 0n })
  await a.ask({
    kind: 'write',
    patchSet: a.set(CLERK, [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: map({}) }]),
  })
}

/** Messages of version 5 alone end a session that does not know them. */
async function unknown(a: Recorded, recorder: Recorder, url: string): Promise<void> {
  a.request({ kind: 'checkpoint', shopId })
  await a.ended()
  for (const [name, message] of [
    ['c', { kind: 'logProof', shopId, seq: 1n }],
    ['d', { kind: 'stateProof', shopId, objects: [], myOrders: false }],
  ] as const) {
    const one = await recorder.open(url, name)
    one.request(message)
    await one.ended()
  }
}

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_transport, ws) => {
  it('a client of version 4 gets the same bytes as ever', async () => {
    const lines = await session(ws)
    if (process.env['RECORD'] === '1') writeFileSync(FILE, `${lines.join('\n')}\n`)
    expect(lines).toEqual(readFileSync(FILE, 'utf8').trimEnd().split('\n'))
  })
})
