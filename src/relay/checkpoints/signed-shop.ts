/**
 * What is known of one shop's checkpoints while the relay runs, and when the next one is due: one second after the
 * first set that none covers or after 1,024 of them, whichever comes first, ten a second at most (PROOFS §3).
 *
 * Tests: test/relay/checkpoints/checkpoints.test.ts
 */

import type { Seconds, Seq } from '../../brands.js'
import {
  CHECKPOINT_AFTER_MS,
  CHECKPOINT_AFTER_SETS,
  CHECKPOINTS_KEPT,
  CHECKPOINTS_PER_SECOND_MAX,
} from '../../limits.js'
import type { Level } from '../../merkle/state-level.js'
import type { Checkpoint, Last, LogIdentity, SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { ShopState } from '../../state/shop-state.js'
import type { Clock } from '../instruments/clock.js'
import type { Shop, ShopVersion } from '../shops/shop.js'

/** One of the last 16 of a shop. */
export interface KeptCheckpoint {
  readonly seq: Seq
  readonly fields: Checkpoint
  /** The newest signature for this seq. */
  readonly signed: SignedCheckpoint
  /** SHA-256 of the checkpoint's bytes, 32 bytes. */
  readonly digest: Uint8Array
  readonly last: Last
  /** Of its StateRoot, with the salted digests. */
  readonly level: Level
  /** After set `seq`: what proofs are made from. */
  readonly state: ShopState
}

const REST_MS = 1_000 / CHECKPOINTS_PER_SECOND_MAX
/** After a checkpoint that could not be made. */
const RETRY_MS = 1_000

export class SignedShop {
  readonly shop: Shop
  readonly identity: LogIdentity
  /** The newest durable version. */
  version: ShopVersion
  /** The last ones, rising. */
  readonly kept: KeptCheckpoint[] = []
  /** Patches that were written since start, up to the version and up to each of `kept`. */
  private patches = 0
  private readonly patchesAt: number[] = []
  private patchesAimedAt = 0
  /** Of the last that was signed, or may have been; none later is earlier. */
  lastTime: Seconds | undefined
  /** Why none is signed. */
  withheld: string | undefined
  /** Why the last attempt failed. */
  failure: string | undefined
  /** Who waits for a signature that is fresh. */
  asking: (() => void)[] = []
  readonly watchers = new Set<(checkpoint: KeptCheckpoint) => void>()
  private readonly clock: Clock
  private readonly act: () => void
  /** The set of the newest checkpoint, or of the one that is made now. */
  private covered: Seq = 0
  private due = false
  private resting = false
  private cancelDue: (() => void) | undefined
  private cancelRest: (() => void) | undefined
  /** Another stands in its place: what it was about to sign is signed, nothing more. */
  private isOver = false

  /** `act` is called when it may be `ready`. */
  constructor(shop: Shop, identity: LogIdentity, clock: Clock, act: () => void) {
    this.shop = shop
    this.identity = identity
    this.version = shop.current
    this.clock = clock
    this.act = act
  }

  /** Whether a checkpoint of the newest version is to be made now. */
  get isDue(): boolean {
    return this.due && this.version.head > this.covered
  }

  /** Whether there is something to sign now. */
  get isReady(): boolean {
    return !this.isOver && !this.resting && this.withheld === undefined && (this.isDue || this.asking.length > 0)
  }

  get newest(): KeptCheckpoint | undefined {
    return this.kept.at(-1)
  }

  /** Between the oldest of the kept and the newest: their states hold what these replaced. */
  get heldPatches(): number {
    return this.kept.length === 0 ? 0 : this.patchesAt.at(-1)! - this.patchesAt[0]!
  }

  /** A version that became durable by so many patches. `overdue`: what none covers has been there for long. */
  moved(version: ShopVersion, patches: number, overdue = false): void {
    this.version = version
    this.patches += patches
    if (version.state.manifest === undefined || this.due) return
    const uncovered = version.head - this.covered
    if (uncovered <= 0) return
    if (overdue || uncovered >= CHECKPOINT_AFTER_SETS) this.becomeDue()
    else this.cancelDue ??= this.clock.after(CHECKPOINT_AFTER_MS, () => this.becomeDue())
  }

  /** A checkpoint is begun: sets that come from now on are not covered by it. */
  begun(seq: Seq): void {
    if (seq > this.covered) this.patchesAimedAt = this.patches
    this.covered = Math.max(this.covered, seq)
    this.due = false
    this.cancelDue?.()
    this.cancelDue = undefined
    this.rest(REST_MS)
  }

  signed(checkpoint: KeptCheckpoint): void {
    const isSame = this.newest?.seq === checkpoint.seq
    this.kept.splice(isSame ? -1 : this.kept.length, 1, checkpoint)
    if (!isSame) this.patchesAt.push(this.patchesAimedAt)
    if (this.kept.length > CHECKPOINTS_KEPT) this.dropOldest()
    this.failure = undefined
    this.answer()
  }

  dropOldest(): void {
    this.kept.shift()
    this.patchesAt.shift()
  }

  /** It is tried again in a while; nobody waits for that. */
  failed(reason: string): void {
    this.failure = reason
    this.covered = this.newest?.seq ?? 0
    this.due = this.version.head > this.covered
    this.rest(RETRY_MS)
    this.answer()
  }

  /** `reason` undefined: no more. */
  withhold(reason: string | undefined): void {
    this.withheld = reason
    this.answer()
  }

  answer(): void {
    const { asking } = this
    this.asking = []
    for (const tell of asking) tell()
  }

  stop(): void {
    this.isOver = true
    this.cancelDue?.()
    this.cancelRest?.()
    this.answer()
  }

  private becomeDue(): void {
    this.cancelDue?.()
    this.cancelDue = undefined
    this.due = true
    this.act()
  }

  private rest(ms: number): void {
    this.cancelRest?.()
    this.resting = true
    this.cancelRest = this.clock.after(ms, () => {
      this.resting = false
      this.act()
    })
  }
}
