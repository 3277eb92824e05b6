/**
 * What guests and staff do, and no visitor needs to see a shop: orders, prices of carts, signed changes. A page loads
 * it while `connect` opens the connection of a card, and for a visitor when he first does something.
 *
 * Tests: test/client/shop-client.test.ts, test/client/cart.test.ts
 */

import { ShopOrders } from './shop-orders.js'
import { ShopWrites } from './shop-writes.js'

export { exportCard } from './card-text.js'
export { checkOut, lookForOrder, orderLeft, requireSameOrder } from './cart-checkout.js'
export { checkAddress } from './checkout.js'
export { quoteOf } from './quote.js'
export { addressProblem } from './shop-orders.js'

export function makeOrders(...of: ConstructorParameters<typeof ShopOrders>): ShopOrders {
  return new ShopOrders(...of)
}

export function makeWrites(...of: ConstructorParameters<typeof ShopWrites>): ShopWrites {
  return new ShopWrites(...of)
}
