/** A relay that names the origins whose pages it answers: one page may use it, another learns why not. */

import type { Page } from 'playwright-core'
import { bundled, servePage } from '../fixtures/chromium.js'
import { requireThat, until, type Ground } from './ground.js'
import { fill, openShop, Relay } from './relays.js'

const SCRIPT = `
  import { connect } from 'cairn-relay/client'

  const { relay: url, shop, address } = Object.fromEntries(new URL(location).searchParams)
  const outcome = connect({ url, shop: BigInt(shop), relay: address, protocol: 5 })
  document.title = await outcome.then(() => 'connected', (error) => error.code + ': ' + error.message)
`
const SHOP = 900n

export async function refusedOrigin(ground: Ground): Promise<string> {
  const script = await bundled(SCRIPT)
  const [allowed, other] = [await servePage(script), await servePage(script)]
  const relay = await Relay.start('--allowed-origins', new URL(allowed.url).origin)
  try {
    const merchant = await openShop(relay, SHOP)
    await fill(merchant, 1)
    merchant.client.close()
    const context = await ground.open({}, /\/v5\/sessions.*\b403\b|\b403\b.*\/v5\/sessions/u)
    const asked = new URLSearchParams({ relay: relay.url, shop: `${SHOP}`, address: relay.address }).toString()
    const outcomes: string[] = []
    for (const { url } of [allowed, other]) {
      const page = await context.newPage()
      await page.goto(`${url}?${asked}`)
      outcomes.push(await outcomeOf(page))
      // It would come back to a relay that is gone.
      await page.close()
    }
    const [first, second] = outcomes as [string, string]
    requireThat(first === 'connected', `the page that is allowed: ${first}`)
    requireThat(second.startsWith('ORIGIN_REFUSED: '), `the other page: ${second}`)
    return second
  } finally {
    allowed.close()
    other.close()
    await relay.end()
  }
}

function outcomeOf(page: Page): Promise<string> {
  return until(
    'an outcome',
    () => page.title(),
    (title) => title !== '…',
  )
}
