/** Sessions over real sockets (PROTOCOL §8, §9), on both transports. */

import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressOf, publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { DevelopmentRegistry } from '../../src/chain/development-registry.js'
import type { ConnectedCards } from '../../src/relay/sessions/cards.js'
import { Metrics } from '../../src/relay/instruments/metrics.js'
import { MemoryStore } from '../../src/store/memory.js'
import { developmentOwnerKey } from '../../src/store/setting-keys.js'
import type { Commit } from '../../src/store/store.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import {
  enrolCard,
  listing,
  newSecret,
  OWNER,
  relay,
  SHOP,
  Wire,
  type Refused,
  type TestRelay,
} from '../fixtures/relay-harness.js'

const refusal = (answer: Uint8Array | Refused): number => {
  expect(answer).not.toBeInstanceOf(Uint8Array)
  return (answer as Refused).code
}

describe.each([
  ['uws', false],
  ['ws', true],
])('sessions on %s', (_kind, ws) => {
  const secret = newSecret()
  let running: TestRelay

  beforeAll(async () => {
    running = await relay({}, { ws })
    await enrolCard(running.url, secret)
  })

  afterAll(async () => {
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  it(
    'a client closes, reconnects and authenticates the same card, 100 times without pause',
    { timeout: 120_000 },
    async () => {
      for (let i = 0; i < 100; i++) {
        const wire = await Wire.as(running.url, secret)
        await wire.close()
      }
    },
  )

  it('128 log in at once', async () => {
    const secrets = Array.from({ length: 128 }, newSecret)
    await Promise.all(secrets.map((guest) => enrolCard(running.url, guest, { guest: true })))
    const wires = await Promise.all(secrets.map((guest) => Wire.as(running.url, guest)))
    expect(wires).toHaveLength(128)
    await Promise.all(wires.map((wire) => wire.close()))
  })

  it('refuses unknown cards, wrong keys and void challenges', async () => {
    const wire = await Wire.open(running.url)
    const publicKey = publicKeyOf(secret)
    expect(refusal(await wire.ask({ kind: 'authenticate', publicKey: publicKeyOf(newSecret()) }))).toBe(
      ErrorCode.NOT_FOUND,
    )
    expect(refusal(await wire.ask({ kind: 'authenticate', publicKey: publicKey.subarray(1) }))).toBe(ErrorCode.INVALID)
    expect(refusal(await wire.ask({ kind: 'challengeSolution', signature: new Uint8Array(65) }))).toBe(
      ErrorCode.INVALID,
    )
    const first = await wire.done({ kind: 'authenticate', publicKey })
    const second = await wire.done({ kind: 'authenticate', publicKey })
    expect(first).toHaveLength(32)
    const old = sign(personalMessageDigest(first), secret)
    expect(refusal(await wire.ask({ kind: 'challengeSolution', signature: old }))).toBe(ErrorCode.NOT_FOUND)
    const late = sign(personalMessageDigest(second), secret)
    expect(refusal(await wire.ask({ kind: 'challengeSolution', signature: late }))).toBe(ErrorCode.INVALID)
    await wire.authenticate(secret)
    expect(refusal(await wire.ask({ kind: 'authenticate', publicKey }))).toBe(ErrorCode.ALREADY_AUTHENTICATED)
    expect(refusal(await wire.ask({ kind: 'challengeSolution', signature: late }))).toBe(
      ErrorCode.ALREADY_AUTHENTICATED,
    )
    const other = await Wire.open(running.url)
    const twice = (await other.ask({ kind: 'authenticate', publicKey })) as Refused
    expect(twice.code).toBe(ErrorCode.ALREADY_CONNECTED)
    expect(twice.message).toBe('Already connected from this keyCard in another session')
    await Promise.all([wire.close(), other.close()])
  })

  it('the first of two that hold challenges for one card wins', async () => {
    const [a, b] = await Promise.all([Wire.open(running.url), Wire.open(running.url)])
    const publicKey = publicKeyOf(secret)
    const challenges = [
      await a.done({ kind: 'authenticate', publicKey }),
      await b.done({ kind: 'authenticate', publicKey }),
    ]
    const [one, two] = challenges.map((challenge) => sign(personalMessageDigest(challenge), secret))
    await b.done({ kind: 'challengeSolution', signature: two! })
    expect(refusal(await a.ask({ kind: 'challengeSolution', signature: one! }))).toBe(ErrorCode.ALREADY_CONNECTED)
    await Promise.all([a.close(), b.close()])
  })

  it('a visitor cannot write', async () => {
    const wire = await Wire.open(running.url)
    expect(refusal(await wire.write(secret, [listing(1n)]))).toBe(ErrorCode.NOT_AUTHENTICATED)
    await wire.close()
  })

  it.each([
    ['garbage', Buffer.from('ffffffffffff', 'hex')],
    ['no request id', Buffer.from('4200', 'hex')],
    ['a request id of 0', Buffer.from('0a0208004200', 'hex')],
    ['no message', Buffer.from('0a020804', 'hex')],
    ['an answer to a request that was never made', Buffer.from('0a0208011200', 'hex')],
    ['a length beyond the frame', Buffer.from('0a02080a1aff7f00', 'hex')],
  ])('closes the socket that sends %s', async (_what, frame) => {
    const wire = await Wire.open(running.url)
    wire.socket.send(frame)
    await wire.until(() => wire.closed !== undefined)
    expect([1002, 1008]).toContain(wire.closed!.code)
  })

  it('closes a text frame with 1003 and a frame above 2 MiB at once', async () => {
    const text = await Wire.open(running.url)
    text.socket.send('hello')
    await text.until(() => text.closed !== undefined)
    expect(text.closed!.code).toBe(1003)
    const large = await Wire.open(running.url)
    large.socket.send(Buffer.alloc(2 * 1_048_576 + 1))
    await large.until(() => large.closed !== undefined)
    expect([1006, 1009]).toContain(large.closed!.code)
  })

  it('answers pings, refuses requests that clients do not make, and stays', async () => {
    const wire = await Wire.open(running.url)
    expect(await wire.ask({ kind: 'ping' })).toEqual(new Uint8Array(0))
    expect(refusal(await wire.ask({ kind: 'syncStatus', subscriptionId: 1n, unpushedPatches: 1n }))).toBe(
      ErrorCode.INVALID,
    )
    expect(refusal(await wire.ask({ kind: 'push', subscriptionId: new Uint8Array(2), sets: [] }))).toBe(
      ErrorCode.INVALID,
    )
    expect(await wire.ask({ kind: 'ping' })).toEqual(new Uint8Array(0))
    await wire.close()
  })

  it('refuses other versions, and speaks to no half frame', async () => {
    const response = await fetch(`${running.url}/v3/sessions`)
    expect(response.status).toBe(404)
    const half = connectTcp(running.port, '127.0.0.1')
    half.write(
      'GET /v4/sessions HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    await new Promise((resolve) => half.once('data', resolve))
    half.write(Buffer.from('82fe', 'hex'))
    const wire = await Wire.open(running.url)
    expect(await wire.ask({ kind: 'ping' })).toEqual(new Uint8Array(0))
    half.destroy()
    await wire.close()
  })
})

const ACCOUNT = addressOf(publicKeyOf(Buffer.from(OWNER, 'hex')))

describe('a challenge', () => {
  it('does not bind a card that was removed and enrolled again as a guest before it was solved', async () => {
    const running = await relay()
    const [owner, card] = [newSecret(), newSecret()]
    await enrolCard(running.url, owner)
    await enrolCard(running.url, card)
    const boss = await Wire.as(running.url, owner)
    const late = await Wire.open(running.url)
    const challenge = await late.done({ kind: 'authenticate', publicKey: publicKeyOf(card) })
    await boss.done({ kind: 'write', patchSet: boss.signed(owner, [unlink(1n)]) })
    await enrolCard(running.url, card, { guest: true, wallet: '77'.repeat(32) })
    const signature = sign(personalMessageDigest(challenge), card)
    expect(refusal(await late.ask({ kind: 'challengeSolution', signature }))).toBe(ErrorCode.UNLINKED_KEYCARD)
    expect(refusal(await late.write(card, [listing(1n)]))).toBe(ErrorCode.NOT_AUTHENTICATED)
    // A challenge of the new enrolment is good.
    await late.authenticate(card)
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  it('that waits for the chain does not bind with rights that were lost meanwhile', async () => {
    const store = new MemoryStore()
    const registry = new SlowRegistry((shopId) => store.setting(developmentOwnerKey(shopId)))
    const running = await relay({}, { store, registry })
    const owner = newSecret()
    await enrolCard(running.url, owner)
    const wire = await Wire.open(running.url)
    const challenge = await wire.done({ kind: 'authenticate', publicKey: publicKeyOf(owner) })
    registry.hold()
    const signature = sign(personalMessageDigest(challenge), owner)
    const solved = wire.ask({ kind: 'challengeSolution', signature })
    await registry.asked
    // The answer that is on its way says yes; then the shop changes hands, and the relay hears of it.
    registry.lost = true
    const { cards } = Reflect.get(running, 'rooms') as { readonly cards: ConnectedCards }
    await cards.recheckRights(SHOP, ACCOUNT)
    registry.release()
    expect(refusal(await solved)).toBe(ErrorCode.UNLINKED_KEYCARD)
    registry.lost = false
    await wire.authenticate(owner)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe.each([
  ['uws', false],
  ['ws', true],
])('the end of a relay on %s', (_kind, ws) => {
  it('answers what was taken up, takes up nothing more, and closes with 1012', async () => {
    const store = new MemoryStore()
    const running = await relay({}, { ws, store })
    const cards = [newSecret(), newSecret(), newSecret()]
    for (const card of cards) await enrolCard(running.url, card)
    const answered: Uint8Array[] = []
    let id = 0n
    const wires = await Promise.all(cards.map((card) => Wire.as(running.url, card)))
    // Each goes on writing as soon as it has an answer, and has ten under way.
    const writers = wires.flatMap((wire, i) =>
      Array.from({ length: 10 }, async () => {
        for (;;) answered.push(await wire.done({ kind: 'write', patchSet: wire.signed(cards[i]!, [listing(++id)]) }))
      }),
    )
    const over = Promise.allSettled(writers)
    await wires[0]!.until(() => answered.length > 100)
    await running.stop()
    await over
    for (const wire of wires) {
      await wire.until(() => wire.closed !== undefined)
      expect(wire.closed!.code).toBe(1012)
    }
    const hashes = new Set(
      store
        .readLog(SHOP, 0, { records: 1e6, bytes: 1e9 })
        .map(({ stateHash }) => Buffer.from(stateHash).toString('hex')),
    )
    expect(answered.filter((hash) => !hashes.has(Buffer.from(hash).toString('hex')))).toEqual([])
    // Three sets enrolled the cards; all others were answered before the end.
    expect(hashes.size).toBe(answered.length + 3)
    expect(running.bugs).toEqual([])
  })

  it('takes up no request after it was told to stop, and is heard by clients that go on sending', async () => {
    const store = new StuckStore()
    const running = await relay({}, { ws, store })
    const card = newSecret()
    await enrolCard(running.url, card)
    const [wire, other, loud] = [
      await Wire.as(running.url, card),
      await Wire.open(running.url),
      await Wire.open(running.url),
    ]
    const free = store.hold()
    const written = wire.write(card, [listing(1n)])
    await other.done({ kind: 'ping' })
    const stopping = running.stop()
    const late = expect(other.ask({ kind: 'ping' })).rejects.toThrow('closed')
    const sending = setInterval(() => loud.socket.send(Buffer.alloc(1 << 20)), 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    free()
    expect(await written).toBeInstanceOf(Uint8Array)
    await stopping
    await late
    clearInterval(sending)
    await loud.until(() => loud.closed !== undefined)
    expect([wire, other, loud].map(({ closed }) => closed?.code)).toEqual([1012, 1012, 1012])
    expect(running.bugs).toEqual([])
  })

  it('comes also when the disk answers no more', async () => {
    const store = new StuckStore()
    const running = await relay({}, { ws, store })
    const card = newSecret()
    await enrolCard(running.url, card)
    const wire = await Wire.as(running.url, card)
    store.stuck = true
    const written = wire.write(card, [listing(1n)])
    const other = await Wire.open(running.url)
    await other.done({ kind: 'ping' })
    const failed = expect(written).rejects.toThrow('closed')
    await running.stop()
    await failed
    expect(wire.closed!.code).toBe(1012)
    expect(running.bugs).toEqual([])
  })
})

describe.each([
  // Its own bound of pings that wait for their answers, without a close frame.
  ['ws', true, 1006],
  ['uws', false, 1008],
])('WebSocket pings on %s', (_kind, ws, code) => {
  it('whose answers nobody reads end the session', async () => {
    const metrics = new Metrics()
    const running = await relay({}, { ws, metrics })
    const wire = await Wire.open(running.url)
    wire.socket.pause()
    const sessions = async () => Number(/^cairn_sessions (\d+)$/mu.exec(await metrics.text())![1])
    expect(await sessions()).toBe(1)
    const data = Buffer.alloc(125)
    let sent = 0
    for (; (await sessions()) === 1 && sent < 2_000_000; sent += 1_000) {
      for (let i = 0; i < 1_000; i++) wire.socket.ping(data)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await sessions()).toBe(0)
    if (!ws) expect(sent).toBeGreaterThan(60_000)
    wire.socket.resume()
    await wire.until(() => wire.closed !== undefined, 30_000)
    expect(wire.closed!.code).toBe(code)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('sessions and time', () => {
  it('are pinged, kicked when silent, and ended when idle', async () => {
    const running = await relay({ pingIntervalMs: 50, kickTimeoutMs: 3_000, idleSessionSeconds: 1 })
    await enrolCard(running.url, newSecret())
    const silent = await Wire.open(running.url)
    await silent.subscribe()
    silent.answering = false
    const good = await Wire.open(running.url)
    await good.subscribe()
    await silent.until(() => silent.closed !== undefined)
    expect(silent.closed).toEqual({ code: 1008, reason: 'no sign of life' })
    expect(silent.events.filter((event) => event === 'ping').length).toBeGreaterThan(1)
    const idle = await Wire.open(running.url)
    await idle.until(() => idle.closed !== undefined)
    expect(idle.closed!.code).toBe(1008)
    expect(good.closed).toBeUndefined()
    await running.stop()
    await good.until(() => good.closed !== undefined)
    expect(good.closed!.code).toBe(1012)
    expect(running.bugs).toEqual([])
  })

  it('are limited per address (429), in all (503) and in rate (429)', async () => {
    const statusOf = (url: string, options = {}) =>
      Wire.open(url, options).then(
        () => 101,
        (error: Error) => Number(/\d{3}/u.exec(error.message)?.[0]),
      )
    const perAddress = await relay({ sessionsPerAddressMax: 2, sessionsMax: 3 })
    const hostile = { localAddress: '127.0.0.2' }
    expect(await statusOf(perAddress.url, hostile)).toBe(101)
    expect(await statusOf(perAddress.url, hostile)).toBe(101)
    expect(await statusOf(perAddress.url, hostile)).toBe(429)
    expect(await statusOf(perAddress.url)).toBe(101)
    expect(await statusOf(perAddress.url)).toBe(503)
    await perAddress.stop()
    const rate = await relay({ upgradesPerSecond: 1, upgradesBurst: 2 })
    expect([await statusOf(rate.url), await statusOf(rate.url), await statusOf(rate.url)]).toEqual([101, 101, 429])
    await rate.stop()
  })

  it('hold 1,024 requests in flight; what is beyond is refused and the session lives', async () => {
    const running = await relay()
    const secret = newSecret()
    await enrolCard(running.url, secret)
    const wire = await Wire.as(running.url, secret)
    await wire.done({ kind: 'write', patchSet: wire.signed(secret, [listing(1n)]) })
    const writes = Array.from({ length: 2_500 }, (_, i) =>
      wire.write(secret, [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: BigInt(i) }]),
    )
    const answers = await Promise.all(writes)
    const refused = answers.filter((answer) => !(answer instanceof Uint8Array)) as Refused[]
    for (const { code } of refused) expect(code).toBe(ErrorCode.TOO_MANY_CONCURRENT_REQUESTS)
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(1_024)
    expect(await wire.ask({ kind: 'ping' })).toBeInstanceOf(Uint8Array)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('enrolment', () => {
  it('gives a shop to the wallet that names it first, and cards to one shop each', async () => {
    const running = await relay()
    const [first, second, guest] = [newSecret(), newSecret(), newSecret()]
    await expect(enrolCard(running.url, guest, { guest: true })).rejects.toThrow(/not known/u)
    await enrolCard(running.url, first)
    await enrolCard(running.url, second)
    await expect(enrolCard(running.url, second)).rejects.toThrow(/enrolled already/u)
    await expect(enrolCard(running.url, first, { shop: SHOP + 1n })).rejects.toThrow(/enrolled already/u)
    await expect(enrolCard(running.url, newSecret(), { wallet: '34'.repeat(32) })).rejects.toThrow(/no right/u)
    await enrolCard(running.url, guest, { wallet: '34'.repeat(32), guest: true })
    expect(OWNER).toHaveLength(64)
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  it('of one new shop by ten wallets at once leaves one owner', async () => {
    const running = await relay()
    const attempts = Array.from({ length: 10 }, (_, i) =>
      enrolCard(running.url, newSecret(), { wallet: `${i + 10}`.repeat(32) }).then(
        () => true,
        () => false,
      ),
    )
    const won = (await Promise.all(attempts)).filter(Boolean)
    expect(won).toHaveLength(1)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

/** Takes the card at this place out of the owner's account. */
const unlink = (place: bigint) => ({ op: 'remove', path: ['Accounts', ACCOUNT, 'KeyCards', place] }) as const

/** Its answers can be held back while the truth changes. */
class SlowRegistry extends DevelopmentRegistry {
  lost = false
  asked: Promise<void> = Promise.resolve()
  release: () => void = () => undefined
  private told: () => void = () => undefined
  private gate: Promise<void> | undefined

  hold(): void {
    this.asked = new Promise((resolve) => (this.told = resolve))
    this.gate = new Promise((resolve) => (this.release = resolve))
  }

  override async owns(shopId: bigint, wallet: Uint8Array): Promise<boolean> {
    const truth = !this.lost && (await super.owns(shopId, wallet))
    this.told()
    await this.gate
    return truth
  }
}

/** A disk that takes a commit and says nothing, for a while or for ever. */
class StuckStore extends MemoryStore {
  stuck = false
  private gate = Promise.resolve()

  /** Returns what lets the commits go. */
  hold(): () => void {
    let free = () => {}
    this.gate = new Promise((resolve) => (free = resolve))
    return () => free()
  }

  override async commit(commit: Commit): Promise<void> {
    if (this.stuck) await new Promise(() => undefined)
    await this.gate
    return super.commit(commit)
  }
}
