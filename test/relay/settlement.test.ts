/** Checkout, settlement and the order book as functions: what a payment does to an order, however often and in whatever order it is seen. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { Inventory, inventoryKey } from '../../src/objects/inventory.js'
import { decodeChecked } from '../../src/codec/decode.js'
import { readPatch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { findPayment } from '../../src/state/payment-entry.js'
import { stateHash, type ShopState } from '../../src/state/shop-state.js'
import type { LedgerRow } from '../../src/store/store.js'
import { Checkout, orderIn, type KnownChain } from '../../src/relay/checkout.js'
import { orderBook } from '../../src/relay/order-book.js'
import { fixedPrice, NO_PRICES } from '../../src/relay/price-source.js'
import { receiptRow, receiptsIn, type Receipt } from '../../src/relay/receipt.js'
import { settle, type SeenPayment, type Settlement } from '../../src/relay/settlement.js'
import {
  addOrder,
  address,
  after,
  by,
  chainAddress,
  filled,
  item,
  map,
  native,
  NOW,
  patch,
  payee,
  setState,
  shop,
  time,
  token,
  type Path,
} from '../state/shop.js'

const ID = 100n
const QUANTITY = 3n
const head = { number: 5n, hash: filled(32, 5), parentHash: filled(32, 4), timestamp: NOW }
const known: KnownChain = { head, decimals: () => 2n }
const checkout = (chain: KnownChain | undefined = known, prices = fixedPrice({ factor: 3n, divisor: 1n })) =>
  new Checkout(new Map(chain === undefined ? [] : [[1n, chain]]), prices)

const field = (name: string): Path => ['Orders', ID, name]
const choose = (currency: Uint8Array) => [
  patch('replace', field('ChosenPayee'), map({ Address: chainAddress(1n, payee) })),
  patch('replace', field('ChosenCurrency'), chainAddress(1n, currency)),
  setState(ID, 4n),
]

/** A committed order of three pieces of listing 2 (500 each, ten in stock of which others hold three) with an address. */
const committed = after(
  shop,
  'guest',
  addOrder(ID, [item(2n, QUANTITY)]),
  patch('add', field('ShippingAddress'), address),
  setState(ID, 3n),
)

/** The order with payment chosen and asked for, and its PaymentID. */
function asked(state: ShopState, currency: Uint8Array): { state: ShopState; paymentId: Uint8Array } {
  const chosen = after(state, 'guest', ...choose(currency))
  const details = checkout().details(chosen, ID, new Set())
  if (!('patches' in details)) throw new Error(details.later)
  const made = after(chosen, 'relay', ...details.patches.map(readPatch))
  return { state: made, paymentId: orderIn(made, ID)!.PaymentDetails!.PaymentID }
}

const first = asked(committed, native)
const both = asked(first.state, token)
const PAYMENTS = [first.paymentId, both.paymentId] as const

function seen(payment: 0 | 1, kind: 'made' | 'held', held: bigint, at = 1n, state = both.state): SeenPayment {
  const paymentId = PAYMENTS[payment]
  return {
    kind,
    paymentId,
    entry: findPayment(state.indexes.payments, state.shopId, paymentId)!,
    held,
    blockNumber: at,
    blockHash: filled(32, Number(at)),
    ...(kind === 'made' && { txHash: filled(32, 100 + payment), logIndex: payment }),
    seenAt: NOW + at,
  }
}

/** A relay that has nothing but the state and the ledger. */
class Books {
  state: ShopState
  readonly rows = new Map<string, LedgerRow>()
  readonly settlements: Settlement[] = []

  constructor(state = both.state) {
    this.state = state
  }

  see(payment: SeenPayment): Settlement | undefined {
    const settlement = settle(this.state, payment, receiptsIn([...this.rows.values()]))
    if (settlement === undefined) return undefined
    this.settlements.push(settlement)
    for (const row of settlement.ledger) this.rows.set(toHex(row.key), row)
    if (settlement.patches.length === 0) return settlement
    const applied = applyPatches(this.state, settlement.patches.map(readPatch), by('relay'))
    if (!applied.ok) throw new Error(applied.verdict.message)
    this.state = applied.state
    return settlement
  }

  get receipts(): Receipt[] {
    return receiptsIn([...this.rows.values()])
  }

  get stock(): bigint {
    return Inventory.read(decodeChecked(this.state.collections.Inventory.get(inventoryKey(2n, []))!), 'Inventory')
  }

  get line() {
    return orderBook(this.state, [...this.rows.values()]).find(({ id }) => id === ID)!
  }

  effects(): string[] {
    return this.receipts.map(({ effect }) => effect)
  }
}

describe('checkout', () => {
  const order = orderIn(first.state, ID)!
  test('asks what the listings cost, in the chosen currency', () => {
    expect(order.PaymentDetails).toMatchObject({ Total: 1_500n, TTL: NOW + 86_400n })
    // 1,500 wei at 3 : 1 in a token of two decimals.
    expect(orderIn(both.state, ID)!.PaymentDetails!.Total).toBe(0n)
  })

  test('waits for what is not at hand, and for nothing else', () => {
    const chosen = after(committed, 'guest', ...choose(token))
    expect(checkout({ ...known, head: undefined }).details(chosen, ID, new Set())).toEqual({
      later: expect.stringMatching(/has not answered/u),
    })
    expect(checkout({ ...known, decimals: () => undefined }).details(chosen, ID, new Set())).toEqual({
      later: expect.stringMatching(/decimals/u),
    })
    expect(checkout({ ...known, decimals: () => undefined }, NO_PRICES).details(chosen, ID, new Set())).toEqual({
      later: expect.stringMatching(/only the pricing currency/u),
    })
    expect(checkout().details(committed, ID, new Set())).toEqual({ later: 'payment is not chosen' })
  })

  test('gives equal orders the next seconds, and the same order its own again', () => {
    let state = committed
    const ttls = []
    for (const id of [ID, 201n, 202n]) {
      if (id !== ID)
        state = after(
          state,
          'other',
          addOrder(id, [item(2n, QUANTITY)]),
          patch('add', ['Orders', id, 'ShippingAddress'], address),
        )
      const change = choose(native).map((old) =>
        patch(old.op, ['Orders', id, ...old.path.slice(2)], old.value as never),
      )
      // Added as Committed by replacing State: the stock check is not what this is about.
      state = id === ID ? after(state, 'guest', ...change) : withState(state, id, change)
      const details = checkout().details(state, id, new Set())
      if (!('patches' in details)) throw new Error(details.later)
      state = after(state, 'relay', ...details.patches.map(readPatch))
      ttls.push(orderIn(state, id)!.PaymentDetails!.TTL - NOW)
    }
    expect(ttls).toEqual([86_400n, 86_401n, 86_402n])
    const again = asked(state, native)
    expect(orderIn(again.state, ID)!.PaymentDetails!.TTL - NOW).toBe(86_400n)
  })

  function withState(state: ShopState, id: bigint, change: readonly ReturnType<typeof patch>[]): ShopState {
    const stocked = after(state, 'clerk', patch('increment', ['Inventory', 2n], QUANTITY))
    return after(after(stocked, 'other', setState(id, 3n)), 'other', ...change)
  }
})

describe('settlement', () => {
  test('makes the order Paid and takes the stock, once, whatever is seen again', () => {
    const books = new Books()
    const before = books.stock
    expect(books.see(seen(0, 'made', 0n))!.effect).toBe('paid')
    const hash = toHex(stateHash(books.state))
    for (let i = 0; i < 3; i++) expect(books.see(seen(0, 'made', 0n))).toBeUndefined()
    expect(toHex(stateHash(books.state))).toBe(hash)
    expect(books.stock).toBe(before - QUANTITY)
    expect(orderIn(books.state, ID)).toMatchObject({
      State: 6n,
      TxDetails: { TxHash: filled(32, 100), BlockHash: filled(32, 1) },
    })
    expect(books.line).toMatchObject({ state: 'Paid', oddities: [] })
  })

  test('tells each odd payment with what to do', () => {
    const part = new Books()
    part.see(seen(0, 'held', 400n))
    expect(part.line.oddities).toMatchObject([{ kind: 'partial', text: expect.stringContaining('the missing 1100') }])
    expect(orderIn(part.state, ID)!.State).toBe(5n)
    part.see(seen(0, 'held', 1_700n, 2n))
    expect(part.line.oddities).toMatchObject([{ kind: 'over', money: { amount: 200n } }])
    part.see(seen(1, 'made', 0n, 3n))
    expect(part.line.oddities.map(({ kind }) => kind).sort()).toEqual(['extra', 'over'])

    const late = new Books(after(both.state, 'guest', setState(ID, 2n)))
    late.see(seen(0, 'made', 0n))
    expect(late.line).toMatchObject({ state: 'Canceled', oddities: [{ kind: 'late', money: { amount: 1_500n } }] })
    expect(orderIn(late.state, ID)).toMatchObject({ State: 2n, TxDetails: { TxHash: filled(32, 100) } })
    expect(late.see(seen(1, 'made', 0n, 2n))!.patches).toEqual([])

    const canceled = new Books(after(both.state, 'guest', patch('add', field('CanceledAt'), time(NOW))))
    expect(canceled.see(seen(0, 'held', 1_500n))!.effect).toBe('late')
    expect(orderIn(canceled.state, ID)!.State).toBe(5n)
  })

  test('a total of 0 is paid by the contract alone', () => {
    const books = new Books()
    expect(books.see(seen(1, 'held', 5n))!.effect).toBe('partial')
    expect(books.line.oddities).toMatchObject([{ text: expect.stringContaining('nothing was due') }])
    expect(books.see(seen(1, 'made', 5n, 2n))!.effect).toBe('paid')
  })

  test('a shortfall takes what there is', () => {
    const books = new Books(after(both.state, 'clerk', patch('replace', ['Inventory', 2n], 1n)))
    const { shortfall } = books.see(seen(0, 'made', 0n))!
    expect(shortfall!.missing).toEqual([{ listingId: 2n, variations: [], pieces: 2n }])
    expect(books.stock).toBe(0n)
    expect(books.line.oddities.map(({ kind }) => kind)).toEqual(['shortfall'])
  })

  test('a payment that left the chain is told of until it, or another one, stands', () => {
    const books = new Books()
    books.see(seen(0, 'made', 0n))
    const [[key, row]] = [...books.rows] as [[string, LedgerRow]]
    const [receipt] = books.receipts
    books.rows.set(key, receiptRow(row.shopId, { ...receipt!, reorged: true }))
    expect(books.line.oddities.map(({ kind }) => kind)).toEqual(['reorged'])
    expect(books.see(seen(0, 'made', 0n, 9n))!.patches).toEqual([])
    expect(books.line.oddities).toEqual([])
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
        const books = new Books()
        const before = books.stock
        let [balance, most, at] = [0n, 0n, 1n]
        const made = new Set<number>()
        let enough = false
        let last: SeenPayment | undefined
        const show = (payment: SeenPayment) => books.see((last = payment))
        for (const event of list) {
          at++
          if (event.what === 'held') {
            balance += event.more
            if (balance > 0n) show(seen(0, 'held', balance, at))
          } else if (event.what === 'made' && !made.has(event.payment)) {
            made.add(event.payment)
            show(seen(event.payment, 'made', event.payment === 0 ? balance : 0n, at))
          } else if (event.what === 'take' && balance >= 1_500n && !made.has(0)) {
            made.add(0)
            balance = 0n
            show(seen(0, 'made', 0n, at))
          } else if (event.what === 'again' && last !== undefined) books.see(last)
          if (balance > most) most = balance
          enough ||= most >= 1_500n || made.size > 0
          const { receipts } = books
          expect(orderIn(books.state, ID)!.State).toBe(enough ? 6n : 5n)
          expect(books.stock).toBe(enough ? before - QUANTITY : before)
          expect(receipts.filter(({ effect }) => effect === 'paid')).toHaveLength(enough ? 1 : 0)
          expect(receipts.filter(({ kind }) => kind === 'made')).toHaveLength(made.size)
          expect(receipts.find(({ kind }) => kind === 'held')?.amount ?? 0n).toBe(most)
        }
        const paidSets = books.settlements.filter(({ patches }) =>
          patches.some((bytes) => readPatch(bytes).path[2] === 'State'),
        )
        expect(paidSets).toHaveLength(enough ? 1 : 0)
      }),
      { numRuns: 500 },
    )
  })
})
