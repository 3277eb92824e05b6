/**
 * What a checkout needs beside the cart: whether lines and address may be ordered, and what became of an order that was
 * not answered. An address as an argument is checked for its form, whatever stands in it: a form that is being filled
 * in has empty fields, which are told of, and refused at checkout.
 *
 * Tests: test/client/arguments.test.ts, test/client/cart.test.ts, test/client/offline.test.ts
 */

import type { AddressDetails, Order } from '../objects/order.js'
import { CHECKOUT_LOADING_MS } from '../limits.js'
import { isAgreed, requireAgreed } from './agreed-total.js'
import type { Cart, CartState } from './cart.js'
import type { ClosingClient } from './client-closed.js'
import { ClientError, kindOf, usage, type ClientErrorCode } from './client-error.js'
import type { Live } from './live.js'
import type { Money } from './money.js'
import type { Quote } from './quote.js'
import { stateOf, waitFor } from './wait-for.js'

/**
 * Throws ClientError for what waits already, for what the shop cannot serve, or would serve as something else, and for
 * another total than the guest agreed to.
 */
export function requireOrderable(
  { lines, quote, addressProblem, ordering }: CartState,
  isWaiting: boolean,
  agreed: Money | undefined,
): void {
  if (isWaiting) {
    const problem = `the cart was checked out before, and its order ${ordering} waits for the relay`
    throw new ClientError('CHECKOUT_PENDING', problem, { objectId: ordering })
  }
  if (addressProblem !== undefined)
    throw usage(`address.${addressProblem.field}`, addressProblem.message, 'Mend it with sendTo.')
  for (const { code, line, message } of quote.problems) {
    if (code === 'VARIATION_MISSING' || code === 'VARIATION_TWICE')
      throw new ClientError(code, message, { objectId: lines[line!]!.listing })
    if (code === 'COUNTRY_UNKNOWN') throw usage('address.Country', message, 'Write the code of the country: CH.')
  }
  requireAgreed(agreed, quote)
}

/**
 * Whether it is known what of each line has to be chosen, and that it comes to `agreed`: another total of what is still
 * coming may be one of the past.
 */
export function isKnown({ quote, status }: CartState, agreed: Money | undefined): boolean {
  return !isLoading(quote) && (status !== 'loading' || isAgreed(agreed, quote))
}

function isLoading({ problems }: Quote): boolean {
  return problems.some(({ code }) => code === 'LOADING')
}

interface LoadOptions {
  readonly client: ClosingClient
  readonly signal?: AbortSignal | undefined
  readonly total?: Money | undefined
}

/**
 * Resolves once the cart is known: what nobody watches is loaded for it. Rejects with ClientError TIMEOUT where what
 * has to be chosen is not known after CHECKOUT_LOADING_MS, with ABORTED, and with CLOSED.
 */
export function whenKnown(cart: Cart, { client, signal, total }: LoadOptions): Promise<void> {
  const late = () => {
    if (!isLoading(cart.get().quote)) return
    const problem = `what is in the cart is still loading after ${CHECKOUT_LOADING_MS} ms`
    const unknown = 'and what has to be chosen of it is not known: nothing was sent'
    throw new ClientError('TIMEOUT', `${problem}, ${unknown}`)
  }
  const look = () => (isKnown(cart.get(), total) ? DONE : undefined)
  return waitFor({ client, signal, watched: [cart], look, ms: CHECKOUT_LOADING_MS, late })
}

const DONE = [undefined] as const

/**
 * Resolves once nothing of these is loading that was never here; undefined where that is so. After CHECKOUT_LOADING_MS,
 * and once there is no connection that could bring it, it resolves too. Rejects with ClientError ABORTED and CLOSED.
 */
export function whenHeld(
  client: ClosingClient,
  lives: readonly Live<unknown>[],
  signal: AbortSignal | undefined,
): Promise<void> | undefined {
  const isHeld = () => lives.every((live) => live.get().status !== 'loading' || live.get().data !== undefined)
  if (isHeld()) return undefined
  const look = () => (isHeld() || client.state !== 'connected' ? DONE : undefined)
  const watched = [stateOf(client), ...lives]
  return waitFor({ client, signal, watched, look, ms: CHECKOUT_LOADING_MS, late: () => undefined })
}

/** What became of an order that was not answered; `refused`: it was not there before either. */
type Outcome = 'unknown' | 'refused' | 'not sent'

/** Whether the order may be there all the same; `refused`: it was not there before either. */
export function outcomeOf(error: unknown): Outcome {
  // What a relay answered and nobody can read, for example.
  if (!(error instanceof ClientError)) return 'unknown'
  // That it is there is what a relay looks at first.
  if (error.code === 'OUT_OF_STOCK' || error.code === 'NOT_FOUND') return 'refused'
  return UNKNOWN.has(error.code) ? 'unknown' : 'not sent'
}

const UNKNOWN: ReadonlySet<ClientErrorCode> = new Set(['OUTCOME_UNKNOWN', 'CLOSED', 'ABORTED', 'UNAVAILABLE'])

/**
 * The order that was refused with `error`, where that is because it is there: undefined for other errors, and where
 * nobody knows after CHECKOUT_LOADING_MS.
 */
export async function orderThere(
  error: unknown,
  client: ClosingClient,
  order: () => Live<Order>,
): Promise<Order | undefined> {
  const isIt = error instanceof ClientError && error.code === 'INVALID' && client.state !== 'closed'
  if (!isIt) return undefined
  const live = order()
  const look = () => {
    const { status, data, pending } = live.get()
    if (data !== undefined && pending !== true) return [data] as const
    return status === 'loading' ? undefined : DONE
  }
  const late = () => undefined
  // That it was closed meanwhile is no word of the order.
  return waitFor<Order | undefined>({ client, watched: [live], look, ms: CHECKOUT_LOADING_MS, late }).catch(late)
}

const FIELDS: Readonly<Record<keyof AddressDetails, true>> = {
  Name: true,
  Address1: true,
  Address2: true,
  City: true,
  PostalCode: true,
  Country: true,
  EmailAddress: true,
  PhoneNumber: true,
}

/** Throws ClientError USAGE. */
export function checkAddress(address: unknown, at: string): void {
  const remedy = `Its fields are ${Object.keys(FIELDS).join(', ')}.`
  if (typeof address !== 'object' || address === null || Array.isArray(address))
    throw usage(at, `it is ${kindOf(address)}, no address`, remedy)
  for (const [field, value] of Object.entries(address)) {
    if (!Object.hasOwn(FIELDS, field)) throw usage(`${at}.${field}`, 'an address has no such field', remedy)
    if (value !== undefined && typeof value !== 'string')
      throw usage(`${at}.${field}`, `it is ${kindOf(value)}`, 'Give a text.')
  }
}
