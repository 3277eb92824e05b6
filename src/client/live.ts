/**
 * Live objects: an object of the replica as it is now, or all of a kind, and word of each change. A state is the same
 * reference until something changes, so that user interfaces can take `get` and `subscribe` as they are. What changed
 * in one push is told once, after it.
 *
 * Tests: test/client/live.test.ts, test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { Seconds } from '../brands.js'
import type { ClientError } from './client-error.js'
import type { Part } from './parts.js'

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
  /** With `optimistic` of `connect`: `data` holds a write of this client that no push has brought yet. */
  readonly pending?: boolean
  readonly data: T | undefined
  readonly error: ClientError | undefined
}

/** What `useSyncExternalStore` of React takes: `useSyncExternalStore(live.subscribe, live.get)`. */
export interface Live<T, State extends LiveState<T> = LiveState<T>> extends AsyncIterable<State> {
  /** The same reference until something changes. Needs no `this`, like `subscribe`. */
  readonly get: () => State
  /** `changed` is called once after each push that changed something; the returned function ends that. */
  readonly subscribe: (changed: () => void) => () => void
}

/** A live list. `data` is the same reference while its objects are the same in the same order. */
export interface ListState<T> extends LiveState<readonly T[]> {
  /** How many there are without `limit`; undefined while that is not known. */
  readonly total: number | undefined
  /** There are more than `limit`, or may be. */
  readonly hasMore: boolean
}

export type LiveList<T> = Live<readonly T[], ListState<T>>

/** What is known of how a value came to be. */
export interface Standing {
  readonly isLoading: boolean
  readonly verified: Verified | undefined
  readonly complete: boolean
  readonly stale: boolean
  /** Of this alone: why there is nothing of it. */
  readonly error?: ClientError | undefined
  readonly pending?: boolean | undefined
}

/** A value with its standing. The same reference of data while nothing in it changed. */
export interface Reading<T> extends Standing {
  readonly data: T | undefined
}

/** What a live object shows, made of the objects of a shop. */
export interface View<T, More extends object = object> {
  /** The same for two that want the same. */
  readonly id: string
  /** Names of the objects it is made of, and `Listings/` for all listings. */
  readonly topics: readonly string[]
  /** What has to be subscribed to. */
  readonly parts: readonly Part[]
  /** Names of objects without which it cannot be shown, of those that are not known yet. */
  readonly missing?: () => readonly string[]
  /** Fields beside those of LiveState may come with it. */
  read(): Reading<T> & More
}

/** Who is told which views are looked at. */
interface Watched {
  add(view: View<unknown>): void
  delete(view: View<unknown>): void
}

/** The live objects of one client. */
export class LiveObjects {
  private readonly watched: Watched
  private readonly letGo: (id: string) => void
  private readonly watchers = new Map<string, Set<() => void>>()
  /** While somebody holds them. */
  private readonly held = new Map<string, WeakRef<object>>()
  private readonly dropped = new FinalizationRegistry<string>((id) => {
    if (this.held.get(id)?.deref() !== undefined) return
    this.held.delete(id)
    this.letGo(id)
  })
  private readonly subscribed = new Set<object>()
  /** Topics of which something changed; `all`: of each. */
  private readonly due = new Set<string>()
  private isDue = false
  private isAllDue = false
  private error: ClientError | undefined
  private isOver = false

  /** `letGo`: nobody holds the live object with this id any more. */
  constructor(watched: Watched, letGo: (id: string) => void = () => undefined) {
    this.watched = watched
    this.letGo = letGo
  }

  /** How many live objects somebody may hold. */
  get size(): number {
    return this.held.size
  }

  /** The live object of a view: the same while somebody holds it. `more`: what it has beside the state. */
  live<T, More extends object, Extra extends object>(
    id: string,
    viewOf: () => View<T, More>,
    more: () => Extra,
  ): Live<T, LiveState<T> & More> & Extra {
    type Made = Live<T, LiveState<T> & More> & Extra
    const known = this.held.get(id)?.deref() as Made | undefined
    if (known !== undefined) return known
    const made = Object.assign(this.make(viewOf()), more())
    this.held.set(id, new WeakRef(made))
    this.dropped.register(made, id)
    return made
  }

  /** Those who watch the object, or all of its collection, are told after this. */
  changed(name: string): void {
    this.due.add(name).add(name.slice(0, name.indexOf('/') + 1))
    this.tellLater()
  }

  changedAll(): void {
    this.isAllDue = true
    this.tellLater()
  }

  /** Nothing comes any more; objects keep what they had. */
  end(): void {
    this.isOver = true
    this.changedAll()
  }

  /** Nothing is taken any more; objects keep what they had. */
  fail(error: ClientError): void {
    this.error = error
    this.changedAll()
  }

  private make<T, More extends object>(view: View<T, More>): Live<T, LiveState<T> & More> {
    let shown: (LiveState<T> & More) | undefined
    let watching = 0
    const get = () => (shown = this.next<T, More>(view.read(), { shown, isWatched: watching > 0 }))
    const subscribe = (changed: () => void) => {
      if (watching++ === 0) this.looked(live, view)
      const stop = this.watch(view.topics, changed)
      return () => {
        if (stop() && --watching === 0) this.left(live, view)
      }
    }
    const live = { get, subscribe, [Symbol.asyncIterator]: () => this.statesOf(get, subscribe) }
    return live
  }

  private statesOf<State>(get: () => State, subscribe: Live<unknown>['subscribe']): AsyncGenerator<State, void, void> {
    return states(get, subscribe, { failure: () => this.error, isOver: () => this.isOver })
  }

  /** Who is told of its changes holds it too. */
  private looked(live: object, view: View<unknown>): void {
    this.subscribed.add(live)
    this.watched.add(view)
  }

  private left(live: object, view: View<unknown>): void {
    this.subscribed.delete(live)
    this.watched.delete(view)
  }

  /** The returned function says whether it ended something. */
  private watch(topics: readonly string[], changed: () => void): () => boolean {
    // One of its own: the same function may watch twice.
    const watcher = () => changed()
    let isOn = true
    for (const topic of topics) this.watchers.set(topic, (this.watchers.get(topic) ?? new Set()).add(watcher))
    return () => {
      const wasOn = isOn
      isOn = false
      for (const topic of topics) {
        const watchers = this.watchers.get(topic)
        watchers?.delete(watcher)
        if (watchers?.size === 0) this.watchers.delete(topic)
      }
      return wasOn
    }
  }

  private tellLater(): void {
    if (this.isDue) return
    this.isDue = true
    queueMicrotask(() => this.tell())
  }

  private tell(): void {
    const topics = this.isAllDue ? [...this.watchers.keys()] : [...this.due]
    this.due.clear()
    this.isDue = this.isAllDue = false
    const called = new Set(topics.flatMap((topic) => [...(this.watchers.get(topic) ?? [])]))
    const thrown: unknown[] = []
    for (const watcher of called) {
      try {
        watcher()
      } catch (error) {
        thrown.push(error)
      }
    }
    // The callers' own: all others were told before.
    if (thrown.length > 0) throw thrown[0]
  }

  /**
   * What was shown once stays until what is newer is there: while another part of the shop is subscribed to, nothing
   * that is looked at is loading again. What nobody looks at may not be subscribed to any more: nothing newer comes.
   */
  private next<T, More extends object>(
    reading: Reading<T> & More,
    { shown, isWatched }: { readonly shown: (LiveState<T> & More) | undefined; readonly isWatched: boolean },
  ): LiveState<T> & More {
    const { isLoading, ...rest } = reading
    const error = this.error ?? reading.error
    const there = reading.data === undefined ? 'unavailable' : 'ready'
    const status = error !== undefined ? 'failed' : isLoading ? 'loading' : there
    if (isWatched && status === 'loading' && shown !== undefined && shown.status !== 'loading') return shown
    const now = { ...(rest as unknown as LiveState<T> & More), status, error }
    return shown !== undefined && isSame(shown, now) ? shown : now
  }
}

function isSame<T>(a: LiveState<T>, b: LiveState<T>): boolean {
  const keys = Object.keys(b) as (keyof LiveState<T>)[]
  return keys.every((key) => (key === 'verified' ? isSameVerified(a.verified, b.verified) : a[key] === b[key]))
}

function isSameVerified(a: Verified | undefined, b: Verified | undefined): boolean {
  return a === b || (a?.seq === b?.seq && a?.checkpoint === b?.checkpoint)
}

/** Why nothing comes any more. */
interface Ending {
  readonly failure: () => Error | undefined
  readonly isOver: () => boolean
}

const NO_ENDING: Ending = { failure: () => undefined, isOver: () => false }

/** Each state once; then, where nothing comes any more, it ends, or throws what `failure` gives. */
export async function* states<State>(
  get: () => State,
  subscribe: (changed: () => void) => () => void,
  { failure, isOver }: Ending = NO_ENDING,
): AsyncGenerator<State, void, void> {
  let wake: () => void = () => undefined
  const stop = subscribe(() => wake())
  try {
    for (let shown: State | undefined; ;) {
      const now = get()
      const error = failure()
      if (now !== shown) yield (shown = now)
      else if (error !== undefined) throw error
      else if (isOver()) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    stop()
  }
}

/** In version 4 the last set that changed it is all that is known. */
export function seqOnly(seq: bigint | undefined): Verified | undefined {
  return seq === undefined || seq === 0n ? undefined : { seq }
}

/** While its parts are on their way nothing is known of it. */
export function loadingUnless(standing: Standing): Standing {
  return standing.complete ? standing : { ...standing, isLoading: true }
}
