/**
 * How far a command is that takes longer than a second.
 *
 * Tests: test/cli/check.test.ts
 */

import type { Io } from './io.js'

const PROGRESS_MS = 1_000

/** Tells on stderr, at most every second. */
export function reporter(io: Io): (text: string) => void {
  let toldMs = performance.now()
  return (text) => {
    if (performance.now() - toldMs < PROGRESS_MS) return
    toldMs = performance.now()
    io.err(text)
  }
}
