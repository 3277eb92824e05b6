import { expect, test } from 'vitest'
import { isPendingOrder, orderMadeBy, pendingOrders, wantedBy } from '../../web/storefront/pending.js'

const item = (listing: bigint, variations?: readonly string[]) =>
  new Map<string, unknown>([
    ['ListingID', listing],
    ['Quantity', 2n],
    ...(variations === undefined ? [] : [['VariationIDs', variations] as const]),
  ])
const made = (id: bigint) =>
  [
    { op: 'add', path: ['Orders', id], value: new Map<string, unknown>([['Items', [item(7n), item(8n, ['M'])]]]) },
    { op: 'replace', path: ['Orders', id, 'State'], value: 3n },
  ] as never
const chosen = [
  { op: 'replace', path: ['Orders', 5n, 'ChosenCurrency'], value: new Map() },
  { op: 'replace', path: ['Orders', 5n, 'State'], value: 4n },
] as never
const write = (id: bigint, changes: never) => ({ id, at: 0n, state: 'waiting' as const, changes })

test('an order that waits is found, with what it is of', () => {
  expect(orderMadeBy(made(5n))).toEqual({
    order: 5n,
    items: [
      { listing: 7n, quantity: 2n, variations: [] },
      { listing: 8n, quantity: 2n, variations: ['M'] },
    ],
  })
  expect(orderMadeBy(chosen)).toBeUndefined()
})

test('of several that wait each is pending, and no other', () => {
  const pending = [write(1n, made(5n)), write(2n, made(6n)), write(3n, chosen)]
  expect([5n, 6n, 7n, undefined].map((id) => isPendingOrder({ pending }, id))).toEqual([true, true, false, false])
  expect(pendingOrders({ pending })).toEqual(new Set([5n, 6n]))
})

test('what was wanted of a refused write', () => {
  expect(wantedBy({ changes: made(5n) })).toBe('Your order was not taken.')
  expect(wantedBy({ changes: chosen })).toBe('Your way to pay was not taken.')
})
