/**
 * Parts of the library that are loaded when they are first needed: in a page a request of their own.
 *
 * Tests: test/client/later.test.ts, test/client/set-follower.test.ts
 */

import { LOAD_PAUSE_MS_MAX, LOAD_PAUSE_MS_MIN, LOAD_TRIES_MAX } from '../limits.js'
import { ClientError } from './client-error.js'
import { unrefTimer } from './time-limit.js'

/** Rejects with ClientError UNREACHABLE where the part does not come: no check failed, and it may come later. */
export async function loaded<T>(part: Promise<T>): Promise<T> {
  try {
    return await part
  } catch (cause) {
    const problem = `a part of the client library does not load: ${(cause as Error).message}`
    throw new ClientError('UNREACHABLE', problem, { cause })
  }
}

interface Trying {
  /** Whether to go on. */
  isWanted(): boolean
  /** Whether a try that failed counts: where there is no network nothing loads. */
  counts(): boolean
  notice(text: string): void
}

/**
 * What `load` gives, a part without which nothing goes on: asked for again after rising pauses while it is UNREACHABLE.
 * Rejects with that after the last try that counts: a browser may remember that an address did not load, so that no
 * further one helps.
 */
export async function inTries<T>(load: () => Promise<T>, trying: Trying): Promise<T> {
  for (let [tries, pauseMs] = [0, LOAD_PAUSE_MS_MIN]; ; pauseMs = Math.min(2 * pauseMs, LOAD_PAUSE_MS_MAX)) {
    try {
      return await load()
    } catch (cause) {
      if (!(cause instanceof ClientError) || cause.code !== 'UNREACHABLE' || !trying.isWanted()) throw cause
      if (trying.counts()) tries++
      if (tries >= LOAD_TRIES_MAX)
        throw new ClientError('UNREACHABLE', `${cause.message} (in ${tries} tries)`, { cause, remedy: RELOAD })
      trying.notice(`${cause.message}; again in ${pauseMs} ms`)
    }
    await new Promise((resolve) => unrefTimer(setTimeout(resolve, pauseMs)))
  }
}

const RELOAD = 'Reload the page; if that does not help, look whether all files of its build are there.'

/** The same, or a rejection with ClientError TIMEOUT. */
export async function inTime<T>(part: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout>
  const over = new Promise<never>((_, reject) => {
    const problem = `a part of the client library does not load within ${ms} ms`
    timer = setTimeout(() => reject(new ClientError('TIMEOUT', problem)), ms)
  })
  return Promise.race([part, over]).finally(() => clearTimeout(timer))
}
