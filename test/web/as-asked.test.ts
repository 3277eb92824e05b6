/** Prices of today are not told as what was paid. */

import { expect, test } from 'vitest'
import { COMMITTED, PAID, UNPAID, type Money, type Order, type Quote } from '../../src/client/shop-client.js'
import { quoteAsAsked } from '../../web/as-asked.js'

/** Of one symbol, whatever the token is. */
const money = (amount: bigint, token = 0): Money => ({
  amount,
  symbol: 'USDC',
  decimals: 18 - token,
  currency: { ChainID: 1n, Address: new Uint8Array(20).fill(token) },
})
const quote = (total?: bigint) => ({ total: total === undefined ? undefined : money(total) }) as Quote
const details = { PaymentDetails: {} as never }
type Asked = Pick<Order, 'State' | 'PaymentDetails'>
const committed: Asked = { State: COMMITTED }
const unpaid: Asked = { State: UNPAID, ...details }
const paid: Asked = { State: PAID }

test.each<[what: string, order: Asked, asked: Money | undefined, total: bigint | undefined, isShown: boolean]>([
  ['before anything is asked', committed, undefined, 5n, true],
  ['without a total', committed, undefined, undefined, false],
  ['of what is due', unpaid, money(5n), 5n, true],
  ['when prices have changed', unpaid, money(6n), 5n, false],
  ['in another currency', unpaid, money(5n, 1), 5n, false],
  ['while it is not known what is due', unpaid, undefined, 5n, false],
  ['of a Paid order, of which nobody knows what was asked', paid, undefined, 5n, false],
  ['of a Paid order that was paid like this', { ...paid, ...details }, money(5n), 5n, true],
])('the parts %s', (_what, order, asked, total, isShown) => {
  expect(quoteAsAsked(quote(total), order, asked) !== undefined).toBe(isShown)
})
