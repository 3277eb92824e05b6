/**
 * Keeps the derived state of the shops on disk: trie nodes are flushed in the background with the seq that they
 * reflect, and at start the tail of the log is replayed over the last flush. The log is the truth; losing a flush loses
 * nothing, and what is damaged of a flush is made again.
 *
 * What is not on disk stays in memory and makes the next start longer, so both are bounded: by the work since the last
 * flush. A flush writes the last durable version in slices, whether the writer is busy or not; when it does not keep up
 * the writer waits for it.
 *
 * One file of more than 300 lines: flush, replay and mending take each other’s turns with a shop.
 *
 * Tests: test/relay/shops/keeper.test.ts, test/relay/shops/flush.test.ts
 */

import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { present } from '../../assert.js'
import type { Seq, ShopId } from '../../brands.js'
import { utf8 } from '../../bytes/bytes.js'
import { Hamt } from '../../merkle/hamt.js'
import { NodeCache } from '../../merkle/hamt-cache.js'
import type { NodeRef } from '../../merkle/hamt-node.js'
import { eachIndexText, type PatchKey } from '../../patches/object-name.js'
import { emptyShop, SCHEMA_VERSION, type ShopState } from '../../state/shop-state.js'
import { StoreError, WHAT_NOW } from '../../store/store-error.js'
import type { LogRecord, Store } from '../../store/store.js'
import type { CommittedSet } from './committed-set.js'
import { isLevelKept } from './asked-levels.js'
import { isOfDerived } from './damage.js'
import { LogReplay, workOf, type LogReplayOptions } from './log-replay.js'
import { logTreeRows, ShopLog, type LogPeaks } from './log-trees.js'
import { PendingNodes } from './pending-nodes.js'
import { ReplacedNodes } from './replaced-nodes.js'
import { firstVersion, Shop, type ShopVersion } from './shop.js'
import { decodeDeadlines, decodeNextRef, decodeState, encodeState, hasAskedLevels, triesOf } from './stored-state.js'

interface KeeperOptions {
  readonly nodeCacheNodes: number
  /** Undefined: a store that is only read, and nothing is flushed. */
  readonly flushing?: {
    /** What makes a flush due: at most FLUSH_WORK, which it is if it is left out. */
    readonly work?: number
    nowMs(): number
    /** For the operator: what could not be kept, or has to be made again. */
    tell(event: string, error: unknown): void
    /** Its state was damaged and is made again: what could not be read of it before can be now. */
    rebuilt?(shop: Shop): void
  }
}

interface LoadOptions {
  /** Told now and then how far it is. */
  readonly progress?: (seq: Seq, head: Seq) => void
  readonly signal?: AbortSignal
}

/** Work that makes a flush due, of one shop or of all together, as `workOf` counts it: what a start has to replay. */
export const FLUSH_WORK = 20_000
/** A smaller shop is flushed when its oldest change is so old. */
export const FLUSH_AFTER_MS = 30_000
/** What one transaction of a flush writes at most, but for a single node that is larger. */
const SLICE_BYTES = 2 * 1_048_576
const SLICE_OBJECT_ROWS = 2_000

const REPLAY_BATCH = { records: 1_024, bytes: 4 * 1_048_576 }
/**
 * Work of a replay after which where it led is compared with what was kept: as much as a comparison may hold the event
 * loop for. Units as of FLUSH_WORK.
 */
const COMPARED_WORK = 4_096
/** How long a replay may hold the event loop before. */
const REPLAY_SLICE_MS = 20
/** How long a rebuilt state waits for a commit that is under way before it looks again. */
const REBUILD_LOOK_MS = 10
/** Damage after a shorter while is not made again once more. */
const REBUILD_AGAIN_MS = 3_600_000
/** Whose nonce the relay's own is. */
const RELAY = new Uint8Array(0)

/** What is known of a shop beside its state. */
interface Kept {
  readonly source: PendingNodes
  readonly replaced: ReplacedNodes
  /** The last set that is on disk as state and object index. */
  flushed: Seq
  /** What `flush` writes: the newest version that is durable. */
  durable: ShopVersion | undefined
  /** Since the last flush. */
  work: number
  /** Of the oldest change that is not flushed. */
  sinceMs: number
  /** What the object index has to learn: sets by the object's name. */
  changes: Map<string, Seq[]>
  /** What is on disk is damaged: it is forgotten before anything is flushed. */
  stale: boolean
  /** When that was met the last time. */
  staleSinceMs: number
}

export class Keeper {
  private readonly store: Store
  private readonly options: KeeperOptions
  private readonly cache: NodeCache
  private readonly shops = new Map<ShopId, Kept>()
  private readonly rebuilding = new Set<ShopId>()
  private secrets = new Map<ShopId, Uint8Array>()
  /** Of one shop or of all together, that makes a flush due; at twice as much the writer waits for it. */
  private readonly trigger: number
  private totalWork = 0
  private flushing: Promise<void> | undefined
  /** The last flush failed: nobody waits for the next one. */
  private failing = false

  constructor(store: Store, options: KeeperOptions) {
    this.store = store
    this.options = options
    this.cache = new NodeCache(options.nodeCacheNodes)
    this.trigger = options.flushing?.work ?? FLUSH_WORK
  }

  /** Nodes in memory that are on disk too. */
  get cachedNodes(): number {
    return this.cache.size
  }

  newState(shopId: ShopId): ShopState {
    const { source } = this.kept(shopId)
    return emptyShop(shopId, SCHEMA_VERSION, (hashes) => Hamt.over(hashes, source, this.cache))
  }

  /**
   * The shop as its log makes it; where the log is damaged or does not lead to its states, as it was before, and
   * closed. Rejects when `signal` is aborted.
   */
  async load(shopId: ShopId, options: LoadOptions = {}): Promise<Shop> {
    const kept = this.kept(shopId)
    try {
      return await this.replayed(kept, (await this.stored(shopId, kept)) ?? (await this.fresh(kept)), options)
    } catch (error) {
      if (!isOfDerived(error)) throw error
      this.tell('a stored state is damaged and made again from the log', error)
      this.forget(kept)
      return this.replayed(kept, await this.fresh(kept), options)
    }
  }

  /** Sets that were committed; the shop's current version is the one after them. */
  published(shop: Shop, sets: readonly CommittedSet[]): void {
    // Then they are read from the log.
    if (this.rebuilding.has(shop.shopId)) return
    const kept = this.kept(shop.shopId)
    for (const { record, keys } of sets) this.note(kept, record, keys)
    kept.durable = shop.current
    kept.replaced.published(shop.current)
    if (this.totalWork >= this.trigger) this.begin()
  }

  /** The last set that the store's object index knows. */
  indexedUpTo(shopId: ShopId): Seq {
    return this.shops.get(shopId)?.flushed ?? 0
  }

  /** For the writer before a batch: what it has to wait for, if memory must not grow further. */
  held(): Promise<void> | undefined {
    if (this.totalWork < 2 * this.trigger || this.failing) return undefined
    this.begin()
    return this.flushing
  }

  /** Called every second or so: begins the flush that is due, closes and mends what is damaged. */
  keep(shops: Iterable<Shop>): void {
    const damage = this.store.damage()
    for (const shop of shops) {
      const kept = this.kept(shop.shopId)
      if (shop.closed?.forNow === false) continue
      const lasting = this.lastingDamage(shop.shopId)
      if (lasting !== undefined) this.close(shop, lasting)
      else if (!kept.stale && (kept.source.damaged || damage.some(({ shopId }) => shopId === shop.shopId)))
        this.mend(shop, kept)
      else this.notFreed(kept.replaced.free())
    }
    this.begin()
  }

  /** Writes everything that is durable, as far as the store takes it: at the end of the relay. */
  async flushAll(): Promise<void> {
    await this.flushing
    for (const [shopId, kept] of this.shops)
      await kept.replaced
        .end()
        .then(() => this.flush(shopId, kept))
        .then(() => kept.replaced.free(true))
        .catch((error: unknown) => this.notFlushed(error))
  }

  // Flushing

  /** Starts the flush that is due, unless one is under way. */
  private begin(): void {
    if (this.flushing !== undefined || this.options.flushing === undefined) return
    const due = this.due()
    if (due === undefined) return
    this.flushing = this.flush(...due)
      .then(
        () => void (this.failing = false),
        (error: unknown) => {
          this.failing = true
          this.notFlushed(error)
        },
      )
      .finally(() => {
        this.flushing = undefined
        if (!this.failing) this.begin()
      })
  }

  private due(): [ShopId, Kept] | undefined {
    const now = this.now()
    let most: [ShopId, Kept] | undefined
    let oldest: [ShopId, Kept] | undefined
    for (const [shopId, kept] of this.shops) {
      if (kept.work === 0 || kept.durable === undefined) continue
      if (most === undefined || kept.work > most[1].work) most = [shopId, kept]
      if (oldest === undefined || kept.sinceMs < oldest[1].sinceMs) oldest = [shopId, kept]
    }
    if (this.totalWork >= this.trigger) return most
    return oldest !== undefined && now - oldest[1].sinceMs >= FLUSH_AFTER_MS ? oldest : undefined
  }

  private notFlushed(error: unknown): void {
    this.tell('the state could not be flushed; the log has it', error)
  }

  /** The last durable version, in slices. The object index of one that fails is written again with the next. */
  private async flush(shopId: ShopId, kept: Kept): Promise<void> {
    const { durable, work, changes } = kept
    if (durable === undefined || work === 0) return
    const begunMs = this.now()
    kept.changes = new Map()
    try {
      await this.flushSlices(shopId, kept, durable, changes)
    } catch (error) {
      for (const [object, seqs] of kept.changes) for (const seq of seqs) noteChange(changes, object, seq)
      kept.changes = changes
      throw error
    }
    kept.flushed = durable.head
    kept.sinceMs = begunMs
    kept.work -= work
    this.totalWork -= work
  }

  private async flushSlices(
    shopId: ShopId,
    { source, replaced, flushed: after }: Kept,
    { state, head }: ShopVersion,
    changes: Kept['changes'],
  ): Promise<void> {
    const tries = triesOf(state)
    // In their order, so that a slice writes few of the pages that they stand in.
    const rows = [...changes]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([object, seqs]) => ({ object: utf8(object), after, seqs }))
    await replaced.compare(state)
    for (let next = 0; ; next += SLICE_OBJECT_ROWS) {
      const isWhole = tries.every(([, trie]) =>
        trie.storePart(
          (node) => source.add(node),
          () => source.bytes < SLICE_BYTES,
        ),
      )
      const part = { shopId, nodes: source.pending(), objectSeqs: rows.slice(next, next + SLICE_OBJECT_ROWS) }
      const isLast = isWhole && next + SLICE_OBJECT_ROWS >= rows.length
      if (isLast) {
        const roots = encodeState(state, noMore, replaced.isListed ? source.nextRef : undefined)
        await this.store.flushDerived({ ...part, seq: head, roots, replaced: replaced.replaced })
        replaced.finished(head)
      } else await this.store.flushPart(part)
      source.written(part.nodes)
      if (isLast) return
    }
  }

  private note(kept: Kept, record: LogRecord, keys: readonly PatchKey[]): void {
    eachIndexText(keys, record.signer, (object) => noteChange(kept.changes, object, record.seq))
    this.addWork(kept, workOf(record))
  }

  private addWork(kept: Kept, work: number): void {
    if (kept.work === 0) kept.sinceMs = this.now()
    kept.work += work
    this.totalWork += work
  }

  // Replay

  /** What was flushed; undefined if there is nothing, or not all that this version keeps: the log makes it again. */
  private async stored(shopId: ShopId, kept: Kept): Promise<ShopVersion | undefined> {
    const derived = this.store.derived(shopId)
    const state = derived && decodeState(shopId, derived.roots, kept.source, this.cache)
    if (state === undefined || this.store.logTreeHead(shopId) < derived!.seq) return undefined
    if (this.options.flushing !== undefined && !hasAskedLevels(derived!.roots)) return undefined
    const { seq: head } = derived!
    const trees = new ShopLog(this.store, shopId)
    const log = peaksUnlessDamaged(trees, head)
    if (log === undefined) return undefined
    kept.flushed = head
    await this.beginReplacing(kept, { state, head }, decodeNextRef(derived!.roots))
    return { state, head, relayNonce: 0n, log, stateRoot: trees.stateRoot(head) }
  }

  /** Before the first set; nothing of what was flushed is on disk any more. */
  private async fresh(kept: Kept): Promise<ShopVersion> {
    const { shopId } = kept.source
    const isDamaged = this.store.damage().some((damage) => damage.shopId === shopId && damage.part === 'derived')
    if (this.options.flushing !== undefined) {
      if (kept.stale || isDamaged) await this.store.dropDerived(shopId)
      else await this.store.dropRoots(shopId)
    }
    kept.stale = kept.source.damaged = false
    const first = firstVersion(this.newState(shopId))
    await this.beginReplacing(kept, first, undefined)
    return first
  }

  /** `found`: what the roots lead to; `next`: as they tell it. */
  private async beginReplacing(
    kept: Kept,
    found: Pick<ShopVersion, 'state' | 'head'>,
    next: NodeRef | undefined,
  ): Promise<void> {
    if (this.options.flushing === undefined) return
    const { source, replaced } = kept
    if (next !== undefined) source.beginAt(next)
    await replaced.begin(found.state)
    if (replaced.isListed) return
    const tidied = replaced.tidy(found, next, this.earlyRefs(source))
    // Roots tell that it was done.
    this.notFreed(next === undefined ? tidied.then(() => this.addWork(kept, 1)) : tidied)
  }

  /** Of what an upgrade keeps of the state of its day. */
  private *earlyRefs(source: PendingNodes): Iterable<NodeRef> {
    const early = this.store.earlyDerived(source.shopId)
    if (early !== undefined) yield* decodeDeadlines(early.roots, source, this.cache)?.refs() ?? []
  }

  private notFreed(freed: Promise<void>): void {
    freed.catch((error: unknown) => this.tell('trie nodes that were replaced could not be removed yet', error))
  }

  /** The shop after the log's last set. */
  private async replayed(kept: Kept, start: ShopVersion, options: LoadOptions): Promise<Shop> {
    const { shopId } = start.state
    const { version, problem } = await this.replayFrom(kept, start, options)
    const shop = new Shop(shopId, version, this.secretOf(shopId))
    kept.durable = shop.current
    kept.replaced.published(shop.current)
    const reason = problem ?? this.lastingDamage(shopId)
    if (reason !== undefined) this.close(shop, reason)
    return shop
  }

  /** As far as the log leads, and why no further. What is of the derived state is thrown. */
  private async replayFrom(
    kept: Kept,
    start: ShopVersion,
    { progress, signal }: LoadOptions,
  ): Promise<{ readonly version: ShopVersion; readonly problem?: string }> {
    const { shopId } = start.state
    const log = new LogReplay(start, {
      secret: this.secretOf(shopId),
      trees: new ShopLog(this.store, shopId),
      isLevelKept: (seq) => this.options.flushing === undefined || isLevelKept(this.store, shopId, seq),
      adjusted: this.earlyDeadlines(shopId, kept),
    })
    let slice = performance.now()
    try {
      while (log.head < this.store.head(shopId)) {
        for (const record of this.store.readLog(shopId, log.head, REPLAY_BATCH)) {
          log.take(record)
          if (log.work >= COMPARED_WORK) await this.keepReplayed(kept, log)
          if (performance.now() - slice < REPLAY_SLICE_MS) continue
          progress?.(log.head, this.store.head(shopId))
          await (this.held() ?? nextTurn())
          signal?.throwIfAborted()
          slice = performance.now()
        }
      }
      await this.keepReplayed(kept, log)
      return { version: { ...log.current, relayNonce: this.store.nonce(shopId, RELAY) } }
    } catch (error) {
      if (isOfDerived(error) || signal?.aborted || (error instanceof StoreError && error.code === 'closed')) throw error
      return { version: log.current, problem: (error as Error).message }
    }
  }

  /** What the store lacks beside the log, before anything is flushed that comes after it. */
  private async keepReplayed(kept: Kept, log: LogReplay): Promise<void> {
    const { shopId } = kept.source
    const sets = log.end()
    const treeHead = this.store.logTreeHead(shopId)
    const missing = sets.flatMap(({ added }) => added ?? [])
    const settings = [...new Map(sets.flatMap(({ levels }) => levels).map((row) => [row.key, row])).values()]
    if (missing.length + settings.length > 0 && this.options.flushing !== undefined) {
      const logTrees = logTreeRows(treeHead + 1, missing).map((row) => ({ shopId, ...row }))
      await this.store.commit({ records: [], logTrees, settings })
    }
    for (const { record, keys } of sets) this.note(kept, record, keys)
    kept.durable = log.current
  }

  private secretOf(shopId: ShopId): Uint8Array {
    let secret = this.secrets.get(shopId)
    if (secret === undefined) {
      this.secrets = new Map(this.store.shops().map((row) => [row.shopId, row.secret]))
      secret = present(this.secrets.get(shopId), `shop ${shopId}`)
    }
    return secret
  }

  /**
   * The deadlines that a log of format 1 led to, which does not tell them: those that were kept after set `seq` stand
   * for those that a replay makes.
   */
  private earlyDeadlines(shopId: ShopId, { source }: Kept): LogReplayOptions['adjusted'] {
    const asMade = (state: ShopState) => state
    try {
      const derived = this.store.earlyDerived(shopId)
      const early = [...((derived && decodeDeadlines(derived.roots, source, this.cache))?.entries() ?? [])]
      return derived === undefined
        ? asMade
        : (state, seq) => (seq === derived.seq ? withDeadlines(state, early) : state)
    } catch (error) {
      if (!isOfDerived(error)) throw error
      this.tell('deadlines of before the upgrade are damaged: reservations last as they do today', error)
      return asMade
    }
  }

  // What is damaged

  /** Nothing of what is on disk is used any more. */
  private forget(kept: Kept): void {
    kept.stale = true
    kept.staleSinceMs = this.now()
    kept.flushed = 0
    kept.durable = undefined
    kept.changes = new Map()
    this.totalWork -= kept.work
    kept.work = 0
  }

  /** What is damaged again so soon was not mended: the place where it stands is. */
  private mend(shop: Shop, kept: Kept): void {
    if (this.now() - kept.staleSinceMs >= REBUILD_AGAIN_MS) void this.rebuild(shop, kept)
    else this.close(shop, `shop ${shop.shopId}: its stored state was made again and is damaged again: ${WHAT_NOW}`)
  }

  /** Makes the state of a shop again while everybody else goes on; its writes are refused meanwhile. */
  private async rebuild(shop: Shop, kept: Kept): Promise<void> {
    const { shopId } = shop
    if (this.rebuilding.has(shopId)) return
    this.rebuilding.add(shopId)
    const closed = shop.closed
    shop.closed ??= { reason: 'its stored state is damaged and is made again, try again in a while', forNow: true }
    try {
      this.tell('a stored state is damaged and made again from the log', new Error(`shop ${shopId}`))
      while (this.flushing !== undefined) await this.flushing
      this.forget(kept)
      let { version, problem } = await this.replayFrom(kept, await this.fresh(kept), {})
      // A commit that was under way when the shop was closed.
      while (problem === undefined && shop.current.head !== version.head) {
        await wait(REBUILD_LOOK_MS)
        ;({ version, problem } = await this.replayFrom(kept, version, {}))
      }
      shop.current = version
      kept.durable = version
      kept.replaced.published(version)
      shop.closed = closed
      const reason = problem ?? this.lastingDamage(shopId)
      if (reason !== undefined) this.close(shop, reason)
      this.options.flushing?.rebuilt?.(shop)
    } catch (error) {
      this.close(shop, (error as Error).message)
    } finally {
      this.rebuilding.delete(shopId)
    }
  }

  /** What of the shop only a person can mend. */
  private lastingDamage(shopId: ShopId): string | undefined {
    return this.store.damage().find((damage) => damage.shopId === shopId && damage.part !== 'derived')?.text
  }

  private close(shop: Shop, reason: string): void {
    shop.closed = { reason, forNow: false }
    this.tell('a shop takes no writes until somebody has mended it', new Error(reason))
  }

  private now(): number {
    return this.options.flushing?.nowMs() ?? 0
  }

  private tell(event: string, error: unknown): void {
    this.options.flushing?.tell(event, error)
  }

  private kept(shopId: ShopId): Kept {
    let kept = this.shops.get(shopId)
    if (kept === undefined) {
      kept = {
        source: new PendingNodes(this.store, shopId),
        replaced: new ReplacedNodes(this.store, shopId),
        flushed: 0,
        durable: undefined,
        work: 0,
        sinceMs: 0,
        changes: new Map(),
        stale: false,
        staleSinceMs: -Infinity,
      }
      this.shops.set(shopId, kept)
    }
    return kept
  }
}

/** Several patches of a set may be of one object. */
function noteChange(changes: Kept['changes'], object: string, seq: Seq): void {
  const seqs = changes.get(object)
  if (seqs === undefined) changes.set(object, [seq])
  else if (seqs.at(-1) !== seq) seqs.push(seq)
}

function noMore(): never {
  throw new Error('bug: a node that was not stored before its root')
}

function withDeadlines(state: ShopState, deadlines: readonly (readonly [Uint8Array, Uint8Array])[]): ShopState {
  let { live } = state.indexes
  for (const [order, deadline] of deadlines) if (live.has(order)) live = live.set(order, deadline)
  return { ...state, indexes: { ...state.indexes, live } }
}

/** Undefined where the sets below a peak are damaged: a replay tells which. */
function peaksUnlessDamaged(trees: ShopLog, head: Seq): LogPeaks | undefined {
  try {
    return trees.peaks(head)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'damaged') return undefined
    throw error
  }
}
