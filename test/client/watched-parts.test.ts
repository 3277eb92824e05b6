import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { View } from '../../src/client/live.js'
import type { Part } from '../../src/client/parts.js'
import { partsOf, WatchedViews } from '../../src/client/watched-parts.js'
import { UNWATCHED_MS, WATCHED_TOGETHER_MS } from '../../src/limits.js'

const view = (...parts: readonly Part[]): View<unknown> => ({
  id: JSON.stringify(parts, (_key, value: unknown) => String(value)),
  topics: [],
  parts,
  read: () => {
    throw new Error('nobody reads it')
  },
})

describe('parts', () => {
  it('are those of all views, each once, a whole in the place of its objects', () => {
    const some = [view({ listing: 2n }, { tag: 'a' }), view({ listing: 1n }), view({ listing: 2n })]
    expect(partsOf(some, 'visitor')).toEqual([{ listing: 1n }, { listing: 2n }, { tag: 'a' }])
    expect(partsOf([...some, view({ listing: 'all' }), view({ tags: 'all' })], 'visitor')).toEqual([
      { listing: 'all' },
      { tags: 'all' },
    ])
    const many = Array.from({ length: 70 }, (_, i) => view({ listing: BigInt(i + 1) }))
    expect(partsOf(many, 'visitor')).toEqual([{ listing: 'all' }])
  })

  it('are what a session may subscribe to: no foreign order is asked for by a guest, no stock by him', () => {
    const views = [view({ order: 7n }, { inventory: 1n }, { listing: 1n })]
    expect(partsOf(views, 'visitor')).toEqual([{ listing: 1n }])
    expect(partsOf(views, 'guest')).toEqual([{ listing: 1n }, { order: 'all' }])
    expect(partsOf(views, 'staff')).toEqual([{ listing: 1n }, { order: 7n }, { inventory: 1n }])
  })
})

describe('what is watched', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('joins together, leaves a while after nobody looks, and not if somebody looks again', () => {
    const changed = vi.fn()
    const looked = vi.fn()
    const views = new WatchedViews(changed, looked)
    const [a, b] = [view({ listing: 1n }), view({ listing: 2n })]
    views.add(a)
    views.add(b)
    expect([looked.mock.calls.length, changed.mock.calls.length]).toEqual([2, 0])
    vi.advanceTimersByTime(WATCHED_TOGETHER_MS)
    expect(changed).toHaveBeenCalledTimes(1)
    views.delete(a)
    vi.advanceTimersByTime(UNWATCHED_MS - 1)
    views.add(a)
    vi.advanceTimersByTime(UNWATCHED_MS)
    expect([[...views.all], changed.mock.calls.length]).toEqual([[a, b], 1])
    views.delete(a)
    vi.advanceTimersByTime(UNWATCHED_MS + WATCHED_TOGETHER_MS)
    expect([[...views.all], changed.mock.calls.length]).toEqual([[b], 2])
    views.delete(b)
    views.end()
    vi.advanceTimersByTime(2 * UNWATCHED_MS)
    expect(changed).toHaveBeenCalledTimes(2)
  })
})
