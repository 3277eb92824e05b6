/** The hooks where there is no page: on a server, and outside of a shop. What browsers do: test/e2e/react.test.ts. */

import { createServer, type AddressInfo, type Server } from 'node:net'
import { createElement } from 'react'
import { renderToStaticMarkup } from 'react-dom/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Listing } from '../../src/client/shop-client.js'
import { ShopStore } from '../../src/react/shop-store.js'
import { Shop, useCart, useConnection, useListing, useListings, useOrder, useShop } from '../../src/react/shop.js'

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

test('a hook outside of a shop says so', () => {
  const Outside = () => useListing(1n).status
  expect(() => renderToStaticMarkup(createElement(Outside))).toThrow('needs a <Shop>')
})
