/** What `npm run check:browser` runs: flows one after the other, each failing alone, and what was counted on pages. */

import { boughtElsewhere } from './bought-elsewhere.js'
import { DemoShop } from './demo-shop.js'
import { Ground, requireThat } from './ground.js'
import { GuestsPage } from './guests-page.js'
import { liedTo } from './lied-to.js'
import { LongWork } from './long-work.js'
import { LargeShops } from './many-listings.js'
import { refusedOrigin } from './refused-origin.js'

export interface Options {
  readonly only: string | undefined
  readonly short: boolean
  readonly verbose: boolean
}

/** Resolves with what it saw, one line. */
type Flow = readonly [name: string, run: (ground: Ground) => Promise<string>]

/** Every one of the relay's own pages, and their views. */
const VIEWS = [
  ...['the list', 'the proof', 'a thing', 'the cart', 'the checkout', 'an order that is not paid'].map(ofStorefront),
  ...['an order that is Paid', 'the orders', 'the alarm'].map(ofStorefront),
  ...['the login', 'Orders', 'Listings', 'a listing', 'outcomes', 'Shop', 'Cards', 'Import & export'].map(
    (view) => `/console, ${view}`,
  ),
  '/verify',
  '/verify, a receipt',
]

function ofStorefront(view: string): string {
  return `/, ${view}`
}

/** Prints a line a flow and the closing line; whether all held. */
export async function checkBrowser({ only, short, verbose }: Options): Promise<boolean> {
  const ground = await Ground.make({ short, tell: (text) => verbose && console.log(`    ${text}`) })
  const [demo, guests, large, long] = [new DemoShop(), new GuestsPage(), new LargeShops(), new LongWork()]
  const flows: readonly Flow[] = [
    ['a page of another origin: enrol, cart, order, pay, receipt, verified without the relay', boughtElsewhere],
    ['the storefront at /: cart, order, pay, receipt', demo.guest],
    ['the merchant’s console: the order, a price, publish, stock; look only', demo.merchant],
    ['the storefront’s receipt, verified without the relay', demo.verify],
    ['a relay that lies turns the page red', liedTo],
    ['10,000 listings come, none of the tasks over 50 ms', large.sync],
    ['a first signature, a list opened late, a reconnect over 2,000 sets: none of the tasks over 50 ms', long.run],
    ['2,000 kept listings are painted in 100 ms', large.paint],
    ['a write made offline is sent once', guests.offlineWrite],
    ['two tabs', guests.twoTabs],
    ['reloads with and without network', guests.reloads],
    ['a page of an origin that is not allowed', refusedOrigin],
    ['axe has looked at every view, light and dark', lookedAtAll],
  ]
  const chosen = flows.filter(([name]) => only === undefined || name.includes(only))
  const held: boolean[] = []
  try {
    for (const flow of chosen) held.push(await one(ground, flow))
  } finally {
    await Promise.all([demo.close(), guests.close(), large.close(), long.close()])
    await ground.close()
  }
  return told(ground, held)
}

async function one(ground: Ground, [name, run]: Flow): Promise<boolean> {
  const begun = performance.now()
  const seconds = () => `${((performance.now() - begun) / 1_000).toFixed(1)} s`
  try {
    const saw = await run(ground)
    console.log(`flow: ${name}: ${saw} (${seconds()})`)
    return true
  } catch (error) {
    console.log(`flow: ${name}: FAILED after ${seconds()}: ${(error as Error).message}`)
    return false
  } finally {
    await ground.clear()
  }
}

async function lookedAtAll({ seen, violations }: Ground): Promise<string> {
  const missing = VIEWS.filter((view) => !seen.has(view))
  requireThat(missing.length === 0, `it has not looked at ${missing.join('; ')}`)
  requireThat(violations.length === 0, `${violations.length} violations, below`)
  return `${seen.size} views`
}

function told({ violations, longTasks, consoleErrors }: Ground, held: readonly boolean[]): boolean {
  for (const text of violations) console.log(`axe: ${text}`)
  for (const text of consoleErrors) console.log(`console: ${text}`)
  const good = held.filter(Boolean).length
  const counts = [`axe ${violations.length}`, `long tasks ${longTasks}`, `console errors ${consoleErrors.length}`]
  console.log([`flows ${good} / ${held.length}`, ...counts].join(', '))
  return good === held.length && violations.length + longTasks + consoleErrors.length === 0
}
