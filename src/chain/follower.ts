/**
 * Hands out the blocks of a chain that are deep enough, in order, across restarts and re-orgs (PROTOCOL §12). Whoever
 * handles them does so idempotently: blocks near the last followed block come again after a start, and those after a
 * fork come again.
 */

import { equalBytes } from '../bytes/bytes.js'
import { ChainUnreachable, type Block, type Chain } from './chain.js'

/** A block up to which everything was handled. */
export interface FollowedBlock {
  readonly number: bigint
  /** 32 bytes. */
  readonly hash: Uint8Array
}

export interface BlockRange {
  readonly from: bigint
  /** Included. */
  readonly to: bigint
  /** 32 bytes, of the last block. */
  readonly toHash: Uint8Array
  /** The newest block. */
  readonly head: Block
  /** The newest block that is deep enough; `to` comes up to it, in pieces. */
  readonly safe: Block
}

/** Blocks that were handed out are no more: the chain was re-organised deeper than the configured depth. */
export interface Fork {
  /** The newest block that still holds; everything above it is handed out again. */
  readonly lastGood: bigint
  /** The newest block that had been handed out. */
  readonly lost: bigint
}

interface FollowerOptions {
  readonly chain: Chain
  /** A block counts when head − its number ≥ depth − 1; at least 1. */
  readonly depth: bigint
  /** As they were saved, newest last; none: it begins with the blocks after the present one. */
  readonly followed: readonly FollowedBlock[]
  /** Blocks before the last followed block that come again after a start. */
  readonly marginBlocks: bigint
  handle(range: BlockRange): Promise<void>
  /**
   * At the end of each look, also of one that found no new block: everything up to `safe` was handed out. What takes
   * long is done here, a piece at a time.
   */
  handedOut?(safe: Block): Promise<void>
  reorged(fork: Fork): Promise<void>
  saved(followed: readonly FollowedBlock[]): Promise<void>
  /** `handle`, `handedOut`, `reorged` or `saved` failed; it is tried again, later and later. */
  onError(error: unknown): void
}

export interface Follower {
  /** Resolves when nothing is being handled any more. */
  stop(): Promise<void>
}

/** Blocks in one range. */
const RANGE_BLOCKS_MAX = 2_000n
/**
 * Of the newest blocks all are kept to find a fork, of older ones fewer and fewer: each gap is at most this part of the
 * way to the newest.
 */
export const FOLLOWED_BLOCKS_DENSE = 40
const FOLLOWED_GAP_PART = 4n
const RETRY_MS = { least: 250, most: 15_000 } as const

export function follow(options: FollowerOptions): Follower {
  return new ChainFollower(options)
}

class ChainFollower implements Follower {
  private readonly options: FollowerOptions
  private followed: FollowedBlock[]
  /** The first block that was not handed out since the start; undefined before the first look. */
  private next: bigint | undefined
  private looking: Promise<void> | undefined
  private again = false
  private stopped = false
  private retryMs: number = RETRY_MS.least
  private retry: ReturnType<typeof setTimeout> | undefined
  private readonly stopHeads: () => void

  constructor(options: FollowerOptions) {
    this.options = options
    this.followed = [...options.followed]
    this.stopHeads = options.chain.onHead(() => this.poke())
    this.poke()
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.stopHeads()
    clearTimeout(this.retry)
    await this.looking
  }

  /** One look at a time; what comes meanwhile leads to one more. */
  private poke(): void {
    if (this.stopped) return
    if (this.looking !== undefined) {
      this.again = true
      return
    }
    clearTimeout(this.retry)
    this.again = false
    this.looking = this.look()
      .then(
        () => {
          this.retryMs = RETRY_MS.least
        },
        (error: unknown) => this.failed(error),
      )
      .finally(() => {
        this.looking = undefined
        if (this.again) this.poke()
      })
  }

  private failed(error: unknown): void {
    if (this.stopped) return
    if (!(error instanceof ChainUnreachable)) this.options.onError(error)
    this.again = false
    this.retry = setTimeout(() => this.poke(), this.retryMs * (0.5 + Math.random() / 2))
    this.retry.unref()
    this.retryMs = Math.min(2 * this.retryMs, RETRY_MS.most)
  }

  private async look(): Promise<void> {
    const { chain, depth } = this.options
    const head = await chain.head()
    const number = head.number - depth + 1n
    if (number < 0n) return
    const safe = depth === 1n ? head : await chain.block(number)
    if (safe === undefined) return
    await this.findPlace(safe)
    while (!this.stopped && this.next! <= safe.number) await this.handOut(this.next!, head, safe)
    if (!this.stopped) await this.options.handedOut?.(safe)
  }

  /** Where to go on: after the last followed block that the chain still has. */
  private async findPlace(safe: Block): Promise<void> {
    if (this.followed.length === 0 && this.next !== undefined) return
    if (this.followed.length === 0) {
      this.next = safe.number + 1n
      return this.save({ number: safe.number, hash: safe.hash })
    }
    const newest = this.followed.at(-1)!
    if (await this.holds(newest)) {
      this.next ??= atLeastZero(newest.number - this.options.marginBlocks + 1n)
      return
    }
    const good = await this.lastGood()
    const lastGood = good === undefined ? this.followed[0]!.number - 1n : this.followed[good]!.number
    await this.options.reorged({ lastGood, lost: newest.number })
    this.followed = this.followed.slice(0, (good ?? -1) + 1)
    const from = await this.blockAt(lastGood < safe.number ? lastGood : safe.number)
    this.next = from.number + 1n
    await this.save(from)
  }

  /** The block, or the first one where that lies before it. */
  private async blockAt(number: bigint): Promise<Block> {
    const { chain } = this.options
    const block = await chain.block(atLeastZero(number))
    if (block === undefined) throw new ChainUnreachable(`chain ${chain.chainId} has no block ${number} now`)
    return block
  }

  private async lastGood(): Promise<number | undefined> {
    for (let i = this.followed.length - 2; i >= 0; i--) if (await this.holds(this.followed[i]!)) return i
    return undefined
  }

  private async holds({ number, hash }: FollowedBlock): Promise<boolean> {
    const block = await this.options.chain.block(number)
    return block !== undefined && equalBytes(block.hash, hash)
  }

  private async handOut(from: bigint, head: Block, safe: Block): Promise<void> {
    const to = from + RANGE_BLOCKS_MAX - 1n < safe.number ? from + RANGE_BLOCKS_MAX - 1n : safe.number
    // Read before it is handled: if the chain changes meanwhile, the next look finds this one gone.
    const last = to === safe.number ? safe : await this.blockAt(to)
    await this.options.handle({ from, to, toHash: last.hash, head, safe })
    this.next = to + 1n
    await this.save({ number: to, hash: last.hash })
  }

  private async save(block: FollowedBlock): Promise<void> {
    const kept = this.followed.filter(({ number }) => number < block.number)
    this.followed = thinned([...kept, { number: block.number, hash: block.hash }])
    await this.options.saved(this.followed)
  }
}

/**
 * Newest last. One goes only where the gap that it leaves is small for how far it lies back; the oldest stays, for a
 * fork below it would be one of the whole past.
 */
function thinned(followed: readonly FollowedBlock[]): FollowedBlock[] {
  const [newest, ...older] = followed.toReversed()
  const kept = [newest!]
  for (const [i, block] of older.entries()) {
    const [younger, elder] = [kept.at(-1)!.number, older[i + 1]?.number]
    const isSmall = elder !== undefined && (younger - elder) * FOLLOWED_GAP_PART <= newest!.number - younger
    if (i + 1 < FOLLOWED_BLOCKS_DENSE || !isSmall) kept.push(block)
  }
  return kept.toReversed()
}

function atLeastZero(number: bigint): bigint {
  return number < 0n ? 0n : number
}
