/**
 * The devtools panel in a real browser: by keyboard, in both colour schemes, for axe, and in a page that it must not
 * harm.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { ROOT } from '../fixtures/program.js'
import { relayWithListing, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')
const SCRIPT = `
  import { connect } from 'cairn-relay/client'
  import { mountDevtools } from 'cairn-relay/devtools'

  const { relay: url, shop } = Object.fromEntries(new URL(location).searchParams)
  document.documentElement.lang = 'en'
  const client = await connect({ url, shop: BigInt(shop), relay: 'development', only: 'watched' })
  client.listing(1n).subscribe(() => undefined)
  globalThis.client = client
  globalThis.unmount = mountDevtools(client)
  globalThis.mountDevtools = mountDevtools
  document.title = 'ready'
`
const BODY = '<main><h1>A shop</h1><button>Buy</button></main>'

let browser: Browser
let served: Awaited<ReturnType<typeof servePage>>
let running: TestRelay

beforeAll(async () => {
  const made = bundled(SCRIPT).then((script) => servePage(script, BODY))
  ;[browser, served, running] = await Promise.all([openChromium(), made, relayWithListing()])
})

afterAll(async () => {
  await browser?.close()
  served?.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** The page, its devtools mounted, with all that was thrown in it. */
async function opened(colorScheme: 'light' | 'dark'): Promise<{ page: Page; thrown: string[] }> {
  const page = await browser.newPage({ colorScheme, viewport: { width: 320, height: 640 } })
  const thrown: string[] = []
  page.on('pageerror', (error) => thrown.push(String(error)))
  await page.goto(`${served.url}?${new URLSearchParams({ relay: running.url, shop: `${SHOP}` }).toString()}`)
  await page.waitForFunction(() => document.title === 'ready')
  return { page, thrown }
}

async function violations(page: Page): Promise<unknown> {
  await page.evaluate(AXE)
  return page.evaluate(
    `axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))`,
  )
}

test.each(['light', 'dark'] as const)('is opened and closed by keyboard, %s', async (scheme) => {
  const { page, thrown } = await opened(scheme)
  const button = page.getByRole('button', { name: 'cairn: connected' })
  const panel = page.getByRole('group', { name: 'How the client stands' })
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  expect(await violations(page)).toEqual([])
  await button.press('Enter')
  await panel.getByRole('row', { name: /Listings\/1 ready nothing left out as of \d+/u }).waitFor()
  await panel.getByText('Nothing waits for the relay.').waitFor()
  expect(await panel.evaluate((element) => element.matches(':focus'))).toBe(true)
  expect(await button.getAttribute('aria-expanded')).toBe('true')
  expect(await violations(page)).toEqual([])
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true)
  const ground = await panel.evaluate((element) => getComputedStyle(element).backgroundColor)
  expect(ground).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(27, 27, 30)')
  await page.keyboard.press('Escape')
  await panel.waitFor({ state: 'hidden' })
  expect(await button.evaluate((element) => element.matches(':focus'))).toBe(true)
  expect(thrown).toEqual([])
  await page.close()
})

test('tells that the connection is gone, and is taken away without a trace', async () => {
  const { page, thrown } = await opened('light')
  const before = await page.evaluate('client.close(), document.body.children.length')
  await page.getByRole('button', { name: 'cairn: closed' }).waitFor()
  const [after, again] = (await page.evaluate(
    'unmount(), unmount(), [document.body.children.length, document.querySelectorAll("div").length]',
  )) as number[]
  expect(after).toBe(Number(before) - 1)
  expect(again).toBe(1)
  expect(thrown).toEqual([])
  await page.close()
})

test('throws nothing into the page, whatever it is given, and shows no markup of a relay', async () => {
  const { page, thrown } = await opened('light')
  const results = await page.evaluate(`(() => {
    const broken = { state: 'connected', onState: () => () => {}, diagnose() { throw new Error('<b>no</b>') } }
    const results = [{}, null, 7, broken].map((shop) => typeof mountDevtools(shop))
    const places = [null, document.querySelector('main')]
    return [...results, ...places.map((place) => typeof mountDevtools(client, place))]
  })()`)
  expect(results).toEqual(Array(6).fill('function'))
  const buttons = page.getByRole('button', { name: 'cairn: connected' })
  for (const button of await buttons.all()) await button.evaluate((element: HTMLElement) => element.click())
  await page.getByText('The panel itself failed: Error: <b>no</b>').waitFor()
  expect(thrown).toEqual([])
  await page.close()
})
