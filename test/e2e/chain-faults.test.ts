/**
 * What a chain and the way to it can do to payments (PROTOCOL §11, §12): downtime, re-orgs, bad endpoints, stale
 * prices.
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isAllZero } from '../../src/bytes/bytes.js'
import { toHex } from '../../src/bytes/hex.js'
import { paymentRecordsIn } from '../../src/relay/payments/payment-record.js'
import { paymentRequest, payCall, type PaymentRequest } from '../../src/objects/payment-request.js'
import { map, order, SHOP, state } from '../fixtures/relay-harness.js'
import { startFaultyRpc, type Fault, type FaultyRpc } from '../fixtures/faulty-rpc.js'
import {
  ADDRESS,
  bytesOf,
  choice,
  GUEST_ACCOUNT,
  NATIVE,
  PaidShop,
  PAYEE,
  type Guest,
  type PaidShopOptions,
} from '../fixtures/paid-shop.js'
import { TestClock } from '../fixtures/turned-clock.js'
import { EXPIRY_GRACE_SECONDS } from '../../src/limits.js'
import type { Change } from '../../src/patches/patch.js'
import { transactionReceipt, startDevChain } from '../../contracts/dev-chain.mjs'

const PRICE = 100n
/** Contracts that trap, and that run out of gas. */
const [INVALID, ENDLESS, NO_CODE] = ['0xfe', '0x5b600056', '0x']
let shop: PaidShop
const rpcs: FaultyRpc[] = []

async function open(options: PaidShopOptions = {}): Promise<PaidShop> {
  shop = await PaidShop.open(options)
  return shop
}

afterEach(async () => {
  for (const rpc of rpcs.splice(0)) {
    await rpc.mode('none')
    await rpc.stop()
  }
  await shop.close()
})

const warnings = async () =>
  ((await (await fetch(`${shop.relay.url}/health`)).json()) as { warnings?: string[] }).warnings
const records = () => paymentRecordsIn(shop.store.paymentRows(SHOP))
/** Where nothing is to happen. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 400))
const soon = (check: () => void) => vi.waitFor(check, 20_000)
const paid = (id: bigint) => shop.orderWhere(id, (order) => order.State === 6n)

async function openBehind(count: number, options: PaidShopOptions = {}): Promise<readonly FaultyRpc[]> {
  const chain = await startDevChain()
  for (let i = 0; i < count; i++) rpcs.push(await startFaultyRpc(chain.rpcUrl))
  shop = await PaidShop.open({ ...options, rpc: rpcs.map(({ url }) => url) }, chain)
  return rpcs
}

/** An order that is paid while the only endpoint fails so: it stays Unpaid. */
async function paidUnder(fault: Fault, blocks: number): Promise<{ only: FaultyRpc; guest: Guest }> {
  const [only] = await openBehind(1)
  const guest = await shop.guest()
  const request = await guest.checkout(1n)
  await only!.mode(fault)
  await shop.payByCall(request)
  await shop.mine(blocks)
  await settled()
  expect(shop.order(1n)?.State).toBe(5n)
  return { only: only!, guest }
}

describe('a payment while the relay is down', () => {
  it.each(['call', 'address'])('by %s is caught up with, once', async (way) => {
    await open()
    const [guest, other] = [await shop.guest(), await shop.guest()]
    const [request, second] = [await guest.checkout(1n), await other.checkout(2n)]
    await shop.relay.stop()
    const pay = way === 'call' ? shop.payByCall.bind(shop) : shop.payByAddress.bind(shop)
    await pay(request)
    await shop.mine(50)
    await pay(second)
    await shop.startRelay()
    await Promise.all([paid(1n), paid(2n)])
    expect(shop.stockOf()).toBe(8n)
    // Started again, the newest blocks are handed out again: nothing is done twice.
    const head = shop.store.head(SHOP)
    await shop.relay.stop()
    await shop.startRelay()
    await shop.mine(2)
    await settled()
    expect(shop.store.head(SHOP)).toBe(head)
    expect(records().map(({ orderId, effect }) => [orderId, effect])).toEqual([
      [1n, 'paid'],
      [2n, 'paid'],
    ])
  })

  it('over more blocks than one range holds', async () => {
    await open()
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    await shop.relay.stop()
    await shop.payByCall(request)
    await shop.mine(2_100)
    await shop.startRelay()
    await paid(1n)
  })
})

describe('depth and re-orgs', () => {
  it('at depth 3 a payment counts when three blocks lie on it, and not before', async () => {
    await open({ depth: 3 })
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    await shop.payByCall(request)
    await shop.mine(1)
    await settled()
    expect(shop.order(1n)?.State).toBe(5n)
    await shop.mine(1)
    await paid(1n)
  })

  it('a re-org within the depth removes a payment as if it had never been', async () => {
    await open({ depth: 3 })
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    await shop.payByCall(request)
    await settled()
    await shop.chain.reorg(1)
    await shop.mine(5)
    await settled()
    expect(shop.order(1n)?.State).toBe(5n)
    expect(records()).toEqual([])
    await shop.payByCall(request)
    await shop.mine(2)
    await paid(1n)
  })

  it.each(['call', 'address'])(
    'a deeper one is told of, and what comes again (by %s) is no second payment',
    async (way) => {
      await open({ depth: 1 })
      const guest = await shop.guest()
      const request = await guest.checkout(1n)
      const pay = way === 'call' ? shop.payByCall.bind(shop) : shop.payByAddress.bind(shop)
      await pay(request)
      await paid(1n)
      await settled()
      await shop.chain.reorg(1)
      await shop.mine(3)
      await soon(() => expect(records().map(({ effect, reorged }) => [effect, reorged])).toEqual([['paid', true]]))
      expect(shop.order(1n)?.State).toBe(6n)
      await pay(request)
      const amounts = () => records().flatMap(({ reorged, amount }) => (reorged ? [] : [amount]))
      await soon(() => expect(amounts()).toEqual([PRICE]))
      await settled()
      expect([amounts(), shop.stockOf()]).toEqual([[PRICE], 9n])
    },
  )

  it('a chain that is shorter than before is no end', async () => {
    await open()
    const snapshot = await shop.chain.snapshot()
    const guest = await shop.guest()
    await shop.payByCall(await guest.checkout(1n))
    await paid(1n)
    await shop.mine(5)
    await settled()
    await shop.chain.revert(snapshot)
    await soon(() => expect(records().map(({ reorged }) => reorged)).toEqual([true]))
    await shop.payByCall(await guest.checkout(2n))
    await paid(2n)
  })
})

it('an order is paid on another chain than the registry’s, while that one is away', async () => {
  const [registry, other] = [await startDevChain(), await startDevChain({ chainId: 31_338 })]
  const rpc = await startFaultyRpc(registry.rpcUrl)
  rpcs.push(rpc)
  try {
    shop = await PaidShop.open({ others: [other], rpc: [rpc.url] }, registry)
    const elsewhere = (address: Uint8Array) => ({ ChainID: 31_338n, Address: address })
    const [payee, native] = [elsewhere(bytesOf(PAYEE)), elsewhere(new Uint8Array(20))]
    await shop.write(
      { op: 'add', path: ['Manifest', 'Payees', 31_338n, payee.Address], value: map({}) },
      { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 31_338n, native.Address], value: map({}) },
      { op: 'replace', path: ['Manifest', 'PricingCurrency'], value: map({ ...native }) },
    )
    const guest = await shop.guest()
    await rpc.mode('error')
    await guest.write(
      order(1n, 1n, 2n),
      { op: 'add', path: ['Orders', 1n, 'ShippingAddress'], value: ADDRESS },
      { op: 'add', path: ['Orders', 1n, 'ChosenPayee'], value: map({ Address: map({ ...payee }) }) },
      { op: 'add', path: ['Orders', 1n, 'ChosenCurrency'], value: map({ ...native }) },
      state(1n, 3n),
      state(1n, 4n),
    )
    const { PaymentDetails } = await shop.orderWhere(1n, (order) => order.State === 5n)
    const { Total: total, TTL: ttl } = PaymentDetails!
    const request = paymentRequest(SHOP, payee, native, { total, ttl })
    const [from, to] = [GUEST_ACCOUNT.address, other.addresses.payments]
    const call = { from, to, data: `0x${toHex(payCall(request))}`, value: `0x${total.toString(16)}`, gas: '0x1e8480' }
    await transactionReceipt(other.rpc, (await other.rpc('eth_sendTransaction', [call])) as string)
    await paid(1n)
    expect(records()).toMatchObject([{ chainId: 31_338n, effect: 'paid', amount: 200n }])
  } finally {
    await other.stop()
  }
})

describe('an endpoint that fails', () => {
  const faults: readonly Fault[] = [
    'hang',
    'stall',
    'error',
    'garbage',
    'cut',
    'missing',
    'other chain',
    'lie: address',
    'lie: removed',
    'stale',
    'often',
    'no logs',
  ]
  it.each(faults)('with %s: the other one is asked', async (fault) => {
    const [first] = await openBehind(2)
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    await first!.mode(fault)
    await shop.mine(2)
    await shop.payByCall(request)
    await paid(1n)
    expect(shop.stockOf()).toBe(9n)
  })

  it.each(['error', 'garbage', 'lie: address', 'often', 'no logs'] as const)(
    'alone, with %s: nothing is lost when it is back',
    async (fault) => {
      const { only, guest } = await paidUnder(fault, 30)
      expect((await warnings())![0]).toMatch(/^chain 31337 cannot be reached: http:\/\/127\.0\.0\.1:\d+: it /u)
      // What needs no chain goes on.
      await guest.write({ op: 'replace', path: ['Orders', 1n, 'ShippingAddress', 'City'], value: 'Elsewhere' })
      await only.mode('none')
      await shop.orderWhere(1n, (order) => order.State === 6n, 20_000)
    },
    30_000,
  )

  it('that refuses long ranges of logs is asked for short ones', async () => {
    const [only] = await openBehind(1)
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    await shop.relay.stop()
    await shop.payByCall(request)
    await shop.mine(30)
    await only!.mode('narrow')
    await shop.startRelay()
    await paid(1n)
  })
})

it('an endpoint whose logs are of another fork than its blocks: none is lost, and none is made up', async () => {
  const [only] = await openBehind(1)
  const guest = await shop.guest()
  const request = await guest.checkout(1n)
  await only!.mode('other fork')
  await shop.payByCall(request)
  await paid(1n)
  const { hash } = (await shop.chain.rpc('eth_getBlockByNumber', ['latest', false])) as { hash: string }
  await only!.mode('none')
  await shop.mine(5)
  const found = [{ effect: 'paid', amount: PRICE, blockHash: bytesOf(hash) }]
  await soon(() => expect(records()).toMatchObject(found))
  await settled()
  expect(records()).toMatchObject(found)
  expect(shop.stockOf()).toBe(9n)
})

describe('payments of one batch', () => {
  /** Sets that wait for one commit are committed together with the next. */
  async function pipelined(guest: Guest, ...sets: readonly (readonly Change[])[]): Promise<void> {
    const first: Change = { op: 'replace', path: ['Orders', 1n, 'ShippingAddress', 'City'], value: 'X' }
    const write = (changes: readonly Change[]) =>
      guest.wire.ask({ kind: 'write', patchSet: guest.wire.signed(guest.card, changes) })
    await Promise.all([[first], ...sets].map(write))
  }
  const cart = [
    order(1n, 1n, 1n),
    { op: 'add', path: ['Orders', 1n, 'ShippingAddress'], value: ADDRESS } as const,
    ...choice(1n, NATIVE),
    state(1n, 3n),
  ]
  const askedFirst = () =>
    records().length === 0 && [...shop.paymentsOf(1n)].find(({ currency }) => isAllZero(currency))!

  it('the choice that the same batch superseded counts when it is paid', async () => {
    await open({ flags: ['--price-source', 'fixed', '--price-factor', '1500'] })
    const guest = await shop.guest()
    await guest.write(...cart)
    await pipelined(guest, [state(1n, 4n)], [...choice(1n, shop.token, 'replace'), state(1n, 4n)])
    await guest.wire.until(() => guest.order(1n)?.ChosenCurrency?.Address[0] === shop.token.Address[0])
    const superseded = askedFirst()
    await shop.payByAddress(superseded as PaymentRequest)
    await paid(1n)
  })

  it('of an order that one batch canceled and removed is told of, and its address costs nothing more', async () => {
    const [only] = await openBehind(1, { settings: { latePaymentCheckSeconds: 1_000 } })
    const guest = await shop.guest()
    await guest.write(...cart)
    await pipelined(guest, [state(1n, 4n)], [state(1n, 2n), { op: 'remove', path: ['Orders', 1n] }])
    const request = askedFirst() as PaymentRequest
    await shop.mine(2)
    const looks = () => only!.calls.get('eth_getBalance')?.length ?? 0
    let before: number
    do {
      before = looks()
      await settled()
    } while (looks() !== before)
    await shop.mine(1)
    await settled()
    await shop.mine(1)
    await settled()
    expect(looks()).toBe(before)
    await shop.payByCall(request)
    await shop.mine(1)
    await soon(() => expect(records()).toMatchObject([{ effect: 'late', amount: PRICE }]))
  })
})

describe('after a time away', () => {
  it('an order paid in time is not canceled before the chain has told; one not paid is without it', async () => {
    const clock = new TestClock()
    const [only] = await openBehind(1, { clock })
    const [guest, other] = [await shop.guest(), await shop.guest()]
    const [request] = [await guest.checkout(1n), await other.checkout(2n)]
    await shop.relay.stop()
    await shop.payByCall(request)
    clock.set(Number(request.ttl + EXPIRY_GRACE_SECONDS + 100n) * 1_000 - clock.nowMs())
    // What the relay needs at its start is told, and nothing of payments.
    await only!.mode('no logs')
    await shop.startRelay()
    for (let i = 0; i < 5; i++) await clock.turn(2_000)
    expect([shop.order(1n)?.State, shop.order(2n)?.State]).toEqual([5n, 5n])
    await only!.mode('none')
    await shop.mine(1)
    await paid(1n)
    expect(records()).toMatchObject([{ effect: 'paid' }])
    await only!.mode('no logs')
    await clock.turn(Number(EXPIRY_GRACE_SECONDS + 10n) * 1_000)
    await shop.orderWhere(2n, (order) => order.State === 2n)
  })
})

it('a token that traps and spins keeps nobody else from being paid; what comes is seen once it answers', async () => {
  await open({ flags: ['--price-source', 'fixed', '--price-factor', '1500'] })
  await shop.write({ op: 'replace', path: ['Listings', 1n, 'Price'], value: 10n ** 16n })
  const [bad, good] = [await shop.guest(), await shop.guest()]
  const inToken = await bad.checkout(1n, 1n, shop.token)
  const token = `0x${toHex(shop.token.Address)}`
  const code = await shop.chain.rpc('eth_getCode', [token, 'latest'])
  for (const [i, broken] of [INVALID, ENDLESS, NO_CODE].entries()) {
    await shop.chain.rpc('anvil_setCode', [token, broken])
    const id = BigInt(2 + i)
    await shop.payByCall(await good.checkout(id))
    await paid(id)
    expect(await warnings()).toBeUndefined()
  }
  await shop.chain.rpc('anvil_setCode', [token, code])
  await shop.giveTokens(inToken.amount)
  await shop.payByAddress(inToken)
  const isPaid = paid(1n)
  // Blocks go on: it is asked again some seconds after it failed.
  while (shop.order(1n)?.State !== 6n) {
    await shop.mine(1)
    await settled()
  }
  await isPaid
})

describe('prices', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.close()
    server?.closeAllConnections()
    server = undefined
  })

  it('of a source that went away are refused once they are too old, and orders wait for nothing else', async () => {
    let answering = true
    const token = 'cf7ed3acca5a467e9e704c703e8d87f634fb0fc9'
    const rates = [{ from: `31337:0x${'0'.repeat(40)}`, to: `31337:0x${token}`, factor: '1500', divisor: '1' }]
    server = createServer((_request, response) => {
      if (answering) response.end(JSON.stringify({ rates }))
      else response.writeHead(500).end()
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await open({ flags: ['--price-source', 'http', '--price-url', url, '--price-max-age-seconds', '2'] })
    expect(toHex(shop.token.Address)).toBe(token)
    await shop.write({ op: 'replace', path: ['Listings', 1n, 'Price'], value: 10n ** 16n })
    const guest = await shop.guest()
    expect((await guest.checkout(1n, 1n, shop.token)).amount).toBe(1_500n)
    answering = false
    await new Promise((resolve) => setTimeout(resolve, 2_200))
    const id = 2n
    const cart = [order(id, 1n, 1n), { op: 'add', path: ['Orders', id, 'ShippingAddress'], value: ADDRESS } as const]
    await guest.write(...cart, ...choice(id, shop.token), state(id, 3n))
    await expect(guest.write(state(id, 4n))).rejects.toThrow(/rates are too old/)
    expect(shop.order(id)?.State).toBe(3n)
    await guest.write(...choice(id, NATIVE, 'replace'), state(id, 4n))
    await guest.payment(id)
    const health = (await (await fetch(`${shop.relay.url}/health`)).json()) as { warnings: string[] }
    expect(health.warnings).toEqual([expect.stringMatching(/^the price source gives no rates/u)])
  })
})

describe('what follows later', () => {
  it('payment details that need the chain come when it is back', async () => {
    const [only] = await openBehind(1, { flags: ['--price-source', 'fixed', '--price-factor', '1500'] })
    await shop.relay.stop()
    await only!.mode('error')
    // The chain was never reached since the start: no block is known.
    await shop.startRelay().catch(() => undefined)
    await only!.mode('none')
    await shop.startRelay()
    const guest = await shop.guest()
    const request = await guest.checkout(1n, 1n, shop.token)
    expect(request.amount).toBe(0n)
  })

  it('an order whose payment was never made expires, and what comes then is late', async () => {
    await open({ settings: { reservationSeconds: 4 } })
    const [guest, other] = [await shop.guest(), await shop.guest()]
    await guest.write(
      order(1n, 1n, 10n),
      { op: 'add', path: ['Orders', 1n, 'ShippingAddress'], value: ADDRESS },
      ...choice(1n, NATIVE),
      state(1n, 3n),
    )
    await expect(other.checkout(2n)).rejects.toThrow(/fewer than the 1 wanted/)
    const expired = await shop.orderWhere(1n, (order) => order.State === 2n)
    expect(expired.CanceledAt).toBeDefined()
    const request = await other.checkout(3n)
    // Its TTL holds the stock beyond those seconds: it is not canceled while it can be paid.
    await new Promise((resolve) => setTimeout(resolve, 5_500))
    await shop.payByCall(request)
    await paid(3n)
  })

  it('a payment made in time counts although its depth comes after the TTL; an unpaid order expires then', async () => {
    // A chain that lives a day ago: what it asks for can be paid for a few seconds more.
    const chain = await startDevChain({ genesisSeconds: Math.floor(Date.now() / 1_000) - 86_400 })
    shop = await PaidShop.open({ depth: 3, settings: { reservationSeconds: 4 } }, chain)
    const [guest, other] = [await shop.guest(), await shop.guest()]
    const [request, unpaid] = [await guest.checkout(1n), await other.checkout(2n)]
    await shop.payByCall(request)
    while (BigInt(Math.floor(Date.now() / 1_000)) <= unpaid.ttl + 2n)
      await new Promise((resolve) => setTimeout(resolve, 100))
    expect([shop.order(1n)?.State, shop.order(2n)?.State]).toEqual([5n, 5n])
    await chain.rpc('evm_setNextBlockTimestamp', [`0x${(unpaid.ttl + 2n).toString(16)}`])
    await shop.mine(3)
    await paid(1n)
    await shop.orderWhere(2n, (order) => order.State === 2n)
    expect(records().map(({ effect }) => effect)).toEqual(['paid'])
  })

  it('an order of 250 lines over a hundred listings', async () => {
    await open()
    const changes = Array.from({ length: 100 }, (_, i) => BigInt(1_000 + i)).flatMap((id) => [
      {
        op: 'add',
        path: ['Listings', id],
        value: new Map<string, unknown>([
          ['ID', id],
          ['Price', id],
          [
            'Metadata',
            new Map([
              ['Title', 'x'],
              ['Description', 'y'],
            ]),
          ],
          ['ViewState', 1n],
        ]) as never,
      } as const,
      { op: 'add', path: ['Inventory', id], value: 100n } as const,
    ])
    await shop.write(...changes)
    const guest = await shop.guest()
    const items = Array.from(
      { length: 250 },
      (_, i) =>
        new Map([
          ['ListingID', BigInt(1_000 + (i % 100))],
          ['Quantity', BigInt(1 + (i % 3))],
        ]),
    )
    const value = new Map<string, unknown>([
      ['ID', 1n],
      ['State', 1n],
      ['Items', items],
    ]) as never
    await guest.write(
      { op: 'add', path: ['Orders', 1n], value },
      { op: 'add', path: ['Orders', 1n, 'ShippingAddress'], value: ADDRESS },
      ...choice(1n, NATIVE),
      state(1n, 3n),
      state(1n, 4n),
    )
    const request = await guest.payment(1n)
    const expected = Array.from({ length: 250 }, (_, i) => BigInt((1_000 + (i % 100)) * (1 + (i % 3)))).reduce(
      (a, b) => a + b,
    )
    expect(request.amount).toBe(expected)
    expect(guest.order(1n)!.PaymentDetails!.ListingHashes).toHaveLength(250)
    await shop.payByCall(request)
    await paid(1n)
    expect(shop.stockOf(1_000n)).toBe(100n - 1n - 2n - 3n)
  })

  it('two lines over the same stock are summed before they are checked, and taken once each', async () => {
    await open()
    const guest = await shop.guest()
    const lines = (quantity: bigint) =>
      [quantity, quantity].map(
        (q) =>
          new Map([
            ['ListingID', 1n],
            ['Quantity', q],
          ]),
      )
    const cart = (id: bigint, quantity: bigint) =>
      ({
        op: 'add',
        path: ['Orders', id],
        value: new Map<string, unknown>([
          ['ID', id],
          ['State', 1n],
          ['Items', lines(quantity)],
        ]) as never,
      }) as const
    await guest.write(cart(1n, 6n))
    await expect(guest.write(state(1n, 3n))).rejects.toThrow(/fewer than the 12 wanted/)
    await guest.write(
      cart(2n, 5n),
      { op: 'add', path: ['Orders', 2n, 'ShippingAddress'], value: ADDRESS },
      ...choice(2n, NATIVE),
      state(2n, 3n),
      state(2n, 4n),
    )
    await shop.payByCall(await guest.payment(2n))
    await paid(2n)
    expect(shop.stockOf()).toBe(0n)
  })
})

it('a guest without a card of the shop cannot pay others into trouble: what is not ours is ignored', async () => {
  await open()
  const guest = await shop.guest()
  const request = await guest.checkout(1n)
  const foreign = { ...request, shopId: 999n }
  await shop.payByCall(foreign)
  await shop.send(GUEST_ACCOUNT.address, await shop.addressOf(foreign), undefined, 5n)
  await settled()
  expect(records()).toEqual([])
  expect(shop.order(1n)?.State).toBe(5n)
})
