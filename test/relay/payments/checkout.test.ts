/** What an order is to pay, and why it cannot (PROTOCOL §11, PaymentChosen and PaymentDetails). */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../../src/bytes/hash.node.js'
import { toHex } from '../../../src/bytes/hex.js'
import { decodeChecked } from '../../../src/codec/decode-checked.js'
import type { Encodable } from '../../../src/codec/encode.js'
import { Listing } from '../../../src/objects/listing.js'
import { StoredManifest } from '../../../src/objects/manifest.js'
import type { Order } from '../../../src/objects/order.js'
import { paymentIdOf } from '../../../src/objects/payment-request.js'
import { readPatch } from '../../../src/patches/patch.js'
import { Checkout, type KnownChain } from '../../../src/relay/payments/checkout.js'
import { orderIn } from '../../../src/state/held-object.js'
import { fixedPrice, NO_PRICES } from '../../../src/relay/payments/price-source.js'
import { idKey, type ShopState } from '../../../src/state/shop-state.js'
import {
  addOrder,
  address,
  after,
  by,
  chainAddress,
  changed,
  contractPayee,
  filled,
  item,
  manifest,
  map,
  native,
  NOW,
  patch,
  payee,
  setState,
  shop,
  SHOP_ID,
  time,
  token,
  verdictOn,
} from '../../fixtures/sample-shop.js'
import {
  asked,
  blockAt,
  checkoutWith,
  choose,
  committed,
  detailsOf,
  ID,
  known,
  paymentOf,
  placed,
} from '../../fixtures/paid-order.js'

const LARGEST = 2n ** 256n - 1n
const place = (ChainID: bigint, Address: Uint8Array) => ({ ChainID, Address })
const TTL = NOW + 86_400n

/** The order as it would be, on a state. */
function quote(checkout: Checkout, more: Partial<Order> = {}, state: ShopState = committed) {
  const order: Order = {
    ...orderIn(state, ID)!,
    ChosenPayee: { Address: place(1n, payee), CallAsContract: false },
    ChosenCurrency: place(1n, native),
    ...more,
  }
  const rules = StoredManifest.read(decodeChecked(state.manifest!), 'Manifest')
  const listings = (id: bigint) => {
    const stored = state.collections.Listings.get(idKey(id))
    return stored === undefined ? undefined : Listing.read(decodeChecked(stored), 'Listing')
  }
  const answer = checkout.quote(order, rules, listings)
  expect(checkout.refuse(order, rules, listings)).toBe('refused' in answer ? answer.refused : undefined)
  return answer
}

const without = (...names: readonly (keyof Order)[]): Partial<Order> =>
  Object.fromEntries(names.map((name) => [name, undefined]))
const withManifest = (more: Readonly<Record<string, Encodable>>) =>
  after(committed, 'clerk', patch('replace', ['Manifest'], changed(manifest, more)))
const regions = (fields: Readonly<Record<string, string>>) => ({ ShippingRegions: map({ home: map(fields) }) })
const refused = (text: RegExp) => ({ refused: expect.stringMatching(text) })

test('payment cannot be chosen for a listing that was taken down; what was chosen in time is still priced', () => {
  const { ListingID } = orderIn(committed, ID)!.Items![0]!
  const down = patch('replace', ['Listings', ListingID, 'ViewState'], 2n)
  expect(verdictOn(committed, by('clerk', { payments: checkoutWith() }), ...choose(ID, native))).toBe('ok')
  const state = after(committed, 'clerk', down)
  expect(verdictOn(state, by('clerk', { payments: checkoutWith() }), ...choose(ID, native))).toBe('INVALID')
  const chosen = after(after(committed, 'clerk', ...choose(ID, native)), 'clerk', down)
  expect(detailsOf(chosen, ID).patches.length).toBe(2)
})

describe('a quote', () => {
  const order = orderIn(committed, ID)!

  test('is the price of the items in the chosen currency', () => {
    expect(quote(checkoutWith())).toEqual({ total: 1_500n })
    expect(quote(checkoutWith(known, NO_PRICES))).toEqual({ total: 1_500n })
    // 1,500 wei and 4,500 parts of a token with as many decimals.
    const rich: KnownChain = { ...known, decimals: () => 18n }
    expect(quote(checkoutWith(rich), { ChosenCurrency: place(1n, token) })).toEqual({ total: 4_500n })
    expect(quote(checkoutWith(), { ChosenCurrency: place(1n, token) })).toEqual({ total: 0n })
  })

  const other = { ChosenCurrency: place(1n, token) }
  const cases: readonly (readonly [string, () => ReturnType<typeof quote>, RegExp])[] = [
    ['no payee', () => quote(checkoutWith(), without('ChosenPayee')), /must be set/u],
    ['no currency', () => quote(checkoutWith(), without('ChosenCurrency')), /must be set/u],
    [
      'an unknown payee',
      () => quote(checkoutWith(), { ChosenPayee: { Address: place(1n, filled(20, 9)), CallAsContract: false } }),
      /payee is not in the manifest/u,
    ],
    [
      'the payee on a chain that it is not listed on',
      () => quote(checkoutWith(), { ChosenPayee: { Address: place(2n, payee), CallAsContract: false } }),
      /payee is not in the manifest/u,
    ],
    ['a manifest without payees', () => quote(checkoutWith(), {}, withManifest({ Payees: null })), /payee is not/u],
    [
      'a currency that is not accepted',
      () => quote(checkoutWith(), { ChosenCurrency: place(1n, filled(20, 9)) }),
      /currency is not accepted/u,
    ],
    [
      'a manifest without currencies',
      () => quote(checkoutWith(), {}, withManifest({ AcceptedCurrencies: null })),
      /currency is not accepted/u,
    ],
    [
      'two chains',
      () => quote(checkoutWith(), { ChosenPayee: { Address: place(2n, contractPayee), CallAsContract: true } }),
      /on different chains/u,
    ],
    ['no chain of payments', () => quote(new Checkout(new Map(), NO_PRICES)), /chain 1 is not configured/u],
    ['another chain of payments', () => quote(new Checkout(new Map([[2n, known]]), NO_PRICES)), /chain 1 is not/u],
    ['no address', () => quote(checkoutWith(), without('ShippingAddress')), /address must be set/u],
    ['no region', () => quote(checkoutWith(), {}, withManifest({ ShippingRegions: null })), /no shipping region/u],
    [
      'another country',
      () => quote(checkoutWith(), {}, withManifest(regions({ Country: 'FR', PostalCode: '', City: '' }))),
      /no shipping region/u,
    ],
    [
      'another country for the invoice alone',
      () =>
        quote(checkoutWith(), {
          ...without('ShippingAddress'),
          InvoiceAddress: { ...order.ShippingAddress!, Country: 'FR' },
        }),
      /no shipping region/u,
    ],
    [
      'a listing that is gone',
      () => quote(checkoutWith(), { Items: [{ ListingID: 77n, Quantity: 1n }] }),
      /listing 77 is not there/u,
    ],
    [
      'a variation that is gone',
      () => quote(checkoutWith(), { Items: [{ ListingID: 1n, VariationIDs: ['XL'], Quantity: 1n }] }),
      /no variation "XL"/u,
    ],
    [
      'a total out of range',
      () => {
        const dear = after(committed, 'clerk', patch('replace', ['Listings', 2n, 'Price'], LARGEST))
        return quote(checkoutWith(), {}, dear)
      },
      /total is out of range/u,
    ],
    ['no price source', () => quote(checkoutWith(known, NO_PRICES), other), /only the pricing currency/u],
    [
      'a price source that has no rate now',
      () => quote(checkoutWith(known, { ...NO_PRICES, rate: () => 'the rates are too old' }), other),
      /too old/u,
    ],
    [
      'a converted total out of range',
      () => quote(checkoutWith({ ...known, decimals: () => 255n }), other),
      /total in the chosen currency is out of range/u,
    ],
    ['an order of nothing', () => quote(checkoutWith(), { Items: [] }), /no item of a quantity above 0/u],
    [
      'an order of items of 0',
      () => quote(checkoutWith(), { Items: [{ ListingID: 2n, Quantity: 0n }] }),
      /no item of a quantity above 0/u,
    ],
    [
      'a pricing token on a chain that is not configured',
      () => quote(checkoutWith(), {}, withManifest({ PricingCurrency: chainAddress(9n, token) })),
      /pricing currency is on a chain/u,
    ],
  ]
  test.each(cases)('%s: none', (_what, ask, text) => {
    expect(ask()).toEqual(refused(text))
  })

  test('uses the shipping address, else the invoice address', () => {
    const abroad = { ...order.ShippingAddress!, Country: 'FR' }
    expect(quote(checkoutWith(), { InvoiceAddress: abroad })).toEqual({ total: 1_500n })
    expect(quote(checkoutWith(), { ShippingAddress: abroad, InvoiceAddress: order.ShippingAddress! })).toEqual(
      refused(/no shipping region/u),
    )
    expect(quote(checkoutWith(), { ...without('ShippingAddress'), InvoiceAddress: order.ShippingAddress! })).toEqual({
      total: 1_500n,
    })
  })

  test('the largest total is one, one more is none', () => {
    const at = (Price: bigint) => after(committed, 'clerk', patch('replace', ['Listings', 2n, 'Price'], Price))
    expect(quote(checkoutWith(), {}, at(LARGEST / 3n))).toEqual({ total: LARGEST })
    expect(quote(checkoutWith(), {}, at(LARGEST / 3n + 1n))).toEqual(refused(/out of range/u))
  })

  test('waits for decimals only where there is a rate and they are needed', () => {
    const unknown: KnownChain = { ...known, decimals: () => undefined }
    const later = { later: expect.stringMatching(/decimals/u) }
    expect(quote(checkoutWith(unknown), other)).toEqual(later)
    expect(quote(checkoutWith(unknown))).toEqual({ total: 1_500n })
    expect(quote(checkoutWith(unknown, NO_PRICES), other)).toEqual(refused(/only the pricing/u))
    const pricedInToken = withManifest({ PricingCurrency: chainAddress(1n, token) })
    expect(quote(checkoutWith(unknown), {}, pricedInToken)).toEqual(later)
    expect(quote(checkoutWith(unknown), other, pricedInToken)).toEqual({ total: 1_500n })
  })

  test('a native pricing currency needs no configured chain', () => {
    const elsewhere = withManifest({ PricingCurrency: chainAddress(9n, native) })
    expect(quote(checkoutWith(known, fixedPrice({ factor: 2n, divisor: 1n })), {}, elsewhere)).toEqual({
      total: 3_000n,
    })
  })
})

describe('details', () => {
  test('say what the order leads to', () => {
    const chosen = after(committed, 'guest', ...choose(ID, native))
    const { patches, pricedListings } = detailsOf(chosen, ID)
    const made = patches.map(readPatch)
    expect(made.map(({ op, path }) => [op, ...path])).toEqual([
      ['add', 'Orders', ID, 'PaymentDetails'],
      ['replace', 'Orders', ID, 'State'],
    ])
    expect(made[1]!.value).toBe(5n)
    const state = after(chosen, 'relay', ...made)
    const request = {
      shopId: SHOP_ID,
      chainId: 1n,
      ttl: TTL,
      currency: native,
      amount: 1_500n,
      payee,
    }
    const stored = state.collections.Listings.get(idKey(2n))!
    expect(pricedListings).toEqual([stored])
    expect(paymentOf(state)).toEqual({
      PaymentID: paymentIdOf(request),
      Total: 1_500n,
      ListingHashes: [sha256(stored)],
      TTL,
      ShopSignature: new Uint8Array(65),
    })
    // Chosen again: what was there gives way.
    const again = after(state, 'guest', ...choose(ID, token))
    expect(readPatch(detailsOf(again, ID).patches[0]!).op).toBe('replace')
  })

  test('are of what was chosen, whatever was written since', () => {
    const chosen = after(committed, 'guest', ...choose(ID, native))
    const changedSince = after(
      chosen,
      'guest',
      patch('replace', ['Orders', ID, 'ChosenCurrency'], chainAddress(1n, token)),
      patch('remove', ['Orders', ID, 'ShippingAddress']),
    )
    expect(detailsOf(changedSince, ID)).toEqual(detailsOf(chosen, ID))
    const byHand = after(changedSince, 'relay', setState(ID, 4n))
    expect(checkoutWith().details(byHand, ID, new Set())).toEqual({ later: expect.stringMatching(/address/u) })
  })

  const chosen = after(committed, 'guest', ...choose(ID, token))
  test.each<[string, Checkout, ShopState, RegExp]>([
    ['no block yet', checkoutWith({ ...known, head: undefined }), chosen, /has not answered/u],
    ['no decimals yet', checkoutWith({ ...known, decimals: () => undefined }), chosen, /decimals/u],
    ['no price any more', checkoutWith(known, NO_PRICES), chosen, /only the pricing currency/u],
    ['no chain any more', new Checkout(new Map(), NO_PRICES), chosen, /chain 1 is not configured/u],
    ['nothing chosen', checkoutWith(), committed, /payment is not chosen/u],
    ['no such order', checkoutWith(), shop, /payment is not chosen/u],
    ['asked already', checkoutWith(), asked(committed, ID, native), /payment is not chosen/u],
    ['canceled', checkoutWith(), after(chosen, 'guest', setState(ID, 2n)), /payment is not chosen/u],
    [
      'canceled without a State',
      checkoutWith(),
      after(chosen, 'guest', patch('add', ['Orders', ID, 'CanceledAt'], time(NOW))),
      /payment is not chosen/u,
    ],
    [
      'a payee that is gone since',
      checkoutWith(),
      after(chosen, 'clerk', patch('replace', ['Manifest', 'Payees'], map({}))),
      /payee is not in the manifest/u,
    ],
  ])('%s: later', (_what, checkout, state, reason) => {
    const taken = new Set<string>()
    expect(checkout.details(state, ID, taken)).toEqual({ later: expect.stringMatching(reason) })
    expect(taken.size).toBe(0)
  })

  test('of an order of a thousand items', () => {
    const many = Array.from({ length: 1_000 }, (_, i) =>
      i % 2 === 0 ? item(2n, 1n) : i % 4 === 1 ? item(1n, 2n, 'S', 'red') : item(4n, BigInt(i)),
    )
    // An item that was taken out of the cart, and is neither paid nor kept.
    const placedMany = after(
      shop,
      'guest',
      addOrder(ID, many, { ShippingAddress: address }),
      patch('decrement', ['Orders', ID, 'Items', 0n, 'Quantity'], 1n),
    )
    const state = after(placedMany, 'relay', patch('replace', ['Inventory', 2n], 1_000n))
    const stocked = after(
      state,
      'clerk',
      patch('replace', ['Inventory', 1n, 'S', 'red'], 1_000n),
      patch('add', ['Inventory', 4n], 1_000_000n),
    )
    const chosenMany = after(stocked, 'guest', setState(ID, 3n), ...choose(ID, native))
    const { patches, pricedListings } = detailsOf(chosenMany, ID)
    const details = paymentOf(after(chosenMany, 'relay', ...patches.map(readPatch)))
    const pieces = 499n + 250n * 2n + many.reduce((sum, _, i) => (i % 4 === 3 ? sum + BigInt(i) : sum), 0n)
    expect(details.Total).toBe(pieces * 500n)
    const listingOf = (i: number) => (i % 2 === 0 ? 2n : i % 4 === 1 ? 1n : 4n)
    const hashes = many.map((_, i) => toHex(sha256(stocked.collections.Listings.get(idKey(listingOf(i)))!)))
    expect(details.ListingHashes.map(toHex)).toEqual(hashes.slice(1))
    expect(pricedListings.map((listing) => toHex(sha256(listing))).sort()).toEqual([...new Set(hashes)].sort())
  })
})

describe('equal payments', () => {
  /** Three committed orders, alike. */
  const stocked = after(shop, 'clerk', patch('increment', ['Inventory', 2n], 1_000n))
  const alike = (ids: readonly bigint[], state = stocked) => ids.reduce((made, id) => placed(made, id), state)
  const ttlOf = (state: ShopState, id: bigint) => paymentOf(state, id).TTL

  test('get the next seconds, in one set and one after the other', () => {
    const ids = [201n, 202n, 203n]
    const chosen = after(alike(ids), 'guest', ...ids.flatMap((id) => choose(id, native)))
    const [taken, checkout] = [new Set<string>(), checkoutWith()]
    const patches = ids.flatMap((id) => detailsOf(chosen, id, checkout, taken).patches.map(readPatch))
    const together = after(chosen, 'relay', ...patches)
    expect(ids.map((id) => ttlOf(together, id))).toEqual([TTL, TTL + 1n, TTL + 2n])
    expect([...taken].sort()).toEqual(ids.map((id) => toHex(paymentOf(together, id).PaymentID)).sort())

    const single = ids.reduce((state, id) => asked(state, id, native), alike(ids))
    expect(ids.map((id) => ttlOf(single, id))).toEqual([TTL, TTL + 1n, TTL + 2n])
  })

  test('are another second for nothing else than the same amount, currency and time', () => {
    const two = placed(placed(stocked, 201n), 202n, [item(2n, 4n)])
    const first = asked(two, 201n, native)
    expect(ttlOf(asked(first, 202n, native), 202n)).toBe(TTL)
    const alikeTwo = placed(first, 203n)
    expect(ttlOf(asked(alikeTwo, 203n, token), 203n)).toBe(TTL)
    expect(ttlOf(asked(alikeTwo, 203n, native, checkoutWith({ ...known, head: blockAt(NOW + 1n) })), 203n)).toBe(
      TTL + 1n,
    )
    expect(ttlOf(asked(alikeTwo, 203n, native), 203n)).toBe(TTL + 1n)
  })

  test('of the same order are one; of an order that was removed and added again they are two', () => {
    const once = asked(committed, ID, native)
    expect(ttlOf(asked(once, ID, native), ID)).toBe(TTL)
    expect(ttlOf(asked(asked(once, ID, token), ID, native), ID)).toBe(TTL)
    const gone = after(once, 'guest', setState(ID, 2n), patch('remove', ['Orders', ID]))
    expect(ttlOf(asked(placed(gone), ID, native), ID)).toBe(TTL + 1n)
  })

  test('of an order that chooses again and again is the one that it was told, also where others took seconds', () => {
    const [first, second] = [asked(committed, ID, native), placed(committed, 201n)]
    expect(ttlOf(asked(first, ID, native, checkoutWith({ ...known, head: blockAt(NOW - 1n) })), ID)).toBe(TTL)
    expect(ttlOf(asked(first, ID, native, checkoutWith({ ...known, head: blockAt(NOW + 1n) })), ID)).toBe(TTL + 1n)
    const checkout = checkoutWith()
    let state = asked(placed(asked(second, ID, native, checkout), 202n), 201n, native, checkout)
    expect(ttlOf(state, 201n)).toBe(TTL + 1n)
    const before = state.indexes.payments.size
    for (let i = 0; i < 5; i++) state = asked(asked(state, 201n, native, checkout), ID, native, checkout)
    expect([ttlOf(state, ID), ttlOf(state, 201n), state.indexes.payments.size]).toEqual([TTL, TTL + 1n, before])
  })

  test('every id is unique and the smallest free second, as blocks come and orders are many', () => {
    const steps = fc.array(fc.record({ seconds: fc.integer({ min: -3, max: 4 }), fresh: fc.boolean() }), {
      minLength: 1,
      maxLength: 30,
      size: 'max',
    })
    fc.assert(
      fc.property(steps, (list) => {
        const ids = list.map((_, i) => 1_000n + BigInt(i))
        let state = alike(ids, after(stocked, 'clerk', patch('replace', ['Inventory', 2n], 10_000n)))
        let head = NOW
        const chain = { ...known }
        let checkout = checkoutWith(chain)
        const used = new Set<bigint>()
        for (const [i, { seconds, fresh }] of list.entries()) {
          head += BigInt(seconds)
          Object.assign(chain, { head: blockAt(head) })
          // As after a restart: nothing is remembered.
          if (fresh) checkout = checkoutWith(chain)
          state = asked(state, ids[i]!, native, checkout)
          let free = head + 86_400n
          while (used.has(free)) free++
          used.add(free)
          expect(ttlOf(state, ids[i]!)).toBe(free)
        }
      }),
      { numRuns: 30 },
    )
  })
})

test('prices with modifiers come through to what is asked', () => {
  const priced = after(
    shop,
    'clerk',
    patch(
      'replace',
      ['Listings', 1n, 'Options', 'size', 'Variations', 'S', 'PriceModifier'],
      map({ ModificationPercent: 150n }),
    ),
    patch(
      'replace',
      ['Manifest', 'ShippingRegions', 'home'],
      map({
        Country: 'DE',
        PostalCode: '',
        City: '',
        PriceModifiers: map({ post: map({ ModificationAbsolute: map({ Amount: 7n, Plus: true }) }) }),
      }),
    ),
  )
  const state = asked(placed(priced, ID, [item(1n, 2n, 'S', 'red')]), ID, native)
  expect(paymentOf(state).Total).toBe(2n * 750n + 7n)
})
