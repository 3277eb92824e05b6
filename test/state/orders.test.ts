/**
 * PROTOCOL §11, the state's part: transitions, commit, reservations, cancellation, whole orders, and what the relay
 * follows up.
 */

import { describe, expect, test } from 'vitest'
import { PAYMENT_CHOICES_PER_ORDER_MAX, RESERVATION_SECONDS_DEFAULT } from '../../src/limits.js'
import { inventoryKey } from '../../src/objects/inventory.js'
import type { Patch } from '../../src/patches/patch.js'
import { count, idKey, type ShopState } from '../../src/state/shop-state.js'
import {
  accept,
  addOrder,
  address,
  after,
  BARE,
  by,
  chainAddress,
  changed,
  COMMITTED_ORDER,
  DAY,
  effectsOf,
  item,
  listing,
  map,
  messageOf,
  native,
  NOW,
  order,
  patch,
  payee,
  paymentDetails,
  setState,
  shop,
  show,
  time,
  txDetails,
  variation,
  verdictOn,
  type Who,
} from '../fixtures/sample-shop.js'

const O = 'Orders'
const ID = 50n
const cancel = (id: bigint) => patch('add', [O, id, 'CanceledAt'], time(NOW))
const WHO: readonly Who[] = ['guest', 'clerk', 'relay']

/** A shop with order 50, the guest's, of 2 pieces of listing 2, in the given state. */
function shopWith(state: bigint, canceled = false): ShopState {
  const way: Readonly<Record<string, readonly bigint[]>> = {
    1: [],
    2: [2n],
    3: [3n],
    4: [3n, 4n],
    5: [3n, 4n, 5n],
    6: [3n, 4n, 5n, 6n],
  }
  let result = after(shop, 'guest', addOrder(ID))
  for (const next of way[String(state)]!) result = after(result, 'relay', setState(ID, next))
  return canceled ? after(result, 'relay', cancel(ID)) : result
}

const STATES = [1n, 2n, 3n, 4n, 5n, 6n] as const
const shops = new Map(STATES.map((state) => [state, shopWith(state)]))
const canceledShops = new Map(([1n, 3n, 4n, 5n] as const).map((state) => [state, shopWith(state, true)]))

const reserved = (state: ShopState, id: bigint, ...variations: string[]) =>
  count(state.indexes.reserved, inventoryKey(id, variations))

describe('State writes', () => {
  // Row: from. Column: to 1 … 6. c: by everybody, r: by the relay alone, -: by nobody.
  const TABLE: Readonly<Record<string, string>> = {
    1: '-cc---',
    2: '------',
    3: '-c-c--',
    4: '-c-cr-',
    5: '-c-c-r',
    6: '------',
  }

  const cells = STATES.flatMap((from) => STATES.map((to) => [from, to, TABLE[String(from)]![Number(to) - 1]!] as const))
  test.each(cells)('%s → %s: %s', (from, to, cell) => {
    for (const who of WHO) {
      const allowed = cell === 'c' || (cell === 'r' && who === 'relay')
      expect([who, verdictOn(shops.get(from)!, by(who), setState(ID, to))]).toEqual([who, allowed ? 'ok' : 'INVALID'])
    }
  })

  const canceled = ([1n, 3n, 4n, 5n] as const).flatMap((from) => STATES.map((to) => [from, to] as const))
  test.each(canceled)('%s → %s once CanceledAt is set', (from, to) => {
    for (const who of WHO) {
      expect([who, verdictOn(canceledShops.get(from)!, by(who), setState(ID, to))]).toEqual([
        who,
        to === 2n ? 'ok' : 'INVALID',
      ])
    }
  })

  test('PaymentChosen asks the rules of payment, but not for the relay, and not when a logged set is replayed', () => {
    const asked: string[] = []
    const payments = {
      refuse: (wanted: { ID: bigint; State: bigint }, _: unknown, find: (id: bigint) => unknown) => {
        asked.push(`${wanted.ID} ${wanted.State} ${find(2n) !== undefined} ${find(9n) !== undefined}`)
        return 'no region matches'
      },
    }
    const state = shops.get(3n)!
    expect(verdictOn(state, by('guest', { payments }), setState(ID, 4n))).toBe('INVALID')
    expect(asked).toEqual([`${ID} 4 true false`])
    expect(verdictOn(state, by('relay', { payments }), setState(ID, 4n))).toBe('ok')
    expect(verdictOn(state, by('guest'), setState(ID, 4n))).toBe('ok')
    expect(verdictOn(state, by('guest', { payments: { refuse: () => undefined } }), setState(ID, 4n))).toBe('ok')
    expect(verdictOn(state, by('guest', { payments }), setState(ID, 2n))).toBe('ok')
    expect(asked).toHaveLength(1)
  })
})

test('payment is chosen a hundred times and no more, however it was answered in between', () => {
  let state = shops.get(3n)!
  for (let i = 0; i < PAYMENT_CHOICES_PER_ORDER_MAX; i++) {
    state = after(state, 'guest', setState(ID, 4n))
    if (i % 3 === 1) state = after(state, 'relay', setState(ID, 5n))
  }
  for (const who of ['guest', 'clerk', 'owner'] as const)
    expect(verdictOn(state, by(who), setState(ID, 4n))).toBe('INVALID')
  expect(verdictOn(state, by('relay'), setState(ID, 5n))).toBe('ok')
  expect(verdictOn(state, by('guest'), setState(ID, 2n))).toBe('ok')
})

describe('other fields by state', () => {
  const changes: readonly (readonly [string, readonly Patch[], Readonly<Record<'guest' | 'relay', string>>])[] = [
    // States 1 to 6, in order: o accepted, - INVALID.
    ['Items', [patch('append', [O, ID, 'Items'], item(4n, 1n))], { guest: 'o-----', relay: 'o-----' }],
    ['an item', [patch('remove', [O, ID, 'Items', 0n])], { guest: 'o-----', relay: 'o-----' }],
    ['a quantity', [patch('increment', [O, ID, 'Items', 0n, 'Quantity'], 1n)], { guest: 'o-----', relay: 'o-----' }],
    ['an address', [patch('add', [O, ID, 'ShippingAddress'], address)], { guest: 'o-ooo-', relay: 'oooooo' }],
    [
      'a payee',
      [patch('add', [O, ID, 'ChosenPayee'], map({ Address: chainAddress(1n, payee) }))],
      { guest: 'o-ooo-', relay: 'oooooo' },
    ],
    [
      'a currency',
      [patch('add', [O, ID, 'ChosenCurrency'], chainAddress(1n, native))],
      { guest: 'o-ooo-', relay: 'oooooo' },
    ],
    ['CanceledAt', [cancel(ID)], { guest: 'o-ooo-', relay: 'oooooo' }],
    ['PaymentDetails', [patch('add', [O, ID, 'PaymentDetails'], paymentDetails)], { guest: '------', relay: 'oooooo' }],
    ['TxDetails', [patch('add', [O, ID, 'TxDetails'], txDetails)], { guest: '------', relay: 'oooooo' }],
    ['replacing it', [patch('replace', [O, ID], order(ID))], { guest: 'o-----', relay: 'o-----' }],
    ['removing it', [patch('remove', [O, ID])], { guest: 'oo----', relay: 'oo----' }],
  ]

  const cells = changes.flatMap(([name, patches, verdicts]) =>
    (['guest', 'relay'] as const).flatMap((role) =>
      STATES.map((state) => [name, role, state, patches, verdicts[role][Number(state) - 1]!] as const),
    ),
  )
  test.each(cells)('%s by the %s in state %s', (_, role, state, patches, cell) => {
    expect(verdictOn(shops.get(state)!, by(role), ...patches)).toBe(cell === 'o' ? 'ok' : 'INVALID')
    if (role === 'guest')
      expect(verdictOn(shops.get(state)!, by('clerk'), ...patches)).toBe(cell === 'o' ? 'ok' : 'INVALID')
  })

  test.each([1n, 3n, 4n, 5n] as const)('once CanceledAt is set in state %s a client changes nothing more', (state) => {
    for (const [name, patches] of changes) {
      if (name === 'removing it' || name === 'CanceledAt') continue
      expect([name, verdictOn(canceledShops.get(state)!, by('guest'), ...patches)]).toEqual([name, 'INVALID'])
    }
    expect(verdictOn(canceledShops.get(state)!, by('guest'), patch('replace', [O, ID, 'CanceledAt'], time(5n)))).toBe(
      'INVALID',
    )
  })
})

describe('commit', () => {
  const commit = (items: readonly ReturnType<typeof item>[], state: ShopState = shop) => {
    const placed = after(state, 'guest', addOrder(ID, items))
    return verdictOn(placed, by('guest'), setState(ID, 3n))
  }

  test('takes the last piece, and not one more', () => {
    // 10 in stock, 3 held by the committed order.
    expect(commit([item(2n, 7n)])).toBe('ok')
    expect(commit([item(2n, 8n)])).toBe('OUT_OF_STOCK 2')
    expect(commit([item(1n, 5n, 'S', 'red')])).toBe('ok')
    expect(commit([item(1n, 6n, 'red', 'S')])).toBe('OUT_OF_STOCK 1')
  })

  test('sums lines over the same stock, in whatever order the variations are named', () => {
    expect(commit([item(2n, 3n), item(2n, 4n)])).toBe('ok')
    expect(commit([item(2n, 4n), item(2n, 4n)])).toBe('OUT_OF_STOCK 2')
    expect(commit([item(1n, 3n, 'S', 'red'), item(1n, 2n, 'red', 'S')])).toBe('ok')
    expect(commit([item(1n, 3n, 'S', 'red'), item(1n, 3n, 'red', 'S')])).toBe('OUT_OF_STOCK 1')
  })

  test('no entry counts as 0', () => {
    expect(commit([item(4n, 1n)])).toBe('OUT_OF_STOCK 4')
    expect(commit([item(1n, 1n, 'S')])).toBe('OUT_OF_STOCK 1')
    expect(commit([item(1n, 1n)])).toBe('OUT_OF_STOCK 1')
  })

  test('a listing is published and there, with its variations', () => {
    expect(commit([item(3n, 1n)])).toBe('NOT_FOUND 3')
    const placed = after(shop, 'guest', addOrder(ID, [item(2n, 1n), item(1n, 1n, 'S', 'red')]))
    const verdict = (...changes: readonly Patch[]) =>
      verdictOn(after(placed, 'clerk', ...changes), by('guest'), setState(ID, 3n))
    expect(verdict()).toBe('ok')
    expect(verdict(patch('replace', ['Listings', 2n, 'ViewState'], 2n))).toBe('NOT_FOUND 2')
    expect(verdict(patch('remove', ['Tags', 'sale']), patch('remove', ['Listings', 2n]))).toBe('NOT_FOUND 2')
    expect(verdict(patch('remove', ['Listings', 1n, 'Options', 'size', 'Variations', 'S']))).toBe('NOT_FOUND 1')
    expect(verdict(patch('remove', ['Listings', 1n, 'Options', 'colour']))).toBe('NOT_FOUND 1')
    expect(verdict(patch('remove', ['Listings', 1n, 'Options', 'size', 'Variations', 'M']))).toBe('ok')
  })

  test('items of 0 are skipped, and an order of nothing else is INVALID', () => {
    expect(commit([])).toBe('INVALID')
    const lower = (index: bigint) => patch('decrement', [O, ID, 'Items', index, 'Quantity'], 1n)
    const placed = after(shop, 'guest', addOrder(ID, [item(3n, 1n), item(2n, 1n)]))
    expect(verdictOn(placed, by('guest'), setState(ID, 3n))).toBe('NOT_FOUND 3')
    expect(verdictOn(placed, by('guest'), lower(0n), setState(ID, 3n))).toBe('ok')
    expect(verdictOn(placed, by('guest'), lower(0n), lower(1n), setState(ID, 3n))).toBe('INVALID')
    const committed = after(placed, 'guest', lower(0n), setState(ID, 3n))
    expect([reserved(committed, 3n), reserved(committed, 2n)]).toEqual([0n, 4n])
  })

  test('counts what other live orders hold, also beyond the stock', () => {
    const forced = after(shop, 'clerk', addOrder(51n, [item(2n, 20n)], { State: 3n }))
    expect(reserved(forced, 2n)).toBe(23n)
    expect(commit([item(2n, 1n)], forced)).toBe('OUT_OF_STOCK 2')
    expect(commit([item(2n, 1n)], after(forced, 'clerk', patch('replace', ['Inventory', 2n], 24n)))).toBe('ok')
    expect(commit([item(2n, 7n)], after(forced, 'clerk', setState(51n, 2n)))).toBe('ok')
  })

  test('that finds too few tells what other orders of the same card hold, and nothing of others’', () => {
    const told = (who: Who, items: readonly ReturnType<typeof item>[], state: ShopState = shop) => {
      const placed = after(state, who, addOrder(ID, items))
      return messageOf(placed, by(who), setState(ID, 3n))
    }
    const few = (listing: bigint, wanted: bigint) =>
      `patch 0: listing ${listing}: fewer than the ${wanted} wanted are available`
    const hold = (pieces: bigint) => `; ${pieces} are held by other orders of the same card`
    // The committed order is the guest's and holds 3.
    expect(told('guest', [item(2n, 8n)])).toBe(few(2n, 8n) + hold(3n))
    expect(told('other', [item(2n, 8n)])).toBe(few(2n, 8n))
    expect(told('clerk', [item(2n, 8n)])).toBe(few(2n, 8n))
    expect(told('guest', [item(4n, 1n)])).toBe(few(4n, 1n))
    const more = after(shop, 'guest', addOrder(51n, [item(2n, 1n), item(2n, 1n)]), setState(51n, 3n))
    expect(told('guest', [item(2n, 6n)], more)).toBe(few(2n, 6n) + hold(5n))
    const ended = after(more, 'guest', setState(COMMITTED_ORDER, 2n), cancel(51n))
    expect(told('guest', [item(2n, 11n)], ended)).toBe(few(2n, 11n))
    const varied = after(shop, 'guest', addOrder(51n, [item(1n, 4n, 'S', 'red')]), setState(51n, 3n))
    expect(told('guest', [item(1n, 2n, 'red', 'S')], varied)).toBe(few(1n, 2n) + hold(4n))
  })

  test('is checked for the relay too', () => {
    const placed = after(shop, 'relay', addOrder(ID, [item(2n, 8n)]))
    expect(verdictOn(placed, by('relay'), setState(ID, 3n))).toBe('OUT_OF_STOCK 2')
  })
})

describe('reservations', () => {
  const placed = after(shop, 'guest', addOrder(ID, [item(2n, 2n), item(1n, 1n, 'S', 'red')]))
  const committed = after(placed, 'guest', setState(ID, 3n))
  const held = (state: ShopState) => [
    reserved(state, 2n),
    reserved(state, 1n, 'S', 'red'),
    deadlineOf(state) !== undefined,
  ]

  test('begin at commit and end with State 2, CanceledAt or Paid', () => {
    expect(held(placed)).toEqual([3n, 0n, false])
    expect(held(committed)).toEqual([5n, 1n, true])
    const chosen = after(committed, 'guest', setState(ID, 4n))
    const unpaid = after(chosen, 'relay', patch('add', [O, ID, 'PaymentDetails'], paymentDetails), setState(ID, 5n))
    for (const state of [committed, chosen, unpaid]) {
      expect(held(state)).toEqual([5n, 1n, true])
      expect(held(after(state, 'guest', setState(ID, 2n)))).toEqual([3n, 0n, false])
      const canceled = after(state, 'guest', cancel(ID))
      expect(held(canceled)).toEqual([3n, 0n, false])
      expect(held(after(canceled, 'guest', setState(ID, 2n)))).toEqual([3n, 0n, false])
    }
    expect(held(after(unpaid, 'relay', setState(ID, 6n)))).toEqual([3n, 0n, false])
  })

  test.each(['clerk', 'relay'] as const)(
    'an order that the %s adds as Committed reserves without a stock check',
    (who) => {
      const state = after(shop, who, addOrder(ID, [item(4n, 3n)], { State: 3n }))
      expect(reserved(state, 4n)).toBe(3n)
      expect(show(state, [O, ID, 'State'])).toBe('3')
    },
  )

  describe('an order that a guest adds as Committed is accepted and reserves at most what is free', () => {
    // Listing 2 has 10 pieces, of which the shop's own order holds 3; listing 4 has no stock at all.
    const forced = (items: Parameters<typeof addOrder>[1], state = shop, id = ID) =>
      after(state, 'guest', addOrder(id, items, { State: 3n }))
    const FULL = 2n ** 32n - 1n

    test('all that it wants where that is there', () => {
      expect(reserved(forced([item(2n, 7n)]), 2n)).toBe(10n)
      expect(forced([item(2n, 7n)]).indexes.short.size).toBe(0)
    })

    test('line by line, what is free of each; lines over the same stock share it', () => {
      const state = forced([item(2n, 4n), item(4n, 3n), item(2n, FULL), item(1n, 1n, 'S', 'red')])
      expect(show(state, [O, ID, 'State'])).toBe('3')
      expect([reserved(state, 2n), reserved(state, 4n), reserved(state, 1n, 'S', 'red')]).toEqual([10n, 0n, 1n])
      expect(deadlineOf(state)).toBe(NOW + DAY)
    })

    test('the next one holds nothing, and what comes into stock later is free for all', () => {
      const second = forced([item(2n, FULL)], forced([item(2n, FULL)]), 51n)
      expect(reserved(second, 2n)).toBe(10n)
      const restocked = after(second, 'clerk', patch('increment', ['Inventory', 2n], 5n))
      expect(verdictOn(after(restocked, 'other', addOrder(52n, [item(2n, 5n)])), by('other'), setState(52n, 3n))).toBe(
        'ok',
      )
    })

    test('what stands below what staff reserved is not free', () => {
      const beyond = after(shop, 'clerk', addOrder(51n, [item(2n, 20n)], { State: 3n }))
      expect(reserved(forced([item(2n, 1n)], beyond), 2n)).toBe(23n)
    })

    test.each(WHO)('and gives back what it held, no more, when the %s ends it', (who) => {
      const ended = after(forced([item(2n, FULL), item(4n, 9n)]), who, cancel(ID))
      expect([reserved(ended, 2n), reserved(ended, 4n)]).toEqual([3n, 0n])
      expect(ended.indexes.short.size).toBe(0)
      const paid = after(forced([item(2n, FULL)]), 'relay', setState(ID, 4n), setState(ID, 5n), setState(ID, 6n))
      expect(reserved(paid, 2n)).toBe(3n)
    })

    test('within one set it sees what the patches before it hold', () => {
      const both = [50n, 51n].map((id) => addOrder(id, [item(2n, 5n)], { State: 3n }))
      expect(reserved(after(shop, 'guest', ...both), 2n)).toBe(10n)
    })
  })

  test('a canceled Open order never held anything', () => {
    expect(held(after(placed, 'guest', cancel(ID), setState(ID, 2n)))).toEqual([3n, 0n, false])
  })

  test('the deadline counts from the commit time, and lasts at least until the newest TTL', () => {
    const at = (committedAt: bigint, state: ShopState, ...changes: readonly Patch[]) =>
      accept(state, by('relay', { committedAt }), ...changes).state
    expect(by('guest').reservationSeconds).toBe(RESERVATION_SECONDS_DEFAULT)
    expect(deadlineOf(placed)).toBeUndefined()
    expect(deadlineOf(committed)).toBe(NOW + DAY)
    const later = at(NOW + 100n, committed, setState(ID, 4n))
    expect(deadlineOf(later)).toBe(NOW + DAY)
    const details = (TTL: bigint) => patch('replace', [O, ID, 'PaymentDetails'], changed(paymentDetails, { TTL }))
    expect(deadlineOf(at(NOW + 100n, later, details(NOW + 5n)))).toBe(NOW + DAY)
    const longer = at(NOW + 100n, later, details(NOW + 2n * DAY))
    expect(deadlineOf(longer)).toBe(NOW + 2n * DAY)
    expect(deadlineOf(at(NOW + 200n, longer, setState(ID, 5n), details(NOW + 3n * DAY)))).toBe(NOW + 3n * DAY)
  })
})

describe('whole orders', () => {
  const add = (more: Parameters<typeof order>[2], who: Who = 'guest') =>
    verdictOn(shop, by(who), addOrder(ID, [item(2n, 1n)], more))

  test.each(STATES)('are added with State 1 or 3: %s', (State) => {
    for (const who of WHO) expect(add({ State }, who)).toBe(State === 1n || State === 3n ? 'ok' : 'INVALID')
  })

  test('without PaymentDetails and CanceledAt; a TxDetails is kept', () => {
    for (const who of WHO) {
      expect(add({ PaymentDetails: paymentDetails }, who)).toBe('INVALID')
      expect(add({ CanceledAt: time(NOW) }, who)).toBe('INVALID')
      expect(add({ TxDetails: txDetails }, who)).toBe('ok')
    }
    const state = after(shop, 'guest', addOrder(ID, [], { TxDetails: txDetails }))
    expect(show(state, [O, ID, 'TxDetails'])).not.toBe('absent')
  })

  test('are replaced with State 1 only', () => {
    const replace = (more: Parameters<typeof order>[2]) =>
      verdictOn(shop, by('guest'), patch('replace', [O, BARE], order(BARE, [], more)))
    expect(replace({})).toBe('ok')
    for (const State of [2n, 3n, 4n, 5n, 6n]) expect(replace({ State })).toBe('INVALID')
    expect(replace({ CanceledAt: time(NOW) })).toBe('INVALID')
    expect(replace({ PaymentDetails: paymentDetails })).toBe('INVALID')
  })
})

describe('what the relay follows up', () => {
  const socksOrder = after(shop, 'guest', addOrder(ID, [item(1n, 1n, 'S', 'red')]), setState(ID, 3n))
  const orphans = (state: ShopState, ...changes: readonly Patch[]) =>
    effectsOf(state, 'clerk', ...changes).orphanedOrders

  test('live orders that hold a listing which goes', () => {
    expect(orphans(shop, patch('remove', ['Tags', 'sale']), patch('remove', ['Listings', 2n]))).toEqual([
      COMMITTED_ORDER,
    ])
    expect(orphans(socksOrder, patch('remove', ['Tags', 'sale']), patch('remove', ['Listings', 1n]))).toEqual([ID])
    expect(orphans(shop, patch('remove', ['Listings', 4n]))).toEqual([])
  })

  test('or an option or variation of it, removed or replaced away', () => {
    const options = ['Listings', 1n, 'Options'] as const
    const size = (names: Readonly<Record<string, ReturnType<typeof variation>>>) =>
      map({ Title: 'Size', Variations: map(names) })
    const gone: readonly Patch[] = [
      patch('remove', [...options, 'size', 'Variations', 'S']),
      patch('remove', [...options, 'size']),
      patch('replace', [...options, 'size'], size({ M: variation('M') })),
      patch('replace', [...options], map({})),
      patch('replace', ['Listings', 1n], listing(1n)),
    ]
    for (const change of gone) expect(orphans(socksOrder, change)).toEqual([ID])
    const kept: readonly Patch[] = [
      patch('remove', [...options, 'size', 'Variations', 'M']),
      patch('replace', [...options, 'size'], size({ S: variation('s') })),
      patch('replace', [...options, 'size', 'Variations', 'S'], variation('s')),
      patch('replace', ['Listings', 1n, 'ViewState'], 2n),
      patch('add', [...options, 'fit'], map({ Title: 'Fit' })),
    ]
    for (const change of kept) expect(orphans(socksOrder, change)).toEqual([])
  })

  test('no order that is Open, canceled or paid, and no item of 0', () => {
    const gone = patch('remove', ['Listings', 1n, 'Options', 'size'])
    const open = after(shop, 'guest', addOrder(ID, [item(1n, 1n, 'S', 'red')]))
    expect(orphans(open, gone)).toEqual([])
    expect(orphans(after(socksOrder, 'guest', cancel(ID)), gone)).toEqual([])
    expect(orphans(after(socksOrder, 'guest', setState(ID, 4n)), gone)).toEqual([ID])
    expect(orphans(after(socksOrder, 'relay', setState(ID, 4n), setState(ID, 5n), setState(ID, 6n)), gone)).toEqual([])
    const zero = after(
      shop,
      'guest',
      addOrder(ID, [item(1n, 1n, 'S', 'red'), item(2n, 1n)]),
      patch('decrement', [O, ID, 'Items', 0n, 'Quantity'], 1n),
      setState(ID, 3n),
    )
    expect(orphans(zero, gone)).toEqual([])
  })

  test('nor one that the set itself cancels, before or after', () => {
    const gone = patch('remove', ['Listings', 1n, 'Options', 'size'])
    for (const end of [setState(ID, 2n), cancel(ID)]) {
      expect(orphans(socksOrder, gone, end)).toEqual([])
      expect(orphans(socksOrder, end, gone)).toEqual([])
    }
    expect(orphans(socksOrder, gone, setState(ID, 4n))).toEqual([ID])
  })

  test('the Open ones fail at commit with the id of the listing', () => {
    const open = after(shop, 'guest', addOrder(ID, [item(1n, 1n, 'S', 'red')]))
    const gone = after(open, 'clerk', patch('remove', ['Tags', 'sale']), patch('remove', ['Listings', 1n]))
    expect(verdictOn(gone, by('guest'), setState(ID, 3n))).toBe('NOT_FOUND 1')
  })
})

/** When the reservation of the order ends, as the index of live orders has it; undefined for one that is not live. */
function deadlineOf({ indexes }: ShopState): bigint | undefined {
  const deadline = count(indexes.live, idKey(ID))
  return deadline === 0n ? undefined : deadline
}
