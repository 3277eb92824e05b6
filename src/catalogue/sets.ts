/**
 * Changes put into sets of a size that relays and clients take well.
 *
 * Tests: test/catalogue/import-plan.test.ts
 */

import { encodeChange, type Change } from '../patches/patch.js'

/** Changes that stand in one set: one object's. */
export type ChangeGroup = readonly Change[]

/** In order; a group is never cut. */
export function setsOf(groups: readonly ChangeGroup[]): Change[][] {
  const sets: Change[][] = []
  let bytes = Infinity
  for (const group of groups) {
    const size = group.reduce((sum, change) => sum + encodeChange(change).length, 0)
    const set = sets.at(-1)
    if (set === undefined || bytes + size > SET_BYTES_MAX || set.length + group.length > SET_PATCHES_MAX) {
      sets.push([...group])
      bytes = size
    } else {
      set.push(...group)
      bytes += size
    }
  }
  return sets
}

/** A set has to fit a frame of a megabyte, with some 300 bytes of proof for each patch; small ones are shown sooner. */
const SET_BYTES_MAX = 131_072
const SET_PATCHES_MAX = 128
