/**
 * An address as an argument: its form, whatever stands in it. A form that is being filled in has empty fields, which
 * are told of, and refused at checkout.
 *
 * Tests: test/client/arguments.test.ts, test/client/cart.test.ts
 */

import type { AddressDetails } from '../objects/order.js'
import { usage } from './client-error.js'

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

function kindOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
