/** What follows a snapshot is a part of its own: while it does not load nothing is taken, and nothing is lost. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ClientError } from '../../src/client/client-error.js'
import { connect, type ConnectionState, type ShopClient } from '../../src/client/shop-client.js'
import { ShopProofs } from '../../src/client/shop-proofs.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

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

it('the connection comes back until it does, and goes on from what is held', { timeout: 60_000 }, async () => {
  const states: ConnectionState[] = []
  const notices: string[] = []
  const problem = new ClientError('UNREACHABLE', 'a part of the client library does not load: offline')
  const follow = vi.spyOn(ShopProofs.prototype, 'follow').mockRejectedValue(problem)
  const client = await open({ onNotice: (text) => void notices.push(text) })
  client.onState((state) => void states.push(state))
  await vi.waitFor(() => expect(states).toContain('disconnected'), { timeout: 20_000 })
  expect(notices).toContain(problem.message)
  await change(8n)
  follow.mockRestore()
  expect(await priceIn(client, 8n)).toBe(true)
  await change(9n)
  expect(await priceIn(client, 9n)).toBe(true)
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
