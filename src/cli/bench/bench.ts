/**
 * One call of `cairn bench`, or of a table of bounds: what its work shares. Work adds series; each is warmed up, run as
 * often as was asked, and kept whatever comes in between.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { setMaxListeners } from 'node:events'
import type { Load } from './load.js'
import type { Use } from './relay-process.js'
import { runOf, type Run, type Series, type Work } from './result.js'
import type { Place } from './shop.js'
import { SigningThreads } from './signing-threads.js'

export interface BenchRelay extends Place {
  use(): Use | undefined
}

interface BenchOptions {
  readonly relay: BenchRelay
  readonly runs: number
  /** Of one run. */
  readonly seconds: number
  /** Aborted: all ends at once. */
  readonly signal: AbortSignal
  /** Where it is now. */
  readonly progress: (text: string) => void
  /** A series that is over, with all its runs or without. */
  readonly told: (series: Series) => void
}

/** Something was refused: what comes after it would be measured on who knows what. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
}

type Prepare = (seconds: number) => Promise<() => Promise<Load>>

const WARM_UP_SECONDS_MAX = 1
const PROGRESS_MS = 1_000

export class Bench {
  readonly options: BenchOptions
  readonly relay: BenchRelay
  readonly signal: AbortSignal
  readonly signing = new SigningThreads()
  private readonly opened: { close(): void }[] = []

  constructor(options: BenchOptions) {
    this.options = options
    this.relay = options.relay
    this.signal = options.signal
    // All that is waited for listens to it.
    setMaxListeners(0, this.signal)
  }

  /** To be closed at the end. */
  keep<T extends { close(): void }>(one: T): T {
    this.opened.push(one)
    return one
  }

  /** Rejects where it was stopped in between. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this
    signal.throwIfAborted()
    let stop = () => undefined as void
    const stopped = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)))
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await Promise.race([promise, stopped])
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /**
   * `prepare` gives what makes the load for so many seconds: what is measured begins with that. Rejects with
   * RefusedError; where it is stopped the series has what was measured until then.
   */
  async series(work: Work, prepare: Prepare): Promise<Series> {
    const { runs, seconds, told } = this.options
    const done: Run[] = []
    let refused: Series['refused']
    try {
      for (let i = 0; i <= runs && refused === undefined; i++) {
        const isWarmUp = i === 0
        const what = `${work.name}: ${isWarmUp ? 'warm-up' : `run ${i} of ${runs}`}`
        this.options.progress(what)
        const run = await this.until(prepare(isWarmUp ? Math.min(seconds, WARM_UP_SECONDS_MAX) : seconds))
        const { load, one } = await this.measured(run, what)
        if (load.refused > 0)
          refused = { count: load.refused, of: load.done + load.refused, why: load.refusal ?? 'without a word' }
        else if (!isWarmUp && load.done > 0) done.push(one)
        this.signal.throwIfAborted()
      }
    } finally {
      if (done.length > 0 || refused !== undefined) told({ ...work, runs: done, ...(refused && { refused }) })
    }
    if (refused !== undefined) throw new RefusedError(`${work.name}: ${refused.why}`)
    return { ...work, runs: done }
  }

  async close(): Promise<void> {
    for (const one of this.opened) one.close()
    await this.signing.close()
  }

  private async measured(run: () => Promise<Load>, what: string): Promise<{ load: Load; one: Run }> {
    let seconds = 0
    const timer = setInterval(() => this.options.progress(`${what}, ${++seconds} s`), PROGRESS_MS)
    const [use, own] = [this.relay.use(), process.cpuUsage()]
    const load = await run().finally(() => clearInterval(timer))
    const [after, { user, system }] = [this.relay.use(), process.cpuUsage(own)]
    const relayCores = use === undefined || after === undefined ? null : (after.cpu - use.cpu) / load.seconds
    return { load, one: runOf(load, { relayCores, generatorCores: (user + system) / 1e6 / load.seconds }) }
  }
}
