/**
 * A write for the health check: one at a time, and not more often than every second however many ask.
 *
 * Tests: test/store/store.test.ts
 */

export class Probe {
  private readonly write: () => Promise<void>
  private last: Promise<void> = Promise.resolve()
  private nextMs = 0

  constructor(write: () => Promise<void>) {
    this.write = write
  }

  run(): Promise<void> {
    const now = performance.now()
    if (now >= this.nextMs) {
      this.nextMs = Infinity
      this.last = this.write().finally(() => {
        this.nextMs = performance.now() + PROBE_INTERVAL_MS
      })
    }
    return this.last
  }

  async settled(): Promise<void> {
    await this.last.catch(() => undefined)
  }
}

const PROBE_INTERVAL_MS = 1_000
