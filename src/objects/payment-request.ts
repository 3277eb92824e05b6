/**
 * What a payment pays (PROTOCOL §11, §12): the PaymentRequest of the Payments contract and its id. The order and the
 * two signature words are zeros, as clients compute it; the refund address is the payee.
 */

import { keccak256 } from '#hash'
import type { Amount, ChainId, Seconds, ShopId } from '../brands.js'
import { addressWord, selector, word } from '../bytes/abi.js'
import { concatBytes } from '../bytes/bytes.js'
import type { ChainAddress } from './scalars.js'

export interface PaymentRequest {
  readonly shopId: ShopId
  /** Of currency and payee both. */
  readonly chainId: ChainId
  /** Until when it may be paid, seconds since 1970. */
  readonly ttl: Seconds
  /** 20 bytes; zeros: the chain's native currency. */
  readonly currency: Uint8Array
  /** In the currency's smallest unit. */
  readonly amount: Amount
  /** 20 bytes. */
  readonly payee: Uint8Array
}

/** A payment by what an order chose. `payee` and `currency` are on one chain. */
export function paymentRequest(
  shopId: ShopId,
  payee: ChainAddress,
  currency: ChainAddress,
  { total, ttl }: { readonly total: Amount; readonly ttl: Seconds },
): PaymentRequest {
  return { shopId, chainId: currency.ChainID, ttl, currency: currency.Address, amount: total, payee: payee.Address }
}

const TUPLE = '(uint256,uint256,bytes32,address,uint256,address,bool,uint256,bytes)'
const PAY = selector(`pay(${TUPLE})`)
const GET_PAYMENT_ID = selector(`getPaymentId(${TUPLE})`)
const GET_PAYMENT_ADDRESS = selector(`getPaymentAddress(${TUPLE},address)`)
const PROCESS_PAYMENT = selector(`processPayment(${TUPLE},address)`)

/** Call data of `pay`: the payer sends the amount along, in the native currency, or has approved it, as a token. */
export function payCall(request: PaymentRequest): Uint8Array {
  return concatBytes(PAY, encodePaymentRequest(request))
}

/** Call data that asks the contract for the request's id, which has to be `paymentIdOf` it. */
export function getPaymentIdCall(request: PaymentRequest): Uint8Array {
  return concatBytes(GET_PAYMENT_ID, encodePaymentRequest(request))
}

/**
 * Call data that asks for the address which holds the payment until it is processed; the payee is the refund address.
 */
export function getPaymentAddressCall(request: PaymentRequest): Uint8Array {
  return concatBytes(GET_PAYMENT_ADDRESS, withRefund(request))
}

/** Call data that moves what the payment's address holds to the payee. Anybody may send it. */
export function processPaymentCall(request: PaymentRequest): Uint8Array {
  return concatBytes(PROCESS_PAYMENT, withRefund(request))
}

/** keccak256 of the request's ABI encoding, 32 bytes. */
export function paymentIdOf(request: PaymentRequest): Uint8Array {
  return keccak256(encodePaymentRequest(request))
}

/** abi.encode(request), 448 bytes: offset of the tuple, its nine words, and the signature behind them. */
export function encodePaymentRequest({ shopId, chainId, ttl, currency, amount, payee }: PaymentRequest): Uint8Array {
  const zero = word(0n)
  const tuple = [
    word(chainId),
    word(ttl),
    zero,
    addressWord(currency),
    word(amount),
    addressWord(payee),
    zero,
    word(shopId),
  ]
  return concatBytes(word(32n), ...tuple, word(9n * 32n), word(64n), zero, zero)
}

/** Two arguments: the offset of the tuple, the refund address, then the tuple, whose own offset is left out. */
function withRefund(request: PaymentRequest): Uint8Array {
  return concatBytes(word(64n), addressWord(request.payee), encodePaymentRequest(request).subarray(32))
}
