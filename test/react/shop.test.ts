/** The hooks where there is no page: on a server, and outside of a shop. What browsers do: test/e2e/react.test.ts. */

import { createServer, type AddressInfo, type Server } from 'node:net'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connect, type Listing } from '../../src/client/shop-client.js'
import { ITEMS_PER_ORDER_MAX } from '../../src/limits.js'
import { ShopStore } from '../../src/react/shop-store.js'
import { Shop, useCart, useConnection, useListing, useListings, useOrder, useShop } from '../../src/react/shop.js'
import { enrolCard, newSecret, relay, SHOP } from '../fixtures/relay-harness.js'

let server: Server
let url: string
let connections = 0
beforeAll(async () => {
  server = createServer((socket) => (connections++, socket.destroy()))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

const listing: Listing = {
  ID: 1n,
  Price: 100n,
  Metadata: { Title: 'Summit stone', Description: 'Round' },
  ViewState: 1n,
}

function rendered(component: () => string): string {
  const place = { url, shop: 1n, relay: 'development' } as const
  return renderToStaticMarkup(createElement(Shop, place, createElement(component)))
}

test('a server renders what it was given, unproven, and opens no connection', async () => {
  const page = rendered(() => {
    const one = useListing(1n, { initial: listing })
    const list = useListings({}, { initial: [listing], select: ({ data = [] }) => data.length })
    return `${one.status} ${one.data?.Metadata.Title} ${one.verified === undefined} ${one.complete} ${list}`
  })
  expect(page).toBe('loading Summit stone true false 1')
  await new Promise((later) => setImmediate(later))
  expect(connections).toBe(0)
})

test('a server does not wait', () => {
  const page = rendered(() => {
    const { status, data } = useListing(1n, { suspense: true })
    const isThere = data !== undefined || useShop() !== undefined
    return `${status} ${isThere} ${useOrder(undefined).status} ${useConnection().state} ${useCart().count}`
  })
  expect(page).toBe('loading false loading connecting 0')
})

test('the error of a connection is the client’s, with code and remedy', async () => {
  const store = new ShopStore(undefined)
  const end = store.open({ url, shop: 1n, relay: 'no address' })
  await store.ready()
  const { state, error } = store.connection()
  expect(state).toBe('failed')
  expect(error).toMatchObject({ code: 'USAGE', path: 'options.relay', remedy: expect.stringMatching(/./u) as string })
  expect(store.withoutClient()).toMatchObject({ status: 'failed', error })
  end()
})

test('who becomes a guest is told of a cart that does not go beside what his card has kept', async () => {
  const running = await relay()
  const [key, place] = [newSecret(), { url: running.url, shop: SHOP, relay: running.address }]
  await enrolCard(running.url, key)
  let kept: Uint8Array | undefined
  const outbox = { load: async () => kept, save: async (bytes: Uint8Array) => void (kept = bytes) }
  const before = await connect({ ...place, key, outbox })
  before.cart().add({ listing: 1n, quantity: 1n })
  await vi.waitFor(() => expect([before.outbox().get().isCartKept, kept]).toEqual([true, expect.anything()]))
  before.close()

  const [store, notices]: [ShopStore, string[]] = [new ShopStore(undefined), []]
  const leave = store.open(place)
  await store.ready()
  const visitor = store.client()!
  for (let i = 1; i <= ITEMS_PER_ORDER_MAX; i++) visitor.cart().add({ listing: BigInt(i + 1), quantity: 1n })
  leave()
  const end = store.open({ ...place, key, outbox, onNotice: (text) => void notices.push(text) })
  await vi.waitFor(() => expect(store.client()).not.toBe(visitor), { timeout: 10_000 })
  const told = `the cart of before was not taken along: item: the cart has ${ITEMS_PER_ORDER_MAX} lines already`
  expect(notices).toContainEqual(expect.stringContaining(told))
  expect(store.client()!.cart().get().count).toBe(1n)
  end()
  await running.stop()
  expect(running.bugs).toEqual([])
})

test('who waits for another shop waits until that one is there', async () => {
  const running = await relay()
  const store = new ShopStore(undefined)
  const leave = store.open({ url: running.url, shop: SHOP, relay: running.address })
  await store.ready()
  leave()
  // A component that waits is made anew as soon as it need not: at once would be again and again.
  const end = store.open({ url, shop: SHOP + 1n, relay: running.address })
  const isReady = vi.fn()
  void store.ready().then(isReady)
  await new Promise((wait) => setTimeout(wait, 100))
  expect([store.client(), isReady.mock.calls.length]).toEqual([undefined, 0])
  end()
  await running.stop()
})

test('a hook outside of a shop says so', () => {
  const Outside = () => useListing(1n).status
  expect(() => renderToStaticMarkup(createElement(Outside))).toThrow('needs a <Shop>')
})
