/**
 * What the console's forms refuse, on a telephone: told at the field that it is about, and in a line that covers
 * nothing and goes when it is over.
 */

import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { consolePage, flaws, go, outcome } from '../fixtures/console-page.js'
import { MerchantShop } from '../fixtures/merchant-shop.js'
import { listing, map, stock } from '../fixtures/relay-harness.js'

const FLOW_MS = 180_000
const MUG = 1n

let shop: MerchantShop
let page: Page

beforeAll(async () => {
  const mug = listing(MUG, { Metadata: map({ Title: 'Mug', Description: 'Holds 400 ml' }), Price: 10n ** 16n })
  const others = Array.from({ length: 20 }, (_, i) => listing(BigInt(i + 2)))
  shop = await MerchantShop.open([mug, ...others], [stock(MUG, 10n)])
  ;({ page } = shop)
  await page.setViewportSize({ width: 390, height: 844 })
}, 120_000)
afterAll(() => shop?.close())
afterEach(() => {
  expect(shop.complaints).toEqual([])
  expect(shop.running.bugs).toEqual([])
})

const dialog = () => page.getByRole('dialog')
const save = () => dialog().getByRole('button', { name: 'Save', exact: true }).click()
const failed = () => page.locator('.outcome.failed')

/** What a person would press and cannot, for a line that tells something stands over it, wherever he scrolls. */
function covered(): Promise<string[]> {
  return page.evaluate(`(() => {
    const [told] = document.querySelectorAll('.outcomes')
    const all = [...document.querySelectorAll('a, button, input, select, textarea')]
    const dialog = document.querySelector('dialog')
    const isIn = (one) => (dialog ?? document).contains(one) && !told.contains(one)
    const shown = all.filter((one) => one.checkVisibility() && isIn(one))
    return shown.flatMap((one) => ['start', 'end'].flatMap((block) => {
      one.scrollIntoView({ block })
      const { x, y, width, height } = one.getBoundingClientRect()
      const top = document.elementFromPoint(x + width / 2, y + height / 2)
      return top !== null && told.contains(top) ? [block + ': ' + one.outerHTML.slice(0, 80)] : []
    }))
  })()`)
}

/** The field that was refused: that it has the focus, and what it says of itself. */
async function refused(within = page.locator('body')): Promise<{ label: string; told: string; hasFocus: boolean }> {
  const field = within.locator('[aria-invalid="true"]')
  await field.waitFor()
  expect(await field.count()).toBe(1)
  return field.evaluate((input: HTMLInputElement) => ({
    label: input.labels![0]!.innerText,
    told: (input.getAttribute('aria-describedby') ?? '')
      .split(' ')
      .map((id) => document.getElementById(id)!.innerText)
      .join(' '),
    hasFocus: document.activeElement === input,
  }))
}

async function edit(): Promise<void> {
  await go(page, 'Listings')
  await page.locator(`[data-listing="${MUG}"]`).getByRole('button').click()
  await dialog().waitFor()
}

test(
  'a price that is none is told at its field, above the form, and no longer once it is saved',
  {
    timeout: FLOW_MS,
  },
  async () => {
    await edit()
    const price = dialog().getByLabel(/^Price/u)
    await price.fill('0,06')
    await save()
    const told = 'Price: "0,06" is no amount. Write it as 1,234.5.'
    expect(await refused()).toEqual({ label: 'Price, ETH', told, hasFocus: true })
    expect(await failed().locator('p').innerText()).toBe(told)
    expect(await covered()).toEqual([])
    expect(await flaws(page)).toEqual([])
    await price.fill('0.06')
    expect(await page.locator('[aria-invalid]').count()).toBe(0)
    await save()
    await outcome(page, 'Save Mug').getByText('On disk').waitFor()
    expect(await failed().count()).toBe(0)
  },
)

test('what the relay refuses is told at the field that it names', { timeout: FLOW_MS }, async () => {
  await edit()
  await dialog().getByLabel('Title').fill(' ')
  await save()
  expect(await refused()).toMatchObject({
    label: 'Title',
    told: expect.stringMatching(/must not be blank/u) as string,
    hasFocus: true,
  })
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'detached' })
})

test('a dialog in which something was typed asks once before it goes', { timeout: FLOW_MS }, async () => {
  const asks = dialog().getByText('What you typed is not saved. Close once more to drop it.')
  const close = dialog().getByRole('button', { name: 'Close', exact: true })
  await edit()
  await page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'detached' })
  for (const leave of [() => page.keyboard.press('Escape'), () => close.click()]) {
    await edit()
    await dialog().getByLabel('Title').fill('Mug with a handle')
    await leave()
    await asks.waitFor()
    expect(await flaws(page)).toEqual([])
    await leave()
    await dialog().waitFor({ state: 'detached' })
  }
  await edit()
  await dialog().getByLabel('Title').fill('Mug with a handle')
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  await dialog().waitFor({ state: 'detached' })
})

test('what an option adds is told at its value', { timeout: FLOW_MS }, async () => {
  await edit()
  await dialog().getByRole('button', { name: 'Add an option' }).click()
  await dialog().getByLabel('Option', { exact: true }).fill('Size')
  await dialog().getByLabel('Value', { exact: true }).fill('Large')
  await dialog().getByLabel('Its price').selectOption({ label: 'Costs more by' })
  await dialog().getByLabel('Amount, ETH').fill('much')
  await save()
  expect(await refused()).toMatchObject({
    label: 'Amount, ETH',
    told: expect.stringMatching(/^Size: Large: "much" is no amount\./u) as string,
  })
  expect(await covered()).toEqual([])
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
})

test(
  'a line covers nothing, can be dismissed, and goes when something else succeeds',
  { timeout: FLOW_MS },
  async () => {
    await go(page, 'Listings')
    const dismiss = page.getByRole('button', { name: /^Dismiss/u })
    while ((await dismiss.count()) > 0) await dismiss.first().click()
    await page.getByLabel('Select Mug').check()
    const bulk = page.getByRole('form', { name: 'Change the selected listings' })
    const apply = async (value: string) => {
      await bulk.getByLabel('Change price by %').fill(value)
      await bulk.getByRole('button', { name: 'Apply' }).click()
    }
    await apply('many')
    expect(await refused()).toMatchObject({
      told: expect.stringMatching(/is no percentage/u) as string,
      hasFocus: true,
    })
    expect(await covered()).toEqual([])
    await page.getByRole('button', { name: 'Dismiss: Change price by % many' }).click()
    await failed().waitFor({ state: 'detached' })
    await apply('many')
    await failed().waitFor()
    await apply('10')
    await outcome(page, 'Change price by % 10').getByText('on disk').waitFor()
    expect(await failed().count()).toBe(0)
    // A dialog has nothing to do with it.
    await edit()
    expect(await outcome(page, 'Change price by % 10').count()).toBe(0)
    await page.keyboard.press('Escape')
  },
)

test('a region and a login name their fields', { timeout: FLOW_MS }, async () => {
  await go(page, 'Shop')
  await page.getByRole('button', { name: 'Add a region' }).click()
  await dialog().getByLabel('Name').fill('Alps')
  await dialog().getByLabel('Changes the sum by').fill('1.5')
  await dialog().getByRole('button', { name: 'Save', exact: true }).click()
  expect(await refused()).toMatchObject({
    label: 'Changes the sum by, %',
    told: expect.stringMatching(/no change of the sum/u) as string,
  })
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  const { page: stranger, context } = await consolePage(shop.browser)
  await stranger.goto(`${shop.running.url}/console`)
  await stranger.getByLabel('Shop').fill('my shop')
  const file = { name: 'card.key', mimeType: 'text/plain', buffer: Buffer.from('11'.repeat(32)) }
  await stranger.setInputFiles('input[type=file]', file)
  expect(await refused(stranger.locator('body'))).toMatchObject({
    label: 'Shop',
    told: expect.stringMatching(/digits alone/u) as string,
  })
  await context.close()
})

test.each([
  ['its demo shop', '77', 'in the link that it printed when it started'],
  ['no demo shop', '', 'without its demo shop'],
])('who comes without a link to a development relay with %s is told what to do', async (_what, number, told) => {
  const { page: stranger, context } = await consolePage(shop.browser)
  const place = 'data-development="yes" data-shop="'
  await context.route('**/console', async (route) => {
    const body = (await (await route.fetch()).text()).replace(`${place}"`, `${place}${number}"`)
    await route.fulfill({ contentType: 'text/html', body })
  })
  await stranger.goto(`${shop.running.url}/console`)
  await stranger.getByText(told).waitFor()
  expect(await stranger.getByLabel('Shop').inputValue()).toBe(number)
  expect(await flaws(stranger)).toEqual([])
  await context.close()
})
