/**
 * The short number of an order in its shop, 1, 2, 3 … by first addition, and how often its id was added: an order that
 * was removed and one that is added under its id again are two, and a payment for the one is none for the other.
 *
 * Tests: test/relay/payments/payment-outcome.test.ts, test/relay/payments/payment-model.test.ts
 */

import type { OrderId } from '../brands.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Hamt } from '../merkle/hamt.js'
import { idKey } from './shop-state.js'

interface OrderNumber {
  readonly number: bigint
  /** 1 for an order whose id was never removed. */
  readonly addition: bigint
}

/** Zeros for an id that was never added. */
export function orderNumber(numbers: Hamt, id: OrderId): OrderNumber {
  const row = numbers.get(idKey(id))
  if (row === undefined) return { number: 0n, addition: 0n }
  const [number, addition] = decodeChecked(row) as unknown as [bigint, bigint]
  return { number, addition }
}

/** The index after the id was added, once more or for the first time. */
export function withAddition(numbers: Hamt, id: OrderId): Hamt {
  const { number, addition } = orderNumber(numbers, id)
  return numbers.set(idKey(id), encode([addition === 0n ? BigInt(numbers.size + 1) : number, addition + 1n]))
}
