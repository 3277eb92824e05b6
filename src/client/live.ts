/**
 * Live objects: an object of the replica as it is now, or all of a kind, and word of each change. A state is the same
 * reference until something changes, so that user interfaces can take `get` and `subscribe` as they are.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { Seconds } from '../brands.js'

/** As of which set a value is verified. */
export interface Verified {
  /** In version 5 that of the checkpoint; in version 4 the last set that changed the value. */
  readonly seq: bigint
  /** StateRoot, 32 bytes. Version 4 has none, and proves nothing of a state. */
  readonly root?: Uint8Array
  /** Digest of the checkpoint, 32 bytes: what other clients compare. */
  readonly checkpoint?: Uint8Array
  /** When the relay signed it, seconds since 1970. */
  readonly timestamp?: Seconds
}

/**
 * A live object as it is now. The same reference until something changes. `loading`: what is older than the
 * subscription is still coming, or not proven yet; what is held until then may be of the past.
 */
export interface LiveState<T> {
  readonly status: 'loading' | 'ready' | 'unavailable' | 'failed'
  /**
   * Nothing was left out: `data`, and in `unavailable` that there is none, is proven as the state at a checkpoint.
   * Always false in version-4 sessions, and from a change until the next checkpoint covers it.
   */
  readonly complete: boolean
  /** In version 5 undefined while nothing proves `data`: a change is proven by the next checkpoint. */
  readonly verified: Verified | undefined
  /**
   * The newest checkpoint, or the one that proves `data`, is older than `verifiedAtSeconds` of `connect`, and asking
   * brought nothing newer.
   */
  readonly stale: boolean
  readonly data: T | undefined
  readonly error: Error | undefined
}

export interface Live<T> extends AsyncIterable<LiveState<T>> {
  get(): LiveState<T>
  /** `changed` is called after each change; the returned function ends that. */
  subscribe(changed: () => void): () => void
}

/** What is known of how a value came to be. */
export interface Standing {
  readonly isLoading: boolean
  readonly verified: Verified | undefined
  readonly complete: boolean
  readonly stale: boolean
}

/** Where objects come from, by name: `Listings/42`, `Manifest`, … */
interface LiveSource {
  get(name: string): unknown
  standing(name: string): Standing
}

/** A value with its standing. The same reference of data while nothing in it changed. */
interface Reading<T> extends Standing {
  readonly data: T | undefined
}

/** The live objects of one client. */
export class LiveObjects {
  private readonly source: LiveSource
  private readonly watchers = new Map<string, Set<() => void>>()
  private readonly states = new Map<string, LiveState<unknown>>()
  private error: Error | undefined

  constructor(source: LiveSource) {
    this.source = source
  }

  /** One object. */
  live<T>(name: string): Live<T> {
    const read = () => ({ ...this.source.standing(name), data: this.source.get(name) as T | undefined })
    return this.view(name, [name], read)
  }

  /** What `read` makes of the objects of these topics: names, and `Listings/` for all listings. */
  view<T>(id: string, topics: readonly string[], read: () => Reading<T>): Live<T> {
    const get = () => this.stateOf(id, read)
    const subscribe = (changed: () => void) => this.watch(topics, changed)
    return { get, subscribe, [Symbol.asyncIterator]: () => states(get, subscribe) }
  }

  /** Tells those who watch the object, or all of its collection. */
  changed(name: string): void {
    const called = new Set(this.watchers.get(name))
    for (const watcher of this.watchers.get(name.slice(0, name.indexOf('/') + 1)) ?? []) called.add(watcher)
    for (const watcher of called) watcher()
  }

  changedAll(): void {
    const called = new Set([...this.watchers.values()].flatMap((watchers) => [...watchers]))
    for (const watcher of called) watcher()
  }

  /** Nothing is taken any more; objects keep what they had. */
  fail(error: Error): void {
    this.error = error
    this.changedAll()
  }

  private watch(topics: readonly string[], changed: () => void): () => void {
    // One of its own: the same function may watch twice.
    const watcher = () => changed()
    for (const topic of topics) this.watchers.set(topic, (this.watchers.get(topic) ?? new Set()).add(watcher))
    return () => {
      for (const topic of topics) {
        const watchers = this.watchers.get(topic)
        watchers?.delete(watcher)
        if (watchers?.size === 0) this.watchers.delete(topic)
      }
    }
  }

  private stateOf<T>(id: string, read: () => Reading<T>): LiveState<T> {
    const { data, verified, complete, stale, isLoading } = read()
    const { error } = this
    const there = data === undefined ? 'unavailable' : 'ready'
    const status = error !== undefined ? 'failed' : isLoading ? 'loading' : there
    const now: LiveState<T> = { status, complete, verified, stale, data, error }
    const known = this.states.get(id) as LiveState<T> | undefined
    if (known !== undefined && isSame(known, now)) return known
    this.states.set(id, now)
    return now
  }
}

function isSame<T>(a: LiveState<T>, b: LiveState<T>): boolean {
  const isAlike = a.status === b.status && a.complete === b.complete && a.stale === b.stale
  return isAlike && a.data === b.data && a.error === b.error && isSameVerified(a.verified, b.verified)
}

function isSameVerified(a: Verified | undefined, b: Verified | undefined): boolean {
  return a === b || (a?.seq === b?.seq && a?.checkpoint === b?.checkpoint)
}

async function* states<T>(
  get: () => LiveState<T>,
  subscribe: (changed: () => void) => () => void,
): AsyncGenerator<LiveState<T>, void, void> {
  let wake: () => void = () => undefined
  const stop = subscribe(() => wake())
  try {
    for (let shown: LiveState<T> | undefined; ;) {
      const now = get()
      if (now !== shown) yield (shown = now)
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stop()
  }
}
