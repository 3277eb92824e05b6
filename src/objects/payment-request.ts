/**
 * What a payment pays (PROTOCOL §11, §12): the PaymentRequest of the Payments contract and its id. The order and the two
 * signature words are zeros, as clients compute it; the refund address is the payee.
 */

import { keccak256 } from '#hash'
import { concatBytes, toBigEndian } from '../bytes/bytes.js'
import type { ChainAddress } from './scalars.js'

export interface PaymentRequest {
  readonly shopId: bigint
  /** Of currency and payee both. */
  readonly chainId: bigint
  /** Until when it may be paid, seconds since 1970. */
  readonly ttl: bigint
  /** 20 bytes; zeros: the chain's native currency. */
  readonly currency: Uint8Array
  /** In the currency's smallest unit. */
  readonly amount: bigint
  /** 20 bytes. */
  readonly payee: Uint8Array
}

/** A payment by what an order chose. `payee` and `currency` are on one chain. */
export function paymentRequest(
  shopId: bigint,
  payee: ChainAddress,
  currency: ChainAddress,
  { total, ttl }: { readonly total: bigint; readonly ttl: bigint },
): PaymentRequest {
  return { shopId, chainId: currency.ChainID, ttl, currency: currency.Address, amount: total, payee: payee.Address }
}

/** keccak256 of the request's ABI encoding, 32 bytes. */
export function paymentIdOf(request: PaymentRequest): Uint8Array {
  return keccak256(encodePaymentRequest(request))
}

/** abi.encode(request), 448 bytes: offset of the tuple, its nine words, and the signature behind them. */
export function encodePaymentRequest({ shopId, chainId, ttl, currency, amount, payee }: PaymentRequest): Uint8Array {
  const zero = word(0n)
  const tuple = [word(chainId), word(ttl), zero, padded(currency), word(amount), padded(payee), zero, word(shopId)]
  return concatBytes(word(32n), ...tuple, word(9n * 32n), word(64n), zero, zero)
}

function word(value: bigint): Uint8Array {
  return toBigEndian(value, 32)
}

function padded(address: Uint8Array): Uint8Array {
  return concatBytes(new Uint8Array(12), address)
}
