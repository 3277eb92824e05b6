/** Sessions over real sockets (PROTOCOL §8, §9), on both transports. */

import { connect as connectTcp } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { enrolCard, listing, newSecret, OWNER, relay, SHOP, Wire, type Refused, type TestRelay } from './harness.js'

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
    { timeout: 60_000 },
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
      'GET /v4/sessions HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    await new Promise((resolve) => half.once('data', resolve))
    half.write(Buffer.from('82fe', 'hex'))
    const wire = await Wire.open(running.url)
    expect(await wire.ask({ kind: 'ping' })).toEqual(new Uint8Array(0))
    half.destroy()
    await wire.close()
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
