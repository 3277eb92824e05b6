/** A clock that tests turn: what was to happen up to the new time happens, in order. */

import type { Clock } from '../../src/relay/clock.js'

export class TestClock implements Clock {
  private now: number
  private readonly plans = new Set<{ atMs: number; readonly act: () => void }>()

  constructor(nowMs = Date.now()) {
    this.now = nowMs
  }

  nowMs(): number {
    return this.now
  }

  after(ms: number, act: () => void): () => void {
    const plan = { atMs: this.now + ms, act }
    this.plans.add(plan)
    return () => this.plans.delete(plan)
  }

  /** As a clock that is set ahead or back: what is planned comes as much later as before. */
  set(ms: number): void {
    this.now += ms
    for (const plan of this.plans) plan.atMs += ms
  }

  async turn(ms: number): Promise<void> {
    const end = this.now + ms
    for (let next = this.due(end); next !== undefined; next = this.due(end)) {
      this.plans.delete(next)
      this.now = Math.max(this.now, next.atMs)
      next.act()
    }
    this.now = end
    await new Promise((resolve) => setImmediate(resolve))
  }

  private due(end: number) {
    return [...this.plans].filter(({ atMs }) => atMs <= end).sort((a, b) => a.atMs - b.atMs)[0]
  }
}
