/** Endpoints whose log index lags behind their own blocks, without an error: no payment is lost (PROTOCOL §11, §12). */

import { toFunctionSelector } from 'viem/utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { addressWord, word } from '../../src/bytes/abi.js'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex } from '../../src/bytes/hex.js'
import { EXPIRY_GRACE_SECONDS, LOG_LAG_BLOCKS_MAX, RECEIPTS_PATIENCE_SECONDS } from '../../src/limits.js'
import { paymentRecordsIn } from '../../src/relay/payments/payment-record.js'
import { ACCOUNTS, startDevChain } from '../../contracts/dev-chain.mjs'
import { startFaultyRpc, type FaultyRpc, type LogGaps } from '../fixtures/faulty-rpc.js'
import { bytesOf, PaidShop, type PaidShopOptions } from '../fixtures/paid-shop.js'
import { SHOP } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

let shop: PaidShop
const rpcs: FaultyRpc[] = []

afterEach(async () => {
  expect(shop.relay.bugs).toEqual([])
  await shop.close()
  for (const rpc of rpcs.splice(0)) await rpc.stop()
})

async function openBehind(count: number, options: PaidShopOptions = {}): Promise<readonly FaultyRpc[]> {
  const chain = await startDevChain()
  for (let i = 0; i < count; i++) rpcs.push(await startFaultyRpc(chain.rpcUrl))
  shop = await PaidShop.open({ ...options, rpc: rpcs.map(({ url }) => url) }, chain)
  return rpcs
}

const paid = (id: bigint) => shop.orderWhere(id, (order) => order.State === 6n)
const records = () => paymentRecordsIn(shop.store.paymentRows(SHOP))
const [OWNER, CLERK, OTHER] = [ACCOUNTS[1]!, ACCOUNTS[2]!, ACCOUNTS[3]!].map(({ address }) => address) as [
  string,
  string,
  string,
]
const registerUser = (user: string) => sendToRegistry('registerUser(uint256,address)', user)
const removeUser = (user: string) => sendToRegistry('removeUser(uint256,address)', user)

/** As the shop's owner. */
function sendToRegistry(signature: string, user: string): Promise<string> {
  const data = concatBytes(fromHex(toFunctionSelector(signature).slice(2)), word(SHOP), addressWord(bytesOf(user)))
  return shop.send(OWNER, shop.chain.addresses.shops, data)
}

async function eventually(what: () => Promise<unknown>, expected: unknown): Promise<void> {
  let last: unknown
  for (const end = Date.now() + 20_000; Date.now() < end && last !== expected;) {
    last = await what()
    await settled(20)
  }
  expect(last).toBe(expected)
}

const settled = (ms = 400) => new Promise((resolve) => setTimeout(resolve, ms))
const asked = ({ calls }: FaultyRpc, method: string) => calls.get(method)?.length ?? 0

const variants: readonly (readonly [string, LogGaps])[] = [
  ['Bloom filters', {}],
  ['Bloom filters and receipts one by one', { receipts: 'single' }],
  ['receipts of blocks whose filters are zeros', { zeroBloom: true }],
  ['receipts one by one of blocks whose filters are zeros', { zeroBloom: true, receipts: 'single' }],
]

describe.each(variants)('an index that lags: payments are found by %s', (_name, gaps) => {
  it.each([17n, 25n, 40n, LOG_LAG_BLOCKS_MAX])('%s blocks behind', async (behind) => {
    const [only] = await openBehind(1)
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    only!.gaps({ ...gaps, behind })
    await shop.mine(3)
    await shop.payByCall(request)
    await paid(1n)
    await shop.mine(60)
    await settled()
    expect(records().map(({ kind, effect }) => [kind, effect])).toEqual([['made', 'paid']])
    expect(shop.stockOf()).toBe(9n)
  })

  it.each([25n, LOG_LAG_BLOCKS_MAX])('%s blocks behind, after a restart', async (behind) => {
    const [only] = await openBehind(1)
    const guest = await shop.guest()
    const [request, second] = [await guest.checkout(1n), await guest.checkout(2n)]
    only!.gaps({ ...gaps, behind })
    await shop.relay.stop()
    await shop.mine(5)
    await shop.payByCall(request)
    await shop.mine(150)
    await shop.payByCall(second)
    await shop.startRelay()
    await Promise.all([paid(1n), paid(2n)])
  })
})

describe.each(variants)('an index that lags: accounts are mirrored by %s', (_name, gaps) => {
  it.each([17n, LOG_LAG_BLOCKS_MAX])('%s blocks behind, in their order, also after a restart', async (behind) => {
    const [only] = await openBehind(1)
    only!.gaps({ ...gaps, behind })
    await registerUser(CLERK)
    await eventually(() => shop.account(CLERK), 0)
    await shop.mine(3)
    await removeUser(CLERK)
    await eventually(() => shop.account(CLERK), 'absent')
    await shop.relay.stop()
    await registerUser(CLERK)
    await removeUser(CLERK)
    await registerUser(CLERK)
    await registerUser(OTHER)
    await shop.mine(100)
    await removeUser(CLERK)
    await shop.startRelay()
    await eventually(() => shop.account(OTHER), 0)
    await eventually(() => shop.account(CLERK), 'absent')
  })
})

it('an index that lags is not believed because another endpoint is further', async () => {
  const [first, second] = await openBehind(2)
  const guest = await shop.guest()
  const [request, next] = [await guest.checkout(1n), await guest.checkout(2n)]
  first!.gaps({ behind: 40n })
  await shop.payByCall(request)
  await paid(1n)
  first!.gaps({ behind: 40n, receipts: 'none' })
  second!.gaps({ behind: 25n })
  await shop.payByCall(next)
  await paid(2n)
})

it('blocks whose filters say no cost no receipts', async () => {
  const [only] = await openBehind(1)
  const guest = await shop.guest()
  await guest.checkout(1n)
  // What the shop was opened with may be read: a block with a transaction that logs nothing has a filter of zeros.
  const opened = BigInt((await shop.chain.rpc('eth_blockNumber', [])) as string)
  await shop.giveTokens(1n)
  const before = asked(only!, 'eth_getBlockByNumber')
  await shop.mine(200)
  for (let i = 0; i < 400 && asked(only!, 'eth_getBlockByNumber') - before < 400; i++) await settled(100)
  expect(asked(only!, 'eth_getBlockByNumber') - before).toBeGreaterThanOrEqual(400)
  const read = only!.calls.get('eth_getBlockReceipts') ?? []
  expect(read.filter(([block]) => BigInt(block as string) > opened)).toEqual([])
})

describe('endpoints that tell no receipts', () => {
  /** Paid while the index is so far behind, and no block can be checked. */
  async function unseen(behind: bigint) {
    const clock = new TestClock()
    const [only] = await openBehind(1, { clock })
    const guest = await shop.guest()
    const request = await guest.checkout(1n)
    only!.gaps({ behind, receipts: 'none' })
    await shop.payByCall(request)
    await shop.mine(1)
    await settled()
    // Patience begins when it is missed, which may be later.
    await vi.waitFor(async () => {
      await clock.turn(Number(RECEIPTS_PATIENCE_SECONDS + 1n) * 1_000)
      await shop.mine(1)
      await settled()
      const health = (await (await fetch(`${shop.relay.url}/health`)).json()) as { warnings?: string[] }
      expect(health.warnings).toEqual([expect.stringMatching(/no endpoint tells the receipts/u)])
    }, 40_000)
    expect(shop.order(1n)?.State).toBe(5n)
    return { clock, request, only: only! }
  }

  it('the index is read again by time, and the payment found once it has come so far', async () => {
    const { clock } = await unseen(25n)
    // Further than the blocks that are read with each new one; then the index has it.
    await shop.mine(20)
    await settled()
    await shop.mine(100)
    await settled()
    for (let i = 0; i < 100 && shop.order(1n)?.State !== 6n; i++) {
      await clock.turn(60_000)
      await shop.mine(1)
      await settled(100)
    }
    await paid(1n)
  })

  it('an order does not end before the index was read once more; one that was not paid does', async () => {
    const { clock, request } = await unseen(25n)
    const other = await shop.guest()
    const unpaid = await other.checkout(2n)
    const timeOf = async () =>
      BigInt(((await shop.chain.rpc('eth_getBlockByNumber', ['latest', false])) as { timestamp: string }).timestamp)
    const passTo = async (time: bigint) => {
      await shop.chain.rpc('evm_setNextBlockTimestamp', [`0x${time.toString(16)}`])
      await shop.mine(1)
      await settled()
      clock.set(Number(time) * 1_000 - clock.nowMs())
      await clock.turn(2_000)
      await settled()
    }
    await passTo(unpaid.ttl + 1n)
    expect([shop.order(1n)?.State, shop.order(2n)?.State]).toEqual([5n, 5n])
    // It has come further than the payment now; blocks since the last reading are not enough to find it.
    await shop.mine(25)
    for (let i = 0; i < 100 && shop.order(2n)?.State !== 2n; i++) {
      expect(shop.order(1n)?.State).not.toBe(2n)
      await passTo((await timeOf()) + EXPIRY_GRACE_SECONDS / 5n)
    }
    await paid(1n)
    expect(request.ttl <= unpaid.ttl).toBe(true)
    expect(shop.order(2n)?.State).toBe(2n)
  })
})
