/**
 * One subscription: pushes what it selects, in order, each set once (PROTOCOL §10). It keeps a cursor into the log and
 * nothing else in memory, goes on when the client answers, and looks through a long log by turns with others.
 *
 * One file of more than 300 lines: backlog, snapshot and live pushes move the same cursor.
 */

import type { Seq } from '../../brands.js'
import { toBigEndian } from '../../bytes/bytes.js'
import { PUSHES_UNANSWERED_MAX } from '../../limits.js'
import { encodeEnvelope } from '../../wire/envelope.js'
import type { KeptCheckpoint } from '../checkpoints/signed-shop.js'
import type { Clock } from '../instruments/clock.js'
import type { Audience, Member } from './audience.js'
import { NO_CHECKPOINT, type CheckpointPushes } from './checkpoint-pushes.js'
import type { Feed } from './feed.js'
import type { PagePace } from './page-pace.js'
import type { Step } from './round-robin.js'
import type { Snapshot } from './snapshot.js'

/** What a subscription needs of its session. */
export interface PushTarget {
  /** A fresh id of a relay's request. */
  nextRequestId(): bigint
  send(frame: Uint8Array): void
  /** As `send`, of bytes that change as soon as this returns. */
  sendBorrowed(frame: Uint8Array): void
  sendStatus(subscriptionId: number, unpushedPatches: number): void
  /** Whether the client reads: little waits for it in memory. */
  hasRoom(): boolean
  /** Of a session whose pushes are paced (§10, Pages): they have no push delay. */
  readonly pace?: PagePace | undefined
  /** Calls `step` by turns with the work of others until it returns false. */
  byTurns(step: Step): void
  /** Ends a subscription that cannot go on, and says so. */
  closeSubscription(id: number, why: string): void
  /** Pumps the subscription when the next sets become pushable, whatever they hold. */
  awaitNext(subscription: Subscription): void
  /** Calls `step` once; an error ends the session. */
  guarded(step: Step): boolean
}

/** What a subscription of version 5 has beside its sets (PROOFS §4). */
export interface ProvenPart {
  readonly checkpoints: CheckpointPushes
  /** Where it asked for the state first: made when the checkpoint is there that it stands under. */
  readonly snapshot?: SnapshotSource | undefined
  /** In place of the relay's push delay. */
  readonly delayMs?: number | undefined
  readonly clock: Clock
}

export interface SnapshotSource {
  /** Calls `ready` or `failed` later, unless it is ended before. */
  begin(reader: SnapshotReader): void
  /** A piece was sent, or its client answered one. */
  moved(): void
  /** It is over, or nobody waits for it any more. */
  end(): void
}

interface SnapshotReader {
  /** Its turn has come, under this checkpoint. */
  readonly ready: (kept: KeptCheckpoint, objects: Snapshot) => void
  /** It cannot go on. */
  readonly failed: (why: string) => void
  /** Whether nothing more can be sent before the client has read. */
  readonly isUnread: () => boolean
}

/** Records looked at before others get their turn. */
const SLICE_RECORDS = 256

let lastSerial = 0

export class Subscription implements Member {
  readonly id: number
  readonly serial = ++lastSerial
  readonly audience: Audience
  private readonly feed: Feed
  private readonly target: PushTarget
  /** The log at the time of the subscription. */
  private readonly backlogEnd: Seq
  private readonly idBytes: Uint8Array
  private cursor: Seq
  /** Pushes without an answer: request id → whether it carries a part of the backlog. */
  private readonly unanswered = new Map<bigint, boolean>()
  private backlogUnanswered = 0
  /** Selected patches of the backlog that were counted so far. */
  private patches = 0
  /** Up to where they were counted. */
  private counted: Seq
  private state: 'unanswered' | 'beginning' | 'counting' | 'snapshot' | 'backlog' | 'live' | 'ended' = 'unanswered'
  private readonly proven: ProvenPart | undefined
  /** Under its checkpoint, while it is not pushed whole. */
  private snapshot: { readonly objects: Snapshot; first: KeptCheckpoint | undefined } | undefined
  /** Whether its turn will come. */
  private waiting = false
  /** In a page's session: since when a set waits for its time, and what calls off its waking. */
  private waitsSinceMs: number | undefined
  private callOff: () => void = () => undefined

  constructor(
    id: number,
    audience: Audience,
    start: Seq,
    target: PushTarget,
    makeProven?: (idBytes: Uint8Array) => ProvenPart,
  ) {
    this.id = id
    this.idBytes = toBigEndian(BigInt(id), 2)
    this.audience = audience
    this.feed = audience.feed
    this.cursor = this.counted = start
    this.target = target
    this.backlogEnd = this.feed.head
    this.proven = makeProven?.(this.idBytes)
  }

  /** Call once, after the subscription's answer was sent. */
  start(): void {
    if (this.state !== 'unanswered') return
    this.proven?.checkpoints.watch(() => this.pumpAlone())
    if (this.proven?.snapshot !== undefined) return this.begin(this.proven.snapshot)
    this.state = 'counting'
    this.wait()
  }

  private begin(source: SnapshotSource): void {
    this.state = 'beginning'
    source.begin({
      ready: (kept, objects) => {
        this.snapshot = { objects, first: kept }
        this.cursor = this.counted = kept.seq
        this.state = 'counting'
        this.wait()
      },
      failed: (why) => this.target.closeSubscription(this.id, why),
      isUnread: () => this.state === 'snapshot' && !this.isFree(),
    })
  }

  get hasOwnTime(): boolean {
    return this.target.pace !== undefined || this.proven?.delayMs !== undefined
  }

  /** As `pump`; an error is the session's end and nobody else's. */
  pumpAlone(): void {
    this.target.guarded(() => (this.pump(), false))
  }

  /**
   * Pushes what may be pushed now, or when its turn comes if that is much to look through. Cheap when there is nothing.
   */
  pump(): void {
    if (this.waiting) return
    if (this.state === 'snapshot' && this.isFree()) return this.wait()
    if (this.state !== 'backlog' && this.state !== 'live') return
    this.cursor = this.audience.skip(this.cursor, this.last)
    const isFarBehind = this.last - this.cursor > SLICE_RECORDS
    if ((isFarBehind && this.mayPush()) || this.pushSome()) this.wait()
  }

  /**
   * Pushes everything up to set `last` at once, whatever is unanswered or delayed, while the client reads. For a
   * session that ends. Nothing precedes the subscription's own answer and first status.
   */
  flush(last: Seq): void {
    if (!['counting', 'backlog', 'live'].includes(this.state) || this.snapshot !== undefined) return
    // The status comes first, and a log that is not counted by now is too long for a farewell.
    if (this.state === 'counting' && !this.countSome()) return
    const end = Math.min(last, this.feed.head)
    while (this.cursor < end && this.target.hasRoom()) this.pushNext(end, SLICE_RECORDS)
  }

  /** The client answered one of this subscription's pushes. */
  answered(requestId: bigint): void {
    const backlog = this.unanswered.get(requestId)
    if (backlog === undefined) return
    this.unanswered.delete(requestId)
    if (this.state === 'snapshot') this.proven?.snapshot?.moved()
    this.proven?.checkpoints.answered(requestId)
    if (backlog) this.backlogUnanswered--
    this.pump()
  }

  owns(requestId: bigint): boolean {
    return this.unanswered.has(requestId)
  }

  /** Nothing is pushed any more. */
  end(): void {
    this.state = 'ended'
    this.callOff()
    this.proven?.checkpoints.stop()
    this.proven?.snapshot?.end()
  }

  private wait(): void {
    this.waiting = true
    this.target.byTurns(() => (this.waiting = this.step()))
  }

  /** Its turn has come. Whether it needs another. */
  private step(): boolean {
    if (this.state === 'ended') return false
    if (this.state === 'counting' && !this.countSome()) return true
    return this.state === 'snapshot' ? this.pushSnapshot() : this.pushSome()
  }

  /** Selected patches of the backlog, then the status that says so. Whether that is done. */
  private countSome(): boolean {
    for (let budget = SLICE_RECORDS; budget > 0 && this.counted < this.backlogEnd;) {
      const { patches, upTo, looked } = this.audience.count(this.counted, this.backlogEnd)
      this.patches += patches
      budget -= looked
      this.counted = upTo
    }
    if (this.counted < this.backlogEnd) return false
    this.target.sendStatus(this.id, this.patches)
    this.state = this.snapshot === undefined ? this.afterBeginning : 'snapshot'
    return true
  }

  private get afterBeginning(): 'live' | 'backlog' {
    return this.patches === 0 ? 'live' : 'backlog'
  }

  /** A piece of the snapshot. Whether more can be done at once. */
  private pushSnapshot(): boolean {
    if (!this.isFree()) return false
    const { objects, first } = this.snapshot!
    const next = objects.next()
    if (next === undefined) return true
    const requestId = this.target.nextRequestId()
    const parts = first === undefined ? NO_CHECKPOINT : this.proven!.checkpoints.snapshotParts(first, requestId)
    this.snapshot!.first = undefined
    this.unanswered.set(requestId, false)
    const message = { kind: 'snapshotPush', subscriptionId: this.idBytes, ...next, ...parts } as const
    this.target.send(encodeEnvelope({ requestId, message }))
    this.proven!.snapshot!.moved()
    if (!next.last) return true
    this.snapshot = undefined
    this.proven!.snapshot!.end()
    this.state = this.afterBeginning
    return this.pushSome()
  }

  /** The last set that may go out, but for its time in a page's session. */
  private get last(): Seq {
    if (this.delayMs !== undefined) return this.feed.publishedBy(this.nowMs - this.delayMs)
    if (this.target.pace === undefined) return this.feed.pushable
    return this.cursor < this.backlogEnd ? this.backlogEnd : this.feed.head
  }

  private get delayMs(): number | undefined {
    return this.proven?.delayMs
  }

  private get nowMs(): number {
    return this.proven!.clock.nowMs()
  }

  /** Whether something can be pushed now, if there is something. */
  private isFree(): boolean {
    return this.unanswered.size < PUSHES_UNANSWERED_MAX && this.target.hasRoom()
  }

  private mayPush(): boolean {
    return this.isFree() && this.cursor < this.last && this.isTime()
  }

  /** With a delay of its own: comes again when the next set has waited for it. */
  private wakeForNext(): void {
    if (this.delayMs === undefined) return
    const atMs = this.feed.publishedAfter(Math.max(this.cursor, this.last))
    this.callOff()
    if (atMs === undefined) return
    const wait = Math.max(1, atMs + this.delayMs - this.nowMs)
    this.callOff = this.proven!.clock.after(wait, () => this.pumpAlone())
  }

  /** A new checkpoint, once the client has all that it covers. */
  private pushCheckpoint(): void {
    const kept = this.isFree() ? this.proven?.checkpoints.due(this.cursor) : undefined
    if (kept === undefined) return
    const requestId = this.target.nextRequestId()
    this.unanswered.set(requestId, false)
    this.target.send(this.proven!.checkpoints.frame(kept, requestId))
  }

  /** Whether it goes on when sets become pushable that hold nothing for it: a status or a checkpoint waits for them. */
  private awaitsNext(): boolean {
    if (this.hasOwnTime || this.cursor < this.last) return false
    return this.cursor < this.backlogEnd || this.proven?.checkpoints.isBeyond(this.cursor) === true
  }

  /** In a page's session a live set waits for its time, and what is not selected waits for nothing. */
  private isTime(): boolean {
    const { pace } = this.target
    if (pace === undefined || this.cursor < this.backlogEnd) return true
    const now = pace.clock.nowMs()
    const wait = pace.waitMs(this.waitsSinceMs ?? now)
    if (wait === 0) return true
    this.skipUnselected()
    this.callOff()
    if (this.cursor === this.last) this.waitsSinceMs = undefined
    else {
      this.waitsSinceMs ??= now
      this.callOff = pace.clock.after(wait, () => this.pumpAlone())
    }
    return false
  }

  private skipUnselected(): void {
    const { records, upTo } = this.audience.after(this.cursor, this.last)
    const next = records.find((record) => this.audience.selection.places(record).length > 0)
    this.cursor = next === undefined ? upTo : next.seq - 1
  }

  /** Pushes what may be pushed of the next records. Whether more can be pushed at once. */
  private pushSome(): boolean {
    for (let budget = SLICE_RECORDS; this.mayPush();) {
      if (budget <= 0) return true
      budget -= this.pushNext(this.last, budget)
    }
    if (this.cursor >= this.last) this.waitsSinceMs = undefined
    this.pushCheckpoint()
    this.wakeForNext()
    this.checkBacklog()
    if (this.awaitsNext()) this.target.awaitNext(this)
    return false
  }

  /** One push from the log up to `last`, where it holds something; returns how many records were looked at. */
  private pushNext(last: Seq, budget: number): number {
    const { push, first, upTo, looked } = this.audience.next(this.cursor, last, budget)
    this.cursor = upTo
    if (push === undefined) return looked
    const requestId = this.target.nextRequestId()
    const backlog = first <= this.backlogEnd
    this.target.pace?.pushed()
    this.unanswered.set(requestId, backlog)
    this.proven?.checkpoints.setPushed(upTo)
    if (backlog) this.backlogUnanswered++
    this.target.sendBorrowed(push.frame(requestId, this.idBytes))
    return looked
  }

  private checkBacklog(): void {
    if (this.state !== 'backlog' || this.cursor < this.backlogEnd || this.backlogUnanswered > 0) return
    this.state = 'live'
    this.target.sendStatus(this.id, 0)
  }
}
