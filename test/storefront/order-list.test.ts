/** A guest's orders: what waits for him comes first, whatever their ids are. */

import { expect, test } from 'vitest'
import { CANCELED, COMMITTED, PAID, UNPAID, type Order } from '../../src/client/shop-client.js'
import { toBePaidFirst } from '../../web/storefront/order-list.js'

test('what is to be paid comes first, then what is placed, then what is over', () => {
  const order = (ID: bigint, State: Order['State'], more: Partial<Order> = {}): Order => ({
    ID,
    State,
    Items: [],
    ...more,
  })
  const orders = [
    order(1n, CANCELED),
    order(2n, PAID),
    order(3n, COMMITTED),
    order(4n, COMMITTED, { CanceledAt: 7n as never }),
    order(5n, UNPAID),
    order(6n, PAID),
  ]
  expect(toBePaidFirst(orders).map(({ ID }) => ID)).toEqual([5n, 3n, 2n, 6n, 1n, 4n])
})
