/** The rules of single fields (PROTOCOL §3): every accepted value has refused neighbours. */

import { describe, expect, test } from 'vitest'
import { diagnostic } from '../../src/codec/diagnostic.js'
import { SchemaError, type Schema } from '../../src/codec/schema.js'
import type { Cbor } from '../../src/codec/value.js'
import { Account, KeyCard } from '../../src/objects/account.js'
import { Inventory, inventoryKey, inventoryKeyText } from '../../src/objects/inventory.js'
import { Options, variationName, VariationIDs, ViewState } from '../../src/objects/listing.js'
import { AcceptedCurrency, Payee, ShippingRegion } from '../../src/objects/manifest.js'
import {
  EmailAddress,
  ListingHashes,
  OrderItem,
  OrderState,
  PaymentDetails,
  PhoneNumber,
  TxDetails,
  WantedItem,
} from '../../src/objects/order.js'
import { ChainAddress, filledText, listingId, PriceModifier, amount, uint32 } from '../../src/objects/scalars.js'
import { toHex } from '../../src/bytes/hex.js'

const map = (fields: Readonly<Record<string, Cbor>>): Cbor => new Map(Object.entries(fields))
const bytes = (length: number) => new Uint8Array(length)
const U64 = 2n ** 64n
const U256 = 2n ** 256n
const absolute = map({ Amount: 5n, Plus: false })

function reads(schema: Schema<unknown>, value: Cbor): boolean {
  try {
    schema.read(value, 'it')
    return true
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    expect(error.message.startsWith('it')).toBe(true)
    return false
  }
}

const rules: readonly (readonly [string, Schema<unknown>, accepted: readonly Cbor[], refused: readonly Cbor[]])[] = [
  [
    'EmailAddress',
    EmailAddress,
    ['a@b.c', 'ada.l+x@mail.example.org', 'ü@ö.de', 'a@b..c'],
    ['', 'a', 'a@b', '@b.c', 'a@', 'a.b@c', 'a@b@c.d', 'a b@c.d', 'a@b .c', 'a@b.c ', '\ta@b.c', 'a@b.c\n', 5n, null],
  ],
  [
    'PhoneNumber',
    PhoneNumber,
    ['+1234567', '+123456789012345', '+0155512345', ''],
    [
      '+123456',
      '+1234567890123456',
      '1234567',
      '00491234567',
      '+12 34567',
      '+1234567a',
      '++1234567',
      '+１２３４５６７',
      1234567n,
    ],
  ],
  [
    'a text that is not blank',
    filledText,
    ['x', ' x ', '\u00a0x'],
    ['', ' ', '\t\n', '\u00a0\u3000', 1n, null, bytes(1)],
  ],
  ['a variation name', variationName, ['S', 'Größe', ' ', 'x'.repeat(255)], ['', 'a|b', '|', 'x'.repeat(256), 1n]],
  ['VariationIDs', VariationIDs, [[], ['S'], ['S', 'M']], [['S', 'S'], [''], [1n], 'S', null]],
  ['ViewState', ViewState, [0n, 1n, 2n], [3n, -1n, '1', null]],
  ['OrderState', OrderState, [1n, 2n, 3n, 4n, 5n, 6n], [0n, 7n, '1', null]],
  ['an id', listingId, [1n, U64 - 1n], [0n, U64, -1n, '1', null]],
  ['uint32', uint32, [0n, 2n ** 32n - 1n], [2n ** 32n, -1n]],
  ['uint256', amount, [0n, U256 - 1n], [U256, -1n]],
  ['Inventory', Inventory, [0n, U64 - 1n], [U64, -1n, null]],
  ['a key card: any 33 bytes', KeyCard, [bytes(33)], [bytes(32), bytes(34), 'x'.repeat(33), null]],
  [
    'ChainAddress',
    ChainAddress,
    [map({ ChainID: 1n, Address: bytes(20) })],
    [map({ ChainID: 0n, Address: bytes(20) }), map({ ChainID: 1n, Address: bytes(32) }), map({ ChainID: 1n }), null],
  ],
  [
    'PriceModifier: exactly one',
    PriceModifier,
    [
      map({ ModificationPercent: 0n }),
      map({ ModificationAbsolute: absolute }),
      map({ ModificationPercent: 5n, ModificationAbsolute: null }),
    ],
    [
      map({}),
      map({ ModificationPercent: 5n, ModificationAbsolute: absolute }),
      map({ ModificationPercent: null }),
      map({ ModificationPercent: -5n }),
      map({ ModificationAbsolute: map({ Amount: 5n }) }),
      map({ ModificationAbsolute: map({ Plus: true }) }),
    ],
  ],
  [
    'an item',
    OrderItem,
    [map({ ListingID: 1n, Quantity: 0n }), map({ ListingID: 1n, Quantity: 1n, VariationIDs: null })],
    [
      map({ ListingID: 0n, Quantity: 1n }),
      map({ ListingID: 1n }),
      map({ Quantity: 1n }),
      map({ ListingID: 1n, Quantity: -1n }),
    ],
  ],
  ['an item that is added', WantedItem, [map({ ListingID: 1n, Quantity: 1n })], [map({ ListingID: 1n, Quantity: 0n })]],
  [
    'ListingHashes',
    ListingHashes,
    [[bytes(32)], [bytes(20)], [bytes(1), bytes(32)]],
    [[], [bytes(0)], [bytes(33)], ['x'], null],
  ],
  [
    'PaymentDetails',
    PaymentDetails,
    [map({ PaymentID: bytes(32), Total: 0n, ListingHashes: [bytes(32)], TTL: 1n, ShopSignature: bytes(65) })],
    [
      map({ PaymentID: bytes(31), Total: 0n, ListingHashes: [bytes(32)], TTL: 1n, ShopSignature: bytes(65) }),
      map({ PaymentID: bytes(32), Total: 0n, ListingHashes: [bytes(32)], TTL: 0n, ShopSignature: bytes(65) }),
      map({ PaymentID: bytes(32), Total: 0n, ListingHashes: [bytes(32)], TTL: 1n, ShopSignature: bytes(64) }),
      map({ PaymentID: bytes(32), ListingHashes: [bytes(32)], TTL: 1n, ShopSignature: bytes(65) }),
    ],
  ],
  [
    'TxDetails',
    TxDetails,
    [map({ BlockHash: bytes(32) }), map({ TxHash: bytes(32), BlockHash: bytes(32) })],
    [map({ TxHash: bytes(32) }), map({ BlockHash: bytes(31) })],
  ],
  [
    'a payee',
    Payee,
    [map({}), map({ CallAsContract: true }), map({ CallAsContract: null })],
    [map({ CallAsContract: 1n }), null, true],
  ],
  ['an accepted currency', AcceptedCurrency, [map({}), map({ x: 1n }), null], [true, []]],
  [
    'a region',
    ShippingRegion,
    [map({}), map({ Country: null, City: '' }), map({ State: 'x' })],
    [map({ Country: 1n }), null],
  ],
  [
    'an account',
    Account,
    [map({}), map({ KeyCards: null, Guest: null })],
    [map({ KeyCards: bytes(33) }), map({ Guest: 0n }), null],
  ],
  [
    'options: variation names are unique over all of them',
    Options,
    [options({ a: ['S'], b: ['M'] })],
    [options({ a: ['S'], b: ['S'] }), options({ '': ['S'] }), map({ a: map({ Variations: map({}) }) })],
  ],
]

function options(names: Readonly<Record<string, readonly string[]>>): Cbor {
  const info = map({ VariationInfo: map({ Title: 'x', Description: 'y' }) })
  const named = Object.entries(names).map(([name, variations]): [string, Cbor] => [
    name,
    map({ Title: 'x', Variations: new Map(variations.map((variation) => [variation, info])) }),
  ])
  return new Map(named)
}

describe.each(rules)('%s', (_, schema, accepted, refused) => {
  test.each(accepted.map((value) => [diagnostic(value), value] as const))('takes %s', (_, value) =>
    expect(reads(schema, value)).toBe(true),
  )
  test.each(refused.map((value) => [diagnostic(value), value] as const))('refuses %s', (_, value) =>
    expect(reads(schema, value)).toBe(false),
  )
})

describe('inventory keys', () => {
  test('are the id and the names in the order of their UTF-8 bytes', () => {
    expect(toHex(inventoryKey(258n, []))).toBe('0000000000000102')
    expect(toHex(inventoryKey(1n, ['b', 'a']))).toBe('0000000000000001617c62')
    expect(inventoryKeyText(1n, ['a', 'b'])).toBe(inventoryKeyText(1n, ['b', 'a']))
    expect(inventoryKeyText(1n, ['a', 'b'])).not.toBe(inventoryKeyText(2n, ['a', 'b']))
  })

  test('U+FF5E stands before U+1F600, which UTF-16 turns round', () => {
    expect(toHex(inventoryKey(1n, ['\u{1f600}', '\uff5e']))).toBe('0000000000000001efbd9e7cf09f9880')
  })
})
