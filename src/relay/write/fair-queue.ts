/**
 * A queue of lanes: first in, first out within each lane, and the lanes take turns, so that a long one delays the
 * others by one item.
 */

export class FairQueue<T> {
  /** In the order of their turns; none is empty. */
  private readonly lanes = new Map<string, Lane<T>>()
  private count = 0

  get size(): number {
    return this.count
  }

  push(lane: string, item: T): void {
    const known = this.lanes.get(lane)
    if (known === undefined) this.lanes.set(lane, { items: [item], next: 0 })
    else known.items.push(item)
    this.count++
  }

  /** The next lane's first item; undefined if there is none. */
  take(): T | undefined {
    for (const [name, lane] of this.lanes) {
      const item = lane.items[lane.next]!
      // What is taken is not kept.
      lane.items[lane.next++] = undefined
      this.count--
      const isEmpty = lane.next === lane.items.length
      if (isEmpty || this.lanes.size > 1) this.lanes.delete(name)
      if (!isEmpty) this.lanes.set(name, trimmed(lane))
      return item
    }
    return undefined
  }
}

interface Lane<T> {
  items: (T | undefined)[]
  /** Items before it were taken. */
  next: number
}

/** A lane that is never empty must not grow for ever. */
function trimmed<T>(lane: Lane<T>): Lane<T> {
  return lane.next < TRIM_AT ? lane : { items: lane.items.slice(lane.next), next: 0 }
}

const TRIM_AT = 1_024
