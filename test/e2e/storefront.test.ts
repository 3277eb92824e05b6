/**
 * The storefront at `/` in real Chromium: from the list to a receipt that holds without the relay, on a development
 * chain; and a relay that lies, which turns the page red. axe looks at each view.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { prefixedHex } from '../../src/bytes/hex.js'
import { COMMITTED, PAID } from '../../src/objects/order.js'
import { openChromium } from '../fixtures/chromium.js'
import { PaidShop } from '../fixtures/paid-shop.js'
import { ROOT } from '../fixtures/program.js'
import { listing, map, stock } from '../fixtures/relay-harness.js'
import {
  button,
  fillAddress,
  flaws,
  link,
  newReader,
  openPage,
  orderIs,
  proven,
  WAIT_MS,
} from '../fixtures/storefront-page.js'
import { LIES } from '../lies/lies.js'
import { STONE, World, type Stage } from '../lies/stage.js'

const FLOW_MS = 400_000

let browser: Browser
beforeAll(async () => {
  browser = await openChromium()
})
afterAll(() => browser?.close())

async function open(url: string) {
  const context = await newReader(browser)
  return { ...(await openPage(context, url)), end: () => context.close() }
}

describe('a guest buys', () => {
  let shop: PaidShop
  beforeAll(async () => {
    shop = await PaidShop.open()
    const Metadata = map({ Title: 'Wool socks', Description: 'Merino, two pairs' })
    const PriceModifiers = map({ post: map({ ModificationAbsolute: map({ Amount: 7n, Plus: true }) }) })
    const region = map({ Country: '', PostalCode: '', City: '', PriceModifiers })
    await shop.write(listing(2n, { Metadata, Price: 12_345n }))
    await shop.write(stock(2n, 5n))
    await shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions'], value: map({ anywhere: region }) })
  })
  afterAll(() => shop?.close())

  test('from the list to a receipt that verifies when the relay is gone', { timeout: FLOW_MS }, async () => {
    const { page, complaints, end } = await open(`${shop.relay.url}/`)
    const buy = async (title: string) => {
      await link(page, new RegExp(title, 'u')).first().click()
      await page.getByRole('heading', { level: 1, name: title }).waitFor()
      await button(page, 'Put into the cart').click()
      await page.getByText('Added.').waitFor()
    }
    await proven(page)
    expect(await page.locator('.proof.is-proven').innerText()).toMatch(
      /Proven as of checkpoint \d+\s+nothing left out/u,
    )
    expect(await page.locator('.card').count()).toBe(2)
    expect(await flaws(page)).toEqual([])
    await button(page, /Proven as of/u).click()
    await page.getByRole('heading', { name: 'You do not have to trust this shop’s server' }).waitFor()
    expect(await flaws(page)).toEqual([])
    await page.keyboard.press('Escape')

    await page.getByRole('searchbox').fill('socks')
    await page.getByText('1 thing for “socks”').waitFor()
    await buy('Wool socks')
    expect(await page.title()).toBe('Wool socks')
    expect(await flaws(page)).toEqual([])
    await link(page, 'All that is sold').click()
    await buy('Listing 1')
    await link(page, 'See the cart').click()
    await page.locator('.badge', { hasText: '2' }).waitFor()
    await button(page, 'One Wool socks more').click()
    await page.locator('.badge', { hasText: '3' }).waitFor()
    expect(await flaws(page)).toEqual([])
    await page.reload()
    await page.locator('.badge', { hasText: '3' }).waitFor()

    await link(page, 'Go to checkout').click()
    await fillAddress(page)
    await page.locator('.sums .total', { hasText: '0,000000000000024797' }).waitFor()
    expect(await flaws(page)).toEqual([])
    await button(page, 'Order').click()
    await orderIs(page, COMMITTED)
    expect(await flaws(page)).toEqual([])
    await button(page, 'Pay with Test wallet').click()
    await orderIs(page, PAID)
    await page.getByRole('heading', { level: 1, name: 'Thank you' }).waitFor()
    await proven(page)
    expect(await flaws(page)).toEqual([])
    const [file] = await Promise.all([page.waitForEvent('download'), button(page, 'Download the receipt').click()])
    expect(file.suggestedFilename()).toMatch(/^order-\d+\.cairn$/u)
    const receipt = readFileSync(await file.path())
    await link(page, 'All your orders').click()
    await page.getByText('Paid').waitFor()
    expect(await flaws(page)).toEqual([])
    expect(complaints).toEqual([])

    const relay = prefixedHex(shop.relay.address)
    await shop.relay.stop()
    const offline = await browser.newContext({ offline: true })
    const check = await offline.newPage()
    await check.goto(pathToFileURL(join(ROOT, 'dist/verify.html')).href)
    await check.fill('#relay', relay)
    const chosen = { name: 'order.cairn', mimeType: 'application/octet-stream', buffer: receipt }
    await check.setInputFiles('#file', chosen)
    await check.locator('#outcome .sentence', { hasText: '✓ Matches' }).waitFor({ timeout: WAIT_MS })
    expect(await check.locator('#details').innerText()).toContain('Wool socks')
    await offline.close()
    await end()
    await shop.startRelay()
  })

  test('who reads no scripts is shown a listing by its tags', async () => {
    const read = (accept: string) => fetch(`${shop.relay.url}/?listing=2`, { headers: { accept } })
    const page = await read('text/html,*/*;q=0.8')
    expect(page.headers.get('vary')).toBe('Accept')
    const html = await page.text()
    expect(html).toContain('<title>Wool socks</title>')
    expect(html).toContain('<meta property="og:description" content="Merino, two pairs" />')
    const told = await read('*/*')
    expect([told.headers.get('vary'), ((await told.json()) as { name: string }).name]).toEqual(['Accept', 'cairn'])
  })
})

describe('a relay that lies', () => {
  let world: World
  let stage: Stage
  beforeAll(async () => {
    world = await World.start()
    stage = await world.stage()
  })
  afterAll(async () => {
    await stage?.close()
    await world?.stop()
  })

  test('turns the page red, which says why and sells nothing', async () => {
    const { page, end } = await open(`${stage.proxy.url}/?listing=${STONE}`)
    await proven(page)
    stage.proxy.lie(LIES.find(({ name }) => name === 'changes a value that no set changes')!.tell!(stage))
    const price = (value: bigint) => ({ op: 'replace', path: ['Listings', STONE, 'Price'], value }) as const
    await stage.write('owner', [price(222n)])
    await stage.write('owner', [price(333n)])
    const alarm = page.getByRole('alert').filter({ hasText: 'Do not buy here' })
    await alarm.waitFor()
    // For whoever runs the shop: no guest has to read it.
    expect(await alarm.innerText()).not.toMatch(/[0-9a-f]{64}/u)
    await alarm.getByText('What exactly').click()
    expect(await alarm.innerText()).toMatch(/[0-9a-f]{64}/u)
    await page.locator('.proof.is-failed').waitFor()
    expect(await button(page, 'Put into the cart').isDisabled()).toBe(true)
    expect(await flaws(page)).toEqual([])
    await end()
  })
})
