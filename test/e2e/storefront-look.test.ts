/**
 * What a visitor of the page at `/` sees of what is not for sale, of a cart that cannot be ordered, of an order with
 * all its parts, of pictures that do not come; and that nothing jumps while it loads.
 */

import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { COMMITTED } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { listing, map, stock } from '../fixtures/relay-harness.js'
import {
  button,
  fillAddress,
  flaws,
  link,
  newReader,
  openPage,
  orderIs,
  putIntoCart,
} from '../fixtures/storefront-page.js'
import { SETTLING_MS } from '../../web/storefront/guest.js'

const FLOW_MS = 300_000
const [SOCKS, HIDDEN, SPORK] = [2n, 3n, 4n]

let browser: Browser
let shop: PaidShop
let page: Page
let complaints: string[]

beforeAll(async () => {
  ;[shop, browser] = await Promise.all([PaidShop.open(), openChromium()])
  const about = (Title: string, more = {}) => ({ Metadata: map({ Title, Description: 'For the way up', ...more }) })
  const value = (Title: string) => map({ VariationInfo: map({ Title, Description: Title }) })
  const Variations = map({ L: value('Large'), M: value('Medium'), S: value('Small') })
  const Options = map({ size: map({ Title: 'Size', Variations }) })
  const PriceModifiers = map({ post: map({ ModificationAbsolute: map({ Amount: 3n * 10n ** 15n, Plus: true }) }) })
  const region = map({ Country: '', PostalCode: '', City: '', PriceModifiers })
  const Images = ['https://gone.example/spork.webp']
  await shop.write(
    listing(SOCKS, { ...about('Wool socks'), Price: 10n ** 16n, Options }),
    listing(HIDDEN, { ...about('Ice axe'), ViewState: 0n }),
    listing(SPORK, { ...about('Spork', { Images }), Price: 5n * 10n ** 15n }),
  )
  await shop.write({ op: 'add', path: ['Inventory', SOCKS, 'M'], value: 9n }, stock(HIDDEN, 9n), stock(SPORK, 9n))
  await shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions'], value: map({ anywhere: region }) })
  const context = await newReader(browser)
  await context.route('https://gone.example/**', (route) => route.fulfill({ status: 404 }))
  await context.addInitScript(JUMPS)
  ;({ page, complaints } = await openPage(context, `${shop.relay.url}/`))
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})
afterEach(() => {
  // Chromium tells of a picture that is not there.
  expect(complaints.splice(0).filter((text) => !text.includes('gone.example'))).toEqual([])
  expect(shop.relay.bugs).toEqual([])
})

/** What moved without being touched. A machine that is slow is no reason for a jump: a view waits until it is whole. */
const JUMPS = `
  const { setTimeout: later } = window
  window.setTimeout = (act, ms, ...given) => (ms === ${SETTLING_MS} ? 0 : later(act, ms, ...given))
  window.jumps = []
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput)
        window.jumps.push([value, ...sources.map(({ node }) => node?.className || node?.nodeName)].join(' '))
  }).observe({ type: 'layout-shift', buffered: true })
`

/** Resolves once two looks, some frames apart, are equal: what was painted last is told later than it is painted. */
const AT_REST = `(async () => {
  const look = () => [document.body.innerHTML, document.body.scrollHeight, window.jumps.length].join(' ')
  for (let before; before !== look(); ) {
    before = look()
    for (let i = 0; i < 10; i++)
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))
  }
})()`

/** Loads it in windows of three widths: what moved of itself. */
async function jumpsOf(place: string): Promise<unknown[]> {
  const jumps: unknown[] = []
  for (const width of [320, 768, 1_280]) {
    await page.setViewportSize({ width, height: 800 })
    await page.goto(`${shop.relay.url}${place}`)
    await page.getByRole('heading', { level: 1 }).filter({ hasNotText: 'One moment' }).waitFor()
    await page.getByText('One moment…').waitFor({ state: 'detached' })
    await page.locator('.proof.is-checking').first().waitFor({ state: 'detached' })
    await page.evaluate(AT_REST)
    jumps.push(...(await page.evaluate<string[]>('window.jumps')).map((jump) => [width, jump]))
  }
  await page.setViewportSize({ width: 320, height: 700 })
  return jumps
}

test.each(['/', `/?listing=${SOCKS}`])('nothing jumps while %s loads', { timeout: FLOW_MS }, async (place) => {
  expect(await jumpsOf(place)).toEqual([])
})

test('what is not published is shown to who has its link, and not sold', { timeout: FLOW_MS }, async () => {
  await page.goto(`${shop.relay.url}/?listing=${HIDDEN}`)
  await page.getByText('This is not for sale at the moment.').waitFor()
  expect(await button(page, 'Put into the cart').count()).toBe(0)
  expect(await page.getByText('In stock').count()).toBe(0)
  expect(await flaws(page)).toEqual([])
})

test('a picture that does not come leaves a ground with a word for it', { timeout: FLOW_MS }, async () => {
  await page.goto(`${shop.relay.url}/?listing=${SPORK}`)
  await page.getByRole('img', { name: 'Spork: its picture is missing' }).waitFor()
  expect(await page.locator('img').count()).toBe(0)
  expect(await flaws(page)).toEqual([])
})

test('sizes are told from small to large', { timeout: FLOW_MS }, async () => {
  await page.goto(`${shop.relay.url}/?listing=${SOCKS}`)
  await page.getByRole('radio', { name: 'Small' }).waitFor()
  expect(await page.locator('.choice').allInnerTexts()).toEqual(['Small', 'Medium', 'Large'])
})

test('a cart with what is sold no more cannot be ordered, and says why', { timeout: FLOW_MS }, async () => {
  const publish = (state: bigint) => shop.write({ op: 'replace', path: ['Listings', SPORK, 'ViewState'], value: state })
  await putIntoCart(page, 'Spork')
  await putIntoCart(page, 'Wool socks')
  expect(await jumpsOf('/?view=cart')).toEqual([])
  // Of two sizes in a cart the buttons have one name.
  const said = await button(page, 'Remove Wool socks').getAttribute('aria-describedby')
  expect(await page.locator(`[id="${said}"]`).innerText()).toBe('Medium')
  await link(page, 'Go to checkout').click()
  await fillAddress(page)
  await page.getByLabel('Flat, building or state').fill('Room 3')
  expect(await button(page, 'Order').isEnabled()).toBe(true)
  await publish(0n)
  await page.getByText('Spork is not sold now.').waitFor()
  expect(await button(page, 'Order').isDisabled()).toBe(true)
  expect(await flaws(page)).toEqual([])
  await link(page, 'Back to the cart').click()
  await page.getByText('Not for sale at the moment').waitFor()
  expect(await link(page, 'Go to checkout').count()).toBe(0)
  await button(page, 'Remove Spork').click()
  await link(page, 'Go to checkout').click()
  expect(await button(page, 'Order').isEnabled()).toBe(true)
  await publish(1n)
})

test('an order tells its price part by part, and where it goes', { timeout: FLOW_MS }, async () => {
  await button(page, 'Order').click()
  await orderIs(page, COMMITTED)
  expect(await page.locator('.state strong').innerText()).toBe('… Placed')
  const sums = (await page.locator('.sums').innerText()).replaceAll(/\s+/gu, ' ')
  expect(sums).toBe('Things 0,01 ETH Post 0,003 ETH Total 0,013 ETH')
  expect((await page.locator('.line-amount').innerText()).replaceAll(/\s+/gu, ' ')).toBe('× 1 0,01 ETH')
  const address = await page.getByRole('region', { name: 'Where it goes' }).locator('address').innerText()
  const lines = ['Ada Guest', 'Hut 1', 'Room 3', '10000 Summit', 'Schweiz', 'ada@example.org']
  expect(address.split('\n')).toEqual(lines)
  expect(await flaws(page)).toEqual([])
  // Nothing is wrong, and nothing is red.
  const red = await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--red-soft')")
  expect(red).not.toBe('')
  const ground = await page.locator('.state').evaluate((element) => getComputedStyle(element).backgroundColor)
  expect(ground).toBe('rgb(255, 255, 255)')
  expect(await jumpsOf(`/${new URL(page.url()).search}`)).toEqual([])
  expect(await jumpsOf('/?view=orders')).toEqual([])
})
