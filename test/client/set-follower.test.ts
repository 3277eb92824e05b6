/** What follows a snapshot is a part of its own: while it does not load nothing is taken, and nothing is lost. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Replica } from '../../src/client/replica.js'
import * as following from '../../src/client/set-follower.js'
import { connect, type ConnectionState, type ShopClient } from '../../src/client/shop-client.js'
import { ShopProofs } from '../../src/client/shop-proofs.js'
import { encode } from '../../src/codec/encode.js'
import { HeldObjects } from '../../src/proofs/held-objects.js'
import { BACK_OFF_MS_MIN } from '../../src/limits.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

const { limits, usual } = vi.hoisted(() => {
  const usual = { LOAD_PAUSE_MS_MIN: 50, LOAD_PAUSE_MS_MAX: 200, LOAD_TRIES_MAX: 10_000, LOAD_WAIT_MS_MAX: 60_000 }
  return { limits: { ...usual }, usual }
})
vi.mock('../../src/limits.js', async (original) => {
  const all = { ...(await original<Record<string, unknown>>()) }
  for (const name of Object.keys(limits) as (keyof typeof limits)[])
    Object.defineProperty(all, name, { get: () => limits[name] })
  return all
})

let running: TestRelay
let owner: ShopClient
const clients: ShopClient[] = []

beforeEach(async () => {
  running = await relay()
  const key = newSecret()
  await enrolCard(running.url, key)
  owner = await open({ key })
  const written = await owner.write([listing(1n)])
  // Its own part is there.
  await written.proven()
  expect(await priceIn(owner, 100n)).toBe(true)
})

afterEach(async () => {
  vi.restoreAllMocks()
  giveBack()
  Object.assign(limits, usual)
  for (const client of clients.splice(0)) client.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})

async function open(more: Partial<Parameters<typeof connect>[0]> = {}): Promise<ShopClient> {
  const client = await connect({ url: running.url, shop: SHOP, relay: running.address, ...more })
  clients.push(client)
  return client
}

async function priceIn(client: ShopClient, wanted: bigint): Promise<boolean> {
  for await (const { status, complete, data, error } of client.listing(1n)) {
    if (status === 'failed') throw error!
    if (complete && data?.Price === wanted) return true
  }
  return false
}

const change = (value: bigint) => owner.write([{ op: 'replace', path: ['Listings', 1n, 'Price'], value }])

/** As if a page's server had not that file. */
const withhold = () =>
  vi.doMock('../../src/client/set-follower.js', () => {
    throw new TypeError('Failed to fetch dynamically imported module')
  })
const giveBack = () => vi.doUnmock('../../src/client/set-follower.js')

it('the shop is shown while it does not load, and grows stale', { timeout: 60_000 }, async () => {
  withhold()
  const client = await open()
  expect(await priceIn(client, 100n)).toBe(true)
  expect(client.listing(1n).get()).toMatchObject({ complete: true, stale: false })
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
  await vi.waitFor(() => expect(client.listing(1n).get().stale).toBe(true), { timeout: 20_000 })
  expect(client.listing(1n).get()).toMatchObject({ status: 'ready', data: { Price: 100n } })
})

it(
  'a push that waits for it ends the connection, which comes back more and more slowly',
  { timeout: 60_000 },
  async () => {
    withhold()
    limits.LOAD_WAIT_MS_MAX = 20
    const notices: string[] = []
    const client = await open({ onNotice: (text) => void notices.push(text) })
    await change(8n)
    const pauses = () =>
      notices.flatMap((text) => /^connection lost .*20 ms.*again in (\d+) ms$/u.exec(text)?.[1] ?? [])
    // Of the third the pause is at least half of four times the first.
    await vi.waitFor(() => expect(pauses().length).toBeGreaterThan(2), { timeout: 30_000 })
    expect(Number(pauses()[2])).toBeGreaterThanOrEqual(2 * BACK_OFF_MS_MIN)
    giveBack()
    expect(await priceIn(client, 8n)).toBe(true)
    await change(9n)
    expect(await priceIn(client, 9n)).toBe(true)
  },
)

it('after some tries the page has to be loaded anew; what it shows grows stale', { timeout: 60_000 }, async () => {
  withhold()
  const client = await open()
  const states: ConnectionState[] = []
  client.onState((state) => void states.push(state))
  expect(await priceIn(client, 100n)).toBe(true)
  limits.LOAD_TRIES_MAX = 3
  await vi.waitFor(() => expect(client.state).toBe('disconnected'), { timeout: 20_000 })
  const remedy = expect.stringMatching(/^Reload the page/u)
  expect(client.problem).toMatchObject({ code: 'UNREACHABLE', remedy, message: expect.stringMatching(/ tries\)$/u) })
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000)
  await vi.waitFor(() => expect(client.listing(1n).get().stale).toBe(true), { timeout: 20_000 })
  // No lie was found: nothing is said to have failed. And nothing was tried in vain meanwhile.
  expect(client.listing(1n).get()).toMatchObject({ status: 'ready', error: undefined, data: { Price: 100n } })
  expect(states).toEqual(['disconnected'])
})

it('what cannot be read by it is a check that failed, and leaves all as it was', () => {
  const replica = new Replica(SHOP, [new Uint8Array(20)])
  const held = new HeldObjects()
  const odd = encode(new Map([['Guest', 7n]]))
  held.put({ question: ['Accounts', new Uint8Array(20).fill(1)], object: { value: odd } }, 1n)
  replica.begin(held, true)
  expect(() => replica.follow(following)).toThrow('Guest')
  expect(replica.followed).toBeUndefined()
  replica.begin(new HeldObjects(), true)
  expect(replica.followed).toBeUndefined()
  replica.follow(following)
  expect(replica.followed).toBeDefined()
})

it('what was shown before stays, and is not said to be newer', { timeout: 60_000 }, async () => {
  let load: () => void = () => undefined
  const loading = new Promise<void>((resolve) => (load = resolve))
  const follow = Object.getOwnPropertyDescriptor(ShopProofs.prototype, 'follow')!.value as () => Promise<void>
  vi.spyOn(ShopProofs.prototype, 'follow').mockImplementation(async function (this: ShopProofs) {
    await loading
    return follow.call(this)
  })
  const client = await open()
  expect(await priceIn(client, 100n)).toBe(true)
  const { seq } = await change(7n)
  const { verified, data, complete } = client.listing(1n).get()
  expect([data?.Price, complete]).toEqual([100n, true])
  expect(verified!.seq).toBeLessThan(seq!)
  load()
  expect(await priceIn(client, 7n)).toBe(true)
})
