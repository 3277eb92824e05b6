/**
 * One chain that orders are paid on (PROTOCOL §11, §12): its newest block, the decimals of its tokens, and the payments
 * that are seen on it at their depth: PaymentMade of the contract, and what the payments' own addresses hold.
 */

import type { Amount, ChainId, Seconds } from '../../brands.js'
import { equalBytes, isAllZero } from '../../bytes/bytes.js'
import { toHex, type Hex } from '../../bytes/hex.js'
import { ChainUnreachable, type Block, type Chain, type ChainLog } from '../../chain/chain.js'
import { addressWord, readAddress, readWord } from '../../bytes/abi.js'
import { balanceOfCall, DECIMALS_CALL, TOKEN_TRANSFER } from '../../chain/contracts.js'
import { getPaymentAddressCall } from '../../objects/payment-request.js'
import { follow, type BlockRange, type FollowedBlock, type Fork, type Follower } from '../../chain/follower.js'
import {
  CHAIN_MARGIN_BLOCKS,
  HEAD_AGE_SECONDS_MAX,
  LATE_LOOKS_PER_BLOCK_MAX,
  LATE_PAYMENT_WATCH_SECONDS,
  LIVE_LOOKS_PER_BLOCK_MAX,
} from '../../limits.js'
import type { PaymentEntry } from '../../state/payment-entry.js'
import type { KnownChain } from './checkout.js'
import { allOf } from './all-of.js'
import { PaymentLogs, type AwaitedPayment } from './payment-logs.js'
import type { SeenPayment } from './payment-outcome.js'

interface PaymentChainOptions {
  readonly chain: Chain
  /** The Payments contract, 20 bytes. */
  readonly payments: Uint8Array
  readonly depth: bigint
  readonly followed: readonly FollowedBlock[]
  /** How often the address of an order that has ended or is paid is looked at. */
  readonly lateCheckSeconds: Seconds
  nowSeconds(): Seconds
  /** Decimals that were read before, and where new ones are kept. */
  readonly knownDecimals: (token: Uint8Array) => bigint | undefined
  keepDecimals(token: Uint8Array, decimals: bigint): void
  /** The shop's row of a PaymentID, if it is one of ours. */
  find(paymentId: Uint8Array): PaymentEntry | undefined
  /** Durable when it resolves, else rejects. May be told of the same payment again. */
  seen(payment: SeenPayment): Promise<void>
  /** Whether what was seen at `blockNumber` is still on the chain is asked for each record above `fork.lastGood`. */
  reorged(fork: Fork): Promise<void>
  saved(followed: readonly FollowedBlock[]): Promise<void>
  /** The block up to which the logs were checked, as it was kept last. */
  readonly checked: bigint | undefined
  savedChecked(checked: bigint): Promise<void>
  /** Blocks from this one on cannot be checked: no endpoint tells receipts. */
  onGivenUp(block: Block): void
  /** A value that was missing came: the first block, or a token's decimals. */
  learned(): void
  onError(error: unknown): void
}

/** A payment whose address is looked at. */
interface Watch extends AwaitedPayment {
  readonly entry: PaymentEntry
  /** Its order can be paid with it: looked at with every block. */
  live: boolean
  address: Uint8Array | undefined
  /** What it held when it was last looked at; undefined where that is to be told anew. */
  held: Amount | undefined
  /** It may hold less than before: told once the logs up to that block are known, for the contract may take it. */
  fall: { readonly held: Amount; readonly block: Block } | undefined
  /** The block of that look, and its time; transfers are searched after it. */
  lookedAt: { readonly number: bigint; readonly timestamp: Seconds } | undefined
  /** The time of the newest block at which it was tried, whether its token told or not. */
  triedAt: Seconds
  /** For one whose order has ended: when to look again, seconds. */
  nextLook: Seconds
}

export class PaymentChain implements KnownChain {
  private readonly options: PaymentChainOptions
  private readonly watches = new Map<Hex, Watch>()
  private readonly tokens = new Map<Hex, bigint>()
  private readonly asking = new Set<Hex>()
  private readonly follower: Follower
  private readonly logs: PaymentLogs
  /** Those that may hold less than before, which is not told yet. */
  private readonly fallen = new Set<Watch>()
  /** Tokens that did not tell: when they are asked again, seconds. */
  private readonly pauses = new Map<Hex, { readonly until: bigint; readonly seconds: Seconds }>()
  /** When blocks were handled last, seconds: the start, before the first. */
  progressAt: Seconds
  private newest: { readonly block: Block; readonly heardAt: bigint } | undefined
  /** Whether the Payments contract has told an address: without it no order may be asked to pay. */
  private contract: 'unknown' | 'asked' | 'there' | 'missing' = 'unknown'
  private readonly stopHeads: () => void

  constructor(options: PaymentChainOptions) {
    this.options = options
    const { chain, depth, followed } = options
    this.progressAt = options.nowSeconds()
    this.logs = new PaymentLogs({
      ...options,
      awaited: () => this.watches.values(),
      isOurs: (paymentId) => this.ours(paymentId) !== undefined,
      found: (log, paymentId, safe) => this.found(log, paymentId, safe),
    })
    this.stopHeads = chain.onHead((head) => this.see(head))
    this.follower = follow({
      chain,
      depth,
      followed,
      marginBlocks: CHAIN_MARGIN_BLOCKS,
      handle: (range) => this.handle(range),
      handedOut: (safe) => this.goOn(safe),
      reorged: (fork) => {
        this.logs.reorged(fork.lastGood)
        // What was there is looked at again.
        for (const watch of this.fallen) watch.fall = undefined
        return options.reorged(fork)
      },
      saved: (list) => options.saved(list),
      onError: (error) => options.onError(error),
    })
  }

  get chainId(): ChainId {
    return this.options.chain.chainId
  }

  get head(): Block | undefined {
    const { newest } = this
    if (newest === undefined || this.contract !== 'there') return undefined
    return this.options.nowSeconds() - newest.heardAt <= HEAD_AGE_SECONDS_MAX ? newest.block : undefined
  }

  get problem(): string | undefined {
    const missing = `chain ${this.chainId}: there is no Payments contract at 0x${toHex(this.options.payments)}`
    return this.options.chain.problem ?? (this.contract === 'missing' ? missing : this.logs.problem)
  }

  /** Payments whose addresses are watched. */
  get watched(): number {
    return this.watches.size
  }

  decimals(token: Uint8Array): bigint | undefined {
    const name = toHex(token)
    const known = this.tokens.get(name) ?? this.options.knownDecimals(token)
    if (known === undefined) void this.askDecimals(token)
    else this.tokens.set(name, known)
    return known
  }

  /**
   * Looks at the payment's address from now on: with every block while `live`, rarely afterwards. `held`: what is known
   * to be there.
   */
  watch(paymentId: Uint8Array, entry: PaymentEntry, live: boolean, held = 0n): void {
    const name = toHex(paymentId)
    const known = this.watches.get(name)
    if (known === undefined) this.watches.set(name, watchFor(paymentId, entry, live, held))
    else known.live = live
  }

  /**
   * Time of the newest block up to which everything that came for a watched payment was seen, seconds; 0 before the
   * first.
   */
  seenUntil(paymentId: Uint8Array): Seconds {
    return this.watchOf(paymentId)?.lookedAt?.timestamp ?? 0n
  }

  /** The same, as far as its token tells what it holds. */
  triedUntil(paymentId: Uint8Array): Seconds {
    return this.watchOf(paymentId)?.triedAt ?? 0n
  }

  /** Whether a log of a payment that can be made until `ttl` may still come to light. */
  mayMissLog(ttl: Seconds, now: Seconds): boolean {
    return this.logs.mayMiss(ttl, now)
  }

  /** What was seen at the payment's address may be gone: it is seen anew. */
  forget(paymentId: Uint8Array): void {
    const watch = this.watchOf(paymentId)
    if (watch === undefined) return
    watch.held = undefined
    watch.fall = undefined
    watch.nextLook = 0n
  }

  /** Whether the block is on the chain. Throws ChainUnreachable. */
  async isOnChain(blockNumber: bigint, blockHash: Uint8Array): Promise<boolean> {
    const block = await this.options.chain.block(blockNumber)
    return block !== undefined && equalBytes(block.hash, blockHash)
  }

  async close(): Promise<void> {
    this.stopHeads()
    const stopped = this.follower.stop()
    // What it still asks ends now.
    this.options.chain.close()
    await stopped
  }

  private see(head: Block): void {
    this.newest = { block: head, heardAt: this.options.nowSeconds() }
    if (this.contract === 'unknown' || this.contract === 'missing') void this.askContract()
  }

  private async askContract(): Promise<void> {
    const before = this.contract
    this.contract = 'asked'
    try {
      await this.addressOf({ ...PROBE, chainId: this.chainId })
      this.contract = 'there'
      this.options.learned()
    } catch (error) {
      this.contract = error instanceof NoAddress ? 'missing' : before
      if (before !== 'missing' && !(error instanceof ChainUnreachable)) this.options.onError(error)
    }
  }

  private async askDecimals(token: Uint8Array): Promise<void> {
    const name = toHex(token)
    if (this.asking.has(name)) return
    this.asking.add(name)
    try {
      const decimals = readWord(await this.options.chain.call({ to: token, data: DECIMALS_CALL, foreign: true }))
      if (decimals === undefined || decimals > 255n) return
      this.tokens.set(name, decimals)
      this.options.keepDecimals(token, decimals)
      this.options.learned()
    } catch (error) {
      if (!(error instanceof ChainUnreachable)) this.options.onError(error)
    } finally {
      this.asking.delete(name)
    }
  }

  private async handle(range: BlockRange): Promise<void> {
    const { to, safe } = range
    if (this.contract === 'missing') throw new NoAddress(this.chainId, { ...PROBE, chainId: this.chainId })
    await this.logs.handle(range)
    if (to === safe.number) await this.lookAtAddresses(safe)
    this.progressAt = this.options.nowSeconds()
  }

  private async goOn(safe: Block): Promise<void> {
    try {
      await this.logs.goOn(safe)
    } finally {
      await allOf([...this.fallen], (watch) => this.tellFall(watch))
    }
  }

  private async found(log: ChainLog, paymentId: Uint8Array, safe: Block): Promise<void> {
    await this.options.seen(await this.made(this.ours(paymentId)!, paymentId, log, safe))
    // What lay at its address may have been taken.
    this.forget(paymentId)
  }

  private ours(paymentId: Uint8Array): PaymentEntry | undefined {
    const entry = this.options.find(paymentId)
    return entry?.chainId === this.chainId ? entry : undefined
  }

  private async made(entry: PaymentEntry, paymentId: Uint8Array, log: ChainLog, safe: Block): Promise<SeenPayment> {
    const { blockNumber, blockHash, transactionHash: txHash, logIndex } = log
    // After the newest safe block: a node need not have older states, and what the contract took does not come back.
    const held = await this.heldBy(this.watchOf(paymentId) ?? watchFor(paymentId, entry, false), safe.number).catch(
      unlessNoAddress,
    )
    const seenAt = this.options.nowSeconds()
    return { kind: 'made', paymentId, entry, held, blockNumber, blockHash, txHash, logIndex, seenAt }
  }

  private watchOf(paymentId: Uint8Array): Watch | undefined {
    return this.watches.get(toHex(paymentId))
  }

  private async lookAtAddresses(safe: Block): Promise<void> {
    const now = this.options.nowSeconds()
    const [native, tokens] = splitByKind(this.takeDue(now))
    await allOf(native, (watch) => this.tryLookAt(watch, safe, now))
    await allOf(tokens, (watch) => this.tryLookAt(watch, safe, now))
  }

  /** Those whose turn it is; they are the last whose turn it is again. */
  private takeDue(now: Seconds): Watch[] {
    const live: Watch[] = []
    const late: Watch[] = []
    for (const watch of this.watches.values()) {
      if (watch.live) {
        if (live.length < LIVE_LOOKS_PER_BLOCK_MAX) live.push(watch)
      } else if (watch.nextLook <= now && late.length < LATE_LOOKS_PER_BLOCK_MAX) late.push(watch)
    }
    const due = [...live, ...late]
    for (const watch of due) {
      const name = toHex(watch.paymentId)
      this.watches.delete(name)
      if (watch.live || watch.entry.ttl + LATE_PAYMENT_WATCH_SECONDS >= now) this.watches.set(name, watch)
    }
    return due
  }

  /** One payment that cannot be looked at does not keep the others from being seen. */
  private async tryLookAt(watch: Watch, safe: Block, now: Seconds): Promise<void> {
    try {
      await this.lookAt(watch, safe, now)
    } catch (error) {
      if (!(error instanceof NoAddress)) throw error
      watch.triedAt = safe.timestamp
      this.options.onError(error)
    }
  }

  private async lookAt(watch: Watch, safe: Block, now: Seconds): Promise<void> {
    const { number, timestamp } = safe
    const { entry } = watch
    if (watch.fall !== undefined) return
    watch.nextLook = now + this.options.lateCheckSeconds
    const held = isNative(entry) ? await this.heldBy(watch, number) : await this.toldBy(watch, number)
    watch.triedAt = timestamp
    // A token that does not tell is asked again with a later block.
    if (held === undefined) return
    if (watch.held === undefined || held < watch.held) {
      watch.fall = { held, block: safe }
      this.fallen.add(watch)
      return
    }
    if (held !== watch.held) await this.tellHeld(watch, held, safe)
    watch.held = held
    watch.lookedAt = { number, timestamp }
  }

  private async tellHeld(watch: Watch, held: Amount, block: Block): Promise<void> {
    const { paymentId, entry } = watch
    const { number: blockNumber, hash: blockHash } = block
    const txHash = held > (watch.held ?? 0n) ? await this.transferTo(watch, blockNumber) : undefined
    const mayBeLess = !isNative(entry) && (watch.held === undefined || held < watch.held)
    const isTakenBack = mayBeLess && !(await this.wasContractAt(watch, blockNumber))
    const seenAt = this.options.nowSeconds()
    await this.options.seen({
      kind: 'held',
      paymentId,
      entry,
      held,
      isTakenBack,
      blockNumber,
      blockHash,
      txHash,
      seenAt,
    })
  }

  /** Not before PaymentMade of the same block: what the contract took is no fall. */
  private async tellFall(watch: Watch): Promise<void> {
    const { fall } = watch
    if (fall !== undefined) {
      const { held, block } = fall
      if (!this.logs.isCheckedTo(block.number)) return
      await this.tellHeld(watch, held, block)
      watch.held = held
      watch.fall = undefined
      watch.lookedAt = { number: block.number, timestamp: block.timestamp }
    }
    this.fallen.delete(watch)
  }

  /** The contract takes from an address by making a contract there, whose nonce stays. */
  private async wasContractAt(watch: Watch, blockNumber: bigint): Promise<boolean> {
    return (await this.options.chain.nonce(watch.address!, blockNumber)) > 0n
  }

  /**
   * What a token tells; one that did not is left alone for a while, so that it cannot hold up what others are paid
   * with.
   */
  private async toldBy(watch: Watch, blockNumber: bigint): Promise<bigint | undefined> {
    const token = toHex(watch.entry.currency)
    const pause = this.pauses.get(token)
    const now = this.options.nowSeconds()
    if (pause !== undefined && now < pause.until) return undefined
    const held = await this.heldBy(watch, blockNumber).catch((error: unknown): undefined => {
      if (!(error instanceof ChainUnreachable)) throw error
    })
    if (held !== undefined) this.pauses.delete(token)
    else if (this.pauses.get(token) === pause) {
      const seconds = pause === undefined ? 1n : min(2n * pause.seconds, TOKEN_PAUSE_SECONDS_MAX)
      this.pauses.set(token, { until: now + seconds, seconds })
    }
    return held
  }

  private async heldBy(watch: Watch, blockNumber: bigint): Promise<bigint | undefined> {
    const { chain } = this.options
    const address = (watch.address ??= await this.addressOf(watch.entry))
    if (isNative(watch.entry)) return chain.balance(address, blockNumber)
    const data = balanceOfCall(address)
    return readWord(await chain.call({ to: watch.entry.currency, data, blockNumber, foreign: true }))
  }

  private async addressOf(entry: PaymentEntry): Promise<Uint8Array> {
    const { chain, payments } = this.options
    const address = readAddress(await chain.call({ to: payments, data: getPaymentAddressCall(entry) }))
    if (address === undefined) throw new NoAddress(this.chainId, entry)
    return address
  }

  /**
   * The newest transfer of the token to the payment's address, as far as it tells of it; a native one leaves no log.
   */
  private async transferTo(watch: Watch, toBlock: bigint): Promise<Uint8Array | undefined> {
    const after = watch.lookedAt?.number ?? toBlock - CHAIN_MARGIN_BLOCKS
    if (isNative(watch.entry) || after >= toBlock) return undefined
    const topics = [[TOKEN_TRANSFER], undefined, [addressWord(watch.address!)]]
    const range = { fromBlock: after < 0n ? 0n : after + 1n, toBlock }
    // The money counts without it.
    const logs = await this.options.chain
      .logs({ ...range, addresses: [watch.entry.currency], topics })
      .catch((): ChainLog[] => [])
    return logs.at(-1)?.transactionHash
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

const TOKEN_PAUSE_SECONDS_MAX = 8n

/** A payment of nothing, to see whether the contract answers. */
const PROBE: Omit<PaymentEntry, 'chainId'> = {
  shopId: 0n,
  orderId: 0n,
  addition: 0n,
  ttl: 0n,
  currency: new Uint8Array(20),
  amount: 0n,
  payee: new Uint8Array(20),
}

/** The Payments contract does not tell where a payment is to be looked for. */
class NoAddress extends Error {
  override readonly name = 'NoAddress'

  constructor(chainId: ChainId, { shopId, orderId }: PaymentEntry) {
    super(`chain ${chainId}: the Payments contract tells no address (shop ${shopId}, order ${orderId})`)
  }
}

/** What is paid in native currency is looked at first: tokens may take long to tell. */
function splitByKind(due: readonly Watch[]): [native: Watch[], tokens: Watch[]] {
  return [due.filter(({ entry }) => isNative(entry)), due.filter(({ entry }) => !isNative(entry))]
}

function unlessNoAddress(error: unknown): undefined {
  if (!(error instanceof NoAddress)) throw error
}

function watchFor(paymentId: Uint8Array, entry: PaymentEntry, live: boolean, held = 0n): Watch {
  return {
    paymentId,
    entry,
    live,
    address: undefined,
    held,
    fall: undefined,
    lookedAt: undefined,
    triedAt: 0n,
    nextLook: 0n,
  }
}

function isNative({ currency }: PaymentEntry): boolean {
  return isAllZero(currency)
}
