/** What a guest is taken to have agreed to, while totals change under his eyes. */

import { expect, test } from 'vitest'
import type { Money } from '../../src/client/shop-client.js'
import { otherOf, seenAfter, type Seen, type Shown } from '../../web/storefront/agreed.js'

const currency = { ChainID: 1n, Address: new Uint8Array(20) }
const money = (amount: bigint | undefined): Money | undefined =>
  amount === undefined ? undefined : { amount, currency, decimals: 18, symbol: 'ETH' }

/** What he is shown, one after the other: the total, what he chose, whether the shop says so. */
type Step = readonly [now: bigint | undefined, about?: string, isSure?: boolean]

const shownOf = ([now, about = 'a cart', isSure = true]: Step): Shown => ({ now: money(now), about, isSure })
const NOTHING: Seen = { about: 'a cart', now: undefined, total: undefined }
const after = (...steps: readonly Step[]) => {
  const seen = steps.reduce((seen: Seen, step) => seenAfter(seen, shownOf(step)), NOTHING)
  return [seen.total?.amount, otherOf(seen)?.amount]
}

test.each<[string, readonly Step[], readonly (bigint | undefined)[]]>([
  ['the first total is his', [[undefined], [5n]], [5n, undefined]],
  ['another one is asked about', [[5n], [6n]], [5n, 6n]],
  ['the first one again is not', [[5n], [6n], [5n]], [5n, undefined]],
  ['that of a cart which he changed is his', [[5n], [8n, 'another cart']], [8n, undefined]],
  [
    'that of an address without a total begins anew',
    [[5n], [undefined, 'elsewhere'], [9n, 'elsewhere']],
    [9n, undefined],
  ],
  ['what he was not asked about stays, whatever he changes', [[5n], [6n], [7n, 'another cart']], [5n, 7n]],
  ['of an earlier visit it is not his', [[4n, 'a cart', false], [5n]], [5n, undefined]],
  ['what is loading again is no change', [[5n], [undefined], [5n]], [5n, undefined]],
])('%s', (_what, steps, expected) => {
  expect(after(...steps)).toEqual(expected)
})

test('the same is the same reference', () => {
  const seen = seenAfter(NOTHING, shownOf([5n]))
  expect(seenAfter(seen, shownOf([5n]))).toBe(seen)
  expect(seenAfter(NOTHING, shownOf([undefined]))).toBe(NOTHING)
})
