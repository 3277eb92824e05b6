/**
 * What a patch makes of an order by its form alone (PROTOCOL §5): all that a replica needs of an order's rules.
 *
 * Tests: test/state/orders.test.ts
 */

import { text, time } from '../codec/schema.js'
import { ITEMS_PER_ORDER_MAX } from '../limits.js'
import {
  AddressDetails,
  ChosenPayee,
  EmailAddress,
  Order,
  OrderItem,
  OrderState,
  PaymentDetails,
  PhoneNumber,
  TxDetails,
  WantedItem,
  WantedItems,
  WantedOrder,
} from '../objects/order.js'
import { ChainAddress, filledText, uint32 } from '../objects/scalars.js'
import type { Patch } from '../patches/patch.js'
import { clearable, countable, fields, list, placeOf, replaceable, settable, wholeOr, type Editor } from './edit.js'
import { invalid, stricter } from './verdict.js'

const editAddress: Editor<AddressDetails> = wholeOr(
  settable(AddressDetails, { replaceMissing: 'refuse', removable: true }),
  fields<AddressDetails>({
    Name: replaceable(filledText),
    Address1: replaceable(filledText),
    Address2: clearable(text),
    City: replaceable(filledText),
    PostalCode: replaceable(filledText),
    Country: replaceable(filledText),
    EmailAddress: replaceable(EmailAddress),
    PhoneNumber: clearable(PhoneNumber),
  }),
)

const wantedQuantity = {
  ...uint32,
  read: (value: Parameters<typeof uint32.read>[0], at: string) => {
    const quantity = uint32.read(value, at)
    if (quantity === 0n) throw stricter(`${at} must be above 0`)
    return quantity
  },
}

const editItems = list(WantedItem, {
  whole: WantedItems,
  maximum: ITEMS_PER_ORDER_MAX,
  inside: fields<OrderItem>({
    Quantity: countable(uint32, replaceable(wantedQuantity), (path) =>
      invalid(`${placeOf(path)} would fall below zero`),
    ),
  }),
})

const editFields = fields<Order>({
  Items: editItems,
  State: replaceable(OrderState),
  InvoiceAddress: editAddress,
  ShippingAddress: editAddress,
  CanceledAt: settable(time, { replaceMissing: 'refuse' }),
  ChosenPayee: settable(ChosenPayee, { replaceMissing: 'set' }),
  ChosenCurrency: settable(ChainAddress, { replaceMissing: 'set' }),
  PaymentDetails: settable(PaymentDetails, { replaceMissing: 'set' }),
  TxDetails: settable(TxDetails, { replaceMissing: 'set' }),
})

export const editOrder = wholeOr<Order>(
  settable(WantedOrder, { replaceMissing: 'refuse', removable: true }),
  editFields,
)

/** Whether the patch adds an order, whichever. */
export function addsOrder({ op, path }: Patch): boolean {
  return op === 'add' && path.length === 2 && path[0] === 'Orders'
}
