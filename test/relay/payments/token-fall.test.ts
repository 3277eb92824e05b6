/** A token that takes back what it had given to a payment's address (PROTOCOL §11). */

import { expect, test } from 'vitest'
import type { PaymentRecordKind } from '../../../src/relay/payments/payment-record.js'
import type { SeenPayment } from '../../../src/relay/payments/payment-outcome.js'
import { Books, paymentOf, sighting, TOTAL, unpaid } from '../../fixtures/paid-order.js'

function seen(kind: PaymentRecordKind, held: bigint, block = 1n): SeenPayment {
  return sighting(unpaid, paymentOf(unpaid).PaymentID, kind, { held, block })
}
const kinds = (books: Books) => books.line().oddities.map(({ kind }) => kind)

test('what its token takes back after the order was Paid is told; what is there again has not come anew', () => {
  const books = new Books(unpaid)
  books.see(seen('held', TOTAL))
  const fall = (held: bigint, block: bigint) => ({ ...seen('held', held, block), isTakenBack: true })
  expect(books.see(fall(1_100n, 2n))).toMatchObject({ effect: 'paid', patches: [], isNews: false, fell: 400n })
  expect(books.line()).toMatchObject({ state: 'Paid', paid: { amount: 1_100n } })
  expect(books.line().oddities).toContainEqual(
    expect.objectContaining({ kind: 'fell', money: expect.objectContaining({ amount: 400n }) as unknown }),
  )
  expect(books.see(fall(1_100n, 3n))).toBeUndefined()
  expect(books.see(fall(1_000n, 4n))).toMatchObject({ fell: 100n })
  expect(books.records).toMatchObject([{ amount: TOTAL, balance: 1_000n, fell: 500n, blockNumber: 1n }])
  expect(books.see(seen('held', 1_300n, 5n))).toMatchObject({ amount: TOTAL, isNews: false, fell: 0n })
  expect(books.records).toMatchObject([{ amount: TOTAL, balance: 1_300n, fell: 200n }])
  expect(books.see(seen('held', TOTAL + 7n, 6n))).toMatchObject({ amount: TOTAL + 7n, isNews: true })
  expect(kinds(books)).toEqual(['over'])
  expect(books.paidSets).toBe(1)
})

test('what the contract took is no fall, and what the token took back before stays told', () => {
  const books = new Books(unpaid)
  books.see(seen('held', TOTAL))
  books.see({ ...seen('held', 1_400n, 2n), isTakenBack: true })
  // By processPayment after the TTL: the payee gets what is there, and no event says so.
  expect(books.see({ ...seen('held', 0n, 3n), isTakenBack: false })).toMatchObject({ fell: 0n })
  expect(books.records).toMatchObject([{ balance: 0n, fell: 100n }])
  expect(kinds(books)).toContain('fell')
  const whole = new Books(unpaid)
  whole.see(seen('held', TOTAL))
  expect(whole.see(seen('made', 0n, 2n))).toMatchObject({ effect: 'moved' })
  expect(kinds(whole)).not.toContain('fell')
})
