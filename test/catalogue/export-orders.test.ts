import { expect, test } from 'vitest'
import { readTable, writeTable } from '../../src/catalogue/csv.js'
import { exportOrders, type DecimalsOf } from '../../src/catalogue/export-orders.js'
import type { Listing } from '../../src/objects/listing.js'
import type { Order } from '../../src/objects/order.js'
import { filled, native, time, token } from '../fixtures/sample-shop.js'

const mug: Listing = { ID: 5n, Price: 1n, ViewState: 1n, Metadata: { Title: 'Mug', Description: 'Mug' } }
const address = {
  Name: '=HYPERLINK("https://evil.example")',
  Address1: 'Hut 1',
  City: 'Summit',
  PostalCode: '10000',
  Country: 'CH',
  EmailAddress: 'guest@example.org',
}
const details = {
  PaymentID: filled(32, 1),
  ListingHashes: [filled(32, 2)],
  TTL: 1_700_000_000n,
  ShopSignature: filled(65, 0),
}
const orders: readonly Order[] = [
  {
    ID: 9n,
    State: 6n,
    Items: [
      { ListingID: 5n, VariationIDs: ['M', 'Red'], Quantity: 2n },
      { ListingID: 6n, Quantity: 1n },
    ],
    ShippingAddress: address,
    ChosenCurrency: { ChainID: 1n, Address: native },
    PaymentDetails: { ...details, Total: 12_345_000_000_000_000_001n },
    TxDetails: { TxHash: filled(32, 3), BlockHash: filled(32, 4) },
  },
  { ID: 3n, State: 2n, Items: null, CanceledAt: time(1_700_000_000n) },
  {
    ID: 10n,
    State: 5n,
    Items: [{ ListingID: 5n, Quantity: 1n }],
    ChosenCurrency: { ChainID: 1n, Address: token },
    PaymentDetails: { ...details, Total: 1_500_000n },
  },
]

function cells(decimalsOf: DecimalsOf): Record<string, string>[] {
  const { header, rows } = exportOrders(orders, [mug], decimalsOf)
  return rows.map((row) =>
    Object.fromEntries(row.map((cell, i) => [header[i]!, cell]).filter(([, cell]) => cell !== '')),
  )
}

test('a row for each item, by id, totals as decimal text in the first', () => {
  const [canceled, first, second] = cells(({ Address }) => (Address === native ? 18 : 6))
  expect(canceled).toEqual({ 'Order ID': '3', State: 'Canceled', 'Canceled at': '2023-11-14T22:13:20Z' })
  expect(first).toMatchObject({
    'Order ID': '9',
    State: 'Paid',
    Total: '12.345000000000000001',
    'Total in smallest unit': '12345000000000000001',
    Currency: 'native',
    'Chain ID': '1',
    'Payable until': '2023-11-14T22:13:20Z',
    Transaction: `0x${'03'.repeat(32)}`,
    'Listing ID': '5',
    Title: 'Mug',
    Variations: 'M / Red',
    Quantity: '2',
    'Shipping e-mail': 'guest@example.org',
  })
  expect(second).toEqual({ 'Order ID': '9', 'Listing ID': '6', Quantity: '1' })
})

test('a total in a currency of unknown decimals stands in its smallest unit alone', () => {
  const last = cells(({ Address }) => (Address === native ? 18 : undefined)).at(-1)!
  expect(last['Total']).toBeUndefined()
  expect(last['Total in smallest unit']).toBe('1500000')
})

test('what a guest wrote is no formula', () => {
  const text = writeTable(
    exportOrders(orders, [mug], () => 18),
    { guarded: true },
  )
  const { header, rows } = readTable(text)
  expect(rows[1]![header.indexOf('Shipping name')]).toBe(`'${address.Name}`)
})
