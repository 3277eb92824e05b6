import { describe, expect, test } from 'vitest'
import { CborTime } from '../../src/codec/value.js'
import type { Cbor, CborKey, CborMap } from '../../src/codec/value.js'
import { WantedItem, WantedItems, WantedOrder } from '../../src/objects/order.js'
import { check, checkAsRead, fieldsOf, referencesOf, ruleNames } from '../fixtures/cddl-check.js'
import { edges, neighbours, withoutOneKey } from '../fixtures/cddl-neighbours.js'
import { samples, schemas } from '../fixtures/cddl-samples.js'

const numbered = samples.map(({ rule, value }, i) => ({ i, rule, value }))

describe('what our encoders emit', () => {
  test.each(numbered)('sample $i is a $rule', ({ rule, value }) => {
    expect(check(rule, value)).toEqual([])
  })

  test('comes from every schema, and every schema has a rule of its name', () => {
    const withoutSchema = ['Patch', 'PatchSet', 'Path', 'PatchProof']
    expect(new Set(samples.map(({ rule }) => rule))).toEqual(new Set([...Object.keys(schemas), ...withoutSchema]))
    expect(ruleNames()).toEqual(expect.arrayContaining(Object.keys(schemas)))
  })

  test('has the fields that must be there and those that may', () => {
    for (const { rule, value } of samples) {
      if (!(value instanceof Map) || tables.has(rule)) continue
      const isRemove = rule === 'Patch' && (value as CborMap).get('Op') === 'remove'
      const optional = isRemove ? ['Value'] : (optionalFields[rule] ?? [])
      for (const { key, value: shorter } of withoutOneKey(value as CborMap))
        expect.soft([rule, key, check(rule, shorter).length === 0]).toEqual([rule, key, optional.includes(String(key))])
    }
  })

  test('leaves out optional fields that are empty or null', () => {
    for (const { rule, value } of samples)
      for (const key of value instanceof Map ? (optionalFields[rule] ?? []) : []) {
        const item = (value as CborMap).get(key)
        if (item === undefined) continue
        const changed = map(...(value as CborMap), [key, emptyLike(item)])
        expect.soft([rule, key, check(rule, changed).length > 0]).toEqual([rule, key, true])
      }
  })

  test('shows every field of every rule', () => {
    const shown = new Map<string, Set<string>>()
    for (const { rule, value } of samples) {
      if (!(value instanceof Map)) continue
      const fields = shown.get(rule) ?? new Set()
      shown.set(rule, fields)
      if (!tables.has(rule)) for (const key of (value as CborMap).keys()) fields.add(String(key))
    }
    for (const [rule, fields] of shown)
      if (rule !== 'PriceModifier' && rule !== 'Patch')
        expect.soft([rule, fieldsOf(rule)]).toEqual([rule, [...fields].sort()])
  })

  test.each(numbered)('sample $i of $rule, broken anywhere, is none', ({ rule, value }) => {
    for (const neighbour of neighbours(value, isFree))
      expect
        .soft([neighbour.name, check(rule, neighbour.value).length > 0])
        .toEqual([neighbour.name, !ofAnyLength.includes(`${rule} ${neighbour.name}`)])
  })
})

describe('what is accepted', () => {
  test.each(accepted())('$name is no $rule, but accepted as one', ({ rule, value }) => {
    expect(check(rule, value)).not.toEqual([])
    expect(check(`Sent${rule}`, value)).toEqual([])
    expect(reads(rule, value)).toBe(true)
  })

  test.each(numbered.filter(({ rule }) => rule in schemas))(
    'sample $i of $rule and what is broken in it: the contract and the code agree',
    ({ rule, value }) => {
      for (const { name, value: candidate } of [{ name: 'itself', value }, ...neighbours(value), ...edges(value)])
        expect
          .soft([name, checkAsRead(acceptedRule(rule), candidate).length === 0])
          .toEqual([name, reads(rule, candidate)])
    },
  )

  test.each(numbered.filter(({ rule, value }) => rule in schemas && value instanceof Map))(
    'sample $i of $rule without one key or with a null: the contract and the code agree',
    ({ rule, value }) => {
      const map = value as CborMap
      for (const { key, value: shorter } of withoutOneKey(map))
        for (const candidate of [shorter, new Map([...map, [key, null] as const])])
          expect.soft([key, check(acceptedRule(rule), candidate).length === 0]).toEqual([key, reads(rule, candidate)])
    },
  )
})

describe('bounds', () => {
  test.each<[string, Cbor, Cbor]>([
    ['Positive', 1n, 0n],
    ['Positive', 2n ** 64n - 1n, 2n ** 64n],
    ['Uint32', 2n ** 32n - 1n, 2n ** 32n],
    ['Uint256', 0n, -1n],
    ['Uint256', 2n ** 256n - 1n, 2n ** 256n],
    ['Bignum', 2n ** 64n, 2n ** 64n - 1n],
    ['Inventory', 2n ** 64n - 1n, 2n ** 64n],
    ['ViewState', 2n, 3n],
    ['OrderState', 6n, 7n],
    ['OrderState', 1n, 0n],
    ['SentQuantity', 1n, 0n],
    ['SentQuantity', 2n ** 32n - 1n, 2n ** 32n],
    ['EthereumAddress', new Uint8Array(20), new Uint8Array(19)],
    ['Hash', new Uint8Array(32), new Uint8Array(31)],
    ['KeyCard', new Uint8Array(33), new Uint8Array(34)],
    ['Signature', new Uint8Array(65), new Uint8Array(64)],
    ['ListingHash', new Uint8Array(1), new Uint8Array(0)],
    ['ListingHash', new Uint8Array(32), new Uint8Array(33)],
    ['IdKey', new Uint8Array(8), new Uint8Array(9)],
    ['InventoryKey', new Uint8Array(8), new Uint8Array(7)],
    ['Name', 'x', ''],
    ['Name', 'é'.repeat(127), 'é'.repeat(128)],
    ['VariationName', 'r', 'r|b'],
    ['NonEmptyText', ' ', ''],
    ['FilledText', ' x\n', ' \n\u00a0'],
    ['EmailAddress', 'a@b.', 'a@b'],
    ['EmailAddress', 'a@b.c', '@b.c'],
    ['EmailAddress', 'a@b.c', 'a@b@c.d'],
    ['EmailAddress', 'a@b.c', 'a @b.c'],
    ['PhoneNumber', '+0123456', '+012345'],
    ['PhoneNumber', `+${'1'.repeat(15)}`, `+${'1'.repeat(16)}`],
    ['PhoneNumber', '+0155512345', '0155512345'],
    ['Time', new CborTime(0n), 0n],
    ['Images', ['x'], []],
    ['ListingHashes', [new Uint8Array(32)], []],
    ['SomeVariationIDs', ['r'], []],
    ['Patches', [patch('replace', ['Manifest'], null)], []],
    ['ProofPath', [new Uint8Array(32)], []],
    ['PatchProof', [0n, 1n, null], [0n, 0n, null]],
    ['PatchProof', [0n, 1n, null], [0n, 1n]],
    ['PatchProof', [0n, 1n, null], [0n, 1n, null, null]],
    ['SentPatchProof', [0n, 1n, []], [0n, 1n, [new Uint8Array(31)]]],
    ['LogInclusion', [0n, []], [0n, null]],
    ['LogInclusion', [0n, []], [0n, [], []]],
    ['LogConsistency', [1n, 2n, [], []], [0n, 2n, [], []]],
    ['LogPeaks', [new Uint8Array(32)], []],
    ['CheckpointBytes', new Uint8Array(4096), new Uint8Array(4097)],
    ['CheckpointBytes', new Uint8Array(1), new Uint8Array(0)],
    ['HandOverBytes', new Uint8Array(512), new Uint8Array(513)],
    ['HandOverBytes', new Uint8Array(1), new Uint8Array(0)],
    ['PriceModifier', map(['ModificationPercent', 1n]), new Map()],
    [
      'PriceModifier',
      map(['ModificationPercent', 1n]),
      map(['ModificationPercent', 1n], ['ModificationAbsolute', map(['Amount', 1n], ['Plus', true])]),
    ],
    ['SentOption', map(['title', 'x']), map(['TITLE', 'x'])],
    ['SentOption', map(['title', 'x']), map(['title', 'x'], ['Title', 'x'])],
    ['AcceptedCurrency', new Map(), map(['CallAsContract', false])],
    ['FreshManifest', freshManifest(0n), freshManifest(1n)],
    ['HashedShop', hashedShop(new Uint8Array(32)), hashedShop(new Uint8Array(20))],
    ['Header', header(1n), header(0n)],
    ['Op', 'decrement', 'update'],
    ['Patch', patch('remove', ['Manifest', 'ShippingRegions', 'x'], null), patch('remove', ['Manifest'], 1n)],
    ['Patch', patch('add', ['Inventory', 1n], 1n), patch('add', ['Inventory', 1n])],
    ['Path', ['Manifest'], []],
    ['Path', ['Manifest'], ['manifest']],
    ['Path', ['Manifest', 'Payees'], ['Manifest', 'ShopID']],
    ['Path', ['Manifest', 'Payees', 1n, new Uint8Array(20)], ['Manifest', 'Payees', 1n]],
    ['Path', ['Accounts', new Uint8Array(20)], ['Accounts', '0x00']],
    ['Path', ['Accounts', new Uint8Array(20), 'KeyCards', 0n], ['Accounts', new Uint8Array(20), 'KeyCards', '0']],
    ['Path', ['Listings', 1n], ['Listings', 0n]],
    ['Path', ['Listings', 1n, 'Price'], ['Listings', 1n, 'price']],
    ['Path', ['Listings', 1n, 'Metadata', 'Images', 0n], ['Listings', 1n, 'Metadata', 'Title', 0n]],
    ['Path', ['Listings', 1n, 'StockStatuses', 0n, 'InStock'], ['Listings', 1n, 'StockStatuses', 0n, 'VariationIDs']],
    ['Path', ['Listings', 1n, 'Options', 'a', 'Variations', 'b'], ['Listings', 1n, 'Options', 'a', 'Variations']],
    [
      'Path',
      ['Listings', 1n, 'Options', 'a', 'Variations', 'b'],
      ['Listings', 1n, 'Options', 'a', 'Variations', 'b|c'],
    ],
    ['Path', ['Tags', 'a', 'ListingIDs', 0n], ['Tags', '', 'ListingIDs', 0n]],
    ['Path', ['Orders', 1n, 'Items', 0n, 'Quantity'], ['Orders', 1n, 'Items', 0n, 'ListingID']],
    ['Path', ['Orders', 1n, 'ShippingAddress', 'City'], ['Orders', 1n, 'ChosenPayee', 'City']],
    ['Path', ['Inventory', 1n, 'r', 'xl'], ['Inventory', 1n, 'r', 5n]],
    ['Path', ['Inventory', 2n ** 64n - 1n], ['Inventory', 2n ** 64n]],
  ])('%s: %s, but not %s', (rule, value, beyond) => {
    expect(check(rule, value)).toEqual([])
    expect(check(rule, beyond)).not.toEqual([])
  })
})

describe('the rules', () => {
  test('lead to each other from what is exchanged, stored and hashed', () => {
    const reached = new Set<string>()
    const reach = (name: string): void => {
      if (reached.has(name) || !ruleNames().includes(name)) return
      reached.add(name)
      referencesOf(name).forEach(reach)
    }
    for (const root of ['Shop', 'HashedShop', 'PatchSet', 'Op', 'PatchProof', 'SentPatchProof']) reach(root)
    for (const root of ['StateProofs', 'Level', 'Card', 'CardEntry']) reach(root)
    for (const root of ['LogLeaf', 'LogInclusion', 'LogConsistency', 'Checkpoint', 'SignedCheckpoint', 'Last'])
      reach(root)
    const answers = ['WriteAnswer', 'StateProofAnswer', 'LogProofAnswer', 'CheckpointAnswer']
    for (const root of [...answers, 'Salts', 'StateQuestion', 'SnapshotObject']) reach(root)
    for (const root of ['HandOver', 'HandOvers']) reach(root)
    for (const root of ['Receipt', 'AskedLevel', 'PaymentPage']) reach(root)
    for (const root of ['NoteBinding', 'TlogExtra', 'CoseReceipt', 'CoseProtected', 'TreeInclusion']) reach(root)
    for (const whole of ['Manifest', 'Account', 'Listing', 'Tag', 'Order']) reach(`Sent${whole}`)
    expect(ruleNames().filter((name) => !reached.has(name))).toEqual([])
  })

  test('a rule that does not exist is a mistake, not a match', () => {
    expect(() => check('Nothing', null)).toThrow('Nothing')
  })

  test('a mismatch says where and what', () => {
    const status = map(['VariationIDs', ['r', 5n]], ['Extra', true])
    expect(check('StockStatus', status)).toEqual([
      'StockStatus.VariationIDs.1: 5 is no tstr',
      'StockStatus.Extra: a key that StockStatus does not have',
    ])
  })
})

/** Bytes whose inside is a rule of its own. */
const ofAnyLength = ['SignedCheckpoint 0: 33 bytes more', 'SignedHandOver 0: 33 bytes more']

/** Rules of maps with keys of a type, not of a name. */
const tables = new Set(['AcceptedCurrencies', 'Options', 'Payees', 'PriceModifiers', 'ShippingRegions', 'Variations'])

const optionalFields: Readonly<Record<string, readonly string[]>> = {
  AddressDetails: ['Address2', 'PhoneNumber'],
  Listing: ['Options', 'StockStatuses'],
  Manifest: ['ShippingRegions'],
  Metadata: ['Images'],
  Option: ['Variations'],
  Order: [
    'InvoiceAddress',
    'ShippingAddress',
    'CanceledAt',
    'ChosenPayee',
    'ChosenCurrency',
    'PaymentDetails',
    'TxDetails',
  ],
  OrderItem: ['VariationIDs'],
  ShippingRegion: ['PriceModifiers'],
  StockStatus: ['InStock', 'ExpectedInStockBy'],
  TxDetails: ['TxHash'],
  Variation: ['PriceModifier', 'SKU'],
}

/** A patch's value is checked against the rule of its path's object, not as part of the patch. */
function isFree(key: CborKey): boolean {
  return key === 'Value'
}

/** What a client may send that is not canonical, by the rule of what it becomes. */
function accepted(): { name: string; rule: string; value: Cbor }[] {
  const currency = map(['ChainID', 1n], ['Address', new Uint8Array(20)])
  const metadata = map(['Title', 'x'], ['Description', 'x'])
  const wallet = new Uint8Array(20)
  return [
    { name: 'a manifest without tables', rule: 'Manifest', value: map(['ShopID', 1n], ['PricingCurrency', currency]) },
    { name: 'a payee of {}', rule: 'Payees', value: map([1n, map([wallet, map()])]) },
    { name: 'a currency of null', rule: 'AcceptedCurrencies', value: map([1n, map([wallet, null])]) },
    { name: 'a region with modifiers of null', rule: 'ShippingRegion', value: map(['PriceModifiers', null]) },
    { name: 'a region of {}', rule: 'ShippingRegion', value: map() },
    {
      name: 'a modifier with a null beside it',
      rule: 'PriceModifier',
      value: map(['ModificationPercent', 1n], ['ModificationAbsolute', null]),
    },
    { name: 'an account of {}', rule: 'Account', value: map() },
    { name: 'metadata without images in an array', rule: 'Metadata', value: map(...metadata, ['Images', []]) },
    { name: 'an option with a lower-case title', rule: 'Option', value: map(['title', 'x']) },
    { name: 'a variation with an empty SKU', rule: 'Variation', value: map(['VariationInfo', metadata], ['SKU', '']) },
    { name: 'a stock status of {}', rule: 'StockStatus', value: map() },
    {
      name: 'a listing without view state',
      rule: 'Listing',
      value: map(['ID', 1n], ['Price', 1n], ['Metadata', metadata]),
    },
    { name: 'a tag without listings', rule: 'Tag', value: map(['Name', 'x']) },
    { name: 'an order without items', rule: 'Order', value: map(['ID', 1n], ['State', 1n]) },
    {
      name: 'an item with no variations in an array',
      rule: 'OrderItem',
      value: map(['ListingID', 1n], ['VariationIDs', []], ['Quantity', 1n]),
    },
    { name: 'a payee chosen without CallAsContract', rule: 'ChosenPayee', value: map(['Address', currency]) },
    {
      name: 'payment seen in a block alone',
      rule: 'TxDetails',
      value: map(['TxHash', null], ['BlockHash', new Uint8Array(32)]),
    },
  ]
}

/** The value of the same kind that canonical forms leave out. */
function emptyLike(item: Cbor): Cbor {
  if (typeof item === 'string') return ''
  if (Array.isArray(item)) return []
  return item instanceof Map ? map() : null
}

function map(...entries: readonly (readonly [CborKey, Cbor])[]): CborMap {
  return new Map(entries)
}

function acceptedRule(rule: string): string {
  return ruleNames().includes(`Sent${rule}`) ? `Sent${rule}` : rule
}

function reads(rule: string, value: Cbor): boolean {
  const schema = { ...schemas, Order: WantedOrder, OrderItem: WantedItem, OrderItems: WantedItems }[rule]
  if (schema === undefined) throw new Error(`no schema ${rule}`)
  try {
    schema.read(value, rule)
    return true
  } catch {
    return false
  }
}

function patch(op: string, path: readonly Cbor[], value?: Cbor): Cbor {
  const bare = map(['Op', op], ['Path', path])
  return value === undefined ? bare : map(...bare, ['Value', value])
}

function header(nonce: bigint): Cbor {
  return map(['ShopID', 0n], ['RootHash', new Uint8Array(32)], ['Timestamp', new CborTime(0n)], ['KeyCardNonce', nonce])
}

function freshManifest(chainId: bigint): Cbor {
  const currency = map(['ChainID', chainId], ['Address', new Uint8Array(20)])
  return map(['ShopID', 1n], ['Payees', null], ['AcceptedCurrencies', null], ['PricingCurrency', currency])
}

function hashedShop(digest: Uint8Array): Cbor {
  const collections = ['Accounts', 'Inventory', 'Listings', 'Orders', 'Tags'].map((name) => [name, digest] as const)
  return map(['SchemaVersion', 4n], ['Manifest', freshManifest(0n)], ...collections)
}
