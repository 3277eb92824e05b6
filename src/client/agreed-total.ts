/**
 * The total that a guest saw and agreed to: prices, taxes and postage may change between his look and his click, and
 * then he is asked again.
 *
 * Tests: test/client/agreed-total.test.ts, test/client/cart.test.ts, test/client/shop-orders.test.ts
 */

import { ClientError, kindOf, usage } from './client-error.js'
import { isSameMoney, type Money } from './amount-of-money.js'
import { amountText, checkedMoney } from './money.js'
import type { Quote } from './quote.js'

/** Throws ClientError USAGE for what is no Money, before anything is looked at. */
export function checkAgreed(total: unknown): void {
  if (total === undefined) return
  const { currency } = (total ?? {}) as Partial<Money>
  let problem = `it is ${kindOf(total)}, no Money`
  try {
    checkedMoney(total as Money)
    if (typeof currency?.ChainID === 'bigint' && isAddress(currency.Address)) return
    if (currency !== undefined) problem = 'its currency is no { ChainID, Address }, a bigint and 20 bytes'
  } catch (error) {
    if (typeof total === 'object' && total !== null) problem = (error as ClientError).message
  }
  throw usage('total', problem, 'Give the total that was shown: quote.total.')
}

const ADDRESS_BYTES = 20

function isAddress(value: unknown): boolean {
  return value instanceof Uint8Array && value.length === ADDRESS_BYTES
}

/** Whether the quote comes to that; of nothing that was agreed to it does. */
export function isAgreed(agreed: Money | undefined, { total }: Quote): boolean {
  return agreed === undefined || isSameMoney(agreed, total)
}

/** Throws ClientError PRICE_CHANGED where the quote comes to something else, and where it has no total any more. */
export function requireAgreed(agreed: Money | undefined, quote: Quote): void {
  if (agreed === undefined || isAgreed(agreed, quote)) return
  const { total, problems } = quote
  const now = total === undefined ? `there is none (${problems[0]?.message ?? 'no price'})` : `it is ${textOf(total)}`
  throw changed(agreed, total, `${now} now: nothing was sent`)
}

/** The same of what the relay asks for order `id`, whose payment is chosen by then. */
export function requireDue(agreed: Money | undefined, due: Money, id: bigint): void {
  if (agreed === undefined || isSameMoney(agreed, due)) return
  throw changed(agreed, due, `${textOf(due)} are due for order ${id}: nothing is paid`, id)
}

/** The same of order `id`, which is there already. */
export function requireMade(agreed: Money | undefined, made: Money | undefined, id: bigint): void {
  if (agreed === undefined || isSameMoney(agreed, made)) return
  const now = made === undefined ? 'has no total' : `comes to ${textOf(made)}`
  throw changed(agreed, made, `order ${id}, which was made of this cart before, ${now}: nothing was sent`, id)
}

function changed(agreed: Money, now: Money | undefined, text: string, objectId?: bigint): ClientError {
  const problem = `the total that was agreed to is ${textOf(agreed)}, and ${text}`
  return new ClientError('PRICE_CHANGED', problem, { totals: { agreed, now }, objectId })
}

function textOf(money: Money): string {
  return `${amountText(money)} ${money.symbol}`
}
