/**
 * PaymentMade of a long chain with short blocks whose log index lags by thousands of them (PROTOCOL §11, §12): nothing
 * is lost, and each look costs little.
 */

import { beforeEach, describe, expect, test } from 'vitest'
import { toBigEndian } from '../../../src/bytes/bytes.js'
import { toHex } from '../../../src/bytes/hex.js'
import { bloomBits } from '../../../src/chain/bloom.js'
import { ChainUnreachable, type Block, type Chain, type ChainLog, type LogQuery } from '../../../src/chain/chain.js'
import { PAYMENT_MADE } from '../../../src/chain/contracts.js'
import {
  CHECKED_BLOCKS_AT_ONCE_MAX,
  EXPIRY_GRACE_SECONDS,
  LOG_LAG_BLOCKS_MAX,
  LOG_REREAD_SECONDS,
  PAYMENT_TTL_SECONDS,
  RECEIPT_BLOCKS_AT_ONCE_MAX,
  RECEIPTS_PATIENCE_SECONDS,
  REREAD_BLOCKS_AT_ONCE,
} from '../../../src/limits.js'
import { PaymentLogs, type AwaitedPayment } from '../../../src/relay/payments/payment-logs.js'
import { filled } from '../../fixtures/sample-shop.js'

const CONTRACT = filled(20, 9)
const PAYMENT_ID = filled(32, 7)
const BLOCKS_A_SECOND = 4n
/** A day of such blocks, and more. */
const START = 1_000_000n

/** Any number of blocks, each of one transaction; logs where they were put. */
class LongChain implements Chain {
  readonly chainId = 1n
  readonly problem = undefined
  newest = START
  /** The index has logs up to so many blocks before the newest. */
  behind = 0n
  fillsBloom = true
  tellsReceipts = true
  /** As a node that keeps no old logs. */
  oldestLogs = 0n
  fork = 0
  readonly made = new Map<bigint, ChainLog>()
  readonly asked = { blocks: 0, logBlocks: 0n, receipts: 0 }

  timeOf(number: bigint): bigint {
    return 1_700_000_000n + number / BLOCKS_A_SECOND
  }

  at(number: bigint): Block {
    const log = this.made.get(number)
    const bloom = new Uint8Array(256)
    const items = log === undefined || !this.fillsBloom ? [] : [log.address, ...log.topics]
    for (const bit of [filled(20, 1), ...items].flatMap(bloomBits))
      if (this.fillsBloom) bloom[255 - (bit >> 3)]! |= 1 << (bit & 7)
    const [hash, parentHash] = [this.hashOf(number), this.hashOf(number - 1n)]
    return { number, hash, parentHash, timestamp: this.timeOf(number), bloom, transactions: 1 }
  }

  pay(number: bigint): void {
    const place = { blockNumber: number, blockHash: this.hashOf(number), transactionHash: filled(32, 3), logIndex: 0 }
    this.made.set(number, { address: CONTRACT, topics: [PAYMENT_MADE, PAYMENT_ID], data: new Uint8Array(), ...place })
  }

  head = () => Promise.resolve(this.at(this.newest))

  block(number: bigint): Promise<Block | undefined> {
    this.asked.blocks++
    return Promise.resolve(number <= this.newest ? this.at(number) : undefined)
  }

  logs({ fromBlock, toBlock }: LogQuery): Promise<ChainLog[]> {
    if (fromBlock < this.oldestLogs) return Promise.reject(new ChainUnreachable('old logs were pruned'))
    this.asked.logBlocks += toBlock - fromBlock + 1n
    const has = (number: bigint) => number >= fromBlock && number <= toBlock && number <= this.newest - this.behind
    return Promise.resolve([...this.made].filter(([number]) => has(number)).map(([, log]) => log))
  }

  receiptLogs({ number }: Block): Promise<ChainLog[] | undefined> {
    this.asked.receipts++
    const log = this.made.get(number)
    return Promise.resolve(this.tellsReceipts ? (log === undefined ? [] : [log]) : undefined)
  }

  call = (): never => {
    throw new Error('not asked here')
  }
  balance = this.call
  nonce = this.call
  onHead = this.call
  close = this.call

  private hashOf(number: bigint): Uint8Array {
    return toBigEndian(number * 1_000n + BigInt(this.fork), 32)
  }
}

let chain: LongChain
let now: bigint
let found: string[]
let saved: bigint | undefined
let awaited: AwaitedPayment[]

const ttlFrom = (number: bigint) => chain.timeOf(number) + PAYMENT_TTL_SECONDS
const payment = (ttl: bigint, live = true): AwaitedPayment => ({ paymentId: PAYMENT_ID, entry: { ttl }, live })

beforeEach(() => {
  chain = new LongChain()
  now = 5_000n
  found = []
  saved = undefined
  awaited = []
})

function open(): PaymentLogs {
  return new PaymentLogs({
    chain,
    payments: CONTRACT,
    checked: saved,
    nowSeconds: () => now,
    awaited: () => awaited,
    isOurs: (id) => toHex(id) === toHex(PAYMENT_ID),
    found: async ({ blockNumber, blockHash }) => void found.push(`${blockNumber} ${toHex(blockHash).slice(-6)}`),
    savedChecked: async (number) => void (saved = number),
    onGivenUp: () => undefined,
  })
}

/** The next blocks in one range, and a look. */
async function grow(logs: PaymentLogs, blocks: bigint): Promise<void> {
  const from = chain.newest + 1n
  chain.newest += blocks
  const safe = chain.at(chain.newest)
  await logs.handle({ from, to: safe.number, toHash: safe.hash, head: safe, safe })
  await logs.goOn(safe)
}

const isKnown = (logs: PaymentLogs, ttl: bigint) => !logs.mayMiss(ttl, 0n)
const look = (logs: PaymentLogs) => logs.goOn(chain.at(chain.newest))

async function looks(logs: PaymentLogs, until: () => boolean, most: number): Promise<void> {
  for (let i = 0; i < most && !until(); i++) await look(logs)
  expect(until()).toBe(true)
}

describe.each([true, false])('the chain fills its Bloom filters: %s', (fillsBloom) => {
  test.each([17n, 40n, LOG_LAG_BLOCKS_MAX])('an index that is %s blocks behind loses nothing', async (behind) => {
    Object.assign(chain, { behind, fillsBloom })
    const logs = open()
    awaited = [payment(ttlFrom(chain.newest))]
    await grow(logs, 4n)
    chain.pay(chain.newest + 2n)
    await grow(logs, 4n)
    // At the first start it begins as far back as an index may lag.
    await looks(logs, () => found.length > 0, Number(LOG_LAG_BLOCKS_MAX) / RECEIPT_BLOCKS_AT_ONCE_MAX + 10)
    for (let i = 0; i < 20; i++) await grow(logs, 1_000n)
    expect(found).toHaveLength(1)
  })

  test('also where the relay was away meanwhile', async () => {
    Object.assign(chain, { behind: LOG_LAG_BLOCKS_MAX, fillsBloom })
    await grow(open(), 1n)
    awaited = [payment(ttlFrom(chain.newest))]
    chain.pay(chain.newest + 5n)
    const logs = open()
    await grow(logs, LOG_LAG_BLOCKS_MAX - 10n)
    await looks(logs, () => found.length === 1, 10)
  })
})

test('a look costs at most a piece of blocks, of receipts and of the index', async () => {
  chain.behind = LOG_LAG_BLOCKS_MAX
  const logs = open()
  awaited = [payment(ttlFrom(chain.newest))]
  for (const fillsBloom of [true, false]) {
    chain.fillsBloom = fillsBloom
    await grow(logs, 3_000n)
    for (let i = 0; i < 20; i++) {
      Object.assign(chain.asked, { blocks: 0, logBlocks: 0n, receipts: 0 })
      await look(logs)
      // To find where to begin to read again, it asks for a few blocks more.
      expect(chain.asked.blocks).toBeLessThanOrEqual(CHECKED_BLOCKS_AT_ONCE_MAX + 40)
      expect(chain.asked.receipts).toBeLessThanOrEqual(RECEIPT_BLOCKS_AT_ONCE_MAX)
      expect(chain.asked.logBlocks).toBeLessThanOrEqual(REREAD_BLOCKS_AT_ONCE)
    }
  }
})

test('while no payment can be made, blocks are not asked for', async () => {
  const logs = open()
  awaited = [payment(chain.timeOf(chain.newest) - 1n, false)]
  await grow(logs, 4n)
  await looks(logs, () => isKnown(logs, chain.timeOf(START - 4n)), 500)
  Object.assign(chain.asked, { blocks: 0, logBlocks: 0n, receipts: 0 })
  for (let i = 0; i < 5; i++) await grow(logs, 100n)
  expect(chain.asked).toMatchObject({ blocks: 0, receipts: 0 })
  expect(isKnown(logs, chain.timeOf(chain.newest) - 1n)).toBe(true)
})

test('where blocks cannot be checked, the index is read again from the oldest payment on, by time', async () => {
  Object.assign(chain, { behind: 6_000n, tellsReceipts: false })
  const logs = open()
  const refused = { message: expect.stringMatching(/receipts/u) as string }
  awaited = [payment(ttlFrom(chain.newest))]
  chain.pay(chain.newest + 2n)
  await expect(grow(logs, 4n).then(() => looks(logs, () => false, 300))).rejects.toMatchObject(refused)
  now += RECEIPTS_PATIENCE_SECONDS
  for (let i = 0; i < 500; i++) await look(logs)
  expect(found).toEqual([])
  // Far beyond what is read with each block; and not before it is time.
  await grow(logs, 1_000n)
  await grow(logs, 7_000n)
  for (let i = 0; i < 10; i++) await look(logs)
  expect(found).toEqual([])
  now += LOG_REREAD_SECONDS
  await looks(logs, () => found.length === 1, 500)
})

test('a payment is looked for once more when its time is over, before its order may end', async () => {
  const logs = open()
  const ttl = ttlFrom(chain.newest)
  awaited = [payment(ttl)]
  await grow(logs, 4n)
  await looks(logs, () => isKnown(logs, chain.timeOf(START)), 500)
  // A filter that does not name it, and an index that lagged.
  chain.pay(chain.newest - 1_000n)
  await grow(logs, PAYMENT_TTL_SECONDS * BLOCKS_A_SECOND + 100n)
  expect(isKnown(logs, ttl)).toBe(false)
  await looks(logs, () => isKnown(logs, ttl), 1_000)
  expect(found).toHaveLength(1)
  expect(isKnown(logs, chain.timeOf(chain.newest))).toBe(false)
})

test('old logs that no endpoint tells hold up an order for a time, and the newest blocks not at all', async () => {
  chain.oldestLogs = START - 100n
  const logs = open()
  const ttl = ttlFrom(chain.newest)
  awaited = [payment(ttl)]
  await grow(logs, 4n).catch(() => undefined)
  chain.pay(chain.newest + 1n)
  await grow(logs, 1n).catch(() => undefined)
  expect(found).toHaveLength(1)
  chain.newest += PAYMENT_TTL_SECONDS * BLOCKS_A_SECOND
  chain.oldestLogs = chain.newest - 100n
  now = ttl + 1n
  for (let i = 0; i < 210; i++) await look(logs).catch(() => undefined)
  expect(logs.mayMiss(ttl, now)).toBe(true)
  expect(logs.mayMiss(ttl, now + EXPIRY_GRACE_SECONDS)).toBe(false)
})

test.each(['as it runs', 'as it starts'])(
  'after a re-org that is found %s the new blocks are checked',
  async (when) => {
    chain.behind = LOG_LAG_BLOCKS_MAX
    let logs = open()
    awaited = [payment(ttlFrom(chain.newest))]
    await grow(logs, 4n)
    await looks(logs, () => isKnown(logs, chain.timeOf(START - 8n)), 1_000)
    chain.pay(chain.newest + 1n)
    await grow(logs, 2n)
    expect(found).toHaveLength(1)
    // The payment comes a block later on the other side of the fork, in one whose number was checked.
    const lastGood = chain.newest - 2n
    chain.made.clear()
    chain.fork++
    saved = chain.newest
    if (when === 'as it starts') logs = open()
    logs.reorged(lastGood)
    chain.newest = lastGood
    chain.pay(lastGood + 2n)
    await grow(logs, 4n)
    await looks(logs, () => found.length === 2, 10)
    expect(found[1]).not.toBe(found[0])
  },
)
