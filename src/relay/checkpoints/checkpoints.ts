/**
 * The checkpoints of all shops (PROOFS §3): made when they are due, durable before they are signed, with the guard
 * raised in between, and then handed to whoever watches. What is due at the same time goes to the disk together.
 *
 * One file of more than 300 lines: what is due, durable, guarded and signed is one course, and its order is what makes
 * it safe.
 *
 * Tests: test/relay/checkpoints/checkpoints.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { assert } from '../../assert.js'
import type { Seconds, Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { CborTime } from '../../codec/value.js'
import {
  CHECKPOINT_FRESH_SECONDS,
  CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX,
  CHECKPOINTS_TOGETHER_MS,
} from '../../limits.js'
import { stateRoot } from '../../merkle/state-level.js'
import {
  checkpointDigest,
  decodeCheckpoint,
  encodeCheckpoint,
  signCheckpoint,
  verifyLast,
  type Checkpoint,
  type Last,
  type LogIdentity,
  type SignedCheckpoint,
} from '../../proofs/checkpoint-form.js'
import { conflictBetween } from '../../proofs/conflict.js'
import { logInclusion } from '../../proofs/log-proof.js'
import { stateHash } from '../../state/shop-state.js'
import { stateLevel } from '../../state/state-root.js'
import type { SignedGuard, SignedMark } from '../../store/signed-guard.js'
import type { CheckpointRow, Store } from '../../store/store.js'
import { nowSeconds, type Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import type { Metrics } from '../instruments/metrics.js'
import type { CommittedSet } from '../shops/committed-set.js'
import { ShopLog } from '../shops/log-trees.js'
import type { Shop } from '../shops/shop.js'
import { storedDigest } from './log-checkpoint.js'
import { SignedShop, type KeptCheckpoint } from './signed-shop.js'
import { decodeStored, encodeStored, type StoredCheckpoint } from './stored-checkpoint.js'

interface CheckpointsOptions {
  readonly store: Store
  readonly guard: SignedGuard
  /** Whose the shops are; Registry: zeros in development mode. */
  readonly relay: Omit<LogIdentity, 'ShopID'>
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  /**
   * Of all shops, between the oldest kept checkpoint and the newest: where more is written, fewer are kept, so that a
   * small heap is not full of their states.
   */
  readonly heldPatchesMax: number
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** A checkpoint on its way: what is kept of it once it is signed, and the row that is on disk before. */
interface Planned {
  readonly followed: SignedShop
  readonly bytes: Uint8Array
  readonly kept: Omit<KeptCheckpoint, 'signed' | 'digest'>
  readonly stored: StoredCheckpoint
  /** Undefined: it stands there already. */
  readonly row: CheckpointRow | undefined
}

/** Of shops that are due at once, how many are signed together. */
const SHOPS_AT_ONCE = 32

export class Checkpoints {
  private readonly options: CheckpointsOptions
  private readonly shops = new Map<ShopId, SignedShop>()
  /** Those that may be ready. */
  private readonly candidates = new Set<SignedShop>()
  /** First signatures that the next commit writes, by shop and seq. */
  private readonly unwritten = new Map<string, CheckpointRow>()
  private readonly total: { add(n?: number): void }
  private working: Promise<void> | undefined
  private resting = false
  /** Those that were signed last. */
  private lately: readonly SignedShop[] = []
  private stopped = false
  /** The sum of `heldPatches` of all shops. */
  private held = 0

  constructor(options: CheckpointsOptions) {
    this.options = options
    const { metrics } = options
    this.total = metrics.counter('cairn_checkpoints_total', 'Checkpoints signed, those signed again included')
    const withheld = 'Shops whose checkpoints cannot be signed: the log tells why'
    metrics.gauge('cairn_checkpoints_withheld', withheld, () => this.withheldCount)
  }

  /** A shop as the relay takes it up: at its start, or when its state was made again. */
  adopt(shop: Shop): void {
    const before = this.shops.get(shop.shopId)
    const followed = this.follow(shop)
    for (const watcher of before?.watchers ?? []) followed.watchers.add(watcher)
    before?.stop()
    if (before !== undefined) this.candidates.delete(before)
    this.held -= before?.heldPatches ?? 0
    followed.moved(shop.current, 0, true)
  }

  /** A step after the commit of these sets: the shop's current version is the one after them. */
  published(shop: Shop, sets: readonly CommittedSet[]): void {
    const followed = this.shops.get(shop.shopId) ?? this.follow(shop)
    const patches = sets.reduce((sum, { record }) => sum + record.patches.length, 0)
    followed.moved(shop.current, patches)
    if (followed.withheld !== undefined) this.look(followed)
  }

  /** Whether sets of the shop are durable. */
  follows(shopId: ShopId): boolean {
    return this.shops.has(shopId)
  }

  newest(shopId: ShopId): KeptCheckpoint | undefined {
    return this.shops.get(shopId)?.newest
  }

  /** Among the last 16. */
  at(shopId: ShopId, seq: Seq): KeptCheckpoint | undefined {
    return this.shops.get(shopId)?.kept.find((kept) => kept.seq === seq)
  }

  /** The newest of those among the last 16 that are not above `seq`. */
  upTo(shopId: ShopId, seq: Seq): KeptCheckpoint | undefined {
    return this.shops.get(shopId)?.kept.findLast((kept) => kept.seq <= seq)
  }

  /**
   * The newest, signed again if it is older than ten seconds; where that cannot be done as it is. Undefined where none
   * was signed since start.
   */
  async fresh(shopId: ShopId): Promise<KeptCheckpoint | undefined> {
    const followed = this.shops.get(shopId)
    const { newest } = followed ?? {}
    if (followed === undefined || newest === undefined || this.stopped || followed.withheld !== undefined) return newest
    if (this.now - newest.fields.Timestamp.seconds <= CHECKPOINT_FRESH_SECONDS) return newest
    await new Promise<void>((resolve) => {
      followed.asking.push(resolve)
      this.offer(followed)
    })
    return followed.newest
  }

  /** Of any seq that has a checkpoint, as it was signed first. Throws StoreError 'damaged'. */
  firstSigned(shopId: ShopId, seq: Seq): SignedCheckpoint | undefined {
    const value = this.unwritten.get(`${shopId}/${seq}`)?.value ?? this.options.store.checkpoint(shopId, seq)
    if (value === undefined) return undefined
    const { first, signature } = decodeStored(value)
    if (signature !== undefined) return [first, signature]
    // A crash came before its signature was written: the guard tells whether there may be one.
    const followed = this.shops.get(shopId)
    const isSigned = BigInt(seq) <= (this.options.guard.highest(this.identityOf(shopId))?.seq ?? 0n)
    if (!isSigned || followed === undefined || followed.withheld !== undefined) return undefined
    return signCheckpoint(first, this.options.relaySecret)
  }

  /** Calls `onSigned` with each checkpoint, those that are signed again too. Returns: call it off. */
  watch(shopId: ShopId, onSigned: (checkpoint: KeptCheckpoint) => void): () => void {
    const followed = this.shops.get(shopId)
    assert(followed !== undefined, `a watcher of shop ${shopId}, which is not there`)
    const own = (checkpoint: KeptCheckpoint) => onSigned(checkpoint)
    followed.watchers.add(own)
    return () => void this.shops.get(shopId)?.watchers.delete(own)
  }

  /** How many watch it. */
  watchers(shopId: ShopId): number {
    return this.shops.get(shopId)?.watchers.size ?? 0
  }

  /** Signs nothing more; what was begun is finished. */
  async stop(): Promise<void> {
    this.stopped = true
    await this.working
    for (const followed of this.shops.values()) followed.stop()
    const checkpoints = [...this.unwritten.values()]
    if (checkpoints.length === 0) return
    await this.options.store.commit({ records: [], checkpoints }).catch((error: unknown) => {
      this.options.log.error('signatures of checkpoints were not stored; they are made again', error)
    })
  }

  // What may be signed

  private get now(): Seconds {
    return nowSeconds(this.options.clock)
  }

  private get withheldCount(): number {
    let count = 0
    for (const { withheld, failure } of this.shops.values()) if ((withheld ?? failure) !== undefined) count++
    return count
  }

  private identityOf(shopId: ShopId): LogIdentity {
    return { ...this.options.relay, ShopID: shopId }
  }

  private follow(shop: Shop): SignedShop {
    const { clock } = this.options
    const followed = new SignedShop(shop, this.identityOf(shop.shopId), clock, () => this.offer(followed))
    this.shops.set(shop.shopId, followed)
    this.look(followed)
    this.warn(followed)
    return followed
  }

  /** Of what hinders nothing, and a person should know. */
  private warn({ identity, lastTime, shop: { shopId: shop } }: SignedShop): void {
    const { guard, log } = this.options
    if (lastTime === undefined) return
    if (guard.highest(identity) === undefined)
      log.warn('beside the key nothing tells what was signed of a shop; it is made anew from the database', { shop })
    const ahead = lastTime - this.now
    if (ahead > CHECKPOINT_TIMESTAMP_AHEAD_SECONDS_MAX)
      log.warn('the last checkpoint is of the future: clients refuse it and the next ones until then', { shop, ahead })
  }

  /** At the start, and while something stands against it: sets that were missing may be back. */
  private look(followed: SignedShop): void {
    const before = followed.withheld
    const reason = this.whyWithheldOrBroken(followed)
    if (reason === before) return
    const { shopId: shop } = followed.shop
    followed.withhold(reason)
    if (reason !== undefined)
      return this.options.log.warn(`no checkpoints are signed: ${reason}`, { shop, head: followed.version.head })
    this.options.log.info('checkpoints are signed again', { shop })
    this.offer(followed)
  }

  private whyWithheldOrBroken(followed: SignedShop): string | undefined {
    try {
      return this.whyWithheld(followed)
    } catch (error) {
      return `the log cannot be compared with the last checkpoint: ${(error as Error).message}`
    }
  }

  /** A log that ends before what was signed, or goes another way: whatever it leads to would be evidence against us. */
  private whyWithheld(followed: SignedShop): string | undefined {
    const { store, guard } = this.options
    const { shopId } = followed.shop
    const { head } = followed.version
    const mark = guard.highest(followed.identity)
    const stored = store.newestCheckpoint(shopId)
    const last = Math.max(Number(mark?.seq ?? 0n), stored?.seq ?? 0)
    if (head < last)
      return `the log ends before checkpoint ${last}, which may have been signed: restore the sets in between`
    followed.lastTime = mark?.timestamp
    if (mark !== undefined && !equalBytes(storedDigest(store, mark), mark.digest))
      return `the log of set ${mark.seq} is not the one that was signed: restore the sets that were`
    if (stored === undefined) return undefined
    const fields = decodeCheckpoint(decodeStored(stored.value).newest)
    if (this.isOurs(followed, fields)) followed.lastTime = later(followed.lastTime, fields.Timestamp.seconds)
    return undefined
  }

  /** Of another token or chain are those of other settings. */
  private isOurs({ identity }: SignedShop, fields: Checkpoint): boolean {
    const { ChainID, Registry, Relay } = identity
    return fields.ChainID === ChainID && fields.Relay === Relay && equalBytes(fields.Registry, Registry)
  }

  // Making them

  private offer(followed: SignedShop): void {
    this.candidates.add(followed)
    this.begin()
  }

  /** One that is not ready offers itself again when it is. */
  private begin(): void {
    if (this.working !== undefined || this.stopped) return
    const ready: SignedShop[] = []
    for (const followed of this.candidates) {
      // Nobody who asked for one waits, nor a shop for itself.
      if (this.resting && followed.asking.length === 0 && !this.lately.includes(followed)) continue
      this.candidates.delete(followed)
      if (followed.isReady) ready.push(followed)
      if (ready.length === SHOPS_AT_ONCE) break
    }
    if (ready.length === 0) return
    this.lately = ready
    this.working = this.make(ready).finally(() => {
      this.working = undefined
      this.begin()
      if (this.working === undefined) this.rest()
    })
  }

  /**
   * Each making is a commit and a write to the guard of its own, beside those of the sets: of many busy shops, each due
   * at its own time, those of a while go together.
   */
  private rest(): void {
    if (this.resting || this.stopped) return
    this.resting = true
    this.options.clock.after(CHECKPOINTS_TOGETHER_MS, () => {
      this.resting = false
      this.begin()
    })
  }

  private async make(shops: readonly SignedShop[]): Promise<void> {
    const planned = shops.flatMap((followed) => this.plan(followed) ?? [])
    try {
      await this.keep(planned)
    } catch (error) {
      for (const { followed } of planned) this.tellFailure(followed, error)
      return
    }
    for (const plan of planned) this.sign(plan)
    // At a start there is nothing to wait for on the disk, and many shops.
    await nextTurn()
  }

  /** On disk first, then in the guard; nothing is signed before. */
  private async keep(planned: readonly Planned[]): Promise<void> {
    const { store, guard } = this.options
    const rows = planned.flatMap(({ row }) => row ?? [])
    if (rows.length > 0) {
      const signatures = new Map(this.unwritten)
      for (const { shopId, seq } of rows) signatures.delete(`${shopId}/${seq}`)
      await store.commit({ records: [], checkpoints: [...signatures.values(), ...rows] })
      for (const [name, row] of signatures) if (this.unwritten.get(name) === row) this.unwritten.delete(name)
      for (const { shopId, seq } of rows) this.unwritten.delete(`${shopId}/${seq}`)
    }
    await guard.raise(planned.map(markOf))
  }

  private sign({ followed, bytes, kept, stored }: Planned): void {
    const { relaySecret, log } = this.options
    const signed = signCheckpoint(bytes, relaySecret)
    const checkpoint = { ...kept, signed, digest: checkpointDigest(bytes) }
    if (stored.signature === undefined) {
      const { shopId } = followed.shop
      const [, signature] = bytes === stored.first ? signed : signCheckpoint(stored.first, relaySecret)
      const value = encodeStored({ ...stored, signature })
      this.unwritten.set(`${shopId}/${kept.seq}`, { shopId, seq: kept.seq, value })
    }
    this.total.add()
    const heldBefore = followed.heldPatches
    followed.signed(checkpoint)
    this.held += followed.heldPatches - heldBefore
    this.dropStates(followed)
    for (const watcher of [...followed.watchers]) {
      try {
        watcher(checkpoint)
      } catch (error) {
        log.error('bug', error)
      }
    }
  }

  /** The newest of a shop stays. */
  private dropStates(followed: SignedShop): void {
    while (this.held > this.options.heldPatchesMax && followed.kept.length > 1) {
      const before = followed.heldPatches
      followed.dropOldest()
      this.held -= before - followed.heldPatches
    }
  }

  /** Undefined where it fails, of which is told, or where there is nothing to do. */
  private plan(followed: SignedShop): Planned | undefined {
    try {
      const plan = followed.isDue ? this.planDue(followed) : this.planAgain(followed)
      if (plan === undefined) followed.answer()
      else followed.lastTime = plan.kept.fields.Timestamp.seconds
      return plan
    } catch (error) {
      this.tellFailure(followed, error)
      return undefined
    }
  }

  private tellFailure(followed: SignedShop, error: unknown): void {
    const reason = (error as Error).message
    if (followed.failure !== reason)
      this.options.log.error('a checkpoint could not be signed; it is tried again', error, {
        shop: followed.shop.shopId,
      })
    followed.failed(reason)
  }

  /** Of the newest version: new, or as it was stored before a crash. */
  private planDue(followed: SignedShop): Planned | undefined {
    const { store } = this.options
    const { shop, version, identity } = followed
    const { head: seq, state } = version
    const { shopId } = shop
    const level = stateLevel(state, shop.secret)
    assert(level !== undefined, `shop ${shopId}, set ${seq}: no manifest`)
    assert(equalBytes(stateRoot(level), version.stateRoot), `shop ${shopId}, set ${seq}: another StateRoot`)
    const fields: Checkpoint = {
      Version: 1n,
      ...identity,
      Seq: BigInt(seq),
      Peaks: [...version.log.mmr],
      StateRoot: version.stateRoot,
      StateHash: stateHash(state),
      Timestamp: new CborTime(this.timeAfter(followed)),
    }
    const trees = new ShopLog(store, shopId)
    const [, path] = logInclusion(fields.Seq, fields.Seq, (index) => trees.node(index))
    const last: Last = [trees.setDigest(seq), path]
    verifyLast(last, fields)
    const kept = { seq, last, level, state }
    followed.begun(seq)
    const bytes = encodeCheckpoint(fields)
    const before = store.checkpoint(shopId, seq)
    const stored = before && decodeStored(before)
    const found = stored && decodeCheckpoint(stored.newest)
    if (stored === undefined || !this.isOurs(followed, found!))
      return this.planned(followed, { ...kept, fields }, { first: bytes, signature: undefined, newest: bytes })
    const conflict = conflictBetween(found!, { ...fields, Timestamp: found!.Timestamp })
    assert(conflict === undefined, `shop ${shopId}: it was stored otherwise: ${conflict?.message}`)
    // A later one was signed, and the database was restored since.
    if (found!.Timestamp.seconds < (followed.lastTime ?? 0n))
      return this.planned(followed, { ...kept, fields }, { ...stored, newest: bytes })
    return { followed, bytes: stored.newest, kept: { ...kept, fields: found! }, stored, row: undefined }
  }

  /** The newest once more, with the time that it is now. */
  private planAgain(followed: SignedShop): Planned | undefined {
    const { newest, shop } = followed
    if (newest === undefined) return undefined
    const seconds = this.timeAfter(followed)
    if (seconds <= newest.fields.Timestamp.seconds) return undefined
    const { seq, last, level, state } = newest
    const fields = { ...newest.fields, Timestamp: new CborTime(seconds) }
    followed.begun(seq)
    const value = this.unwritten.get(`${shop.shopId}/${seq}`)?.value ?? this.options.store.checkpoint(shop.shopId, seq)
    assert(value !== undefined, `shop ${shop.shopId}: the checkpoint of set ${seq} is not stored`)
    const stored = { ...decodeStored(value), newest: encodeCheckpoint(fields) }
    return this.planned(followed, { seq, last, level, state, fields }, stored)
  }

  private planned(followed: SignedShop, kept: Planned['kept'], stored: StoredCheckpoint): Planned {
    const { shopId } = followed.shop
    const row = { shopId, seq: kept.seq, value: encodeStored(stored) }
    return { followed, bytes: stored.newest, kept, stored, row }
  }

  /** That of the clock, or of the last one where the clock went back. */
  private timeAfter({ lastTime }: SignedShop): Seconds {
    return later(lastTime, this.now)
  }
}

function later(a: Seconds | undefined, b: Seconds): Seconds {
  return a === undefined || b > a ? b : a
}

function markOf({ followed: { identity }, bytes, kept: { fields } }: Planned): SignedMark {
  return { identity, seq: fields.Seq, timestamp: fields.Timestamp.seconds, digest: checkpointDigest(bytes) }
}
