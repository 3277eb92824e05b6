/** A replica that is kept: it comes back without the log, goes on from its checkpoint, and is believed in nothing. */

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Live, type LiveState, type Part, type ShopClient } from '../../src/client/shop-client.js'
import { storeAt as inPage } from '../../src/client/kept-place.js'
import { storeAt } from '../../src/client/kept-place.node.js'
import { replicaStore } from '../../src/client/replica-store.js'
import { lyingProxy, type LyingProxy } from '../fixtures/lying-proxy.js'
import { enrolCard, listing, newSecret, order, relay, SHOP, stock, type TestRelay } from '../fixtures/relay-harness.js'

const home = mkdtempSync(join(tmpdir(), 'cairn-kept-'))
const guestKey = newSecret()
const ownerKey = newSecret()
let running: TestRelay
let proxy: LyingProxy
let owner: ShopClient
let clients: ShopClient[]
let notices: string[]
let path: string
let number = 0

beforeAll(async () => {
  running = await relay()
  proxy = await lyingProxy(running.url)
  await enrolCard(running.url, ownerKey)
  await enrolCard(running.url, guestKey, { guest: true })
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key: ownerKey })
  await owner.write([listing(1n), listing(2n)])
  await owner.write([stock(1n, 3n)])
  const guest = await connect({ url: running.url, shop: SHOP, relay: running.address, key: guestKey })
  await guest.write([order(5n, 1n, 1n)])
  guest.close()
})
afterAll(async () => {
  owner.close()
  proxy.close()
  await running.stop()
  rmSync(home, { recursive: true })
  expect(running.bugs).toEqual([])
})
beforeEach(() => {
  clients = []
  notices = []
  path = join(home, `replica-${number++}`)
  proxy.lie((message) => message)
})
afterEach(() => {
  for (const client of clients) client.close()
})

async function open(more: Partial<Parameters<typeof connect>[0]> = {}): Promise<ShopClient> {
  const onNotice = (text: string) => void notices.push(text)
  const client = await connect({
    url: proxy.url,
    shop: SHOP,
    relay: running.address,
    store: storeAt(path),
    onNotice,
    ...more,
  })
  clients.push(client)
  return client
}

async function first<T>(live: Live<T>, isIt: (state: LiveState<T>) => boolean): Promise<LiveState<T>> {
  for await (const now of live) if (isIt(now)) return now
  throw new Error('it ended')
}

/** Keeps nothing new. */
const holding = (bytes: Uint8Array) => ({ load: async () => bytes, save: async () => undefined })
const isComplete = ({ complete }: LiveState<unknown>) => complete

/** Opens, waits for what is complete, and ends: what was held is in the file then. */
async function keep(live: (client: ShopClient) => Live<unknown>, more: Partial<Parameters<typeof connect>[0]> = {}) {
  const client = await open(more)
  await first(live(client), isComplete)
  client.close()
  for (let tries = 0; tries < 200; tries++) {
    try {
      return readFileSync(path)
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  throw new Error('nothing was kept')
}

describe('what was kept', () => {
  it.each<[string, Partial<Parameters<typeof connect>[0]>, (client: ShopClient) => Live<unknown>]>([
    ['of everything public', {}, (client) => client.listing(1n)],
    ['of parts', { only: [{ listing: 1n }, { listing: 9n }, { tag: 'red' }] }, (client) => client.listing(9n)],
    ['of a guest’s orders', { key: guestKey }, (client) => client.orders.all()],
  ])('%s is there before anything is pushed, and goes on by sets', async (_what, more, live) => {
    await keep(live, more)
    const kinds: string[] = []
    proxy.lie((message) => {
      kinds.push(message.kind)
      return message.kind === 'checkpointPush' ? undefined : message
    })
    const client = await open(more)
    const [back] = [live(client).get(), client.listing(1n).get()]
    expect(back).toMatchObject({ complete: true, verified: { root: expect.any(Uint8Array) } })
    expect([kinds.includes('snapshotPush'), notices]).toEqual([false, []])
    proxy.lie((message) => message)
    const price = BigInt(Date.now())
    await owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: price }])
    proxy.cut()
    expect(await first(client.listing(1n), (now) => now.complete && now.data?.Price === price)).toMatchObject({
      status: 'ready',
    })
  })

  it('is its owner’s alone, and the store of the package finds it', async () => {
    const bytes = await keep((client) => client.listing(1n))
    expect(Buffer.from((await replicaStore(path).load())!)).toEqual(bytes)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('in a page without IndexedDB is not: it says so, and the shop is there', async () => {
    const client = await open({ store: inPage('shop') })
    expect(notices).toEqual(['what was kept is not used: indexedDB is not defined'])
    expect(await first(client.listing(1n), isComplete)).toMatchObject({ status: 'ready' })
  })

  it('of another subscription is not used', async () => {
    await keep((client) => client.listing(1n))
    const only: Part[] = [{ listing: 1n }]
    const client = await open({ only })
    expect(notices).toContain('what was kept is of another subscription and not used')
    expect(await first(client.listing(1n), isComplete)).toMatchObject({ status: 'ready' })
  })

  it('and changed anywhere is noticed, and the shop is asked anew', async () => {
    const only: Part[] = [{ listing: 1n }, { listing: 9n }]
    const bytes = new Uint8Array(await keep((client) => client.listing(9n), { only }))
    const places = Array.from({ length: 24 }, (_, i) => Math.floor(((i + 0.5) * bytes.length) / 24))
    for (const at of places) {
      notices = []
      const client = await open({ only, store: holding(bytes.with(at, bytes[at]! ^ 1)) })
      expect([at, notices]).toEqual([at, [expect.stringMatching(/^what was kept is (?:not used: |of another)/u)]])
      expect(await first(client.listing(1n), isComplete)).toMatchObject({ status: 'ready' })
      client.close()
    }
    notices = []
    await open({ only, store: holding(bytes.subarray(0, -1)) })
    expect(notices).toEqual([expect.stringMatching(/^what was kept is not used: no kept replica/u)])
    const { load } = holding(bytes)
    await open({ only, store: { load, save: () => Promise.reject(new Error('no room')) } })
    expect(notices).toHaveLength(1)
  })
})
