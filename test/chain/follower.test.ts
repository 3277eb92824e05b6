/** The follower against a chain that grows, forks, shrinks and fails, and a relay that restarts (PROTOCOL §12). */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { ChainUnreachable, type Block, type Chain } from '../../src/chain/chain.js'
import {
  FOLLOWED_BLOCKS_DENSE,
  follow,
  type BlockRange,
  type FollowedBlock,
  type Fork,
} from '../../src/chain/follower.js'

/** Blocks in memory; hashes tell one history from another. */
class TestChain implements Chain {
  readonly chainId = 1n
  readonly problem = undefined
  blocks: Block[] = []
  failures = 0
  private made = 0
  private readonly listeners = new Set<(head: Block) => void>()

  constructor() {
    this.grow(3)
  }

  grow(count: number): void {
    for (let i = 0; i < count; i++) {
      const hash = new Uint8Array(32)
      new DataView(hash.buffer).setUint32(0, ++this.made)
      const parentHash = this.blocks.at(-1)?.hash ?? new Uint8Array(32)
      this.blocks.push({ number: BigInt(this.blocks.length), hash, parentHash, timestamp: BigInt(this.made) })
    }
  }

  cut(count: number): void {
    this.blocks = this.blocks.slice(0, Math.max(1, this.blocks.length - count))
  }

  tell(): void {
    for (const seen of this.listeners) seen(this.blocks.at(-1)!)
  }

  async head(): Promise<Block> {
    this.mayFail()
    return this.blocks.at(-1)!
  }

  async block(number: bigint): Promise<Block | undefined> {
    this.mayFail()
    return this.blocks[Number(number)]
  }

  logs = (): never => {
    throw new Error('not asked here')
  }
  receiptLogs = this.logs
  call = this.logs
  balance = this.logs
  nonce = this.logs

  onHead(seen: (head: Block) => void): () => void {
    this.listeners.add(seen)
    return () => this.listeners.delete(seen)
  }

  close(): void {}

  private mayFail(): void {
    if (this.failures-- > 0) throw new ChainUnreachable('away')
    this.failures = 0
  }
}

/** What was handed out last for each block, and what was said of forks; kept over restarts like the followed blocks. */
class Relay {
  readonly chain: TestChain
  readonly depth: bigint
  followed: readonly FollowedBlock[] = []
  readonly handled = new Map<bigint, string>()
  readonly forks: Fork[] = []
  failHandles = 0
  private follower: ReturnType<typeof follow>
  private readonly errors: unknown[] = []

  constructor(chain: TestChain, depth: bigint) {
    this.chain = chain
    this.depth = depth
    this.follower = this.start()
  }

  start(): ReturnType<typeof follow> {
    return (this.follower = follow({
      chain: this.chain,
      depth: this.depth,
      followed: this.followed,
      marginBlocks: 4n,
      handle: (range) => this.handle(range),
      reorged: async (fork) => void this.forks.push(fork),
      saved: async (followed) => void (this.followed = followed),
      onError: (error) => this.errors.push(error),
    }))
  }

  async restart(): Promise<void> {
    await this.follower.stop()
    this.start()
  }

  stop(): Promise<void> {
    return this.follower.stop()
  }

  /** Until nothing more happens. */
  async settle(): Promise<void> {
    const wanted = this.chain.blocks.length - Number(this.depth)
    for (const end = Date.now() + 20_000; Date.now() < end;) {
      this.chain.tell()
      await new Promise((resolve) => setTimeout(resolve, 1))
      const last = this.followed.at(-1)
      const block = last && this.chain.blocks[Number(last.number)]
      const isCurrent = block !== undefined && toHex(block.hash) === toHex(last!.hash)
      if (wanted < 0 || (isCurrent && Number(last!.number) >= wanted)) return
    }
    throw new Error('it does not settle')
  }

  private async handle({ from, to, head, safe }: BlockRange): Promise<void> {
    await Promise.resolve()
    if (this.failHandles > 0) {
      this.failHandles--
      throw new Error('the handler fails')
    }
    expect(from <= to && to <= safe.number && safe.number === head.number - this.depth + 1n).toBe(true)
    for (let number = from; number <= to; number++) {
      const block = this.chain.blocks[Number(number)]
      if (block !== undefined) this.handled.set(number, toHex(block.hash))
    }
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('grow' as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('fork' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('cut' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('restart' as const), count: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('away' as const), count: fc.integer({ min: 1, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('fail' as const), count: fc.constant(1) }) },
)

const CUT = { what: 'cut', count: 1 } as const
const RESTART = { what: 'restart', count: 0 } as const

test('every block deep enough is in the end handed out as it is on the chain; lost ones are told of', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1n, 2n, 4n), fc.array(step, { maxLength: 12 }), async (depth, steps) => {
      const chain = new TestChain()
      chain.grow(5)
      const relay = new Relay(chain, depth)
      await relay.settle()
      const start = relay.followed.at(-1)!.number
      let lost = false
      let lowest = start
      for (const { what, count } of steps) {
        const before = relay.followed.at(-1)!
        if (what === 'restart' && before.number < lowest) lowest = before.number
        const forks = relay.forks.length
        if (what === 'grow') chain.grow(count)
        else if (what === 'fork') {
          chain.cut(count)
          chain.grow(count + 1)
        } else if (what === 'cut') chain.cut(Math.min(count, chain.blocks.length - Number(depth)))
        else if (what === 'restart') await relay.restart()
        else if (what === 'away') chain.failures = count
        else relay.failHandles = count
        if (what === 'fail') chain.grow(1)
        const gone = toHex(chain.blocks[Number(before.number)]?.hash ?? new Uint8Array(0)) !== toHex(before.hash)
        await relay.settle()
        // Nothing came to be handled where the chain had been cut before.
        relay.failHandles = 0
        expect(relay.forks.length > forks).toBe(gone)
        lost ||= gone
      }
      const safe = chain.blocks.length - Number(depth)
      for (let number = start + 1n; number <= BigInt(safe); number++)
        expect(relay.handled.get(number), `block ${number}`).toBe(toHex(chain.blocks[Number(number)]!.hash))
      // Nothing from further back than the margin before what was followed, unless a fork led there.
      if (!lost) for (const number of relay.handled.keys()) expect(number > lowest - 4n).toBe(true)
      await relay.stop()
    }),
    { numRuns: 60, examples: [[4n, [CUT, RESTART, RESTART]]] },
  )
})

test('a long way is handed out in pieces, in order', async () => {
  const chain = new TestChain()
  const relay = new Relay(chain, 1n)
  await relay.settle()
  await relay.stop()
  chain.grow(4_500)
  relay.start()
  await relay.settle()
  expect(relay.handled.size).toBeGreaterThanOrEqual(4_500)
  expect(relay.followed.length).toBeLessThanOrEqual(10)
  await relay.stop()
})

test('a fork far below the followed blocks is found, and not much more than it is handed out again', async () => {
  const chain = new TestChain()
  const relay = new Relay(chain, 1n)
  await relay.settle()
  for (let i = 0; i < 1_500; i++) {
    chain.grow(1)
    await relay.settle()
  }
  expect(relay.followed.length).toBeLessThan(FOLLOWED_BLOCKS_DENSE + 40)
  expect(relay.followed[0]!.number).toBe(2n)
  for (const lost of [3, 60, 400]) {
    const newest = relay.followed.at(-1)!.number
    chain.cut(lost)
    chain.grow(lost + 1)
    await relay.settle()
    const { lastGood, lost: top } = relay.forks.at(-1)!
    expect(top).toBe(newest)
    expect(lastGood < newest - BigInt(lost) + 1n && newest - lastGood <= 2n * BigInt(lost) + 1n).toBe(true)
    for (const [i, { hash }] of chain.blocks.entries())
      if (i > 2) expect(relay.handled.get(BigInt(i))).toBe(toHex(hash))
  }
  await relay.stop()
})
