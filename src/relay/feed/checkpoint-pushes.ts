/**
 * The checkpoints that a subscription of version 5 is pushed (PROOFS §4): each after the sets that it covers, with the
 * consistency from the last one that the client acknowledged. One at a time is without an answer, so that the client
 * never waits for a consistency from another. While nothing of the selection changes there are fewer: a busy shop has
 * ten a second, for each of its subscriptions.
 *
 * Tests: test/e2e/checkpoint-pushes.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { CHECKPOINT_PUSH_REST_MS, CHECKPOINT_PUSH_REST_MS_MAX } from '../../limits.js'
import { encodeEnvelope } from '../../wire/envelope.js'
import type { KeptCheckpoint } from '../checkpoints/signed-shop.js'
import type { Clock } from '../instruments/clock.js'
import type { ShopProofs } from '../proofs/shop-proofs.js'

interface CheckpointPushesOptions {
  readonly proofs: ShopProofs
  readonly shopId: ShopId
  readonly subscriptionId: Uint8Array
  /** CBOR of the salts that the session may have. */
  readonly salts: Uint8Array
  /** The last checkpoint that the client accepted; 0 if there is none. */
  readonly from: Seq
  readonly clock: Clock
}

/** What a push carries of a checkpoint. */
interface CheckpointParts {
  readonly checkpoint: Uint8Array
  readonly signature: Uint8Array
  readonly level: Uint8Array
  readonly last: Uint8Array
  readonly consistency: Uint8Array
  readonly salts: Uint8Array
}

const NOTHING = new Uint8Array(0)
/** What other pushes of a snapshot than the first have. */
export const NO_CHECKPOINT = {
  checkpoint: NOTHING,
  signature: NOTHING,
  level: NOTHING,
  consistency: NOTHING,
  lastLeaf: NOTHING,
  salts: NOTHING,
}

export class CheckpointPushes {
  private readonly options: CheckpointPushesOptions
  private acknowledged: Seq
  /** The last that was pushed. */
  private pushed: Seq = 0
  private unanswered: { readonly requestId: bigint; readonly seq: Seq } | undefined
  private pushedAtMs = -Infinity
  /** The last set that was pushed. */
  private lastSet: Seq = 0
  private act: () => void = () => undefined
  private stopWatching: () => void = () => undefined
  private callOff: (() => void) | undefined
  private isStopped = false

  constructor(options: CheckpointPushesOptions) {
    this.options = options
    this.acknowledged = options.from
  }

  /** `act` is called when there is a new one. */
  watch(act: () => void): void {
    const { proofs, shopId } = this.options
    this.act = act
    this.stopWatching = proofs.checkpoints.watch(shopId, ({ seq }) => {
      if (seq > this.pushed && this.isTime()) act()
    })
  }

  stop(): void {
    this.isStopped = true
    this.stopWatching()
    this.callOff?.()
  }

  /** A set was pushed: the checkpoint that covers it is not waited for. */
  setPushed(seq: Seq): void {
    this.lastSet = seq
  }

  answered(requestId: bigint): void {
    if (this.unanswered?.requestId !== requestId) return
    this.acknowledged = this.unanswered.seq
    this.unanswered = undefined
  }

  /** The one to be pushed to a client that has all sets up to `cursor`; undefined if there is none now. */
  due(cursor: Seq): KeptCheckpoint | undefined {
    if (this.unanswered !== undefined) return undefined
    const { proofs, shopId } = this.options
    const kept = proofs.checkpoints.upTo(shopId, cursor)
    return kept !== undefined && this.follows(kept) && this.isTime() ? kept : undefined
  }

  /** Whether there is one that is not pushed and covers sets behind `cursor`. */
  isBeyond(cursor: Seq): boolean {
    const { proofs, shopId } = this.options
    const newest = proofs.checkpoints.newest(shopId)
    return newest !== undefined && newest.seq > cursor && this.isTime()
  }

  /** Otherwise it acts again when it is. */
  private isTime(): boolean {
    if (this.lastSet > this.pushed) return true
    const { clock, proofs, shopId } = this.options
    const since = clock.nowMs() - this.pushedAtMs
    const rest = restMs(proofs.checkpoints.watchers(shopId))
    // A clock that was set back must not make anybody wait.
    if (since < 0 || since >= rest) return true
    if (!this.isStopped)
      this.callOff ??= clock.after(rest - since, () => {
        this.callOff = undefined
        this.act()
      })
    return false
  }

  /** Whether it is none that the client has already, nor one before it. */
  private follows({ seq }: KeptCheckpoint): boolean {
    return this.pushed === 0 ? seq >= this.acknowledged : seq > this.pushed
  }

  frame(kept: KeptCheckpoint, requestId: bigint): Uint8Array {
    const parts = this.parts(kept, requestId)
    const { subscriptionId } = this.options
    return encodeEnvelope({ requestId, message: { kind: 'checkpointPush', subscriptionId, ...parts } })
  }

  /** The fields of a snapshot's first push. */
  snapshotParts(kept: KeptCheckpoint, requestId: bigint): Record<keyof typeof NO_CHECKPOINT, Uint8Array> {
    const { last: lastLeaf, ...parts } = this.parts(kept, requestId)
    return { ...parts, lastLeaf }
  }

  private parts(kept: KeptCheckpoint, requestId: bigint): CheckpointParts {
    const { proofs, shopId, salts } = this.options
    const isFirst = this.pushed === 0
    this.pushed = kept.seq
    this.pushedAtMs = this.options.clock.nowMs()
    this.unanswered = { requestId, seq: kept.seq }
    const consistency = proofs.pushedConsistency(shopId, this.acknowledged, kept.seq)
    return { ...proofs.pushed(kept), consistency, salts: isFirst ? salts : NOTHING }
  }
}

/** Many that wait for nothing are told in turn: a push and its answer take the relay as long as a write. */
function restMs(subscriptions: number): number {
  return Math.min(CHECKPOINT_PUSH_REST_MS_MAX, Math.max(CHECKPOINT_PUSH_REST_MS, subscriptions))
}
