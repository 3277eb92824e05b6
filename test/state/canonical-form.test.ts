/** PROTOCOL §3: what clients may send, and the one form in which the state keeps it. */

import { Encoder } from 'cbor-x'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import type { CborKey } from '../../src/codec/value.js'
import { readPatch, type Patch } from '../../src/patches/patch.js'
import { applyPatches } from '../../src/state/apply.js'
import { stateHash } from '../../src/state/shop-state.js'
import {
  accept,
  address,
  after,
  by,
  cards,
  chainAddress,
  changed,
  filled,
  FULL,
  item,
  listing,
  manifest,
  map,
  messageOf,
  metadata,
  native,
  order,
  patch,
  payee,
  region,
  SHOP_ID,
  shop,
  show,
  shown,
  socks,
  variation,
  verdictOn,
  wallets,
  type Path,
} from '../fixtures/sample-shop.js'

/** A patch whose value is these bytes, as a client wrote them. */
function raw(op: string, path: Path, value: string): Patch {
  const bytes = fromHex(`a3624f70${toHex(encode(op))}6450617468${toHex(encode(path))}6556616c7565${value}`)
  checkForm(bytes)
  return readPatch(bytes)
}

const client = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
const sent = (value: unknown) => toHex(Uint8Array.from(client.encode(value)))

describe('optional fields that say nothing are left out', () => {
  const withAll = (nothing: Encodable) =>
    listing(9n, {
      Metadata: map({ Title: 'x', Description: 'y', Images: nothing }),
      Options: nothing,
      StockStatuses: nothing,
    })
  const bare = listing(9n, { Metadata: map({ Title: 'x', Description: 'y' }) })

  test.each([
    ['null', withAll(null)],
    ['empty', changed(withAll([]), { Options: map({}) })],
    ['absent', bare],
  ])('of a listing: %s', (_, value) => {
    expect(show(after(shop, 'clerk', patch('add', ['Listings', 9n], value)), ['Listings', 9n])).toBe(shown(bare))
  })

  test.each([
    ['null', { Address2: null, PhoneNumber: null }],
    ['empty', { Address2: '', PhoneNumber: '' }],
  ])('of an address: %s', (_, more) => {
    const state = after(
      shop,
      'clerk',
      patch('replace', ['Orders', FULL, 'InvoiceAddress'], changed(address, { City: 'x', ...more })),
    )
    expect(show(state, ['Orders', FULL, 'InvoiceAddress'])).toBe(shown(changed(address, { City: 'x' })))
  })

  test('of a variation and of an item', () => {
    const option = map({
      Title: 'Fit',
      Variations: map({ wide: changed(variation('Wide'), { PriceModifier: null, SKU: '' }) }),
    })
    const state = after(
      shop,
      'clerk',
      patch('add', ['Listings', 2n, 'Options', 'fit'], option),
      patch('append', ['Orders', FULL, 'Items'], changed(item(2n, 1n), { VariationIDs: [] })),
    )
    expect(show(state, ['Listings', 2n, 'Options', 'fit', 'Variations', 'wide'])).toBe(shown(variation('Wide')))
    expect(show(state, ['Orders', FULL, 'Items', 2n])).toBe(shown(item(2n, 1n)))
  })

  test('emptied ones too, by whatever', () => {
    const state = after(
      shop,
      'clerk',
      patch('replace', ['Listings', 1n, 'StockStatuses'], []),
      patch('remove', ['Listings', 1n, 'Options', 'colour']),
      patch('remove', ['Listings', 1n, 'Options', 'size', 'Variations', 'S']),
      patch('remove', ['Listings', 1n, 'Options', 'size', 'Variations', 'M']),
      patch('remove', ['Listings', 1n, 'Metadata', 'Images', 0n]),
      patch('remove', ['Listings', 1n, 'Metadata', 'Images', 0n]),
    )
    const left = changed(
      socks,
      { Metadata: metadata('Socks'), Options: map({ size: map({ Title: 'Size' }) }) },
      'StockStatuses',
    )
    expect(show(state, ['Listings', 1n])).toBe(shown(left))
    const none = after(state, 'clerk', patch('remove', ['Listings', 1n, 'Options', 'size']))
    expect(show(none, ['Listings', 1n])).toBe(shown(changed(left, {}, 'Options')))
  })

  test('PriceModifiers: null of a region', () => {
    const value = changed(region, { PriceModifiers: null })
    expect(
      show(after(shop, 'clerk', patch('add', ['Manifest', 'ShippingRegions', 'far'], value)), [
        'Manifest',
        'ShippingRegions',
        'far',
      ]),
    ).toBe(shown(region))
  })

  test('false and 0 are written', () => {
    const state = after(
      shop,
      'clerk',
      patch(
        'add',
        ['Listings', 9n],
        changed(listing(9n, { Price: 0n, StockStatuses: [map({ InStock: false })] }), {}, 'ViewState'),
      ),
    )
    const stored = listing(9n, {
      Price: 0n,
      ViewState: 0n,
      StockStatuses: [map({ VariationIDs: null, InStock: false })],
    })
    expect(show(state, ['Listings', 9n])).toBe(shown(stored))
  })
})

describe('required maps and arrays that nobody wrote are null', () => {
  test.each([
    ['absent', changed(manifest, {}, 'Payees', 'AcceptedCurrencies')],
    ['null', changed(manifest, { Payees: null, AcceptedCurrencies: null })],
  ])('of the manifest: %s', (_, value) => {
    const state = after(shop, 'clerk', patch('replace', ['Manifest'], value))
    expect(show(state, ['Manifest'])).toBe(shown(changed(manifest, { Payees: null, AcceptedCurrencies: null })))
  })

  test('and stay maps once they were', () => {
    const state = after(
      shop,
      'clerk',
      patch('remove', ['Manifest', 'Payees', 1n, payee]),
      patch('replace', ['Manifest', 'AcceptedCurrencies'], map({})),
    )
    const last = after(state, 'clerk', patch('remove', ['Manifest', 'Payees', 2n, filled(20, 0xef)]))
    expect(show(last, ['Manifest', 'Payees'])).toBe('{}')
    expect(show(last, ['Manifest', 'AcceptedCurrencies'])).toBe('{}')
  })

  test('of tags and accounts', () => {
    const absent = after(shop, 'clerk', patch('add', ['Tags', 'new'], map({ Name: 'new' })))
    const sentNull = after(shop, 'clerk', patch('add', ['Tags', 'new'], map({ Name: 'new', ListingIDs: null })))
    expect(show(absent, ['Tags', 'new'])).toBe('{"Name": "new", "ListingIDs": null}')
    expect(show(sentNull, ['Tags', 'new'])).toBe('{"Name": "new", "ListingIDs": null}')
    const listed = after(
      absent,
      'clerk',
      patch('append', ['Tags', 'new', 'ListingIDs'], 1n),
      patch('remove', ['Tags', 'new', 'ListingIDs', 0n]),
    )
    expect(show(listed, ['Tags', 'new', 'ListingIDs'])).toBe('[]')
    const account = after(shop, 'relay', patch('add', ['Accounts', filled(20, 9)], map({ KeyCards: null })))
    expect(show(account, ['Accounts', filled(20, 9)])).toBe('{"Guest": false, "KeyCards": null}')
    const carded = after(account, 'relay', patch('append', ['Accounts', filled(20, 9), 'KeyCards'], cards.owner))
    expect(show(carded, ['Accounts', filled(20, 9), 'KeyCards'])).toBe(shown([cards.owner]))
  })
})

describe('what existing clients send', () => {
  test('`{}` is a payee that is not called as a contract', () => {
    const state = after(shop, 'clerk', patch('add', ['Manifest', 'Payees', 5n, payee], map({})))
    expect(show(state, ['Manifest', 'Payees', 5n, payee])).toBe('{"CallAsContract": false}')
  })

  test('`title` is read as Title, and not beside it', () => {
    const path: Path = ['Listings', 2n, 'Options', 'fit']
    expect(show(after(shop, 'clerk', patch('add', path, map({ title: 'Fit' }))), path)).toBe('{"Title": "Fit"}')
    expect(verdictOn(shop, by('clerk'), patch('add', path, map({ title: 'Fit', Title: 'Fit' })))).toBe('INVALID')
    expect(
      verdictOn(
        shop,
        by('clerk'),
        patch('replace', ['Listings', 2n, 'Metadata'], map({ title: 'x', Description: 'y' })),
      ),
    ).toBe('INVALID')
  })

  test.each([
    ['tag 1 with an integer', 'c11a6553f100'],
    ['tag 1 with a longer integer', 'c11b000000006553f100'],
    ['tag 1 with a float and a fraction', 'c1fb41d954fc4035c28f'],
    ['tag 0 in UTC', 'c074323032332d31312d31345432323a31333a32305a'],
    ['tag 0 with a fraction', 'c07818323032332d31312d31345432323a31333a32302e3939395a'],
    ['tag 0 with an offset', 'c07819323032332d31312d31355430303a31333a32302b30323a3030'],
  ])('a time as %s becomes whole seconds in UTC', (_, hex) => {
    const state = after(shop, 'clerk', raw('replace', ['Listings', 1n, 'StockStatuses', 0n, 'ExpectedInStockBy'], hex))
    expect(show(state, ['Listings', 1n, 'StockStatuses', 0n, 'ExpectedInStockBy'])).toBe('0("2023-11-14T22:13:20Z")')
  })

  test('cbor-x with plain objects, numbers and undefined reaches the same state as our encoder', () => {
    const theirs = sent({
      ViewState: 1,
      StockStatuses: undefined,
      Metadata: { Description: 'Of good wool', Title: 'Socks', Images: [] },
      Price: 500n,
      ID: 9n,
    })
    const state = after(shop, 'clerk', raw('add', ['Listings', 9n], theirs))
    const ours = after(shop, 'clerk', patch('add', ['Listings', 9n], listing(9n)))
    expect(toHex(stateHash(state))).toBe(toHex(stateHash(ours)))
    expect(theirs.startsWith('b90005')).toBe(true)
  })

  test('a tag 2 integer with leading zeros is the integer', () => {
    const state = after(shop, 'clerk', raw('replace', ['Listings', 1n, 'Price'], 'c2430001f5'))
    expect(show(state, ['Listings', 1n, 'Price'])).toBe('501')
  })

  test('ids of 2^64−1', () => {
    const most = 2n ** 64n - 1n
    const state = after(
      shop,
      'clerk',
      patch('add', ['Listings', most], listing(most)),
      patch('append', ['Tags', 'none', 'ListingIDs'], most),
      patch('add', ['Inventory', most], most),
      patch('add', ['Orders', most], order(most, [item(most, 1n)])),
      patch('replace', ['Orders', most, 'State'], 3n),
    )
    expect(show(state, ['Listings', most, 'ID'])).toBe('18446744073709551615')
    expect(show(state, ['Orders', most, 'Items', 0n, 'ListingID'])).toBe('18446744073709551615')
    expect(
      verdictOn(
        state,
        by('clerk'),
        patch('decrement', ['Inventory', most], most),
        patch('decrement', ['Inventory', most], 1n),
      ),
    ).toBe(`OUT_OF_STOCK ${most}`)
  })

  test('ShopID in a longer form enters the hash in its shortest', () => {
    const small = { ...shop, shopId: 1n }
    const long = raw(
      'replace',
      ['Manifest'],
      toHex(encode(changed(manifest, { ShopID: 1n }))).replace('6653686f70494401', '6653686f7049441b0000000000000001'),
    )
    const short = patch('replace', ['Manifest'], changed(manifest, { ShopID: 1n }))
    expect(long.bytes.length).toBe(short.bytes.length + 8)
    expect(toHex(stateHash(after(small, 'clerk', long)))).toBe(toHex(stateHash(after(small, 'clerk', short))))
    expect(SHOP_ID).toBeGreaterThan(2n ** 64n)
  })

  test('the order of map keys does not matter', () => {
    const turned: ReadonlyMap<CborKey, Encodable> = new Map([...listing(9n)].reverse())
    const entries = [...turned].map(([key, value]) => toHex(encode(key)) + toHex(encode(value)))
    const hex = `a${turned.size}${entries.join('')}`
    expect(hex).not.toBe(toHex(encode(turned)))
    const state = after(shop, 'clerk', raw('add', ['Listings', 9n], hex))
    expect(show(state, ['Listings', 9n])).toBe(shown(listing(9n)))
  })
})

describe('a field that is not listed is ignored: it enters neither the state nor its hash', () => {
  const unknown: readonly (readonly [string, Path, ReadonlyMap<CborKey, Encodable>])[] = [
    ['replace', ['Manifest'], manifest],
    ['replace', ['Manifest', 'PricingCurrency'], chainAddress(1n, native)],
    ['add', ['Manifest', 'Payees', 9n, payee], map({})],
    ['add', ['Manifest', 'AcceptedCurrencies', 9n, payee], map({})],
    ['add', ['Manifest', 'ShippingRegions', 'far'], region],
    ['add', ['Accounts', filled(20, 9)], map({ KeyCards: [] })],
    ['add', ['Listings', 9n], listing(9n)],
    ['replace', ['Listings', 1n, 'Metadata'], metadata('x')],
    ['append', ['Listings', 1n, 'StockStatuses'], map({ InStock: true })],
    ['add', ['Listings', 1n, 'Options', 'fit'], map({ Title: 'Fit' })],
    ['add', ['Listings', 1n, 'Options', 'size', 'Variations', 'L'], variation('L')],
    [
      'replace',
      ['Listings', 1n, 'Options', 'size', 'Variations', 'S', 'PriceModifier'],
      map({ ModificationPercent: 5n }),
    ],
    ['add', ['Tags', 'new'], map({ Name: 'new', ListingIDs: [] })],
    ['add', ['Orders', 99n], order(99n)],
    ['append', ['Orders', FULL, 'Items'], item(2n, 1n)],
    ['replace', ['Orders', FULL, 'InvoiceAddress'], address],
    ['replace', ['Orders', FULL, 'ChosenPayee'], map({ Address: chainAddress(1n, payee), CallAsContract: false })],
  ]

  test.each(unknown.map((row) => [row[1].filter((part) => typeof part === 'string').join(' '), row] as const))(
    '%s',
    (_, [op, path, value]) => {
      const without = after(shop, 'relay', patch(op, path, value))
      const more = patch(op, path, changed(value, { Colour: 1n, Listings: [], Nothing: null }))
      expect(toHex(stateHash(after(shop, 'relay', more)))).toBe(toHex(stateHash(without)))
    },
  )

  test('also one that every JavaScript object has; a key that is no text is refused', () => {
    const without = toHex(stateHash(after(shop, 'clerk', patch('add', ['Listings', 9n], listing(9n)))))
    for (const name of ['__proto__', 'constructor', 'toString', 'title', '']) {
      const value = new Map<CborKey, Encodable>([...listing(9n), [name, 1n]])
      expect(toHex(stateHash(after(shop, 'clerk', patch('add', ['Listings', 9n], value))))).toBe(without)
    }
    expect(
      verdictOn(
        shop,
        by('clerk'),
        patch('add', ['Listings', 9n], new Map<CborKey, Encodable>([...listing(9n), [1n, 1n]])),
      ),
    ).toBe('INVALID')
  })
})

describe('a required field that is left out is refused by name', () => {
  const whole: readonly (readonly [Path, ReadonlyMap<CborKey, Encodable>, readonly string[]])[] = [
    [['Listings', 9n], listing(9n), ['ID', 'Price', 'Metadata']],
    [['Tags', 'new'], map({ Name: 'new', ListingIDs: [] }), ['Name']],
    [['Orders', 99n], order(99n), ['ID', 'State']],
    [['Orders', 11n, 'InvoiceAddress'], address, ['Name', 'Address1', 'City', 'PostalCode', 'Country', 'EmailAddress']],
  ]

  test.each(whole.flatMap(([path, value, names]) => names.map((name) => [path[0], name, path, value] as const)))(
    '%s %s',
    (_, name, path, value) => {
      for (const without of [changed(value, {}, name), changed(value, { [name]: null })]) {
        expect(verdictOn(shop, by('clerk'), patch('add', path, without))).toBe('INVALID')
        expect(messageOf(shop, by('clerk'), patch('add', path, without))).toContain(`.${name} is missing`)
      }
      expect(verdictOn(shop, by('clerk'), patch('add', path, value))).toBe('ok')
    },
  )

  test('but for ViewState, Guest, CallAsContract and the texts of a region', () => {
    const state = accept(
      shop,
      by('relay'),
      patch('add', ['Listings', 9n], changed(listing(9n), {}, 'ViewState')),
      patch('replace', ['Accounts', wallets.owner], map({ KeyCards: [cards.owner] })),
      patch('replace', ['Orders', FULL, 'ChosenPayee'], map({ Address: chainAddress(1n, payee) })),
      patch('add', ['Manifest', 'ShippingRegions', 'all'], map({})),
    ).state
    expect(show(state, ['Listings', 9n, 'ViewState'])).toBe('0')
    expect(show(state, ['Accounts', wallets.owner, 'Guest'])).toBe('false')
    expect(show(state, ['Orders', FULL, 'ChosenPayee', 'CallAsContract'])).toBe('false')
    expect(show(state, ['Manifest', 'ShippingRegions', 'all'])).toBe('{"City": "", "Country": "", "PostalCode": ""}')
  })
})

test('what the reference accepts and §14 refuses is marked', () => {
  const table: readonly (readonly [boolean, Patch])[] = [
    [true, patch('add', ['Listings', 9n], listing(8n))],
    [true, patch('replace', ['Listings', 1n, 'Price'], -1n)],
    [true, patch('add', ['Listings', 1n, 'Options', 'size', 'Variations', 'a|b'], variation('x'))],
    [true, patch('append', ['Orders', FULL, 'Items'], item(2n, 0n))],
    [true, patch('add', ['Orders', FULL, 'CanceledAt'], 5n)],
    [false, patch('replace', ['Listings', 1n, 'Price'], '5')],
    [false, patch('add', ['Orders', FULL, 'CanceledAt'], true)],
    [false, patch('replace', ['Listings', 1n, 'Colour'], 1n)],
  ]
  for (const [stricter, change] of table) {
    const refused = messageOf(shop, by('clerk'), change)
    expect(refused).not.toBe('ok')
    expect([refused, isStricter(change)]).toEqual([refused, stricter])
  }
})

function isStricter(change: Patch): boolean {
  const applied = applyPatches(shop, [change], by('clerk'))
  return !applied.ok && applied.verdict.stricter === true
}
