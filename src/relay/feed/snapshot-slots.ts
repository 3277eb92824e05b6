/**
 * How many snapshots of a shop there are at a time (PROOFS §4): each holds a version of the state for as long as its
 * client takes. Further ones wait for their turn. A session has one at a time, and sessions take turns: who asks for
 * many and reads none of them keeps one place, not all.
 *
 * Tests: test/relay/feed/snapshot-slots.test.ts, test/e2e/snapshots.test.ts
 */

import type { ShopId } from '../../brands.js'
import { SNAPSHOTS_PER_SHOP_MAX } from '../../limits.js'

/** Of one shop. */
interface Places {
  /** Sessions whose snapshot is being sent. */
  readonly running: Set<object>
  /** By session, those that wait longest first. */
  readonly waiting: Map<object, Set<() => void>>
}

export class SnapshotSlots {
  private readonly shops = new Map<ShopId, Places>()

  /** Snapshots that are being sent now. */
  get count(): number {
    let count = 0
    for (const { running } of this.shops.values()) count += running.size
    return count
  }

  /** Calls `start` now or later. `who`: the session. Returns: it is over, or is not wanted any more; call it once. */
  take(shopId: ShopId, who: object, start: () => void): () => void {
    const places = this.placesOf(shopId)
    const own = places.waiting.get(who) ?? new Set()
    let isRunning = false
    const run = () => {
      isRunning = true
      start()
    }
    places.waiting.set(who, own.add(run))
    this.serve(places)
    return () => {
      if (isRunning) places.running.delete(who)
      else if (own.delete(run) && own.size === 0) places.waiting.delete(who)
      this.serve(places)
      if (places.running.size + places.waiting.size === 0) this.shops.delete(shopId)
    }
  }

  private serve({ running, waiting }: Places): void {
    for (const [who, own] of waiting) {
      if (running.size >= SNAPSHOTS_PER_SHOP_MAX) return
      if (running.has(who)) continue
      const [run] = own
      own.delete(run!)
      // Behind the others with what it has left.
      waiting.delete(who)
      if (own.size > 0) waiting.set(who, own)
      running.add(who)
      run!()
    }
  }

  private placesOf(shopId: ShopId): Places {
    const places = this.shops.get(shopId) ?? { running: new Set(), waiting: new Map() }
    this.shops.set(shopId, places)
    return places
  }
}
