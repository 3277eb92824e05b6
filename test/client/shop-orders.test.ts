/** What is due is told of an order as it is now, never of one that is still loading: that may be paid already. */

import { describe, expect, test } from 'vitest'
import { sha256 } from '../../src/bytes/hash.node.js'
import type { ClientError, Money, ShopClient } from '../../src/client/shop-client.js'
import { ShopOrders } from '../../src/client/shop-orders.js'
import { encode } from '../../src/codec/encode.js'
import { Listing } from '../../src/objects/listing.js'
import type { Manifest } from '../../src/objects/manifest.js'
import { COMMITTED, PAID, UNPAID, type Order, type PaymentDetails } from '../../src/objects/order.js'
import { paymentIdOf, paymentRequest } from '../../src/objects/payment-request.js'

function reading(data: unknown) {
  return { isLoading: false, complete: true, stale: false, verified: undefined, data }
}

/** Of a client that holds an order in this state. */
function ordersWith(status: 'loading' | 'ready', State: bigint): ShopOrders {
  // Only what tells of payment is read before a difference is found.
  const data = { ID: 1n, State, Items: [], PaymentDetails: {} }
  const order = () => ({ get: () => ({ status, data }) })
  return new ShopOrders({ order } as unknown as ShopClient, () => reading(undefined))
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

  const live = (get: () => unknown) => ({
    get: () => ({ status: 'ready', data: get() }),
    subscribe: () => () => undefined,
  })

  /** Orders of a client that holds that order, this listing and this manifest. */
  function asking(order: Order, held: Listing = listing, shop: Manifest = manifest): ShopOrders {
    const client = { shopId: 7n, currencies: [], order: () => live(() => order) }
    return new ShopOrders(client as unknown as ShopClient, (name) => reading(name === 'Manifest' ? shop : held))
  }

  interface World {
    /** Of the listing. */
    status: 'loading' | 'ready'
    order: Order
    listing: Listing
    manifest: Manifest
  }

  const NOTHING: (world: World) => void = () => undefined

  interface Choice {
    readonly held?: Listing
    readonly isLoading?: boolean
    readonly changed?: (world: World) => void
    /** In the smallest unit. */
    readonly agreed?: bigint
    /** Connected while the listing is loading; left out: nothing is. */
    readonly state?: 'connected'
  }

  const moneyOf = (amount: bigint): Money => ({ amount, currency: NATIVE, decimals: 18, symbol: 'ETH' })

  /** The same, while a choice of this client is priced; `changed` is what else comes meanwhile. */
  function chosen(order: Order, choice: Choice = {}) {
    const { held: first = listing, isLoading = false, changed = NOTHING, agreed, state } = choice
    const { PaymentDetails: _, ...rest } = order
    const before: Order = { ...rest, State: COMMITTED }
    const status = state === undefined ? 'ready' : 'loading'
    const world: World = { status, order: before, listing: first, manifest }
    const watchers = new Set<() => void>()
    const writes = { count: 0 }
    const client = {
      shopId: 7n,
      state,
      currencies: [],
      sees: () => true,
      onState: () => () => undefined,
      write: () => {
        writes.count++
        world.order = order
        changed(world)
        return Promise.resolve()
      },
      order: () => live(() => world.order),
      listing: () => ({
        get: () => ({ status: world.status, data: world.listing }),
        subscribe: (tell: () => void) => (watchers.add(tell), () => watchers.delete(tell)),
      }),
      manifest: () => live(() => world.manifest),
    }
    const held = (name: string) => ({ ...reading(name === 'Manifest' ? world.manifest : world.listing), isLoading })
    const orders = new ShopOrders(client as unknown as ShopClient, held)
    const total = agreed === undefined ? undefined : moneyOf(agreed)
    const due = orders.choosePayment(1n, { payee: PAYEE, currency: NATIVE }, { total })
    const tell = () => watchers.forEach((watcher) => watcher())
    return { world, orders, due, writes, tell }
  }

  const priceOfPost = (Amount: bigint): Manifest => {
    const post = { ModificationAbsolute: { Amount, Plus: true } }
    return {
      ...manifest,
      ShippingRegions: new Map([['any', { ...region, PriceModifiers: new Map([['post', post]]) }]]),
    }
  }

  test('the same total is due, as money too', () => {
    expect(asking(unpaid(20n)).due(1n)).toMatchObject({
      total: 20n,
      compared: true,
      money: { amount: 20n, decimals: 18, symbol: 'ETH' },
    })
  })

  test('another total than a choice leads to is an error that names both, each time it is asked for', async () => {
    const { orders, due, world } = chosen(unpaid(21n))
    const error = {
      code: 'TOTAL_MISMATCH',
      message: expect.stringMatching(/asks for 21 \(.*ETH\), the listings lead to 20 \(.*ETH\)/u) as string,
    }
    await expect(due).rejects.toMatchObject(error)
    world.manifest = priceOfPost(1n)
    expect(() => orders.due(1n)).toThrow(expect.objectContaining(error))
    expect(() => orders.asked(1n)).toThrow(expect.objectContaining(error))
  })

  test('another total is one too of a listing that is not sold any more', async () => {
    const notSold: Listing = { ...listing, ViewState: 0n }
    expect(await chosen(unpaid(20n, {}, notSold), { held: notSold }).due).toMatchObject({ compared: true })
    const { due } = chosen(unpaid(200n, {}, notSold), { held: notSold })
    await expect(due).rejects.toMatchObject({ code: 'TOTAL_MISMATCH' })
  })

  test('listings that a choice was not priced by are an error that names both hashes', async () => {
    const { due } = chosen(unpaid(2000n, { ListingHashes: [new Uint8Array(32).fill(1)] }))
    await expect(due).rejects.toMatchObject({
      code: 'LISTING_MISMATCH',
      message: expect.stringMatching(/listing 1 by the hash (01){32}, .*has [0-9a-f]{64}$/u) as string,
    })
    const more = unpaid(2000n)
    const { ListingHashes } = more.PaymentDetails!
    const { due: long } = chosen(unpaid(2000n, { ListingHashes: [...ListingHashes, new Uint8Array(32).fill(1)] }))
    await expect(long).rejects.toMatchObject({ code: 'LISTING_MISMATCH' })
  })

  test('the price of post or the address that changes later is nobody’s fault', async () => {
    const { orders, due, world } = chosen(unpaid(20n))
    expect(await due).toMatchObject({ total: 20n, compared: true })
    world.manifest = priceOfPost(7n)
    expect([orders.due(1n), orders.asked(1n)]).toMatchObject([{ compared: true }, { compared: true }])
    const later = asking(unpaid(20n), listing, priceOfPost(7n))
    expect([later.due(1n), later.asked(1n)]).toMatchObject([
      { total: 20n, compared: false },
      { total: 20n, compared: false },
    ])
    const moved: Order = { ...unpaid(20n), ShippingAddress: { ...address, Country: 'CH' } }
    const only = new Map([['E', { ...region, Country: 'E' }]])
    expect(asking(moved, listing, { ...manifest, ShippingRegions: only }).due(1n)).toMatchObject({ compared: false })
  })

  test('what changes while a choice is priced is compared as it was before or after, or not at all', async () => {
    const changed = (world: World) => void (world.manifest = priceOfPost(7n))
    expect(await chosen(unpaid(20n), { changed }).due).toMatchObject({ compared: true })
    expect(await chosen(unpaid(27n), { changed }).due).toMatchObject({ compared: true })
    expect(await chosen(unpaid(23n), { changed }).due).toMatchObject({ compared: false })
    const dearer: Listing = { ...listing, Price: 11n }
    const relisted = (world: World) => void (world.listing = dearer)
    expect(await chosen(unpaid(20n), { changed: relisted }).due).toMatchObject({ compared: true })
    expect(await chosen(unpaid(22n, {}, dearer), { changed: relisted }).due).toMatchObject({ compared: true })
    const between = chosen(unpaid(24n, {}, { ...listing, Price: 12n }), { changed: relisted })
    expect(await between.due).toMatchObject({ compared: false })
  })

  test('another total than was agreed to is asked about: nothing is sent, or what is due waits', async () => {
    expect(await chosen(unpaid(20n), { agreed: 20n }).due).toMatchObject({ total: 20n })
    const before = chosen(unpaid(20n), { agreed: 19n })
    const totals = (now: bigint) => ({ totals: { agreed: { amount: 19n }, now: { amount: now } } })
    await expect(before.due).rejects.toMatchObject({ code: 'PRICE_CHANGED', ...totals(20n) })
    expect(before.writes.count).toBe(0)
    const dearer: Listing = { ...listing, Price: 11n }
    const changed = (world: World) => void (world.listing = dearer)
    const meanwhile = chosen(unpaid(22n, {}, dearer), { agreed: 20n, changed })
    await expect(meanwhile.due).rejects.toMatchObject({ code: 'PRICE_CHANGED', totals: { now: { amount: 22n } } })
    expect([meanwhile.writes.count, meanwhile.orders.due(1n)?.total]).toEqual([1, 22n])
  })

  test('a total of what was kept of the past is no other one before the rest has come', async () => {
    const kept: Listing = { ...listing, Price: 3n }
    for (const [now, code] of [
      [listing, undefined],
      [{ ...listing, Price: 11n }, 'PRICE_CHANGED'],
    ] as const) {
      const { due, world, writes, tell } = chosen(unpaid(20n), { held: kept, agreed: 20n, state: 'connected' })
      tell()
      await new Promise((resolve) => setImmediate(resolve))
      expect(writes.count).toBe(0)
      Object.assign(world, { listing: now, status: 'ready' })
      tell()
      const outcome = await due.catch((error: ClientError) => error)
      expect(outcome).toMatchObject(code === undefined ? { total: 20n } : { code })
    }
  })

  test('what is loading still accuses nobody', async () => {
    const { due } = chosen(unpaid(21n), { isLoading: true })
    expect(await due).toMatchObject({ total: 21n, compared: false })
  })

  test('other bytes in place of the listings’ hashes are never called compared', () => {
    const other = { ListingHashes: [new Uint8Array(32).fill(1)] }
    expect(asking(unpaid(2000n, other)).due(1n)).toMatchObject({ total: 2000n, compared: false })
    expect(asking(unpaid(20n, other)).due(1n)).toMatchObject({ total: 20n, compared: false })
    expect(asking(unpaid(20n, { ListingHashes: [] })).due(1n)).toMatchObject({ compared: false })
  })

  test('a choice waits for what is due by it, whatever brings the order anew before', async () => {
    const TOKEN = { ChainID: 31_337n, Address: new Uint8Array(20).fill(5) }
    const before = unpaid(20n)
    let [data, changed] = [before, () => undefined as void]
    const shop = {
      shopId: 7n,
      currencies: [],
      sees: () => true,
      onState: () => () => undefined,
      write: () => Promise.resolve((data = { ...before })),
      order: () => ({
        get: () => ({ status: 'ready', data }),
        subscribe: (tell: () => void) => ((changed = tell), () => undefined),
      }),
      listing: () => live(() => listing),
      manifest: () => live(() => manifest),
    }
    const held = (name: string) => reading(name === 'Manifest' ? manifest : listing)
    const orders = new ShopOrders(shop as unknown as ShopClient, held)
    const choosing = orders.choosePayment(1n, { payee: PAYEE, currency: TOKEN })
    await new Promise((resolve) => setImmediate(resolve))
    const details = before.PaymentDetails!
    const PaymentID = paymentIdOf(paymentRequest(7n, PAYEE, TOKEN, { total: 5n, ttl: 9n }))
    data = { ...before, ChosenCurrency: TOKEN, PaymentDetails: { ...details, Total: 5n, PaymentID } }
    changed()
    expect(await choosing).toMatchObject({ total: 5n, currency: TOKEN, compared: false })
  })

  test('another PaymentID is one of its own', () => {
    const wrong = () => asking(unpaid(20n, { PaymentID: new Uint8Array(32) })).due(1n)
    expect(wrong).toThrow(expect.objectContaining({ code: 'PAYMENT_MISMATCH' }))
  })
})
