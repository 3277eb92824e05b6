/** Orders as a table: a row for each item, totals as decimal text in the row of the first. */

import type { Amount, Seconds } from '../brands.js'
import { prefixedHex } from '../bytes/hex.js'
import { isAllZero } from '../bytes/bytes.js'
import { EARLIEST_TIME, formatRfc3339, LATEST_TIME } from '../codec/time.js'
import type { Listing } from '../objects/listing.js'
import { ORDER_STATE_NAMES, type AddressDetails, type Order } from '../objects/order.js'
import type { ChainAddress } from '../objects/scalars.js'
import type { Table } from './csv.js'
import { decimalText } from './decimal.js'

/** Digits after the point; undefined where nobody knows them: then totals are in the smallest unit only. */
export type DecimalsOf = (currency: ChainAddress) => number | undefined

/**
 * By rising id. Titles are those that the listings have now.
 *
 * @example
 * ```ts
 * import { exportOrders } from 'cairn-relay/catalogue'
 *
 * const Items = [{ ListingID: 1n, Quantity: 2n }]
 * const { rows } = exportOrders([{ ID: 7n, State: 1n, Items }], [], () => 18)
 * console.log(rows.length, rows[0]?.[0]) // 1 7
 * ```
 */
export function exportOrders(orders: readonly Order[], listings: readonly Listing[], decimalsOf: DecimalsOf): Table {
  const titles = new Map(listings.map(({ ID, Metadata }) => [ID, Metadata.Title]))
  const sorted = [...orders].sort((a, b) => (a.ID < b.ID ? -1 : 1))
  const rows = sorted.flatMap((order) => {
    const items = order.Items?.length ? order.Items : [undefined]
    return items.map((item, i) => [
      String(order.ID),
      ...(i === 0 ? orderCells(order, decimalsOf) : ORDER_COLUMNS.map(() => '')),
      ...(item === undefined
        ? ITEM_COLUMNS.map(() => '')
        : [
            String(item.ListingID),
            titles.get(item.ListingID) ?? '',
            (item.VariationIDs ?? []).join(' / '),
            String(item.Quantity),
          ]),
      ...(i === 0 ? addressCells(order) : ADDRESS_COLUMNS.map(() => '')),
    ])
  })
  return { header: ['Order ID', ...ORDER_COLUMNS, ...ITEM_COLUMNS, ...ADDRESS_COLUMNS], rows }
}

const ORDER_COLUMNS = [
  'State',
  'Canceled at',
  'Total',
  'Total in smallest unit',
  'Currency',
  'Chain ID',
  'Payable until',
  'Payment ID',
  'Transaction',
] as const
const ITEM_COLUMNS = ['Listing ID', 'Title', 'Variations', 'Quantity'] as const
const ADDRESS_FIELDS = [
  ['Name', 'name'],
  ['Address1', 'address 1'],
  ['Address2', 'address 2'],
  ['City', 'city'],
  ['PostalCode', 'postal code'],
  ['Country', 'country'],
  ['EmailAddress', 'e-mail'],
  ['PhoneNumber', 'phone'],
] as const satisfies readonly (readonly [keyof AddressDetails, string])[]
const ADDRESS_COLUMNS = ['Shipping', 'Invoice'].flatMap((kind) => ADDRESS_FIELDS.map(([, name]) => `${kind} ${name}`))

function orderCells(order: Order, decimalsOf: DecimalsOf): string[] {
  const { State, CanceledAt, ChosenCurrency: currency, PaymentDetails: details, TxDetails: transaction } = order
  const total = details?.Total
  return [
    ORDER_STATE_NAMES[`${State}`],
    CanceledAt === undefined ? '' : timeText(CanceledAt.seconds),
    total === undefined || currency === undefined ? '' : totalText(total, decimalsOf(currency)),
    total === undefined ? '' : String(total),
    currency === undefined ? '' : isAllZero(currency.Address) ? 'native' : prefixedHex(currency.Address),
    currency === undefined ? '' : String(currency.ChainID),
    details === undefined ? '' : timeText(details.TTL),
    details === undefined ? '' : prefixedHex(details.PaymentID),
    transaction === undefined ? '' : prefixedHex(transaction.TxHash ?? transaction.BlockHash),
  ]
}

function totalText(total: Amount, decimals: number | undefined): string {
  return decimals === undefined ? '' : decimalText(total, decimals)
}

function timeText(seconds: Seconds): string {
  return seconds < EARLIEST_TIME || seconds > LATEST_TIME ? `second ${seconds}` : formatRfc3339(seconds)
}

function addressCells({ ShippingAddress, InvoiceAddress }: Order): string[] {
  return [ShippingAddress, InvoiceAddress].flatMap((address) => ADDRESS_FIELDS.map(([field]) => address?.[field] ?? ''))
}
