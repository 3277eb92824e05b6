/**
 * A payment's address and contract on a chain that knows what really came, against what the relay's books say of it
 * (PROTOCOL §11).
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { equalBytes, toBigEndian, utf8 } from '../../../src/bytes/bytes.js'
import { keccak256 } from '../../../src/bytes/hash.node.js'
import { toHex } from '../../../src/bytes/hex.js'
import type { Block, Chain, ChainLog, LogQuery } from '../../../src/chain/chain.js'
import { PAYMENT_MADE } from '../../../src/chain/contracts.js'
import type { FollowedBlock } from '../../../src/chain/follower.js'
import { orderIn } from '../../../src/state/held-object.js'
import { PaymentChain } from '../../../src/relay/payments/payment-chain.js'
import { reorgedRows, type SeenPayment } from '../../../src/relay/payments/payment-outcome.js'
import { isLive } from '../../../src/state/orders.js'
import { findPayment } from '../../../src/state/payment-entry.js'
import { filled } from '../../fixtures/sample-shop.js'
import { Books, ID, paymentOf, TOTAL, unpaid } from '../../fixtures/paid-order.js'

const PAYMENT_ID = paymentOf(unpaid).PaymentID
const ENTRY = findPayment(unpaid.indexes.payments, unpaid.shopId, PAYMENT_ID)!
const CONTRACT = filled(20, 9)

/** Money to the address; a call that pays; the contract taking all that lies at the address. */
type Deed = { readonly deposit: bigint } | 'call' | 'sweep'

/** What is so after the block. */
interface Truth {
  readonly balance: bigint
  readonly isMade: boolean
  readonly isSwept: boolean
  /** All that ever came. */
  readonly came: bigint
  readonly mostHeld: bigint
}

interface TrueBlock extends Block {
  readonly deeds: readonly Deed[]
  readonly logs: readonly ChainLog[]
  readonly truth: Truth
}

class TrueChain implements Chain {
  readonly chainId = 1n
  readonly problem = undefined
  readonly blocks: TrueBlock[] = []
  private readonly listeners = new Set<(head: Block) => void>()
  /** The log index has nothing of the newest blocks, so many. */
  readonly behind: number
  private made = 0

  constructor(behind: number) {
    this.behind = behind
    this.add([])
  }

  get truth(): Truth {
    return this.blocks.at(-1)!.truth
  }

  add(deeds: readonly Deed[]): void {
    const parent = this.blocks.at(-1)
    const number = parent === undefined ? 0n : parent.number + 1n
    const blockHash = keccak256(utf8(`${number} ${this.made++}`))
    const logs: ChainLog[] = []
    const done: Deed[] = []
    let truth = parent?.truth ?? { balance: 0n, isMade: false, isSwept: false, came: 0n, mostHeld: 0n }
    for (const deed of deeds) {
      const next = after(truth, deed)
      if (next === undefined) continue
      if (deed === 'call' || (deed === 'sweep' && truth.balance >= TOTAL)) {
        const transactionHash = keccak256(utf8(`${deed} ${number} ${logs.length}`))
        const place = { blockNumber: number, blockHash, transactionHash, logIndex: logs.length }
        logs.push({ address: CONTRACT, topics: [PAYMENT_MADE, PAYMENT_ID], data: new Uint8Array(), ...place })
      }
      truth = next
      done.push(deed)
    }
    const parentHash = parent?.hash ?? new Uint8Array(32)
    this.blocks.push({ number, hash: blockHash, parentHash, timestamp: 1_000n + number, deeds: done, logs, truth })
  }

  /** Replaces the newest blocks; the deeds of those that are kept come again. */
  reorg(depth: number, kept: readonly boolean[]): void {
    const gone = this.blocks.splice(Math.max(1, this.blocks.length - depth))
    for (const [i, { deeds }] of gone.entries()) this.add(kept[i] === true ? deeds : [])
    this.add([])
  }

  tell(): void {
    for (const seen of this.listeners) seen(this.blocks.at(-1)!)
  }

  head(): Promise<Block> {
    return Promise.resolve(this.blocks.at(-1)!)
  }

  block(number: bigint): Promise<Block | undefined> {
    return Promise.resolve(this.blocks[Number(number)])
  }

  logs({ fromBlock, toBlock, topics }: LogQuery): Promise<ChainLog[]> {
    const end = Math.min(Number(toBlock) + 1, this.blocks.length - this.behind)
    const blocks = this.blocks.slice(Number(fromBlock), Math.max(0, end))
    return Promise.resolve(equalBytes(topics[0]![0]!, PAYMENT_MADE) ? blocks.flatMap(({ logs }) => logs) : [])
  }

  receiptLogs({ number }: Block): Promise<ChainLog[]> {
    return Promise.resolve([...this.blocks[Number(number)]!.logs])
  }

  nonce(_address: Uint8Array, blockNumber: bigint): Promise<bigint> {
    return Promise.resolve(this.blocks[Number(blockNumber)]!.truth.isSwept ? 1n : 0n)
  }

  /** The payment's address; nothing else is asked. */
  call(): Promise<Uint8Array> {
    return Promise.resolve(toBigEndian(77n, 32))
  }

  balance(_address: Uint8Array, blockNumber: bigint): Promise<bigint> {
    return Promise.resolve(this.blocks[Number(blockNumber)]!.truth.balance)
  }

  onHead(seen: (head: Block) => void): () => void {
    this.listeners.add(seen)
    return () => this.listeners.delete(seen)
  }

  close(): void {}
}

/** Undefined where the contract refuses: it makes a payment once, and takes from an address once. */
function after(truth: Truth, deed: Deed): Truth | undefined {
  const { balance, came, mostHeld } = truth
  if (deed === 'call') return truth.isMade ? undefined : { ...truth, isMade: true, came: came + TOTAL }
  if (deed === 'sweep')
    return truth.isSwept
      ? undefined
      : { ...truth, isSwept: true, isMade: truth.isMade || balance >= TOTAL, balance: 0n }
  const held = balance + deed.deposit
  return { ...truth, balance: held, came: came + deed.deposit, mostHeld: held > mostHeld ? held : mostHeld }
}

type Event =
  | { readonly what: 'block'; readonly deeds: readonly Deed[]; readonly seen: boolean }
  | { readonly what: 'reorg'; readonly depth: number; readonly kept: readonly boolean[] }
  | { readonly what: 'restart' }
  | { readonly what: 'wait' }

class Relay {
  readonly chain: TrueChain
  readonly books = new Books(unpaid)
  readonly errors: unknown[] = []
  private readonly lateCheckSeconds: bigint
  private followed: readonly FollowedBlock[] = []
  private now = 1_000n
  private follower: PaymentChain

  constructor(lateCheckSeconds: bigint, behind: number) {
    this.chain = new TrueChain(behind)
    this.lateCheckSeconds = lateCheckSeconds
    this.follower = this.open()
  }

  async run(events: readonly Event[]): Promise<void> {
    await settled()
    for (const event of events) await this.happen(event)
    await this.look()
    await this.look()
    await this.follower.close()
  }

  private async happen(event: Event): Promise<void> {
    if (event.what === 'wait') return this.look()
    if (event.what === 'restart') {
      await this.follower.close()
      this.follower = this.open()
    } else if (event.what === 'reorg') {
      this.chain.reorg(event.depth, event.kept)
      this.chain.tell()
    } else {
      this.chain.add(event.deeds)
      this.now += 1n
      if (event.seen) this.chain.tell()
    }
    return settled()
  }

  /** A block so much later that every address is looked at. */
  private async look(): Promise<void> {
    this.now += 10_000n
    this.chain.add([])
    this.chain.tell()
    await settled()
  }

  private open(): PaymentChain {
    const { chain, followed, lateCheckSeconds, books } = this
    const opened = new PaymentChain({
      chain,
      payments: CONTRACT,
      depth: 1n,
      followed,
      lateCheckSeconds,
      nowSeconds: () => this.now,
      knownDecimals: () => 2n,
      keepDecimals: () => undefined,
      find: (id) => (equalBytes(id, PAYMENT_ID) ? ENTRY : undefined),
      seen: async (payment) => this.see(payment),
      reorged: async ({ lastGood }) => this.reorged(lastGood),
      saved: async (list) => void (this.followed = list),
      checked: undefined,
      savedChecked: async () => undefined,
      onGivenUp: () => undefined,
      learned: () => undefined,
      onError: (error) => this.errors.push(error),
    })
    const held = books.records.find(({ kind, reorged }) => kind === 'held' && !reorged)
    opened.watch(PAYMENT_ID, ENTRY, this.isLive, held?.balance)
    return opened
  }

  private get isLive(): boolean {
    return isLive(orderIn(this.books.state, ID))
  }

  private see(payment: SeenPayment): void {
    this.books.see(payment)
    this.follower.watch(PAYMENT_ID, ENTRY, this.isLive)
  }

  private async reorged(lastGood: bigint): Promise<void> {
    const { books, follower } = this
    for (const record of books.records) {
      const touched = record.blockNumber > lastGood && !record.reorged
      if (!touched || (await follower.isOnChain(record.blockNumber, record.blockHash))) continue
      for (const row of reorgedRows(unpaid.shopId, record, books.records)) books.rows.set(toHex(row.key), row)
      follower.forget(PAYMENT_ID)
    }
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(500n, 900n, TOTAL, 2_000n).map((deposit) => ({ deposit })) },
  { weight: 1, arbitrary: fc.constantFrom<Deed>('call', 'sweep') },
)
const block = (maxLength: number, seen: fc.Arbitrary<boolean> = fc.constant(true)): fc.Arbitrary<Event> =>
  fc.record({ what: fc.constant('block' as const), deeds: fc.array(deed, { maxLength }), seen })
const reorg: fc.Arbitrary<Event> = fc.record({
  what: fc.constant('reorg' as const),
  depth: fc.integer({ min: 1, max: 4 }),
  kept: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
})
const restart = fc.constant<Event>({ what: 'restart' })
const wait = fc.constant<Event>({ what: 'wait' })

/** `exact`: nothing happens to the address between two looks but one thing, so that the books must tell all. */
const worlds: readonly (readonly [
  string,
  fc.Arbitrary<Event>,
  { readonly late: bigint; readonly exact: boolean; readonly behind?: number },
])[] = [
  ['one thing a block', block(1), { late: 0n, exact: true }],
  ['and restarts', fc.oneof(block(1), restart), { late: 0n, exact: true }],
  ['an index that lags for ever', block(1), { late: 0n, exact: true, behind: 100 }],
  ['an index that lags, and restarts', fc.oneof(block(1), restart), { late: 0n, exact: true, behind: 3 }],
  [
    'an index that lags, and re-orgs',
    fc.oneof({ weight: 4, arbitrary: block(1) }, reorg),
    { late: 0n, exact: false, behind: 3 },
  ],
  ['several things in a block', block(3), { late: 0n, exact: false }],
  ['addresses that are looked at late', fc.oneof(block(1), wait), { late: 1_000n, exact: false }],
  ['blocks that are handled together', block(1, fc.boolean()), { late: 0n, exact: false }],
  ['re-orgs', fc.oneof({ weight: 4, arbitrary: block(1) }, reorg), { late: 0n, exact: false }],
  ['re-orgs and restarts', fc.oneof({ weight: 4, arbitrary: block(1) }, reorg, restart), { late: 0n, exact: false }],
]

test.each(worlds)('%s', async (_name, event, { late, exact, behind = 0 }) => {
  let [paidRuns, swept] = [0, 0]
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 9 }), async (events) => {
      const relay = new Relay(late, behind)
      await relay.run(events)
      const { truth } = relay.chain
      const { books } = relay
      expect(relay.errors).toEqual([])
      const isPaid = orderIn(books.state, ID)!.State === 6n
      if (truth.isMade || truth.balance >= TOTAL) expect(isPaid).toBe(true)
      const forked = events.some(({ what }) => what === 'reorg')
      if (isPaid && !forked) expect(truth.isMade || truth.mostHeld >= TOTAL).toBe(true)
      const told = books.records.filter(({ reorged }) => !reorged).reduce((sum, { amount }) => sum + amount, 0n)
      if (exact) expect(told).toBe(truth.came)
      if (!forked) expect(told <= truth.came).toBe(true)
      if (isPaid && !forked) expect(told >= TOTAL).toBe(true)
      expect(books.paidSets <= 1).toBe(true)
      if (isPaid) paidRuns++
      if (truth.isSwept) swept++
    }),
    { numRuns: 400 },
  )
  expect(Math.min(paidRuns, swept)).toBeGreaterThan(20)
})
