/** What a payment does to an order (PROTOCOL §11, Paid), however often and in whatever order it is seen. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../../src/bytes/hex.js'
import type { Checkout } from '../../../src/relay/payments/checkout.js'
import { orderIn } from '../../../src/state/held-object.js'
import { shortfallsIn, type PaymentRecordKind } from '../../../src/relay/payments/payment-record.js'
import type { SeenPayment } from '../../../src/relay/payments/payment-outcome.js'
import { readPatch } from '../../../src/patches/patch.js'
import { stateHash, type ShopState } from '../../../src/state/shop-state.js'
import {
  after,
  addOrder,
  address,
  filled,
  item,
  native,
  NOW,
  patch,
  setState,
  shop,
  show,
  time,
  token,
  txDetails,
} from '../../fixtures/sample-shop.js'
import {
  asked,
  blockAt,
  Books,
  checkoutWith,
  choose,
  committed,
  ID,
  known,
  paymentOf,
  placed,
  QUANTITY,
  sighting,
  stockOf,
  TOTAL,
  unpaid,
} from '../../fixtures/paid-order.js'

/** The order was asked for twice: in ether (1,500), then in the token (0). */
const both = asked(unpaid, ID, token)
const PAYMENTS = [paymentOf(unpaid).PaymentID, paymentOf(both).PaymentID] as const

function seen(payment: 0 | 1, kind: PaymentRecordKind, held: bigint, block = 1n, state = both): SeenPayment {
  return sighting(state, PAYMENTS[payment], kind, { held, block, place: payment })
}
const kinds = (books: Books) => books.line().oddities.map(({ kind }) => kind)

describe('a payment', () => {
  test('makes the order Paid and takes the stock, once, whatever is seen again', () => {
    const books = new Books(both)
    const before = stockOf(books.state)
    const { patches, effect } = books.see(seen(0, 'made', 0n))!
    expect(effect).toBe('paid')
    expect(patches.map(readPatch).map(({ op, path }) => [op, ...path])).toEqual([
      ['decrement', 'Inventory', 2n],
      ['add', 'Orders', ID, 'TxDetails'],
      ['replace', 'Orders', ID, 'State'],
    ])
    const hash = toHex(stateHash(books.state))
    for (let i = 0; i < 3; i++) expect(books.see(seen(0, 'made', 0n))).toBeUndefined()
    expect(toHex(stateHash(books.state))).toBe(hash)
    expect(stockOf(books.state)).toBe(before - QUANTITY)
    expect(orderIn(books.state, ID)).toMatchObject({
      State: 6n,
      TxDetails: { TxHash: filled(32, 100), BlockHash: filled(32, 1) },
    })
    // By ether, and the token was chosen last.
    expect(books.line()).toMatchObject({ state: 'Paid', oddities: [{ kind: 'earlier', money: { amount: TOTAL } }] })
    const present = new Books(unpaid)
    present.see(seen(0, 'made', 0n))
    expect(present.line()).toMatchObject({ state: 'Paid', oddities: [] })
  })

  test('at its address counts from the total on, and has no transaction', () => {
    const books = new Books(both)
    expect(books.see(seen(0, 'held', TOTAL - 1n))!.effect).toBe('partial')
    expect(orderIn(books.state, ID)!.State).toBe(5n)
    expect(books.see(seen(0, 'held', TOTAL - 1n, 2n))).toBeUndefined()
    expect(books.see(seen(0, 'held', TOTAL, 3n))!.effect).toBe('paid')
    expect(orderIn(books.state, ID)).toMatchObject({ State: 6n, TxDetails: { BlockHash: filled(32, 3) } })
    expect(orderIn(books.state, ID)!.TxDetails!.TxHash).toBeUndefined()
    expect(books.records).toMatchObject([{ amount: TOTAL, effect: 'paid', seenAt: NOW + 1n }])
  })

  test('that is odd is told with what to do', () => {
    const part = new Books(both)
    part.see(seen(0, 'held', 400n))
    expect(part.line().oddities).toMatchObject([{ kind: 'partial', missing: { amount: 1100n } }])
    part.see(seen(0, 'held', 1_700n, 2n))
    expect(part.line().oddities).toMatchObject([{ kind: 'over', money: { amount: 200n } }, { kind: 'earlier' }])
    part.see(seen(1, 'made', 0n, 3n))
    expect(kinds(part).sort()).toEqual(['earlier', 'extra', 'over'])
  })

  test('after the order has ended is late: the first one is written to the order, no stock is taken', () => {
    const late = new Books(after(both, 'guest', setState(ID, 2n)))
    const before = stockOf(late.state)
    expect(late.see(seen(0, 'made', 0n))!.patches.map(readPatch)).toMatchObject([
      { op: 'add', path: ['Orders', ID, 'TxDetails'] },
    ])
    expect(late.line()).toMatchObject({ state: 'Canceled', oddities: [{ kind: 'late', money: { amount: TOTAL } }] })
    expect(orderIn(late.state, ID)).toMatchObject({ State: 2n, TxDetails: { TxHash: filled(32, 100) } })
    expect(late.see(seen(1, 'made', 0n, 2n))!.patches).toEqual([])
    expect(orderIn(late.state, ID)).toMatchObject({ State: 2n, TxDetails: { TxHash: filled(32, 100) } })
    expect(stockOf(late.state)).toBe(before)
  })

  test.each([3n, 4n, 5n])('after CanceledAt alone is late too (State %s)', (state) => {
    const open = state === 3n ? committed : state === 4n ? after(both, 'guest', ...choose(ID, native)) : both
    const canceled = new Books(after(open, 'guest', patch('add', ['Orders', ID, 'CanceledAt'], time(NOW))))
    if (state === 3n) return expect(canceled.line().state).toBe('Committed, canceled')
    expect(canceled.see(seen(0, 'held', TOTAL, 1n))!.effect).toBe('late')
    expect(orderIn(canceled.state, ID)).toMatchObject({ State: state, TxDetails: { BlockHash: filled(32, 1) } })
    return expect(stockOf(canceled.state)).toBe(10n)
  })

  test('for an earlier PaymentID counts while payment is chosen again', () => {
    const again = after(unpaid, 'guest', ...choose(ID, token))
    expect(orderIn(again, ID)!.State).toBe(4n)
    const books = new Books(again)
    expect(books.see(seen(0, 'made', 0n, 1n, again))!.effect).toBe('paid')
    expect(orderIn(books.state, ID)!.State).toBe(6n)
  })

  test('of 0 is made by the contract alone', () => {
    const books = new Books(both)
    expect(books.see(seen(1, 'held', 5n))!.effect).toBe('partial')
    expect(books.line().oddities).toMatchObject([{ text: expect.stringContaining('nothing was due') }])
    expect(orderIn(books.state, ID)!.State).toBe(5n)
    expect(books.see(seen(1, 'made', 5n, 2n))!.effect).toBe('paid')
  })

  test('that the contract took from the address is no second one, and one beside it is', () => {
    const swept = new Books(unpaid)
    swept.see(seen(0, 'held', TOTAL))
    expect(swept.see(seen(0, 'made', 0n, 2n))).toMatchObject({ effect: 'moved', patches: [] })
    expect(swept.line()).toMatchObject({ paid: { amount: TOTAL }, oddities: [] })
    const twice = new Books(unpaid)
    twice.see(seen(0, 'held', TOTAL))
    expect(twice.see(seen(0, 'made', TOTAL, 2n))!.effect).toBe('extra')
    expect(twice.line()).toMatchObject({ paid: { amount: 2n * TOTAL }, oddities: [{ kind: 'extra' }] })
  })

  test('at its address counts again after the contract took what was there', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', TOTAL))
    books.see(seen(0, 'made', 0n, 2n))
    expect(books.see(seen(0, 'held', 0n, 2n))).toBeUndefined()
    expect(books.see(seen(0, 'held', TOTAL, 3n))).toMatchObject({ amount: 2n * TOTAL, isNews: true, patches: [] })
    expect(books.line()).toMatchObject({
      paid: { amount: 2n * TOTAL },
      oddities: [{ kind: 'over', money: { amount: TOTAL } }],
    })
    expect(books.see(seen(0, 'held', 0n, 4n))).toMatchObject({ amount: 2n * TOTAL, isNews: false })
    expect(books.records.find(({ kind }) => kind === 'held')).toMatchObject({ blockNumber: 3n, balance: 0n })
  })

  test('by a call after the contract took what was at the address is a second one', () => {
    const books = new Books(unpaid)
    const call = (place: number) => sighting(unpaid, PAYMENTS[0], 'made', { held: 0n, block: 2n, place })
    books.see(seen(0, 'held', TOTAL))
    expect(books.see(call(0))!.effect).toBe('moved')
    expect(books.see(call(1))!.effect).toBe('extra')
    expect(books.see(call(0))).toBeUndefined()
    expect(books.line()).toMatchObject({ paid: { amount: 2n * TOTAL }, oddities: [{ kind: 'extra' }] })
  })

  test('that came to the address in the block in which the contract took the first one is a second one', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', TOTAL))
    expect(books.see(seen(0, 'made', 5n, 2n))!.effect).toBe('moved')
    expect(books.see(seen(0, 'held', 5n, 2n))).toMatchObject({ amount: TOTAL + 5n })
    expect(books.line()).toMatchObject({ oddities: [{ kind: 'over', money: { amount: 5n } }] })
  })

  test('of which a part was seen at the address and the rest came with the call that took it stands for all', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', 900n))
    expect(books.see(seen(0, 'made', 0n, 2n))!.effect).toBe('paid')
    expect(books.see(seen(0, 'held', 0n, 2n))).toBeUndefined()
    expect(books.line()).toMatchObject({ state: 'Paid', paid: { amount: TOTAL }, oddities: [] })
  })

  test('beyond what was due that the contract took all of, and what comes then', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', 2_000n))
    expect(books.see(seen(0, 'made', 500n, 2n))!.effect).toBe('moved')
    books.see(seen(0, 'held', 500n, 2n))
    expect(books.line()).toMatchObject({
      paid: { amount: 2_500n },
      oddities: [{ kind: 'over', money: { amount: 1_000n } }],
    })
  })

  test('of 0 is made by the contract also where it took dust from the address', () => {
    const books = new Books(both)
    books.see(seen(1, 'held', 5n))
    expect(books.see(seen(1, 'made', 0n, 2n))!.effect).toBe('paid')
    expect(orderIn(books.state, ID)!.State).toBe(6n)
  })

  test('of a token that does not tell what the address holds is told of rather than taken for moved', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', TOTAL))
    expect(books.see({ ...seen(0, 'made', 0n, 2n), held: undefined })!.effect).toBe('extra')
  })

  test('that came in two parts, the first of which was given back in between, is not whole', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', 900n))
    books.see(seen(0, 'held', 0n, 2n))
    expect(books.see(seen(0, 'held', 900n, 3n))).toMatchObject({ effect: 'partial', amount: 1_800n, patches: [] })
    expect(books.line().oddities).toMatchObject([{ kind: 'partial', missing: { amount: 600n } }])
  })

  test('replaces a TxDetails that a client added', () => {
    const forged = after(
      shop,
      'guest',
      addOrder(ID, [item(2n, QUANTITY)], { State: 3n, ShippingAddress: address, TxDetails: txDetails }),
    )
    const state = asked(forged, ID, native)
    const books = new Books(state)
    books.see(sighting(state, paymentOf(state).PaymentID, 'made', { block: 9n }))
    expect(orderIn(books.state, ID)).toMatchObject({ State: 6n, TxDetails: { BlockHash: filled(32, 9) } })
  })

  test('for an order that was removed is none for the one that has its id now', () => {
    const gone = after(unpaid, 'guest', setState(ID, 2n), patch('remove', ['Orders', ID]))
    const state = asked(placed(gone), ID, native)
    const books = new Books(state)
    const old = sighting(state, PAYMENTS[0], 'made')
    expect(books.see(old)).toMatchObject({ effect: 'late', patches: [] })
    expect(orderIn(books.state, ID)!.State).toBe(5n)
    expect(books.lines.filter(({ id }) => id === ID).map(({ state, oddities }) => [state, oddities.length])).toEqual([
      ['Unpaid', 0],
      ['removed', 1],
    ])
    expect(books.see(sighting(state, paymentOf(state).PaymentID, 'made', { place: 1 }))!.effect).toBe('paid')
    expect(new Books(gone).see(sighting(gone, PAYMENTS[0], 'held', { held: 1n }))).toMatchObject({
      effect: 'late',
      patches: [],
    })
  })
})

describe('stock', () => {
  const SPLIT = [item(2n, 4n), item(1n, 1n, 'S', 'red'), item(2n, 5n), item(1n, 2n, 'red', 'S'), item(4n, 2n)]
  const split = asked(placed(shop, ID, SPLIT), ID, native)
  const show1 = (books: Books, ...path: readonly (string | bigint)[]) => show(books.state, ['Inventory', ...path])
  const pay = (state: ShopState) => {
    const books = new Books(state)
    const outcome = books.see(sighting(state, paymentOf(state).PaymentID, 'made'))!
    return { books, outcome }
  }

  test('falls by every line, lines over the same stock one by one, and nothing where there is no entry', () => {
    const { books, outcome } = pay(split)
    expect(outcome.shortfall).toEqual({
      orderId: ID,
      missing: [{ listingId: 4n, variations: [], pieces: 2n }],
    })
    expect([show1(books, 2n), show1(books, 1n, 'S', 'red'), show1(books, 4n)]).toEqual(['1', '2', 'absent'])
  })

  test('that does not suffice is taken as far as it goes, and the rest is told', () => {
    const { books, outcome } = pay(
      after(
        split,
        'clerk',
        patch('replace', ['Inventory', 2n], 6n),
        patch('replace', ['Inventory', 1n, 'S', 'red'], 0n),
      ),
    )
    expect(outcome.shortfall!.missing).toEqual([
      { listingId: 1n, variations: ['S', 'red'], pieces: 1n },
      { listingId: 2n, variations: [], pieces: 3n },
      { listingId: 1n, variations: ['red', 'S'], pieces: 2n },
      { listingId: 4n, variations: [], pieces: 2n },
    ])
    expect([show1(books, 2n), show1(books, 1n, 'S', 'red')]).toEqual(['0', '0'])
    expect(shortfallsIn([...books.rows.values()])).toEqual([outcome.shortfall])
    expect(kinds(books)).toEqual(['shortfall'])
    expect(orderIn(books.state, ID)!.State).toBe(6n)
  })

  test('of what is gone is missing, and holds up nothing', () => {
    const gone = after(
      split,
      'clerk',
      patch('remove', ['Tags', 'sale']),
      patch('remove', ['Listings', 2n]),
      patch('remove', ['Listings', 1n, 'Options', 'colour']),
    )
    const { books, outcome } = pay(gone)
    expect(outcome.shortfall!.missing.map(({ pieces }) => pieces)).toEqual([4n, 1n, 5n, 2n, 2n])
    expect(orderIn(books.state, ID)!.State).toBe(6n)
  })

  test('is not touched by items of 0', () => {
    const zero = after(
      after(shop, 'guest', addOrder(ID, [item(4n, 1n), item(2n, 1n)], { ShippingAddress: address })),
      'guest',
      patch('decrement', ['Orders', ID, 'Items', 0n, 'Quantity'], 1n),
      setState(ID, 3n),
    )
    const { books, outcome } = pay(asked(zero, ID, native))
    expect(outcome.shortfall).toBeUndefined()
    expect([show1(books, 2n), show1(books, 4n)]).toEqual(['9', 'absent'])
  })
})

describe('a re-org', () => {
  test('is told of until the payment is back', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'made', 0n))
    books.reorg()
    expect(kinds(books)).toEqual(['reorged'])
    expect(books.see(seen(0, 'made', 0n, 9n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(books.line().oddities).toEqual([])
    expect(books.records).toMatchObject([{ blockNumber: 9n, seenAt: NOW + 1n, reorged: false }])
  })

  test('that only moved it to another block changes the row and nothing else', () => {
    const books = new Books(both)
    books.see(seen(0, 'made', 0n))
    const hash = toHex(stateHash(books.state))
    expect(books.see(seen(0, 'made', 0n, 2n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(books.records).toMatchObject([{ blockNumber: 2n, effect: 'paid' }])
    expect(toHex(stateHash(books.state))).toBe(hash)
  })

  test('of a payment that comes back smaller: it is not paid, and nobody is told to refund it', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', TOTAL))
    books.reorg()
    expect(books.see(seen(0, 'held', 500n, 9n))!.effect).toBe('partial')
    expect(books.line().oddities).toMatchObject([{ kind: 'partial', missing: { amount: 1000n } }])
    expect(books.see(seen(0, 'held', TOTAL, 10n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(books.line().oddities).toEqual([])
  })

  test('after which another payment comes: that one pays, and the first one is too much when it is back', () => {
    const books = new Books(both)
    books.see(seen(0, 'made', 0n))
    books.reorg()
    expect(books.see(seen(1, 'made', 0n, 8n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(books.line().oddities).toEqual([])
    expect(books.see(seen(0, 'made', 0n, 9n))).toMatchObject({ effect: 'extra', patches: [] })
    expect(kinds(books)).toEqual(['extra'])
  })

  test('that leaves the second of two payments: it is what pays, and needs no refund', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'made', 0n))
    books.see(seen(0, 'held', TOTAL, 2n))
    expect(kinds(books)).toEqual(['extra'])
    books.reorg(({ kind }) => kind === 'made')
    expect(books.line().oddities).toEqual([])
    expect(books.see(seen(0, 'made', TOTAL, 9n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(kinds(books)).toEqual(['extra'])
  })

  test('that takes the first of two payments and leaves part of another', () => {
    const books = new Books(both)
    books.see(seen(0, 'made', 0n))
    books.see(seen(0, 'held', 5n, 2n))
    books.reorg(({ kind }) => kind === 'made')
    expect(kinds(books).sort()).toEqual(['partial', 'reorged'])
  })

  test('of what the contract had taken from the address: its call alone pays', () => {
    const books = new Books(unpaid)
    books.see(seen(0, 'held', TOTAL))
    books.see(seen(0, 'made', 0n, 2n))
    books.reorg()
    expect(kinds(books)).toEqual(['reorged'])
    expect(books.see(seen(0, 'made', 0n, 9n))).toMatchObject({ effect: 'paid', patches: [] })
    expect(books.line()).toMatchObject({ paid: { amount: TOTAL }, oddities: [] })
  })
})

test('a re-org of what came after the contract had taken from the address leaves what it took', () => {
  const books = new Books(unpaid)
  books.see(seen(0, 'held', TOTAL))
  books.see(seen(0, 'made', 0n, 2n))
  books.see(seen(0, 'held', 700n, 3n))
  books.reorg(({ blockNumber }) => blockNumber === 3n)
  expect(books.line()).toMatchObject({ state: 'Paid', paid: { amount: TOTAL }, oddities: [] })
  expect(books.see(seen(0, 'held', 0n, 4n))).toBeUndefined()
  books.see(seen(0, 'held', 700n, 5n))
  expect(books.line()).toMatchObject({
    paid: { amount: TOTAL + 700n },
    oddities: [{ kind: 'over', money: { amount: 700n } }],
  })
})

const events = fc.array(
  fc.oneof(
    fc.record({ payment: fc.constantFrom(0 as const, 1 as const), what: fc.constant('made' as const) }),
    fc.record({
      payment: fc.constant(0 as const),
      what: fc.constant('held' as const),
      more: fc.bigInt({ min: 0n, max: 900n }),
    }),
    fc.record({ payment: fc.constant(0 as const), what: fc.constant('take' as const) }),
    fc.record({ payment: fc.constant(0 as const), what: fc.constant('again' as const) }),
  ),
  { maxLength: 25 },
)

test('every order of calls, parts, sweeps and repetitions: Paid once, and every amount in the books', () => {
  fc.assert(
    fc.property(events, (list) => {
      const books = new Books(both)
      const before = stockOf(books.state)
      let [balance, came, most, at] = [0n, 0n, 0n, 1n]
      const made = new Set<number>()
      let enough = false
      let last: SeenPayment | undefined
      const show = (payment: SeenPayment) => books.see((last = payment))
      for (const event of list) {
        at++
        if (event.what === 'held') {
          balance += event.more
          came += event.more
          if (balance > 0n) show(seen(0, 'held', balance, at))
        } else if (event.what === 'made' && !made.has(event.payment)) {
          made.add(event.payment)
          show(seen(event.payment, 'made', event.payment === 0 ? balance : 0n, at))
        } else if (event.what === 'take' && balance >= TOTAL && !made.has(0)) {
          made.add(0)
          balance = 0n
          show(seen(0, 'made', 0n, at))
        } else if (event.what === 'again' && last !== undefined) books.see(last)
        if (balance > most) most = balance
        enough ||= most >= TOTAL || made.size > 0
        const { records } = books
        expect(orderIn(books.state, ID)!.State).toBe(enough ? 6n : 5n)
        expect(stockOf(books.state)).toBe(enough ? before - QUANTITY : before)
        expect(records.filter(({ effect }) => effect === 'paid')).toHaveLength(enough ? 1 : 0)
        expect(records.filter(({ kind }) => kind === 'made')).toHaveLength(made.size)
        expect(records.find(({ kind }) => kind === 'held')?.amount ?? 0n).toBe(came)
      }
      expect(books.paidSets).toBe(enough ? 1 : 0)
    }),
    { numRuns: 300 },
  )
})

describe('payments of two orders', () => {
  const OTHER_ID = 101n
  const at = (seconds: bigint): Checkout => checkoutWith({ ...known, head: blockAt(NOW + seconds) })
  /** Each order was asked for three times, in ether at two times and in the token. */
  function threeTimes(state: ShopState, id: bigint): { state: ShopState; ids: Uint8Array[] } {
    const ids: Uint8Array[] = []
    let made = state
    for (const [currency, seconds] of [
      [native, 1n],
      [token, 2n],
      [native, 3n],
    ] as const) {
      made = asked(made, id, currency, at(10n * id + seconds))
      ids.push(paymentOf(made, id).PaymentID)
    }
    return { state: made, ids }
  }
  const first = threeTimes(committed, ID)
  const second = threeTimes(placed(first.state, OTHER_ID, [item(2n, 1n)]), OTHER_ID)
  const start = second.state
  const PIECES = new Map([
    [ID, QUANTITY],
    [OTHER_ID, 1n],
  ])
  const owed = (paymentId: Uint8Array) => sighting(start, paymentId, 'made').entry

  interface Given {
    readonly id: Uint8Array
    readonly kind: PaymentRecordKind
    readonly amount: bigint
    readonly place: number
  }
  const given = fc
    .uniqueArray(
      fc.record({
        payment: fc.integer({ min: 0, max: 5 }),
        kind: fc.constantFrom<PaymentRecordKind>('made', 'held'),
        share: fc.integer({ min: 1, max: 250 }),
      }),
      { maxLength: 12, selector: ({ payment, kind }) => `${payment} ${kind}` },
    )
    .map((list) =>
      list.map(({ payment, kind, share }): Given => {
        const id = [...first.ids, ...second.ids][payment]!
        const { amount } = owed(id)
        const held = amount === 0n ? BigInt(share) : (amount * BigInt(share) + 99n) / 100n
        return { id, kind, amount: kind === 'made' ? amount : held, place: payment }
      }),
    )
  const isEnough = ({ id, kind, amount }: Given) =>
    kind === 'made' || (owed(id).amount > 0n && amount >= owed(id).amount)

  /** Nothing is taken from an address here: it holds more than ever was seen. */
  function look({ id, kind, amount, place }: Given, block: bigint): SeenPayment {
    return sighting(start, id, kind, { held: kind === 'made' ? 2n ** 200n : amount, block, place })
  }

  const schedule = given.chain((list) =>
    fc.tuple(
      fc.constant(list),
      fc.array(fc.nat(), { minLength: 3 * list.length, maxLength: 3 * list.length }),
      fc.option(fc.record({ order: fc.constantFrom(ID, OTHER_ID), after: fc.nat({ max: 36 }) }), { nil: undefined }),
    ),
  )

  test('in any order, thrice each, with a cancellation in between: each order is Paid at most once', () => {
    let [paidOrders, lateOnes, extras] = [0, 0, 0]
    fc.assert(
      fc.property(schedule, ([list, shuffle, cancel]) => {
        const queue = [...list, ...list, ...list]
          .map((payment, i) => ({ payment, rank: shuffle[i]! }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ payment }) => payment)
        const books = new Books(start)
        const fate = new Map<bigint, 'paid' | 'canceled'>()
        const expected = new Map<Given, string>()
        for (const [step, payment] of queue.entries()) {
          if (cancel?.after === step && !fate.has(cancel.order)) {
            fate.set(cancel.order, 'canceled')
            books.write(setState(cancel.order, 2n))
          }
          const { orderId } = owed(payment.id)
          if (!expected.has(payment)) {
            const now = fate.get(orderId)
            const pays = now === undefined && isEnough(payment)
            expected.set(payment, now === 'canceled' ? 'late' : now === 'paid' ? 'extra' : pays ? 'paid' : 'partial')
            if (pays) fate.set(orderId, 'paid')
          }
          books.see(look(payment, 1n + BigInt(list.indexOf(payment))))
        }
        const name = (id: Uint8Array, kind: string) => `${toHex(id)} ${kind}`
        const rows = books.records.map((row) => [name(row.paymentId, row.kind), [row.effect, row.amount]] as const)
        expect(new Map(rows)).toEqual(
          new Map(list.map((one) => [name(one.id, one.kind), [expected.get(one)!, one.amount]] as const)),
        )
        expect(rows).toHaveLength(list.length)
        let [stock, paidSets] = [stockOf(start), 0]
        for (const [id, pieces] of PIECES) {
          const paid = fate.get(id) === 'paid'
          if (paid) stock -= pieces
          if (paid) paidSets++
          expect(orderIn(books.state, id)!.State).toBe(paid ? 6n : fate.get(id) === 'canceled' ? 2n : 5n)
        }
        expect(stockOf(books.state)).toBe(stock)
        expect(books.paidSets).toBe(paidSets)
        paidOrders += paidSets
        lateOnes += [...expected.values()].filter((effect) => effect === 'late').length
        extras += [...expected.values()].filter((effect) => effect === 'extra').length
      }),
      { numRuns: 400 },
    )
    expect(Math.min(paidOrders, lateOnes, extras)).toBeGreaterThan(20)
  })
})
