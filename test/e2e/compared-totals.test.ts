/** What is due, compared with the prices that it was made of, and not with those of later (PROTOCOL §11). */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, PAID, type ShopClient } from '../../src/client/shop-client.js'
import { bytesOf, GUEST_ADDRESS, NATIVE, PAYEE, PaidShop } from '../fixtures/paid-shop.js'
import { enrolCard, map, newSecret, SHOP } from '../fixtures/relay-harness.js'

let shop: PaidShop
const key = newSecret()
const choice = { payee: { ChainID: 31_337n, Address: bytesOf(PAYEE) }, currency: NATIVE }

beforeAll(async () => {
  shop = await PaidShop.open()
  await enrolCard(shop.relay.url, key, { guest: true })
})
afterAll(() => shop.close())

function open(): Promise<ShopClient> {
  return connect({ url: shop.relay.url, shop: SHOP, relay: shop.relay.address, key })
}

function postCosts(anywhere: bigint) {
  const region = (Country: string, Amount: bigint) => {
    const post = map({ ModificationAbsolute: map({ Amount, Plus: true }) })
    return map({ Country, PostalCode: '', City: '', PriceModifiers: map({ post }) })
  }
  const value = map({ any: region('', anywhere), ch: region('CH', anywhere + 45n) })
  return shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions'], value })
}

/** Once what is shown of manifest and order is so. */
function until(client: ShopClient, id: bigint, isIt: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!isIt()) return
      for (const stop of stops) stop()
      resolve()
    }
    const stops = [client.manifest(), client.order(id)].map((live) => live.subscribe(look))
    look()
  })
}

const postOf = (client: ShopClient) => {
  const { ShippingRegions } = client.manifest().get().data ?? {}
  return ShippingRegions?.get('any')?.PriceModifiers?.get('post')?.ModificationAbsolute?.Amount
}

test('post that becomes dearer, and an address that is corrected, make no honest shop a fraud', async () => {
  await postCosts(5n)
  let client = await open()
  const items = [{ listing: 1n, quantity: 1n }]
  const id = await client.orders.place({ items, shippingAddress: GUEST_ADDRESS })
  expect(await client.orders.choosePayment(id, choice)).toMatchObject({ total: 105n, compared: true })
  await postCosts(7n)
  await until(client, id, () => client.orders.due(id) !== undefined && postOf(client) === 7n)
  expect(client.orders.due(id)).toMatchObject({ total: 105n, compared: true })

  client.close()
  client = await open()
  await until(client, id, () => client.orders.due(id) !== undefined && postOf(client) === 7n)
  expect([client.orders.due(id), client.orders.asked(id)]).toMatchObject([
    { total: 105n, compared: false },
    { total: 105n, compared: false },
  ])
  await client.orders.setAddress(id, { shippingAddress: { ...GUEST_ADDRESS, Country: 'CH' } })
  const isMoved = () => client.order(id).get().data?.ShippingAddress?.Country === 'CH'
  await until(client, id, () => client.orders.due(id) !== undefined && isMoved())
  expect(client.orders.due(id)).toMatchObject({ total: 105n, compared: false })
  const again = await client.orders.choosePayment(id, choice)
  expect(again).toMatchObject({ total: 152n, compared: true })

  await shop.payByCall(again.request)
  for await (const { data } of client.order(id)) if (data?.State === PAID) break
  await postCosts(9n)
  await until(client, id, () => client.orders.asked(id) !== undefined && postOf(client) === 9n)
  expect(client.orders.asked(id)).toMatchObject({ total: 152n, compared: true })
  client.close()
})
