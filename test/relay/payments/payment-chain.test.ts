/**
 * A chain whose answers come late or not at all: no look outlives its block, nothing is held up for ever, and it can be
 * stopped.
 */

import { expect, test } from 'vitest'
import { toBigEndian, equalBytes } from '../../../src/bytes/bytes.js'
import { ChainUnreachable, type Block, type Chain } from '../../../src/chain/chain.js'
import { PaymentChain } from '../../../src/relay/payments/payment-chain.js'
import type { SeenPayment } from '../../../src/relay/payments/payment-outcome.js'
import { findPayment } from '../../../src/state/payment-entry.js'
import { filled } from '../../fixtures/sample-shop.js'
import { paymentOf, unpaid } from '../../fixtures/paid-order.js'

const [X, Y] = [filled(32, 1), filled(32, 2)]
const ENTRY = findPayment(unpaid.indexes.payments, unpaid.shopId, paymentOf(unpaid).PaymentID)!

class SlowChain implements Chain {
  readonly chainId = 1n
  readonly problem = undefined
  newest = 1n
  balanceOf: (address: number, block: bigint) => Promise<bigint> = () => Promise.resolve(0n)
  private readonly listeners = new Set<(head: Block) => void>()
  private given = 0
  private readonly pending = new Set<(error: Error) => void>()

  block = (number: bigint): Promise<Block> => {
    const hash = toBigEndian(number, 32)
    const parentHash = toBigEndian(number - 1n, 32)
    return Promise.resolve({ number, hash, parentHash, timestamp: 1_000n + number, transactions: 0 })
  }
  head = () => this.block(this.newest)
  logs = () => Promise.resolve([])
  receiptLogs = this.logs
  nonce = () => Promise.resolve(0n)
  /** Another address for each payment; the first one is that of the probe. */
  call = () => Promise.resolve(toBigEndian(BigInt(this.given++), 32))

  balance(address: Uint8Array, block: bigint): Promise<bigint> {
    return new Promise((resolve, reject) => {
      this.pending.add(reject)
      this.balanceOf(address[19]!, block).then(resolve, reject)
    })
  }

  onHead(seen: (head: Block) => void): () => void {
    this.listeners.add(seen)
    void this.head().then(seen)
    return () => this.listeners.delete(seen)
  }

  async grow(): Promise<void> {
    this.newest++
    const head = await this.head()
    for (const seen of this.listeners) seen(head)
  }

  close(): void {
    for (const reject of this.pending) reject(new ChainUnreachable('closed'))
  }
}

function followed(chain: SlowChain): { payments: PaymentChain; seen: SeenPayment[] } {
  const seen: SeenPayment[] = []
  const payments = new PaymentChain({
    chain,
    payments: filled(20, 9),
    depth: 1n,
    followed: [],
    lateCheckSeconds: 0n,
    nowSeconds: () => now,
    knownDecimals: () => 2n,
    keepDecimals: () => undefined,
    find: (id) => ([X, Y].some((known) => equalBytes(known, id)) ? ENTRY : undefined),
    seen: async (payment) => void seen.push(payment),
    reorged: async () => undefined,
    saved: async () => undefined,
    checked: undefined,
    savedChecked: async () => undefined,
    onGivenUp: () => undefined,
    learned: () => undefined,
    onError: () => undefined,
  })
  return { payments, seen }
}

let now = 5_000n
const soon = (ms = 20) => new Promise<void>((resolve) => setTimeout(resolve, ms))

test('a look that is slow is told of before a later one, also where another look of its block failed', async () => {
  const chain = new SlowChain()
  const { payments, seen } = followed(chain)
  await soon()
  payments.watch(X, ENTRY, true)
  payments.watch(Y, ENTRY, true)
  let failures = 1
  const addresses = new Set<number>()
  chain.balanceOf = async (address, block) => {
    addresses.add(address)
    const isFirst = address === Math.min(...addresses)
    if (isFirst && failures-- > 0) throw new ChainUnreachable('once')
    if (isFirst) return 0n
    // Nothing is there at block 2, which takes long to tell; 5 from block 3 on.
    if (block === 2n) await soon(300)
    return block >= 3n ? 5n : 0n
  }
  await chain.grow()
  await soon(50)
  await chain.grow()
  for (let i = 0; i < 40 && seen.length === 0; i++) await soon(50)
  await chain.grow()
  await soon(500)
  expect(addresses.size).toBe(2)
  expect(seen.map(({ held, blockNumber }) => [held, blockNumber >= 3n])).toEqual([[5n, true]])
  await payments.close()
})

test('a chain that tells logs and no balances makes no progress: what waits for it has an end', async () => {
  const chain = new SlowChain()
  const { payments } = followed(chain)
  await soon()
  payments.watch(X, ENTRY, true)
  chain.balanceOf = () => Promise.reject(new ChainUnreachable('missing trie node'))
  const before = payments.progressAt
  now += 700n
  await chain.grow()
  await soon(600)
  expect(payments.progressAt).toBe(before)
  expect(payments.triedUntil(X)).toBe(0n)
  chain.balanceOf = () => Promise.resolve(0n)
  await chain.grow()
  await soon(600)
  expect(payments.progressAt).toBe(now)
  expect(payments.triedUntil(X)).toBeGreaterThan(0n)
  await payments.close()
})

test('it stops although an answer never comes', async () => {
  const chain = new SlowChain()
  const { payments } = followed(chain)
  await soon()
  payments.watch(X, ENTRY, true)
  chain.balanceOf = () => new Promise(() => undefined)
  await chain.grow()
  await soon()
  await payments.close()
})
