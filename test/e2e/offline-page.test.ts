/**
 * A guest's page in a real browser: reloads without a network, a private window, and two tabs of one card, which share
 * one session, one cart and one outbox.
 */

import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { prefixedHex } from '../../src/bytes/hex.js'
import { connect, type ShopClient } from '../../src/client/shop-client.js'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

/** Gives the page's functions to the test, and says when they are there. */
const SCRIPT = `
  import { connect } from 'cairn-relay/client'
  import { replicaStore } from 'cairn-relay/replica-store'

  const { relay: url, shop, address, card } = Object.fromEntries(new URL(location).searchParams)
  const key = Uint8Array.from(card.match(/../gu), (byte) => parseInt(byte, 16))
  const begun = performance.now()
  const notices = []
  const client = await connect({
    url, shop: BigInt(shop), relay: address, key, offline: true, optimistic: true,
    store: replicaStore('replica ' + shop), outbox: replicaStore('outbox ' + shop),
    onNotice: (text) => notices.push(text),
  })
  const orders = new Map()
  Object.assign(globalThis, {
    notices, firstMs: performance.now() - begun,
    state: () => client.state,
    listings: () => {
      const { status, complete, verified, data } = client.listings().get()
      const prices = (data ?? []).map(({ Price }) => Number(Price))
      return { status, complete, isVerified: verified !== undefined, prices }
    },
    add: () => void client.cart().add({ listing: 1n, quantity: 1n }),
    cart: () => Number(client.cart().get().count),
    order: (id) => void orders.set(id, client.orders.create({ id: BigInt(id), items: [{ listing: 1n, quantity: 1n }] })
      .then(() => 'taken', (error) => error.code)),
    answer: (id) => orders.get(id),
    orders: () => (client.orders.all().get().data ?? []).map(({ ID }) => Number(ID)),
    pending: () => client.outbox().get().pending.length,
    want: () => globalThis.dispatchEvent(new Event('focus')),
  })
  document.title = 'ready'
`

/** The page's functions. */
interface ShopPage {
  readonly notices: readonly string[]
  readonly firstMs: number
  state(): string
  listings(): { status: string; complete: boolean; isVerified: boolean; prices: number[] }
  add(): void
  cart(): number
  order(id: number): void
  answer(id: number): Promise<string>
  orders(): number[]
  pending(): number
  want(): void
}

let browser: Browser
let page: Awaited<ReturnType<typeof servePage>>
let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
let isAway = false

beforeAll(async () => {
  ;[browser, page, running] = await Promise.all([openChromium(), bundled(SCRIPT).then(servePage), relay()])
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
  const asked = { relay: proxy.url, shop: `${SHOP}`, address: prefixedHex(running.address) }
  const card = prefixedHex(key).slice(2)
  return `${page.url}?${new URLSearchParams({ ...asked, card }).toString()}`
}

async function open(context: BrowserContext, place: string): Promise<Page> {
  const tab = await context.newPage()
  await tab.goto(place)
  await ready(tab)
  return tab
}

async function ready(tab: Page): Promise<void> {
  await tab.waitForFunction(() => document.title === 'ready')
}

/** Of the page, once it is as the test waits for it. */
const call = <Name extends keyof ShopPage>(tab: Page, name: Name, ...args: unknown[]) =>
  tab.evaluate(
    ([called, given]) => {
      const shop = globalThis as unknown as Record<string, (...all: unknown[]) => unknown>
      const it = shop[called as string]
      return (typeof it === 'function' ? it(...(given as unknown[])) : it) as never
    },
    [name, args],
  ) as Promise<ShopPage[Name] extends (...all: never[]) => infer Result ? Awaited<Result> : ShopPage[Name]>

const eventually = { timeout: 30_000, interval: 50 }

test('a reload without a network shows what was kept, keeps cart and order, and sends it once', async () => {
  const context = await browser.newContext()
  const tab = await open(context, await guestsPlace())
  await expect.poll(() => call(tab, 'listings'), eventually).toMatchObject({ complete: true, prices: [100, 100] })
  await call(tab, 'add')
  // What is proven is kept within two seconds; the order too is only there with it.
  await call(tab, 'order', 5)
  expect(await call(tab, 'answer', 5)).toBe('taken')
  await expect.poll(() => isKept(tab, 'replica'), eventually).toBe(true)
  isAway = true
  proxy.cut()
  await call(tab, 'order', 6)
  await expect.poll(() => call(tab, 'pending'), eventually).toBe(1)
  await expect.poll(() => isKept(tab, 'outbox'), eventually).toBe(true)
  await tab.reload()
  await ready(tab)
  expect(await call(tab, 'listings')).toMatchObject({ prices: [100, 100] })
  expect([await call(tab, 'cart'), await call(tab, 'pending'), await call(tab, 'state')]).toEqual([
    1,
    1,
    'disconnected',
  ])
  expect(await call(tab, 'orders')).toContain(6)
  await expect.poll(() => call(tab, 'listings'), eventually).toMatchObject({ complete: true, isVerified: true })
  isAway = false
  await expect.poll(() => call(tab, 'pending'), eventually).toBe(0)
  await expect.poll(async () => (await call(tab, 'orders')).toSorted((a, b) => a - b), eventually).toEqual([5, 6])
  await context.close()
})

/** Whether something is kept there, by what a page has in its database. */
function isKept(tab: Page, what: string): Promise<boolean> {
  return tab.evaluate(
    (place) =>
      new Promise<boolean>((resolve) => {
        const opening = indexedDB.open('cairn-replicas')
        opening.addEventListener('success', () => {
          const asked = opening.result.transaction('replicas').objectStore('replicas').count(place)
          asked.addEventListener('success', () => (opening.result.close(), resolve(asked.result > 0)))
        })
      }),
    `${what} ${SHOP}`,
  )
}

test('without IndexedDB, as in some private windows, it goes on in memory and says so', async () => {
  const context = await browser.newContext()
  await context.addInitScript(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }))
  const tab = await open(context, await guestsPlace())
  await call(tab, 'order', 7)
  expect(await call(tab, 'answer', 7)).toBe('taken')
  expect((await call(tab, 'notices')).filter((text) => text.includes('in memory alone'))).toHaveLength(1)
  await context.close()
})

test('two tabs of one card share session, cart and outbox: each write is taken once', async () => {
  const context = await browser.newContext()
  const place = await guestsPlace()
  const [one, two] = [await open(context, place), await open(context, place)]
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
