/** What devtools are told of a client on a real relay; and that they are harmless where there is no page. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, type Diagnosis, type ShopClient } from '../../src/client/shop-client.js'
import { Troubles } from '../../src/client/diagnosis.js'
import { mountDevtools } from '../../src/devtools/devtools.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

let running: TestRelay
let owner: ShopClient

beforeAll(async () => {
  running = await relay()
  const key = newSecret()
  await enrolCard(running.url, key)
  owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key })
  await owner.write([listing(1n), listing(2n)])
})

afterAll(async () => {
  owner.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** Once it is as wanted. */
async function diagnosed(client: ShopClient, isIt: (shop: Diagnosis) => boolean): Promise<Diagnosis> {
  for (;;) {
    const found = client.diagnose()
    if (isIt(found)) return found
    await new Promise((wait) => setTimeout(wait, 5))
  }
}

it('a client tells its connection, what is watched, and what it checked', async () => {
  const client = await connect({ url: running.url, shop: SHOP, relay: running.address, only: 'watched' })
  try {
    const stop = client.listing(1n).subscribe(() => undefined)
    const one = await diagnosed(client, ({ watched }) => watched.some(({ complete }) => complete))
    expect(one).toMatchObject({ url: running.url, shop: SHOP, state: 'connected', protocol: 5, access: 'visitor' })
    expect(one.watched).toMatchObject([{ id: 'Listings/1', status: 'ready', stale: false }])
    expect(one.checkpoint?.root).toHaveLength(32)
    expect(one.checked.snapshots).toBeGreaterThan(0)
    const now = await diagnosed(client, ({ checked, parts }) => checked.objects > 0 && parts?.length === 1)
    expect(now.parts).toEqual([{ listing: 1n }])
    const before = now.checked
    await owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value: 777n }])
    await diagnosed(client, ({ checked }) => checked.sets > before.sets && checked.checkpoints > before.checkpoints)
    stop()
  } finally {
    client.close()
  }
  expect(client.diagnose()).toMatchObject({ state: 'closed', troubles: [] })
})

it('a client tells what it noticed', async () => {
  const told: string[] = []
  const store = { load: () => Promise.resolve(Uint8Array.of(1)), save: () => Promise.resolve() }
  const onNotice = (text: string) => told.push(text)
  const client = await connect({ url: running.url, shop: SHOP, relay: running.address, store, onNotice })
  client.close()
  expect(told).toEqual([expect.stringMatching(/^what was kept is not used: /u)])
  expect(client.diagnose().troubles.map(({ text }) => text)).toEqual(told)
})

it('keeps the last things only', () => {
  const troubles = new Troubles()
  for (let i = 0; i < 30; i++) troubles.add(`trouble ${i}`)
  expect(troubles.all).toHaveLength(20)
  expect([troubles.all[0]!.text, troubles.all.at(-1)!.text]).toEqual(['trouble 10', 'trouble 29'])
})

it('does nothing without a page, and without a client', () => {
  expect(mountDevtools(owner)()).toBeUndefined()
  expect(mountDevtools(undefined)()).toBeUndefined()
})
