/**
 * A guest's page in a real browser: reloads without a network, a private window, and two tabs of one card, which share
 * one session, one cart and one outbox.
 */

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prefixedHex, toHex } from '../../src/bytes/hex.js'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { call, GUEST_SCRIPT, guestPageReady, guestUrl, isKept, openGuestPage } from '../fixtures/guest-page.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

let browser: Browser
let page: Awaited<ReturnType<typeof servePage>>
let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
let isAway = false

beforeAll(async () => {
  ;[browser, page, running] = await Promise.all([openChromium(), bundled(GUEST_SCRIPT).then(servePage), relay()])
  proxy = await lyingProxy(() => (isAway ? 'http://127.0.0.1:9' : running.url))
  const ownerKey = newSecret()
  await enrolCard(running.url, ownerKey)
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key: ownerKey })
  await owner.write([listing(1n), listing(2n)])
  await owner.write([stock(1n, 100n)])
})

afterAll(async () => {
  await browser?.close()
  owner?.close()
  page?.close()
  proxy?.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

async function guestsPlace(): Promise<string> {
  const key = newSecret()
  await enrolCard(running.url, key, { guest: true })
  return guestUrl(page.url, {
    ...{ relay: proxy.url, shop: SHOP, address: prefixedHex(running.address) },
    card: toHex(key),
  })
}

const eventually = { timeout: 30_000, interval: 50 }

test('a reload without a network shows what was kept, keeps cart and order, and sends it once', async () => {
  const context = await browser.newContext()
  const tab = await openGuestPage(context, await guestsPlace())
  await expect.poll(() => call(tab, 'listings'), eventually).toMatchObject({ complete: true, prices: [100, 100] })
  await call(tab, 'add')
  // What is proven is kept within two seconds; the order too is only there with it.
  await call(tab, 'order', 5)
  expect(await call(tab, 'answer', 5)).toBe('taken')
  await expect.poll(() => isKept(tab, 'replica', SHOP), eventually).toBe(true)
  isAway = true
  proxy.cut()
  await call(tab, 'order', 6)
  await expect.poll(() => call(tab, 'pending'), eventually).toBe(1)
  await expect.poll(() => isKept(tab, 'outbox', SHOP), eventually).toBe(true)
  await tab.reload()
  await guestPageReady(tab)
  expect(await call(tab, 'listings')).toMatchObject({ prices: [100, 100] })
  expect([await call(tab, 'cart'), await call(tab, 'pending')]).toEqual([1, 1])
  await expect.poll(() => call(tab, 'state'), eventually).toBe('disconnected')
  expect(await call(tab, 'orders')).toContain(6)
  await expect.poll(() => call(tab, 'listings'), eventually).toMatchObject({ complete: true, isVerified: true })
  isAway = false
  await expect.poll(() => call(tab, 'pending'), eventually).toBe(0)
  await expect.poll(async () => (await call(tab, 'orders')).toSorted((a, b) => a - b), eventually).toEqual([5, 6])
  await context.close()
})

test.each<[what: string, order: number, deny: () => void, isInMemory: boolean]>([
  [
    'without IndexedDB, as in some private windows, it goes on in memory and says so',
    7,
    () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }),
    true,
  ],
  [
    'with a database that never opens, as some Safaris have, it goes on in memory and says so',
    8,
    () => Object.assign(indexedDB, { open: () => new EventTarget() }),
    true,
  ],
  [
    'without locks, as where a browser keeps nothing for a page, it takes no turns',
    9,
    () => Object.assign(navigator.locks, { request: () => Promise.reject(new DOMException('no', 'SecurityError')) }),
    true,
  ],
  [
    'where it may not talk to other tabs, it takes no turns',
    10,
    () => {
      const refuse = function () {
        throw new DOMException('no', 'SecurityError')
      }
      Object.assign(globalThis, { BroadcastChannel: refuse })
    },
    false,
  ],
])('%s', async (_what, order, deny, isInMemory) => {
  const context = await browser.newContext()
  await context.addInitScript(deny)
  const tab = await openGuestPage(context, await guestsPlace())
  await call(tab, 'order', order)
  expect(await call(tab, 'answer', order)).toBe('taken')
  const told = (await call(tab, 'notices')).filter((text) => text.includes('in memory alone'))
  expect(told).toHaveLength(Number(isInMemory))
  await context.close()
})

test('two tabs of one card share session, cart and outbox: each write is taken once', async () => {
  const context = await browser.newContext()
  const place = await guestsPlace()
  const [one, two] = [await openGuestPage(context, place), await openGuestPage(context, place)]
  await expect.poll(() => call(two, 'state'), eventually).toBe('connected')
  await call(one, 'add')
  await expect.poll(() => call(two, 'cart'), eventually).toBe(1)
  // Both write at once: each wants the turn.
  for (const id of [11, 13]) await call(one, 'order', id)
  for (const id of [12, 14]) await call(two, 'order', id)
  const answers = [call(one, 'answer', 11), call(one, 'answer', 13), call(two, 'answer', 12), call(two, 'answer', 14)]
  expect(await Promise.all(answers)).toEqual(['taken', 'taken', 'taken', 'taken'])
  await call(one, 'want')
  await expect.poll(() => call(one, 'state'), eventually).toBe('connected')
  await expect.poll(() => call(two, 'state'), eventually).toBe('disconnected')
  await expect
    .poll(async () => (await call(one, 'orders')).toSorted((a, b) => a - b), eventually)
    .toEqual([11, 12, 13, 14])
  expect([await call(one, 'pending'), await call(two, 'pending')]).toEqual([0, 0])
  // A tab that is closed leaves its turn to the other.
  await one.close()
  await expect.poll(() => call(two, 'state'), eventually).toBe('connected')
  await context.close()
})
