/** A receipt in `/verify`, which was opened while the relay was there, and has neither relay nor network any more. */

import type { BrowserContext, Page } from 'playwright-core'
import type { Ground } from './ground.js'

export async function openVerify(ground: Ground, context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${url}/verify`)
  await page.getByRole('heading', { level: 1, name: 'Check a receipt' }).waitFor()
  await ground.look(page, '/verify')
  return page
}

/** `relay`: its address. Resolves with what the page says of the order. */
export async function verifyOffline(
  ground: Ground,
  page: Page,
  { relay, receipt }: { readonly relay: string; readonly receipt: Buffer },
): Promise<string> {
  await page.context().setOffline(true)
  await page.getByLabel("Address of the shop's relay").fill(relay)
  const file = { name: 'order.cairn', mimeType: 'application/octet-stream', buffer: receipt }
  await page.getByLabel(/Receipt file/u).setInputFiles(file)
  await page.getByRole('status').getByText('✓ Matches').waitFor()
  await ground.look(page, '/verify, a receipt')
  return page.getByRole('region', { name: 'Receipt' }).innerText()
}
