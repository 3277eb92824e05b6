/** What a guest is taken to have agreed to, while totals change under his eyes. */

import { expect, test } from 'vitest'
import type { Money } from '../../src/client/shop-client.js'
import { otherOf, seenAfter, seenBefore, type Seen, type Shown } from '../../web/storefront/agreed.js'

const currency = { ChainID: 1n, Address: new Uint8Array(20) }
const money = (amount: bigint | undefined): Money | undefined =>
  amount === undefined ? undefined : { amount, currency, decimals: 18, symbol: 'ETH' }

/** What he is shown, one after the other: the total, what he chose, what the shop is, whether the shop says so. */
type Step = readonly [now: bigint | undefined, about?: string | undefined, of?: string, isSure?: boolean]

const shownOf = ([now, about = 'a cart', of = 'shop', isSure = true]: Step): Shown => ({
  now: money(now),
  about,
  of: [of],
  isSure,
})
const NOTHING: Seen = { now: undefined, total: undefined, from: shownOf([undefined]) }
const after = (...steps: readonly Step[]) => {
  const seen = steps.reduce((seen: Seen, step) => seenAfter(seen, shownOf(step)), NOTHING)
  return [seen.total?.amount, otherOf(seen)?.amount]
}

const [DEARER, LETTER] = ['another shop', 'another letter']

test.each<[string, readonly Step[], readonly (bigint | undefined)[]]>([
  ['the first total is his', [[undefined], [5n]], [5n, undefined]],
  ['another one is asked about', [[5n], [6n]], [5n, 6n]],
  ['the first one again is not', [[5n], [6n], [5n]], [5n, undefined]],
  ['that of a cart which he changed is his', [[5n], [8n, 'another cart']], [8n, undefined]],
  ['and so is what comes of a second change', [[5n], [8n, 'another cart'], [9n, 'a third one']], [9n, undefined]],
  ['that of an address without a total, too', [[5n], [undefined, LETTER], [9n, LETTER]], [9n, undefined]],
  [
    'he is asked where the shop changed while there was no total',
    [[5n], [undefined, LETTER], [9n, LETTER, DEARER]],
    [5n, 9n],
  ],
  [
    'and where it withdrew a thing, he typed a letter, and it is back',
    [[5n], [undefined, undefined, 'without'], [undefined, LETTER, 'without'], [9n, LETTER, DEARER]],
    [5n, 9n],
  ],
  ['and where both changed at once', [[5n], [9n, LETTER, DEARER]], [5n, 9n]],
  [
    'what the shop changed beside the total is no hindrance',
    [[5n], [5n, 'a cart', DEARER], [8n, LETTER, DEARER]],
    [8n, undefined],
  ],
  [
    'what he was not asked about stays, whatever he changes',
    [[5n], [6n, 'a cart', DEARER], [7n, 'another cart', DEARER]],
    [5n, 7n],
  ],
  ['of an earlier visit it is not his', [[4n, 'a cart', 'shop', false], [5n]], [5n, undefined]],
  ['nor does it take the place of what is', [[5n], [4n, LETTER, 'shop', false]], [5n, 4n]],
  ['what is loading again is no change', [[5n], [undefined], [5n]], [5n, undefined]],
])('%s', (_what, steps, expected) => {
  expect(after(...steps)).toEqual(expected)
})

test('of an order that was made without a total the first one is asked about, and so is the next', () => {
  const before = seenBefore('unseen', shownOf([undefined]))
  const asked = (...steps: readonly Step[]) => {
    const seen = steps.reduce((seen: Seen, step) => seenAfter(seen, shownOf(step)), before)
    return [seen.total?.amount, otherOf(seen)?.amount]
  }
  expect(asked([undefined])).toEqual([undefined, undefined])
  expect(asked([5n])).toEqual([undefined, 5n])
  expect(asked([5n], [6n, 'a cart', DEARER], [7n, LETTER, DEARER])).toEqual([undefined, 7n])
})

test('the same is the same reference', () => {
  const seen = seenAfter(NOTHING, shownOf([5n]))
  expect(seenAfter(seen, shownOf([5n]))).toBe(seen)
  expect(seenAfter(NOTHING, shownOf([undefined]))).toBe(NOTHING)
})
