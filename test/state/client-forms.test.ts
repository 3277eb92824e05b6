/**
 * Every form in which clients in the field write what could be written shorter or otherwise (PROTOCOL §2, §3, §4), each
 * with what the relay makes of it: a stricter reading of any of them would lock its clients out.
 */

import { Encoder } from 'cbor-x'
import { describe, expect, test } from 'vitest'
import { concatBytes, utf8 } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { publicKeyOf, sign } from '../../src/bytes/signature.node.js'
import { encode } from '../../src/codec/encode.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { readPatch, type Patch } from '../../src/patches/patch.js'
import { readPatchSet, signerOf } from '../../src/patches/patch-set.js'
import { after, filled, FULL, payee, SHOP_ID, shop, show, type Path, type Who } from '../fixtures/sample-shop.js'

/** The encoder of the client in TypeScript: map heads b9, bigints in nine bytes, undefined as f7, Dates under tag 1. */
const typescript = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
const ts = (value: unknown): string => toHex(Uint8Array.from(typescript.encode(value)))
/** Shortest heads and keys in the order of the program, as the client in Python writes. */
const text = (value: string): string => toHex(Uint8Array.of(0x60 + utf8(value).length)) + toHex(utf8(value))
const fields = (entries: Readonly<Record<string, string>>): string =>
  `${(0xa0 + Object.keys(entries).length).toString(16)}${Object.entries(entries)
    .map(([key, value]) => text(key) + value)
    .join('')}`

/** A patch whose value is written like this; without one where it is undefined. */
function sent(op: string, path: Path, value: string | undefined): Patch {
  const parts = { Op: text(op), Path: toHex(encode(path)), ...(value !== undefined && { Value: value }) }
  return readPatch(fromHex(fields(parts)))
}

const [NULL, EMPTY_MAP, EMPTY_ARRAY, FALSE] = ['f6', 'a0', '80', 'f4']
const metadata = fields({ Title: text('x'), Description: text('y') })
const listing = { ID: '09', Price: '1864', Metadata: metadata, ViewState: '01' }
const LISTING = '{"ID": 9, "Price": 100, "Metadata": {"Title": "x", "Description": "y"}, "ViewState": 1}'
const order = { ID: '1863', Items: EMPTY_ARRAY, State: '01' }
const region = '{"City": "", "Country": "DE", "PostalCode": ""}'
const phone = {
  Name: text('A'),
  Address1: text('B'),
  City: text('C'),
  PostalCode: text('1'),
  Country: text('DE'),
  EmailAddress: text('a@b.c'),
  PhoneNumber: text('+0155512345'),
}

type Row = readonly [what: string, who: Who, op: string, path: Path, value: string | undefined, at: Path, shown: string]

const FORMS: readonly Row[] = [
  [
    'a tag whole, with a field that the protocol does not name',
    'clerk',
    'add',
    ['Tags', 'new'],
    fields({ Name: text('new'), Listings: EMPTY_ARRAY }),
    ['Tags', 'new'],
    '{"Name": "new", "ListingIDs": null}',
  ],
  ['a bigint of nine bytes', 'clerk', 'replace', ['Listings', 1n, 'Price'], ts(501n), ['Listings', 1n, 'Price'], '501'],
  [
    'a uint256 with leading zeros',
    'clerk',
    'replace',
    ['Listings', 1n, 'Price'],
    `c2490000000000000000ff`,
    ['Listings', 1n, 'Price'],
    '255',
  ],
  [
    'a listing as a JavaScript object, with undefined',
    'clerk',
    'add',
    ['Listings', 9n],
    ts({
      Price: 100n,
      ID: 9n,
      Metadata: { Description: 'y', Title: 'x', Images: undefined },
      ViewState: 1,
      Options: undefined,
      StockStatuses: null,
    }),
    ['Listings', 9n],
    LISTING,
  ],
  [
    'a listing with empty options',
    'clerk',
    'add',
    ['Listings', 9n],
    fields({ ...listing, Options: EMPTY_MAP, StockStatuses: EMPTY_ARRAY }),
    ['Listings', 9n],
    LISTING,
  ],
  [
    'an option with a lower-case title',
    'clerk',
    'add',
    ['Listings', 1n, 'Options', 'fit'],
    fields({ title: text('Fit') }),
    ['Listings', 1n, 'Options', 'fit'],
    '{"Title": "Fit"}',
  ],
  [
    'a region with modifiers of null',
    'clerk',
    'add',
    ['Manifest', 'ShippingRegions', 'far'],
    fields({ Country: text('DE'), PostalCode: text(''), City: text(''), PriceModifiers: NULL }),
    ['Manifest', 'ShippingRegions', 'far'],
    region,
  ],
  [
    'a payee of {}',
    'clerk',
    'add',
    ['Manifest', 'Payees', 9n, payee],
    EMPTY_MAP,
    ['Manifest', 'Payees', 9n, payee],
    '{"CallAsContract": false}',
  ],
  [
    'a payee of a JavaScript object',
    'clerk',
    'add',
    ['Manifest', 'Payees', 9n, payee],
    ts({ CallAsContract: false }),
    ['Manifest', 'Payees', 9n, payee],
    '{"CallAsContract": false}',
  ],
  [
    'a currency with a field',
    'clerk',
    'add',
    ['Manifest', 'AcceptedCurrencies', 9n, payee],
    fields({ CallAsContract: FALSE }),
    ['Manifest', 'AcceptedCurrencies', 9n, payee],
    '{}',
  ],
  [
    'an account with cards of null',
    'relay',
    'add',
    ['Accounts', filled(20, 9)],
    fields({ KeyCards: NULL, Guest: FALSE }),
    ['Accounts', filled(20, 9)],
    '{"Guest": false, "KeyCards": null}',
  ],
  [
    'an order without anything',
    'guest',
    'add',
    ['Orders', 99n],
    fields(order),
    ['Orders', 99n],
    '{"ID": 99, "Items": [], "State": 1}',
  ],
  [
    'an item with variations of null',
    'guest',
    'append',
    ['Orders', FULL, 'Items'],
    fields({ ListingID: '02', VariationIDs: NULL, Quantity: '01' }),
    ['Orders', FULL, 'Items', 2n],
    '{"Quantity": 1, "ListingID": 2}',
  ],
  [
    'a phone number with a leading zero',
    'guest',
    'replace',
    ['Orders', FULL, 'InvoiceAddress'],
    fields(phone),
    ['Orders', FULL, 'InvoiceAddress', 'PhoneNumber'],
    '"+0155512345"',
  ],
  [
    'a time as a Date with a fraction',
    'guest',
    'add',
    ['Orders', FULL, 'CanceledAt'],
    ts(new Date(1_700_000_000_250)),
    ['Orders', FULL, 'CanceledAt'],
    `0("2023-11-14T22:13:20Z")`,
  ],
  [
    'a time as an integer under tag 1',
    'guest',
    'add',
    ['Orders', FULL, 'CanceledAt'],
    'c11a6553f100',
    ['Orders', FULL, 'CanceledAt'],
    `0("2023-11-14T22:13:20Z")`,
  ],
  [
    'a time with an offset',
    'guest',
    'add',
    ['Orders', FULL, 'CanceledAt'],
    `c0${text('2023-11-14T23:13:20+01')}`.replace(
      text('2023-11-14T23:13:20+01'),
      `7819${toHex(utf8('2023-11-14T23:13:20+01:00'))}`,
    ),
    ['Orders', FULL, 'CanceledAt'],
    `0("2023-11-14T22:13:20Z")`,
  ],
  [
    'a remove without a value',
    'clerk',
    'remove',
    ['Listings', 1n, 'Metadata', 'Images', 0n],
    undefined,
    ['Listings', 1n, 'Metadata', 'Images', 1n],
    'absent',
  ],
  [
    'a remove with null',
    'clerk',
    'remove',
    ['Listings', 1n, 'Metadata', 'Images', 0n],
    NULL,
    ['Listings', 1n, 'Metadata', 'Images', 1n],
    'absent',
  ],
  [
    'a remove with undefined',
    'clerk',
    'remove',
    ['Listings', 1n, 'Metadata', 'Images', 0n],
    ts(undefined),
    ['Listings', 1n, 'Metadata', 'Images', 1n],
    'absent',
  ],
]

test.each(FORMS)('%s', (_what, who, op, path, value, at, shown) => {
  expect(show(after(shop, who, sent(op, path, value)), at)).toBe(shown)
})

describe('a set', () => {
  const secret = filled(32, 0x11)
  const patches = Array.from({ length: 250 }, (_, i) =>
    fromHex(ts({ Op: 'replace', Path: ['Listings', 1n, 'Price'], Value: BigInt(i) })),
  )
  const root = new PatchTree(patches.map(patchLeafHash)).root
  const array = concatBytes(fromHex('98fa'), ...patches)
  const header = (timestamp: string, shopId = ts(SHOP_ID)) =>
    fromHex(fields({ KeyCardNonce: ts(7n), ShopID: shopId, Timestamp: timestamp, RootHash: toHex(encode(root)) }))
  const setOf = (head: Uint8Array, signature: Uint8Array) =>
    concatBytes(
      fromHex('b90003'),
      utf8HexOf('Patches'),
      array,
      utf8HexOf('Signature'),
      encode(signature),
      utf8HexOf('Header'),
      head,
    )
  const utf8HexOf = (name: string) => fromHex(text(name))

  test.each([
    ['a Date', ts(new Date(1_700_000_000_250)), 0],
    ['an integer under tag 1', 'c11a6553f100', 0],
    ['a text under tag 0', `c074${toHex(utf8('2023-11-14T22:13:20Z'))}`, 0],
    ['a v of 0 or 1', 'c11a6553f100', 27],
  ])('of 250 patches, keys in any order, long heads, its time %s', (_what, timestamp, lower) => {
    const head = header(timestamp)
    const signature = sign(personalMessageDigest(head), secret)
    signature[64]! -= lower
    const { header: read, patches: all } = readPatchSet(setOf(head, signature))
    expect([all.length, read.KeyCardNonce, read.ShopID, read.Timestamp.seconds]).toEqual([
      250,
      7n,
      SHOP_ID,
      1_700_000_000n,
    ])
    expect(toHex(signerOf(head, signature)!)).toBe(toHex(publicKeyOf(secret)))
  })
})
