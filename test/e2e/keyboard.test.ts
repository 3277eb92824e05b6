/** By keyboard alone: a guest from the list to a receipt, and a merchant from an order to a listing that is saved. */

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import { PAID } from '../../src/objects/order.js'
import { announceWallet, consolePage, outcome } from '../fixtures/console-page.js'
import { openChromium } from '../fixtures/chromium.js'
import { focused, press, tabTo } from '../fixtures/keyboard.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { listing, map, SHOP, stock } from '../fixtures/relay-harness.js'
import { button, newReader, openPage, orderIs, proven } from '../fixtures/storefront-page.js'

const FLOW_MS = 300_000
const SOCKS = 2n

let browser: Browser
let shop: PaidShop

beforeAll(async () => {
  ;[shop, browser] = await Promise.all([PaidShop.open(), openChromium()])
  const Metadata = map({ Title: 'Wool socks', Description: 'Merino' })
  await shop.write(listing(SOCKS, { Metadata, Price: 10n ** 16n }))
  await shop.write(stock(SOCKS, 9n))
  const region = map({ Country: '', PostalCode: '', City: '' })
  await shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions'], value: map({ anywhere: region }) })
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name }).waitFor()

test('a guest comes from the list to a receipt', { timeout: FLOW_MS }, async () => {
  const { page, complaints } = await openPage(await newReader(browser), `${shop.relay.url}/`)
  await page.setViewportSize({ width: 1_024, height: 768 })
  await proven(page)
  // Where a page begins nothing but its heading has the focus.
  expect(await focused(page)).toBe('Things for the way up')
  expect(await tabTo(page, 'To the content', 'Shift+Tab')).toEqual([
    'Cart 0',
    'Orders',
    'Search the shop',
    'cairn outfitters',
    'To the content',
  ])
  expect((await tabTo(page, /^Wool socks/u)).slice(4)).toEqual([
    'Everything',
    'Order',
    expect.stringMatching(/^Proven as of/u),
    'Listing 1',
    'Wool socks',
  ])
  await page.keyboard.press('Enter')
  await heading(page, 'Wool socks')
  await press(page, 'Put into the cart')
  expect(await press(page, 'See the cart')).toEqual(['See the cart'])
  await heading(page, 'Your cart')
  // Until then the list of stops is a shorter one.
  await page.getByText('One moment…').waitFor({ state: 'hidden' })
  await page.getByRole('link', { name: 'Go to checkout' }).waitFor()
  expect(await press(page, 'Go to checkout')).toEqual([
    'Wool socks',
    'One Wool socks less',
    'One Wool socks more',
    'Remove Wool socks',
    'Go to checkout',
  ])
  await heading(page, 'Checkout')
  for (const [field, text] of FIELDS) {
    expect(await tabTo(page, field)).toEqual([field])
    await page.keyboard.type(text)
  }
  // The country, and who orders: each one stop.
  expect((await press(page, 'Order')).length).toBeLessThanOrEqual(5)
  await heading(page, 'Your order')
  await press(page, /^Proven as of|^Checking/u)
  await page.getByRole('dialog', { name: 'What is proven here' }).waitFor()
  await page.keyboard.press('Escape')
  expect(await focused(page)).toMatch(/^Proven as of|^Checking/u)
  // Back to what stands above it, once it is there.
  await button(page, 'Pay with Test wallet').waitFor()
  await tabTo(page, 'Pay with Test wallet', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await orderIs(page, PAID)
  const download = page.waitForEvent('download')
  await press(page, 'Download the receipt')
  expect((await download).suggestedFilename()).toMatch(/^order-\d+\.cairn$/u)
  expect(complaints).toEqual([])
  await page.context().close()
})

const FIELDS = [
  ['Name', 'Ada Guest'],
  ['E-mail', 'ada@example.org'],
  ['Street and number', 'Hut 1'],
  ['Flat, building or state, if any', 'Room 3'],
  ['Postal code', '10000'],
  ['Town', 'Summit'],
] as const

test('a merchant comes from an order to a listing that is saved', { timeout: FLOW_MS }, async () => {
  const one = await consolePage(browser, { viewport: { width: 1_280, height: 800 } })
  await announceWallet(one, { name: 'Wallet', address: ACCOUNTS[1]!.address, rpcUrl: shop.chain.rpcUrl })
  const { page, complaints } = one
  const guest = await shop.guest()
  await guest.checkout(41n)
  await guest.wire.close()
  await page.goto(`${shop.relay.url}/console`)
  await tabTo(page, /^Shop/u)
  await page.keyboard.type(String(SHOP))
  await press(page, 'Log in with Wallet')
  await page.getByText(/Proven as of set/u).waitFor()
  const order = page.locator('[data-order="41"]')
  await order.waitFor()
  const number = (await order.getByRole('button').innerText()).trim()
  await press(page, number)
  const panel = page.getByRole('complementary')
  await panel.getByText('Somewhere 1').waitFor()
  await tabTo(page, 'Close the order')
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
  expect(await focused(page)).toBe(number)
  const stops = await tabTo(page, /^Orders/u, 'Shift+Tab')
  expect(stops.slice(-2)).toEqual(['Listings', expect.stringMatching(/^Orders/u)])
  await press(page, 'Listings')
  await page.locator(`[data-listing="${SOCKS}"]`).waitFor()
  await press(page, 'Wool socks')
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  await tabTo(page, /^Price/u)
  await page.keyboard.press('Control+A')
  await page.keyboard.type('0.02')
  expect((await press(page, 'Save')).at(-2)).toBe('Cancel')
  await outcome(page, 'Save Wool socks').getByText('On disk').waitFor()
  await dialog.waitFor({ state: 'detached' })
  // Where he was.
  expect(await focused(page)).toBe('Wool socks')
  await page.locator(`[data-listing="${SOCKS}"]`).getByText('0.02 ETH').waitFor()
  await page.keyboard.press('Enter')
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  expect(await focused(page)).toBe('Wool socks')
  expect(complaints).toEqual([])
  await page.context().close()
})
