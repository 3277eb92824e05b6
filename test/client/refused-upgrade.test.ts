/** Why no WebSocket opens: what a page cannot see is asked over HTTP, and a limit is no reason to speak version 4. */

import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { enrol, makeKeyCard, relayDescription } from '../../src/client/enrol.js'
import { bytesFromRelay } from '../../src/client/relay-http.js'
import { connect } from '../../src/client/shop-client.js'
import { whyNotOpened } from '../../src/client/refused-upgrade.js'
import { enrolCard, newSecret, relay, SHOP } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function answering(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe.each([true, false])('a relay (ws: %s)', (ws) => {
  it('that limits connections says when to come again, to pages of other origins too', async () => {
    const clock = new TestClock()
    const running = await relay({ upgradesPerSecond: 1, upgradesBurst: 1 }, { ws, clock })
    const options = { url: running.url, shop: SHOP, relay: running.address }
    await enrolCard(running.url, newSecret())
    const first = await connect(options)
    await expect(connect(options)).rejects.toMatchObject({ code: 'RATE_LIMITED', retryable: true, retryAfter: 1 })
    const told = await fetch(`${running.url}/v5/sessions`, { headers: { Origin: 'http://shop.example' } })
    expect([told.status, told.headers.get('access-control-expose-headers')]).toEqual([429, 'Retry-After'])
    await clock.turn(1_000)
    expect((await fetch(`${running.url}/v5/sessions`)).status).toBe(426)
    first.close()
    await running.stop()
    expect(running.bugs).toEqual([])
  })

  it('that has no room for sessions is UNAVAILABLE, and limits enrolments', async () => {
    const running = await relay(
      { sessionsMax: 1, enrolmentsPerSecond: 1, enrolmentsBurst: 1 },
      { ws, clock: new TestClock() },
    )
    await enrolCard(running.url, newSecret())
    await expect(enrolCard(running.url, newSecret())).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 1 })
    const options = { url: running.url, shop: SHOP, relay: running.address }
    const first = await connect(options)
    await expect(connect(options)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'too many sessions' })
    first.close()
    await running.stop()
  })
})

describe('an enrolment that is refused', () => {
  it('says why by its code', async () => {
    const running = await relay()
    const key = newSecret()
    await enrolCard(running.url, key)
    await expect(enrolCard(running.url, key)).rejects.toMatchObject({ code: 'CARD_TAKEN' })
    const strange = { wallet: '34'.repeat(32) }
    await expect(enrolCard(running.url, newSecret(), strange)).rejects.toMatchObject({ code: 'NO_RIGHT' })
    const wallet = { address: `0x${'11'.repeat(20)}`, signMessage: () => Promise.resolve(`0x${'00'.repeat(65)}`) }
    const card = makeKeyCard().publicKey
    const wrong = enrol({ url: running.url, shop: SHOP, card, wallet })
    await expect(wrong).rejects.toMatchObject({ code: 'ENROLMENT_INVALID' })
    await running.stop()
  })

  it('by a relay that is called by a name which it does not know names the setting', async () => {
    const running = await relay({ publicUrl: 'http://shop.example' })
    const url = `http://127.0.0.1:${new URL(running.listensOn).port}`
    await expect(enrolCard(url, newSecret())).rejects.toMatchObject({
      code: 'ENROLMENT_INVALID',
      message: 'the domain is not shop.example',
      remedy: expect.stringMatching(/--public-url/u),
    })
    await running.stop()
  })

  it('by something that is no relay, or a status that nobody knows', async () => {
    const facts = JSON.stringify({ relay_token_id: '0x1', chain_id: 1 })
    const url = await answering((request, response) => {
      response.statusCode = request.method === 'POST' ? 418 : 200
      response.end(request.url === '/' ? facts : '')
    })
    const wallet = { address: `0x${'11'.repeat(20)}`, signMessage: () => Promise.resolve(`0x${'00'.repeat(65)}`) }
    const options = { url, shop: SHOP, card: makeKeyCard().publicKey, wallet }
    await expect(enrol(options)).rejects.toMatchObject({ code: 'REFUSED', message: 'the relay answers 418' })
    const other = { ...options, url: `${url}/` }
    server!.removeAllListeners('request')
    server!.on('request', (_request, response) => response.end('<html>'))
    await expect(enrol(other)).rejects.toMatchObject({ code: 'NOT_A_RELAY' })
  })
})

it('nothing is said where nobody answers, or where there is no such version', async () => {
  expect(await whyNotOpened('http://127.0.0.1:1', 5, undefined)).toBeUndefined()
  const url = await answering((_request, response) => response.writeHead(404).end())
  expect(await whyNotOpened(url, 5, undefined)).toBeUndefined()
})

it('https to a port that speaks http is told as that', async () => {
  const running = await relay()
  const url = running.url.replace('http:', 'https:')
  const told = {
    code: 'UNREACHABLE',
    message: `no relay answers at ${url}: what answers there does not speak https`,
    remedy: expect.stringMatching(/Write http:\/\//u),
  }
  await expect(connect({ url, shop: SHOP, relay: running.address })).rejects.toMatchObject(told)
  await expect(relayDescription(url)).rejects.toMatchObject(told)
  await expect(bytesFromRelay({ url }, '/v5/hand-overs')).rejects.toMatchObject(told)
  await running.stop()
})

it('a relay that does not answer this page says so by a code of its own, and is not asked again', async () => {
  const error = 'the relay answers no pages of https://stranger.example'
  const url = await answering((_request, response) => response.writeHead(403).end(JSON.stringify({ error })))
  const refused = { code: 'ORIGIN_REFUSED', message: error, retryable: false }
  await expect(connect({ url, shop: SHOP, relay: new Uint8Array(20) })).rejects.toMatchObject(refused)
  await expect(relayDescription(url)).rejects.toMatchObject(refused)
  await expect(bytesFromRelay({ url }, '/v5/hand-overs')).rejects.toMatchObject({ code: 'ORIGIN_REFUSED' })
  // A proxy's own refusal has no such reason.
  server!.removeAllListeners('request')
  server!.on('request', (_request, response) => response.writeHead(403).end('<html>'))
  expect(await whyNotOpened(url, 5, undefined)).toBeUndefined()
  await expect(relayDescription(url)).rejects.toMatchObject({ code: 'NOT_A_RELAY' })
})

it('a relay that answers but opens no WebSocket is told as that, and is not spoken to in version 4', async () => {
  const asked: string[] = []
  const url = await answering(({ url: path }, response) => {
    asked.push(path!)
    response.writeHead(426).end(JSON.stringify({ error: 'a WebSocket upgrade is needed here' }))
  })
  server!.on('upgrade', (request, socket) => {
    asked.push(`upgrade ${request.url}`)
    socket.destroy()
  })
  const options = { url, shop: SHOP, relay: new Uint8Array(20) }
  await expect(connect(options)).rejects.toMatchObject({ code: 'NO_WEBSOCKET', retryable: true })
  expect(asked).toEqual(['upgrade /v5/sessions', '/v5/sessions'])
})
