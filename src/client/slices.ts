/**
 * Long work a slice at a time, so that a page answers its user meanwhile. Work is a generator that yields wherever it
 * may be interrupted, as often as it likes; a promise where it cannot go on before that.
 *
 * Tests: test/client/slices.test.ts
 */

import { SLICE_MS } from '../limits.js'

export type Steps<T = void> = Generator<Promise<void> | undefined, T>

/**
 * What the work gives: at once if it is done in one slice, else a promise. Before each further slice `isWanted` is
 * asked; where it says no the work ends where it is, and gives undefined.
 */
export function inSlices<T>(steps: Steps<T>, isWanted: () => boolean): T | Promise<T | undefined> {
  const step = slice(steps)
  return step.done === true ? step.value : following(steps, isWanted, step.value)
}

/** All of it, in one go, of work that waits for nothing. */
export function toEnd<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

async function following<T>(
  steps: Steps<T>,
  isWanted: () => boolean,
  first: Promise<void> | undefined,
): Promise<T | undefined> {
  for (let waited = first; ;) {
    const problem = await (waited ?? nextTask()).then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    if (!isWanted()) {
      steps.return(undefined as T)
      return undefined
    }
    const step = slice(steps, problem)
    if (step.done === true) return step.value
    waited = step.value
  }
}

/** `problem`: what the work waited for has failed. */
function slice<T>(
  steps: Steps<T>,
  problem?: { readonly error: unknown },
): IteratorResult<Promise<void> | undefined, T> {
  const end = performance.now() + SLICE_MS
  let step = problem === undefined ? steps.next() : steps.throw(problem.error)
  while (step.done !== true && step.value === undefined && performance.now() < end) step = steps.next()
  return step
}

/** Unlike a timer it comes at once, in a tab that nobody looks at too. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => {
      port1.close()
      resolve()
    })
    port1.start()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has none
    port2.postMessage(undefined)
  })
}
