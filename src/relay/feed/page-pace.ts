/**
 * When pushes to a page go out (PROTOCOL §10, Pages). The existing page applies each push over newer local state, so
 * the echo of one click must not arrive in the breath of the next: pushes have no delay of their own, keep a distance
 * from each other, and wait while the page writes.
 *
 * Tests: test/relay/feed/page-pace.test.ts, test/e2e/pages.test.ts
 */

import { PAGE_PUSH_GAP_MS, PAGE_QUIET_MS, PAGE_WAIT_MS_MAX } from '../../limits.js'
import type { Clock } from '../instruments/clock.js'

export class PagePace {
  readonly clock: Clock
  /** Long ago, by whatever clock. */
  private lastPushMs = -Infinity
  private lastAnswerMs = -Infinity
  private writes = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** The session has sent a write. */
  wrote(): void {
    this.writes++
  }

  /** One of its writes is answered. */
  answered(): void {
    this.writes--
    this.lastAnswerMs = this.clock.nowMs()
  }

  /** A push goes out now; others may go with it in the same breath. */
  pushed(): void {
    this.lastPushMs = this.clock.nowMs()
  }

  /** How long a push has still to wait that waits since `sinceMs`. */
  waitMs(sinceMs: number): number {
    const now = this.clock.nowMs()
    const rest = (since: number, ms: number) => Math.max(0, ms - Math.max(0, now - since))
    const gap = this.lastPushMs === now ? 0 : rest(this.lastPushMs, PAGE_PUSH_GAP_MS)
    const quiet = this.writes > 0 ? Infinity : rest(this.lastAnswerMs, PAGE_QUIET_MS)
    return Math.max(gap, Math.min(quiet, rest(sinceMs, PAGE_WAIT_MS_MAX)))
  }
}
