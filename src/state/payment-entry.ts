/**
 * Rows of the `payments` index: what each PaymentID that the relay ever wrote pays (PROTOCOL §11).
 *
 * Tests: test/relay/payments/payment-chain.test.ts, test/relay/payments/payment-model.test.ts
 */

import type { Amount, ChainId, OrderId, Seconds, ShopId } from '../brands.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { encode } from '../codec/encode.js'
import type { Hamt } from '../merkle/hamt.js'
import type { Order, PaymentDetails } from '../objects/order.js'
import type { PaymentRequest } from '../objects/payment-request.js'

/** A payment and the order that it is for. */
export interface PaymentEntry extends PaymentRequest {
  readonly orderId: OrderId
  /** Which order under this id it is for (order-number.ts). */
  readonly addition: bigint
}

/** The row of an order's new details, by what it had chosen; undefined if it had chosen nothing. */
export function paymentEntry(
  shopId: ShopId,
  { ID, ChosenPayee, ChosenCurrency }: Order,
  { Total, TTL }: PaymentDetails,
  addition: bigint,
): PaymentEntry | undefined {
  if (ChosenPayee === undefined || ChosenCurrency === undefined) return undefined
  return {
    shopId,
    orderId: ID,
    addition,
    chainId: ChosenCurrency.ChainID,
    ttl: TTL,
    currency: ChosenCurrency.Address,
    amount: Total,
    payee: ChosenPayee.Address.Address,
  }
}

export function encodePaymentEntry({
  orderId,
  addition,
  chainId,
  ttl,
  currency,
  amount,
  payee,
}: PaymentEntry): Uint8Array {
  return encode([orderId, addition, chainId, ttl, currency, amount, payee])
}

/** `id`: 32 bytes. Undefined if the relay never wrote it. */
export function findPayment(payments: Hamt, shopId: ShopId, id: Uint8Array): PaymentEntry | undefined {
  const row = payments.get(id)
  return row === undefined ? undefined : decodePaymentEntry(shopId, row)
}

export function decodePaymentEntry(shopId: ShopId, row: Uint8Array): PaymentEntry {
  const [orderId, addition, chainId, ttl, currency, amount, payee] = decodeChecked(row) as unknown as [
    OrderId,
    bigint,
    ChainId,
    Seconds,
    Uint8Array,
    Amount,
    Uint8Array,
  ]
  return { shopId, orderId, addition, chainId, ttl, currency, amount, payee }
}
