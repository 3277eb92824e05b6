/** What is due is told of an order as it is now, never of one that is still loading: that may be paid already. */

import { describe, expect, test } from 'vitest'
import { sha256 } from '../../src/bytes/hash.node.js'
import type { ShopClient } from '../../src/client/shop-client.js'
import { ShopOrders } from '../../src/client/shop-orders.js'
import { encode } from '../../src/codec/encode.js'
import { Listing } from '../../src/objects/listing.js'
import type { Manifest } from '../../src/objects/manifest.js'
import { PAID, UNPAID, type Order, type PaymentDetails } from '../../src/objects/order.js'
import { paymentIdOf, paymentRequest } from '../../src/objects/payment-request.js'

/** Of a client that holds an order in this state. */
function ordersWith(status: 'loading' | 'ready', State: bigint): ShopOrders {
  // Only what tells of payment is read before a difference is found.
  const data = { ID: 1n, State, Items: [], PaymentDetails: {} }
  return new ShopOrders({ order: () => ({ get: () => ({ status, data }) }) } as unknown as ShopClient)
}

test('an order that is loading is not due, whatever it was', () => {
  expect([ordersWith('loading', UNPAID).due(1n), ordersWith('loading', UNPAID).asked(1n)]).toEqual([
    undefined,
    undefined,
  ])
})

test('one that is loaded is looked at: what was paid is not due, what is asked is computed anew', () => {
  expect(ordersWith('ready', PAID).due(1n)).toBeUndefined()
  expect(() => ordersWith('ready', UNPAID).due(1n)).toThrow('order 1 is Unpaid, and nothing says what is to be paid')
})

describe('what is asked is compared with what follows from the order', () => {
  const NATIVE = { ChainID: 31_337n, Address: new Uint8Array(20) }
  const PAYEE = { ChainID: 31_337n, Address: new Uint8Array(20).fill(1) }
  const listing: Listing = { ID: 1n, Price: 10n, Metadata: { Title: 'Axe', Description: 'x' }, ViewState: 1n }
  const region = { Country: '', PostalCode: '', City: '' }
  const manifest: Manifest = {
    ShopID: 7n,
    Payees: null,
    AcceptedCurrencies: null,
    PricingCurrency: NATIVE,
    ShippingRegions: new Map([['any', region]]),
  }
  const address = { Name: 'A', Address1: 'B', City: 'C', PostalCode: 'D', Country: 'E', EmailAddress: 'a@b.c' }

  /** An Unpaid order of two axes, for which the relay asks `total`. */
  function unpaid(total: bigint, more: Partial<PaymentDetails> = {}, held = listing): Order {
    const request = paymentRequest(7n, PAYEE, NATIVE, { total, ttl: 9n })
    const PaymentDetails = {
      PaymentID: paymentIdOf(request),
      Total: total,
      TTL: 9n,
      ListingHashes: [sha256(encode(Listing.write(held)))],
      ShopSignature: new Uint8Array(65),
      ...more,
    }
    return {
      ID: 1n,
      State: UNPAID,
      Items: [{ ListingID: 1n, Quantity: 2n }],
      ShippingAddress: address,
      ChosenPayee: { Address: PAYEE, CallAsContract: false },
      ChosenCurrency: NATIVE,
      PaymentDetails,
    }
  }

  /** Orders of a client with that order. */
  function asking(total: bigint, more: Partial<PaymentDetails> = {}, held = listing): ShopOrders {
    const order = unpaid(total, more, held)
    const live = (data: unknown) => ({ get: () => ({ status: 'ready', data }) })
    const shop = {
      shopId: 7n,
      currencies: [],
      order: () => live(order),
      listing: () => live(held),
      manifest: () => live(manifest),
    }
    return new ShopOrders(shop as unknown as ShopClient)
  }

  test('the same total is due, as money too', () => {
    expect(asking(20n).due(1n)).toMatchObject({ total: 20n, money: { amount: 20n, decimals: 18, symbol: 'ETH' } })
  })

  test('another total is an error that names both', () => {
    expect(() => asking(21n).due(1n)).toThrow(
      expect.objectContaining({
        code: 'TOTAL_MISMATCH',
        message: expect.stringMatching(/asks for 21 \(.*ETH\), the listings lead to 20 \(.*ETH\)/u) as string,
      }),
    )
  })

  test('another total is one too of a listing that is not sold any more', () => {
    const notSold: Listing = { ...listing, ViewState: 0n }
    expect(asking(20n, {}, notSold).due(1n)).toMatchObject({ total: 20n })
    expect(() => asking(200n, {}, notSold).due(1n)).toThrow(expect.objectContaining({ code: 'TOTAL_MISMATCH' }))
  })

  test('a choice waits for what is due by it, whatever brings the order anew before', async () => {
    const TOKEN = { ChainID: 31_337n, Address: new Uint8Array(20).fill(5) }
    const before = unpaid(20n)
    let [data, changed] = [before, () => undefined as void]
    const shop = {
      shopId: 7n,
      currencies: [],
      sees: () => true,
      write: () => Promise.resolve((data = { ...before })),
      order: () => ({
        get: () => ({ status: 'ready', data }),
        subscribe: (tell: () => void) => ((changed = tell), () => undefined),
      }),
      listing: () => ({ get: () => ({ status: 'ready', data: listing }) }),
      manifest: () => ({ get: () => ({ status: 'ready', data: manifest }) }),
    }
    const orders = new ShopOrders(shop as unknown as ShopClient)
    const choosing = orders.choosePayment(1n, { payee: PAYEE, currency: TOKEN })
    await new Promise((resolve) => setImmediate(resolve))
    const details = before.PaymentDetails!
    const PaymentID = paymentIdOf(paymentRequest(7n, PAYEE, TOKEN, { total: 5n, ttl: 9n }))
    data = { ...before, ChosenCurrency: TOKEN, PaymentDetails: { ...details, Total: 5n, PaymentID } }
    changed()
    expect(await choosing).toMatchObject({ total: 5n, currency: TOKEN })
  })

  test('another PaymentID is one of its own', () => {
    const wrong = () => asking(20n, { PaymentID: new Uint8Array(32) }).due(1n)
    expect(wrong).toThrow(expect.objectContaining({ code: 'PAYMENT_MISMATCH' }))
  })
})
