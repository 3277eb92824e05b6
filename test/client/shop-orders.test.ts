/** What is due is told of an order as it is now, never of one that is still loading: that may be paid already. */

import { expect, test } from 'vitest'
import type { ShopClient } from '../../src/client/shop-client.js'
import { ShopOrders } from '../../src/client/shop-orders.js'
import { PAID, UNPAID } from '../../src/objects/order.js'

/** Of a client that holds an order in this state. */
function ordersWith(status: 'loading' | 'ready', State: bigint): ShopOrders {
  // Only what tells of payment is read before a difference is found.
  const data = { ID: 1n, State, Items: [], PaymentDetails: {} }
  return new ShopOrders({ order: () => ({ get: () => ({ status, data }) }) } as unknown as ShopClient)
}

test('an order that is loading is not due, whatever it was', () => {
  expect([ordersWith('loading', UNPAID).due(1n), ordersWith('loading', UNPAID).asked(1n)]).toEqual([
    undefined,
    undefined,
  ])
})

test('one that is loaded is looked at: what was paid is not due, what is asked is computed anew', () => {
  expect(ordersWith('ready', PAID).due(1n)).toBeUndefined()
  expect(() => ordersWith('ready', UNPAID).due(1n)).toThrow('order 1 is Unpaid, and nothing says what is to be paid')
})
