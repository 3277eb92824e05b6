/** PROTOCOL §10: who may write what. */

import { describe, expect, test } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { ownsOrder } from '../../src/state/access.js'
import type { ShopState } from '../../src/state/shop-state.js'
import {
  accept,
  addOrder,
  after,
  authors,
  BARE,
  by,
  cards,
  changed,
  CLERKS,
  COMMITTED_ORDER,
  effectsOf,
  filled,
  FULL,
  item,
  listing,
  manifest,
  map,
  messageOf,
  OTHERS,
  patch,
  paymentDetails,
  setState,
  shop,
  show,
  time,
  txDetails,
  verdictOn,
  wallets,
  type Who,
} from '../fixtures/sample-shop.js'

const O = 'Orders'
const account = map({ KeyCards: [], Guest: false })

/** Verdicts in the order relay, owner, clerk, guest. */
const table: readonly (readonly [string, ReturnType<typeof patch>, readonly [string, string, string, string]])[] = [
  [
    'the manifest',
    patch('replace', ['Manifest'], changed(manifest, { Payees: null })),
    ['ok', 'ok', 'ok', 'NOT_FOUND'],
  ],
  ['a field of it', patch('remove', ['Manifest', 'ShippingRegions', 'home']), ['ok', 'ok', 'ok', 'NOT_FOUND']],
  ['adding an account', patch('add', ['Accounts', filled(20, 9)], account), ['ok', 'INVALID', 'INVALID', 'NOT_FOUND']],
  [
    'replacing an account',
    patch('replace', ['Accounts', wallets.clerk], account),
    ['ok', 'INVALID', 'INVALID', 'NOT_FOUND'],
  ],
  ['removing an account', patch('remove', ['Accounts', wallets.clerk]), ['ok', 'INVALID', 'INVALID', 'NOT_FOUND']],
  [
    'appending a card',
    patch('append', ['Accounts', wallets.clerk, 'KeyCards'], filled(33, 9)),
    ['ok', 'INVALID', 'INVALID', 'NOT_FOUND'],
  ],
  [
    'adding a card',
    patch('add', ['Accounts', wallets.clerk, 'KeyCards', 0n], filled(33, 9)),
    ['ok', 'INVALID', 'INVALID', 'NOT_FOUND'],
  ],
  [
    "unlinking the clerk's card",
    patch('remove', ['Accounts', wallets.clerk, 'KeyCards', 0n]),
    ['ok', 'ok', 'ok', 'NOT_FOUND'],
  ],
  [
    "unlinking the owner's card",
    patch('remove', ['Accounts', wallets.owner, 'KeyCards', 0n]),
    ['ok', 'ok', 'INVALID', 'NOT_FOUND'],
  ],
  [
    "unlinking a guest's card",
    patch('remove', ['Accounts', wallets.guests, 'KeyCards', 0n]),
    ['ok', 'ok', 'INVALID', 'NOT_FOUND'],
  ],
  ['a listing', patch('add', ['Listings', 9n], listing(9n)), ['ok', 'ok', 'ok', 'NOT_FOUND 9']],
  ['a tag', patch('remove', ['Tags', 'none']), ['ok', 'ok', 'ok', 'NOT_FOUND']],
  ['stock', patch('increment', ['Inventory', 2n], 1n), ['ok', 'ok', 'ok', 'NOT_FOUND 2']],
  ['a new order', addOrder(99n), ['ok', 'ok', 'ok', 'ok']],
  ["the guest's order", setState(FULL, 2n), ['ok', 'ok', 'ok', 'ok']],
  ["another guest's order", setState(OTHERS, 2n), ['ok', 'ok', 'ok', `NOT_FOUND ${OTHERS}`]],
  ["a clerk's order", setState(CLERKS, 2n), ['ok', 'ok', 'ok', `NOT_FOUND ${CLERKS}`]],
  ['an order that is not there', setState(99n, 2n), ['NOT_FOUND 99', 'NOT_FOUND 99', 'NOT_FOUND 99', 'NOT_FOUND 99']],
  [
    'payment details',
    patch('add', [O, FULL, 'PaymentDetails'], paymentDetails),
    ['ok', 'INVALID', 'INVALID', 'INVALID'],
  ],
  ['transaction details', patch('add', [O, FULL, 'TxDetails'], txDetails), ['ok', 'INVALID', 'INVALID', 'INVALID']],
]

describe.each(table)('%s', (_, change, verdicts) => {
  test.each(['relay', 'owner', 'clerk', 'guest'] as const)('by the %s', (who) => {
    const index = ['relay', 'owner', 'clerk', 'guest'].indexOf(who)
    expect(verdictOn(shop, by(who), change)).toBe(verdicts[index])
  })
})

describe('unlinking a card', () => {
  const unlink = (wallet: Uint8Array, index = 0n) => patch('remove', ['Accounts', wallet, 'KeyCards', index])

  test('by a clerk: his own, each of them, and none of another clerk', () => {
    const second = { author: { ...authors.clerk, card: cards.clerkSecond } }
    expect(verdictOn(shop, by('clerk'), unlink(wallets.clerk, 1n))).toBe('ok')
    expect(verdictOn(shop, by('clerk', second), unlink(wallets.clerk, 0n))).toBe('ok')
    const stranger = { author: { ...authors.clerk, account: filled(20, 0xa7) } }
    expect(verdictOn(shop, by('clerk', stranger), unlink(wallets.clerk, 0n))).toBe('INVALID')
  })

  test('is nothing but a remove of KeyCards at an index', () => {
    const near = [
      patch('remove', ['Accounts', wallets.clerk, 'KeyCards']),
      patch('remove', ['Accounts', wallets.clerk, 'Guest', 0n]),
      patch('replace', ['Accounts', wallets.clerk, 'KeyCards', 0n], filled(33, 9)),
      patch('remove', ['Accounts', wallets.clerk, 'KeyCards', 0n, 0n]),
      patch('remove', ['Accounts']),
    ]
    for (const change of near) {
      expect(messageOf(shop, by('owner'), change)).toContain('accounts are written by the relay')
    }
    expect(verdictOn(shop, by('owner'), patch('remove', ['Accounts', wallets.clerk, 'KeyCards', 2n]))).toBe('NOT_FOUND')
  })

  test('is told to the relay, and whatever else removes cards', () => {
    const unlinked = (...changes: readonly ReturnType<typeof patch>[]) =>
      effectsOf(shop, 'relay', ...changes).unlinkedCards.map(toHex)
    expect(unlinked(unlink(wallets.clerk, 1n))).toEqual([toHex(cards.clerkSecond)])
    expect(unlinked(patch('remove', ['Accounts', wallets.clerk]))).toEqual([
      toHex(cards.clerk),
      toHex(cards.clerkSecond),
    ])
    expect(unlinked(patch('replace', ['Accounts', wallets.clerk], map({ KeyCards: [cards.clerk] })))).toEqual([
      toHex(cards.clerkSecond),
    ])
    expect(unlinked(patch('append', ['Accounts', wallets.clerk, 'KeyCards'], filled(33, 9)))).toEqual([])
    expect(unlinked(patch('remove', ['Tags', 'none']))).toEqual([])
  })
})

describe("a guest's own orders", () => {
  const removed = after(shop, 'guest', patch('remove', [O, BARE]))

  test('are those that his card added first', () => {
    for (const id of [FULL, BARE, COMMITTED_ORDER]) expect(ownsOrder(shop, cards.guest, id)).toBe(true)
    for (const id of [OTHERS, CLERKS, 99n]) expect(ownsOrder(shop, cards.guest, id)).toBe(false)
    expect(ownsOrder(shop, cards.clerk, CLERKS)).toBe(true)
  })

  test('his own existing id: INVALID; an id of another card: NOT_FOUND', () => {
    expect(verdictOn(shop, by('guest'), addOrder(BARE))).toBe('INVALID')
    expect(verdictOn(shop, by('guest'), addOrder(OTHERS))).toBe(`NOT_FOUND ${OTHERS}`)
    expect(verdictOn(shop, by('other'), addOrder(BARE))).toBe(`NOT_FOUND ${BARE}`)
    expect(verdictOn(shop, by('guest'), addOrder(CLERKS))).toBe(`NOT_FOUND ${CLERKS}`)
  })

  test.each<[Who, string]>([
    ['guest', 'ok'],
    ['other', `NOT_FOUND ${BARE}`],
    ['clerk', 'ok'],
    ['owner', 'ok'],
    ['relay', 'ok'],
  ])("a removed id is added again by the %s: %s, and stays the guest's", (who, verdict) => {
    expect(verdictOn(removed, by(who), addOrder(BARE))).toBe(verdict)
    if (verdict !== 'ok') return
    const again = after(removed, who, addOrder(BARE))
    expect(ownsOrder(again, cards.guest, BARE)).toBe(true)
    expect(verdictOn(again, by('guest'), setState(BARE, 2n))).toBe('ok')
    expect(verdictOn(again, by('other'), setState(BARE, 2n))).toBe(`NOT_FOUND ${BARE}`)
    expect(ownsOrder(again, cards.clerk, BARE)).toBe(false)
  })

  test("a removed clerk's order is no guest's", () => {
    const gone = after(shop, 'clerk', patch('remove', [O, CLERKS]))
    expect(verdictOn(gone, by('guest'), addOrder(CLERKS))).toBe(`NOT_FOUND ${CLERKS}`)
    expect(verdictOn(gone, by('owner'), addOrder(CLERKS))).toBe('ok')
  })

  test("an order of the relay's is nobody's while it is there", () => {
    const state = after(shop, 'relay', addOrder(99n))
    expect(verdictOn(state, by('guest'), setState(99n, 2n))).toBe('NOT_FOUND 99')
    expect(verdictOn(state, by('guest'), addOrder(99n))).toBe('NOT_FOUND 99')
    expect(verdictOn(state, by('clerk'), setState(99n, 2n))).toBe('ok')
  })

  test('removed and added again within one set', () => {
    const state = after(shop, 'guest', patch('remove', [O, BARE]), addOrder(BARE, [item(4n, 1n)]))
    expect(show(state, [O, BARE, 'Items', 0n, 'ListingID'])).toBe('4')
  })

  test('a guest may not set Paid, nor remove what is committed', () => {
    expect(verdictOn(shop, by('guest'), setState(COMMITTED_ORDER, 6n))).toBe('INVALID')
    expect(verdictOn(shop, by('guest'), patch('remove', [O, COMMITTED_ORDER]))).toBe('INVALID')
    expect(verdictOn(shop, by('guest'), patch('add', [O, COMMITTED_ORDER, 'CanceledAt'], time(1n)))).toBe('ok')
  })
})

test('the effects name the orders that were written, in order', () => {
  const applied = accept(
    shop,
    by('clerk'),
    setState(OTHERS, 2n),
    setState(FULL, 2n),
    patch('remove', [O, OTHERS]),
    addOrder(99n),
  )
  expect(applied.effects.orders).toEqual([OTHERS, FULL, 99n])
  const none: ShopState = applied.state
  expect(show(none, [O, OTHERS])).toBe('absent')
  expect(show(none, [O, 99n, 'Items'])).not.toBe(show(shop, [O, FULL, 'Items']))
})
