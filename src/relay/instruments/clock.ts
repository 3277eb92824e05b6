/**
 * The relay's time, passed in so that limits of minutes are tested in milliseconds.
 */

import type { Seconds } from '../../brands.js'

export interface Clock {
  /** Milliseconds since 1970. */
  nowMs(): number
  /** Runs `act` once after `ms`; the returned function calls it off. Does not keep the process alive. */
  after(ms: number, act: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

export function nowSeconds(clock: Clock): Seconds {
  return BigInt(Math.floor(clock.nowMs() / 1_000))
}
