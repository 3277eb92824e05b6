/**
 * What our encoders emit, for every rule of the contract that an encoder of src makes: once with all optional fields, once
 * with none, each encoded and decoded again, so that the contract is checked against bytes.
 */

import { sha256 } from '#hash'
import { fromHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { encode } from '../../src/codec/encode.js'
import type { Schema } from '../../src/codec/schema.js'
import { CborTime } from '../../src/codec/value.js'
import type { Cbor } from '../../src/codec/value.js'
import { patchProofs } from '../../src/merkle/patch-proof.js'
import { Account, KeyCard, KeyCards } from '../../src/objects/account.js'
import { Inventory } from '../../src/objects/inventory.js'
import {
  Listing,
  Option,
  Options,
  StockStatus,
  StockStatuses,
  Variation,
  VariationIDs,
  Variations,
  ViewState,
} from '../../src/objects/listing.js'
import {
  AcceptedCurrencies,
  AcceptedCurrency,
  Manifest,
  Payee,
  Payees,
  ShippingRegion,
  ShippingRegions,
} from '../../src/objects/manifest.js'
import {
  AddressDetails,
  ChosenPayee,
  EmailAddress,
  ListingHashes,
  Order,
  OrderItem,
  OrderItems,
  OrderState,
  PaymentDetails,
  PhoneNumber,
  TxDetails,
} from '../../src/objects/order.js'
import {
  AbsoluteModification,
  ChainAddress,
  Images,
  Metadata,
  PriceModifier,
  PriceModifiers,
} from '../../src/objects/scalars.js'
import { ListingIDs, Tag } from '../../src/objects/tag.js'
import { encodeChange } from '../../src/patches/patch.js'
import type { Change } from '../../src/patches/patch.js'
import { Header, encodePatchSet, signPatches } from '../../src/patches/patch-set.js'

export interface Sample {
  readonly rule: string
  readonly value: Cbor
}

const filled = (length: number, byte = 0x11) => new Uint8Array(length).fill(byte)
const hexOf = (length: number, byte: string) => byte.repeat(length)

const UINT64_MAX = 2n ** 64n - 1n
const UINT256_MAX = 2n ** 256n - 1n

const time = new CborTime(1_700_000_000n)
const chainAddress = { ChainID: 1n, Address: filled(20) }
const percent = { ModificationPercent: 120n }
const absolute = { ModificationAbsolute: { Amount: UINT256_MAX, Plus: false } }
const modifiers = new Map<string, PriceModifier>([
  ['tax', percent],
  ['n'.repeat(255), absolute],
])
const region = { Country: 'DE', PostalCode: '', City: '', PriceModifiers: modifiers }
const bareRegion = { Country: '', PostalCode: '', City: '' }
const metadata = { Title: 'T-Shirt', Description: 'A cotton t-shirt', Images: ['https://example.com/1.jpg', ''] }
const bareMetadata = { Title: 'x', Description: '\u00e9' }
const payees = new Map([
  [1n, new Map([[hexOf(20, 'ab'), { CallAsContract: true }]])],
  [UINT64_MAX, new Map<string, { CallAsContract: boolean }>()],
])
const currencies = new Map([[1n, new Map([[hexOf(20, '00'), {}]])]])
const regions = new Map([['default', region]])
const variation = { VariationInfo: metadata, PriceModifier: percent, SKU: 'TS-1' }
const bareVariation = { VariationInfo: bareMetadata }
const variations = new Map<string, Variation>([
  ['r', variation],
  ['b', bareVariation],
])
const option = { Title: 'Colour', Variations: variations }
const options = new Map<string, Option>([
  ['colour', option],
  ['size', { Title: 'Size' }],
])
const status = { VariationIDs: ['r', 'b'], InStock: false, ExpectedInStockBy: time }
const bareStatus = { VariationIDs: null }
const item = { ListingID: 1n, VariationIDs: ['r'], Quantity: 2n ** 32n - 1n }
const bareItem = { ListingID: UINT64_MAX, Quantity: 1n }
const address = {
  Name: 'Jane Doe',
  Address1: '123 Main St',
  Address2: 'back door',
  City: 'Anytown',
  PostalCode: '12345',
  Country: 'US',
  EmailAddress: 'jane@example.com',
  PhoneNumber: '+0155512345',
}
const bareAddress = {
  Name: 'J',
  Address1: '1',
  City: 'A',
  PostalCode: '0',
  Country: 'U',
  EmailAddress: 'j@.',
}
const payment = {
  PaymentID: filled(32),
  Total: UINT256_MAX,
  ListingHashes: [filled(32), filled(1)],
  TTL: 1n,
  ShopSignature: filled(65),
}

const manifest: Cbor = Manifest.write({
  ShopID: UINT256_MAX,
  Payees: payees,
  AcceptedCurrencies: currencies,
  PricingCurrency: chainAddress,
  ShippingRegions: regions,
})
const listing = Listing.write({
  ID: 7n,
  Price: UINT256_MAX,
  Metadata: metadata,
  ViewState: 1n,
  Options: options,
  StockStatuses: [status, bareStatus],
})
const order = Order.write({
  ID: 9n,
  Items: [item, bareItem],
  State: 6n,
  InvoiceAddress: address,
  ShippingAddress: bareAddress,
  CanceledAt: time,
  ChosenPayee: { Address: chainAddress, CallAsContract: false },
  ChosenCurrency: chainAddress,
  PaymentDetails: payment,
  TxDetails: { TxHash: filled(32), BlockHash: filled(32) },
})

const id = 7n
const wallet = filled(20)

const changes: readonly Change[] = [
  { op: 'replace', path: ['Manifest'], value: manifest },
  { op: 'replace', path: ['Manifest', 'PricingCurrency'], value: ChainAddress.write(chainAddress) },
  { op: 'add', path: ['Manifest', 'Payees', 1n, wallet], value: Payee.write({ CallAsContract: true }) },
  { op: 'add', path: ['Manifest', 'AcceptedCurrencies', 1n, wallet], value: new Map() },
  { op: 'remove', path: ['Manifest', 'ShippingRegions', 'default'] },
  { op: 'add', path: ['Accounts', wallet], value: Account.write({ KeyCards: [], Guest: false }) },
  { op: 'append', path: ['Accounts', wallet, 'KeyCards'], value: filled(33) },
  { op: 'remove', path: ['Accounts', wallet, 'KeyCards', 0n] },
  { op: 'add', path: ['Listings', id], value: listing },
  { op: 'replace', path: ['Listings', id, 'Price'], value: 5n },
  { op: 'replace', path: ['Listings', id, 'Metadata', 'Title'], value: 'x' },
  { op: 'append', path: ['Listings', id, 'Metadata', 'Images'], value: 'x' },
  { op: 'remove', path: ['Listings', id, 'Metadata', 'Images', 0n] },
  { op: 'add', path: ['Listings', id, 'StockStatuses', 0n], value: StockStatus.write(status) },
  { op: 'replace', path: ['Listings', id, 'StockStatuses', 0n, 'InStock'], value: true },
  { op: 'add', path: ['Listings', id, 'Options', 'size'], value: Option.write({ Title: 'Size' }) },
  { op: 'replace', path: ['Listings', id, 'Options', 'size', 'Title'], value: 'Size' },
  { op: 'add', path: ['Listings', id, 'Options', 'size', 'Variations', 'm'], value: Variation.write(bareVariation) },
  { op: 'replace', path: ['Listings', id, 'Options', 'size', 'Variations', 'm', 'SKU'], value: 'x' },
  { op: 'add', path: ['Tags', 'new'], value: Tag.write({ Name: 'new', ListingIDs: null }) },
  { op: 'replace', path: ['Tags', 'new', 'Name'], value: 'newest' },
  { op: 'remove', path: ['Tags', 'new', 'ListingIDs', 0n] },
  { op: 'add', path: ['Orders', id], value: order },
  { op: 'replace', path: ['Orders', id, 'State'], value: 3n },
  { op: 'append', path: ['Orders', id, 'Items'], value: OrderItem.write(item) },
  { op: 'remove', path: ['Orders', id, 'Items', 0n] },
  { op: 'decrement', path: ['Orders', id, 'Items', 0n, 'Quantity'], value: 1n },
  { op: 'replace', path: ['Orders', id, 'InvoiceAddress', 'City'], value: 'x' },
  { op: 'increment', path: ['Inventory', id], value: 1n },
  { op: 'decrement', path: ['Inventory', id, 'r', 'xl'], value: 1n },
]
const patches = changes.map(encodeChange)
const set = { shopId: UINT256_MAX, nonce: 1n, timestamp: 1_700_000_000n, patches }
const { headerBytes, signature } = signPatches(set, filled(32))

/** For each rule at least two values where it leaves anything open: all that may be there, and nothing that need not. */
export const samples: readonly Sample[] = [
  ...emitted('ChainAddress', ChainAddress, chainAddress, { ChainID: UINT64_MAX, Address: filled(20, 0) }),
  ...emitted('PriceModifier', PriceModifier, percent, absolute),
  ...emitted('PriceModifiers', PriceModifiers, modifiers),
  ...emitted(
    'AbsoluteModification',
    AbsoluteModification,
    { Amount: 0n, Plus: true },
    { Amount: UINT256_MAX, Plus: false },
  ),
  ...emitted('Metadata', Metadata, metadata, bareMetadata, { ...bareMetadata, Images: [] }),
  ...emitted('Images', Images, metadata.Images),
  { rule: 'Manifest', value: reread(manifest) },
  ...emitted('Manifest', Manifest, {
    ShopID: 0n,
    Payees: null,
    AcceptedCurrencies: null,
    PricingCurrency: chainAddress,
    ShippingRegions: new Map(),
  }),
  ...emitted('Payees', Payees, payees, new Map()),
  ...emitted('Payee', Payee, { CallAsContract: true }, { CallAsContract: false }),
  ...emitted('AcceptedCurrencies', AcceptedCurrencies, currencies, new Map()),
  ...emitted('AcceptedCurrency', AcceptedCurrency, {}),
  ...emitted('ShippingRegion', ShippingRegion, region, bareRegion, { ...bareRegion, PriceModifiers: new Map() }),
  ...emitted('ShippingRegions', ShippingRegions, regions),
  ...emitted('Account', Account, { KeyCards: [filled(33)], Guest: true }, { KeyCards: null, Guest: false }),
  ...emitted('KeyCards', KeyCards, [filled(33), filled(33, 0)], []),
  ...emitted('KeyCard', KeyCard, filled(33)),
  { rule: 'Listing', value: reread(listing) },
  ...emitted(
    'Listing',
    Listing,
    { ID: UINT64_MAX, Price: 0n, Metadata: bareMetadata, ViewState: 0n },
    { ID: 1n, Price: 0n, Metadata: bareMetadata, ViewState: 2n, Options: new Map(), StockStatuses: [] },
  ),
  ...emitted('ViewState', ViewState, 0n, 1n, 2n),
  ...emitted('Options', Options, options),
  ...emitted('Option', Option, option, { Title: 'Size' }, { Title: 'Size', Variations: new Map() }),
  ...emitted('Variations', Variations, variations),
  ...emitted('Variation', Variation, variation, bareVariation, { ...variation, PriceModifier: absolute, SKU: '' }),
  ...emitted('StockStatuses', StockStatuses, [status, bareStatus]),
  ...emitted('StockStatus', StockStatus, status, bareStatus),
  ...emitted('VariationIDs', VariationIDs, ['r', 'b'], []),
  ...emitted('Tag', Tag, { Name: 'new', ListingIDs: [1n, UINT64_MAX] }, { Name: '\u{1f600}', ListingIDs: null }),
  ...emitted('ListingIDs', ListingIDs, [1n, UINT64_MAX], []),
  ...emitted('Inventory', Inventory, 0n, UINT64_MAX),
  { rule: 'Order', value: reread(order) },
  ...emitted('Order', Order, { ID: 1n, Items: null, State: 1n }, { ID: 1n, Items: [], State: 2n }),
  ...emitted('OrderState', OrderState, 1n, 2n, 3n, 4n, 5n, 6n),
  ...emitted('OrderItems', OrderItems, [item, bareItem], []),
  ...emitted('OrderItem', OrderItem, item, bareItem, { ...bareItem, VariationIDs: [], Quantity: 0n }),
  ...emitted('AddressDetails', AddressDetails, address, bareAddress, { ...address, Address2: '', PhoneNumber: '' }),
  ...emitted('EmailAddress', EmailAddress, 'jane@example.com', 'j@.'),
  ...emitted('PhoneNumber', PhoneNumber, '+0155512345'),
  ...emitted('ChosenPayee', ChosenPayee, { Address: chainAddress, CallAsContract: true }),
  ...emitted('PaymentDetails', PaymentDetails, payment),
  ...emitted('ListingHashes', ListingHashes, payment.ListingHashes),
  ...emitted('TxDetails', TxDetails, { TxHash: filled(32), BlockHash: filled(32) }, { BlockHash: filled(32) }),
  ...emitted('Header', Header, { ShopID: 0n, RootHash: filled(32), Timestamp: time, KeyCardNonce: UINT64_MAX }),
  { rule: 'Header', value: decode(headerBytes) },
  ...patches.map((patch) => ({ rule: 'Patch', value: decode(patch) })),
  ...changes.map(({ path }) => ({ rule: 'Path', value: path })),
  { rule: 'PatchSet', value: decode(encodePatchSet(headerBytes, signature, patches)) },
  ...[1, 2, 3, 5].flatMap((count) => proofs(count).map((proof) => ({ rule: 'PatchProof', value: decode(proof) }))),
]

/** The schemas of src by the names of their rules. */
export const schemas: Readonly<Record<string, { readonly read: (value: Cbor, at: string) => unknown }>> = {
  AbsoluteModification,
  AcceptedCurrencies,
  AcceptedCurrency,
  Account,
  AddressDetails,
  ChainAddress,
  ChosenPayee,
  EmailAddress,
  Header,
  Images,
  Inventory,
  KeyCard,
  KeyCards,
  Listing,
  ListingHashes,
  ListingIDs,
  Manifest,
  Metadata,
  Option,
  Options,
  Order,
  OrderItem,
  OrderItems,
  OrderState,
  Payee,
  Payees,
  PaymentDetails,
  PhoneNumber,
  PriceModifier,
  PriceModifiers,
  ShippingRegion,
  ShippingRegions,
  StockStatus,
  StockStatuses,
  Tag,
  TxDetails,
  Variation,
  VariationIDs,
  Variations,
  ViewState,
}

function emitted<T>(rule: string, schema: Schema<T>, ...values: readonly NoInfer<T>[]): Sample[] {
  return values.map((value) => ({ rule, value: reread(schema.write(value)) }))
}

function reread(value: Cbor): Cbor {
  return decode(encode(value))
}

function proofs(count: number): Uint8Array[] {
  return patchProofs(Array.from({ length: count }, (_, i) => sha256(fromHex(i.toString(16).padStart(2, '0')))))
}
