/**
 * The one writer of all shops: whose turn it is. What arrives while a commit is in flight forms the next batch; a lone
 * write waits for nobody. What a turn does to the shops, and what becomes durable together, is the batch's (batch.ts).
 */

import type { OrderId, Seconds, ShopId } from '../../brands.js'
import { count, idKey, type ShopState } from '../../state/shop-state.js'
import type { Author } from '../../state/access.js'
import { nowSeconds } from '../instruments/clock.js'
import { cardName, type Shop } from '../shops/shop.js'
import { Batch, type BatchOptions, type Job } from './batch.js'
import type { Build, RelayChange, RelayOutcome, WriteOutcome } from './change.js'
import { FairQueue } from './fair-queue.js'
import type { CheckedSet } from './ingest.js'
import { cancelPatches } from './relay-set.js'

/** Whether an order whose reservation has ended may be canceled now: a payment made in time may still be on its way. */
type MayExpire = (state: ShopState, order: OrderId, now: Seconds) => boolean

/** Sets in one batch, and the time after which no further one joins it: both bound how long the event loop is held. */
const BATCH_SETS_MAX = 256
const BATCH_MS_MAX = 50

interface WriterOptions extends BatchOptions {
  /** Asked before each batch: what it has to wait for. */
  held(): Promise<void> | undefined
}

export class Writer {
  private readonly options: WriterOptions
  private readonly shops = new Map<ShopId, Shop>()
  /** A lane for each card: who writes much waits for himself. */
  private readonly queue = new FairQueue<Job>()
  /** The relay's own sets, a lane for each shop: every second turn is theirs, however many cards write. */
  private readonly own = new FairQueue<Job>()
  private committing = false
  /** When a commit failed last, seconds; 0 if none did. */
  failedAt: Seconds = 0n
  private idle: (() => void)[] = []

  constructor(options: WriterOptions) {
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
    return this.queue.size + this.own.size
  }

  /** Whether a batch is on its way to the disk: the shops' current versions may not be durable. */
  get busy(): boolean {
    return this.committing
  }

  /** `done` is called once, after the commit or the refusal. */
  write(shopId: ShopId, set: CheckedSet, author: Author, done: (outcome: WriteOutcome) => void): void {
    this.queue.push(cardName(set.signer), { kind: 'write', shopId, set, author, done })
    this.begin()
  }

  /** `build` sees the state when its turn comes and returns undefined to do nothing ('refused'). */
  change(shopId: ShopId, build: Build): Promise<RelayOutcome> {
    return new Promise((done) => {
      this.own.push(String(shopId), { kind: 'change', shopId, build, done })
      this.begin()
    })
  }

  /** Cancels the orders of all shops whose reservation has ended. */
  expire(mayExpire: MayExpire): void {
    const now = nowSeconds(this.options.clock)
    for (const shop of this.shops.values()) {
      for (const id of shop.deadlines.takeDue(now)) {
        if (mayExpire(shop.current.state, id, now)) void this.cancel(shop, id, now)
        else shop.deadlines.add(id, now + 1n)
      }
    }
  }

  /** Resolves when nothing is queued or in flight. */
  drained(): Promise<void> {
    if (!this.committing && this.backlog === 0) return Promise.resolve()
    return new Promise((resolve) => this.idle.push(resolve))
  }

  private async cancel(shop: Shop, order: OrderId, now: Seconds): Promise<void> {
    const outcome = await this.change(shop.shopId, (state) =>
      state === undefined ? undefined : expiry(state, order, now),
    )
    if (outcome === 'not-stored') shop.deadlines.add(order, now)
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
      const batch = new Batch(this.options, this.shops)
      const end = performance.now() + BATCH_MS_MAX
      for (let sets = 0; sets < BATCH_SETS_MAX && performance.now() < end; sets++) {
        const [first, second] = sets % 2 === 0 ? [this.own, this.queue] : [this.queue, this.own]
        const job = first.take() ?? second.take()
        if (job === undefined) break
        batch.run(job)
      }
      await batch.finish()
    }
    this.committing = false
    for (const resolve of this.idle.splice(0)) resolve()
  }
}

function expiry(state: ShopState, id: OrderId, now: Seconds): RelayChange | undefined {
  const deadline = count(state.indexes.live, idKey(id))
  if (deadline === 0n || deadline > now) return undefined
  return { patches: cancelPatches(id, false, now) }
}
