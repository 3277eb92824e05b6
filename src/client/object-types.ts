/**
 * The objects of a shop as its client shows them (PROTOCOL §3).
 *
 * Tests: test/client/shop-client.test.ts
 */

export type { Account } from '../objects/account.js'
export type { StockEntry } from '../objects/inventory.js'
export type { Listing, Option, StockStatus, Variation } from '../objects/listing.js'
export type { AcceptedCurrency, Manifest, Payee, ShippingRegion } from '../objects/manifest.js'
export type {
  AddressDetails,
  ChosenPayee,
  Order,
  OrderItem,
  OrderState,
  PaymentDetails,
  TxDetails,
} from '../objects/order.js'
export type { AbsoluteModification, ChainAddress, Metadata, PriceModifier } from '../objects/scalars.js'
export type { Tag } from '../objects/tag.js'
