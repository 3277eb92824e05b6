/**
 * A visitor's `orders` before what guests do is loaded: he has none. Calls that are answered by and by wait for it; the
 * others are answered as by a shop in which no order is held.
 *
 * Tests: test/client/visitor-orders.test.ts
 */

import type { OrderId } from '../brands.js'
import type { Order } from '../objects/order.js'
import type { Live, LiveList } from './live.js'
import type { ShopOrders } from './shop-orders.js'

interface ShopOfVisitor {
  order(id: OrderId): Live<Order>
  orderList(): LiveList<Order>
}

/** `load` rejects with ClientError. */
export function ordersLater(shop: ShopOfVisitor, load: () => Promise<ShopOrders>): ShopOrders {
  const later = (name: keyof ShopOrders) =>
    async function (...given: readonly unknown[]): Promise<never> {
      const orders = await load()
      return (orders[name] as (...all: readonly unknown[]) => Promise<never>)(...given)
    }
  const none = () => undefined
  const orders: Pick<ShopOrders, keyof ShopOrders> = {
    create: later('create'),
    add: later('add'),
    setItems: later('setItems'),
    setAddress: later('setAddress'),
    place: later('place'),
    commit: later('commit'),
    cancel: later('cancel'),
    choosePayment: later('choosePayment'),
    quote: none,
    due: none,
    asked: none,
    watch: (id) => shop.order(id),
    all: () => shop.orderList(),
  }
  return orders as ShopOrders
}
