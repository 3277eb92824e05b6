/**
 * Whether the process can do its work (PROTOCOL §13, /health): the event loop turns, and the store answers in time.
 *
 * Tests: test/relay/instruments/health.test.ts, test/e2e/sessions.test.ts
 */

import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import { HEALTH_LOOP_DELAY_SECONDS_MAX, HEALTH_LOOP_MEMORY_SECONDS, HEALTH_STORE_SECONDS_MAX } from '../../limits.js'
import type { Store } from '../../store/store.js'
import type { Clock } from './clock.js'

/** How often what the loop's delay was at worst is put by. */
const SAMPLE_MS = 1_000

export class Health {
  private readonly store: Pick<Store, 'check'>
  private readonly clock: Clock
  /** Nanoseconds; its `max` is of the time since the last sample. */
  private readonly loopDelay: Pick<IntervalHistogram, 'enable' | 'disable' | 'reset' | 'max'>
  /** Seconds, of each sample of the last minute, the oldest first. */
  private readonly worst: number[] = []
  private cancelSample: () => void = () => undefined

  constructor(
    store: Pick<Store, 'check'>,
    clock: Clock,
    loopDelay: Health['loopDelay'] = monitorEventLoopDelay({ resolution: 20 }),
  ) {
    this.store = store
    this.clock = clock
    this.loopDelay = loopDelay
  }

  start(): void {
    this.loopDelay.enable()
    this.sampleLater()
  }

  stop(): void {
    this.loopDelay.disable()
    this.cancelSample()
  }

  /** What is wrong, of the loop at worst in the last minute, or undefined. However often it is asked. */
  async problem(): Promise<string | undefined> {
    const delaySeconds = Math.max(this.loopDelay.max / 1e9, ...this.worst)
    if (delaySeconds > HEALTH_LOOP_DELAY_SECONDS_MAX)
      return `the event loop was held for ${delaySeconds.toFixed(1)} s in the last minute`
    const late = new Promise<string>((resolve) => {
      this.clock.after(HEALTH_STORE_SECONDS_MAX * 1_000, () => resolve('the store does not answer'))
    })
    const check = this.store.check().then(
      () => undefined,
      (error: unknown) => `the store fails: ${(error as Error).message}`,
    )
    return Promise.race([check, late])
  }

  private sampleLater(): void {
    this.cancelSample = this.clock.after(SAMPLE_MS, () => {
      this.sample()
      this.sampleLater()
    })
  }

  private sample(): void {
    this.worst.push(this.loopDelay.max / 1e9)
    this.loopDelay.reset()
    if (this.worst.length > (HEALTH_LOOP_MEMORY_SECONDS * 1_000) / SAMPLE_MS) this.worst.shift()
  }
}
