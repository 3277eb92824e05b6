/** Payments as a client lists them: pages, pushes between them, and what begins anew. */

import { expect, test } from 'vitest'
import { ClientError } from '../../src/client/client-error.js'
import { ShopPayments } from '../../src/client/shop-payments.js'
import { encodePaymentPage, PaymentPageError, type PaymentPage, type PaymentRow } from '../../src/wire/payment-page.js'
import type { Request } from '../../src/wire/messages.js'

const row = (Order: bigint, State: string, Number = Order): PaymentRow => ({
  ...{ Order, Number, State, Transactions: [], Oddities: [] },
})

/** A relay that answers when it is told to. */
class Answers {
  readonly asked: bigint[] = []
  told = 0
  private readonly waiting: { resolve(bytes: Uint8Array): void; reject(error: Error): void }[] = []
  readonly payments = new ShopPayments({
    shopId: 1n,
    ask: (request: Request) => {
      this.asked.push((request as Request & { kind: 'payments' }).after)
      return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
    },
    money: (amount, currency) => ({ amount, chainId: currency.ChainID, decimals: 18 }) as never,
    changed: () => void this.told++,
  })

  async answer(page: PaymentPage | Error): Promise<void> {
    const waiting = this.waiting.shift()!
    if (page instanceof Error) waiting.reject(page)
    else waiting.resolve(encodePaymentPage(page))
    await new Promise((settled) => setImmediate(settled))
  }

  push(page: PaymentPage): void {
    this.payments.take(encodePaymentPage(page))
  }

  get shown(): string[] {
    return this.payments.reading.data!.map(({ number, order, state }) => `#${number} ${order} ${state}`)
  }
}

test('pages are asked for one after the other, and shown by number as they come', async () => {
  const relay = new Answers()
  expect(relay.payments.reading).toMatchObject({ isLoading: true, complete: false, data: [] })
  relay.payments.follow('connected', 5)
  await relay.answer({ Rows: [row(9n, 'Open', 2n)], After: 9n })
  expect([relay.shown, relay.payments.reading.isLoading]).toEqual([['#2 9 Open'], true])
  await relay.answer({ Rows: [row(4n, 'Paid', 1n)] })
  expect([relay.shown, relay.payments.reading.isLoading]).toEqual([['#1 4 Paid', '#2 9 Open'], false])
  expect(relay.asked).toEqual([0n, 9n])
  const { data } = relay.payments.reading
  expect(relay.payments.reading.data).toBe(data)
})

test('what was pushed while a page was on its way is newer than the page', async () => {
  const relay = new Answers()
  relay.payments.follow('connected', 5)
  relay.push({ Rows: [row(1n, 'Paid'), row(2n, 'removed')] })
  await relay.answer({ Rows: [row(1n, 'Unpaid'), row(2n, 'Open'), row(3n, 'Open')] })
  expect(relay.shown).toEqual(['#1 1 Paid', '#3 3 Open'])
})

test('rows of an order take the place of its rows before; one that is gone stays where money came for it', async () => {
  const relay = new Answers()
  relay.payments.follow('connected', 5)
  await relay.answer({ Rows: [row(1n, 'Open')] })
  const late: PaymentRow = { ...row(1n, 'removed'), Oddities: [{ Kind: 'late', Text: 'Refund it.' }] }
  relay.push({ Rows: [row(1n, 'Open'), late] })
  expect(relay.shown).toEqual(['#1 1 Open', '#1 1 removed'])
  relay.push({ Rows: [late] })
  expect(relay.shown).toEqual(['#1 1 removed'])
  relay.push({ Rows: [row(1n, 'removed')] })
  expect(relay.shown).toEqual([])
})

test('after a loss, and where changes were left out, all is asked anew; what was shown stays until then', async () => {
  const relay = new Answers()
  relay.payments.follow('connected', 5)
  await relay.answer({ Rows: [row(1n, 'Open'), row(2n, 'Open')] })
  relay.payments.follow('disconnected', 5)
  expect(relay.payments.reading).toMatchObject({ stale: true, isLoading: false })
  relay.payments.follow('connected', 5)
  expect(relay.shown).toEqual(['#1 1 Open', '#2 2 Open'])
  await relay.answer(new ClientError('DISCONNECTED', 'lost again'))
  expect(relay.payments.reading.error).toBeUndefined()
  relay.push({ Rows: [], Again: true })
  relay.push({ Rows: [row(2n, 'Committed')] })
  expect(relay.shown).toEqual(['#1 1 Open', '#2 2 Committed'])
  await relay.answer({ Rows: [row(2n, 'Open')] })
  expect(relay.shown).toEqual(['#2 2 Committed'])
})

test('an answer to what was asked before the last beginning changes nothing', async () => {
  const relay = new Answers()
  relay.payments.follow('connected', 5)
  relay.push({ Rows: [], Again: true })
  await relay.answer({ Rows: [row(1n, 'Open')], After: 1n })
  expect([relay.shown, relay.payments.reading.isLoading]).toEqual([[], true])
  await relay.answer({ Rows: [row(2n, 'Open')] })
  expect(relay.shown).toEqual(['#2 2 Open'])
  expect(relay.asked).toEqual([0n, 0n])
})

test('a refusal is the error; so is version 4, which has no rows', async () => {
  const relay = new Answers()
  relay.payments.follow('connected', 5)
  await relay.answer(new ClientError('INVALID', 'payments cannot be read by a guest'))
  expect(relay.payments.reading).toMatchObject({ isLoading: false, error: { code: 'INVALID' } })
  const old = new Answers()
  old.payments.follow('connected', 4)
  expect(old.payments.reading).toMatchObject({ isLoading: false, error: { code: 'NEEDS_VERSION_5' } })
  expect(old.asked).toEqual([])
  expect(() => relay.payments.take(Uint8Array.of(0))).toThrow(PaymentPageError)
})
