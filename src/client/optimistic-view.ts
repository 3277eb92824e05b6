/**
 * What a shop will be like when the relay takes what waits: the objects that are held, with this client's own pending
 * patches on them. Nothing of it is proven, and it says so; when a write is refused, its patches are no more.
 *
 * Tests: test/client/offline.test.ts
 */

import type { Listing } from '../objects/listing.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import { objectName } from '../patches/object-name.js'
import type { Patch } from '../patches/patch.js'
import { editObject } from '../state/object-edit.js'
import type { Standing } from './live.js'
import { keyOf } from './replica.js'
import type { ViewSource } from './shop-views.js'

type ListedCollection = Parameters<ViewSource['list']>[0]

interface Shown {
  readonly base: unknown
  readonly value: unknown
}

interface ShownList {
  readonly base: readonly unknown[]
  readonly list: readonly unknown[]
}

export class OptimisticView implements ViewSource {
  private readonly base: ViewSource
  /** By object name, in order: what each pending set does to it. */
  private pending: ReadonlyMap<string, readonly (readonly Patch[])[]> = new Map()
  private readonly shown = new Map<string, Shown>()
  private readonly lists = new Map<ListedCollection, ShownList>()

  constructor(base: ViewSource) {
    this.base = base
  }

  /** These are pending now; names of the objects that may be others. */
  set(sets: readonly (readonly Patch[])[]): ReadonlySet<string> {
    const before = this.pending
    const pending = new Map<string, (readonly Patch[])[]>()
    for (const patches of sets)
      for (const name of new Set(patches.map(({ path }) => objectName(path)))) {
        const own = patches.filter(({ path }) => objectName(path) === name)
        pending.set(name, [...(pending.get(name) ?? []), own])
      }
    this.pending = pending
    this.shown.clear()
    this.lists.clear()
    return new Set([...before.keys(), ...pending.keys()])
  }

  get(name: string): unknown {
    const base = this.base.get(name)
    const sets = this.pending.get(name)
    if (sets === undefined) return base
    const shown = this.shown.get(name)
    if (shown !== undefined && shown.base === base) return shown.value
    const value = sets.reduce(edited, base)
    this.shown.set(name, { base, value })
    return value
  }

  standing(name: string): Standing {
    return this.withPending(this.base.standing(name), this.isPending(name))
  }

  list(collection: ListedCollection): readonly unknown[] {
    const base = this.base.list(collection) as readonly (Listing | Order | Tag)[]
    const names = this.namesOf(collection)
    if (names.length === 0) return base
    const shown = this.lists.get(collection)
    if (shown?.base === base) return shown.list
    const objects = new Map(base.map((object) => [`${collection}/${keyOf(object)}`, object]))
    for (const name of names) {
      const value = this.get(name) as Listing | Order | Tag | undefined
      if (value === undefined) objects.delete(name)
      else objects.set(name, value)
    }
    const list = [...objects.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    this.lists.set(collection, { base, list })
    return list
  }

  listStanding(collection: ListedCollection): Standing {
    const isPending = this.namesOf(collection).some((name) => this.isPending(name))
    return this.withPending(this.base.listStanding(collection), isPending)
  }

  isWhole(collection: ListedCollection): boolean {
    return this.base.isWhole(collection)
  }

  private namesOf(collection: ListedCollection): string[] {
    return [...this.pending.keys()].filter((name) => name.startsWith(`${collection}/`))
  }

  private isPending(name: string): boolean {
    return this.pending.has(name) && this.get(name) !== this.base.get(name)
  }

  private withPending(standing: Standing, pending: boolean): Standing {
    return pending ? { ...standing, pending, verified: undefined, complete: false } : { ...standing, pending }
  }
}

/** One that cannot be applied here changes nothing: what it is made for is not held, or it will be refused. */
function edited(before: unknown, patches: readonly Patch[]): unknown {
  try {
    return patches.reduce(editObject, before)
  } catch {
    return before
  }
}
