/** How many orders a guest's card made in a day and has live: counts of the log, limits of whoever asks. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { beyondGuestLimits, withMade, type GuestLimits } from '../../src/state/guest-orders.js'
import { emptyShop, stateHash, type ShopState } from '../../src/state/shop-state.js'
import {
  addOrder,
  by,
  cards,
  DAY,
  item,
  map,
  NOW,
  patch,
  setState,
  shop,
  time,
  type Who,
} from '../fixtures/sample-shop.js'

const LIMITS: GuestLimits = { liveOrdersMax: 3, ordersPerDayMax: 10 }

function beyond(state: ShopState, patches: readonly Patch[], now = NOW, limits = LIMITS): string | undefined {
  return beyondGuestLimits(state, cards.other, patches, now, limits)
}

const committed = (id: bigint) => addOrder(id, [item(4n, 1n)], { State: 3n })
const open = (id: bigint) => addOrder(id, [item(4n, 1n)])
const ids = (from: bigint, to: bigint) => Array.from({ length: Number(to - from + 1n) }, (_, i) => from + BigInt(i))

function at(now: bigint, state: ShopState, who: Who, ...patches: readonly Patch[]): ShopState {
  const applied = applyPatches(state, patches, by(who, { committedAt: now }))
  if (!applied.ok) throw new Error(applied.verdict.message)
  return applied.state
}

describe('orders of a day', () => {
  const made = at(NOW, shop, 'other', ...ids(100n, 109n).map(open))

  test('count in every state, also those that are gone, and again where an id comes again', () => {
    const removed = at(NOW, made, 'other', ...ids(100n, 109n).map((id) => patch('remove', ['Orders', id])))
    for (const state of [made, removed]) expect(beyond(state, [open(110n)])).toMatch(/at most 10 orders in 24 hours/u)
    expect(beyond(at(NOW, shop, 'other', open(1n), patch('remove', ['Orders', 1n])), ids(1n, 10n).map(open))).toMatch(
      /at most 10/u,
    )
  })

  test('leave the count after 24 hours, not a second earlier; the message says when', () => {
    expect(beyond(made, [open(110n)], NOW + 1n)).toMatch(/try again in 86399 s/u)
    expect(beyond(made, [open(110n)], NOW + DAY - 1n)).toMatch(/try again in 1 s/u)
    expect(beyond(made, [open(110n)], NOW + DAY)).toBeUndefined()
  })

  test('of a card alone, a guest’s alone; other patches are not asked', () => {
    expect(beyondGuestLimits(made, cards.guest, [open(110n)], NOW, LIMITS)).toBeUndefined()
    const byStaff = at(NOW, shop, 'clerk', ...ids(100n, 120n).map(open))
    expect(beyondGuestLimits(byStaff, cards.clerk, [open(130n)], NOW, LIMITS)).toBeUndefined()
    expect(beyond(made, [patch('append', ['Orders', 100n, 'Items'], item(4n, 1n))])).toBeUndefined()
  })

  test('a set may make as many as there is room for', () => {
    const some = at(NOW, shop, 'other', ...ids(100n, 104n).map(open))
    expect(beyond(some, ids(110n, 113n).map(open))).toBeUndefined()
    expect(beyond(some, ids(110n, 114n).map(open))).toMatch(/try again in 86400 s/u)
    expect(beyond(shop, ids(110n, 120n).map(open))).toMatch(/write fewer in one set/u)
  })

  test('are counted right to ten minutes, in a row of at most 145 entries', () => {
    const pauses = fc.array(fc.bigInt(0n, 20_000n), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(pauses, (pauses) => {
        let index = emptyShop(1n).indexes.made
        let now = NOW
        const times: bigint[] = []
        for (const pause of pauses) {
          now += pause
          index = withMade(index, cards.other, now)
          times.push(now)
        }
        const state = { ...emptyShop(1n), indexes: { ...emptyShop(1n).indexes, made: index } }
        const counted = (limit: number) => {
          const limits = { liveOrdersMax: 1_000, ordersPerDayMax: limit }
          return beyondGuestLimits(state, cards.other, [open(1n)], now, limits) !== undefined
        }
        let count = 0
        while (counted(count + 1)) count++
        expect(count).toBeGreaterThanOrEqual(times.filter((time) => time >= now - DAY + 600n).length)
        expect(count).toBeLessThanOrEqual(times.filter((time) => time > now - DAY).length)
        expect(index.get(cards.other)!.length).toBeLessThan(145 * 12)
      }),
      { numRuns: 100 },
    )
  })
})

test('a clock that is set back loses nobody’s orders', () => {
  const later = at(NOW + DAY, shop, 'other', ...ids(100n, 104n).map(open))
  const both = at(NOW, later, 'other', ...ids(105n, 109n).map(open))
  expect(beyond(both, [open(110n)], NOW)).toMatch(/try again in 172800 s/u)
  expect(beyond(both, [open(110n)], NOW + 2n * DAY)).toBeUndefined()
})

describe('live orders', () => {
  const live = at(NOW, shop, 'other', ...ids(100n, 101n).map(committed))
  const full = at(NOW + 10n, live, 'other', committed(102n))

  test('are those that were committed and have not ended; the message says when the next one ends', () => {
    expect(beyond(live, [committed(110n)], NOW + 10n)).toBeUndefined()
    expect(beyond(full, [committed(110n)], NOW + 10n)).toMatch(
      /at most 3 live orders; cancel one, or try again in 86390 s/u,
    )
    // Three of those that there are have to end first.
    expect(beyond(full, ids(110n, 112n).map(committed), NOW + 10n)).toMatch(/try again in 86400 s/u)
    expect(beyond(shop, ids(110n, 113n).map(committed))).toMatch(/write fewer in one set/u)
  })

  test.each([
    ['canceled by its guest', 'other', [patch('add', ['Orders', 100n, 'CanceledAt'], time(NOW))]],
    ['canceled by staff', 'clerk', [setState(100n, 2n)]],
    ['expired', 'relay', [patch('add', ['Orders', 100n, 'CanceledAt'], time(NOW)), setState(100n, 2n)]],
  ] as const)('an order that is %s is live no more', (_, who, patches) => {
    expect(beyond(at(NOW, full, who, ...patches), [committed(110n)])).toBeUndefined()
  })

  test('a State write counts as far as it commits, whoever wrote the order since', () => {
    const placed = at(NOW, full, 'other', open(110n))
    expect(beyond(placed, [setState(110n, 3n)])).toMatch(/at most 3 live orders/u)
    expect(beyond(placed, [setState(110n, 2n), open(111n)])).toBeUndefined()
    const byStaff = at(NOW, at(NOW, live, 'other', open(103n)), 'clerk', patch('increment', ['Inventory', 4n], 9n))
    expect(beyond(at(NOW, byStaff, 'clerk', setState(103n, 3n)), [committed(110n)])).toMatch(/live orders/u)
  })

  test('a value that cannot be read commits nothing: what is wrong with it is said when it is applied', () => {
    const items = Array.from({ length: 140_000 }, () => 0n)
    expect(beyond(full, [patch('add', ['Orders', 110n], map({ State: 3n, Items: items }))])).toBeUndefined()
    expect(beyond(full, [patch('add', ['Orders', 110n], 7n), patch('add', ['Orders', 111n], null)])).toBeUndefined()
  })

  test('of a card with many more, of before there were limits, no more are looked at than the limit', () => {
    const many = at(NOW, shop, 'other', ...ids(1_000n, 1_500n).map(committed))
    expect(beyond(many, [committed(1n)], NOW, { liveOrdersMax: 3, ordersPerDayMax: 1_000 })).toMatch(
      /at most 3 live orders; cancel one, or try again in 86400 s/u,
    )
  })
})

test('a log of before, in which such orders reserved all that they wanted, replays to the same states', () => {
  const step = fc.record({
    what: fc.constantFrom('force', 'order', 'commit', 'cancel', 'stock'),
    id: fc.bigInt(100n, 119n),
    pieces: fc.bigInt(1n, 12n),
  })
  let checked = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 30, maxLength: 80 }), (steps) => {
      let [before, now] = [shop, shop]
      for (const { what, id, pieces } of steps) {
        const change = {
          force: addOrder(id, [item(2n, pieces)], { State: 3n }),
          order: addOrder(id, [item(2n, pieces)]),
          commit: setState(id, 3n),
          cancel: setState(id, 2n),
          stock: patch('replace', ['Inventory', 2n], pieces * 6n),
        }[what]
        // What staff adds reserves in full, as a guest's order did.
        const old = applyPatches(before, [change], by(what === 'force' ? 'clerk' : 'relay'))
        if (!old.ok) continue
        const replayed = applyPatches(now, [change], by(what === 'force' ? 'other' : 'relay'))
        if (!replayed.ok) throw new Error(`${what} ${id}: ${replayed.verdict.message}`)
        ;[before, now] = [old.state, replayed.state]
        expect(stateHash(now)).toEqual(stateHash(before))
        if (what === 'commit' && now.indexes.short.size > 0) checked++
      }
    }),
    { numRuns: 200 },
  )
  // Commits beside orders that hold less than they want.
  expect(checked).toBeGreaterThan(20)
})
