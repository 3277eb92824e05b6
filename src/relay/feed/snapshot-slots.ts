/**
 * How many snapshots of a shop there are at a time (PROOFS §4): each holds a version of the state for as long as its
 * client takes. Further ones wait for their turn.
 *
 * Tests: test/e2e/snapshots.test.ts
 */

import type { ShopId } from '../../brands.js'
import { SNAPSHOTS_PER_SHOP_MAX } from '../../limits.js'

export class SnapshotSlots {
  private readonly running = new Map<ShopId, number>()
  private readonly waiting = new Map<ShopId, Set<() => void>>()

  /** Snapshots that are being sent now. */
  get count(): number {
    let count = 0
    for (const one of this.running.values()) count += one
    return count
  }

  /** Calls `start` now or later. Returns: it is over, or is not wanted any more; call it once. */
  take(shopId: ShopId, start: () => void): () => void {
    let isRunning = false
    const run = () => {
      isRunning = true
      this.running.set(shopId, (this.running.get(shopId) ?? 0) + 1)
      start()
    }
    if ((this.running.get(shopId) ?? 0) < SNAPSHOTS_PER_SHOP_MAX) run()
    else this.waitersOf(shopId).add(run)
    return () => {
      if (isRunning) this.release(shopId)
      else this.waiting.get(shopId)?.delete(run)
    }
  }

  private release(shopId: ShopId): void {
    const left = this.running.get(shopId)! - 1
    if (left > 0) this.running.set(shopId, left)
    else this.running.delete(shopId)
    const waiters = this.waiting.get(shopId)
    const [next] = waiters ?? []
    if (next === undefined) return
    waiters!.delete(next)
    if (waiters!.size === 0) this.waiting.delete(shopId)
    next()
  }

  private waitersOf(shopId: ShopId): Set<() => void> {
    const waiters = this.waiting.get(shopId) ?? new Set()
    this.waiting.set(shopId, waiters)
    return waiters
  }
}
