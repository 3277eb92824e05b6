/**
 * Tags that have to change for listings to be in those, and only those, that a file names.
 *
 * Tests: test/catalogue/import-plan.test.ts
 */

import type { ListingId } from '../brands.js'
import type { Tag } from '../objects/tag.js'
import type { Change } from '../patches/patch.js'
import type { ChangeGroup } from './sets.js'

/** A tag that a cell can tell: commas stand between tags there. */
export function isTagSayable(name: string): boolean {
  return !name.includes(',') && name.trim() === name
}

/** One group for each tag. Listings that are in no row of `wanted`, and tags that no cell can tell, stay. */
export function tagChanges(
  tags: ReadonlyMap<string, Tag>,
  wanted: ReadonlyMap<ListingId, readonly string[]>,
): ChangeGroup[] {
  const members = new Map<string, Set<ListingId>>()
  for (const name of tags.keys()) if (isTagSayable(name)) members.set(name, new Set())
  for (const [id, names] of wanted)
    for (const name of names) members.set(name, (members.get(name) ?? new Set()).add(id))
  return [...members].flatMap(([name, ids]): ChangeGroup[] => {
    const held = tags.get(name)
    if (held === undefined)
      return [
        [
          {
            op: 'add',
            path: ['Tags', name],
            value: new Map<string, unknown>([
              ['Name', name],
              ['ListingIDs', [...ids]],
            ]) as never,
          },
        ],
      ]
    const before = held.ListingIDs ?? []
    const kept = before.filter((id) => !wanted.has(id) || ids.has(id))
    const there = new Set(before)
    const more = [...ids].filter((id) => !there.has(id))
    const change = changeOf(name, { before, kept, more })
    return change.length === 0 ? [] : [change]
  })
}

function changeOf(
  name: string,
  { before, kept, more }: { before: readonly ListingId[]; kept: readonly ListingId[]; more: readonly ListingId[] },
): Change[] {
  if (kept.length === before.length && more.length <= APPENDED_MAX)
    return more.map((id) => ({ op: 'append', path: ['Tags', name, 'ListingIDs'], value: id }))
  return [{ op: 'replace', path: ['Tags', name, 'ListingIDs'], value: [...kept, ...more] }]
}

/** Each of them reads the whole list once. */
const APPENDED_MAX = 8
