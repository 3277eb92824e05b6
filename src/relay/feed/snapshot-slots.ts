/**
 * How many snapshots of a shop there are at a time (PROOFS §4): each holds a version of the state for as long as its
 * client takes. Further ones wait for their turn. A session has one at a time, and sessions take turns: who asks for
 * many and reads none of them keeps one place, not all. And while others wait, that of a client which takes nothing for
 * some seconds goes to one of them.
 *
 * Tests: test/relay/feed/snapshot-slots.test.ts, test/e2e/snapshots.test.ts
 */

import type { ShopId } from '../../brands.js'
import { SNAPSHOT_UNREAD_SECONDS_MAX, SNAPSHOTS_PER_SHOP_MAX } from '../../limits.js'
import type { Clock } from '../instruments/clock.js'

/** What a snapshot does with its place. */
interface SnapshotTurn {
  /** It has one. */
  readonly start: () => void
  /** Whether nothing more can be sent before its client has read. */
  isUnread(): boolean
  /** Others wait, and its client reads nothing: MUST end it. */
  giveUp(): void
}

interface SnapshotPlace {
  /** Something was sent, or read. */
  readonly moved: () => void
  /** It is over, or is not wanted any more; call it once. */
  readonly end: () => void
}

/** Of one shop. */
interface Places {
  /** By session, the snapshot that is being sent, and when it moved last. */
  readonly running: Map<object, { readonly turn: SnapshotTurn; movedAtMs: number }>
  /** By session, those that wait longest first. */
  readonly waiting: Map<object, Set<() => void>>
  /** Calls off the next look for one that is not read. */
  callOff: () => void
}

const UNREAD_MS = SNAPSHOT_UNREAD_SECONDS_MAX * 1_000
/** Before the next look where one that has not moved for so long waits for us, not for its client. */
const LOOK_MS = 1_000

export class SnapshotSlots {
  private readonly clock: Clock
  private readonly shops = new Map<ShopId, Places>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Snapshots that are being sent now. */
  get count(): number {
    let count = 0
    for (const { running } of this.shops.values()) count += running.size
    return count
  }

  /** Starts `turn` now or later. `who`: the session. */
  take(shopId: ShopId, who: object, turn: SnapshotTurn): SnapshotPlace {
    const places = this.placesOf(shopId)
    const own = places.waiting.get(who) ?? new Set()
    const running = { turn, movedAtMs: 0 }
    let isRunning = false
    const run = () => {
      isRunning = true
      running.movedAtMs = this.clock.nowMs()
      places.running.set(who, running)
      turn.start()
    }
    places.waiting.set(who, own.add(run))
    this.serve(places)
    return {
      moved: () => void (running.movedAtMs = this.clock.nowMs()),
      end: () => {
        if (isRunning) places.running.delete(who)
        else if (own.delete(run) && own.size === 0) places.waiting.delete(who)
        this.serve(places)
        if (places.running.size + places.waiting.size === 0) this.shops.delete(shopId)
      },
    }
  }

  private serve(places: Places): void {
    const { running, waiting } = places
    for (const [who, own] of waiting) {
      if (running.size >= SNAPSHOTS_PER_SHOP_MAX) break
      if (running.has(who)) continue
      const [run] = own
      own.delete(run!)
      // Behind the others with what it has left.
      waiting.delete(who)
      if (own.size > 0) waiting.set(who, own)
      run!()
    }
    this.watch(places)
  }

  /** While somebody waits: looks when the first of those that are sent may be one that is not read. */
  private watch(places: Places): void {
    places.callOff()
    if (!isWanted(places)) return
    const first = Math.min(...[...places.running.values()].map(({ movedAtMs }) => movedAtMs))
    const wait = first + UNREAD_MS - this.clock.nowMs()
    places.callOff = this.clock.after(Math.max(wait, LOOK_MS), () => this.look(places))
  }

  private look(places: Places): void {
    const since = this.clock.nowMs() - UNREAD_MS
    const unread = [...places.running.values()].filter(({ movedAtMs, turn }) => movedAtMs <= since && turn.isUnread())
    for (const { turn } of unread.toSorted((a, b) => a.movedAtMs - b.movedAtMs)) if (isWanted(places)) turn.giveUp()
    this.watch(places)
  }

  private placesOf(shopId: ShopId): Places {
    const places = this.shops.get(shopId) ?? { running: new Map(), waiting: new Map(), callOff: () => undefined }
    this.shops.set(shopId, places)
    return places
  }
}

/** Whether a session waits that has no snapshot yet. */
function isWanted({ running, waiting }: Places): boolean {
  return [...waiting.keys()].some((who) => !running.has(who))
}
