/** The page at `/` asks before anything is paid that its guest did not agree to, whatever shop and network do. */

import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { COMMITTED, PAID, UNPAID } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import type { PaidShop } from '../fixtures/paid-shop.js'
import { SHOP } from '../fixtures/relay-harness.js'
import {
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
  SOCKS,
  WAIT_MS,
} from '../fixtures/storefront-page.js'

const FLOW_MS = 400_000
const [CHEAP, DEAR] = [10n ** 16n, 9n * 10n ** 17n]

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

const change = (field: string, value: bigint) => shop.write({ op: 'replace', path: ['Listings', SOCKS, field], value })
afterEach(async () => {
  await change('Price', CHEAP)
  await change('ViewState', 1n)
})

/** Sets that the relay took. */
const written = () => shop.store.readLog(SHOP, 0, { records: 1_000, bytes: 1_000_000 }).length

/** What the relay says over live connections is held back, or nothing comes through at all. */
async function network(context: BrowserContext) {
  const open = new Set<WebSocketRoute>()
  const held: (() => void)[] = []
  let is: 'open' | 'held' | 'away' = 'open'
  await context.routeWebSocket(/\/v5\//u, (socket) => {
    if (is === 'away') return void setTimeout(() => void socket.close(), 50)
    open.add(socket)
    const server = socket.connectToServer()
    socket.onMessage((frame) => server.send(frame))
    server.onMessage((frame) => {
      if (is === 'held') held.push(() => socket.send(frame))
      else socket.send(frame)
    })
  })
  return {
    hold: () => void (is = 'held'),
    forget: () => void (is = 'open'),
    release() {
      is = 'open'
      for (const send of held.splice(0)) send()
    },
    async away() {
      is = 'away'
      for (const socket of open) await socket.close()
    },
  }
}

const another = (page: Page) => page.getByRole('alert', { name: 'Another total' })
const payment = (page: Page) => page.getByRole('region', { name: 'Payment' })
const payButton = (page: Page) => button(page, 'Pay with Test wallet')
const idIn = (page: Page) => new URL(page.url()).searchParams.get('order')!
const agreedFor = (page: Page, id: string) => page.evaluate((key) => localStorage.getItem(key), `cairn agreed ${id}`)

/** A reader whose first order is reserved. */
async function guestWithOrder() {
  const context = await newReader(browser)
  const net = await network(context)
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page)
  await orderIs(page, COMMITTED)
  return { context, net, page, first: idIn(page) }
}

test('what was agreed to outlives a reload before the order is answered', { timeout: FLOW_MS }, async () => {
  const { context, net, page, first } = await guestWithOrder()
  await putIntoCart(page, 'Wool socks')
  await link(page, /^Cart/u).click()
  await link(page, 'Go to checkout').click()
  await fillAddress(page)
  const agreed = await page.locator('.sums .total').last().innerText()
  const before = written()
  net.hold()
  await button(page, 'Order').click()
  await expect.poll(written, { timeout: WAIT_MS }).toBe(before + 1)
  await change('Price', DEAR)
  net.forget()
  await page.reload()
  await link(page, 'Orders').click()
  await page.locator('.tag', { hasText: 'Placed' }).nth(1).waitFor()
  await page.locator(`.line a:not([title="${first}"])`).click()
  await another(page).getByText('The total has changed.').waitFor()
  expect((await another(page).locator('dd').allInnerTexts())[0]).toBe(agreed)
  expect(await payButton(page).isDisabled()).toBe(true)
  expect(await flaws(page)).toEqual([])
  await context.close()
})

test(
  'a checkout that is refused while another order waits takes nothing from either',
  { timeout: FLOW_MS },
  async () => {
    const { context, net, page } = await guestWithOrder()
    await net.away()
    await page
      .locator('.notices')
      .getByText(/The shop does not answer/u)
      .waitFor()
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight))
    const isOnTop = (shown: Element) => {
      const { x, y, width, height } = shown.getBoundingClientRect()
      return shown.contains(document.elementFromPoint(x + width / 2, y + height / 2))
    }
    expect(await link(page, 'For the merchant').evaluate(isOnTop)).toBe(true)
    await putIntoCart(page, 'Wool socks')
    await order(page)
    await page.locator('.state', { hasText: 'Pending' }).waitFor()
    const waiting = idIn(page)
    const agreed = await agreedFor(page, waiting)
    await putIntoCart(page, 'Wool socks')
    await link(page, /^Cart/u).click()
    await button(page, 'One Wool socks more').click()
    await link(page, 'Go to checkout').click()
    await fillAddress(page)
    // A browser takes it for an address, and the shop does not.
    await page.getByLabel('E-mail').fill('ada@example')
    await button(page, 'Order').click()
    await page.getByText('This must be an e-mail address').waitFor()
    expect(await page.locator('.badge').innerText()).toBe('2')
    expect(page.url()).toContain('view=checkout')
    expect(await agreedFor(page, waiting)).toBe(agreed)
    await context.close()
  },
)

/** He chooses to pay while his page shows no total; the shop has one by then, of which his page hears afterwards. */
async function payUnseen({ net, page, first }: Awaited<ReturnType<typeof guestWithOrder>>, price: bigint) {
  await change('ViewState', 0n)
  const hasNoTotal = () => expect.poll(() => page.locator('.sums .total').count(), { timeout: WAIT_MS }).toBe(0)
  await hasNoTotal()
  // As of an order that came with the key of another device. What was kept of the shop may have a total at first.
  const unseen = async () => {
    await page.evaluate((key) => localStorage.removeItem(key), `cairn agreed ${first}`)
    await page.reload()
    await payButton(page).and(page.locator(':enabled')).waitFor()
    await hasNoTotal()
    return agreedFor(page, first)
  }
  await expect.poll(unseen, { timeout: WAIT_MS }).toBeNull()
  net.hold()
  await change('Price', price)
  await change('ViewState', 1n)
  const before = written()
  await payButton(page).click()
  await expect.poll(written, { timeout: WAIT_MS }).toBeGreaterThan(before)
  net.release()
  await payment(page).getByText('Nothing is paid yet').waitFor()
  await orderIs(page, UNPAID)
}

test('what stood nowhere on the page is shown before it is paid', { timeout: FLOW_MS }, async () => {
  const guest = await guestWithOrder()
  const { context, page } = guest
  await payUnseen(guest, CHEAP)
  await payment(page)
    .getByRole('heading', { name: /^To pay: 0,01/u })
    .waitFor()
  expect(await flaws(page)).toEqual([])
  await payButton(page).click()
  await orderIs(page, PAID)
  await context.close()
})

test('how to pay by hand is not told beside the question whether he agrees', { timeout: FLOW_MS }, async () => {
  const guest = await guestWithOrder()
  const { context, page, first } = guest
  const byHand = page.getByText('Pay from another device')
  const agreed = (await agreedFor(page, first))!
  await payUnseen(guest, DEAR)
  await byHand.waitFor()
  // As if he had chosen on another device how to pay, where it cost more.
  await page.evaluate(([key, text]) => localStorage.setItem(key, text), [`cairn agreed ${first}`, agreed] as const)
  await page.reload()
  await another(page).getByText('The total has changed.').waitFor()
  await orderIs(page, UNPAID)
  expect([await byHand.count(), await payment(page).getByText('To pay:').count()]).toEqual([0, 0])
  expect(await payButton(page).isDisabled()).toBe(true)
  await button(page, /^I agree to/u).click()
  await byHand.waitFor()
  await context.close()
})

test('an order that was made before its total was known is asked about', { timeout: FLOW_MS }, async () => {
  const before = await newReader(browser)
  const { page: chooser } = await openPage(before, `${shop.relay.url}/`)
  await proven(chooser)
  await putIntoCart(chooser, 'Wool socks')
  const name = `cairn cart ${SHOP}`
  const cart = await chooser.evaluate((key) => localStorage.getItem(key)!, name)
  await before.close()

  const context = await newReader(browser)
  const net = await network(context)
  await context.addInitScript(([key, text]) => localStorage.setItem(key, text), [name, cart] as const)
  net.hold()
  const { page } = await openPage(context, `${shop.relay.url}/?view=checkout`)
  await page.getByText('What it comes to is not known yet').waitFor()
  await fillAddress(page)
  expect(await flaws(page)).toEqual([])
  await button(page, 'Order').click()
  net.release()
  await orderIs(page, COMMITTED)
  const asked = page.getByRole('alert', { name: 'The total' })
  await asked.getByText('You ordered before the total was known.').waitFor()
  expect(await payButton(page).isDisabled()).toBe(true)
  expect(await flaws(page)).toEqual([])
  await page.reload()
  await asked.waitFor()
  expect(await payButton(page).isDisabled()).toBe(true)
  await button(page, /^I agree to 0,01/u).click()
  await payButton(page).click()
  await orderIs(page, PAID)
  expect(await agreedFor(page, idIn(page))).toBeNull()
  await context.close()
})
