/**
 * Whether the log index left out what a contract logged: an endpoint may have blocks whose logs its index does not have
 * yet, and answers then with none and without an error. A block's own header tells: its Bloom filter names every
 * address and topic that was logged. Where it may hold what is looked for, and where it is not filled, the block's
 * receipts are read. No index is trusted because another one, or a block, came so far.
 */

import type { Seconds } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { toHex, type Hex } from '../bytes/hex.js'
import { CHECKED_BLOCKS_AT_ONCE_MAX, RECEIPT_BLOCKS_AT_ONCE_MAX, RECEIPTS_PATIENCE_SECONDS } from '../limits.js'
import { bloomBits, mayHold, type BloomBits } from './bloom.js'
import { ChainUnreachable, type Block, type Chain, type ChainLog } from './chain.js'

interface LogCheckOptions {
  readonly chain: Chain
  /** The contract, 20 bytes. */
  readonly address: Uint8Array
  /** Its events: first topics, 32 bytes each. */
  readonly events: readonly Uint8Array[]
  nowSeconds(): Seconds
  /** Receipts cannot be had: until they can, what the index leaves out is not seen. */
  onGivenUp(block: Block): void
}

interface CheckedPiece {
  /** What the index had left out, in the order of blocks and log indexes. */
  readonly logs: readonly ChainLog[]
  /** The last block that was checked; nearer than what was asked where there is much to do. */
  readonly last: Block
}

export class LogCheck {
  private readonly options: LogCheckOptions
  private readonly address: BloomBits
  private readonly events: readonly BloomBits[]
  /** Blocks of the next piece; fewer after a failure, which may be one of asking for too much. */
  private size = CHECKED_BLOCKS_AT_ONCE_MAX
  /** Since when no endpoint tells receipts. */
  private refusedSince: Seconds | undefined
  private gaveUp = false
  /** Time of the newest block that could not be checked, seconds; 0: none. */
  doubtful: Seconds = 0n

  constructor(options: LogCheckOptions) {
    this.options = options
    this.address = bloomBits(options.address)
    this.events = options.events.map(bloomBits)
  }

  /** For the operator; undefined while blocks can be checked. */
  get problem(): string | undefined {
    const { chainId } = this.options.chain
    return this.gaveUp
      ? `chain ${chainId}: no endpoint tells the receipts of blocks; what its log index leaves out is not seen`
      : undefined
  }

  /**
   * The first of these blocks, as many as one look may cost. `told`: blocks whose logs an index has told, by hash.
   * `isWanted`: whether a Bloom filter may hold a topic that is looked for. Throws ChainUnreachable.
   */
  async piece(
    from: bigint,
    to: bigint,
    told: ReadonlySet<Hex>,
    isWanted: (bloom: Uint8Array) => boolean,
  ): Promise<CheckedPiece> {
    const end = from + BigInt(this.size) - 1n
    try {
      const blocks = await this.blocks(from, end < to ? end : to)
      const open = blocks.filter((block) => !told.has(toHex(block.hash)) && !this.hasNone(block, isWanted))
      const piece = await this.read(blocks, open)
      this.size = Math.min(2 * this.size, CHECKED_BLOCKS_AT_ONCE_MAX)
      return piece
    } catch (error) {
      this.size = Math.max(1, this.size >> 1)
      throw error
    }
  }

  private async blocks(from: bigint, to: bigint): Promise<Block[]> {
    const { chain } = this.options
    const numbers = Array.from({ length: Number(to - from) + 1 }, (_, i) => from + BigInt(i))
    try {
      const blocks = await Promise.all(numbers.map((number) => chain.block(number)))
      // Of different endpoints, or of before and after a re-org, they would prove nothing together.
      const isChain = blocks.every(
        (block, i) => block && (i === 0 || equalBytes(block.parentHash, blocks[i - 1]!.hash)),
      )
      if (!isChain) throw new ChainUnreachable(`chain ${chain.chainId} tells blocks that do not follow each other`)
      return blocks as Block[]
    } catch (error) {
      // It is not receipts that are lacking.
      this.refusedSince = undefined
      throw error
    }
  }

  /** A filter of zeros in a block with transactions proves nothing: not every chain fills it. */
  private hasNone({ bloom, transactions }: Block, isWanted: (bloom: Uint8Array) => boolean): boolean {
    if (bloom === undefined || isAllZero(bloom)) return transactions === 0
    const may = mayHold(bloom, this.address) && this.events.some((event) => mayHold(bloom, event)) && isWanted(bloom)
    return !may
  }

  /** `open`: those of the blocks that have to be read. What was read before one fails is not lost. */
  private async read(blocks: readonly Block[], open: readonly Block[]): Promise<CheckedPiece> {
    const { chain } = this.options
    const logs: ChainLog[] = []
    let isRefused = false
    for (const [i, block] of open.entries()) {
      const last = blocks[blocks.indexOf(block) - 1]
      if (i >= RECEIPT_BLOCKS_AT_ONCE_MAX && last !== undefined) return { logs, last }
      // Once in a look: an endpoint that does not answer in time would hold up everything else.
      const read = isRefused ? undefined : await this.logsOf(block)
      if (read !== undefined) {
        logs.push(...read)
        continue
      }
      isRefused = true
      if (!this.isPatienceOver()) {
        if (last !== undefined) return { logs, last }
        throw new ChainUnreachable(`chain ${chain.chainId} tells no receipts`)
      }
      if (!this.gaveUp) this.options.onGivenUp(block)
      this.gaveUp = true
      this.doubtful = block.timestamp
    }
    return { logs, last: blocks.at(-1)! }
  }

  private isPatienceOver(): boolean {
    const now = this.options.nowSeconds()
    this.refusedSince ??= now
    return now - this.refusedSince >= RECEIPTS_PATIENCE_SECONDS
  }

  /** Undefined where no endpoint tells them. */
  private async logsOf(block: Block): Promise<readonly ChainLog[] | undefined> {
    const { chain, address, events } = this.options
    const logs = await chain.receiptLogs(block, address).catch((error: unknown): undefined => {
      if (!(error instanceof ChainUnreachable)) throw error
    })
    if (logs === undefined) return undefined
    this.refusedSince = undefined
    this.gaveUp = false
    return logs.filter(({ topics }) => events.some((event) => topics[0] && equalBytes(topics[0], event)))
  }
}
