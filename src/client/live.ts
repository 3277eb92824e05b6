/**
 * Live objects: an object of the replica as it is now, and word of each change. A state is the same reference until
 * something changes, so that user interfaces can take `get` and `subscribe` as they are.
 *
 * Tests: test/client/shop-client.test.ts
 */

import type { Replica } from './replica.js'

/**
 * A live object as it is now. The same reference until something changes. `loading`: the backlog is still coming; what
 * is held until then is proven and may be of the past.
 */
export interface LiveState<T> {
  readonly status: 'loading' | 'ready' | 'unavailable' | 'failed'
  /** Always false in version-4 sessions: nothing proves that nothing was left out. */
  readonly complete: boolean
  readonly verified: { readonly seq: bigint } | undefined
  readonly data: T | undefined
  readonly error: Error | undefined
}

export interface Live<T> extends AsyncIterable<LiveState<T>> {
  get(): LiveState<T>
  /** `changed` is called after each change; the returned function ends that. */
  subscribe(changed: () => void): () => void
}

/** The live objects of one client. */
export class LiveObjects {
  private readonly replica: Pick<Replica, 'get' | 'seqOf'>
  private readonly watchers = new Map<string, Set<() => void>>()
  private readonly states = new Map<string, { readonly version: string; readonly state: LiveState<unknown> }>()
  private isSynced = false
  private error: Error | undefined

  constructor(replica: Pick<Replica, 'get' | 'seqOf'>) {
    this.replica = replica
  }

  /** By object name: `Listings/42`, `Manifest`, … */
  live<T>(name: string): Live<T> {
    const get = () => this.stateOf<T>(name)
    const subscribe = (changed: () => void) => this.watch(name, changed)
    return {
      get,
      subscribe,
      async *[Symbol.asyncIterator]() {
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
      },
    }
  }

  /** Tells those who watch the object. */
  changed(name: string): void {
    for (const watcher of this.watchers.get(name) ?? []) watcher()
  }

  /** The backlog has come: what is not held is not there. Only the first call tells anybody. */
  synced(): void {
    if (this.isSynced) return
    this.isSynced = true
    this.changedAll()
  }

  /** Nothing is taken any more; objects keep what they had. */
  fail(error: Error): void {
    this.error = error
    this.changedAll()
  }

  private changedAll(): void {
    for (const name of this.watchers.keys()) this.changed(name)
  }

  private watch(name: string, changed: () => void): () => void {
    const watchers = this.watchers.get(name) ?? new Set()
    this.watchers.set(name, watchers.add(changed))
    return () => {
      watchers.delete(changed)
      if (watchers.size === 0 && this.watchers.get(name) === watchers) this.watchers.delete(name)
    }
  }

  private stateOf<T>(name: string): LiveState<T> {
    const data = this.replica.get(name) as T | undefined
    const seq = this.replica.seqOf(name)
    const status =
      this.error !== undefined ? 'failed' : !this.isSynced ? 'loading' : data !== undefined ? 'ready' : 'unavailable'
    const version = `${status}/${seq}`
    const known = this.states.get(name)
    if (known?.version === version) return known.state as LiveState<T>
    const verified = seq === undefined ? undefined : { seq }
    const state: LiveState<T> = { status, complete: false, verified, data, error: this.error }
    this.states.set(name, { version, state })
    return state
  }
}
