/**
 * What is subscribed to where that follows from what is looked at: parts join together shortly after somebody begins to
 * look, and leave a while after nobody does any more.
 *
 * Tests: test/client/watched-parts.test.ts
 */

import { UNWATCHED_MS, WATCHED_TOGETHER_MS } from '../limits.js'
import type { ObjectCollection } from '../state/object-edit.js'
import type { View } from './live.js'
import type { Access, Part } from './parts.js'

/** More single objects of a collection than this are subscribed to as the whole of it: a relay takes 64 filters. */
const SINGLES_MAX = 24

export class WatchedViews {
  private readonly changed: () => void
  private readonly looked: () => void
  /** With how many look at it, or the timer that ends it. */
  private readonly known = new Map<View<unknown>, ReturnType<typeof setTimeout> | undefined>()
  private due: ReturnType<typeof setTimeout> | undefined

  /** `looked`: at once for each that somebody begins to look at; `changed`: what is watched changed a while ago. */
  constructor(changed: () => void, looked: () => void) {
    this.changed = changed
    this.looked = looked
  }

  /** All that are looked at, or were a short while ago. */
  get all(): Iterable<View<unknown>> {
    return this.known.keys()
  }

  /** Collections of which lists are made that are looked at. */
  get collections(): ReadonlySet<ObjectCollection> {
    const topics = [...this.all].flatMap((view) => view.topics).filter((topic) => topic.endsWith('/'))
    return new Set(topics.map((topic) => topic.slice(0, -1) as ObjectCollection))
  }

  add(view: View<unknown>): void {
    const isNew = !this.known.has(view)
    clearTimeout(this.known.get(view))
    this.known.set(view, undefined)
    if (!isNew) return
    this.looked()
    this.later()
  }

  delete(view: View<unknown>): void {
    const timer = setTimeout(() => {
      this.known.delete(view)
      this.later()
    }, UNWATCHED_MS)
    letExit(timer)
    this.known.set(view, timer)
  }

  end(): void {
    clearTimeout(this.due)
    for (const timer of this.known.values()) clearTimeout(timer)
  }

  private later(): void {
    this.due ??= setTimeout(() => {
      this.due = undefined
      this.changed()
    }, WATCHED_TOGETHER_MS)
  }
}

/** A Node process does not wait for it; pages have numbers. */
function letExit(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === 'object') timer.unref()
}

/**
 * The parts that these views need, as a session with that access may subscribe to them, each once. Of orders a guest
 * gets all of his own: a relay answers INVALID to single ids of others.
 */
export function partsOf(views: Iterable<View<unknown>>, access: Access): readonly Part[] {
  const parts = new Map<string, Part>()
  for (const view of views)
    for (const part of view.parts) {
      const allowed = allowedPart(part, access)
      if (allowed !== undefined) parts.set(partKey(allowed), allowed)
    }
  return ([['listing'], ['order'], ['inventory'], ['tag', 'tags']] as const).flatMap(([kind, all = kind]) => {
    const some = [...parts.values()].filter((part) => kind in part || all in part)
    const whole = { [all]: 'all' } as unknown as Part
    const isWhole = parts.has(partKey(whole)) || some.length > SINGLES_MAX
    return isWhole ? [whole] : some.toSorted((a, b) => (partKey(a) < partKey(b) ? -1 : 1))
  })
}

function allowedPart(part: Part, access: Access): Part | undefined {
  if ('inventory' in part) return access === 'staff' ? part : undefined
  if (!('order' in part) || access === 'staff') return part
  return access === 'guest' ? { order: 'all' } : undefined
}

/** The same for the same parts. */
function partKey(part: Part): string {
  return Object.entries(part)
    .map(([kind, id]) => `${kind} ${id}`)
    .join()
}

export function isSameParts(a: readonly Part[], b: readonly Part[]): boolean {
  return a.map(partKey).join('\n') === b.map(partKey).join('\n')
}
