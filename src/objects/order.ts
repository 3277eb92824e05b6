/**
 * Orders (PROTOCOL §3): items, addresses, payment. Their life is state/orders.ts.
 *
 * Tests: test/objects/fields.test.ts
 */

import type { Seconds } from '../brands.js'
import {
  arrayOf,
  bool,
  bytes,
  defaulting,
  nullable,
  oneOf,
  optional,
  required,
  SchemaError,
  someOf,
  struct,
  text,
  time,
  uint,
  type Infer,
  type Schema,
} from '../codec/schema.js'
import { ITEMS_PER_ORDER_MAX, LISTING_HASH_BYTES_MAX } from '../limits.js'
import { VariationIDs } from './listing.js'
import { bytes32, ChainAddress, amount, filledText, listingId, orderId, uint32 } from './scalars.js'

/** The guest collects; nothing is reserved. */
export const OPEN = 1n
/** It is over, and its pieces are free. */
export const CANCELED = 2n
/** Its pieces are reserved; how it is paid is not chosen. */
export const COMMITTED = 3n
/** The relay is about to say what is due. */
export const PAYMENT_CHOSEN = 4n
/** What is due is known: `client.orders.due(id)`. */
export const UNPAID = 5n
/** The relay saw the payment. */
export const PAID = 6n
export const OrderState = oneOf(OPEN, CANCELED, COMMITTED, PAYMENT_CHOSEN, UNPAID, PAID)
/** 1n Open, 2n Canceled, 3n Committed, 4n PaymentChosen, 5n Unpaid, 6n Paid. */
export type OrderState = Infer<typeof OrderState>

/** The protocol's names; people are told `title` of `orderWords`. */
export const ORDER_STATE_NAMES: Readonly<Record<`${OrderState}`, string>> = {
  '1': 'Open',
  '2': 'Canceled',
  '3': 'Committed',
  '4': 'PaymentChosen',
  '5': 'Unpaid',
  '6': 'Paid',
}

export const OrderItem = struct({
  ListingID: required(listingId),
  VariationIDs: optional(VariationIDs),
  Quantity: required(uint32),
})
/** So many pieces of a listing with these variations, one of each option. */
export interface OrderItem extends Infer<typeof OrderItem> {}

/** An item as it is added or replaced: something of it is wanted. */
export const WantedItem: Schema<OrderItem> = {
  ...OrderItem,
  read(value, at) {
    const item = OrderItem.read(value, at)
    if (item.Quantity === 0n) throw new SchemaError(at, 'must have a Quantity above 0', { stricter: true })
    return item
  },
}
export const OrderItems = arrayOf(OrderItem, ITEMS_PER_ORDER_MAX)
export const WantedItems = arrayOf(WantedItem, ITEMS_PER_ORDER_MAX)

// One @ with something on both sides, a dot somewhere after it, no white space.
const EMAIL = /^[^\s@]+@(?=[^\s@]*\.)[^\s@]+$/u
const PHONE = /^\+[0-9]{7,15}$/u

function matching(pattern: RegExp, problem: string): Schema<string> {
  return {
    ...text,
    read(value, at) {
      const read = text.read(value, at)
      if (!pattern.test(read)) throw new SchemaError(at, problem)
      return read
    },
  }
}

export const EmailAddress = matching(EMAIL, 'must be an e-mail address: name@host.domain')
const phone = matching(PHONE, 'must be + and 7 to 15 digits')
/** Empty stands for none. */
export const PhoneNumber: Schema<string> = {
  ...phone,
  read: (value, at) => (value === '' ? '' : phone.read(value, at)),
}

export const AddressDetails = struct({
  Name: required(filledText),
  Address1: required(filledText),
  Address2: optional(text),
  City: required(filledText),
  PostalCode: required(filledText),
  Country: required(filledText),
  EmailAddress: required(EmailAddress),
  PhoneNumber: optional(PhoneNumber),
})
/**
 * An address: all but `Address2` and `PhoneNumber` are needed and not blank. `Country` is free text, as the shop's
 * regions have it; `PhoneNumber` is + and 7 to 15 digits.
 */
export interface AddressDetails extends Infer<typeof AddressDetails> {}

export const ChosenPayee = struct({ Address: required(ChainAddress), CallAsContract: defaulting(bool, false) })
/** Whom the order is paid to. */
export interface ChosenPayee extends Infer<typeof ChosenPayee> {}

export const ListingHashes = someOf(bytes(1, LISTING_HASH_BYTES_MAX))

const ttl: Schema<Seconds> = uint(64, 1n)

export const PaymentDetails = struct({
  PaymentID: required(bytes32),
  Total: required(amount),
  ListingHashes: required(ListingHashes),
  TTL: required(ttl),
  ShopSignature: required(bytes(65)),
})
/**
 * What the relay says is due: `PaymentID` 32 bytes, `Total` in the smallest unit of the chosen currency, `TTL` until
 * when, seconds since 1970, `ListingHashes` the SHA-256 of each item's listing as it stood then.
 */
export interface PaymentDetails extends Infer<typeof PaymentDetails> {}

export const TxDetails = struct({ TxHash: optional(bytes32), BlockHash: required(bytes32) })
/** Where the payment was seen: hashes of 32 bytes. */
export interface TxDetails extends Infer<typeof TxDetails> {}

const orderFields = {
  ID: required(orderId),
  State: required(OrderState),
  InvoiceAddress: optional(AddressDetails),
  ShippingAddress: optional(AddressDetails),
  CanceledAt: optional(time),
  ChosenPayee: optional(ChosenPayee),
  ChosenCurrency: optional(ChainAddress),
  PaymentDetails: optional(PaymentDetails),
  TxDetails: optional(TxDetails),
} as const

/** An order as the state holds it: items may have come down to 0. */
export const Order = struct({ ...orderFields, Items: nullable(OrderItems) })
/**
 * An order. `CanceledAt`: its pieces are free again. An `Address` or payee that nobody chose yet is left out; `Items`
 * null for none.
 */
export interface Order extends Infer<typeof Order> {}

/** An order as it is added or replaced as a whole. */
export const WantedOrder = struct({ ...orderFields, Items: nullable(WantedItems) })
