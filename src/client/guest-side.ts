/**
 * What guests and staff do, and no visitor needs to see a shop: the cart, orders, signed changes. A page loads it while
 * `connect` opens the connection.
 *
 * Tests: test/client/shop-client.test.ts, test/client/cart.test.ts
 */

import type { Change } from '../patches/patch.js'
import { encodePatchSet, signPatches, type NewPatchSet } from '../patches/patch-set.js'
import { encodeChange } from '../patches/patch.js'
import { Cart } from './cart.js'
import { ShopOrders } from './shop-orders.js'

export { checkChanges } from './change-arguments.js'

/** A set as it is sent. */
interface SignedChanges {
  readonly header: Uint8Array
  /** 65 bytes. */
  readonly signature: Uint8Array
  readonly patchSet: Uint8Array
}

export function makeOrders(shop: ConstructorParameters<typeof ShopOrders>[0]): ShopOrders {
  return new ShopOrders(shop)
}

export function makeCart(shop: ConstructorParameters<typeof Cart>[0]): Cart {
  return new Cart(shop)
}

/** `secret`: 32 bytes. */
export function signChanges(
  changes: readonly Change[],
  set: Omit<NewPatchSet, 'patches'>,
  secret: Uint8Array,
): SignedChanges {
  const patches = changes.map(encodeChange)
  const { headerBytes: header, signature } = signPatches({ ...set, patches }, secret)
  return { header, signature, patchSet: encodePatchSet(header, signature, patches) }
}
