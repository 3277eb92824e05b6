/** The demo shop of `serve --demo --chain dev`: a guest buys at `/`, and the merchant works in `/console`. */

import { readFileSync } from 'node:fs'
import type { BrowserContext, Page } from 'playwright-core'
import { demoKeysIn } from '../../src/cli/demo-keys.js'
import { requireThat, until, type Ground } from './ground.js'
import { Relay, usualChain } from './relays.js'
import { openVerify, verifyOffline } from './verified-offline.js'
import { giveWallet, WALLET_NAME } from './wallet.js'
import { fillAddress } from '../fixtures/storefront-page.js'

const ACCOUNT = 7

const link = (page: Page, name: string | RegExp) => page.getByRole('link', { name })
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name })
const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name })
const proof = (page: Page) => button(page, /^.*Proven as of checkpoint \d+/u).first()

/** Relay and chain, which both flows need: the second begins with the order of the first. */
export class DemoShop {
  private relay: Relay | undefined
  private chain: { readonly rpcUrl: string; stop(): Promise<void> } | undefined
  private bought: { readonly order: string; readonly receipt: Buffer } | undefined

  private async open(): Promise<Relay> {
    this.chain ??= await usualChain()
    this.relay ??= await Relay.start('--demo', '--chain', 'dev')
    const { url } = this.relay
    const asked = () => fetch(`${url}/`, { headers: { Accept: 'text/html' } })
    await until('the demo shop is made', asked, ({ ok }) => ok)
    return this.relay
  }

  async close(): Promise<void> {
    await this.relay?.end()
    await this.chain?.stop()
  }

  readonly guest = async (ground: Ground): Promise<string> => {
    const relay = await this.open()
    const context = await ground.open({ viewport: { width: 390, height: 844 } })
    await giveWallet(context, this.chain!.rpcUrl, ACCOUNT)
    const page = await context.newPage()
    await page.goto(`${relay.url}/`)
    await proof(page).waitFor()
    await ground.look(page, '/, the list')
    await explained(ground, page)
    const title = await fillCart(ground, page)
    await checkOut(ground, page)
    await button(page, `Pay with ${WALLET_NAME}`).click()
    await heading(page, 'Thank you').waitFor()
    await page.getByRole('status').filter({ hasText: 'Paid' }).first().waitFor()
    await ground.look(page, '/, an order that is Paid')
    const download = page.waitForEvent('download')
    await button(page, 'Download the receipt').click()
    const file = await download
    const [, order] = /^order-(\d+)\.cairn$/u.exec(file.suggestedFilename())!
    this.bought = { order: order!, receipt: readFileSync(await file.path()) }
    await link(page, 'All your orders').click()
    await page.getByText('Paid').first().waitFor()
    await ground.look(page, '/, the orders')
    return `${title}, ${this.bought.receipt.length} bytes of receipt`
  }

  readonly merchant = async (ground: Ground): Promise<string> => {
    const relay = await this.open()
    const { shop, wallet } = (await demoKeysIn(relay.data))!
    const context = await ground.open({ viewport: { width: 1_280, height: 900 } })
    const place = `${relay.url}/console#shop=${shop},wallet=${wallet}`
    const page = await logIn(ground, context, place)
    await seeOrder(ground, page, this.bought?.order)
    const price = await editPrice(ground, page)
    await publishAndStock(ground, page)
    for (const view of ['Shop', 'Cards', 'Import & export']) {
      await go(page, view)
      await ground.look(page, `/console, ${view}`)
    }
    await lookOnly(ground, place)
    return `order ${this.bought?.order ?? 'of nobody'} seen, price ${price}`
  }

  /** With the receipt of the guest's order; ends the relay. */
  readonly verify = async (ground: Ground): Promise<string> => {
    requireThat(this.bought !== undefined, 'nothing was bought')
    const relay = await this.open()
    const page = await openVerify(ground, await ground.open(), relay.url)
    await relay.stop()
    const said = await verifyOffline(ground, page, { relay: relay.address, receipt: this.bought.receipt })
    return said.split('\n')[0]!
  }
}

// The guest

async function explained(ground: Ground, page: Page): Promise<void> {
  await proof(page).click()
  await page.getByRole('dialog', { name: 'What is proven here' }).waitFor()
  await ground.look(page, '/, the proof')
  await page.keyboard.press('Escape')
}

/** Something that is not sold out; its title. */
async function fillCart(ground: Ground, page: Page): Promise<string> {
  const titles = await page.getByRole('main').getByRole('listitem').getByRole('link').allInnerTexts()
  for (const text of titles) {
    const title = text.split('\n').find((line) => line.trim() !== '')!
    await link(page, title).first().click()
    await heading(page, title).waitFor()
    const add = button(page, 'Put into the cart')
    if (await add.isEnabled().catch(() => false)) {
      await ground.look(page, '/, a thing')
      await add.click()
      await page.getByText('Added.').waitFor()
      await link(page, 'See the cart').click()
      await link(page, 'Go to checkout').waitFor()
      await ground.look(page, '/, the cart')
      return title
    }
    await page.goBack()
  }
  throw new Error(`nothing of ${titles.length} things can be put into the cart`)
}

async function checkOut(ground: Ground, page: Page): Promise<void> {
  await link(page, 'Go to checkout').click()
  await fillAddress(page)
  await ground.look(page, '/, the checkout')
  await button(page, 'Order').click()
  await button(page, `Pay with ${WALLET_NAME}`).waitFor()
  await ground.look(page, '/, an order that is not paid')
}

// The merchant

const go = async (page: Page, view: string) => {
  await page.getByRole('navigation').getByRole('link', { name: view }).click()
  await heading(page, view).waitFor({ state: 'attached' })
}
const outcome = (page: Page, what: string | RegExp) => page.getByRole('article').filter({ hasText: what }).last()

async function logIn(ground: Ground, context: BrowserContext, place: string, isLook = false): Promise<Page> {
  const page = await context.newPage()
  await page.goto(place)
  await button(page, 'Log in with the development key').waitFor()
  await ground.look(page, '/console, the login')
  if (isLook) await page.getByLabel('Look only').check()
  await button(page, 'Log in with the development key').click()
  await page.getByText(/Proven as of set/u).waitFor()
  return page
}

/** By its id, which the guest's receipt is named after. */
async function seeOrder(ground: Ground, page: Page, order: string | undefined): Promise<void> {
  await go(page, 'Orders')
  const row = order === undefined ? page.locator('[data-order]').first() : page.locator(`[data-order="${order}"]`)
  await row.waitFor()
  if (order !== undefined) await row.getByText('Paid').first().waitFor()
  await row.getByRole('button').first().click()
  const panel = page.getByRole('complementary')
  await (order === undefined ? panel : panel.getByText('Ada Guest')).first().waitFor()
  await ground.look(page, '/console, Orders')
}

const FIRST = '[data-listing]'

/** Of the first listing; the text of the new price. */
async function editPrice(ground: Ground, page: Page): Promise<string> {
  await go(page, 'Listings')
  await page.locator(FIRST).first().waitFor()
  await ground.look(page, '/console, Listings')
  await page.locator(FIRST).first().getByRole('button').click()
  const dialog = page.getByRole('dialog')
  await ground.look(page, '/console, a listing')
  const price = `0.0${Date.now() % 1_000_000}1`
  await dialog.getByLabel(/^Price/u).fill(price)
  await dialog.getByRole('button', { name: 'Save', exact: true }).click()
  await outcome(page, /^Save|Save /u)
    .getByText(/On disk as set \d+/u)
    .waitFor()
  await page.locator(FIRST).first().getByText(price.replace(/0+$/u, '')).waitFor()
  return price
}

async function publishAndStock(ground: Ground, page: Page): Promise<void> {
  await page.getByLabel('Select all shown').check()
  const bar = page.getByRole('form', { name: 'Change the selected listings' })
  const apply = async (kind: string, value?: string) => {
    await bar.getByLabel('What to change').selectOption({ label: kind })
    if (value !== undefined) await bar.getByLabel(kind, { exact: true }).fill(value)
    await bar.getByRole('button', { name: 'Apply' }).click()
    await outcome(page, kind)
      .getByText(/on disk|Nothing to change/iu)
      .first()
      .waitFor()
    ground.tell(`${kind}: ${(await outcome(page, kind).innerText()).replaceAll('\n', ' ')}`)
  }
  await apply('Take off the shop')
  await apply('Publish')
  await apply('Add to stock', '5')
  await ground.look(page, '/console, outcomes')
  await button(page, 'Clear selection').click()
}

/** Who only looks is told so, and what he wanted is not written. */
async function lookOnly(ground: Ground, place: string): Promise<void> {
  const page = await logIn(ground, await ground.open(), place, true)
  await go(page, 'Listings')
  const row = page.locator(FIRST).first()
  await row.getByRole('button').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/^Price/u).fill(NEVER)
  requireThat(await dialog.getByRole('button', { name: 'Save', exact: true }).isDisabled(), 'Save is not off')
  // Forms are sent by this key too.
  await page.keyboard.press('Enter')
  await page.getByText('You look only: this session changes nothing.').first().waitFor()
  await page.keyboard.press('Escape')
  await row.getByText(/ETH/u).waitFor()
  const prices = await page.locator(FIRST).allInnerTexts()
  requireThat(!prices.some((text) => text.includes(NEVER)), 'what was not to be written is shown')
}

/** No other price of the demo. */
const NEVER = '987.654321'
