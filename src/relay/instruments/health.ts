/**
 * Whether the process can do its work (PROTOCOL §13, /health): the event loop turns, and the store answers in time.
 *
 * Tests: test/e2e/sessions.test.ts
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { HEALTH_LOOP_DELAY_SECONDS_MAX, HEALTH_STORE_SECONDS_MAX } from '../../limits.js'
import type { Store } from '../../store/store.js'
import type { Clock } from './clock.js'

export class Health {
  private readonly store: Pick<Store, 'check'>
  private readonly clock: Clock
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 20 })

  constructor(store: Pick<Store, 'check'>, clock: Clock) {
    this.store = store
    this.clock = clock
  }

  start(): void {
    this.loopDelay.enable()
  }

  stop(): void {
    this.loopDelay.disable()
  }

  /** What is wrong, of the loop since the last question, or undefined. */
  async problem(): Promise<string | undefined> {
    const delaySeconds = this.loopDelay.max / 1e9
    this.loopDelay.reset()
    if (delaySeconds > HEALTH_LOOP_DELAY_SECONDS_MAX) return `the event loop was held for ${delaySeconds.toFixed(1)} s`
    const late = new Promise<string>((resolve) => {
      this.clock.after(HEALTH_STORE_SECONDS_MAX * 1_000, () => resolve('the store does not answer'))
    })
    const check = this.store.check().then(
      () => undefined,
      (error: unknown) => `the store fails: ${(error as Error).message}`,
    )
    return Promise.race([check, late])
  }
}
