import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CborTime } from '../../src/codec/value.js'
import { oddPaymentWords, orderWords, secondsLeft, type OddPayment } from '../../src/client/order-words.js'
import { CANCELED, COMMITTED, OPEN, ORDER_STATE_NAMES, PAID, UNPAID, type Order } from '../../src/objects/order.js'

const order = (State: Order['State'], more: Partial<Order> = {}): Order => ({ ID: 1n, State, Items: [], ...more })
const TxDetails = { BlockHash: new Uint8Array(32) }
const CanceledAt = new CborTime(1n)
const PaymentDetails = {
  TTL: 100n,
  Total: 1n,
  PaymentID: new Uint8Array(32),
  ListingHashes: [],
  ShopSignature: new Uint8Array(65),
}

it('every state has a sentence for the guest and one for the merchant, and no two the same', () => {
  const states = Object.keys(ORDER_STATE_NAMES).map((state) => orderWords(order(BigInt(state) as Order['State'])))
  const odd = [orderWords(order(CANCELED, { TxDetails })), orderWords(order(UNPAID, { CanceledAt }))]
  const all = [...states, ...odd].flatMap(({ guest, merchant }) => [guest, merchant])
  expect(new Set(all).size).toBe(16)
  for (const sentence of all) expect(sentence).toMatch(/^[A-Z].*\.$/u)
  expect(states.map(({ state }) => state)).toEqual(Object.values(ORDER_STATE_NAMES))
  const titles = states.map(({ title }) => title)
  expect(titles).toEqual(['Cart', 'Canceled', 'Placed', 'Being priced', 'To be paid', 'Paid'])
})

it('a payment that came too late, and an order that is ending, are told', () => {
  expect(orderWords(order(CANCELED, { TxDetails }))).toMatchObject({
    state: 'Canceled',
    guest: expect.stringContaining('money back') as string,
  })
  expect(orderWords(order(PAID, { TxDetails })).merchant).toBe('Paid: ship it.')
  expect(orderWords(order(UNPAID, { CanceledAt })).guest).toContain('do not pay')
})

it('time is left to pay while something is due', () => {
  expect(secondsLeft(order(UNPAID, { PaymentDetails }), 40n)).toBe(60n)
  expect(secondsLeft(order(UNPAID, { PaymentDetails }), 101n)).toBe(0n)
  expect(secondsLeft(order(UNPAID, { PaymentDetails, CanceledAt }), 40n)).toBeUndefined()
  for (const state of [OPEN, COMMITTED, PAID, CANCELED] as const)
    expect(secondsLeft(order(state, { PaymentDetails }), 40n)).toBeUndefined()
})

it('each odd payment that the merchant is told of has a sentence for both, and is told in docs/payments.md', () => {
  const book = readFileSync(join(import.meta.dirname, '../../docs/payments.md'), 'utf8')
  const table = book.slice(book.indexOf('| kind |'), book.indexOf('`cairn_payments_moved_total`'))
  const kinds = [...table.matchAll(/^\| ([a-z ]+) \|/gmu)].map(([, kind]) => kind as OddPayment).slice(1)
  expect(kinds).toHaveLength(9)
  const all = kinds.map(oddPaymentWords).flatMap(({ guest, merchant }) => [guest, merchant])
  expect(new Set(all).size).toBe(18)
  for (const sentence of all) expect(sentence).toMatch(/^[A-Z].*\.$/u)
})
