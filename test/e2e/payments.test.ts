/**
 * From a cart to a paid order on a real EVM (PROTOCOL §11, §12), and every way that it can go wrong on the guest's
 * side.
 */

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { sha256 } from '../../src/bytes/hash.node.js'
import { encodePaymentRequest, paymentIdOf, type PaymentRequest } from '../../src/objects/payment-request.js'
import type { ChainAddress } from '../../src/objects/scalars.js'
import { paymentRecordsIn, shortfallsIn } from '../../src/relay/payments/payment-record.js'
import { rawCidOf } from '../../src/bytes/raw-cid.js'
import { listing, map, order, SHOP, state, stock } from '../fixtures/relay-harness.js'
import { ADDRESS, choice, NATIVE, PaidShop, type PaidShopOptions } from '../fixtures/paid-shop.js'
import { toFunctionSelector } from 'viem/utils'

const RATE: PaidShopOptions = { flags: ['--price-source', 'fixed', '--price-factor', '1500', '--price-divisor', '1'] }
/** 10^16 wei at 1500 : 1 are 15 tokens of two decimals. */
const PRICE = 10n ** 16n

let shop: PaidShop
let nextOrder = 100n
const orderId = () => nextOrder++

beforeAll(async () => {
  shop = await PaidShop.open(RATE)
  await shop.write(
    { op: 'replace', path: ['Listings', 1n, 'Price'], value: PRICE },
    { op: 'replace', path: ['Inventory', 1n], value: 1_000n },
  )
  await shop.giveTokens(1_000_000n)
})
afterAll(() => shop.close())
afterEach(() => expect(shop.relay.bugs).toEqual([]))

let nextListing = 50n

/** A listing of its own for what looks at its stock. */
async function listingWith(pieces: bigint, price = PRICE): Promise<bigint> {
  const id = nextListing++
  await shop.write(listing(id, { Price: price }), stock(id, pieces))
  return id
}

async function paid(id: bigint) {
  return shop.orderWhere(id, (order) => order.State === 6n)
}

const records = () => paymentRecordsIn(shop.store.paymentRows(SHOP))
const effectsOf = (id: bigint) =>
  records()
    .filter((record) => record.orderId === id)
    .map(({ kind, effect, amount }) => [kind, effect, amount])

async function newestTimestamps(count: number): Promise<bigint[]> {
  const head = Number(await shop.chain.rpc('eth_blockNumber'))
  const numbers = Array.from({ length: count }, (_, i) => `0x${(head - i).toString(16)}`)
  const blocks = await Promise.all(numbers.map((number) => shop.chain.rpc('eth_getBlockByNumber', [number, false])))
  return blocks.map((block) => BigInt((block as { timestamp: string }).timestamp))
}

/** Waits until the relay has written as many records for the order. */
async function recordsOf(id: bigint, count: number) {
  for (const end = Date.now() + 20_000; effectsOf(id).length < count && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 20))
  return effectsOf(id)
}

describe('a paid order', () => {
  // Quantities differ: equal orders of one block would have their TTL raised.
  const ways: readonly [string, bigint, () => ChainAddress, (request: PaymentRequest) => Promise<string>][] = [
    ['in ether by call', 2n, () => NATIVE, (request) => shop.payByCall(request)],
    ['in ether by address', 3n, () => NATIVE, (request) => shop.payByAddress(request)],
    ['in tokens by call', 4n, () => shop.token, (request) => shop.payByCall(request)],
    ['in tokens by address', 5n, () => shop.token, (request) => shop.payByAddress(request)],
  ]
  it.each(ways)('%s', async (_way, quantity, currencyOf, pay) => {
    const [guest, id, currency] = [await shop.guest(), orderId(), currencyOf()]
    const before = shop.stockOf()
    const request = await guest.checkout(id, quantity, currency)
    expect(request.amount).toBe(quantity * (currency === NATIVE ? PRICE : 1_500n))
    const open = guest.order(id)!
    // As the contract computes it, from what a client knows.
    const idByContract = await shop.call(shop.chain.addresses.payments, getPaymentIdCall(request))
    expect(toHex(idByContract)).toBe(toHex(open.PaymentDetails!.PaymentID))
    expect(open.PaymentDetails!.ShopSignature).toEqual(new Uint8Array(65))
    // The newest block that the relay knew of; the tests before this one have just made some.
    expect(await newestTimestamps(5)).toContain(request.ttl - 86_400n)

    const hash = await pay(request)
    const closed = await paid(id)
    const native = currency === NATIVE
    const byCall = _way.endsWith('call')
    if (byCall || !native) expect(toHex(closed.TxDetails!.TxHash!)).toBe(hash.slice(2))
    else expect(closed.TxDetails!.TxHash).toBeUndefined()
    const record = (await shop.chain.rpc('eth_getTransactionReceipt', [hash])) as { blockHash: string }
    expect(toHex(closed.TxDetails!.BlockHash)).toBe(record.blockHash.slice(2))
    expect(shop.stockOf()).toBe(before - quantity)
    expect(await recordsOf(id, 1)).toEqual([[byCall ? 'made' : 'held', 'paid', request.amount]])
    // The guest saw it too, and it stays so.
    await guest.wire.until(() => guest.order(id)!.State === 6n)
    await shop.mine(2)
    expect(effectsOf(id)).toHaveLength(1)
  })

  it('has its payment details as the next set after the choice, when the write is answered', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    await guest.write(
      order(id, 1n, 1n),
      { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS },
      ...choice(id, NATIVE),
    )
    await guest.write(state(id, 3n))
    await guest.wire.until(() => guest.order(id)?.State === 3n)
    const before = guest.wire.sets.length
    await guest.write(state(id, 4n))
    await guest.wire.until(() => guest.order(id)?.State === 5n)
    const [chosen, details] = guest.wire.sets.slice(before)
    expect(details!.seq).toBe(chosen!.seq + 1n)
    expect(guest.wire.pushes.at(-1)!.sets).toBe(2)
  })

  it('keeps the listing as it was bought, by the hash that the order names', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    await guest.checkout(id)
    const [hash] = guest.order(id)!.PaymentDetails!.ListingHashes
    const response = await fetch(`${shop.relay.url}/ipfs/${rawCidOf(hash!)}`)
    expect(response.status).toBe(200)
    const snapshot = new Uint8Array(await response.arrayBuffer())
    expect(sha256(snapshot)).toEqual(hash)
  })

  it('two equal orders at once have payments of their own', async () => {
    const [a, b] = [await shop.guest(), await shop.guest()]
    const [first, second] = [orderId(), orderId()]
    const [one, two] = await Promise.all([a.checkout(first), b.checkout(second)])
    expect(toHex(paymentIdOf(one))).not.toBe(toHex(paymentIdOf(two)))
    expect(one.ttl === two.ttl).toBe(false)
    await shop.payByCall(one)
    await paid(first)
    expect(shop.order(second)?.State).toBe(5n)
    await shop.payByAddress(two)
    await paid(second)
  })

  it('two orders whose payment one set chooses have payments of their own', async () => {
    const guest = await shop.guest()
    const [first, second] = [orderId(), orderId()]
    for (const id of [first, second])
      await guest.write(
        order(id, 1n, 1n),
        { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS },
        ...choice(id, NATIVE),
      )
    await guest.write(state(first, 3n), state(second, 3n), state(first, 4n), state(second, 4n))
    const [one, two] = [await guest.payment(first), await guest.payment(second)]
    expect(two.ttl).toBe(one.ttl + 1n)
  })

  it.each([24n, 255n, 256n, 65_536n])('sells %s pieces', async (pieces) => {
    const [guest, id, item] = [await shop.guest(), orderId(), await listingWith(pieces, 10n)]
    await shop.payByCall(await guest.checkout(id, pieces, NATIVE, item))
    await paid(id)
    expect(shop.stockOf(item)).toBe(0n)
  })
})

describe('unhappy payments', () => {
  it('an earlier PaymentID counts if it is paid in full', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const first = await guest.checkout(id)
    await guest.write(...choice(id, shop.token, 'replace'), state(id, 4n))
    await guest.wire.until(() => guest.order(id)!.State === 5n && guest.order(id)!.PaymentDetails!.Total === 1_500n)
    await shop.payByCall(first)
    await paid(id)
    expect(await recordsOf(id, 1)).toEqual([['made', 'paid', PRICE]])
  })

  it('choosing again gives another payment of the same order', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const first = await guest.checkout(id)
    await guest.write(...choice(id, shop.token, 'replace'), state(id, 4n))
    await guest.wire.until(() => guest.order(id)!.PaymentDetails!.Total === 1_500n)
    const second = await guest.payment(id, shop.token)
    expect(toHex(paymentIdOf(second))).not.toBe(toHex(paymentIdOf(first)))
    await shop.payByAddress(second)
    await paid(id)
  })

  it('a change of currency in state 5 does nothing until payment is chosen again', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const request = await guest.checkout(id)
    await guest.write(...choice(id, shop.token, 'replace'))
    await shop.payByAddress(request)
    await paid(id)
  })

  it('two parts to one address are one payment', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const request = await guest.checkout(id)
    await shop.payByAddress(request, PRICE / 4n)
    expect(await recordsOf(id, 1)).toEqual([['held', 'partial', PRICE / 4n]])
    expect(shop.order(id)?.State).toBe(5n)
    await shop.payByAddress(request, PRICE - PRICE / 4n)
    await paid(id)
    expect(await recordsOf(id, 1)).toEqual([['held', 'paid', PRICE]])
  })

  it('too much is Paid, and told of', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    await shop.payByAddress(await guest.checkout(id), 2n * PRICE)
    await paid(id)
    expect(await recordsOf(id, 1)).toEqual([['held', 'paid', 2n * PRICE]])
  })

  it('what comes after Paid changes nothing, and is told of', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const before = shop.stockOf()
    const request = await guest.checkout(id)
    await shop.payByCall(request)
    await paid(id)
    // An address of a paid order is looked at rarely; a call is an event that is never missed.
    const again = await guest.shop
      .payByAddress(request)
      .then(() => shop.payByCall(request).catch(() => 'refused by the contract'))
    expect(again).toBe('refused by the contract')
    expect(shop.stockOf()).toBe(before - 1n)
    expect(shop.order(id)?.State).toBe(6n)
  })

  it('a second PaymentID of a paid order is told of as extra', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const first = await guest.checkout(id)
    await guest.write(...choice(id, shop.token, 'replace'), state(id, 4n))
    await guest.wire.until(() => guest.order(id)!.PaymentDetails!.Total === 1_500n)
    const second = await guest.payment(id, shop.token)
    const before = shop.stockOf()
    await shop.payByCall(second)
    await paid(id)
    await shop.payByCall(first)
    const seen = await recordsOf(id, 2)
    expect(new Set(seen.map(([, effect]) => effect))).toEqual(new Set(['extra', 'paid']))
    expect(shop.stockOf()).toBe(before - 1n)
  })

  it('a payment of an order that was removed is none of the one that is added under its id', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const [cheap, dear] = [await listingWith(1n, 10n), await listingWith(1n, PRICE)]
    const first = await guest.checkout(id, 1n, NATIVE, cheap)
    await guest.write(state(id, 2n))
    await guest.write({ op: 'remove', path: ['Orders', id] })
    const second = await guest.checkout(id, 1n, NATIVE, dear)
    expect([first.amount, second.amount]).toEqual([10n, PRICE])
    await shop.payByCall(first)
    await shop.payByAddress(first)
    expect(await recordsOf(id, 2)).toEqual([
      ['made', 'late', 10n],
      ['held', 'late', 10n],
    ])
    expect(shop.order(id)!.State).toBe(5n)
    expect(shop.order(id)!.TxDetails).toBeUndefined()
    await shop.payByCall(second)
    await paid(id)
  })

  it('too little at the address, taken away again, does not hide the payment by call', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const request = await guest.checkout(id)
    await shop.payByAddress(request, 1n)
    expect(await recordsOf(id, 1)).toEqual([['held', 'partial', 1n]])
    await shop.processPayment(request)
    await shop.mine(1)
    await shop.payByCall(request)
    await paid(id)
    expect(await recordsOf(id, 2)).toContainEqual(['made', 'paid', PRICE])
  })

  it('choosing the same again in the same second is the same payment; 100 equal orders have 100', async () => {
    const guest = await shop.guest()
    const item = await listingWith(1_000n, 777n)
    const id = orderId()
    const request = await guest.checkout(id, 1n, NATIVE, item)
    for (let i = 0; i < 20; i++) await guest.write(state(id, 4n))
    expect(await guest.payment(id)).toEqual(request)
    // A guest's card has at most 100 that are live.
    const buyers = [await shop.guest(), await shop.guest()]
    const ids = Array.from({ length: 100 }, orderId)
    for (const [i, other] of ids.entries()) {
      await buyers[i % 2]!.write(
        order(other, item, 1n),
        { op: 'add', path: ['Orders', other, 'ShippingAddress'], value: ADDRESS },
        ...choice(other, NATIVE),
        state(other, 3n),
        state(other, 4n),
      )
    }
    const due = await Promise.all(ids.map(async (other, i) => toHex(paymentIdOf(await buyers[i % 2]!.payment(other)))))
    expect(new Set(due).size).toBe(100)
  })

  it('what the contract takes from the address is no second payment', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const request = await guest.checkout(id)
    await shop.payByAddress(request)
    await paid(id)
    await shop.processPayment(request)
    const seen = await recordsOf(id, 2)
    expect(seen).toContainEqual(['made', 'moved', 0n])
  })

  it('what a token takes back after the order is Paid is told; what the contract takes is not', async () => {
    const [guest, id, other] = [await shop.guest(), orderId(), orderId()]
    const [request, swept] = [await guest.checkout(id, 1n, shop.token), await guest.checkout(other, 2n, shop.token)]
    await shop.payByAddress(request)
    await shop.payByAddress(swept)
    await Promise.all([paid(id), paid(other)])
    await shop.takeBack(request, 600n)
    await shop.processPayment(swept)
    await shop.mine(1)
    expect(await recordsOf(other, 2)).toContainEqual(['made', 'moved', 0n])
    const fallOf = (orderId: bigint) => records().find((record) => record.orderId === orderId && record.kind === 'held')
    for (const end = Date.now() + 20_000; fallOf(id)!.fell === undefined && Date.now() < end;) {
      await shop.mine(1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    expect(fallOf(id)).toMatchObject({ effect: 'paid', amount: request.amount, fell: 600n })
    expect(fallOf(other)!.fell ?? 0n).toBe(0n)
  })

  it('a payment for a canceled order is told of, and gives it TxDetails alone', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const request = await guest.checkout(id)
    const before = shop.stockOf()
    await guest.write({ op: 'add', path: ['Orders', id, 'CanceledAt'], value: 1_800_000_000n }).catch(() => undefined)
    await guest.write(state(id, 2n))
    const hash = await shop.payByCall(request)
    const late = await shop.orderWhere(id, (order) => order.TxDetails !== undefined)
    expect(late.State).toBe(2n)
    expect(toHex(late.TxDetails!.TxHash!)).toBe(hash.slice(2))
    expect(shop.stockOf()).toBe(before)
    expect(await recordsOf(id, 1)).toEqual([['made', 'late', PRICE]])
  })

  it('a total of 0 is paid by the contract event alone', async () => {
    // 10 wei are 0 cents.
    const [guest, id, item] = [await shop.guest(), orderId(), await listingWith(1n, 10n)]
    const request = await guest.checkout(id, 1n, shop.token, item)
    expect(request.amount).toBe(0n)
    await shop.mine(2)
    expect(shop.order(id)?.State).toBe(5n)
    await shop.payByCall(request)
    await paid(id)
  })

  it('a shortfall takes what there is, and is told of', async () => {
    const [guest, id, item] = [await shop.guest(), orderId(), await listingWith(5n)]
    const request = await guest.checkout(id, 5n, NATIVE, item)
    await shop.write({ op: 'replace', path: ['Inventory', item], value: 3n })
    await shop.payByCall(request)
    await paid(id)
    expect(shop.stockOf(item)).toBe(0n)
    const missing = shortfallsIn(shop.store.paymentRows(SHOP)).filter((shortfall) => shortfall.orderId === id)
    expect(missing).toEqual([{ orderId: id, missing: [{ listingId: item, variations: [], pieces: 2n }] }])
  })

  it('an order whose stock entry is gone becomes Paid', async () => {
    const [guest, id, item] = [await shop.guest(), orderId(), await listingWith(5n)]
    const request = await guest.checkout(id, 1n, NATIVE, item)
    await shop.write({ op: 'remove', path: ['Inventory', item] })
    await shop.payByCall(request)
    await paid(id)
  })
})

describe('what cannot be chosen', () => {
  const refusals: readonly [string, (id: bigint) => ReturnType<typeof choice>, RegExp][] = [
    ['without a payee', (id) => choice(id, NATIVE).slice(1), /ChosenPayee and ChosenCurrency must be set/],
    ['without a currency', (id) => choice(id, NATIVE).slice(0, 1), /ChosenPayee and ChosenCurrency must be set/],
  ]
  it.each(refusals)('%s', async (_name, chosen, message) => {
    const [guest, id] = [await shop.guest(), orderId()]
    await guest.write(
      order(id, 1n, 1n),
      { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS },
      ...chosen(id),
      state(id, 3n),
    )
    await expect(guest.write(state(id, 4n))).rejects.toThrow(message)
    expect(shop.order(id)?.State).toBe(3n)
  })

  it('without an address', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    await guest.write(order(id, 1n, 1n), ...choice(id, NATIVE), state(id, 3n))
    await expect(guest.write(state(id, 4n))).rejects.toThrow(/address must be set/)
  })

  it('on a chain that is not configured', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const elsewhere = { ChainID: 10n, Address: new Uint8Array(20) }
    await shop.write(
      { op: 'add', path: ['Manifest', 'Payees', 10n, elsewhere.Address], value: map({}) },
      { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 10n, elsewhere.Address], value: map({}) },
    )
    const payee = map({ Address: map({ ChainID: 10n, Address: elsewhere.Address }) })
    const chosen = [
      { op: 'add', path: ['Orders', id, 'ChosenPayee'], value: payee } as const,
      choice(id, elsewhere)[1]!,
    ]
    await guest.write(
      order(id, 1n, 1n),
      { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS },
      ...chosen,
      state(id, 3n),
    )
    await expect(guest.write(state(id, 4n))).rejects.toThrow(/chain 10 is not configured/)
    await guest.write(choice(id, NATIVE, 'replace')[0]!)
    await expect(guest.write(state(id, 4n))).rejects.toThrow(/different chains/)
  })

  it('with no shipping region that matches', async () => {
    const [guest, id] = [await shop.guest(), orderId()]
    const region = (country: string) => map({ Country: country, PostalCode: '', City: '' })
    await shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions', 'default'], value: region('AT') })
    await guest.write(
      order(id, 1n, 1n),
      { op: 'add', path: ['Orders', id, 'InvoiceAddress'], value: ADDRESS },
      ...choice(id, NATIVE),
      state(id, 3n),
    )
    await expect(guest.write(state(id, 4n))).rejects.toThrow(/no shipping region/)
    await shop.write({ op: 'replace', path: ['Manifest', 'ShippingRegions', 'default'], value: region('') })
    await guest.write(state(id, 4n))
    await guest.payment(id)
  })
})

function getPaymentIdCall(request: PaymentRequest): Uint8Array {
  const selector = toFunctionSelector(
    'getPaymentId((uint256,uint256,bytes32,address,uint256,address,bool,uint256,bytes))',
  )
  return new Uint8Array([...fromHex(selector.slice(2)), ...encodePaymentRequest(request)])
}
