/**
 * `--allowed-origins` (docs/protocol, Allowed origins): which pages a relay answers, over HTTP and WebSocket, on both
 * transports; and what pages of either kind see of it in Chromium.
 */

import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { enrolCard, listing, newSecret, OWNER, relay, SHOP, Wire, type TestRelay } from '../fixtures/relay-harness.js'

const SHOP_PAGE = 'https://shop.example'
const STRANGER = 'https://stranger.example'

let running: TestRelay
afterEach(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** The status of the answer; 101 where it opens. */
function upgrade(origin: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${running.url.replace('http', 'ws')}/v5/sessions`, { ...(origin && { origin }) })
    socket.on('open', () => (socket.terminate(), resolve(101)))
    socket.on('unexpected-response', (_request, response) => (socket.terminate(), resolve(response.statusCode!)))
    socket.on('error', reject)
  })
}

const ask = (path: string, origin: string | undefined, method = 'GET') =>
  fetch(running.url + path, { method, headers: origin === undefined ? {} : { origin } })

describe.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', (_name, ws) => {
  test('a session opens for the origins that are named, the relay’s own, and programs', async () => {
    running = await relay({ allowedOrigins: SHOP_PAGE }, { ws })
    const own = [running.url, running.url.replace('127.0.0.1', 'localhost')]
    for (const origin of [undefined, SHOP_PAGE, ...own]) expect(await upgrade(origin)).toBe(101)
    for (const origin of [STRANGER, 'null', `${SHOP_PAGE}:8443`]) expect(await upgrade(origin)).toBe(403)
  })

  test('HTTP tells whom it answers, refuses others with the reason, and stores nothing of theirs', async () => {
    running = await relay({ allowedOrigins: SHOP_PAGE }, { ws })
    const told = await ask('/', SHOP_PAGE)
    expect([told.status, told.headers.get('access-control-allow-origin')]).toEqual([200, SHOP_PAGE])
    expect(told.headers.get('vary')).toBe('Accept, Origin')
    expect(((await told.json()) as { allowed_origins: unknown }).allowed_origins).toEqual([SHOP_PAGE])
    for (const [path, method] of [
      ['/', 'GET'],
      ['/livez', 'GET'],
      ['/v5/sessions', 'GET'],
      [`/v5/shops/${SHOP}/checkpoint`, 'GET'],
      ['/v4/enroll_key_card', 'POST'],
      ['/v4/upload_blob?token=1', 'POST'],
    ] as const) {
      const refused = await ask(path, STRANGER, method)
      expect([path, refused.status]).toEqual([path, 403])
      expect(((await refused.json()) as { error: string }).error).toContain(`no pages of ${STRANGER}`)
      expect(refused.headers.get('access-control-allow-origin')).toBe(STRANGER)
    }
    const preflight = await ask('/v4/enroll_key_card', STRANGER, 'OPTIONS')
    expect(preflight.status).toBe(204)
  })

  test('by default any page is answered', async () => {
    running = await relay({}, { ws })
    expect(await upgrade(STRANGER)).toBe(101)
    const told = await ask('/', STRANGER)
    expect([told.headers.get('access-control-allow-origin'), told.headers.get('vary')]).toEqual(['*', 'Accept'])
    expect(((await told.json()) as { allowed_origins: unknown }).allowed_origins).toBe('any')
  })
})

describe('in Chromium', () => {
  /** What a page gets of enrolment and connection. */
  const SCRIPT = `
    import { connect } from 'cairn-relay/client'
    import { enrol, makeKeyCard } from 'cairn-relay/enrol'
    import { privateKeyToAccount } from 'viem/accounts'

    const { relay: url, shop, wallet } = Object.fromEntries(new URL(location).searchParams)
    const card = makeKeyCard()
    const told = (error) => error.code + ': ' + error.message
    const enrolled = enrol({ url, shop: BigInt(shop), card: card.publicKey, wallet: privateKeyToAccount(wallet) })
    const outcome = [await enrolled.then(() => 'enrolled', told)]
    const begun = connect({ url, shop: BigInt(shop), relay: 'development', protocol: 5 })
    outcome.push(await begun.then((client) => (client.close(), 'connected'), told))
    document.title = outcome.join(' | ')
  `
  let browser: Browser
  let page: Awaited<ReturnType<typeof servePage>>
  beforeAll(async () => {
    ;[browser, page] = await Promise.all([openChromium(), bundled(SCRIPT).then(servePage)])
  })
  afterAll(async () => {
    await browser?.close()
    page?.close()
  })

  async function outcome(allowedOrigins: string): Promise<string> {
    running = await relay({ allowedOrigins })
    const owner = newSecret()
    await enrolCard(running.url, owner)
    const wire = await Wire.as(running.url, owner)
    await wire.write(owner, [listing(1n)])
    await wire.close()
    const tab = await browser.newPage()
    const asked = new URLSearchParams({ relay: running.url, shop: `${SHOP}`, wallet: `0x${OWNER}` })
    await tab.goto(`${page.url}?${asked.toString()}`)
    await tab.waitForFunction(() => document.title.includes('|'), undefined, { timeout: 60_000 })
    const title = await tab.title()
    await tab.close()
    return title
  }

  test('a page of a named origin enrols and connects', async () => {
    expect(await outcome(new URL(page.url).origin)).toBe('enrolled | connected')
  }, 90_000)

  test('a page of another learns why not, by a code of its own', async () => {
    const refusal = `ORIGIN_REFUSED: the relay answers no pages of ${new URL(page.url).origin}`
    const [enrolled, connected] = (await outcome(SHOP_PAGE)).split(' | ')
    expect(enrolled).toContain(refusal)
    expect(connected).toContain(refusal)
  }, 90_000)
})
