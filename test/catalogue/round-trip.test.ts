/** What is exported is read again as what it was, to the byte. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Change } from '../../src/patches/patch.js'
import { stateHash, type ShopState } from '../../src/state/apply.js'
import { changed, empty, exported, imported, planOf } from '../fixtures/catalogue-shop.js'
import { catalogue } from '../fixtures/catalogue.arbitrary.js'

function made(sets: readonly (readonly Change[])[]): ShopState {
  return sets.reduce<ShopState>((state, set) => changed(state, set), empty)
}

test('the import of an export changes nothing, in whatever shop', () => {
  fc.assert(
    fc.property(catalogue, fc.boolean(), (sets, mayDelete) => {
      const state = made(sets)
      const csv = exported(state)
      const plan = planOf(state, csv, { mayDelete })
      expect(plan.problems).toEqual([])
      expect(plan.sets).toEqual([])
      expect(exported(state)).toBe(csv)
    }),
  )
})

test('an export that is imported into an empty shop makes one that is imported and exported like it', () => {
  fc.assert(
    fc.property(catalogue, (sets) => {
      const state = made(sets)
      const { state: copy, plan } = imported(empty, exported(state))
      const csv = exported(copy)
      expect(stateHash(imported(copy, csv).state)).toEqual(stateHash(copy))
      const again = planOf(copy, exported(state))
      expect(again.sets).toEqual([])
      expect(again.problems).toEqual(plan.problems)
    }),
  )
})
