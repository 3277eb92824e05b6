/**
 * What the page at `/` must not lose: the key of an order that is placed, a cart while its guest gets his key, and a
 * key that the relay does not know any more.
 */

import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCard } from 'cairn-relay/card'
import { fromHex, prefixedHex, toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { connect } from '../../src/client/shop-client.js'
import { COMMITTED } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import type { PaidShop } from '../fixtures/paid-shop.js'
import { SHOP } from '../fixtures/relay-harness.js'
import {
  announceWallet,
  button,
  fillAddress,
  flaws,
  link,
  newReader,
  openPage,
  openSockShop,
  order,
  orderIs,
  proven,
  putIntoCart,
  WAIT_MS,
} from '../fixtures/storefront-page.js'

const FLOW_MS = 400_000

let browser: Browser
let shop: PaidShop
beforeAll(async () => {
  browser = await openChromium()
  shop = await openSockShop()
})
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})

const home = () => `${shop.relay.url}/`
const keptOf = (page: Page, name: string) => page.evaluate((key) => localStorage.getItem(key), `cairn ${name} ${SHOP}`)
const badge = (page: Page, count: number) =>
  page.locator('.badge', { hasText: new RegExp(`^${count}$`, 'u') }).waitFor()

/** In a window whose wallet asks its guest, and waits. */
async function askedWallet(context: BrowserContext): Promise<Page> {
  const { page } = await openPage(context, home())
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page, 'Trial Wallet')
  await page.waitForFunction(() => 'confirmInWallet' in globalThis)
  return page
}

/** Confirms what was asked long ago, and waits until the relay has the card of it. */
async function confirmLate(page: Page): Promise<void> {
  const isEnrolment = (url: string) => url.endsWith('/v4/enroll_key_card?guest=1')
  const enrolled = page.waitForResponse((response) => isEnrolment(response.url()))
  await page.evaluate(() => (globalThis as unknown as { confirmInWallet(): void }).confirmInWallet())
  await (await enrolled).finished()
  // What follows an answer follows it at once.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))
}

test(
  'a wallet that signs after its guest ordered without it takes nothing from him',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    await announceWallet(context, shop.chain.rpcUrl, true)
    const page = await askedWallet(context)
    await order(page, 'This browser')
    await orderIs(page, COMMITTED)
    const key = await keptOf(page, 'card')
    await confirmLate(page)
    expect(await keptOf(page, 'card')).toBe(key)
    await page.reload()
    await orderIs(page, COMMITTED)
    await context.close()
  },
)

test('nor does one of another tab, whose guest is known there by then', { timeout: FLOW_MS }, async () => {
  const context = await newReader(browser)
  await announceWallet(context, shop.chain.rpcUrl, true)
  const waiting = await askedWallet(context)
  const { page } = await openPage(context, home())
  await badge(page, 1)
  await order(page, 'This browser')
  await orderIs(page, COMMITTED)
  const key = await keptOf(page, 'card')
  await waiting.getByText('Nothing is in your cart.').waitFor()
  await confirmLate(waiting)
  expect(await keptOf(waiting, 'card')).toBe(key)
  await page.reload()
  await orderIs(page, COMMITTED)
  await context.close()
})

/** The browser never ends to write what an outbox keeps: what it would be if the page were closed at that moment. */
const UNKEPT = `
  const { put } = IDBObjectStore.prototype
  IDBObjectStore.prototype.put = function (value, key) {
    const goOn = () => { if (String(key).endsWith('outbox')) this.get('').onsuccess = goOn }
    goOn()
    return put.call(this, value, key)
  }
`

test('a page that is closed while its guest gets his key loses no cart', { timeout: FLOW_MS }, async () => {
  const context = await newReader(browser)
  const page = await context.newPage()
  await page.addInitScript(UNKEPT)
  await page.goto(home())
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page)
  await expect.poll(() => keptOf(page, 'card'), { timeout: WAIT_MS }).not.toBeNull()
  await page.close()

  const { page: next } = await openPage(context, `${home()}?view=checkout`)
  await badge(next, 1)
  await expect.poll(() => keptOf(next, 'cart'), { timeout: WAIT_MS }).toBeNull()
  await next.reload()
  await badge(next, 1)
  await fillAddress(next)
  await button(next, 'Order').click()
  await orderIs(next, COMMITTED)
  await badge(next, 0)
  await next.reload()
  await orderIs(next, COMMITTED)
  await badge(next, 0)
  await context.close()
})

test('a key that the relay does not know is set aside, and its guest may save it', { timeout: FLOW_MS }, async () => {
  const context = await newReader(browser)
  const { page } = await openPage(context, home())
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page)
  await orderIs(page, COMMITTED)
  const key = (await keptOf(page, 'card'))!
  await shop.owner.close()
  const relay = prefixedHex(shop.relay.address)
  const owner = await connect({ url: shop.relay.url, shop: SHOP, relay, key: shop.ownerCard })
  await owner.removeCard(publicKeyOf(fromHex(key)))
  owner.close()

  const told = page.locator('.notices').getByText('The key is set aside, not deleted')
  await told.waitFor()
  expect([await keptOf(page, 'card'), await keptOf(page, 'card aside')]).toEqual([null, key])
  expect(await flaws(page)).toEqual([])
  const save = page.locator('.notices').getByRole('button', { name: 'Save the old key as a file' })
  const [file] = await Promise.all([page.waitForEvent('download'), save.click()])
  const saved = importCard(readFileSync(await file.path(), 'utf8').trim(), { shop: SHOP })
  expect(toHex(saved.secret)).toBe(key)
  await button(page, 'Close').click()
  await told.waitFor({ state: 'detached' })
  await link(page, 'Orders').click()
  await page.getByRole('main').getByText('The key is set aside, not deleted').waitFor()
  expect(await flaws(page)).toEqual([])
  await context.close()
})
