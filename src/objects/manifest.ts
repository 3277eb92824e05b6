/**
 * The manifest: what a shop accepts and where it ships (PROTOCOL §3).
 *
 * Tests: test/objects/fields.test.ts
 */

import {
  defaulting,
  bool,
  mapOf,
  nullable,
  optional,
  required,
  struct,
  text,
  type Infer,
  type Schema,
} from '../codec/schema.js'
import type { Hex } from '../bytes/hex.js'
import { addressKey, chainKey, ChainAddress, nameKey, PriceModifiers, shopId, StoredChainAddress } from './scalars.js'

export const Payee = struct({ CallAsContract: defaulting(bool, false) })
/** How a payee is paid: by a transfer, or as a contract that is called. */
export interface Payee extends Infer<typeof Payee> {}
export const Payees = mapOf(chainKey, mapOf(addressKey, Payee))

const emptyMap = struct({})
/** Nothing is said of an accepted currency: it has no fields. */
export interface AcceptedCurrency extends Infer<typeof emptyMap> {}
/** Null is read as an empty map. */
export const AcceptedCurrency: Schema<AcceptedCurrency> = {
  ...emptyMap,
  read: (value, at) => (value === null ? {} : emptyMap.read(value, at)),
}
export const AcceptedCurrencies = mapOf(chainKey, mapOf(addressKey, AcceptedCurrency))

/** Where a shop ships to; an empty text stands for any. */
export const ShippingRegion = struct({
  Country: defaulting(text, ''),
  PostalCode: defaulting(text, ''),
  City: defaulting(text, ''),
  PriceModifiers: optional(PriceModifiers),
})
/** Where a shop sends to: an empty text fits all. The modifiers change the sum, percents first, each by name. */
export interface ShippingRegion extends Infer<typeof ShippingRegion> {}
export const ShippingRegions = mapOf(nameKey, ShippingRegion)

const manifestFields = {
  ShopID: required(shopId),
  Payees: nullable(Payees),
  AcceptedCurrencies: nullable(AcceptedCurrencies),
  ShippingRegions: optional(ShippingRegions),
} as const

export const Manifest = struct({ ...manifestFields, PricingCurrency: required(ChainAddress) })
/**
 * What holds for a whole shop. `Payees` and `AcceptedCurrencies` are by chain, then by address: 40 hexadecimal digits
 * without 0x; null for none. The keys of `ShippingRegions` are their names.
 */
export interface Manifest extends Infer<typeof Manifest> {}

/** A manifest as a state may hold it: before anybody wrote one, the reference has pricing currency on chain 0. */
export const StoredManifest = struct({ ...manifestFields, PricingCurrency: required(StoredChainAddress) })

/** Whether `place` is a key of `table`: a chain and the address on it. */
export function hasChainAddress<T>(
  table: ReadonlyMap<bigint, ReadonlyMap<Hex, T>> | null,
  place: ChainAddress,
): boolean {
  return table?.get(place.ChainID)?.has(addressKeyOf(place)) ?? false
}

function addressKeyOf(place: ChainAddress): Hex {
  return addressKey.readKey(place.Address, 'Address')
}
