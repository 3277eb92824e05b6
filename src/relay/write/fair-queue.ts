/**
 * A queue of lanes: first in, first out within each lane, and the lanes share what their items cost (deficit round
 * robin, Shreedhar and Varghese 1995; the cost is known afterwards, so a lane may fall into debt and waits it off).
 * Lanes that come anew, and those that had little to do for long, take turns with all the others, so that a lone item
 * does not wait for a round of them (as the new flows of FQ-CoDel, RFC 8290 §4.1).
 */

/**
 * What a lane may spend in one round, in the unit of its costs: milliseconds of the writer. About a small set's: who
 * writes now and then beside many others has paid for it when each of them had one.
 */
const QUANTUM = 0.1

export class FairQueue<T> {
  /** All that have items, and those without that had something in this round. */
  private readonly lanes = new Map<string, Lane<T>>()
  /** Lanes that come anew, and those that have credit left, each in the order of their turns. */
  private readonly fresh = new Set<Lane<T>>()
  private readonly ready = new Set<Lane<T>>()
  /** Until the next round. */
  private readonly resting = new Set<Lane<T>>()
  /** Those of them that were empty and have an item again: they may be pardoned. */
  private readonly rare = new Set<Lane<T>>()
  /** The lane of the item that was taken last, until its cost is known. */
  private served: Lane<T> | undefined
  private wasFresh = false
  /** What all items so far have cost. */
  private worked = 0
  private count = 0

  get size(): number {
    return this.count
  }

  push(name: string, item: T): void {
    let lane = this.lanes.get(name)
    if (lane === undefined) {
      lane = { name, items: [], next: 0, credit: 0, emptyAt: 0 }
      this.lanes.set(name, lane)
      this.fresh.add(lane)
    } else if (isEmpty(lane) && lane !== this.served) {
      if (this.isRare(lane)) this.pardon(lane, this.fresh)
      else this.rare.add(lane)
    }
    lane.items.push(item)
    this.count++
  }

  /** The next lane's first item; undefined if there is none. */
  take(): T | undefined {
    this.spent(QUANTUM)
    if (this.count === 0) return undefined
    this.pardonWaiting()
    if (this.fresh.size + this.ready.size === 0) this.beginRound()
    this.wasFresh = this.fresh.size > 0 && !(this.wasFresh && this.ready.size > 0)
    const lanes = this.wasFresh ? this.fresh : this.ready
    for (const lane of lanes) {
      lanes.delete(lane)
      this.served = lane
      return this.takeFrom(lane)
    }
    return undefined
  }

  /** What the item that was taken last has cost. One of which nobody says so costs a whole turn. */
  spent(cost: number): void {
    const lane = this.served
    if (lane === undefined) return
    this.served = undefined
    const charged = Math.max(cost, COST_MIN)
    lane.credit -= charged
    this.worked += charged
    if (isEmpty(lane)) {
      // What it did not use is not kept for later: it has nothing to use it for.
      lane.credit = Math.min(lane.credit, 0)
      lane.emptyAt = this.worked
    }
    if (lane.credit >= 0 && !isEmpty(lane)) this.ready.add(lane)
    else this.resting.add(lane)
    // Nobody waits whom a debt could be owed to.
    if (this.count === 0) this.forgetAll()
  }

  private takeFrom(lane: Lane<T>): T {
    const item = lane.items[lane.next]!
    // What is taken is not kept.
    lane.items[lane.next++] = undefined
    this.count--
    if (lane.next >= TRIM_AT || isEmpty(lane)) {
      lane.items = lane.items.slice(lane.next)
      lane.next = 0
    }
    return item
  }

  private pardonWaiting(): void {
    let looks = 0
    for (const lane of this.rare) {
      if (this.isRare(lane)) this.pardon(lane, this.ready)
      if (++looks === PARDON_LOOKS_MAX) return
    }
  }

  /** Whether it has had little for long. */
  private isRare(lane: Lane<T>): boolean {
    return this.worked - lane.emptyAt >= IDLE_FACTOR * -lane.credit
  }

  private pardon(lane: Lane<T>, to: Set<Lane<T>>): void {
    lane.credit = 0
    this.rare.delete(lane)
    this.resting.delete(lane)
    to.add(lane)
  }

  /** As many rounds as it takes until a lane with items has paid its debt. */
  private beginRound(): void {
    let rounds = Infinity
    for (const lane of this.resting) if (!isEmpty(lane)) rounds = Math.min(rounds, roundsOf(lane))
    for (const lane of this.resting) {
      lane.credit += rounds * QUANTUM
      if (lane.credit < 0) continue
      this.resting.delete(lane)
      this.rare.delete(lane)
      if (isEmpty(lane)) this.lanes.delete(lane.name)
      else this.ready.add(lane)
    }
  }

  private forgetAll(): void {
    this.lanes.clear()
    this.resting.clear()
    this.rare.clear()
  }
}

interface Lane<T> {
  readonly name: string
  items: (T | undefined)[]
  /** Items before it were taken. */
  next: number
  /** Below 0: a debt. */
  credit: number
  /** When it had nothing left, by what all items had cost until then. */
  emptyAt: number
}

/** A lane that had nothing while the others had so many times its debt is none of those that flood. */
const IDLE_FACTOR = 64
/** Lanes looked at for it in one turn. */
const PARDON_LOOKS_MAX = 8

/** A lane that is never empty must not grow for ever. */
const TRIM_AT = 1_024
/** Of an item whose time no clock could tell: a lane of such items must not be served for ever. */
const COST_MIN = QUANTUM / 100

function isEmpty({ items, next }: Lane<unknown>): boolean {
  return next === items.length
}

function roundsOf({ credit }: Lane<unknown>): number {
  return Math.max(1, Math.ceil(-credit / QUANTUM))
}
