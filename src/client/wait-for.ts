/**
 * Waiting for what live objects show: until it is there, the client is closed, a signal aborts, or it takes too long.
 *
 * Tests: test/client/cart.test.ts, test/client/shop-orders.test.ts, test/client/client-closed.test.ts
 */

import { untilClosed, type ClosingClient } from './client-closed.js'
import { aborted } from './client-error.js'

interface Waiting<T> {
  readonly client: ClosingClient
  readonly signal?: AbortSignal | undefined
  /** What tells that something changed. */
  readonly watched: readonly { readonly subscribe: (changed: () => void) => () => void }[]
  /** What was waited for, in a list; undefined: it is not there yet. What it throws ends the waiting. */
  readonly look: () => readonly [T] | undefined
  readonly ms: number
  /** What it is after so long. */
  readonly late: () => T
}

/** That the client is connected, or not, as something to watch. */
export function stateOf(client: ClosingClient): Waiting<unknown>['watched'][number] {
  return { subscribe: (changed) => client.onState(changed) }
}

/** Rejects with what `look` and `late` throw, with ClientError ABORTED, and with CLOSED. */
export function waitFor<T>({ client, signal, watched, look, ms, late }: Waiting<T>): Promise<T> {
  return untilClosed(client, signal, async (signal) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const ends: (() => void)[] = []
    try {
      return await new Promise<T>((resolve, reject) => {
        const told = (found: () => readonly [T] | undefined) => {
          try {
            const is = found()
            if (is !== undefined) resolve(is[0])
          } catch (error) {
            reject(error)
          }
        }
        const changed = () => told(look)
        const stopped = () => reject(aborted(signal))
        timer = setTimeout(() => told(() => [late()]), ms)
        if (signal.aborted) return stopped()
        signal.addEventListener('abort', stopped, { once: true })
        ends.push(...watched.map(({ subscribe }) => subscribe(changed)))
        changed()
      })
    } finally {
      clearTimeout(timer)
      for (const end of ends) end()
    }
  })
}
