/**
 * An assertion that fails is a defect of this program, never the effect of bad input. It ends the piece of work that
 * met it: in the relay one set of a batch, one session, one HTTP request. A guard there reports the bug, and others
 * go on; where there is no guard the process ends. Bad input raises an error class of its room, a refused change is a
 * verdict (src/state/verdict.ts).
 *
 * Tests: test/relay/instruments/metrics.test.ts
 */

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws AssertionError with `what` unless `condition` holds. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new AssertionError(`bug: ${what}`)
}

/** Returns `value`, which the surrounding code has proved to be there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionError(`bug: ${what} is missing`)
  return value
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`bug: unexpected ${String(value)}`)
}
