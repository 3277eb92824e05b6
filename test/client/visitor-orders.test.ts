/** A visitor before and after he does something: what he needs for that is loaded then. */

import { afterAll, beforeAll, beforeEach, afterEach, expect, it } from 'vitest'
import { connect, type CartState, type ShopClient } from '../../src/client/shop-client.js'
import { enrolCard, listing, newSecret, relay, SHOP, type TestRelay } from '../fixtures/relay-harness.js'

let running: TestRelay
let visitor: ShopClient

beforeAll(async () => {
  running = await relay()
  const key = newSecret()
  await enrolCard(running.url, key)
  const owner = await connect({ url: running.url, shop: SHOP, relay: running.address, key })
  await owner.write([listing(1n)])
  owner.close()
})

afterAll(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

beforeEach(async () => {
  visitor = await connect({ url: running.url, shop: SHOP, relay: running.address })
})

afterEach(() => visitor.close())

it('his cart is loading, keeps what is put into it, and has prices soon', async () => {
  const cart = visitor.cart()
  const key = cart.add({ listing: 1n, quantity: 2n })
  const before = cart.get()
  expect(before.lines).toEqual([
    { key, listing: 1n, variations: [], quantity: 2n, title: undefined, price: undefined, steps: [] },
  ])
  expect(before.quote).toMatchObject({ total: undefined, problems: [{ code: 'LOADING' }] })
  expect(cart.get()).toBe(before)
  const told: CartState[] = []
  cart.subscribe(() => told.push(cart.get()))
  while (cart.get().lines[0]?.sum === undefined) await new Promise((wait) => setTimeout(wait, 5))
  expect(cart.get()).toMatchObject({ count: 2n, lines: [{ key, title: 'Listing 1' }] })
  expect(told.length).toBeGreaterThan(0)
})

it('his orders are none, and every call is answered as it is once all is loaded', async () => {
  const { orders } = visitor
  expect(visitor.orders).toBe(orders)
  expect([orders.quote(1n), orders.due(1n), orders.asked(1n)]).toEqual([undefined, undefined, undefined])
  expect(orders()).toBe(visitor.orderList())
  expect(orders.watch(1n)).toBe(visitor.order(1n))
  const refused = { code: 'NEEDS_KEY' }
  await expect(orders.create()).rejects.toMatchObject(refused)
  expect(visitor.orders).not.toBe(orders)
  expect(visitor.orders).toBe(visitor.orders)
  await expect(orders.place({ items: [{ listing: 1n, quantity: 1n }] })).rejects.toMatchObject(refused)
  await expect(visitor.orders.place({ items: [{ listing: 1n, quantity: 1n }] })).rejects.toMatchObject(refused)
  await expect(orders.place({ items: 7 as never })).rejects.toMatchObject({ code: 'USAGE', path: 'items' })
})

it('his writes are refused as they are to be', async () => {
  await expect(visitor.write([{ op: 'remove', path: ['Tags', 'red'] }])).rejects.toMatchObject({ code: 'NEEDS_KEY' })
  await expect(visitor.write([])).rejects.toMatchObject({ code: 'USAGE' })
})
