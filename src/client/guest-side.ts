/**
 * What guests and staff do, and no visitor needs to see a shop: the cart, orders, signed changes. A page loads it while
 * `connect` opens the connection.
 *
 * Tests: test/client/shop-client.test.ts, test/client/cart.test.ts
 */

import { Cart } from './cart.js'
import { ShopOrders } from './shop-orders.js'
import { ShopWrites } from './shop-writes.js'

export { exportCard } from './card-text.js'

export function makeOrders(shop: ConstructorParameters<typeof ShopOrders>[0]): ShopOrders {
  return new ShopOrders(shop)
}

export function makeCart(shop: ConstructorParameters<typeof Cart>[0]): Cart {
  return new Cart(shop)
}

export function makeWrites(...of: ConstructorParameters<typeof ShopWrites>): ShopWrites {
  return new ShopWrites(...of)
}
