/** The merchant's console in real Chromium: as a relay serves it, with the merchant's own key. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { listingIdOf } from '../../src/catalogue/listing-id.js'
import { publicKeyOf } from '../../src/bytes/signature.node.js'
import { openBlobs } from '../../src/store/blobs.js'
import { cairn } from '../fixtures/cairn.js'
import { consolePage, flaws, go, outcome, PATIENCE } from '../fixtures/console-page.js'
import { openChromium } from '../fixtures/chromium.js'
import { newerFile } from '../fixtures/product-samples.js'
import {
  enrolCard,
  listing,
  map,
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

const FLOW_MS = 180_000
const WEBP = readFileSync(new URL('../../web/pictures/compass.webp', import.meta.url))
const SVG = readFileSync(new URL('../../web/pictures/compass.svg', import.meta.url))

const [owner, lost, guest, program] = [newSecret(), newSecret(), newSecret(), newSecret()]
let folder: string
let running: TestRelay
let browser: Browser
let page: Page
let complaints: string[]
let merchant: Wire

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cairn-console-'))
  const blobs = await openBlobs(join(folder, 'blobs'))
  ;[running, browser] = await Promise.all([relay({}, { blobs }), openChromium()])
  await enrolCard(running.url, owner)
  await enrolCard(running.url, lost)
  await enrolCard(running.url, program)
  await enrolCard(running.url, guest, { guest: true, wallet: '34'.repeat(32) })
  writeFileSync(join(folder, 'card.key'), toHex(program))
  merchant = await Wire.as(running.url, owner)
  await merchant.write(owner, [listing(1n), listing(2n)])
  await merchant.write(owner, [stock(1n, 10n), stock(2n, 10n)])
  ;({ page, complaints } = await consolePage(browser))
}, 120_000)
afterAll(async () => {
  await browser?.close()
  await running?.stop()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(() => {
  expect(complaints).toEqual([])
  expect(running.bugs).toEqual([])
})

const row = (id: bigint) => page.locator(`[data-listing="${id}"]`)
const named = (title: string) => page.locator('[data-listing]').filter({ hasText: title })
const dialog = () => page.getByRole('dialog')
const save = () => dialog().getByRole('button', { name: 'Save', exact: true }).click()
const onDisk = (what: string) =>
  outcome(page, what)
    .getByText(/on disk/iu)
    .waitFor()

async function login(how: Page, lookOnly = false): Promise<void> {
  await how.goto(`${running.url}/console#shop=${SHOP},wallet=${OWNER}`)
  if (lookOnly) await how.getByLabel('Look only').check()
  await how.getByRole('button', { name: 'Log in with the development key' }).click()
  await how.getByText(/Proven as of set/u).waitFor()
}

test('the merchant logs in with a key, which stays in no address', { timeout: FLOW_MS }, async () => {
  await login(page)
  expect(new URL(page.url()).hash).not.toContain(OWNER)
  // Kept in this browser: a reload needs no wallet.
  await page.reload()
  await page.getByText(/Proven as of set/u).waitFor()
})

test('what is no wallet is not offered, and one that throws is told in a line', { timeout: FLOW_MS }, async () => {
  const visitor = await consolePage(browser)
  await visitor.context.addInitScript(WALLETS)
  await visitor.page.goto(`${running.url}/console#shop=${SHOP}`)
  const offered = visitor.page.getByRole('button', { name: /^Log in with/u })
  await expect.poll(() => offered.allInnerTexts(), PATIENCE).toEqual(['Log in with Throws'])
  await visitor.page.getByLabel('Shop').fill(String(SHOP))
  await offered.click()
  await visitor.page.getByRole('alert').getByText('not today', { exact: true }).waitFor()
  expect(visitor.complaints).toEqual([])
  await visitor.context.close()
})

/** Announced in this order (EIP-6963): what is none must not keep out what comes after it. */
const WALLETS = `
  const provider = { request: () => { throw 'not today' } }
  const info = (uuid, name) => ({ uuid, name, icon: 'https://example.org/a.png', rdns: 'x' })
  const names = { b: 'L'.repeat(5000), c: { a: 1 }, d: 'Throws' }
  const wallets = Object.entries(names).map(([uuid, name]) => ({ info: info(uuid, name), provider }))
  const details = [null, {}, { info: info('a', 'No provider') }, ...wallets, { info: info('d', 'Twin'), provider }]
  const tell = () => details.forEach((detail) =>
    dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })))
  addEventListener('eip6963:requestProvider', tell)
  tell()
`

describe('a listing', () => {
  test('has its changed price on disk, and the outcome is told', { timeout: FLOW_MS }, async () => {
    await go(page, 'Listings')
    await row(1n).getByRole('button').click()
    await dialog()
      .getByLabel(/^Price/u)
      .fill('0.25')
    await save()
    await outcome(page, 'Save Listing 1')
      .getByText(/On disk as set \d+/u)
      .waitFor()
    await row(1n).getByText('0.25 ETH').waitFor()
    await dialog().waitFor({ state: 'detached' })
  })

  test('that somebody else changed meanwhile shows both values, and is not written', { timeout: FLOW_MS }, async () => {
    await row(2n).getByRole('button').click()
    await merchant.write(owner, [{ op: 'replace', path: ['Listings', 2n, 'Price'], value: 5n * 10n ** 17n }])
    await row(2n).getByText('0.5 ETH').waitFor({ state: 'attached' })
    await dialog()
      .getByLabel(/^Price/u)
      .fill('0.75')
    await save()
    const conflict = outcome(page, 'Save Listing 2')
    await conflict.getByText('Somebody else changed this').waitFor()
    const cells = await conflict.getByRole('cell').allInnerTexts()
    expect(cells.map((text) => text.replaceAll(/\s/gu, ' '))).toEqual(['0.0000000000000001 ETH', '0.5 ETH', '0.75 ETH'])
    expect(await flaws(page)).toEqual([])
    await conflict.getByRole('button', { name: 'Write mine all the same' }).click()
    await row(2n).getByText('0.75 ETH').waitFor()
  })

  test('is made with options, stock of each variant, tags and a picture', { timeout: FLOW_MS }, async () => {
    await page.getByRole('button', { name: 'New listing' }).click()
    await dialog().getByLabel('Title').fill('Wool cap')
    await dialog().getByLabel('Description').fill('Warm')
    await dialog()
      .getByLabel(/^Price/u)
      .fill('2')
    await dialog().getByLabel('Tags').fill('Winter, Hats')
    await dialog().getByRole('button', { name: 'Add an option' }).click()
    await dialog().getByLabel('Option', { exact: true }).fill('Size')
    await dialog().getByRole('button', { name: 'Add a value' }).click()
    const values = dialog().getByLabel('Value', { exact: true })
    await values.nth(0).fill('Small')
    await values.nth(1).fill('Large')
    await dialog().getByLabel('Its price').nth(1).selectOption({ label: 'Costs more by' })
    await dialog().getByLabel('Amount, ETH').fill('0.5')
    await dialog().getByLabel('Stock of Small').fill('3')
    await dialog().getByLabel('Stock of Large').fill('4')
    await page.setInputFiles('dialog input[type=file]', [{ name: 'cap.png', mimeType: 'image/png', buffer: SVG }])
    await outcome(page, 'Upload cap.png').getByText('cap.png is an SVG').waitFor()
    await page.setInputFiles('dialog input[type=file]', [{ name: 'cap.webp', mimeType: 'image/webp', buffer: WEBP }])
    await dialog().getByRole('img', { name: 'Picture 1' }).waitFor()
    expect(await flaws(page)).toEqual([])
    await dialog().getByRole('button', { name: 'Add the listing' }).click()
    await onDisk('Add Wool cap')
    await named('Wool cap').getByText('7', { exact: true }).waitFor()
    await named('Wool cap').getByText('Hats').waitFor()
    const shown = await named('Wool cap')
      .getByRole('presentation')
      .evaluate((image: HTMLImageElement) => image.naturalWidth)
    expect(shown).toBeGreaterThan(0)
  })

  test('loses a value with its stock, and gains one', { timeout: FLOW_MS }, async () => {
    await named('Wool cap').getByRole('button').click()
    expect(await dialog().getByLabel('Amount, ETH').inputValue()).toBe('0.5')
    await dialog().getByRole('button', { name: 'Remove value Small' }).click()
    await dialog().getByText('Orders that hold a value which you remove').waitFor()
    await dialog().getByRole('button', { name: 'Add a value' }).click()
    await dialog().getByLabel('Value', { exact: true }).last().fill('Huge')
    await dialog().getByLabel('Stock of Huge').fill('1')
    await dialog().getByLabel('Tags').fill('Hats')
    await save()
    await onDisk('Save Wool cap')
    await named('Wool cap').getByText('5', { exact: true }).waitFor()
    const { out } = await cairn('export', ...shopFlags())
    const cap = out.split('\n').filter((line) => line.includes('wool-cap'))
    expect(cap.map((line) => [/Huge|Large|Small/u.exec(line)?.[0], /,(2|2\.5),shopify,/u.exec(line)?.[1]])).toEqual([
      ['Huge', '2'],
      ['Large', '2.5'],
    ])
    expect(cap[0]).toContain(',Hats,')
  })
})

function shopFlags(): string[] {
  return ['--url', running.url, '--shop', String(SHOP), '--card', join(folder, 'card.key')]
}

describe('many listings at once', () => {
  const bulk = () => page.getByRole('form', { name: 'Change the selected listings' })
  const apply = async (kind: string, value?: string) => {
    await bulk().getByLabel('What to change').selectOption({ label: kind })
    if (value !== undefined) await bulk().getByLabel(kind).fill(value)
    await bulk().getByRole('button', { name: 'Apply' }).click()
    await onDisk(value === undefined ? kind : `${kind} ${value}`)
  }

  test('have prices, stock, states and tags changed', { timeout: FLOW_MS }, async () => {
    for (const id of [1n, 2n]) await row(id).getByRole('checkbox').check()
    await apply('Change price by %', '-50')
    await row(1n).getByText('0.125 ETH').waitFor()
    await apply('Set stock to', '20')
    expect(await bulk().getByText('of each variant').count()).toBe(0)
    // The cap has sizes.
    await named('Wool cap').getByRole('checkbox').check()
    await bulk().getByText('of each variant').waitFor()
    await named('Wool cap').getByRole('checkbox').uncheck()
    await apply('Add to stock', '5')
    await row(2n).getByText('25', { exact: true }).waitFor()
    await apply('Add tag', 'Sale')
    await row(2n).getByText('Sale').waitFor()
    await apply('Take off the shop')
    await row(1n).getByText('Not published').waitFor()
    await apply('Publish')
    await apply('Remove tag', 'Sale')
    await expect.poll(() => page.getByText('Sale', { exact: true }).count(), PATIENCE).toBe(0)
    await page.getByRole('button', { name: 'Clear selection' }).click()
  })
})

describe('tables', () => {
  const csv = (rows: Parameters<typeof newerFile>[0]) => ({
    name: 'products.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(newerFile(rows)),
  })
  const read = (file: ReturnType<typeof csv>) => page.setInputFiles('input[type=file]', [file])
  const mug = { 'URL handle': 'mug', Title: 'Mug', Description: 'Holds 400 ml', Price: '0.01', Vendor: 'Cairn' }

  test('tell row, column and reason before anything is written', { timeout: FLOW_MS }, async () => {
    await go(page, 'Import & export')
    await read(csv([mug, { 'URL handle': 'pot', Title: 'Pot', Price: 'much' }]))
    const line = page.getByRole('row').filter({ hasText: 'Wrong' })
    await line.waitFor()
    expect((await line.getByRole('cell').allInnerTexts()).slice(0, 3)).toEqual(['Wrong', '3', 'Price'])
    await page.getByRole('row').filter({ hasText: 'Vendor' }).waitFor()
    expect(await page.getByRole('button', { name: /^Write \d/u }).isDisabled()).toBe(true)
    expect(await flaws(page)).toEqual([])
  })

  test('are not written where the shop changed since, and then are', { timeout: FLOW_MS }, async () => {
    const file = csv([mug, { 'URL handle': 'x', Title: 'Wool cap', Price: '3', Description: 'Colder' }])
    await read(file)
    await page.getByRole('button', { name: 'Write 1 set', exact: true }).waitFor()
    await merchant.write(owner, [listing(9n)])
    // Nothing that the file names.
    await page.getByRole('button', { name: 'Write 1 set', exact: true }).click()
    await outcome(page, 'Import products.csv').getByText('2 added, 0 changed').waitFor()
    await read(csv([{ ...mug, Price: '0.02' }]))
    const button = page.getByRole('button', { name: /^Write \d/u })
    await button.waitFor()
    const price = ['Listings', listingIdOf('mug'), 'Price'] as const
    await merchant.write(owner, [{ op: 'replace', path: price, value: 2n * 10n ** 16n }])
    await button.click()
    await outcome(page, 'Import products.csv').getByText('The shop changed since you looked').waitFor()
    await page.getByText('The shop has all of it already.').waitFor()
    // A blank description says nothing: the shop keeps its own.
    await read(csv([{ ...mug, Price: '0.03', Description: '' }]))
    await button.click()
    await outcome(page, 'Import products.csv').getByText('0 added, 1 changed').waitFor()
    expect((await cairn('export', ...shopFlags())).out).toContain('Holds 400 ml')
  })

  test('are the same bytes as cairn export writes', { timeout: FLOW_MS }, async () => {
    const wire = await Wire.as(running.url, guest)
    await wire.write(guest, [order(76n, 1n, 2n), state(76n, 3n)])
    await wire.close()
    for (const [name, ...flags] of [['Listings as CSV'], ['Orders as CSV', '--orders']] as const) {
      await go(page, 'Import & export')
      const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()])
      const out = join(folder, 'out.csv')
      const { code } = await cairn('export', ...flags, '--out', out, ...shopFlags())
      expect([code, readFileSync(await file.path(), 'utf8')]).toEqual([0, readFileSync(out, 'utf8')])
    }
  })
})

test('regions, payees and currencies are edited', { timeout: FLOW_MS }, async () => {
  await go(page, 'Shop')
  await page.getByRole('button', { name: 'Add a region' }).click()
  await dialog().getByLabel('Name').fill('Alps')
  await dialog().getByLabel('Country').fill('CH')
  await dialog().getByLabel('Adds, ETH').fill('0.003')
  expect(await flaws(page)).toEqual([])
  await save()
  await onDisk('Save region Alps')
  await page.getByText('CH · Shipping: + 0.003 ETH').waitFor()
  await page.getByRole('button', { name: 'Edit region Alps' }).click()
  await dialog().getByLabel('Changes the sum by').fill('10')
  await save()
  await page.getByText('Percent: + 10 %').waitFor()
  const address = `0x${'ab'.repeat(20)}`
  for (const [form, section] of [
    ['Add a payee', 'Who is paid'],
    ['Add a currency', 'Currencies that are taken'],
  ] as const) {
    await page.getByRole('form', { name: form }).getByLabel('Address').fill(address)
    await page.getByRole('form', { name: form }).getByRole('button', { name: 'Add' }).click()
    await page.getByRole('region', { name: section }).getByText(address).first().waitFor()
    await page
      .getByRole('region', { name: section })
      .getByRole('button', { name: `Remove ${address}` })
      .click()
    await page
      .getByRole('region', { name: section })
      .getByRole('button', { name: `Really: nobody can pay then ${address}` })
      .click()
    await page.getByRole('region', { name: section }).getByText('None: nobody can pay.').waitFor()
  }
  // A token that nobody named: the widest line of the view, where the others look for what is wider than a window.
  await merchant.write(owner, [
    { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_337n, new Uint8Array(20).fill(7)], value: new Map() },
  ])
  await page.getByRole('form', { name: 'What the token' }).waitFor()
})

test("a guest's new order comes by itself, with its number, and a line says so", { timeout: FLOW_MS }, async () => {
  await go(page, 'Orders')
  const wire = await Wire.as(running.url, guest)
  await wire.write(guest, [order(77n, 1n, 2n), state(77n, 3n)])
  const line = page.locator('[data-order="77"]')
  await line.getByRole('button', { name: '#2' }).waitFor()
  await outcome(page, 'A new order').waitFor()
  await line.getByRole('button').click()
  await page.getByRole('complementary').getByText('Listing 1').waitFor()
  expect(await flaws(page)).toEqual([])
  await page.getByRole('button', { name: 'Cancel the order' }).click()
  await page.getByRole('button', { name: 'Really cancel it' }).click()
  await outcome(page, 'Cancel order #2').getByText('Canceled').waitFor()
  await page.getByRole('button', { name: /^Canceled/u }).click()
  await line.waitFor()
  await wire.close()
})

test('a guest who writes without end takes nothing else off the page', { timeout: FLOW_MS }, async () => {
  await go(page, 'Orders')
  await page.getByRole('button', { name: /^Ordered/u }).click()
  const wire = await Wire.as(running.url, guest)
  const long = '\u202eeda '.repeat(20_000)
  const address = map({
    ...{ Name: long, Address1: long, City: 'Summit', PostalCode: '1', Country: 'CH' },
    EmailAddress: 'ada@example.org',
  })
  const Items = [map({ ListingID: 1n, Quantity: 1n })]
  const value = map({ ID: 78n, State: 1n, Items, ShippingAddress: address })
  await wire.write(guest, [{ op: 'add', path: ['Orders', 78n], value }, state(78n, 3n)])
  const line = page.locator('[data-order="78"]')
  await line.getByText('Summit').waitFor()
  await outcome(page, 'A new order').waitFor()
  const heights = () => Promise.all([line, outcome(page, 'A new order')].map((part) => part.boundingBox()))
  expect((await heights()).map((box) => box!.height < 500)).toEqual([true, true])
  await line.getByRole('button').click()
  const panel = page.getByRole('complementary')
  await panel.getByText('ada@example.org').waitFor()
  expect((await panel.locator('address').boundingBox())!.height).toBeLessThan(1_000)
  expect(await flaws(page)).toEqual([])
  await panel.getByRole('button', { name: 'Cancel the order' }).click()
  await panel.getByRole('button', { name: 'Really cancel it' }).click()
  await outcome(page, 'Cancel order').getByText('Canceled').waitFor()
  await wire.close()
})

test('a lost card is taken out, and its session ends', { timeout: FLOW_MS }, async () => {
  const thief = await Wire.as(running.url, lost)
  await go(page, 'Cards')
  const line = page.locator(`[data-card="${toHex(publicKeyOf(lost))}"]`)
  await line.getByText(/^set \d+$/u).waitFor()
  expect(await flaws(page)).toEqual([])
  await line.getByRole('button', { name: /^Take out/u }).click()
  await line.getByRole('button', { name: /^Really take it out/u }).click()
  await outcome(page, 'Take out card')
    .getByText(/It is out since set/u)
    .waitFor()
  await line.waitFor({ state: 'detached' })
  await thief.until(() => thief.closed !== undefined, 60_000)
})

test('a long title takes no other column’s place in a narrow window', { timeout: FLOW_MS }, async () => {
  const Metadata = map({ Title: 'Avalanche probe with a bag', Description: 'Long' })
  await merchant.write(owner, [listing(77n, { Metadata, Price: 10n ** 16n })])
  await page.setViewportSize({ width: 320, height: 700 })
  await go(page, 'Listings')
  const right = await row(77n)
    .getByRole('button')
    .evaluate((button) => button.getBoundingClientRect().right)
  const left = await row(77n)
    .locator('td.number')
    .first()
    .evaluate((cell) => cell.getBoundingClientRect().left)
  expect(right).toBeLessThanOrEqual(left)
})

test.each(['light', 'dark'] as const)(
  'no view has a violation, %s, at 320 px',
  { timeout: FLOW_MS },
  async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme })
    await page.setViewportSize({ width: 320, height: 700 })
    for (const title of ['Orders', 'Listings', 'Shop', 'Cards', 'Import & export']) {
      await go(page, title)
      expect([title, await flaws(page)]).toEqual([title, []])
    }
    await go(page, 'Listings')
    await row(1n).getByRole('button').click()
    await dialog().getByRole('button', { name: 'Add an option' }).click()
    expect(await flaws(page)).toEqual([])
    await page.keyboard.press('Escape')
  },
)

test('who looks only sees everything and changes nothing; a guest is told why he is not let in', async () => {
  const { context, page: tab } = await consolePage(browser)
  await login(tab, true)
  await tab.getByText('You look only: this session changes nothing.').waitFor()
  const offAll = async (...names: RegExp[]) => {
    for (const name of names) {
      const button = tab.getByRole('button', { name }).first()
      expect([name, await button.isDisabled()]).toEqual([name, true])
      expect(await button.getAttribute('title')).toContain('You look only')
    }
  }
  await go(tab, 'Listings')
  await offAll(/^New listing/u)
  expect(await tab.getByRole('checkbox', { name: /^Select/u }).count()).toBe(0)
  expect(await tab.getByRole('button', { name: 'Apply' }).count()).toBe(0)
  await tab.locator('[data-listing="1"]').getByRole('button').click()
  await offAll(/^Save/u)
  expect(await flaws(tab)).toEqual([])
  await tab.keyboard.press('Escape')
  await go(tab, 'Shop')
  await offAll(/^Add$/u, /^Add a region/u, /^Remove region/u)
  await go(tab, 'Cards')
  await offAll(/^Take out/u)
  await go(tab, 'Orders')
  await tab.locator('[data-order="76"]').getByRole('button').click()
  await offAll(/^Cancel the order/u)
  expect(await tab.getByRole('button', { name: 'Receipt' }).isEnabled()).toBe(true)
  await tab.getByRole('button', { name: 'Log out' }).click()
  await tab.getByLabel('Shop').fill(String(SHOP))
  const file = { name: 'card.key', mimeType: 'text/plain', buffer: Buffer.from(toHex(guest)) }
  await tab.setInputFiles('input[type=file]', file)
  await tab.getByText("This is a guest's key card.").waitFor()
  await context.close()
})
