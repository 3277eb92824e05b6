/**
 * PROTOCOL §4 (order of checks), §5, §10 and §11 as one table: every write on an order, in every state that an order
 * can be in, by everybody. The verdicts are written out from the text; nothing of them is computed.
 */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Encodable } from '../../src/codec/encode.js'
import type { Patch } from '../../src/patches/patch.js'
import { Checkout } from '../../src/relay/payments/checkout.js'
import { NO_PRICES } from '../../src/relay/payments/price-source.js'
import { applyPatches } from '../../src/state/apply.js'
import type { ShopState } from '../../src/state/shop-state.js'
import {
  addOrder,
  address,
  after,
  by,
  chainAddress,
  changed,
  filled,
  item,
  map,
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
  token,
  txDetails,
  verdictOn,
  type Who,
} from '../fixtures/sample-shop.js'

const ID = 50n
const at = (...fields: readonly (string | bigint)[]) => ['Orders', ID, ...fields]

/** c: with CanceledAt. */
const COLUMNS = ['1', '2', '3', '4', '5', '6', '1c', '2c', '3c', '4c', '5c'] as const
type Column = (typeof COLUMNS)[number]
const WAY: Readonly<Record<string, readonly bigint[]>> = {
  1: [],
  2: [2n],
  3: [3n],
  4: [3n, 4n],
  5: [3n, 4n, 5n],
  6: [3n, 4n, 5n, 6n],
}

/** Order 50, the guest's, of 2 pieces of listing 2, in the state of each column. */
function inEveryState(fields: Readonly<Record<string, Encodable>>, ...relays: readonly Patch[]) {
  const placed = after(after(shop, 'guest', addOrder(ID, [item(2n, 2n)], fields)), 'relay', ...relays)
  const made = COLUMNS.map((column): [Column, ShopState] => {
    const steps = WAY[column[0]!]!.map((state) => setState(ID, state))
    const cancel = column.endsWith('c') ? [patch('add', at('CanceledAt'), time(NOW))] : []
    return [column, after(placed, 'relay', ...steps, ...cancel)]
  })
  return new Map(made)
}

const chosenPayee = map({ Address: chainAddress(1n, payee), CallAsContract: false })
const full = {
  InvoiceAddress: address,
  ShippingAddress: address,
  ChosenPayee: chosenPayee,
  ChosenCurrency: chainAddress(1n, native),
}
const FIXTURES = {
  /** Nothing but items. */
  bare: inEveryState({}),
  /** Everything is set. */
  full: inEveryState(
    full,
    patch('add', at('PaymentDetails'), paymentDetails),
    patch('add', at('TxDetails'), txDetails),
  ),
}

/** Chain 1 is configured; only the pricing currency, its native one, has a price. */
const payments = new Checkout(new Map([[1n, { head: undefined, decimals: () => 2n }]]), NO_PRICES)

const LETTERS: Readonly<Record<string, string>> = {
  o: 'ok',
  I: 'INVALID',
  N: `NOT_FOUND ${ID}`,
  L: 'NOT_FOUND 99',
}
/** The verdicts for the columns; a space stands between those without and with CanceledAt. */
type Row = readonly [write: string, on: keyof typeof FIXTURES, patch: Patch, clients: string, relay: string]

const NEVER = 'IIIIII IIIII'
const ALWAYS = 'oooooo ooooo'
const MISSING = 'NNNNNN NNNNN'
const STRANGER = 'LLLLLL LLLLL'
/** §11: in 1, 3, 4, 5, in 2 and 6 nothing; after CanceledAt only State→2. */
const WHILE_ALIVE = 'oIoooI IIIII'
/** §11: while Open only. */
const WHILE_OPEN = 'oIIIII IIIII'
/** The same of the relay, for which CanceledAt forbids no more than transitions. */
const WHILE_OPEN_RELAY = 'oIIIII oIIII'

const STATES: readonly Row[] = [
  ['State→1', 'full', setState(ID, 1n), NEVER, NEVER],
  ['State→2', 'full', setState(ID, 2n), 'oIoooI oIooo', 'oIoooI oIooo'],
  ['State→3', 'full', setState(ID, 3n), 'oIIIII IIIII', 'oIIIII IIIII'],
  ['State→4', 'full', setState(ID, 4n), 'IIoooI IIIII', 'IIoooI IIIII'],
  ['State→5', 'full', setState(ID, 5n), NEVER, 'IIIoII IIIII'],
  ['State→6', 'full', setState(ID, 6n), NEVER, 'IIIIoI IIIII'],
  ['State→2 of a bare order', 'bare', setState(ID, 2n), 'oIoooI oIooo', 'oIoooI oIooo'],
  ['State→3 of a bare order', 'bare', setState(ID, 3n), 'oIIIII IIIII', 'oIIIII IIIII'],
  // Neither payee nor currency nor address: what §11 asks of clients, and of the relay not (§4).
  ['State→4 of a bare order', 'bare', setState(ID, 4n), NEVER, 'IIoooI IIIII'],
  ['State→5 of a bare order', 'bare', setState(ID, 5n), NEVER, 'IIIoII IIIII'],
  ['State→6 of a bare order', 'bare', setState(ID, 6n), NEVER, 'IIIIoI IIIII'],
  ['State→0', 'full', setState(ID, 0n), NEVER, NEVER],
  ['State→7', 'full', setState(ID, 7n), NEVER, NEVER],
  ['State→"2"', 'full', patch('replace', at('State'), '2'), NEVER, NEVER],
  ['State→null', 'full', patch('replace', at('State'), null), NEVER, NEVER],
  ['add State', 'full', patch('add', at('State'), 2n), NEVER, NEVER],
  ['remove State', 'full', patch('remove', at('State')), NEVER, NEVER],
  ['increment State', 'full', patch('increment', at('State'), 1n), NEVER, NEVER],
  ['append State', 'full', patch('append', at('State'), 2n), NEVER, NEVER],
  ['State,State', 'full', patch('replace', at('State', 'State'), 2n), NEVER, NEVER],
]

const RELAY_FIELDS: readonly Row[] = [
  ['add PaymentDetails', 'bare', patch('add', at('PaymentDetails'), paymentDetails), NEVER, ALWAYS],
  ['replace PaymentDetails, not set', 'bare', patch('replace', at('PaymentDetails'), paymentDetails), NEVER, ALWAYS],
  ['add PaymentDetails, set', 'full', patch('add', at('PaymentDetails'), paymentDetails), NEVER, NEVER],
  ['replace PaymentDetails', 'full', patch('replace', at('PaymentDetails'), paymentDetails), NEVER, ALWAYS],
  ['remove PaymentDetails', 'full', patch('remove', at('PaymentDetails')), NEVER, NEVER],
  ['PaymentDetails,Total', 'full', patch('replace', at('PaymentDetails', 'Total'), 1n), NEVER, NEVER],
  ['PaymentDetails,TTL', 'full', patch('replace', at('PaymentDetails', 'TTL'), 1n), NEVER, NEVER],
  ['malformed PaymentDetails', 'full', patch('replace', at('PaymentDetails'), 5n), NEVER, NEVER],
  ['add TxDetails', 'bare', patch('add', at('TxDetails'), txDetails), NEVER, ALWAYS],
  ['replace TxDetails, not set', 'bare', patch('replace', at('TxDetails'), txDetails), NEVER, ALWAYS],
  ['add TxDetails, set', 'full', patch('add', at('TxDetails'), txDetails), NEVER, NEVER],
  ['replace TxDetails', 'full', patch('replace', at('TxDetails'), txDetails), NEVER, ALWAYS],
  ['remove TxDetails', 'full', patch('remove', at('TxDetails')), NEVER, NEVER],
  ['TxDetails,BlockHash', 'full', patch('replace', at('TxDetails', 'BlockHash'), filled(32, 1)), NEVER, NEVER],
]

const CANCELED_AT: readonly Row[] = [
  ['add CanceledAt', 'bare', patch('add', at('CanceledAt'), time(NOW)), WHILE_ALIVE, 'oooooo IIIII'],
  ['add CanceledAt to a full order', 'full', patch('add', at('CanceledAt'), time(0n)), WHILE_ALIVE, 'oooooo IIIII'],
  ['replace CanceledAt', 'bare', patch('replace', at('CanceledAt'), time(5n)), 'NNNNNN IIIII', 'NNNNNN ooooo'],
  ['remove CanceledAt', 'bare', patch('remove', at('CanceledAt')), NEVER, NEVER],
  ['CanceledAt untagged', 'bare', patch('add', at('CanceledAt'), '2020-01-01T00:00:00Z'), NEVER, NEVER],
  ['CanceledAt null', 'bare', patch('replace', at('CanceledAt'), null), 'NNNNNN IIIII', 'NNNNNN IIIII'],
]

const two = item(2n, 2n)
const ITEMS: readonly Row[] = [
  ['append Items', 'bare', patch('append', at('Items'), two), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['append Items of a full order', 'full', patch('append', at('Items'), two), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['add Items,0', 'bare', patch('add', at('Items', 0n), two), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['replace Items,0', 'bare', patch('replace', at('Items', 0n), two), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['remove Items,0', 'bare', patch('remove', at('Items', 0n)), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['replace Items', 'bare', patch('replace', at('Items'), [two, two]), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['replace Items by none', 'bare', patch('replace', at('Items'), []), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['replace a quantity', 'bare', patch('replace', at('Items', 0n, 'Quantity'), 9n), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['increment a quantity', 'bare', patch('increment', at('Items', 0n, 'Quantity'), 1n), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['a quantity to 0', 'bare', patch('decrement', at('Items', 0n, 'Quantity'), 2n), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['by nothing', 'bare', patch('increment', at('Items', 0n, 'Quantity'), 0n), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['a quantity below 0', 'bare', patch('decrement', at('Items', 0n, 'Quantity'), 3n), NEVER, NEVER],
  ['a quantity of 0 by replace', 'bare', patch('replace', at('Items', 0n, 'Quantity'), 0n), NEVER, NEVER],
  ['an item of 0', 'bare', patch('append', at('Items'), item(2n, 0n)), NEVER, NEVER],
  ['add Items', 'bare', patch('add', at('Items'), [two]), NEVER, NEVER],
  ['remove Items', 'bare', patch('remove', at('Items')), NEVER, NEVER],
  // §4: existence comes before what the order's state says.
  ['remove Items,1', 'bare', patch('remove', at('Items', 1n)), MISSING, MISSING],
  ['an item of no listing', 'bare', patch('append', at('Items'), item(99n, 1n)), STRANGER, STRANGER],
]

const ADDRESSES: readonly Row[] = (['InvoiceAddress', 'ShippingAddress'] as const).flatMap((field): Row[] => [
  [`add ${field}`, 'bare', patch('add', at(field), address), WHILE_ALIVE, ALWAYS],
  [`add ${field}, set`, 'full', patch('add', at(field), address), NEVER, NEVER],
  [`replace ${field}`, 'full', patch('replace', at(field), address), WHILE_ALIVE, ALWAYS],
  [`replace ${field}, not set`, 'bare', patch('replace', at(field), address), MISSING, MISSING],
  [`remove ${field}`, 'full', patch('remove', at(field)), WHILE_ALIVE, ALWAYS],
  [`remove ${field}, not set`, 'bare', patch('remove', at(field)), MISSING, MISSING],
  [`replace ${field},City`, 'full', patch('replace', at(field, 'City'), 'Ghent'), WHILE_ALIVE, ALWAYS],
  [`replace ${field},City, not set`, 'bare', patch('replace', at(field, 'City'), 'Ghent'), MISSING, MISSING],
  [`a blank ${field},City`, 'full', patch('replace', at(field, 'City'), ' '), NEVER, NEVER],
  [`${field} without City`, 'full', patch('replace', at(field), changed(address, {}, 'City')), NEVER, NEVER],
])

const unknown = filled(20, 0x99)
const CHOICES: readonly Row[] = (
  [
    ['ChosenPayee', chosenPayee, map({ Address: chainAddress(1n, unknown) })],
    ['ChosenCurrency', chainAddress(1n, token), chainAddress(1n, unknown)],
  ] as const
).flatMap(([field, good, lacking]): Row[] => [
  [`add ${field}`, 'bare', patch('add', at(field), good), WHILE_ALIVE, ALWAYS],
  [`add ${field}, set`, 'full', patch('add', at(field), good), NEVER, NEVER],
  [`replace ${field}`, 'full', patch('replace', at(field), good), WHILE_ALIVE, ALWAYS],
  [`replace ${field}, not set`, 'bare', patch('replace', at(field), good), WHILE_ALIVE, ALWAYS],
  [`remove ${field}`, 'full', patch('remove', at(field)), NEVER, NEVER],
  [`add ${field} that the manifest lacks`, 'bare', patch('add', at(field), lacking), NEVER, NEVER],
  [`replace ${field} that the manifest lacks`, 'full', patch('replace', at(field), lacking), NEVER, NEVER],
])

const whole = (more: Readonly<Record<string, Encodable>> = {}) => order(ID, [two], more)
const WHOLE: readonly Row[] = [
  ['add it again', 'bare', patch('add', at(), whole()), NEVER, NEVER],
  ['add it again as Committed', 'bare', patch('add', at(), whole({ State: 3n })), NEVER, NEVER],
  ['replace it', 'bare', patch('replace', at(), whole()), WHILE_OPEN, WHILE_OPEN_RELAY],
  ['replace a full one', 'full', patch('replace', at(), whole(full)), WHILE_OPEN, WHILE_OPEN_RELAY],
  ...[0n, 2n, 3n, 4n, 5n, 6n].map((State): Row => [
    `replace it with State ${State}`,
    'full',
    patch('replace', at(), whole({ ...full, State })),
    NEVER,
    NEVER,
  ]),
  ['with PaymentDetails', 'full', patch('replace', at(), whole({ PaymentDetails: paymentDetails })), NEVER, NEVER],
  ['with CanceledAt', 'full', patch('replace', at(), whole({ CanceledAt: time(NOW) })), NEVER, NEVER],
  ['with another ID', 'bare', patch('replace', at(), order(ID + 1n)), NEVER, NEVER],
  ['without State', 'bare', patch('replace', at(), changed(whole(), {}, 'State')), NEVER, NEVER],
  // What was canceled without a State write may be removed like any Open order.
  ['remove it', 'bare', patch('remove', at()), 'ooIIII ooIII', 'ooIIII ooIII'],
  ['remove a full one', 'full', patch('remove', at()), 'ooIIII ooIII', 'ooIIII ooIII'],
  ['append to it', 'bare', patch('append', at(), whole()), NEVER, NEVER],
  ['an unknown field', 'bare', patch('replace', at('Paid'), true), NEVER, NEVER],
  ['its ID', 'bare', patch('replace', at('ID'), ID), NEVER, NEVER],
]

const ROWS = [...STATES, ...RELAY_FIELDS, ...CANCELED_AT, ...ITEMS, ...ADDRESSES, ...CHOICES, ...WHOLE]

describe.each(ROWS)('%s (%s)', (_write, on, change, clients, relay) => {
  const verdicts = (who: Who): Record<string, string> =>
    Object.fromEntries(
      COLUMNS.map((column) => [column, verdictOn(FIXTURES[on].get(column)!, by(who, { payments }), change)]),
    )
  const expected = (row: string): Record<string, string> => {
    const letters = row.replace(' ', '')
    expect(letters).toHaveLength(COLUMNS.length)
    return Object.fromEntries(COLUMNS.map((column, i) => [column, LETTERS[letters[i]!]!]))
  }

  test.each(['guest', 'clerk', 'owner'] as const)('by the %s', (who) => {
    expect(verdicts(who)).toEqual(expected(clients))
  })
  test('by the relay', () => {
    expect(verdicts('relay')).toEqual(expected(relay))
  })
  // §4, step 3: whatever it is, before it is looked at.
  test('by another guest', () => {
    expect(verdicts('other')).toEqual(expected(MISSING))
  })
})

describe('no order under the id', () => {
  const removed = after(after(shop, 'guest', addOrder(ID)), 'guest', patch('remove', at()))
  const elsewhere = new Set(['add it again', 'add it again as Committed', 'without State', 'with another ID'])

  test('every accepted write but add is NOT_FOUND, for everybody', () => {
    let cells = 0
    for (const [write, , change, clients, relay] of ROWS) {
      for (const [who, row] of [
        ['guest', clients],
        ['owner', clients],
        ['relay', relay],
      ] as const) {
        if (elsewhere.has(write) || !row.includes('o')) continue
        cells++
        const verdict = verdictOn(removed, by(who, { payments }), change)
        expect([write, who, verdict]).toEqual([write, who, `NOT_FOUND ${ID}`])
      }
    }
    expect(cells).toBeGreaterThan(80)
  })

  test('a removed id is added again by its card and by staff, never by another guest', () => {
    for (const who of ['guest', 'clerk', 'owner', 'relay'] as const)
      expect([who, verdictOn(removed, by(who), addOrder(ID))]).toEqual([who, 'ok'])
    expect(verdictOn(removed, by('other'), addOrder(ID))).toBe(`NOT_FOUND ${ID}`)
    const again = after(removed, 'clerk', addOrder(ID))
    expect(verdictOn(again, by('guest'), setState(ID, 2n))).toBe('ok')
    expect(verdictOn(again, by('other'), setState(ID, 2n))).toBe(`NOT_FOUND ${ID}`)
  })

  test.each([1n, 2n, 3n, 4n, 5n, 6n])('is added with State 1 or 3: %s', (State) => {
    for (const who of ['guest', 'clerk', 'owner', 'relay'] as const) {
      const verdict = verdictOn(removed, by(who), addOrder(ID, [two], { ...full, State }))
      expect([who, verdict]).toEqual([who, State === 1n || State === 3n ? 'ok' : 'INVALID'])
    }
  })
})

describe('one set', () => {
  const open = FIXTURES.full.get('1')!
  const verdict = (who: Who, ...changes: readonly Patch[]) => verdictOn(open, by(who, { payments }), ...changes)
  const to = (...states: readonly bigint[]) => states.map((state) => setState(ID, state))

  test('walks from Open to PaymentChosen, and for the relay to Paid', () => {
    expect(verdict('guest', ...to(3n, 4n))).toBe('ok')
    expect(verdict('guest', ...to(3n, 4n, 4n))).toBe('ok')
    expect(verdict('guest', ...to(3n, 4n, 2n))).toBe('ok')
    expect(verdict('guest', ...to(3n, 4n, 5n))).toBe('INVALID')
    expect(verdict('relay', ...to(3n, 4n, 5n, 6n))).toBe('ok')
    expect(verdict('relay', ...to(3n, 4n, 5n, 6n, 2n))).toBe('INVALID')
    expect(verdict('relay', ...to(3n, 4n, 6n))).toBe('INVALID')
  })

  test('is judged where a State is written: what comes later repairs nothing', () => {
    const bare = FIXTURES.bare.get('3')!
    const choose = [
      patch('add', at('ShippingAddress'), address),
      patch('add', at('ChosenPayee'), chosenPayee),
      patch('add', at('ChosenCurrency'), chainAddress(1n, native)),
    ]
    expect(verdictOn(bare, by('guest', { payments }), ...choose, setState(ID, 4n))).toBe('ok')
    for (let place = 0; place < choose.length; place++) {
      const late = choose.toSpliced(place, 0, setState(ID, 4n))
      expect(verdictOn(bare, by('guest', { payments }), ...late)).toBe('INVALID')
    }
  })

  test('cancels in two patches in one order only', () => {
    const canceledAt = patch('add', at('CanceledAt'), time(NOW))
    expect(verdict('guest', canceledAt, setState(ID, 2n))).toBe('ok')
    expect(verdict('guest', setState(ID, 2n), canceledAt)).toBe('INVALID')
    expect(verdict('guest', canceledAt, setState(ID, 3n))).toBe('INVALID')
    expect(verdict('guest', canceledAt, canceledAt)).toBe('INVALID')
  })

  test('is refused with all that was good in it', () => {
    const canceledOpen = FIXTURES.full.get('1c')!
    expect(verdictOn(canceledOpen, by('guest', { payments }), setState(ID, 2n), setState(ID, 1n))).toBe('INVALID')
    expect(show(canceledOpen, at('State'))).toBe('1')
  })
})

describe('a guest forges nothing', () => {
  const additions = [addOrder(ID), addOrder(ID, [two], { ...full, State: 3n })]
  const accepted = ROWS.filter(([, , , clients]) => clients.includes('o')).map(([, , change]) => change)
  const others = ROWS.filter(([, , , clients]) => !clients.includes('o')).map(([, , change]) => change)
  const change = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...accepted) },
    { weight: 2, arbitrary: fc.constantFrom(...additions) },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
  )
  /** What one set of up to two patches of a guest leads to; `gone` is an order that is not there. */
  const STEPS = new Set([
    ...['gone→1', 'gone→2', 'gone→3', 'gone→4', '1→gone', '1→2', '1→3', '1→4', '2→gone', '2→1', '2→3'],
    ...['3→gone', '3→2', '3→4', '4→gone', '4→2', '5→gone', '5→2', '5→4'],
  ])
  const stateOf = (state: ShopState) => show(state, at('State')).replace('absent', 'gone')

  test('whatever he writes in whatever order, State 5 and 6 and what is to be paid stay as the relay made them', () => {
    const set = fc.array(change, { minLength: 1, maxLength: 2 })
    const start = fc.constantFrom(
      ...COLUMNS.flatMap((column) => [FIXTURES.bare, FIXTURES.full].map((f) => f.get(column)!)),
    )
    let written = 0
    fc.assert(
      fc.property(start, fc.array(set, { minLength: 20, maxLength: 60, size: 'max' }), (first, sets) => {
        let state = first
        for (const patches of sets) {
          const applied = applyPatches(state, patches, by('guest', { payments }))
          if (!applied.ok) continue
          written++
          const [from, to] = [stateOf(state), stateOf(applied.state)]
          if (from !== to) expect(STEPS).toContain(`${from}→${to}`)
          for (const field of ['PaymentDetails', 'TxDetails']) {
            const now = show(applied.state, at(field))
            if (now !== 'absent') expect(now).toBe(show(state, at(field)))
          }
          state = applied.state
        }
      }),
      { numRuns: 300 },
    )
    expect(written).toBeGreaterThan(200)
  })
})
