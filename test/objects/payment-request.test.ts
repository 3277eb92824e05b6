import * as fc from 'fast-check'
import { encodeAbiParameters, keccak256, parseAbiParameters } from 'viem'
import { expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { encodePaymentRequest, paymentIdOf, type PaymentRequest } from '../../src/objects/payment-request.js'

const ASKED = 'uint256 chainId,uint256 ttl,bytes32 order,address currency,uint256 amount'
const PAYEE = 'address payeeAddress,bool isPaymentEndpoint,uint256 shopId,bytes shopSignature'
const TUPLE = parseAbiParameters(`(${ASKED},${PAYEE}) request`)
const ZERO = `0x${'00'.repeat(32)}` as const

/** As a client with viem computes it, with the zeros of §11. */
function byViem({ shopId, chainId, ttl, currency, amount, payee }: PaymentRequest): `0x${string}` {
  return encodeAbiParameters(TUPLE, [
    {
      chainId,
      ttl,
      order: ZERO,
      currency: `0x${toHex(currency)}`,
      amount,
      payeeAddress: `0x${toHex(payee)}`,
      isPaymentEndpoint: false,
      shopId,
      shopSignature: `0x${'00'.repeat(64)}`,
    },
  ])
}

const uint256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const address = fc.uint8Array({ minLength: 20, maxLength: 20 })

test('is encoded and identified as the contract and its clients do', () => {
  fc.assert(
    fc.property(
      fc.record({ shopId: uint256, chainId: uint64, ttl: uint64, currency: address, amount: uint256, payee: address }),
      (request) => {
        const encoded = byViem(request)
        expect(`0x${toHex(encodePaymentRequest(request))}`).toBe(encoded)
        expect(`0x${toHex(paymentIdOf(request))}`).toBe(keccak256(encoded))
      },
    ),
  )
})
