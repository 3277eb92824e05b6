/**
 * Hostile sessions from 127.0.0.2 while a good one works (PROTOCOL §8, §15): the good one notices nothing, no handler
 * throws.
 */

import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { describe, expect, it } from 'vitest'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import {
  enrolCard,
  listing,
  newSecret,
  order,
  relay,
  state,
  stock,
  Wire,
  type Refused,
} from '../fixtures/relay-harness.js'

const HOSTILE = { localAddress: '127.0.0.2' }

describe.each([
  ['uws', false],
  ['ws', true],
])('ten hostile sessions on %s', (_kind, ws) => {
  it('do not disturb a good one', async () => {
    const running = await relay({}, { ws })
    const secret = newSecret()
    await enrolCard(running.url, secret)
    const good = await Wire.as(running.url, secret)
    await good.subscribe()
    await good.done({ kind: 'write', patchSet: good.signed(secret, [listing(1n)]) })
    const attacking = new AbortController()
    const rounds = { attacks: 0 }
    const attack = async (act: (wire: Wire) => void) => {
      while (!attacking.signal.aborted) {
        const wire = await Wire.open(running.url, HOSTILE).catch(() => undefined)
        if (wire === undefined) continue
        act(wire)
        await new Promise((wait) => setTimeout(wait, 10))
        wire.socket.terminate()
        rounds.attacks++
      }
    }
    const frame = (hex: string) => (wire: Wire) => wire.socket.send(Buffer.from(hex, 'hex'))
    const attacks = [
      attack((wire) => wire.socket.send(randomBytes(200))),
      attack(frame('0a0208021a7f')),
      attack(frame('0a020802ffffffffffffffffff7f')),
      attack((wire) => wire.socket.send('text')),
      attack((wire) => wire.socket.send(Buffer.alloc(2 * 1_048_576 + 10))),
      attack((wire) => void wire.write(newSecret(), [listing(2n)]).catch(() => undefined)),
      attack(
        (wire) => void wire.ask({ kind: 'challengeSolution', signature: new Uint8Array(65) }).catch(() => undefined),
      ),
      attack((wire) => {
        for (let i = 0; i < 3_000; i++) wire.send({ requestId: BigInt(i + 1), message: { kind: 'ping' } })
      }),
      attack((wire) => {
        for (let i = 0; i < 100; i++)
          void wire.subscribe(Array.from({ length: 66 }, () => ({ objectType: i % 9 }))).catch(() => undefined)
      }),
      attack((wire) => {
        const half = connectTcp(running.port, '127.0.0.1')
        half.on('error', () => undefined)
        half.write('GET /v4/sessions HTTP/1.1\r\nUpgr')
        setTimeout(() => half.destroy(), 5)
        wire.send({ requestId: 1n, message: { kind: 'authenticate', publicKey: publicKeyOf(secret) } })
        wire.send({ requestId: 1n, message: { kind: 'ping' } })
      }),
    ]
    const latencies: number[] = []
    for (let i = 0; i < 100; i++) {
      const started = performance.now()
      const answer = await good.write(secret, [{ op: 'replace', path: ['Listings', 1n, 'Price'], value: BigInt(i) }])
      expect(answer).toBeInstanceOf(Uint8Array)
      latencies.push(performance.now() - started)
    }
    attacking.abort()
    await Promise.all(attacks)
    expect(rounds.attacks).toBeGreaterThan(20)
    await good.until(() => good.sets.length === 102)
    expect(good.closed).toBeUndefined()
    expect(Math.max(...latencies)).toBeLessThan(30_000)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe.each([
  ['uws', false],
  ['ws', true],
])('in development mode on %s', (_kind, ws) => {
  it('no page of a name that was made to lead here (DNS rebinding) opens a session or is answered', async () => {
    const running = await relay({ publicUrl: 'http://shop.example:8443' }, { ws })
    const open = (host: string) => Wire.open(`http://127.0.0.1:${running.port}`, { headers: { host } })
    for (const host of ['rebound.example', `rebound.example:${running.port}`, '192.0.2.1'])
      await expect(open(host), host).rejects.toThrow(/421/u)
    for (const host of ['shop.example:8443', `localhost:${running.port}`, '127.0.0.1']) await (await open(host)).close()
    const status = (method: string, path: string, host: string) =>
      new Promise((told, failed) => {
        const options = { port: running.port, method, path, headers: { host }, agent: false }
        const asked = request(options, (answer) => told(answer.resume().statusCode))
        asked.on('error', failed).end()
      })
    expect(await status('GET', '/livez', 'localhost')).toBe(200)
    expect(await status('POST', '/v4/enroll_key_card', 'localhost')).toBe(400)
    for (const [method, path] of [
      ['GET', '/livez'],
      ['POST', '/v4/enroll_key_card'],
      ['OPTIONS', '/'],
    ] as const)
      expect(await status(method, path, 'rebound.example')).toBe(421)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('a subscriber that stops reading', () => {
  it('costs bounded memory and delays nobody', async () => {
    const running = await relay()
    const secret = newSecret()
    await enrolCard(running.url, secret)
    const writer = await Wire.as(running.url, secret)
    const deaf = await Wire.open(running.url, HOSTILE)
    await deaf.subscribe()
    deaf.answering = false
    deaf.socket.pause()
    const reader = await Wire.open(running.url)
    await reader.subscribe()
    await writer.done({ kind: 'write', patchSet: writer.signed(secret, [listing(1n)]) })
    global.gc?.()
    const before = process.memoryUsage().rss
    const text = 'x'.repeat(20_000)
    for (let i = 0; i < 1_500; i++) {
      const answer = await writer.write(secret, [
        { op: 'replace', path: ['Listings', 1n, 'Metadata', 'Description'], value: `${i}${text}` },
      ])
      expect(answer).toBeInstanceOf(Uint8Array)
      if (i % 100 === 0) reader.sets.length = 0
    }
    await reader.until(() => reader.sets.at(-1)?.seq === 1_502n)
    // 30 MB were written; the log is in memory here, so what is bounded is what came on top of it.
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 1_048_576)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})

describe('money and stock', () => {
  it('two guests at once cannot sell the same piece, and what a guest may not touch stays', async () => {
    const running = await relay()
    const [owner, a, b] = [newSecret(), newSecret(), newSecret()]
    await enrolCard(running.url, owner)
    await enrolCard(running.url, a, { guest: true })
    await enrolCard(running.url, b, { guest: true })
    const boss = await Wire.as(running.url, owner)
    await boss.done({ kind: 'write', patchSet: boss.signed(owner, [listing(1n), stock(1n, 10n)]) })
    const [ga, gb] = [await Wire.as(running.url, a), await Wire.as(running.url, b)]
    const buy = (wire: Wire, secret: Uint8Array, id: bigint) => wire.write(secret, [order(id, 1n, 1n), state(id, 3n)])
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? buy(ga, a, BigInt(i + 1)) : buy(gb, b, BigInt(i + 1)))),
    )
    const refused = answers.filter((answer) => !(answer instanceof Uint8Array)) as Refused[]
    expect(answers.length - refused.length).toBe(10)
    for (const refusal of refused) expect(refusal).toMatchObject({ code: ErrorCode.OUT_OF_STOCK, objectId: 1n })
    const own = answers.findIndex((answer, i) => i % 2 === 0 && answer instanceof Uint8Array)
    const foreign = BigInt(own + 1)
    expect((await gb.write(b, [state(foreign, 2n)])) as Refused).toMatchObject({
      code: ErrorCode.NOT_FOUND,
      objectId: foreign,
    })
    for (const forged of [4n, 5n, 6n])
      expect((await ga.write(a, [state(foreign, forged)])) as Refused).toMatchObject({ code: ErrorCode.INVALID })
    expect((await ga.write(a, [{ op: 'remove', path: ['Orders', foreign] }])) as Refused).toMatchObject({
      code: ErrorCode.INVALID,
    })
    expect((await ga.write(a, [{ op: 'increment', path: ['Inventory', 1n], value: 5n }])) as Refused).toMatchObject({
      code: ErrorCode.NOT_FOUND,
    })
    expect(await ga.write(a, [state(foreign, 2n)])).toBeInstanceOf(Uint8Array)
    expect(await buy(gb, b, 1_000n)).toBeInstanceOf(Uint8Array)
    await running.stop()
    expect(running.bugs).toEqual([])
  })
})
