/**
 * The client in a real browser, in a page of another origin than the relay's (PROTOCOL §9, §10): enrols, writes, reads.
 */

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundled, openChromium, servePage } from '../fixtures/chromium.js'
import { OWNER, relayWithListing, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

/** What a storefront's page does, with a wallet of its own. */
const SCRIPT = `
  import { connect } from 'cairn-relay/client'
  import { enrol, makeKeyCard } from 'cairn-relay/enrol'
  import { replicaStore } from 'cairn-relay/replica-store'
  import { privateKeyToAccount } from 'viem/accounts'

  const { relay: url, shop, wallet, policy } = Object.fromEntries(new URL(location).searchParams)
  if (policy) document.head.append(Object.assign(document.createElement('meta'), { name: 'referrer', content: policy }))
  try {
    const card = makeKeyCard()
    await enrol({ url, shop: BigInt(shop), card: card.publicKey, wallet: privateKeyToAccount(wallet) })
    const client = await connect({ url, shop: BigInt(shop), key: card.secret, relay: 'development' })
    await client.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 250n }])
    for await (const { status, data } of client.listing(1n)) {
      if (status !== 'ready' || data?.Price !== 250n) continue
      document.title = data.Metadata.Title + ' costs ' + data.Price
      break
    }
    client.close()
    const kept = replicaStore('shop ' + shop)
    const seen = []
    const visit = async () => {
      const asked = { url, shop: BigInt(shop), relay: 'development', protocol: 5, store: kept }
      const visitor = await connect({ ...asked, onNotice: (text) => seen.push(text) })
      for await (const { complete, data, verified } of visitor.listing(1n)) {
        // The first checkpoint may be from before the change.
        if (!complete || data.Price !== 250n) continue
        document.title += ', proven ' + data.Price + ' with ' + verified.root.length
        break
      }
      visitor.close()
    }
    await visit()
    while ((await kept.load()) === undefined) await new Promise((later) => setTimeout(later, 20))
    const bytes = await kept.load()
    await visit()
    await kept.save(bytes.with(bytes.length >> 1, bytes[bytes.length >> 1] ^ 1))
    await visit()
    document.title += ', ' + seen.filter((text) => text.startsWith('what was kept is not used')).length + ' noticed.'
  } catch (error) {
    document.title = 'failed: ' + error.code + ': ' + error.message
  }
`

let browser: Browser
let page: Awaited<ReturnType<typeof servePage>>
let running: TestRelay

beforeAll(async () => {
  ;[browser, page, running] = await Promise.all([openChromium(), bundled(SCRIPT).then(servePage), relayWithListing()])
})

afterAll(async () => {
  await browser?.close()
  page?.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

test.each([
  ['as browsers do by themselves', ''],
  ['and tells no Referer', 'no-referrer'],
])('a page of another origin %s', async (_what, policy) => {
  const tab = await browser.newPage()
  const wallet = `0x${OWNER}`
  await tab.goto(
    `${page.url}?${new URLSearchParams({ relay: running.url, shop: `${SHOP}`, wallet, policy }).toString()}`,
  )
  await tab.waitForFunction(() => /\.$|^failed/u.test(document.title), undefined, { timeout: 20_000 })
  expect(await tab.title()).toBe(`Listing 1 costs 250${', proven 250 with 32'.repeat(3)}, 1 noticed.`)
  await tab.close()
})
