/**
 * Ends of reservations, earliest first (a binary heap). Entries are hints: whoever takes one asks the state whether it
 * still holds.
 *
 * Tests: test/e2e/limits.test.ts
 */

import type { OrderId, Seconds } from '../../brands.js'

export class Deadlines {
  private readonly heap: { readonly at: Seconds; readonly id: OrderId }[] = []

  add(id: OrderId, at: Seconds): void {
    const { heap } = this
    let place = heap.push({ at, id }) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (heap[parent]!.at <= heap[place]!.at) return
      swap(heap, parent, place)
      place = parent
    }
  }

  /** Takes out orders whose time is at or before `now`, seconds: at most `most`, earliest first, each once. */
  takeDue(now: Seconds, most: number): OrderId[] {
    const due = new Set<OrderId>()
    while (due.size < most && this.heap.length > 0 && this.heap[0]!.at <= now) due.add(this.takeFirst())
    return [...due]
  }

  private takeFirst(): OrderId {
    const { heap } = this
    const { id } = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return id
    heap[0] = last
    for (let place = 0; ;) {
      const left = 2 * place + 1
      if (left >= heap.length) return id
      const child = left + 1 < heap.length && heap[left + 1]!.at < heap[left]!.at ? left + 1 : left
      if (heap[place]!.at <= heap[child]!.at) return id
      swap(heap, place, child)
      place = child
    }
  }
}

function swap(items: unknown[], a: number, b: number): void {
  const item = items[a]
  items[a] = items[b]
  items[b] = item
}
