/**
 * Random shops and patches against a shop that is computed from nothing: history independence, refusals without a
 * trace.
 */

import { expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { checkForm } from '../../src/codec/span.js'
import type { CborMap } from '../../src/codec/value.js'
import { encodeChange, readPatch, type Change, type Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { rebuildShop } from '../../src/state/rebuild.js'
import { COLLECTIONS, emptyShop, idKey, stateHash, type ShopState } from '../../src/state/shop-state.js'
import { Random, randomStep, SHOP_ID, shopSteps, sizesOf, type Step } from '../fixtures/random-shop.js'
import { dump, expectConsistent } from '../fixtures/sample-shop.js'

const OBJECTS = 10_000
const PATCHES = 100_000
const CHECKED_EVERY = 25_000

function received(change: Change): Patch {
  const bytes = encodeChange(change)
  checkForm(bytes)
  return readPatch(bytes)
}

/** The shop after steps that must all be accepted. */
function built(steps: readonly Step[], start = emptyShop(SHOP_ID)): ShopState {
  let state = start
  for (const { change, context } of steps) {
    const applied = applyPatches(state, [received(change)], context)
    if (!applied.ok) throw new Error(applied.verdict.message)
    state = applied.state
  }
  return state
}

const hashOf = (state: ShopState) => toHex(stateHash(state))
const keysOf = (state: ShopState) => COLLECTIONS.reduce((sum, name) => sum + state.collections[name].size, 0)

test(`a shop of ${OBJECTS} objects has one hash and one set of indexes, in whatever order it was built`, () => {
  const { manifest, listings, stock, rest } = shopSteps(new Random(1), sizesOf(OBJECTS))
  const straight = built([manifest, ...listings, ...stock, ...rest])
  expect(keysOf(straight)).toBe(OBJECTS)

  const random = new Random(2)
  const parts = [listings, stock, rest].flatMap((steps) => random.shuffled(steps))
  const shuffled = built([manifest, ...parts])
  expect(hashOf(shuffled)).toBe(hashOf(straight))
  expect(dump(shuffled, false)).toBe(dump(straight, false))

  // With detours: listings that come and go leave nothing behind.
  const strays = listings.slice(0, 1_000).map(({ change, context }): Step => ({ change: moved(change), context }))
  const gone = random
    .shuffled(strays)
    .map(({ change, context }): Step => ({ change: { op: 'remove', path: change.path }, context }))
  const more = built(strays, straight)
  expect(hashOf(more)).not.toBe(hashOf(straight))
  expect(hashOf(built(gone, more))).toBe(hashOf(straight))

  const objects = Object.fromEntries(
    COLLECTIONS.map((name) => [name, random.shuffled([...straight.collections[name].entries()])]),
  ) as never
  const { shopId, schemaVersion, manifest: bytes, indexes } = straight
  const recomputed = rebuildShop({ shopId, schemaVersion, manifest: bytes, objects }, indexes)
  expect(hashOf(recomputed)).toBe(hashOf(straight))
  expect(dump(recomputed, false)).toBe(dump(straight, false))
})

/** The added listing under an id that the shop does not use. */
function moved({ op, path, value }: Change): Change {
  const id = (path[1] as bigint) + 1_000_000n
  return { op, path: [path[0], id], value: new Map([...(value as CborMap), ['ID', id]]) }
}

test(`${PATCHES} random patches leave the shop that is computed from nothing; the refused ones leave none`, () => {
  const sizes = sizesOf(OBJECTS)
  const { manifest, listings, stock, rest } = shopSteps(new Random(4), sizes)
  let state = built([manifest, ...listings, ...stock, ...rest])
  const owners = new Map(rest.filter(isAddedOrder).map(ownership))
  const random = new Random(5)
  const tally = { accepted: 0, refused: 0, codes: new Map<string, number>(), ops: new Map<string, number>() }
  let hash = hashOf(state)

  for (let done = 0, nextCheck = CHECKED_EVERY; done < PATCHES;) {
    const first = randomStep(random, sizes)
    // Some sets have a second patch by the same author.
    const steps = random.chance(10) ? [first, sameAuthor(random, sizes, first)] : [first]
    const applied = applyPatches(
      state,
      steps.map(({ change }) => received(change)),
      first.context,
    )
    done += steps.length
    tallySteps(tally.ops, steps, applied.ok)
    if (applied.ok) {
      tally.accepted += steps.length
      for (const added of steps.filter(isAddedOrder)) {
        const [id, card] = ownership({ ...added, context: first.context })
        if (card !== undefined && !owners.has(id)) owners.set(id, card)
      }
      state = applied.state
      hash = hashOf(state)
    } else {
      tally.refused += steps.length
      tally.codes.set(applied.verdict.code, (tally.codes.get(applied.verdict.code) ?? 0) + 1)
      if (hashOf(state) !== hash) throw new Error(`changed by a refused patch: ${applied.verdict.message}`)
    }
    // A change in place, which a memoised digest hides, is found here.
    if (done >= nextCheck) {
      expectConsistent(state)
      nextCheck += CHECKED_EVERY
    }
  }

  expectConsistent(state)
  for (const [id, card] of owners) expect(toHex(state.indexes.owners.get(idKey(id))!)).toBe(card)
  expect(state.indexes.owners.size).toBe(owners.size)
  expect(tally.accepted / PATCHES).toBeGreaterThan(0.2)
  expect(tally.refused / PATCHES).toBeGreaterThan(0.2)
  expect([...tally.codes.keys()].sort()).toEqual(['INVALID', 'NOT_FOUND', 'OUT_OF_STOCK'])
  expect([...tally.ops.keys()].filter((name) => name.endsWith('ok')).sort()).toEqual(EVERY_OP)
  for (const collection of ['Manifest', ...COLLECTIONS]) {
    for (const op of ['add', 'replace', 'remove', 'append', 'increment', 'decrement']) {
      expect(tally.ops.get(`${collection} ${op} refused`), `${collection} ${op}`).toBeGreaterThan(0)
    }
  }
})

test('a set is what its patches are one after the other: the same state and indexes, or the same refusal', () => {
  const sizes = { listings: 3, stock: 3, orders: 3, tags: 2, accounts: 2 }
  const random = new Random(6)
  const { manifest, listings, stock, rest } = shopSteps(new Random(7), sizes)
  const start = built([manifest, ...listings, ...stock, ...rest])
  const tally = { accepted: 0, refused: 0, touchedTwice: 0 }
  let state = start
  for (let round = 0; round < 4_000; round++) {
    if (round % 50 === 0) state = start
    const context = { ...manifest.context, author: { role: 'relay' } } as const
    const patches: Patch[] = []
    let [single, refusal] = [state, undefined as string | undefined]
    for (const length = 2 + random.below(6); patches.length < length && refusal === undefined;) {
      const patch = received(randomStep(random, sizes).change)
      const applied = applyPatches(single, [patch], context)
      // Most of what would be refused is left out, or few sets would be accepted.
      if (!applied.ok && random.chance(95)) continue
      const place = patches.push(patch) - 1
      if (applied.ok) single = applied.state
      else refusal = `${place} ${applied.verdict.code} ${applied.verdict.message.replace('patch 0', `patch ${place}`)}`
    }
    const together = applyPatches(state, patches, context)
    if (together.ok) {
      expect(refusal).toBeUndefined()
      expect(dump(together.state)).toBe(dump(single))
      state = together.state
      tally.accepted++
      const names = patches.map(({ path }) => path.slice(0, 2).join('/'))
      if (new Set(names).size < names.length) tally.touchedTwice++
    } else {
      expect(`${together.patchIndex} ${together.verdict.code} ${together.verdict.message}`).toBe(refusal)
      tally.refused++
    }
  }
  expect(Math.min(tally.accepted, tally.refused, tally.touchedTwice)).toBeGreaterThan(100)
})

/** What §5 knows, each accepted at least once. */
const EVERY_OP = [
  ...['add', 'replace', 'remove'].map((op) => `Manifest ${op} ok`),
  ...['add', 'replace', 'remove', 'append'].flatMap((op) =>
    ['Accounts', 'Listings', 'Tags'].map((name) => `${name} ${op} ok`),
  ),
  ...['add', 'replace', 'remove', 'increment', 'decrement'].map((op) => `Inventory ${op} ok`),
  ...['add', 'replace', 'remove', 'append', 'increment', 'decrement'].map((op) => `Orders ${op} ok`),
].sort()

function sameAuthor(random: Random, sizes: ReturnType<typeof sizesOf>, { context }: Step): Step {
  for (;;) {
    const step = randomStep(random, sizes)
    if (step.context.author.role === context.author.role) return { ...step, context }
  }
}

function tallySteps(ops: Map<string, number>, steps: readonly Step[], ok: boolean): void {
  if (steps.length > 1 && !ok) return
  for (const { change } of steps) {
    const name = `${change.path[0]} ${change.op} ${ok ? 'ok' : 'refused'}`
    ops.set(name, (ops.get(name) ?? 0) + 1)
  }
}

function isAddedOrder({ change }: Step): boolean {
  return change.op === 'add' && change.path[0] === 'Orders' && change.path.length === 2
}

/** Order id and the card, in hexadecimal, that adds it. */
function ownership({ change, context }: Step): [bigint, string | undefined] {
  const { card } = context.author
  return [change.path[1] as bigint, card && toHex(card)]
}
