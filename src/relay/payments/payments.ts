/**
 * Payments of all shops on all configured chains (PROTOCOL §11): which ids are watched where, and what becomes of what
 * is seen. Everything here may happen twice; the writer's turn decides once.
 *
 * Tests: test/e2e/payments.test.ts, test/e2e/chain-faults.test.ts
 */

import type { Amount, ChainId, OrderId, Seconds, ShopId } from '../../brands.js'
import { be64, fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import { fromHex, toHex } from '../../bytes/hex.js'
import type { Chain } from '../../chain/chain.js'
import type { FollowedBlock, Fork } from '../../chain/follower.js'
import { EXPIRY_GRACE_SECONDS, LATE_PAYMENT_WATCH_SECONDS } from '../../limits.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import { StoredManifest } from '../../objects/manifest.js'
import { PAYMENT_CHOSEN } from '../../objects/order.js'
import type { ChainAddress } from '../../objects/scalars.js'
import { isLive } from '../../state/orders.js'
import { orderNumber } from '../../state/order-number.js'
import { decodePaymentEntry, findPayment, type PaymentEntry } from '../../state/payment-entry.js'
import type { ShopState } from '../../state/shop-state.js'
import { orderIn } from '../../state/held-object.js'
import { checkedPaymentsKey, decimalsKey, paymentBlocksKey } from '../../store/setting-keys.js'
import type { Store } from '../../store/store.js'
import type { OrderCheckout, WrittenOrders } from '../write/change.js'
import { DetailsRetry } from './details-retry.js'
import { readFollowedBlocks, writeFollowedBlocks } from '../../chain/followed-blocks.js'
import { nowSeconds, type Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import type { Counter, Metrics } from '../instruments/metrics.js'
import { PaymentChain } from './payment-chain.js'
import type { PriceSource } from './price-source.js'
import { orderPrefix, paymentRecordsIn, type PaymentRecord, type PaymentEffect } from './payment-record.js'
import { reorgedRows, paymentOutcome, type SeenPayment, type PaymentOutcome } from './payment-outcome.js'
import { isDamage } from '../shops/damage.js'
import type { Shop } from '../shops/shop.js'
import type { Writer } from '../write/writer.js'

/** A chain that orders can be paid on. */
export interface PaymentChainSettings {
  readonly chain: Chain
  /** The Payments contract, 20 bytes. */
  readonly payments: Uint8Array
  readonly depth: bigint
}

interface PaymentsOptions {
  readonly chains: readonly PaymentChainSettings[]
  readonly prices: PriceSource
  readonly checkout: OrderCheckout
  readonly writer: Writer
  /** Filled when the chains are opened. */
  readonly opened: Map<ChainId, PaymentChain>
  readonly latePaymentCheckSeconds: number
  /** Told of what was seen of an order's payments. */
  rowsChanged(shopId: ShopId, orderId: OrderId): void
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export class Payments {
  private readonly options: PaymentsOptions
  private readonly chains: Map<ChainId, PaymentChain>
  private readonly writer: Writer
  private readonly detailsRetry: DetailsRetry
  private readonly counters: Readonly<Record<PaymentEffect | 'over' | 'fell' | 'reorged' | 'shortfall', Counter>>
  private readonly manifests = new Map<Shop, Uint8Array | undefined>()
  /** PaymentIDs of each live order, by shop and order. */
  private readonly live = new Map<string, Map<string, PaymentEntry>>()

  constructor(options: PaymentsOptions) {
    this.options = options
    this.chains = options.opened
    this.writer = options.writer
    this.detailsRetry = new DetailsRetry(options)
    const count = (what: string, help: string) => options.metrics.counter(`cairn_payments_${what}_total`, help)
    this.counters = {
      paid: count('paid', 'Payments that made an order Paid'),
      partial: count('partial', 'Payments of less than the total'),
      late: count('late', 'Payments for orders that had ended'),
      extra: count('extra', 'Payments for orders that were Paid already'),
      over: count('over', 'Payments of more than was due, by each time that more came'),
      fell: count('fell', 'Payments that their token took back, or a part of them'),
      moved: count('moved', 'Payments that the contract took from their address'),
      reorged: count('reorged', 'Payments whose block left the chain after it had counted'),
      shortfall: count('shortfall', 'Paid orders that the stock did not suffice for'),
    }
    options.metrics.gauge('cairn_payments_watched', 'Payment addresses that are watched', () => this.watched)
    options.metrics.gauge(
      'cairn_chains_unreachable',
      'Payment chains that cannot be asked now',
      () => this.problems.length,
    )
  }

  /** Begins to follow the chains. The shops' states are those of the writer. */
  start(): void {
    for (const { chain, payments, depth } of this.options.chains) this.open(chain, payments, depth)
    for (const shop of this.writer.allShops()) this.adopt(shop)
  }

  /**
   * Everything that can still be paid, or was paid not long ago; details that are missing. Of a shop that is damaged
   * nothing, until its state was made again.
   */
  adopt(shop: Shop): void {
    try {
      this.adoptWhole(shop)
    } catch (error) {
      if (!isDamage(error)) throw error
      this.options.log.error('payments of a shop cannot be followed: its data are damaged', error, {
        shop: shop.shopId,
      })
    }
  }

  /** What cannot be asked now, one line each. */
  get problems(): string[] {
    const problems = [...this.chains.values()].map(({ problem }) => problem)
    return [...problems, this.options.prices.problem].filter((problem) => problem !== undefined)
  }

  /**
   * Orders and PaymentIDs of a shop that a commit wrote: new payments are watched, also those that the same commit
   * superseded or whose orders it ended; payments of ended orders are watched less, missing details are made up for.
   */
  ordersWritten(shop: Shop, { ids, payments }: WrittenOrders): void {
    if (this.chains.size === 0) return
    const { state } = shop.current
    for (const id of payments) {
      const entry = findPayment(state.indexes.payments, shop.shopId, id)
      if (entry !== undefined) this.watch(id, entry, isForLiveOrder(state, entry))
    }
    for (const id of ids) this.orderWritten(shop, id)
  }

  /**
   * An order is not canceled before the relay has seen all blocks in which it could be paid in time, and looked for its
   * payment once more; a chain or a token that tells nothing holds it up for EXPIRY_GRACE_SECONDS, counted anew when a
   * payment may have been seen and not stored.
   */
  mayExpire(state: ShopState, id: OrderId, now: Seconds): boolean {
    const payments = this.live.get(orderName(state.shopId, id)) ?? []
    return [...payments].every(([name, { chainId, ttl }]) => {
      const chain = this.chains.get(chainId)
      const paymentId = fromHex(name)
      if (chain === undefined) return true
      if (chain.mayMissLog(ttl, now)) return false
      if (chain.seenUntil(paymentId) > ttl) return true
      if (now <= later(ttl, this.writer.failedAt) + EXPIRY_GRACE_SECONDS) return false
      // After a start, or when the chain was away, blocks in which it was paid may still be on their way.
      return chain.triedUntil(paymentId) > ttl || now > chain.progressAt + EXPIRY_GRACE_SECONDS
    })
  }

  /** After each commit: decimals of tokens that can now be chosen are asked for before somebody does. */
  shopWritten(shop: Shop): void {
    const { manifest, shopId } = shop.current.state
    if (this.chains.size === 0 || manifest === this.manifests.get(shop)) return
    this.manifests.set(shop, manifest)
    if (manifest === undefined) return
    const { AcceptedCurrencies, PricingCurrency } = StoredManifest.read(
      decodeChecked(manifest),
      `Manifest of ${shopId}`,
    )
    this.preload(PricingCurrency)
    for (const [ChainID, currencies] of AcceptedCurrencies ?? []) {
      for (const address of currencies.keys()) this.preload({ ChainID, Address: fromHex(address) })
    }
  }

  async close(): Promise<void> {
    this.detailsRetry.close()
    this.options.prices.close()
    await Promise.all([...this.chains.values()].map((chain) => chain.close()))
  }

  private get watched(): number {
    let sum = 0
    for (const chain of this.chains.values()) sum += chain.watched
    return sum
  }

  private open(chain: Chain, payments: Uint8Array, depth: bigint): void {
    const { store, clock, log } = this.options
    const { chainId } = chain
    const [followedKey, checkedKey, decimals] = [
      paymentBlocksKey(chainId),
      checkedPaymentsKey(chainId),
      (token: Uint8Array) => decimalsKey(chainId, token),
    ]
    const checked = store.setting(checkedKey)
    const opened = new PaymentChain({
      chain,
      payments,
      depth,
      followed: readFollowedBlocks(store.setting(followedKey)),
      lateCheckSeconds: BigInt(this.options.latePaymentCheckSeconds),
      nowSeconds: () => nowSeconds(clock),
      knownDecimals: (token) => this.knownDecimals(decimals(token)),
      keepDecimals: (token, value) =>
        void this.save(decimals(token), toBigEndian(value, 1)).catch((error: unknown) =>
          log.error('not stored', error),
        ),
      find: (paymentId) => this.find(paymentId),
      seen: (payment) => this.seen(payment),
      reorged: (fork) => this.reorged(chainId, fork),
      saved: (list: readonly FollowedBlock[]) => this.save(followedKey, writeFollowedBlocks(list)),
      checked: checked && fromBigEndian(checked),
      savedChecked: (number) => this.save(checkedKey, be64(number)),
      onGivenUp: ({ number }) => log.warn('no endpoint tells receipts', { chain: chainId, block: number }),
      learned: () => this.detailsRetry.retryAll(),
      onError: (error) =>
        log.error('payments cannot be followed now; they will be caught up with', error, { chain: chainId }),
    })
    this.chains.set(chainId, opened)
  }

  /** Undefined also where they are damaged: they are asked for again. */
  private knownDecimals(key: string): bigint | undefined {
    try {
      const row = this.options.store.setting(key)
      return row && fromBigEndian(row)
    } catch (error) {
      if (isDamage(error)) return undefined
      throw error
    }
  }

  private save(key: string, value: Uint8Array): Promise<void> {
    return this.options.store.commit({ records: [], settings: [{ key, value }] })
  }

  private adoptWhole(shop: Shop): void {
    const { state } = shop.current
    const oldest = nowSeconds(this.options.clock) - LATE_PAYMENT_WATCH_SECONDS
    const held = heldBefore(paymentRecordsIn(this.options.store.paymentRows(shop.shopId)))
    for (const [paymentId, row] of state.indexes.payments.entries()) {
      const entry = decodePaymentEntry(shop.shopId, row)
      const live = isForLiveOrder(state, entry)
      if (live || entry.ttl > oldest) this.watch(paymentId, entry, live, held.get(toHex(paymentId)))
    }
    for (const [key] of state.indexes.chosen.entries()) this.orderWritten(shop, fromBigEndian(key))
    this.shopWritten(shop)
  }

  private orderWritten(shop: Shop, id: OrderId): void {
    const { state } = shop.current
    for (const [paymentId, entry] of this.live.get(orderName(shop.shopId, id)) ?? [])
      if (!isForLiveOrder(state, entry)) this.watch(fromHex(paymentId), entry, false)
    const order = orderIn(state, id)
    if (order?.State === PAYMENT_CHOSEN && isLive(order)) this.detailsRetry.add(shop.shopId, id)
  }

  private watch(paymentId: Uint8Array, entry: PaymentEntry, live: boolean, held?: Amount): void {
    this.chains.get(entry.chainId)?.watch(paymentId, entry, live, held)
    const name = orderName(entry.shopId, entry.orderId)
    const known = this.live.get(name) ?? new Map<string, PaymentEntry>()
    if (live) known.set(toHex(paymentId), entry)
    else known.delete(toHex(paymentId))
    if (known.size > 0) this.live.set(name, known)
    else this.live.delete(name)
  }

  private preload({ ChainID, Address }: ChainAddress): void {
    if (Address.some((byte) => byte !== 0)) this.chains.get(ChainID)?.decimals(Address)
  }

  private find(paymentId: Uint8Array): PaymentEntry | undefined {
    for (const { shopId, current, closed } of this.writer.allShops()) {
      try {
        const entry = findPayment(current.state.indexes.payments, shopId, paymentId)
        if (entry !== undefined) return entry
      } catch (error) {
        // Of one that is made again it will be asked once more; others do not wait for one that is not.
        if (!isDamage(error) || closed?.forNow !== false) throw error
      }
    }
    return undefined
  }

  // What is seen

  private async seen(payment: SeenPayment): Promise<void> {
    const { shopId, orderId } = payment.entry
    let outcome: PaymentOutcome | undefined
    const written = await this.writer.change(shopId, (state, paymentRows) => {
      outcome = paymentOutcome(state!, payment, paymentRecordsIn(paymentRows(orderPrefix(orderId))))
      return outcome
    })
    if (written === 'not-stored') throw new Error('a payment could not be stored; it will be looked at again')
    if (outcome === undefined) return
    this.options.rowsChanged(shopId, orderId)
    if (written === 'done') return this.tell(payment, outcome)
    const { chainId: chain, amount: due } = payment.entry
    const fields = { shop: shopId, order: orderId, chain, due, block: payment.blockNumber, seen: payment.kind }
    this.options.log.error('a payment could not be settled: compare the order with the chain', undefined, fields)
  }

  private tell(
    { kind, entry, blockNumber }: SeenPayment,
    { effect, amount, isNews, fell, shortfall, patches }: PaymentOutcome,
  ): void {
    const { log } = this.options
    const fields = { shop: entry.shopId, order: entry.orderId, chain: entry.chainId, block: blockNumber, seen: kind }
    if (fell > 0n) {
      this.counters.fell.add()
      log.warn('a token took back what it had paid (cairn orders --odd)', fields)
    }
    if (!isNews) return
    const isOver = effect === 'paid' && kind === 'held' && amount > entry.amount
    // A payment that has grown is no second one.
    if (effect !== 'paid' || patches.length > 0) this.counters[effect].add()
    if (isOver) this.counters.over.add()
    if (!isOver && (effect === 'paid' || effect === 'moved')) log.info(`payment ${effect}`, fields)
    else log.warn(`payment ${isOver ? 'over' : effect}: a person has to look at it (cairn orders --odd)`, fields)
    if (shortfall === undefined) return
    this.counters.shortfall.add()
    log.warn('a paid order wants more than the stock has (cairn orders --odd)', fields)
  }

  /** Records of blocks that are gone are marked; what is on the chain again is seen again. */
  private async reorged(chainId: ChainId, { lastGood, lost }: Fork): Promise<void> {
    this.options.log.warn('a re-org deeper than the configured depth', { chain: chainId, lastGood, lost })
    const chain = this.chains.get(chainId)!
    for (const { shopId, closed } of this.writer.allShops()) {
      if (closed?.forNow === false) continue
      // In the order of their keys: what the contract made or took before what the address held.
      for (const record of paymentRecordsIn(this.options.store.paymentRows(shopId))) {
        const touched = record.chainId === chainId && record.blockNumber > lastGood && !record.reorged
        if (!touched || (await chain.isOnChain(record.blockNumber, record.blockHash))) continue
        await this.markReorged(shopId, record)
        chain.forget(record.paymentId)
      }
    }
  }

  private async markReorged(shopId: ShopId, record: PaymentRecord): Promise<void> {
    const outcome = await this.writer.change(shopId, (_state, paymentRows) => ({
      patches: [],
      paymentRows: reorgedRows(shopId, record, paymentRecordsIn(paymentRows(orderPrefix(record.orderId)))),
    }))
    if (outcome === 'not-stored') throw new Error('a re-org could not be stored; it will be looked at again')
    this.options.rowsChanged(shopId, record.orderId)
    this.counters.reorged.add()
    const { orderId: order, chainId: chain, blockNumber: block } = record
    this.options.log.warn('a payment left the chain after it had counted (cairn orders --odd)', {
      shop: shopId,
      order,
      chain,
      block,
    })
  }
}

function isForLiveOrder(state: ShopState, { orderId, addition }: PaymentEntry): boolean {
  return orderNumber(state.indexes.numbers, orderId).addition === addition && isLive(orderIn(state, orderId))
}

function later(a: Seconds, b: Seconds): Seconds {
  return a > b ? a : b
}

function orderName(shopId: ShopId, orderId: OrderId): string {
  return `${shopId}/${orderId}`
}

/** What was seen at the payments' addresses the last time, by PaymentID; a re-orged one is to be seen anew. */
function heldBefore(records: readonly PaymentRecord[]): Map<string, bigint> {
  const held = records.filter(({ kind, reorged }) => kind === 'held' && !reorged)
  return new Map(held.map(({ paymentId, balance, amount }) => [toHex(paymentId), balance ?? amount]))
}
