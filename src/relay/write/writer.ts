/**
 * The one writer of all shops. What arrives while a commit is in flight forms the next batch; a lone write waits for
 * nobody. Whose turn it is stands in turns.ts; what a turn does to the shops, and what becomes durable together, is the
 * batch's (batch.ts).
 */

import type { OrderId, Seconds, ShopId } from '../../brands.js'
import { count, idKey, type ShopState } from '../../state/shop-state.js'
import type { Author } from '../../state/access.js'
import { nowSeconds } from '../instruments/clock.js'
import { Stopwatch } from '../instruments/stopwatch.js'
import { cardName, type Shop } from '../shops/shop.js'
import { Batch, type BatchOptions, type Job } from './batch.js'
import type { Build, RelayChange, RelayOutcome, WriteOutcome, WriteTerms } from './change.js'
import type { CheckedSet } from './ingest.js'
import { RecentRows } from './pending-rows.js'
import { cancelPatches } from './relay-set.js'
import { Turns } from './turns.js'

/** Whether an order whose reservation has ended may be canceled now: a payment made in time may still be on its way. */
type MayExpire = (state: ShopState, order: OrderId, now: Seconds) => boolean

/**
 * Sets in one batch, and the time after which no further one joins it: both bound how long the event loop is held.
 * Longer batches store no more in a second, and whoever comes meanwhile waits for two of them.
 */
const BATCH_SETS_MAX = 256
const BATCH_MS_MAX = 12
/**
 * Each further shop of a batch adds to both: its rows stand on pages of their own, and are the dearer the fewer sets
 * share them.
 */
const BATCH_SETS_PER_SHOP = 8
const BATCH_MS_PER_SHOP = 0.25
const BATCH_SHOPS_COUNTED = 96
/** Orders that are canceled in one set when their time is up: nobody waits for them longer than for a few sets. */
const EXPIRIES_PER_SET_MAX = 20
/** Of one shop, until it is looked at again. */
const EXPIRY_SETS_AT_ONCE_MAX = 100

interface WriterOptions extends BatchOptions {
  /** Asked before each batch: what it has to wait for. */
  held(): Promise<void> | undefined
}

export class Writer {
  private readonly options: WriterOptions
  private readonly shops = new Map<ShopId, Shop>()
  /** A lane for each card, and one for each shop of the relay's own sets: who writes much waits for himself. */
  private readonly turns = new Turns<Job>()
  private readonly recent = new RecentRows()
  private readonly watch: Stopwatch
  /** Shops whose orders are being canceled. */
  private readonly expiring = new Set<Shop>()
  private committing = false
  /** When a commit failed last, seconds; 0 if none did. */
  failedAt: Seconds = 0n
  private idle: (() => void)[] = []

  /** `watch`: turns are measured by it. */
  constructor(options: WriterOptions, watch = new Stopwatch()) {
    this.watch = watch
    const storeFailed = (error: unknown) => {
      this.failedAt = nowSeconds(options.clock)
      options.storeFailed(error)
    }
    this.options = { ...options, storeFailed }
  }

  /** One that was loaded: from now on its writes are taken. */
  take(shop: Shop): void {
    this.shops.set(shop.shopId, shop)
  }

  shop(shopId: ShopId): Shop | undefined {
    return this.shops.get(shopId)
  }

  allShops(): Iterable<Shop> {
    return this.shops.values()
  }

  /** Queued sets that have no answer yet. */
  get backlog(): number {
    return this.turns.size
  }

  /** Whether a batch is on its way to the disk: the shops' current versions may not be durable. */
  get busy(): boolean {
    return this.committing
  }

  /** `done` is called once, after the commit or the refusal. `terms`: of a session of version 5. */
  write(
    shopId: ShopId,
    set: CheckedSet,
    author: Author,
    done: (outcome: WriteOutcome) => void,
    terms?: WriteTerms,
  ): void {
    const kind = author.role === 'guest' ? 'guest' : 'staff'
    this.turns.push(kind, cardName(set.signer), { kind: 'write', shopId, set, author, done, terms })
    this.begin()
  }

  /** `build` sees the state when its turn comes and returns undefined to do nothing ('refused'). */
  change(shopId: ShopId, build: Build): Promise<RelayOutcome> {
    return new Promise((done) => {
      this.turns.push('own', String(shopId), { kind: 'change', shopId, build, done })
      this.begin()
    })
  }

  /** Cancels orders whose reservation has ended, in all shops; called again and again. */
  expire(mayExpire: MayExpire): void {
    for (const shop of this.shops.values()) if (!this.expiring.has(shop)) void this.expireIn(shop, mayExpire)
  }

  /** Resolves when nothing is queued or in flight. */
  drained(): Promise<void> {
    if (!this.committing && this.backlog === 0) return Promise.resolve()
    return new Promise((resolve) => this.idle.push(resolve))
  }

  /** Many orders in one set, and one set after the other: a shop in which many are due holds nobody up. */
  private async expireIn(shop: Shop, mayExpire: MayExpire): Promise<void> {
    this.expiring.add(shop)
    for (let sets = 0; sets < EXPIRY_SETS_AT_ONCE_MAX; sets++) {
      // Time went on while the last set was stored.
      const now = nowSeconds(this.options.clock)
      const due = shop.deadlines.takeDue(now, EXPIRIES_PER_SET_MAX)
      if (due.length === 0) break
      const expired = due.filter((id) => this.isTimeUp(shop, mayExpire, id, now))
      for (const id of due) if (!expired.includes(id)) shop.deadlines.add(id, now + 1n)
      if (expired.length > 0 && !(await this.cancel(shop, expired, now))) break
    }
    this.expiring.delete(shop)
  }

  /** Of a state that cannot be read now nothing ends. */
  private isTimeUp(shop: Shop, mayExpire: MayExpire, id: OrderId, now: Seconds): boolean {
    try {
      return mayExpire(shop.current.state, id, now)
    } catch (error) {
      this.options.onBug(error)
      return false
    }
  }

  /** Whether it could be stored. */
  private async cancel(shop: Shop, orders: readonly OrderId[], now: Seconds): Promise<boolean> {
    const outcome = await this.change(shop.shopId, (state) =>
      state === undefined ? undefined : expiry(state, orders, now),
    )
    if (outcome === 'not-stored') for (const id of orders) shop.deadlines.add(id, now)
    return outcome !== 'not-stored'
  }

  private begin(): void {
    if (!this.committing) {
      this.committing = true
      queueMicrotask(() => void this.run())
    }
  }

  private async run(): Promise<void> {
    while (this.backlog > 0) {
      await this.options.held()
      const batch = new Batch(this.options, this.shops, this.recent)
      const begunMs = this.watch.nowMs()
      for (let sets = 0; hasRoom(batch.shopCount, sets, this.watch.nowMs() - begunMs); sets++) {
        const job = this.turns.take()
        if (job === undefined) break
        this.watch.start()
        batch.run(job)
        this.turns.spent(this.watch.stop())
      }
      await batch.finish()
    }
    this.committing = false
    for (const resolve of this.idle.splice(0)) resolve()
  }
}

/** In a batch of sets of so many shops, begun so long ago. */
function hasRoom(shops: number, sets: number, ms: number): boolean {
  const further = Math.min(Math.max(0, shops - 1), BATCH_SHOPS_COUNTED)
  return sets < BATCH_SETS_MAX + further * BATCH_SETS_PER_SHOP && ms < BATCH_MS_MAX + further * BATCH_MS_PER_SHOP
}

function expiry(state: ShopState, orders: readonly OrderId[], now: Seconds): RelayChange | undefined {
  const due = orders.filter((id) => {
    const deadline = count(state.indexes.live, idKey(id))
    return deadline > 0n && deadline <= now
  })
  return due.length === 0 ? undefined : { patches: due.flatMap((id) => cancelPatches(id, false, now)) }
}
