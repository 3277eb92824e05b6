/** The demo leaves nothing behind: a thousand changes are no more listeners than one. It bears what a merchant does. */

import { getEventListeners } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publicKeyOf } from '#signature'
import { enrol } from '../../src/client/enrol.js'
import { connect } from '../../src/client/shop-client.js'
import { walletOf } from '../../src/cli/wallet.js'
import { DEMO_LISTING, runDemo, type DemoStart } from '../../src/cli/demo-shop.js'
import { mixedSets } from '../fixtures/mixed-sets.js'
import { newSecret, relay } from '../fixtures/relay-harness.js'
import { toHex } from '../../src/bytes/hex.js'
import { openBlobs } from '../../src/store/blobs.js'
import { MemoryStore } from '../../src/store/memory.js'

test('a thousand changes', async () => {
  const store = new MemoryStore()
  const folder = mkdtempSync(join(tmpdir(), 'cairn-demo-'))
  const running = await relay({}, { store, blobs: await openBlobs(folder) })
  const stop = new AbortController()
  const [shop, secret] = ['4711', () => toHex(newSecret())]
  const keys = { shop, wallet: secret(), card: secret(), guests: [secret(), secret()] }
  const ready = new Promise((started) => {
    const demo = {
      url: running.url,
      keys,
      signal: stop.signal,
      chain: undefined,
      tell: () => undefined,
      changeEveryMs: 0,
    }
    void runDemo({ ...demo, ready: started })
  })
  await ready
  expect(readdirSync(folder).length).toBeGreaterThan(20)
  const [head, listeners] = [store.head(4711n), getEventListeners(stop.signal, 'abort').length]
  while (store.head(4711n) < head + 1_000) await new Promise((wait) => setTimeout(wait, 20))
  expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(listeners + 2)
  expect(mixedSets(store, 4711n)).toEqual([])
  stop.abort()
  await running.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(running.bugs).toEqual([])
})

test('a merchant takes off the shop what its guests order: the demo starts all the same, and says so', async () => {
  const running = await relay({}, { store: new MemoryStore() })
  const secret = () => toHex(newSecret())
  const wallet = secret()
  /** One start of the demo, with cards of its own; what it told. */
  const start = async () => {
    const stop = new AbortController()
    const told: string[] = []
    await new Promise<DemoStart>((ready, refused) => {
      const keys = { shop: '4712', wallet, card: secret(), guests: [secret(), secret()] }
      const options = { url: running.url, keys, signal: stop.signal, chain: undefined, changeEveryMs: 60_000 }
      runDemo({ ...options, ready, tell: (text) => told.push(text) }).catch(refused)
    })
    stop.abort()
    return told
  }
  expect(await start()).toEqual([])
  const key = newSecret()
  await enrol({ url: running.url, shop: 4712n, card: publicKeyOf(key), wallet: walletOf(wallet) })
  const merchant = await connect({ url: running.url, shop: 4712n, key, relay: 'development' })
  await merchant.write([{ op: 'replace', path: ['Listings', DEMO_LISTING, 'ViewState'], value: 0n }])
  merchant.close()
  expect(await start()).toEqual([expect.stringContaining(`listing ${DEMO_LISTING} is not published`)])
  await running.stop()
})
