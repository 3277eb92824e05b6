/** Another total than was agreed to: what is still coming is waited for before anybody is asked again. */

import { expect, test } from 'vitest'
import { checkAgreed, requireAgreed } from '../../src/client/agreed-total.js'
import { isKnown } from '../../src/client/checkout.js'
import type { CartState, Money } from '../../src/client/shop-client.js'

const currency = { ChainID: 1n, Address: new Uint8Array(20) }
const money = (amount: bigint): Money => ({ amount, currency, decimals: 0, symbol: 'coins' })
const cart = (status: CartState['status'], total: Money | undefined, code?: string) =>
  ({ status, quote: { total, problems: code ? [{ code, message: 'The reason.' }] : [] } }) as unknown as CartState

test.each<[string, CartState, Money | undefined, boolean]>([
  ['the same while it is loading', cart('loading', money(5n)), money(5n), true],
  ['another while it is loading', cart('loading', money(4n)), money(5n), false],
  ['another that is here', cart('ready', money(4n)), money(5n), true],
  ['nothing agreed', cart('loading', money(4n)), undefined, true],
  ['a line that is loading', cart('loading', undefined, 'LOADING'), undefined, false],
])('%s', (_what, state, agreed, expected) => {
  expect(isKnown(state, agreed)).toBe(expected)
})

test('both totals stand in the message, and why there is none', () => {
  const told = (total: Money | undefined) => () => requireAgreed(money(5n), cart('ready', total, 'NO_REGION').quote)
  expect(told(money(6n))).toThrow('the total that was agreed to is 5 coins, and it is 6 coins now: nothing was sent')
  expect(told(undefined)).toThrow('is 5 coins, and there is none (The reason.) now: nothing was sent')
  expect(told(money(5n))).not.toThrow()
})

test.each<[string, unknown, string]>([
  ['a number', 5, 'it is a number, no Money'],
  ['null', null, 'it is null, no Money'],
  ['no decimals', { amount: 5n, currency, symbol: 'coins' }, 'undefined is no number of decimals'],
  ['no symbol', { amount: 5n, currency, decimals: 0 }, 'symbol: it is a undefined, no text'],
  ['a number as amount', { ...money(5n), amount: 5 }, 'amount: it is a number, no bigint'],
  ['no chain', { ...money(5n), currency: { Address: currency.Address } }, 'its currency is no { ChainID, Address }'],
  ['a short address', { ...money(5n), currency: { ChainID: 1n, Address: new Uint8Array(19) } }, 'and 20 bytes'],
])('of a total that is no Money, %s, is said what is wrong', (_what, total, problem) => {
  const refused = { code: 'USAGE', path: 'total', message: expect.stringContaining(problem) as string }
  expect(() => checkAgreed(total)).toThrow(expect.objectContaining(refused))
})

test('what was quoted is a Money', () => {
  expect(() => checkAgreed(money(5n))).not.toThrow()
  expect(() => checkAgreed(undefined)).not.toThrow()
})
