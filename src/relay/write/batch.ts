/**
 * A batch: nonce, rights, patches, new state and record of each set in its turn; then one durable commit for all of
 * them, then the answers, then whoever has to know. If the commit is refused, the shops are what they were before. What
 * is to be stored stands in pending-rows.ts; the course of a set, with all that follows from it, stays in one file.
 *
 * Tests: test/relay/write/writer.test.ts, test/e2e/rejected-commits.test.ts
 */

import type { OrderId, Seconds, ShopId } from '../../brands.js'
import { assert, AssertionError } from '../../assert.js'
import { equalBytes } from '../../bytes/bytes.js'
import type { PatchTree } from '../../merkle/patch-proof.js'
import { PAYMENT_CHOSEN } from '../../objects/order.js'
import { patchKey } from '../../patches/object-name.js'
import { readCheckedPatch, type Patch } from '../../patches/checked-patch.js'
import { signPatches } from '../../patches/patch-set.js'
import type { Author } from '../../state/access.js'
import { applyPatches, type Applied } from '../../state/apply.js'
import type { Effects } from '../../state/draft.js'
import { beyondGuestLimits, type GuestLimits } from '../../state/guest-orders.js'
import { count, idKey, stateHash, type ShopState } from '../../state/shop-state.js'
import { orderIn } from '../../state/held-object.js'
import type { Store } from '../../store/store.js'
import { StoreError } from '../../store/store-error.js'
import type { Clock } from '../instruments/clock.js'
import { askedLevelRows } from '../shops/asked-levels.js'
import type { CommittedSet } from '../shops/committed-set.js'
import { isDamage } from '../shops/damage.js'
import { appendSet, ShopLog, stateRootOf } from '../shops/log-trees.js'
import { firstVersion, Shop, type Closure, type ShopVersion } from '../shops/shop.js'
import type {
  AfterCommit,
  Build,
  OrderCheckout,
  RelayChange,
  RelayOutcome,
  WriteOutcome,
  WriteTerms,
} from './change.js'
import type { CheckedSet } from './ingest.js'
import { PendingRows, type RecentRows } from './pending-rows.js'
import { cancelPatches, packSets } from './relay-set.js'

export interface BatchOptions {
  readonly store: Store
  readonly clock: Clock
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  readonly reservationSeconds: Seconds
  readonly checkout: OrderCheckout
  readonly guestLimits: GuestLimits
  /** Keeps canonical listings (CBOR) as blobs; called before the commit that names their hashes. */
  keepPricedListings(listings: readonly Uint8Array[]): Promise<void>
  /** The state of a shop that is made now. */
  newState(shopId: ShopId): ShopState
  /**
   * Called after a commit and its answers for each of its shops, in this order; a step that throws is told of and does
   * not stop the others.
   */
  readonly afterCommit: readonly AfterCommit[]
  /** Gives the answers of a batch; `alone` does what may fail without an effect on the rest. Left out: one by one. */
  answering?(answers: () => void, alone: (act: () => void) => void): void
  onBug(error: unknown): void
  /** A commit failed: nothing of the batch was applied. */
  storeFailed(error: unknown): void
}

export type Job =
  | {
      readonly kind: 'write'
      readonly shopId: ShopId
      readonly set: CheckedSet
      readonly author: Author
      readonly done: (outcome: WriteOutcome) => void
      readonly terms: WriteTerms | undefined
    }
  | {
      readonly kind: 'change'
      readonly shopId: ShopId
      readonly build: Build
      readonly done: (outcome: RelayOutcome) => void
    }

export class Batch {
  private readonly options: BatchOptions
  private readonly shops: Map<ShopId, Shop>
  private readonly committedAtMs: number
  private readonly before = new Map<Shop, ShopVersion>()
  private readonly made: Shop[] = []
  private readonly recent: RecentRows
  private readonly pending: PendingRows
  private readonly pricedListings: Uint8Array[] = []
  private readonly answers: ((failure: WriteOutcome | undefined) => void)[] = []

  constructor(options: BatchOptions, shops: Map<ShopId, Shop>, recent: RecentRows) {
    this.options = options
    this.shops = shops
    this.recent = recent
    this.committedAtMs = options.clock.nowMs()
    this.pending = new PendingRows(options.store, recent)
  }

  /** Whose sets it has. */
  get shopCount(): number {
    return this.before.size
  }

  run(job: Job): void {
    const closed = this.shops.get(job.shopId)?.closed
    if (closed !== undefined) return this.refuse(job, closed)
    const { shopId } = job
    const isAhead = this.isAhead(shopId)
    if (job.kind === 'write') {
      const outcome = this.guarded(BROKEN, () => this.write(job), closedFor)
      this.answers.push((failure) =>
        job.done(failure === undefined ? outcome : this.unstored(job, outcome, isAhead, failure)),
      )
      return
    }
    const build = () =>
      job.build(this.shops.get(shopId)?.current.state, (prefix) => this.pending.paymentRows(shopId, prefix))
    const outcome = this.guarded<RelayOutcome>(
      'refused',
      () => (this.change(shopId, build()) ? 'done' : 'refused'),
      () => 'not-stored',
    )
    const rests = outcome === 'done' || isAhead
    this.answers.push((failure) => job.done(failure !== undefined && rests ? 'not-stored' : outcome))
  }

  private refuse(job: Job, { reason, forNow }: Closure): void {
    if (job.kind === 'write') this.answers.push(() => job.done(closedFor(reason)))
    else this.answers.push(() => job.done(forNow ? 'not-stored' : 'refused'))
  }

  /** Whether the shop's current version is not durable. */
  private isAhead(shopId: ShopId): boolean {
    const shop = this.shops.get(shopId)
    return shop !== undefined && this.before.has(shop)
  }

  /** Once the batch was taken back: a refusal that came from sets which are not stored is none. */
  private unstored(
    job: Job & { kind: 'write' },
    outcome: WriteOutcome,
    isAhead: boolean,
    failure: WriteOutcome,
  ): WriteOutcome {
    const head = this.shops.get(job.shopId)?.current.head
    if (head === undefined) return failure
    if (outcome.ok) return outcome.seq <= head ? outcome : failure
    if (!isAhead) return outcome
    const alone = new Batch(this.options, this.shops, this.recent)
    const again = alone.guarded(BROKEN, () => alone.write(job), closedFor)
    alone.takeBack()
    return again.ok && again.seq > head ? failure : again
  }

  async finish(): Promise<void> {
    const failure = await this.commit()
    if (failure !== undefined) this.takeBack()
    const alone = (act: () => void) => this.guarded(undefined, act)
    const answers = () => {
      for (const answer of this.answers) alone(() => answer(failure))
    }
    if (this.options.answering === undefined) answers()
    else this.options.answering(answers, alone)
    if (failure === undefined) this.tell()
  }

  private tell(): void {
    const alone = (act: () => void) => this.guarded(undefined, act, () => undefined)
    for (const [shop, part] of this.pending.written)
      for (const step of this.options.afterCommit) alone(() => step(shop, part, alone))
  }

  /**
   * A bug in one set is told of and must not stop the sets of others. `damaged`: in place of that for data that are, of
   * which the keeper tells.
   */
  private guarded<T>(otherwise: T, act: () => T, damaged?: (reason: string) => T): T {
    try {
      return act()
    } catch (error) {
      if (damaged !== undefined && isDamage(error)) return damaged(error.message)
      this.options.onBug(error)
      return otherwise
    }
  }

  private write({ shopId, set, author, terms }: Job & { kind: 'write' }): WriteOutcome {
    const shop = this.shops.get(shopId)
    assert(shop !== undefined, 'a card of a shop that is not there')
    const card = this.pending.card(set.signer)
    // Removed, and perhaps enrolled anew in another shop or for somebody else.
    const isItsOwner = card !== undefined && author.account !== undefined && equalBytes(card.account, author.account)
    if (!isItsOwner || card.removed || card.shopId !== shopId)
      return { ok: false, code: 'UNLINKED_KEYCARD', message: 'the key card was removed from the shop' }
    const last = this.pending.lastNonce(shop, set.signer)
    if (set.nonce <= last) {
      const first = terms && this.firstAnswer(shop, set)
      if (first !== undefined) return first
      // Clients read the last one: that of a device whose clock was ahead.
      return {
        ok: false,
        code: 'INVALID',
        message: `KeyCardNonce ${set.nonce} is not greater than the last one, ${last}`,
      }
    }
    const tooMany = this.beyondGuestLimits(shop, set, author)
    if (tooMany !== undefined) return { ok: false, code: 'TOO_MANY_CONCURRENT_REQUESTS', message: tooMany }
    const { head } = shop.current
    if (terms?.expectedSeq !== undefined && terms.expectedSeq !== BigInt(head))
      return { ok: false, code: 'CONFLICT', message: `the head of the shop is ${head}, not ${terms.expectedSeq}` }
    const applied = this.apply(shop, set.patches, author, terms !== undefined)
    if (!applied.ok) return { ok: false, ...applied.verdict }
    this.pending.setNonce(shop, set.signer, set.nonce)
    this.pending.writtenSets.add(shopId, set.signer, set.nonce, head + 1)
    const { record, stateRoot } = this.record(shop, applied, {
      signer: set.signer,
      author,
      header: set.headerBytes,
      signature: set.signature,
      patches: set.patches,
      tree: set.tree,
      relayNonce: shop.current.relayNonce,
    })
    this.guarded(undefined, () => this.followUp(shop, applied.effects))
    return { ok: true, seq: record.seq, stateHash: record.stateHash, stateRoot }
  }

  /** Of a set that was accepted, byte for byte, under this nonce. */
  private firstAnswer(shop: Shop, set: CheckedSet): (WriteOutcome & { ok: true }) | undefined {
    const { store } = this.options
    const { shopId } = shop
    const seq = this.pending.writtenSets.find(shopId, set.signer, set.nonce)
    if (seq === undefined) return undefined
    const made = this.pending.written.get(shop)?.sets.find(({ record }) => record.seq === seq)
    const record = made?.record ?? store.pickLog(shopId, [seq], 1)[0]!
    const isSame =
      equalBytes(record.header, set.headerBytes) &&
      equalBytes(record.signature, set.signature) &&
      record.patches.length === set.patches.length &&
      set.patches.every(({ bytes }, i) => equalBytes(record.patches[i]!, bytes))
    if (!isSame) return undefined
    const stateRoot = made?.stateRoot ?? new ShopLog(store, shopId).stateRoot(seq)
    return { ok: true, seq, stateHash: record.stateHash, stateRoot }
  }

  /** Signs and applies a set of the relay; returns whether there was something to do. */
  private change(shopId: ShopId, change: RelayChange | undefined): boolean {
    if (change === undefined) return false
    if (change.patches.length === 0) {
      this.pending.keep(change)
      return true
    }
    const shop = this.shops.get(shopId) ?? this.found(shopId, change)
    const written = this.signAndApply(shop, [change.patches])
    if (written.length === 0) return false
    for (const card of change.cards ?? []) this.pending.keepCard(card)
    this.pending.keep(change)
    this.pricedListings.push(...(change.pricedListings ?? []))
    for (const effects of written) this.guarded(undefined, () => this.followUp(shop, effects))
    return true
  }

  private found(shopId: ShopId, change: RelayChange): Shop {
    assert(change.newShop !== undefined, 'a set for a shop that is not there')
    const shop = new Shop(shopId, firstVersion(this.options.newState(shopId)), change.newShop.secret)
    this.pending.newShops.push(change.newShop)
    this.shops.set(shopId, shop)
    this.made.push(shop)
    return shop
  }

  /** Patches of one group stand in one set as far as a frame holds them; small groups share sets. */
  private signAndApply(shop: Shop, groups: readonly (readonly Uint8Array[])[]): Effects[] {
    return packSets(groups).flatMap((patches) => this.signAndApplyOne(shop, patches) ?? [])
  }

  /** Undefined for a set that the state refuses: a bug that is told of, and no reason to stop other shops. */
  private signAndApplyOne(shop: Shop, encoded: readonly Uint8Array[]): Effects | undefined {
    const patches = encoded.map(readCheckedPatch)
    const applied = this.apply(shop, patches, { role: 'relay' })
    if (!applied.ok) {
      this.options.onBug(new AssertionError(`bug: a set of the relay's is refused: ${applied.verdict.message}`))
      return undefined
    }
    const relayNonce = shop.current.relayNonce + 1n
    const timestamp = this.committedAt
    const { headerBytes, signature, tree } = signPatches(
      { shopId: shop.shopId, nonce: relayNonce, timestamp, patches: encoded },
      this.options.relaySecret,
    )
    this.pending.setNonce(shop, RELAY, relayNonce)
    this.record(shop, applied, {
      signer: RELAY,
      author: { role: 'relay' },
      header: headerBytes,
      signature,
      patches,
      tree,
      relayNonce,
    })
    return applied.effects
  }

  /** Asked here and not where patches are applied: a log replays whatever the limits are. */
  private beyondGuestLimits({ current }: Shop, { signer, patches }: CheckedSet, { role }: Author): string | undefined {
    if (role !== 'guest') return undefined
    return beyondGuestLimits(current.state, signer, patches, this.committedAt, this.options.guestLimits)
  }

  private get committedAt(): Seconds {
    return BigInt(Math.floor(this.committedAtMs / 1_000))
  }

  private apply(shop: Shop, patches: readonly Patch[], author: Author, unlistedRefused = false): Applied {
    const { reservationSeconds, checkout: payments } = this.options
    const { committedAt } = this
    const { state, head } = shop.current
    const time = { committedAt, reservationSeconds }
    return applyPatches(state, patches, { author, ...time, payments, seq: head + 1, unlistedRefused })
  }

  /** Moves the shop on. */
  private record(shop: Shop, applied: Applied & { ok: true }, set: MadeSet): CommittedSet {
    if (!this.before.has(shop)) this.before.set(shop, shop.current)
    const seq = shop.current.head + 1
    const { state } = applied
    const record = {
      seq,
      committedAtMs: this.committedAtMs,
      reservationSeconds: Number(this.options.reservationSeconds),
      signer: set.signer,
      account: set.author.account ?? RELAY,
      role: set.author.role,
      header: set.header,
      signature: set.signature,
      patches: set.patches.map((patch) => patch.bytes),
      stateHash: stateHash(state),
    }
    const stateRoot = stateRootOf(state, shop.secret)
    const { peaks: log, added } = appendSet(shop.current.log, record, stateRoot)
    if (applied.effects.payments.length > 0) this.pending.keepNew(askedLevelRows(state, shop.secret, seq))
    shop.current = { state, head: seq, relayNonce: set.relayNonce, log, stateRoot }
    const keys = set.patches.map(({ path }) => patchKey(path))
    const committed = { record, tree: set.tree, keys, stateRoot }
    const part = this.pending.partOf(shop)
    part.sets.push(committed)
    part.added.push(added)
    return committed
  }

  /**
   * What follows from a set belongs to the same commit: cards that lost their account, orders that lost what they hold,
   * and what is to be paid where payment was chosen.
   */
  private followUp(shop: Shop, effects: Effects): void {
    this.ordersTouched(shop, effects)
    for (const card of effects.unlinkedCards) {
      const row = this.pending.card(card)
      if (row !== undefined) this.pending.keepCard({ ...row, removed: true, removedAtMs: this.committedAtMs })
      this.pending.partOf(shop).unlinked.push({ card, seq: shop.current.head })
    }
    if (effects.orphanedOrders.length > 0) this.cancelOrphans(shop, effects.orphanedOrders)
    if (effects.orders.length > 0) this.addDetails(shop, effects.orders)
  }

  private cancelOrphans(shop: Shop, orders: readonly OrderId[]): void {
    const { state } = shop.current
    const patches = orders.map((id) =>
      cancelPatches(id, orderIn(state, id)?.CanceledAt !== undefined, this.committedAt),
    )
    for (const canceled of this.signAndApply(shop, patches)) this.ordersTouched(shop, canceled)
  }

  private ordersTouched(shop: Shop, { orders, payments }: Effects): void {
    const touched = this.pending.partOf(shop).orders
    touched.payments.push(...payments)
    for (const id of orders) {
      touched.ids.add(id)
      const deadline = count(shop.current.state.indexes.live, idKey(id))
      if (deadline > 0n) shop.deadlines.add(id, deadline)
    }
  }

  /**
   * A set for each order. Where there can be none now the order stays in state 4: whoever is told of written orders
   * tries again.
   */
  private addDetails(shop: Shop, orders: readonly OrderId[]): void {
    const { state } = shop.current
    const taken = new Set<string>()
    const made = orders
      .filter((id) => orderIn(state, id)?.State === PAYMENT_CHOSEN)
      .map((id) => this.options.checkout.details(state, id, taken))
      .flatMap((details) => ('patches' in details ? [details] : []))
    this.pricedListings.push(...made.flatMap(({ pricedListings }) => pricedListings))
    for (const { patches } of made)
      for (const written of this.signAndApply(shop, [patches])) this.ordersTouched(shop, written)
  }

  /** What each write of a batch that could not be stored is answered. */
  private async commit(): Promise<WriteOutcome | undefined> {
    if (this.pending.isEmpty) return undefined
    try {
      if (this.pricedListings.length > 0) await this.options.keepPricedListings(this.pricedListings)
      await this.options.store.commit(this.pending.commit())
    } catch (error) {
      this.options.storeFailed(error)
      return error instanceof StoreError && error.code === 'full' ? NO_ROOM : NOT_STORED
    }
    this.pending.stored()
    return undefined
  }

  private takeBack(): void {
    for (const [shop, version] of this.before) shop.current = version
    for (const shop of this.made) this.shops.delete(shop.shopId)
  }
}

interface MadeSet {
  readonly signer: Uint8Array
  readonly author: Author
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly patches: readonly Patch[]
  readonly tree: PatchTree
  readonly relayNonce: bigint
}

/** The signer and account of the relay's own sets. */
const RELAY = new Uint8Array(0)

const UNAVAILABLE = { ok: false, code: 'TOO_MANY_CONCURRENT_REQUESTS', unavailable: true } as const

const BROKEN: WriteOutcome = {
  ok: false,
  code: 'INVALID',
  message: 'the relay failed at this set; nothing was changed',
}

function closedFor(reason: string): WriteOutcome {
  return { ...UNAVAILABLE, message: `the shop takes no writes now: ${reason}` }
}

const NO_ROOM: WriteOutcome = {
  ...UNAVAILABLE,
  message: 'the relay has no room to store writes now; nothing was changed, try again later',
}

/** Of a commit that failed in the middle nobody knows what of it the disk has. */
const NOT_STORED: WriteOutcome = {
  ...UNAVAILABLE,
  message: 'the relay cannot store writes now; whether this one was stored shows when it has started again',
}
