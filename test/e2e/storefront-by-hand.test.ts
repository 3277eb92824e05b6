/** The page at `/` asks nobody for money that would be lost: by hand, or by a wallet that takes its time. */

import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CborTime } from '../../src/codec/value.js'
import { CANCELED, COMMITTED, UNPAID } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import type { PaidShop } from '../fixtures/paid-shop.js'
import { state } from '../fixtures/relay-harness.js'
import {
  button,
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
  shop = await openSockShop({ flags: ['--price-source', 'fixed', '--price-factor', '1500'] })
})
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})

const payment = (page: Page) => page.getByRole('region', { name: 'Payment' })
const address = (page: Page) => page.locator('.by-hand .key-text')
const idIn = (page: Page) => BigInt(new URL(page.url()).searchParams.get('order')!)

/** A wallet that names its account once the page's `confirmInWallet` is called, and notes what else it is asked. */
async function slowWallet(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const asked: string[] = []
    const request = async ({ method }: { method: string }) => {
      asked.push(method)
      if (method === 'eth_chainId') return '0x7a69'
      if (method !== 'eth_requestAccounts') throw new Error('it does not pay')
      await new Promise<void>((resolve) => Object.assign(globalThis, { confirmInWallet: resolve }))
      return [`0x${'ab'.repeat(20)}`]
    }
    Object.assign(globalThis, { asked })
    const info = { uuid: 'slow', name: 'Slow Wallet', icon: '', rdns: 'org.example.slow' }
    const announce = () =>
      dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: { info, provider: { request } } }))
    addEventListener('eip6963:requestProvider', announce)
    announce()
  })
}

/** A reader whose order is reserved. */
async function guestWithOrder(prepare: (context: BrowserContext) => Promise<void>) {
  const context = await newReader(browser)
  await prepare(context)
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page)
  await orderIs(page, COMMITTED)
  return { context, page }
}

test('the address of one payment is not told for another', { timeout: FLOW_MS }, async () => {
  let isChainAway = false
  const { context, page } = await guestWithOrder(async (context) => {
    await slowWallet(context)
    // What the page asks about the new payment is not answered.
    await context.route(`${shop.chain.rpcUrl}/**`, (route) => (isChainAway ? undefined : route.continue()))
  })
  const pay = button(page, 'Pay with Slow Wallet')
  await pay.click()
  await orderIs(page, UNPAID)
  await address(page).waitFor({ state: 'attached' })
  const first = await address(page).textContent()
  expect(first).toMatch(/^0x[0-9a-f]{40}$/u)
  await page.reload()
  await address(page).waitFor({ state: 'attached' })
  isChainAway = true
  await page.getByRole('radio', { name: 'TEST' }).check()
  await pay.click()
  await button(page, /^I agree to .*TEST$/u).click()
  await payment(page)
    .getByRole('heading', { name: /^To pay: .*TEST$/u })
    .waitFor()
  await page.getByText('One moment: the chain is asked').waitFor({ state: 'attached' })
  expect(await address(page).count()).toBe(0)
  await context.unrouteAll({ behavior: 'ignoreErrors' })
  await address(page).waitFor({ state: 'attached' })
  expect(await address(page).textContent()).not.toBe(first)
  await context.close()
})

test('a wallet that takes its time is not asked for what was canceled', { timeout: FLOW_MS }, async () => {
  const { context, page } = await guestWithOrder(slowWallet)
  const id = idIn(page)
  await button(page, 'Pay with Slow Wallet').click()
  await page.waitForFunction(() => 'confirmInWallet' in globalThis, undefined, { timeout: WAIT_MS })
  await orderIs(page, UNPAID)
  const now = new CborTime(BigInt(Math.floor(Date.now() / 1_000)))
  await shop.write({ op: 'add', path: ['Orders', id, 'CanceledAt'], value: now }, state(id, CANCELED))
  await orderIs(page, CANCELED)
  await page.evaluate(() => (globalThis as unknown as { confirmInWallet: () => void }).confirmInWallet())
  const asked = () => page.evaluate(() => (globalThis as unknown as { asked: string[] }).asked)
  await expect.poll(asked, { timeout: WAIT_MS }).toContain('eth_chainId')
  await page.waitForTimeout(1_000)
  expect(await asked()).not.toContain('eth_sendTransaction')
  await context.close()
})

test('nobody is told how to pay by hand while the shop cannot say what is due', { timeout: FLOW_MS }, async () => {
  const open = new Set<WebSocketRoute>()
  let isAway = false
  const { context, page } = await guestWithOrder(async (context) => {
    await slowWallet(context)
    await context.routeWebSocket(/\/v5\//u, (socket) => {
      if (isAway) return void setTimeout(() => void socket.close(), 50)
      open.add(socket)
      socket.connectToServer()
    })
  })
  await button(page, 'Pay with Slow Wallet').click()
  await orderIs(page, UNPAID)
  await address(page).waitFor({ state: 'attached' })
  isAway = true
  for (const socket of open) await socket.close()
  await address(page).waitFor({ state: 'detached' })
  await orderIs(page, UNPAID)
  isAway = false
  await address(page).waitFor({ state: 'attached' })
  await context.close()
})
