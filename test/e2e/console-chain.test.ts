/**
 * The merchant's console on a development chain, in real Chromium: wallets of the browser, an invite that a second
 * browser takes up, cards that are taken out, payments that are odd, word of a new order, what is printed and kept.
 */

import { readFileSync } from 'node:fs'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ACCOUNTS } from '../../contracts/dev-chain.mjs'
import {
  announceWallet,
  consolePage,
  flaws,
  go,
  outcome,
  PATIENCE,
  type ConsolePage,
} from '../fixtures/console-page.js'
import { openChromium } from '../fixtures/chromium.js'
import { choice, NATIVE, PaidShop, type Guest } from '../fixtures/paid-shop.js'
import { listing, SHOP, state, stock } from '../fixtures/relay-harness.js'

const [OWNER, CLERK] = [ACCOUNTS[1]!, ACCOUNTS[3]!]
/** The fifth that the chain's node signs for. */
const STRANGER = '0x15d34aaf54267db7d7c367839aaf71a00a2c6a65'
const FLOW_MS = 240_000
/** A token is worth so much. */
const RATE = { flags: ['--price-source', 'fixed', '--price-factor', '1500'] }

let shop: PaidShop
let browser: Browser
let owner: ConsolePage
let clerk: ConsolePage
let link: string
const open: ConsolePage[] = []

beforeAll(async () => {
  ;[shop, browser] = await Promise.all([PaidShop.open(RATE), openChromium()])
  owner = await withWallet('Owner’s wallet', OWNER.address)
})
afterAll(async () => {
  await browser?.close()
  await shop?.close()
})
afterEach(() => {
  expect(open.flatMap(({ complaints }) => complaints)).toEqual([])
  expect(shop.relay.bugs).toEqual([])
})

async function withWallet(name: string, address: string): Promise<ConsolePage> {
  const one = await consolePage(browser)
  await announceWallet(one, { name, address, rpcUrl: shop.chain.rpcUrl })
  open.push(one)
  return one
}

const consoleUrl = () => `${shop.relay.url}/console`
const proven = (page: Page) => page.getByText(/Proven as of set/u).waitFor()
const orderLine = (page: Page, id: bigint) => page.locator(`[data-order="${id}"]`)

test(
  'the owner logs in with a wallet of the browser, whoever has no right is told so',
  { timeout: FLOW_MS },
  async () => {
    const { page } = owner
    await page.goto(consoleUrl())
    expect(await flaws(page)).toEqual([])
    // Of a development relay's own shop the number stands there.
    expect(await page.getByLabel('Shop').inputValue()).toBe(String(SHOP))
    await page.getByLabel('Shop').fill('')
    await page.getByRole('button', { name: 'Log in with Owner’s wallet' }).click()
    await page.getByText('Give the number of the shop').waitFor()
    await page.getByLabel('Shop').fill(String(SHOP))
    await page.getByRole('button', { name: 'Log in with Owner’s wallet' }).click()
    await proven(page)
    const stranger = await withWallet('Stranger’s wallet', STRANGER)
    await stranger.page.goto(consoleUrl())
    await stranger.page.getByLabel('Shop').fill(String(SHOP))
    await stranger.page.getByRole('button', { name: 'Log in with Stranger’s wallet' }).click()
    await stranger.page.getByRole('alert').getByText('NO_RIGHT').waitFor()
    // The relay's refusal is told by the browser too.
    expect(stranger.complaints.splice(0).join()).toContain('403')
    await stranger.context.close()
  },
)

test('an invite that the owner makes is taken up by a second browser, once', { timeout: FLOW_MS }, async () => {
  await go(owner.page, 'Cards')
  await owner.page.getByRole('button', { name: 'Make an invite with Owner’s wallet' }).click()
  await outcome(owner.page, 'Invite a clerk').getByText('the link works').waitFor()
  link = await owner.page.getByLabel('Whoever has this link can use it, once').inputValue()
  expect(link).toContain('/console#shop=')
  clerk = await withWallet('Clerk’s wallet', CLERK.address)
  const { page } = clerk
  await page.goto(link)
  await page.getByText('You are invited to work for shop').waitFor()
  expect(page.url()).toBe(consoleUrl())
  expect(await flaws(page)).toEqual([])
  await page.getByRole('button', { name: 'Join with Clerk’s wallet' }).click()
  await proven(page)
  await owner.page.locator(`code[title="${CLERK.address}"]`).first().waitFor()
  expect(await flaws(owner.page)).toEqual([])

  const late = await withWallet('Late wallet', STRANGER)
  await late.page.goto(consoleUrl())
  await late.page.getByLabel('Shop').fill(link)
  await late.page.getByRole('button', { name: 'Join with Late wallet' }).click()
  await late.page.getByRole('alert').getByText('no such invite').waitFor()
  await late.context.close()
})

test('payments that are odd come with what to do about them', { timeout: FLOW_MS }, async () => {
  const guest = await shop.guest()
  const partial = await guest.checkout(11n)
  await shop.payByAddress(partial, partial.amount - 1n)
  const late = await guest.checkout(12n)
  await guest.write(state(12n, 2n))
  await shop.payByCall(late)
  const twice = await guest.checkout(13n)
  await shop.payByCall(twice)
  await shop.orderWhere(13n, ({ State }) => State === 6n)
  await shop.payByAddress(twice)
  await guest.wire.close()

  const { page } = owner
  await go(page, 'Orders')
  await page.getByRole('button', { name: /^Needs a person/u }).click()
  for (const [id, kind] of [
    [11n, 'partial'],
    [12n, 'late'],
    [13n, 'extra'],
  ] as const)
    await orderLine(page, id).getByText(kind, { exact: true }).waitFor()
  await orderLine(page, 11n)
    .getByText(/^until \d/u)
    .waitFor()
  await page.getByRole('link', { name: 'Orders 3 odd' }).waitFor()
  await orderLine(page, 11n).getByRole('button').click()
  const panel = page.getByRole('complementary')
  await panel.getByText('Less came than is due').waitFor()
  const letter = await panel.getByRole('link', { name: 'Write to the guest' }).getAttribute('href')
  expect(letter).toMatch(/^mailto:guest%40example.org\?subject=Your%20order%20%23\d+&body=/u)
  expect(await flaws(page)).toEqual([])
  await panel.getByRole('button', { name: 'Mark as seen to' }).click()
  await orderLine(page, 11n).waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Orders 2 odd' }).waitFor()
  // Remembered: it is nobody's work after a reload either.
  await page.reload()
  await page.getByRole('link', { name: 'Orders 2 odd' }).waitFor()
})

test(
  'a payment by an earlier choice, one too much, and pieces that are missing are told',
  { timeout: FLOW_MS },
  async () => {
    const guest = await shop.guest()
    const first = await guest.checkout(31n)
    await guest.write(...choice(31n, shop.token, 'replace'), state(31n, 4n))
    await shop.orderWhere(31n, ({ State, PaymentDetails }) => State === 5n && PaymentDetails!.Total !== first.amount)
    await shop.payByCall(first)
    const over = await guest.checkout(32n)
    await shop.payByAddress(over, 2n * over.amount)
    await shop.write(listing(5n))
    await shop.write(stock(5n, 5n))
    const five = await guest.checkout(33n, 5n, NATIVE, 5n)
    await shop.write({ op: 'replace', path: ['Inventory', 5n], value: 3n })
    await shop.payByCall(five)
    await guest.wire.close()

    const { page } = owner
    await go(page, 'Orders')
    await page.getByRole('button', { name: /^Needs a person/u }).click()
    const panel = page.getByRole('complementary')
    for (const [id, kind, told] of [
      [31n, 'earlier', 'Paid by an earlier choice of currency or payee: ship it, and book it as that.'],
      [32n, 'over', 'Paid, and more came than was due: ship it, and refund the difference.'],
      [33n, 'shortfall', 'Paid, and the stock had less than was bought: restock, or refund what you cannot send.'],
    ] as const) {
      await orderLine(page, id).getByText(kind, { exact: true }).waitFor()
      await orderLine(page, id).getByText('Paid', { exact: true }).waitFor()
      await orderLine(page, id).getByRole('button').click()
      await panel.getByText(told).waitFor()
      expect(await flaws(page)).toEqual([])
    }
    await panel.getByText('the stock lacked 2 of listing 5').waitFor()
    // Amounts are long, and no column is so narrow that letters stand below each other.
    const lines = page.locator('[data-order]')
    const heights = await lines.evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height))
    expect([Math.min(...heights) > 20, Math.max(...heights) < 80]).toEqual([true, true])
    // Nothing is due for what is Paid.
    expect(await panel.getByText('Due', { exact: true }).count()).toBe(0)
    await panel.getByText('Asked for', { exact: true }).waitFor()
  },
)

test('a paid order is printed on one page, and its receipt is kept', { timeout: FLOW_MS }, async () => {
  const { page } = owner
  await page.getByRole('button', { name: /^Paid/u }).click()
  await orderLine(page, 13n).getByRole('button').click()
  const panel = page.getByRole('complementary')
  await panel.getByText('Somewhere 1').waitFor()
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  expect(await panel.getByText(`Shop ${SHOP}`).isVisible()).toBe(true)
  for (const name of ['Print', 'Receipt']) expect(await panel.getByRole('button', { name }).isVisible()).toBe(false)
  expect(await page.getByRole('navigation').isVisible()).toBe(false)
  // Paper is light, whatever the screen is.
  const ground = await panel.evaluate((element) => getComputedStyle(element).backgroundColor)
  expect(ground).toBe('rgb(255, 255, 255)')
  const pages = (await page.pdf({ format: 'A4' })).toString('latin1').match(/\/Type\s*\/Page\b/gu)
  expect(pages).toHaveLength(1)
  await page.emulateMedia({ media: 'screen', colorScheme: 'light' })
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    panel.getByRole('button', { name: 'Receipt' }).click(),
  ])
  expect(file.suggestedFilename()).toBe('order-13.cairn')
  expect(readFileSync(await file.path()).length).toBeGreaterThan(200)
})

/** Counts what the page shows and plays, which it does all the same. */
const COUNTING = `
  window.told = []
  window.tones = 0
  const { Notification: Real } = window
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options)
      window.told.push(title + ': ' + options.body)
    }
  }
  const { createOscillator } = AudioContext.prototype
  AudioContext.prototype.createOscillator = function () {
    window.tones++
    return createOscillator.call(this)
  }
`

test('a new order is told by a tone and a notification, once they are wanted', { timeout: FLOW_MS }, async () => {
  const { page, context } = owner
  await context.grantPermissions(['notifications'], { origin: shop.relay.url })
  await context.addInitScript(COUNTING)
  await page.reload()
  await proven(page)
  const told = () => page.evaluate('[window.told, window.tones]')
  const newOrder = async (guest: Guest, id: bigint) => {
    await guest.checkout(id)
    await orderLine(page, id).waitFor()
    await outcome(page, 'A new order').getByText('Of Guest.').waitFor()
    await page.getByRole('button', { name: 'Dismiss: A new order' }).click()
  }
  const guest = await shop.guest()
  await newOrder(guest, 21n)
  expect(await told()).toEqual([[], 0])
  await page.getByRole('button', { name: 'Sound off', exact: true }).click()
  await page.getByRole('button', { name: 'Sound on', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Notifications off', exact: true }).click()
  await page.getByRole('button', { name: 'Notifications on', exact: true }).waitFor()
  // Both are remembered.
  await page.reload()
  await proven(page)
  expect(await page.getByRole('button', { name: /^(Sound|Notifications) on$/u }).count()).toBe(2)
  await newOrder(guest, 22n)
  expect(await told()).toEqual([['A new order: Of Guest.'], 2])
  await guest.wire.close()
})

test('a clerk whose card is taken out is told, and may come again until he is none', { timeout: FLOW_MS }, async () => {
  const { page } = owner
  await go(page, 'Cards')
  const line = page.locator('[data-card]').filter({ has: page.locator(`code[title="${CLERK.address}"]`) })
  await line.getByRole('button', { name: /^Take out/u }).click()
  await line.getByRole('button', { name: /^Really take it out/u }).click()
  await clerk.page.getByRole('alert').getByText('This key card was taken out of the shop').waitFor()
  expect(await flaws(clerk.page)).toEqual([])
  await clerk.page.getByRole('button', { name: 'Log in again' }).click()
  await clerk.page.getByLabel('Shop').fill(String(SHOP))
  await clerk.page.getByRole('button', { name: 'Log in with Clerk’s wallet' }).click()
  await proven(clerk.page)

  await page.getByRole('button', { name: /^Remove clerk/u }).click()
  await page.getByRole('button', { name: /^Really remove clerk/u }).click()
  await outcome(page, 'Remove clerk').getByText('no clerk any more').waitFor()
  await clerk.page.getByRole('alert').getByText('This key card was taken out of the shop').waitFor()
  await expect.poll(() => shop.account(CLERK.address), PATIENCE).toBe('absent')
})
