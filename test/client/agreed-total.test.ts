/** Another total than was agreed to: what is still coming is waited for before anybody is asked again. */

import { expect, test } from 'vitest'
import { requireAgreed } from '../../src/client/agreed-total.js'
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
