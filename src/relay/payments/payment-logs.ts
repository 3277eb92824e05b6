/**
 * PaymentMade of one chain's Payments contract (PROTOCOL §11, §12), so that none is lost where an endpoint's log index
 * lags: the index is read for each block, each block is checked for what the index left out, and the index is read
 * again later, for as long as the payments live and once more when they have ended.
 *
 * Tests: test/e2e/lagging-logs.test.ts, test/e2e/chain-faults.test.ts
 */

import type { Seconds } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex, type Hex } from '../../bytes/hex.js'
import { bloomBits, mayHold, type BloomBits } from '../../chain/bloom.js'
import { ChainUnreachable, type Block, type Chain, type ChainLog } from '../../chain/chain.js'
import { PAYMENT_MADE } from '../../chain/contracts.js'
import type { BlockRange } from '../../chain/follower.js'
import { LogCheck } from '../../chain/log-check.js'
import {
  CHAIN_MARGIN_BLOCKS,
  EXPIRY_GRACE_SECONDS,
  HEAD_AGE_SECONDS_MAX,
  LOG_LAG_BLOCKS_MAX,
  LOG_REREAD_PAUSE_SECONDS,
  LOG_REREAD_SECONDS,
  PAYMENT_TTL_SECONDS,
  REREAD_BLOCKS_AT_ONCE,
} from '../../limits.js'
import type { PaymentEntry } from '../../state/payment-entry.js'
import { allOf } from './all-of.js'

/** A payment that may be made by the contract. */
export interface AwaitedPayment {
  readonly paymentId: Uint8Array
  /** Its order waits for it. */
  readonly live: boolean
  readonly entry: Pick<PaymentEntry, 'ttl'>
  /** Of its id, once they are needed. */
  bloomBits?: BloomBits | undefined
}

interface PaymentLogsOptions {
  readonly chain: Chain
  /** The Payments contract, 20 bytes. */
  readonly payments: Uint8Array
  /** The block up to which the logs were checked, as it was kept; undefined: never. */
  readonly checked: bigint | undefined
  nowSeconds(): Seconds
  /** Those whose orders wait, and those of the last days. */
  awaited(): Iterable<AwaitedPayment>
  isOurs(paymentId: Uint8Array): boolean
  /** Durable when it resolves, else rejects. */
  found(log: ChainLog, paymentId: Uint8Array, safe: Block): Promise<void>
  savedChecked(checked: bigint): Promise<void>
  onGivenUp(block: Block): void
}

/** Logs, and blocks with logs, that are remembered as told of; without them they are told of once more. */
const TOLD_MAX = 10_000
/** A reading of old logs: the next block, the last one, and the time of the newest block when it began. */
interface Reread {
  next: bigint
  readonly to: bigint
  readonly until: Seconds
}

/** Blocks that may be checked again after a restart, so that not each of them is a commit. */
const SAVED_EVERY_BLOCKS = 64n

export class PaymentLogs {
  private readonly options: PaymentLogsOptions
  private readonly check: LogCheck
  /** What was told of: names of logs, and hashes of blocks whose logs an index had. */
  private readonly told = new Set<string>()
  private readonly toldBlocks = new Set<Hex>()
  /** Where the check is: everything up to this block is known, whatever the index says. */
  private checked: { readonly number: bigint; readonly timestamp: Seconds } | undefined
  /** Up to where it is known to have been, after a restart too. */
  private saved: bigint | undefined
  /** The newest block up to which it went on. */
  private seen: bigint | undefined
  /** What is being read again, up to a block whose time is `until`. */
  private reread: Reread | undefined
  /** Time of the newest block when the index was last begun to be read again as a whole, seconds; 0: not yet. */
  private rereadUntil: Seconds = 0n
  private rereadAt: Seconds = 0n
  /** It failed: not again before, seconds. */
  private rereadPause: Seconds = 0n
  /** When the check, and the reading again, last came further, seconds: the start, before. */
  private checkedAt: Seconds
  private readAgainAt: Seconds

  constructor(options: PaymentLogsOptions) {
    this.options = options
    this.saved = options.checked
    this.checkedAt = this.readAgainAt = options.nowSeconds()
    this.check = new LogCheck({ ...options, address: options.payments, events: [PAYMENT_MADE] })
  }

  get problem(): string | undefined {
    return this.check.problem
  }

  /**
   * Whether a payment that can be made until `ttl` may still come to light. What does not come further for
   * EXPIRY_GRACE_SECONDS is not waited for: old logs, for one, that no endpoint tells.
   */
  mayMiss(ttl: Seconds, now: Seconds): boolean {
    const isHopeful = (until: Seconds, at: Seconds) => now <= (until > at ? until : at) + EXPIRY_GRACE_SECONDS
    const isChecked = this.checked !== undefined && this.checked.timestamp > ttl
    if (!isChecked && isHopeful(ttl, this.checkedAt)) return true
    const until = this.wantedUntil(ttl)
    return this.rereadUntil <= until && isHopeful(until, this.readAgainAt)
  }

  /** Whether every log up to the block was seen, as far as it can be checked. */
  isCheckedTo(number: bigint): boolean {
    return this.checked !== undefined && this.checked.number >= number
  }

  /** What the index tells of the blocks, and of some before, which it may have got since. */
  async handle({ from, to, toHash, safe }: BlockRange): Promise<void> {
    const fromBlock = from > CHAIN_MARGIN_BLOCKS ? from - CHAIN_MARGIN_BLOCKS : 0n
    await this.tell(await this.read(fromBlock, to, toHash), safe)
  }

  /** A piece of what is left to do up to `safe`. Throws ChainUnreachable. */
  async goOn(safe: Block): Promise<void> {
    const isDone = this.checked !== undefined && this.checked.number >= safe.number && this.rereadUntil > 0n
    if (isDone && this.reread === undefined && safe.number === this.seen) return
    this.seen = safe.number
    const awaited = [...this.options.awaited()]
    try {
      await this.checkOn(awaited, safe)
    } finally {
      await this.readAgain(awaited, safe)
    }
  }

  reorged(lastGood: bigint): void {
    this.told.clear()
    this.toldBlocks.clear()
    this.reread = undefined
    this.rereadUntil = 0n
    if (this.checked !== undefined && this.checked.number > lastGood) this.checked = { number: lastGood, timestamp: 0n }
    if (this.saved !== undefined && this.saved > lastGood) this.saved = lastGood
  }

  // The blocks themselves

  private async checkOn(awaited: readonly AwaitedPayment[], safe: Block): Promise<void> {
    const checked = (this.checked ??= this.firstPlace(safe))
    if (checked.number >= safe.number) return
    // Nobody can have paid: the contract takes no payment after its time.
    const wanted = awaited.filter(({ entry }) => entry.ttl >= checked.timestamp)
    if (wanted.length === 0) return this.setChecked(safe)
    const least = safe.number - LOG_LAG_BLOCKS_MAX
    const from = (checked.number > least ? checked.number : least) + 1n
    const isWanted = (bloom: Uint8Array) =>
      wanted.some((payment) => mayHold(bloom, (payment.bloomBits ??= bloomBits(payment.paymentId))))
    const { logs, last } = await this.check.piece(from < 0n ? 0n : from, safe.number, this.toldBlocks, isWanted)
    await this.tell(logs, safe)
    await this.setChecked(last)
  }

  /** Of what lies further back an index has everything. */
  private firstPlace({ number }: Block): { number: bigint; timestamp: Seconds } {
    const checked = this.saved ?? number - LOG_LAG_BLOCKS_MAX
    return { number: checked < number ? checked : number - 1n, timestamp: 0n }
  }

  private async setChecked({ number, timestamp }: Block): Promise<void> {
    this.checked = { number, timestamp }
    this.checkedAt = this.options.nowSeconds()
    if (this.saved !== undefined && number < this.saved + SAVED_EVERY_BLOCKS) return
    await this.options.savedChecked(number)
    this.saved = number
  }

  // The index again

  /** An order may not end before its payment has been looked for once more; longer where a block was not checked. */
  private wantedUntil(ttl: Seconds): Seconds {
    const isDoubtful = this.check.doubtful >= ttl - PAYMENT_TTL_SECONDS
    return isDoubtful ? ttl + EXPIRY_GRACE_SECONDS : ttl
  }

  /** An endpoint that does not tell old logs is not asked with each look. */
  private async readAgain(awaited: readonly AwaitedPayment[], safe: Block): Promise<void> {
    if (this.options.nowSeconds() < this.rereadPause) return
    try {
      this.reread ??= await this.nextReread(awaited, safe)
      if (this.reread !== undefined) await this.readPieceAgain(this.reread, safe)
    } catch (error) {
      this.rereadPause = this.options.nowSeconds() + LOG_REREAD_PAUSE_SECONDS
      throw error
    }
  }

  private async readPieceAgain(reread: Reread, safe: Block): Promise<void> {
    const end = reread.next + REREAD_BLOCKS_AT_ONCE - 1n
    const to = end < reread.to ? end : reread.to
    await this.tell(await this.read(reread.next, to), safe)
    reread.next = to + 1n
    this.readAgainAt = this.options.nowSeconds()
    if (to < reread.to) return
    this.reread = undefined
    this.rereadUntil = reread.until
  }

  /** Now and then, and where an order waits for it to end. */
  private async nextReread(awaited: readonly AwaitedPayment[], safe: Block): Promise<Reread | undefined> {
    const { timestamp, number } = safe
    if (timestamp <= this.rereadUntil) return undefined
    // Those that can be made still, or could when it was read the last time.
    const open = awaited.filter(({ entry, live }) => {
      const until = this.wantedUntil(entry.ttl)
      return until >= this.rereadUntil && (live || until >= timestamp)
    })
    if (open.length === 0) {
      this.rereadUntil = timestamp
      return undefined
    }
    const now = this.options.nowSeconds()
    const isWaitedFor = open.some(({ live, entry }) => live && this.wantedUntil(entry.ttl) < timestamp)
    if (this.rereadUntil > 0n && !isWaitedFor && now < this.rereadAt + LOG_REREAD_SECONDS) return undefined
    this.rereadAt = now
    const oldest = open.reduce((least, { entry: { ttl } }) => (ttl < least ? ttl : least), open[0]!.entry.ttl)
    const next = await this.blockBefore(oldest - PAYMENT_TTL_SECONDS - HEAD_AGE_SECONDS_MAX, safe)
    return { next, to: number, until: timestamp }
  }

  /** A block that is older than `time`, and not by much; the first block if there is none. */
  private async blockBefore(time: Seconds, safe: Block): Promise<bigint> {
    let [after, step, before] = [safe.number, REREAD_BLOCKS_AT_ONCE, safe.number]
    do {
      after = before
      before = after > step ? after - step : 0n
      step *= 2n
    } while (before > 0n && (await this.timeOf(before)) >= time)
    while (after - before > REREAD_BLOCKS_AT_ONCE) {
      const middle = (before + after) / 2n
      if ((await this.timeOf(middle)) >= time) after = middle
      else before = middle
    }
    return before
  }

  private async timeOf(number: bigint): Promise<Seconds> {
    const { chain } = this.options
    const block = await chain.block(number)
    if (block === undefined) throw new ChainUnreachable(`chain ${chain.chainId} has no block ${number} now`)
    return block.timestamp
  }

  // Logs

  private read(fromBlock: bigint, toBlock: bigint, toHash?: Uint8Array): Promise<ChainLog[]> {
    const { chain, payments } = this.options
    const range = { fromBlock, toBlock, ...(toHash && { toHash }) }
    return chain.logs({ ...range, addresses: [payments], topics: [[PAYMENT_MADE]] })
  }

  private async tell(logs: readonly ChainLog[], safe: Block): Promise<void> {
    // Those of one payment in their order.
    await allOf([...byPayment(logs).values()], async (group) => {
      for (const log of group) await this.tellOf(log, safe)
    })
  }

  /** A log of a block that is not on the chain is of an index on another fork: the block's own is looked for. */
  private async tellOf(log: ChainLog, safe: Block): Promise<void> {
    const { options } = this
    const { topics, blockHash, logIndex } = log
    const name = `${toHex(blockHash)}/${logIndex}`
    if (topics[1] !== undefined && options.isOurs(topics[1]) && !this.told.has(name)) {
      if (!(await this.isOnChain(log))) return
      await options.found(log, topics[1], safe)
      remember(this.told, name)
    }
    remember(this.toldBlocks, toHex(blockHash))
  }

  private async isOnChain({ blockNumber, blockHash }: ChainLog): Promise<boolean> {
    const block = await this.options.chain.block(blockNumber)
    return block !== undefined && equalBytes(block.hash, blockHash)
  }
}

function remember(names: Set<string>, name: string): void {
  if (names.size >= TOLD_MAX) names.clear()
  names.add(name)
}

function byPayment(logs: readonly ChainLog[]): ReadonlyMap<string, readonly ChainLog[]> {
  const groups = new Map<string, ChainLog[]>()
  for (const log of logs) {
    const name = log.topics[1] === undefined ? '' : toHex(log.topics[1])
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [log])
    else group.push(log)
  }
  return groups
}
