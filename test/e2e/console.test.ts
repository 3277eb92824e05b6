/** The merchant's console in real Chromium: as a relay serves it, with the merchant's own key. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { openChromium } from '../fixtures/chromium.js'
import {
  enrolCard,
  listing,
  newSecret,
  order,
  OWNER,
  relay,
  SHOP,
  state,
  stock,
  Wire,
  type TestRelay,
} from '../fixtures/relay-harness.js'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** A page that is busy on a busy machine. */
const PATIENCE = { timeout: 60_000 }

const [owner, lost, guest] = [newSecret(), newSecret(), newSecret()]
let running: TestRelay
let browser: Browser
let context: BrowserContext
let page: Page
let merchant: Wire
const complaints: string[] = []

beforeAll(async () => {
  ;[running, browser] = await Promise.all([relay(), openChromium()])
  await enrolCard(running.url, owner)
  await enrolCard(running.url, lost)
  await enrolCard(running.url, guest, { guest: true, wallet: '34'.repeat(32) })
  merchant = await Wire.as(running.url, owner)
  await merchant.write(owner, [listing(1n), listing(2n)])
  await merchant.write(owner, [stock(1n, 10n), stock(2n, 10n)])
  // Chromium gives a page its own rules for styles and scripts only without the page's policy.
  context = await browser.newContext({ locale: 'en-GB', bypassCSP: true })
  page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.setDefaultTimeout(PATIENCE.timeout)
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await running.stop()
})
afterEach(() => {
  expect(complaints).toEqual([])
  expect(running.bugs).toEqual([])
})

const go = (title: string) => page.getByRole('navigation').getByRole('link', { name: title }).click()
const outcome = (what: string) => page.getByRole('article').filter({ hasText: what }).last()
const row = (id: bigint) => page.locator(`[data-listing="${id}"]`)

async function login(how: Page, lookOnly = false): Promise<void> {
  await how.goto(`${running.url}/console#shop=${SHOP},wallet=${OWNER}`)
  if (lookOnly) await how.getByLabel('Look only').check()
  await how.getByRole('button', { name: 'Log in with the development key' }).click()
  await how.getByText(/Proven as of set/u).waitFor(PATIENCE)
}

async function violations(): Promise<string[]> {
  await page.evaluate(AXE)
  const { violations: found } = await page.evaluate(() =>
    (
      globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
    ).axe.run(),
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' ')}`)
}

test('the merchant logs in with a key, which stays in no address', async () => {
  await login(page)
  expect(new URL(page.url()).hash).not.toContain(OWNER)
  // Kept in this browser: a reload needs no wallet.
  await page.reload()
  await page.getByText(/Proven as of set/u).waitFor(PATIENCE)
}, 120_000)

test('a changed price is on disk, and its outcome is told', async () => {
  await go('Listings')
  await row(1n).getByRole('button').click()
  await page
    .getByRole('dialog')
    .getByLabel(/^Price/u)
    .fill('0.25')
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
  await outcome('Save Listing 1')
    .getByText(/On disk as set \d+/u)
    .waitFor(PATIENCE)
  await row(1n).getByText('0.25 ETH').waitFor(PATIENCE)
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}, 120_000)

test('of a price that somebody else changed meanwhile both values are shown, and nothing is written', async () => {
  await row(2n).getByRole('button').click()
  await merchant.write(owner, [{ op: 'replace', path: ['Listings', 2n, 'Price'], value: 5n * 10n ** 17n }])
  await row(2n)
    .getByText('0.5 ETH')
    .waitFor({ state: 'attached', ...PATIENCE })
  await page
    .getByRole('dialog')
    .getByLabel(/^Price/u)
    .fill('0.75')
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
  const conflict = outcome('Save Listing 2')
  await conflict.getByText('Somebody else changed this').waitFor(PATIENCE)
  const cells = await conflict.getByRole('cell').allInnerTexts()
  expect(cells.map((text) => text.replaceAll(/\s/gu, ' '))).toEqual(['0.0000000000000001 ETH', '0.5 ETH', '0.75 ETH'])
  expect(await violations()).toEqual([])
  await conflict.getByRole('button', { name: 'Write mine all the same' }).click()
  await row(2n).getByText('0.75 ETH').waitFor(PATIENCE)
}, 120_000)

test('many listings are changed at once', async () => {
  await page.getByLabel('Select all shown').check()
  await page.getByRole('form', { name: 'Change the selected listings' }).getByLabel('Change price by %').fill('-50')
  await page.getByRole('button', { name: 'Apply' }).click()
  await outcome('Change price by %')
    .getByText(/2 listings, on disk/u)
    .waitFor(PATIENCE)
  await row(1n).getByText('0.125 ETH').waitFor(PATIENCE)
  await page.getByRole('button', { name: 'Clear selection' }).click()
}, 120_000)

test("a guest's new order comes by itself, with its number, and a line says so", async () => {
  await go('Orders')
  await page.getByText('No orders here.').waitFor(PATIENCE)
  const wire = await Wire.as(running.url, guest)
  await wire.write(guest, [order(77n, 1n, 2n), state(77n, 3n)])
  const line = page.locator('[data-order="77"]')
  await line.getByRole('button', { name: '#1' }).waitFor(PATIENCE)
  await outcome('A new order').waitFor(PATIENCE)
  await line.getByRole('button').click()
  await page.getByRole('complementary').getByText('Listing 1').waitFor(PATIENCE)
  expect(await violations()).toEqual([])
  await page.getByRole('button', { name: 'Cancel the order' }).click()
  await page.getByRole('button', { name: 'Really cancel it' }).click()
  await outcome('Cancel order #1').getByText('Canceled').waitFor(PATIENCE)
  await wire.close()
}, 120_000)

test('a lost card is taken out, and its session ends', async () => {
  const thief = await Wire.as(running.url, lost)
  await go('Cards')
  const line = page.locator(`[data-card="${toHex(publicKeyOf(lost))}"]`)
  await line.getByText(/^set \d+$/u).waitFor(PATIENCE)
  expect(await violations()).toEqual([])
  await line.getByRole('button', { name: /^Take out/u }).click()
  await line.getByRole('button', { name: /^Really take it out/u }).click()
  await outcome('Take out card')
    .getByText(/It is out since set/u)
    .waitFor(PATIENCE)
  await line.waitFor({ state: 'detached' })
  await thief.until(() => thief.closed !== undefined, 60_000)
}, 120_000)

test('the other views have no violation either, and nothing is wider than 320 px', async () => {
  await page.setViewportSize({ width: 320, height: 700 })
  for (const title of ['Orders', 'Listings', 'Shop', 'Cards', 'Import & export']) {
    await go(title)
    await page.getByRole('heading', { level: 1, name: title }).waitFor({ state: 'attached' })
    expect(await violations()).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
  }
}, 120_000)

test('who looks only sees everything and changes nothing; a guest is told why he is not let in', async () => {
  const other = await browser.newContext({ locale: 'en-GB' })
  const tab = await other.newPage()
  await login(tab, true)
  await tab.getByRole('navigation').getByRole('link', { name: 'Listings' }).click()
  await tab.locator('[data-listing="1"]').getByRole('button').click()
  await tab
    .getByRole('dialog')
    .getByLabel(/^Price/u)
    .fill('9')
  await tab.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click()
  await tab.getByText('You look only: this session changes nothing.').waitFor(PATIENCE)
  await tab.keyboard.press('Escape')
  await tab.locator('[data-listing="1"]').getByText('0.125 ETH').waitFor(PATIENCE)
  await tab.getByRole('button', { name: 'Log out' }).click()
  await tab.getByLabel('Shop').fill(String(SHOP))
  const file = { name: 'card.key', mimeType: 'text/plain', buffer: Buffer.from(toHex(guest)) }
  await tab.setInputFiles('input[type=file]', file)
  await tab.getByText("This is a guest's key card.").waitFor(PATIENCE)
  await other.close()
}, 120_000)
