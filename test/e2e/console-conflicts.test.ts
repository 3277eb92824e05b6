/**
 * What the console does where two merchants change the same: pictures, options, stock and an import of a file, each
 * told with what was seen, what is there and what was wanted, and written only when the merchant says so again.
 */

import { readFileSync } from 'node:fs'
import type { Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Change } from '../../src/patches/patch.js'
import { flaws, go, outcome, PATIENCE } from '../fixtures/console-page.js'
import { MerchantShop } from '../fixtures/merchant-shop.js'
import { listing, map, stock } from '../fixtures/relay-harness.js'

const FLOW_MS = 180_000
const CAP = 1n
const MUG = 2n
const [COMPASS, MUG_PICTURE] = ['compass', 'enamel-mug'].map((name) =>
  readFileSync(new URL(`../../web/pictures/${name}.webp`, import.meta.url)),
)

const value = (Title: string, more = {}) => map({ VariationInfo: map({ Title, Description: Title }), ...more })
const variation = (name: string) => ['Listings', CAP, 'Options', 'size', 'Variations', name] as const

let shop: MerchantShop
let page: Page

beforeAll(async () => {
  const Variations = map({ a: value('Large'), b: value('Small'), c: value('Medium') })
  const cap = listing(CAP, {
    Metadata: map({ Title: 'Wool cap', Description: 'Warm', Images: ['https://pictures.example/cap.webp'] }),
    Options: map({ size: map({ Title: 'Size', Variations }) }),
  })
  const mug = listing(MUG, { Metadata: map({ Title: 'Mug', Description: 'Holds 400 ml' }), Price: 10n ** 16n })
  const pieces = (name: string, count: bigint): Change => ({ op: 'add', path: ['Inventory', CAP, name], value: count })
  shop = await MerchantShop.open([cap, mug], [pieces('a', 5n), pieces('b', 5n), pieces('c', 5n), stock(MUG, 10n)])
  ;({ page } = shop)
  await page.route('https://pictures.example/**', (route) =>
    route.fulfill({ contentType: 'image/webp', body: COMPASS! }),
  )
}, 120_000)
afterAll(() => shop?.close())
afterEach(() => {
  expect(shop.complaints).toEqual([])
  expect(shop.running.bugs).toEqual([])
})

const dialog = () => page.getByRole('dialog')
const save = () => dialog().getByRole('button', { name: 'Save', exact: true }).click()
const anyway = (conflict: Locator) => conflict.getByRole('button', { name: 'Write mine all the same' }).click()
const keep = (conflict: Locator) => conflict.getByRole('button', { name: 'Keep theirs' }).click()

async function edit(title: string): Promise<void> {
  await go(page, 'Listings')
  await page.locator('[data-listing]').filter({ hasText: title }).getByRole('button').click()
  await dialog().waitFor()
}

/** Each line of the table that explains a conflict: field, what was seen, what it is, what is wanted. */
async function explained(conflict: Locator): Promise<string[]> {
  await conflict.getByText('Nothing was written.').waitFor()
  expect(await flaws(page)).toEqual([])
  const rows = await conflict.locator('tbody tr').all()
  const texts = rows.map(async (row) => (await row.locator('th, td').allInnerTexts()).join(' | '))
  return (await Promise.all(texts)).map((text) => text.replaceAll('\u{a0}', ' '))
}

/** Until the page holds what the other merchant wrote. */
async function arrived(text: string): Promise<void> {
  await page.locator('[data-listing]').getByText(text).first().waitFor({ state: 'attached' })
}

test('pictures that the other one changed are not lost', { timeout: FLOW_MS }, async () => {
  await edit('Wool cap')
  const Images = ['https://pictures.example/other.webp']
  await shop.write(
    { op: 'replace', path: ['Listings', CAP, 'Metadata', 'Images'], value: Images },
    { op: 'add', path: ['Tags', 'Pictured'], value: map({ Name: 'Pictured', ListingIDs: [CAP] }) },
  )
  await arrived('Pictured')
  await page.setInputFiles('dialog input[type=file]', [{ name: 'cap.webp', mimeType: 'image/webp', buffer: COMPASS! }])
  await dialog().getByRole('img', { name: 'Picture 2' }).waitFor()
  await save()
  const conflict = outcome(page, 'Save Wool cap')
  const [line] = await explained(conflict)
  expect(line).toMatch(/^Pictures \| …ple\/cap\.webp \| …e\/other\.webp \| …ple\/cap\.webp, …\S{12}$/u)
  await keep(conflict)
  // It asks once: a picture was taken.
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await edit('Wool cap')
  expect(await dialog().getByRole('img').getAttribute('src')).toBe(Images[0])
  await page.keyboard.press('Escape')
})

test('a value of an option that the other one changed is not lost', { timeout: FLOW_MS }, async () => {
  await edit('Wool cap')
  const values = () => dialog().getByLabel('Value', { exact: true })
  const titles = () => values().evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value))
  // From small to large, whatever the order of their names is.
  expect(await titles()).toEqual(['Small', 'Medium', 'Large'])
  await shop.write(
    { op: 'replace', path: variation('a'), value: value('Very large') },
    { op: 'add', path: ['Tags', 'Sized'], value: map({ Name: 'Sized', ListingIDs: [CAP] }) },
  )
  await arrived('Sized')
  await values().nth(0).fill('Tiny')
  // Of a form whose options conflict nothing else is written either.
  await dialog().getByLabel('Title').fill('Woollen cap')
  await save()
  const conflict = outcome(page, 'Save Woollen cap')
  expect(await explained(conflict)).toEqual([
    'Options | Size: Small, Medium, Large | Size: Very large, Small, Medium | Size: Large, Tiny, Medium',
  ])
  await anyway(conflict)
  await page.locator('[data-listing]').filter({ hasText: 'Woollen cap' }).waitFor()
  await edit('Woollen cap')
  expect((await titles()).sort()).toEqual(['Large', 'Medium', 'Tiny'])
  await page.keyboard.press('Escape')
})

test('pieces that were sold while they were counted are told', { timeout: FLOW_MS }, async () => {
  await edit('Mug')
  await shop.write({ op: 'decrement', path: ['Inventory', MUG], value: 3n })
  await arrived('7')
  await dialog().getByLabel('Pieces in stock').fill('20')
  await save()
  const conflict = outcome(page, 'Save Mug')
  expect(await explained(conflict)).toEqual(['Stock | 10 pieces | 7 pieces | 20 pieces'])
  await keep(conflict)
  expect(await page.locator(`[data-listing="${MUG}"]`).getByText('7', { exact: true }).count()).toBe(1)
  await save()
  await anyway(outcome(page, 'Save Mug'))
  await page.locator(`[data-listing="${MUG}"]`).getByText('20', { exact: true }).waitFor()
})

test('a price that is no amount is told once, and without words of programs', { timeout: FLOW_MS }, async () => {
  await edit('Mug')
  await dialog()
    .getByLabel(/^Price/u)
    .fill('0,06')
  await save()
  const told = await outcome(page, 'Save Mug').getByText('is no amount').innerText()
  expect(told).toBe('Price: "0,06" is no amount. Write it as 1,234.5.')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await outcome(page, 'Save Mug').getByRole('button', { name: 'Dismiss: Save Mug' }).click()
})

async function exported(): Promise<string> {
  await go(page, 'Import & export')
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Listings as CSV' }).click(),
  ])
  return readFileSync(await file.path(), 'utf8')
}

async function read(csv: string, name = 'shop.csv'): Promise<void> {
  const file = { name, mimeType: 'text/csv', buffer: Buffer.from(csv) }
  await page.setInputFiles('input[accept*=csv]', [file])
  await page.getByRole('heading', { name }).waitFor()
}

const write = () => page.getByRole('button', { name: /^Write \d/u })

test(
  'an import while prices change tells which, and is written all the same if wanted',
  {
    timeout: FLOW_MS,
  },
  async () => {
    const csv = await exported()
    await read(csv.replace('Holds 400 ml', 'Holds 350 ml'))
    await page.getByText('Nothing is written yet.').last().waitFor()
    const price = (amount: bigint) =>
      shop.write({ op: 'replace', path: ['Listings', MUG, 'Price'], value: amount * 10n ** 14n })
    // As a living shop does, all the time.
    for (const amount of [101n, 102n, 103n]) await price(amount)
    await write().click()
    const conflict = outcome(page, 'Import shop.csv')
    await conflict.getByText('The shop changed since you looked').waitFor()
    expect(await explained(conflict)).toEqual([
      expect.stringMatching(/^Mug: Price \| 0\.01 ETH \| 0\.010[123] ETH \| 0\.01 ETH$/u),
    ])
    await anyway(conflict)
    await outcome(page, 'Import shop.csv').getByText('0 added, 1 changed').waitFor()
    await go(page, 'Listings')
    await page.locator(`[data-listing="${MUG}"]`).getByText('0.01 ETH', { exact: true }).waitFor()
    await read(await exported())
    await page.getByText('The shop has all of it already.').waitFor()
  },
)

test('pictures of a product file that are files are uploaded, and shown', { timeout: FLOW_MS }, async () => {
  await go(page, 'Import & export')
  const csv = 'Title,Description,Price,Image Src\nEnamel mug,Blue,0.02,pictures/enamel-mug.webp\n'
  await read(csv, 'mugs.csv')
  await page.getByText('One picture is a file: enamel-mug.webp').waitFor()
  expect(await flaws(page)).toEqual([])
  const choose = (name: string, buffer: Buffer) =>
    page.setInputFiles('.dry input[type=file]', [{ name, mimeType: 'image/webp', buffer }])
  await choose('other.webp', COMPASS!)
  await outcome(page, 'Upload other.webp').getByText('names none of these files').waitFor()
  await choose('enamel-mug.webp', MUG_PICTURE!)
  await outcome(page, 'Upload enamel-mug.webp').getByText('1 of 1 are on the relay').waitFor()
  await page.getByText('One picture is a file').waitFor({ state: 'detached' })
  await write().click()
  await outcome(page, 'Import mugs.csv').getByText('1 added').waitFor()
  await go(page, 'Listings')
  const picture = page.locator('[data-listing]').filter({ hasText: 'Enamel mug' }).getByRole('presentation')
  const width = () => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)
  await expect.poll(width, PATIENCE).toBeGreaterThan(0)
})

test(
  'a tag that a spreadsheet would compute leaves as text, and comes back as itself',
  {
    timeout: FLOW_MS,
  },
  async () => {
    await shop.write({ op: 'add', path: ['Tags', '=cmd()'], value: map({ Name: '=cmd()', ListingIDs: [MUG] }) })
    await go(page, 'Listings')
    await arrived('=cmd()')
    const csv = await exported()
    expect(csv).toContain(",'=cmd(),")
    await read(csv)
    await page.getByText('The shop has all of it already.').waitFor()
  },
)

test(
  'the address behind the # leads to a view, and to a login where it is a link of one',
  {
    timeout: FLOW_MS,
  },
  async () => {
    const goTo = (hash: string) => page.evaluate((text) => void (location.hash = text), hash)
    await goTo('#/cards')
    await page.getByRole('heading', { level: 1, name: 'Cards' }).waitFor({ state: 'attached' })
    await page.goBack()
    await page.getByRole('heading', { level: 1, name: 'Import & export' }).waitFor({ state: 'attached' })
    await goTo(new URL(shop.link).hash)
    await page.getByRole('button', { name: 'Log in with the development key' }).click()
    await page.getByText(/Proven as of set/u).waitFor()
    expect(page.url()).not.toContain('wallet=')
  },
)

test('a picture that does not come leaves no broken one', { timeout: FLOW_MS }, async () => {
  await page.route('https://gone.example/**', (route) => route.fulfill({ status: 404 }))
  const Images = ['https://gone.example/mug.webp']
  await shop.write({ op: 'replace', path: ['Listings', MUG, 'Metadata', 'Images'], value: Images })
  await go(page, 'Listings')
  const row = page.locator(`[data-listing="${MUG}"]`)
  await row.locator('i.thumb').waitFor()
  expect(await row.locator('img').count()).toBe(0)
  // Chromium tells of what is not there.
  expect(shop.complaints.splice(0).join()).toContain('404')
})
