/**
 * The page at `/` with what is wrong around it: addresses that name nothing, a clock that is slow, a kept card that is
 * none, wallets that are none, and a browser that lacks something. No relay is accused, and no page is blank.
 */

import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMITTED } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import type { PaidShop } from '../fixtures/paid-shop.js'
import { map, SHOP } from '../fixtures/relay-harness.js'
import {
  button,
  fillAddress,
  flaws,
  link,
  newReader,
  openPage,
  openSockShop,
  orderIs,
  proven,
  putIntoCart,
  SOCKS,
} from '../fixtures/storefront-page.js'

const FLOW_MS = 300_000

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

async function reader(script?: string): Promise<BrowserContext> {
  const context = await newReader(browser)
  if (script !== undefined) await context.addInitScript(script)
  return context
}

const alarms = (page: Page) => page.getByText('Do not buy here').count()

test('an address that names nothing shows what is sold', { timeout: FLOW_MS }, async () => {
  const context = await reader()
  for (const query of ['listing=0', 'order=0', 'tag=', 'shop=', `listing=${1n << 64n}`, `order=${1n << 64n}`]) {
    const { page, complaints } = await openPage(context, `${shop.relay.url}/?${query}`)
    await proven(page)
    expect([query, await page.locator('.card').count(), complaints]).toEqual([query, 2, []])
    expect(await page.locator('.card a').first().getAttribute('href')).toMatch(/^\/\?listing=\d+$/u)
    await page.close()
  }
  await context.close()
})

test('a clock that is slow is named, with both times, and no relay is accused', { timeout: FLOW_MS }, async () => {
  const context = await reader('{ const { now } = Date; Date.now = () => now() - 10 * 60_000 }')
  const { page } = await openPage(context, `${shop.relay.url}/`)
  const told = page.getByRole('alert').filter({ hasText: 'The clock of this device may be wrong' })
  await told.waitFor()
  expect((await told.innerText()).match(/\d{1,2}:\d\d:\d\d/gu)?.length).toBeGreaterThanOrEqual(2)
  expect(await alarms(page)).toBe(0)
  expect(await flaws(page)).toEqual([])
  await context.close()
})

test.each(['00', 'ff'])('a kept card of bytes %s, which is no key, is not used', { timeout: FLOW_MS }, async (byte) => {
  const context = await reader(`localStorage.setItem('cairn card ${SHOP}', '${byte.repeat(32)}')`)
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  expect(await alarms(page)).toBe(0)
  await context.close()
})

test.each([
  ['5', 'There is no such shop here', 'no shop of the number 5'],
  ['0', 'There is no such shop here', 'no shop of the number 0'],
  ['abc', 'That is no number of a shop', 'stands abc'],
  [String(1n << 256n), 'That is no number of a shop', String(1n << 256n)],
])('?shop=%s: the page says what is wrong, accuses nobody, and leads home', { timeout: FLOW_MS }, async (...row) => {
  const [number, title, told] = row
  const context = await reader()
  const { page, complaints } = await openPage(context, `${shop.relay.url}/?shop=${number}`)
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
  await page.getByRole('main').getByText(told).waitFor()
  expect(await page.locator('.notice, .alarm').count()).toBe(0)
  expect(await flaws(page)).toEqual([])
  await link(page, 'To the shop of this relay').click()
  await proven(page)
  expect(complaints).toEqual([])
  await context.close()
})

test('a page that was made wrongly accuses nobody', { timeout: FLOW_MS }, async () => {
  const context = await reader()
  // What the relay says of itself is none of its addresses.
  await context.route(`${shop.relay.url}/?*`, async (route) => {
    const body = (await (await route.fetch()).text()).replace(/data-relay="\w+"/u, 'data-relay="0x12"')
    await route.fulfill({ contentType: 'text/html', body })
  })
  const { page } = await openPage(context, `${shop.relay.url}/?tag=`)
  await page.getByRole('heading', { name: 'This page could not go on' }).first().waitFor()
  expect(await alarms(page)).toBe(0)
  // Of what could not be looked at nobody knows that there is nothing.
  for (const [query, denied] of [
    ['', 'Nothing is for sale here'],
    ['listing=5&', 'This is not sold here'],
    ['order=5&', 'No such order'],
    ['view=orders&', 'There is none yet'],
  ] as const) {
    await page.goto(`${shop.relay.url}/?${query}tag=`)
    await page.locator('.proof.is-halted, #main :text("could not be looked at")').first().waitFor()
    expect([query, await page.getByText(denied).count()]).toEqual([query, 0])
  }
  await context.close()
})

/** Socks in the cart, and all of the address typed. */
async function filledCheckout(context: BrowserContext): Promise<Page> {
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await page.goto(`${shop.relay.url}/?view=checkout`)
  await fillAddress(page)
  return page
}

test('a field of the address that the shop does not take is named, and gone to', { timeout: FLOW_MS }, async () => {
  const context = await reader()
  const page = await filledCheckout(context)
  // Browsers take both.
  await page.getByLabel('E-mail').fill('ada@example')
  await page.getByLabel('Town').fill(' ')
  const wrong = page.locator('[aria-invalid]')
  const told = async () => {
    expect(await wrong.count()).toBe(1)
    return wrong.evaluate((field: HTMLInputElement) => [
      field.labels![0]!.innerText,
      document.getElementById(field.getAttribute('aria-describedby')!)!.innerText,
      document.activeElement === field,
    ])
  }
  expect(await wrong.count()).toBe(0)
  await button(page, 'Order').click()
  await wrong.waitFor()
  expect(await told()).toEqual(['Town', 'This must not be blank.', true])
  expect(await flaws(page)).toEqual([])
  await page.getByLabel('Town').fill('Summit')
  expect(await told()).toEqual(['E-mail', 'This must be an e-mail address: name@host.domain.', false])
  await page.getByLabel('Town').focus()
  await button(page, 'Order').click()
  await expect.poll(async () => (await told())[2]).toBe(true)
  await page.getByLabel('E-mail').fill('ada@example.org')
  expect(await wrong.count()).toBe(0)
  await context.close()
})

test('a typed address is still there after a reload', { timeout: FLOW_MS }, async () => {
  const context = await reader()
  const page = await filledCheckout(context)
  await page.getByLabel('Country').selectOption('DE')
  await page.getByLabel('Flat, building or state').fill('Room 3')
  await page.reload()
  await page.getByLabel('Town').press('End')
  await page.getByLabel('Town').pressSequentially('s')
  const values = page.locator('.address input, .address select')
  const kept = await values.evaluateAll((all) => all.map((field) => (field as HTMLInputElement).value))
  expect(kept).toEqual(['Ada Guest', 'ada@example.org', 'Hut 1', 'Room 3', '10000', 'Summits', 'DE'])
  await context.close()
})

/** Of EIP-6963, what an extension should not say. */
const HOSTILE = `
  const provider = { request: async ({ method }) => { (window.asked ??= []).push(method); throw new Error('no') } }
  const names = { '': 'Empty', n: null, o: { a: 1 }, l: 'L'.repeat(5000), page: 'The page', test: 'Test wallet' }
  const details = Object.entries(names).map(([uuid, name]) =>
    Object.freeze({ info: Object.freeze({ uuid, name, icon: 5, rdns: 'x' }), provider }))
  details.unshift(null, {}, { info: { uuid: 'x', name: 'No provider' } })
  const tell = () => details.forEach((detail) =>
    dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })))
  addEventListener('eip6963:requestProvider', tell)
  tell()
`

test('what is no wallet is not offered, and none is asked in the place of the page', { timeout: FLOW_MS }, async () => {
  const context = await reader(HOSTILE)
  const { page, complaints } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await link(page, 'See the cart').click()
  await link(page, 'Go to checkout').click()
  await fillAddress(page)
  expect(await page.locator('.choice').allInnerTexts()).toEqual([
    'This browser, by a key that it makes now',
    'The page, which signs once',
    'Test wallet, which signs once',
  ])
  await page.getByRole('radio', { name: 'This browser' }).check()
  await button(page, 'Order').click()
  await orderIs(page, COMMITTED)
  expect(await page.evaluate('window.asked')).toBeUndefined()
  expect(complaints).toEqual([])
  await context.close()
})

test('a page that breaks says so in kind words, and leads back', { timeout: FLOW_MS }, async () => {
  const context = await reader('delete Intl.ListFormat')
  const { page } = await openPage(context, `${shop.relay.url}/`)
  await proven(page)
  await putIntoCart(page, 'Wool socks')
  await shop.write({ op: 'replace', path: ['Listings', SOCKS, 'StockStatuses'], value: [SOLD_OUT] })
  await page.goto(`${shop.relay.url}/?view=cart`)
  await page.getByRole('heading', { name: 'This page could not be shown' }).waitFor()
  expect(await flaws(page)).toEqual([])
  await link(page, 'Back to the shop').click()
  await proven(page)
  await context.close()
})

const SOLD_OUT = map({ VariationIDs: null, InStock: false })
