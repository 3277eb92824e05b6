/**
 * How a client stands, for eyes: what devtools show. Plain values, made anew each time.
 *
 * Tests: test/devtools/devtools.test.ts
 */

import type { ShopId } from '../brands.js'
import type { WireVersion } from '../wire/envelope.js'
import type { Reading, Verified, View } from './live.js'
import type { Access, Part } from './parts.js'
import type { ConnectionState } from './relay-link.js'

/** How much was checked, and found true, since the client was made. */
export interface Checked {
  /** Signed sets that the relay pushed. */
  sets: number
  checkpoints: number
  /** Whole ones; what was kept counts as none. */
  snapshots: number
  /** Objects that were proven one by one. */
  objects: number
}

/** Something that somebody looks at, or did a short while ago. */
export interface WatchedView {
  /** `Listings/1`, `Listings {query}`, `Orders/`, … */
  readonly id: string
  readonly status: 'loading' | 'ready' | 'unavailable' | 'failed'
  /** Nothing was left out, as of `verified`. */
  readonly complete: boolean
  readonly stale: boolean
  readonly verified: Verified | undefined
}

/** What the client told, newest last. */
export interface Trouble {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

/** How a client is, for who makes a page; `mountDevtools` shows it. */
export interface Diagnosis {
  readonly url: string
  readonly shop: ShopId
  readonly state: ConnectionState
  /** Undefined before the first connection. */
  readonly protocol: WireVersion | undefined
  readonly access: Access
  /** What is subscribed to; undefined for all that may be read. */
  readonly parts: readonly Part[] | undefined
  /** The last set that is held; 0 before the first. */
  readonly seq: bigint
  /** The newest checkpoint that what is held was compared with. */
  readonly checkpoint: Verified | undefined
  readonly checked: Readonly<Checked>
  readonly watched: readonly WatchedView[]
  readonly troubles: readonly Trouble[]
}

/** The last things that were told. */
export class Troubles {
  private readonly kept: Trouble[] = []

  add(text: string): void {
    if (this.kept.push({ at: Date.now(), text }) > TROUBLES_MAX) this.kept.shift()
  }

  get all(): readonly Trouble[] {
    return [...this.kept]
  }
}

const TROUBLES_MAX = 20

/** `failure`: of the whole client. */
export function watchedView(view: View<unknown>, failure: Error | undefined): WatchedView {
  const reading: Reading<unknown> = view.read()
  const { complete, stale, verified } = reading
  const there = reading.data === undefined ? 'unavailable' : 'ready'
  const isFailed = (failure ?? reading.error) !== undefined
  return { id: view.id, status: isFailed ? 'failed' : reading.isLoading ? 'loading' : there, complete, stale, verified }
}
