/**
 * The page at `/` for a guest whose shop goes away and comes back, who has two tabs, two devices and a wallet of his
 * browser (EIP-6963), and who wants what others bought before him.
 */

import type { Browser, BrowserContext, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMITTED, PAID, UNPAID } from '../../src/objects/order.js'
import type { Change } from '../../src/patches/patch.js'
import { openChromium } from '../fixtures/chromium.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { listing, map, stock } from '../fixtures/relay-harness.js'
import {
  announceWallet,
  button,
  fillAddress,
  flaws,
  link,
  newReader,
  openPage,
  order,
  orderIs,
  proven,
  putIntoCart,
  WAIT_MS,
} from '../fixtures/storefront-page.js'

const FLOW_MS = 400_000
const SOCKS = 2n
const SPORK = 3n
const REFUSED_MS = 50

let browser: Browser
let shop: PaidShop

beforeAll(async () => {
  browser = await openChromium()
  shop = await PaidShop.open({ flags: ['--price-source', 'fixed', '--price-factor', '1500'] })
  const sold = (id: bigint, Title: string) =>
    listing(id, {
      Metadata: map({ Title, Description: 'For the way up' }),
      Price: 10n ** 16n,
      StockStatuses: [map({ VariationIDs: null, InStock: true })],
    })
  await shop.write(sold(SOCKS, 'Wool socks'), sold(SPORK, 'Spork'))
  await shop.write(stock(SOCKS, 50n), stock(SPORK, 1n))
  await shop.write(regionWith({}))
})
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})

/** The shop sends to anywhere. */
function regionWith(more: Parameters<typeof map>[0]): Change {
  const anywhere = map({ Country: '', PostalCode: '', City: '', ...more })
  return { op: 'replace', path: ['Manifest', 'ShippingRegions'], value: map({ anywhere }) }
}

/** The live connections of a reader: the page itself, and its pictures, come all the same. */
async function network(context: BrowserContext) {
  const open = new Set<WebSocketRoute>()
  let isAway = false
  await context.routeWebSocket(/\/v[45]\//u, (socket) => {
    // One that is closed before it is open tells its page nothing.
    if (isAway) return void setTimeout(() => void socket.close(), REFUSED_MS)
    open.add(socket)
    socket.connectToServer()
  })
  return {
    async away() {
      isAway = true
      for (const socket of open) await socket.close()
      open.clear()
    },
    /** As the browser tells of a network that is back. */
    async back() {
      isAway = false
      for (const page of context.pages()) await page.evaluate(() => dispatchEvent(new Event('online')))
    },
  }
}

/** Once what a guest's client holds is kept for his next visit. */
async function isKept(page: Page): Promise<void> {
  const places = () =>
    page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const opening = indexedDB.open('cairn-replicas')
          opening.addEventListener('success', () => {
            const asked = opening.result.transaction('replicas').objectStore('replicas').getAllKeys()
            asked.addEventListener('success', () => (opening.result.close(), resolve(asked.result as string[])))
          })
        }),
    )
  const isGuests = (place: string) => /^storefront \d+ [0-9a-f]{16}$/u.test(place)
  await expect.poll(async () => (await places()).some(isGuests), { timeout: WAIT_MS }).toBe(true)
}

const notice = (page: Page, text: RegExp) => page.locator('.notices').getByText(text)
const badge = (page: Page, count: number) =>
  page.locator('.badge', { hasText: new RegExp(`^${count}$`, 'u') }).waitFor()

/** A reader whose order of wool socks is reserved. */
async function guestWithOrder() {
  const context = await newReader(browser)
  const net = await network(context)
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await order(page)
  await orderIs(page, COMMITTED)
  return { context, net, page }
}

test(
  'an order that is made while the shop is away is pending, over a reload too, and made once',
  { timeout: FLOW_MS },
  async () => {
    const { context, net, page } = await guestWithOrder()
    await isKept(page)
    await net.away()
    await notice(page, /The shop does not answer/u).waitFor()
    expect(await flaws(page)).toEqual([])
    await putIntoCart(page, 'Wool socks')
    await order(page)
    await page.locator('.state', { hasText: 'Pending' }).waitFor()
    await badge(page, 0)
    expect(await flaws(page)).toEqual([])
    await page.reload()
    await page.locator('.state', { hasText: 'Pending' }).waitFor()
    await link(page, 'cairn').first().click()
    // What was kept is there before anything can be asked, and says so.
    await page.locator('.proof', { hasText: 'From your last visit' }).waitFor()
    expect(await page.locator('.card').count()).toBe(3)
    await net.back()
    await proven(page)
    await link(page, 'Orders').click()
    await page.locator('.tag', { hasText: 'Placed' }).nth(1).waitFor()
    expect(await page.locator('.tag').count()).toBe(2)
    await context.close()
  },
)

test(
  'a second tab shows the same cart and goes on; the first one says so, and goes on when it is looked at',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    const { page: one } = await openPage(context, `${shop.relay.url}/`)
    await proven(one)
    await putIntoCart(one, 'Wool socks')
    const { page: two } = await openPage(context, `${shop.relay.url}/`)
    await badge(two, 1)
    await order(one)
    await orderIs(one, COMMITTED)
    await badge(two, 0)
    // Both are the guest now, and who is looked at is connected.
    await two.evaluate(() => dispatchEvent(new Event('focus')))
    await link(two, 'Orders').click()
    await two.locator('.tag', { hasText: 'Placed' }).waitFor()
    await notice(one, /You use this shop in another tab/u).waitFor()
    // What stands there is not called proven, as if it were of now.
    await one.locator('.proof.is-elsewhere', { hasText: /As it was.*goes on in another tab/su }).waitFor()
    expect(await flaws(one)).toEqual([])
    await putIntoCart(two, 'Wool socks')
    await badge(one, 1)
    await one.evaluate(() => dispatchEvent(new Event('focus')))
    await notice(two, /You use this shop in another tab/u).waitFor()
    await link(one, 'cairn').first().click()
    await proven(one)
    await context.close()
  },
)

test(
  'a wallet of the browser signs for the card and pays in a token; the key goes to another device',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    await announceWallet(context, shop.chain.rpcUrl)
    const { page, complaints } = await openPage(context, `${shop.relay.url}/`)
    await proven(page)
    await putIntoCart(page, 'Wool socks')
    await order(page, 'Trial Wallet')
    await orderIs(page, COMMITTED)
    await page.getByRole('radio', { name: 'TEST' }).check()
    await button(page, 'Pay with Trial Wallet').click()
    // In this money nothing stood on the page yet.
    await another(page).getByText('In this money it is another number.').waitFor()
    expect(await flaws(page)).toEqual([])
    await button(page, /^I agree to .*TEST$/u).click()
    await another(page).waitFor({ state: 'detached' })
    await button(page, 'Pay with Trial Wallet').click()
    await orderIs(page, PAID)
    await page.getByRole('region', { name: 'Keep your key' }).waitFor()
    expect(await flaws(page)).toEqual([])
    await button(page, 'Show it as a code').click()
    expect(await page.getByRole('img', { name: 'Your key as a QR code' }).count()).toBe(1)
    expect(await flaws(page)).toEqual([])
    const text = (await page.getByTestId('key-text').innerText()).trim()
    await button(page, 'Done').click()
    // Offered once.
    await page.getByRole('region', { name: 'Keep your key' }).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await context.close()

    const phone = await newReader(browser)
    const { page: there } = await openPage(phone, `${shop.relay.url}/?view=orders`)
    await there.locator('summary').click()
    await there.getByLabel('The key’s text').fill(`${text}x`)
    await button(there, 'Open my orders').click()
    await there.getByText('This is not a key of this shop').waitFor()
    await there.getByLabel('The key’s text').fill(text)
    await button(there, 'Open my orders').click()
    await there.locator('.tag', { hasText: 'Paid' }).waitFor()
    expect(await flaws(there)).toEqual([])
    await phone.close()
  },
)

test(
  'what was sold meanwhile is said of the cart, and of the order that wants more than there is',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    const { page } = await openPage(context, `${shop.relay.url}/`)
    await proven(page)
    await putIntoCart(page, 'Spork')
    await link(page, 'See the cart').click()
    await button(page, 'One Spork more').click()
    await order(page)
    await page.getByText('Spork: there are not as many left as you want.').waitFor()
    expect(await page.locator('.notices .is-refused').count()).toBe(0)
    expect(await flaws(page)).toEqual([])
    const inStock = (InStock: boolean) =>
      ({ op: 'replace', path: ['Listings', SPORK, 'StockStatuses', 0n, 'InStock'], value: InStock }) as const
    await shop.write(inStock(false))
    await page.getByText('Spork was sold out while you looked.').waitFor()
    expect(await button(page, 'Order').isDisabled()).toBe(true)
    await link(page, 'Back to the cart').click()
    expect(await link(page, 'Go to checkout').count()).toBe(0)
    expect(await flaws(page)).toEqual([])
    await button(page, 'Remove Spork').click()
    await page.getByText('Nothing is in it yet.').waitFor()
    await shop.write(inStock(true))
    await context.close()
  },
)

test(
  'an order that is refused after it waited says why, and goes back into the cart',
  { timeout: FLOW_MS },
  async () => {
    const { context, net, page } = await guestWithOrder()
    await net.away()
    await notice(page, /The shop does not answer/u).waitFor()
    await putIntoCart(page, 'Spork')
    await order(page)
    await page.locator('.state', { hasText: 'Pending' }).waitFor()
    await shop.write({ op: 'decrement', path: ['Inventory', SPORK], value: 1n })
    await net.back()
    await notice(page, /Spork: there are not as many left/u).waitFor()
    expect(await flaws(page)).toEqual([])
    await button(page, 'Put it back into the cart').click()
    await badge(page, 1)
    expect(await page.locator('.notices .is-refused').count()).toBe(0)
    await context.close()
  },
)

test('that the shop does not answer is said no more once it does', { timeout: FLOW_MS }, async () => {
  const context = await newReader(browser)
  const net = await network(context)
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await context.route(/\/enroll/u, (route) => route.abort())
  await putIntoCart(page, 'Wool socks')
  await order(page)
  const problem = page.getByRole('main').getByRole('alert').filter({ hasText: 'The shop does not answer.' })
  await problem.waitFor()
  await net.away()
  await notice(page, /The shop does not answer/u).waitFor()
  await context.unroute(/\/enroll/u)
  await net.back()
  await problem.waitFor({ state: 'detached' })
  await context.close()
})

const another = (page: Page) => page.getByRole('alert', { name: 'Another total' })

/** The old one and the new one stand side by side. */
async function bothTotals(page: Page, was: string): Promise<void> {
  await another(page).getByText('The total has changed.').waitFor()
  const [before, now] = await another(page).locator('dd').allInnerTexts()
  expect(before).toBe(was)
  expect(now).not.toBe(was)
  expect(await flaws(page)).toEqual([])
}

test(
  'another price or postage is told with the old total beside it, before an order and before its payment',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    const { page } = await openPage(context, `${shop.relay.url}/`)
    await proven(page)
    await putIntoCart(page, 'Wool socks')
    await link(page, /^Cart/u).click()
    await link(page, 'Go to checkout').click()
    await fillAddress(page)
    const total = page.locator('.sums .total').last()
    const price = (value: bigint) => ({ op: 'replace', path: ['Listings', SOCKS, 'Price'], value }) as const
    const agree = async () => {
      await button(page, /^I agree to/u).click()
      await another(page).waitFor({ state: 'detached' })
    }
    const seen = await total.innerText()
    await shop.write(price(10n ** 17n))
    await bothTotals(page, seen)
    expect(await button(page, /^Order$/u).isDisabled()).toBe(true)
    // Another letter of the address is no consent.
    await page.getByLabel('Town').fill('Valley')
    await bothTotals(page, seen)
    await agree()
    const agreed = await total.innerText()
    await button(page, /^Order$/u).click()
    await orderIs(page, COMMITTED)
    const PriceModifiers = map({ post: map({ ModificationAbsolute: map({ Amount: 10n ** 15n, Plus: true }) }) })
    await shop.write(regionWith({ PriceModifiers }))
    await bothTotals(page, agreed)
    expect(await button(page, 'Pay with Test wallet').isDisabled()).toBe(true)
    await page.reload()
    await bothTotals(page, agreed)
    await agree()
    await button(page, 'Pay with Test wallet').click()
    await orderIs(page, PAID)
    await shop.write(price(10n ** 16n))
    await shop.write(regionWith({}))
    await context.close()
  },
)

test(
  'only what stood on the page is paid: of another price the guest is told first',
  { timeout: FLOW_MS },
  async () => {
    const context = await newReader(browser)
    let isHeld = false
    const held: (() => void)[] = []
    await context.routeWebSocket(/\/v5\//u, (socket) => {
      const server = socket.connectToServer()
      socket.onMessage((frame) => server.send(frame))
      server.onMessage((frame) => {
        if (isHeld) held.push(() => socket.send(frame))
        else socket.send(frame)
      })
    })
    const { page } = await openPage(context, `${shop.relay.url}/`)
    await proven(page)
    await putIntoCart(page, 'Wool socks')
    await order(page)
    await orderIs(page, COMMITTED)
    const total = page.locator('.sums .total').last()
    const before = await total.innerText()
    const price = (value: bigint) => ({ op: 'replace', path: ['Listings', SOCKS, 'Price'], value }) as const
    isHeld = true
    await shop.write(price(10n ** 17n))
    expect(await total.innerText()).toBe(before)
    await button(page, 'Pay with Test wallet').click()
    isHeld = false
    for (const send of held.splice(0)) send()
    await bothTotals(page, before)
    await orderIs(page, UNPAID)
    expect(await flaws(page)).toEqual([])
    expect(await button(page, 'Pay with Test wallet').isDisabled()).toBe(true)
    await button(page, /^I agree to/u).click()
    await button(page, 'Pay with Test wallet').click()
    await orderIs(page, PAID)
    await shop.write(price(10n ** 16n))
    await context.close()
  },
)
