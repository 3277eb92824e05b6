/**
 * Work that arrives faster than it is done, in slices of the event loop: what does not fit into one waits for the next,
 * and meanwhile sockets are read and answers go out. Whose turn it is follows turns.ts.
 *
 * Tests: test/relay/write/work-slices.test.ts
 */

import { Stopwatch } from '../instruments/stopwatch.js'
import { Turns, type Kind } from './turns.js'

/** Milliseconds of one turn of the event loop. */
const SLICE_MS = 8

export class WorkSlices {
  private readonly turns = new Turns<() => void>()
  private readonly watch: Stopwatch
  /** Of the present turn of the event loop. */
  private spentMs = 0
  private scheduled = false

  /** `watch`: slices and turns are measured by it. */
  constructor(watch = new Stopwatch()) {
    this.watch = watch
  }

  /**
   * Does the work, which must not throw: at once if nothing waits and there is time, else in its turn. What a lane
   * brings keeps its order.
   */
  push(kind: Kind, lane: string, work: () => void): void {
    this.turns.push(kind, lane, work)
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => this.nextSlice())
    }
    if (this.turns.size === 1) this.run()
  }

  private nextSlice(): void {
    this.scheduled = false
    this.spentMs = 0
    this.run()
    if (this.turns.size === 0) return
    this.scheduled = true
    setImmediate(() => this.nextSlice())
  }

  private run(): void {
    while (this.spentMs < SLICE_MS) {
      const work = this.turns.take()
      if (work === undefined) return
      const startMs = this.watch.nowMs()
      this.watch.start()
      work()
      this.turns.spent(this.watch.stop())
      this.spentMs += this.watch.nowMs() - startMs
    }
  }
}
