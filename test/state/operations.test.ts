/** PROTOCOL §5, row by row: what each op does at each path, and its refused neighbours. */

import { describe, expect, test } from 'vitest'
import type { Encodable } from '../../src/codec/encode.js'
import type { CborKey } from '../../src/codec/value.js'
import type { ShopState } from '../../src/state/shop-state.js'
import {
  accept,
  address,
  after,
  BARE,
  by,
  cards,
  chainAddress,
  changed,
  CLERKS,
  COMMITTED_ORDER,
  contractPayee,
  filled,
  FULL,
  item,
  listing,
  manifest,
  map,
  messageOf,
  metadata,
  native,
  NOW,
  order,
  OTHERS,
  patch,
  payee,
  paymentDetails,
  region,
  setState,
  shop,
  show,
  shown,
  time,
  token,
  txDetails,
  variation,
  verdictOn,
  wallets,
  type Path,
  type Who,
} from '../fixtures/sample-shop.js'

/** An accepted patch: where to look afterwards and what is there, in diagnostic notation. */
type Accepted = readonly [op: string, path: Path, value: Encodable | undefined, view: Path, seen: string]
/** A refused patch: the verdict's code, and the id it names. */
type Refused = readonly [op: string, path: Path, value: Encodable | undefined, verdict: string]

interface Table {
  readonly who?: Who
  readonly accepted: readonly Accepted[]
  readonly refused: readonly Refused[]
}

const $ = undefined
const title = (row: Accepted | Refused) =>
  `${row[0]} ${row[1].map((part) => (part instanceof Uint8Array ? `0x${part[0]?.toString(16)}` : part)).join(' ')}`

function check({ who = 'relay', accepted, refused }: Table, state: ShopState = shop): void {
  test.each(accepted.map((row) => [title(row), row] as const))('%s', (_, [op, path, value, view, seen]) => {
    const before = show(state, view)
    const result = accept(state, by(who), patch(op, path, value)).state
    expect(show(result, view)).toBe(seen)
    expect(before).not.toBe(seen)
  })
  test.each(refused.map((row) => [`${title(row)} → ${row[3]}`, row] as const))(
    '%s',
    (_, [op, path, value, verdict]) => {
      expect(verdictOn(state, by(who), patch(op, path, value))).toBe(verdict)
    },
  )
}

describe('Manifest', () => {
  const M = 'Manifest'
  const chains = (...entries: readonly (readonly [bigint, Uint8Array, Encodable])[]) =>
    new Map<CborKey, Encodable>(entries.map(([chain, address, value]) => [chain, new Map([[address, value]])]))
  const entry = map({ CallAsContract: true })
  const other = changed(manifest, { Payees: null })
  check({
    who: 'clerk',
    accepted: [
      ['replace', [M], other, [M], shown(changed(other, {}))],
      [
        'replace',
        [M, 'PricingCurrency'],
        chainAddress(3n, token),
        [M, 'PricingCurrency'],
        shown(chainAddress(3n, token)),
      ],
      ['replace', [M, 'Payees'], chains([5n, payee, entry]), [M, 'Payees'], shown(chains([5n, payee, entry]))],
      ['replace', [M, 'Payees'], map({}), [M, 'Payees'], '{}'],
      [
        'replace',
        [M, 'AcceptedCurrencies'],
        chains([5n, token, map({})]),
        [M, 'AcceptedCurrencies'],
        shown(chains([5n, token, map({})])),
      ],
      ['replace', [M, 'ShippingRegions'], map({ all: region }), [M, 'ShippingRegions'], shown(map({ all: region }))],
      ['replace', [M, 'ShippingRegions'], map({}), [M, 'ShippingRegions'], 'absent'],
      ['add', [M, 'Payees', 1n, contractPayee], entry, [M, 'Payees', 1n, contractPayee], '{"CallAsContract": true}'],
      ['add', [M, 'Payees', 9n, payee], entry, [M, 'Payees', 9n], shown(new Map([[payee, entry]]))],
      ['replace', [M, 'Payees', 1n, payee], entry, [M, 'Payees', 1n, payee], '{"CallAsContract": true}'],
      ['remove', [M, 'Payees', 1n, payee], $, [M, 'Payees', 1n], 'absent'],
      ['remove', [M, 'Payees', 1n, payee], null, [M, 'Payees', 1n], 'absent'],
      [
        'add',
        [M, 'AcceptedCurrencies', 9n, token],
        map({}),
        [M, 'AcceptedCurrencies', 9n],
        shown(new Map([[token, map({})]])),
      ],
      ['remove', [M, 'AcceptedCurrencies', 1n, token], $, [M, 'AcceptedCurrencies', 1n, token], 'absent'],
      ['add', [M, 'ShippingRegions', 'far'], region, [M, 'ShippingRegions', 'far'], shown(region)],
      [
        'replace',
        [M, 'ShippingRegions', 'home'],
        changed(region, { City: 'Town' }),
        [M, 'ShippingRegions', 'home', 'City'],
        '"Town"',
      ],
      ['remove', [M, 'ShippingRegions', 'home'], $, [M, 'ShippingRegions'], 'absent'],
    ],
    refused: [
      ['replace', [M], changed(manifest, { ShopID: 8n }), 'INVALID'],
      ['replace', [M], changed(manifest, {}, 'ShopID'), 'INVALID'],
      ['replace', [M], changed(manifest, {}, 'PricingCurrency'), 'INVALID'],
      ['replace', [M], $, 'INVALID'],
      ['add', [M], manifest, 'INVALID'],
      ['remove', [M], $, 'INVALID'],
      ['append', [M], manifest, 'INVALID'],
      ['replace', [M, 'ShopID'], 8n, 'INVALID'],
      ['replace', [M, 'Owner'], 8n, 'INVALID'],
      ['replace', [M, 5n], 8n, 'INVALID'],
      ['add', [M, 'PricingCurrency'], chainAddress(3n, token), 'INVALID'],
      ['remove', [M, 'PricingCurrency'], $, 'INVALID'],
      ['replace', [M, 'PricingCurrency'], chainAddress(0n, token), 'INVALID'],
      ['replace', [M, 'PricingCurrency'], null, 'INVALID'],
      ['replace', [M, 'PricingCurrency', 'ChainID'], 3n, 'INVALID'],
      ['add', [M, 'Payees'], map({}), 'INVALID'],
      ['remove', [M, 'Payees'], $, 'INVALID'],
      ['replace', [M, 'Payees'], 'none', 'INVALID'],
      ['add', [M, 'Payees', 1n], map({}), 'INVALID'],
      ['replace', [M, 'Payees', 1n, payee, 'CallAsContract'], true, 'INVALID'],
      ['add', [M, 'Payees', 1n, payee], entry, 'INVALID'],
      ['add', [M, 'Payees', '1', payee], entry, 'INVALID'],
      ['add', [M, 'Payees', 1n, filled(19, 1)], entry, 'INVALID'],
      ['add', [M, 'Payees', 1n, '0xee'], entry, 'INVALID'],
      ['add', [M, 'Payees', 9n, payee], true, 'INVALID'],
      ['append', [M, 'Payees', 9n, payee], entry, 'INVALID'],
      ['replace', [M, 'Payees', 9n, payee], entry, 'NOT_FOUND'],
      ['replace', [M, 'Payees', 1n, token], entry, 'NOT_FOUND'],
      ['remove', [M, 'Payees', 1n, token], $, 'NOT_FOUND'],
      ['remove', [M, 'Payees', 9n, payee], $, 'NOT_FOUND'],
      ['remove', [M, 'Payees', 1n, payee], true, 'INVALID'],
      ['add', [M, 'AcceptedCurrencies', 1n, token], map({}), 'INVALID'],
      ['replace', [M, 'AcceptedCurrencies', 9n, token], map({}), 'NOT_FOUND'],
      ['remove', [M, 'AcceptedCurrencies', 1n, payee], $, 'NOT_FOUND'],
      ['add', [M, 'ShippingRegions', 'home'], region, 'INVALID'],
      ['add', [M, 'ShippingRegions', ''], region, 'INVALID'],
      ['add', [M, 'ShippingRegions', 1n], region, 'INVALID'],
      ['replace', [M, 'ShippingRegions', 'far'], region, 'NOT_FOUND'],
      ['remove', [M, 'ShippingRegions', 'far'], $, 'NOT_FOUND'],
      ['replace', [M, 'ShippingRegions', 'home', 'City'], 'Town', 'INVALID'],
      ['increment', [M, 'ShippingRegions', 'home'], 1n, 'INVALID'],
    ],
  })

  test('a region is added after regions were null, a payee after payees were', () => {
    const bare = after(shop, 'clerk', patch('replace', [M], changed(manifest, { Payees: null }, 'ShippingRegions')))
    const both = after(
      bare,
      'clerk',
      patch('add', [M, 'ShippingRegions', 'far'], region),
      patch('add', [M, 'Payees', 4n, payee], entry),
    )
    expect(show(both, [M, 'ShippingRegions'])).toBe(shown(map({ far: region })))
    expect(show(both, [M, 'Payees'])).toBe(shown(chains([4n, payee, entry])))
  })
})

describe('Accounts', () => {
  const A = 'Accounts'
  const fresh = filled(20, 0xa9)
  const card = filled(33, 9)
  const account = map({ KeyCards: [card], Guest: false })
  check({
    accepted: [
      ['add', [A, fresh], account, [A, fresh], shown(account)],
      ['replace', [A, wallets.owner], account, [A, wallets.owner], shown(account)],
      ['remove', [A, wallets.owner], $, [A, wallets.owner], 'absent'],
      ['append', [A, wallets.owner, 'KeyCards'], card, [A, wallets.owner, 'KeyCards'], shown([cards.owner, card])],
      ['add', [A, wallets.owner, 'KeyCards', 0n], card, [A, wallets.owner, 'KeyCards'], shown([card, cards.owner])],
      ['remove', [A, wallets.owner, 'KeyCards', 0n], $, [A, wallets.owner, 'KeyCards'], '[]'],
    ],
    refused: [
      ['add', [A, wallets.owner], account, 'INVALID'],
      ['replace', [A, fresh], account, 'NOT_FOUND'],
      ['remove', [A, fresh], $, 'NOT_FOUND'],
      ['append', [A, fresh, 'KeyCards'], card, 'NOT_FOUND'],
      ['append', [A, fresh], account, 'INVALID'],
      ['increment', [A, wallets.owner], 1n, 'INVALID'],
      ['add', [A], account, 'INVALID'],
      ['add', [A, filled(21, 1)], account, 'INVALID'],
      ['add', [A, 'a9'], account, 'INVALID'],
      ['add', [A, 9n], account, 'INVALID'],
      ['add', [A, fresh], map({ KeyCards: [filled(32, 9)], Guest: false }), 'INVALID'],
      ['add', [A, fresh], map({ KeyCards: [], Guest: 0n }), 'INVALID'],
      ['add', [A, fresh], $, 'INVALID'],
      ['replace', [A, wallets.owner, 'Guest'], true, 'INVALID'],
      ['replace', [A, wallets.owner, 'KeyCards'], [card], 'INVALID'],
      ['add', [A, wallets.owner, 'KeyCards'], card, 'INVALID'],
      ['remove', [A, wallets.owner, 'KeyCards'], $, 'INVALID'],
      ['replace', [A, wallets.owner, 'KeyCards', 0n], card, 'INVALID'],
      ['append', [A, wallets.owner, 'KeyCards', 0n], card, 'INVALID'],
      ['remove', [A, wallets.owner, 'KeyCards', '0'], $, 'INVALID'],
      ['remove', [A, wallets.owner, 'KeyCards', 0n, 0n], $, 'INVALID'],
      ['remove', [A, wallets.owner, 'KeyCards', 1n], $, 'NOT_FOUND'],
      ['add', [A, wallets.owner, 'KeyCards', 1n], card, 'NOT_FOUND'],
      ['append', [A, wallets.owner, 'KeyCards'], filled(32, 9), 'INVALID'],
      ['append', [A, wallets.owner, 'KeyCards'], 'card', 'INVALID'],
    ],
  })
})

describe('Listings', () => {
  const L = 'Listings'
  const images: Path = [L, 1n, 'Metadata', 'Images']
  const statuses: Path = [L, 1n, 'StockStatuses']
  const options: Path = [L, 1n, 'Options']
  const sizes: Path = [...options, 'size', 'Variations']
  const status = map({ VariationIDs: ['red'], InStock: false })
  const fit = map({ Title: 'Fit', Variations: map({ wide: variation('Wide') }) })
  const percent = map({ ModificationPercent: 120n })
  const [inStock, expected] = [
    map({ VariationIDs: ['S'], InStock: true }),
    map({ VariationIDs: ['M'], ExpectedInStockBy: time(NOW) }),
  ]
  check({
    who: 'clerk',
    accepted: [
      ['add', [L, 9n], listing(9n), [L, 9n], shown(listing(9n))],
      ['replace', [L, 4n], listing(4n, { Price: 0n }), [L, 4n], shown(listing(4n, { Price: 0n }))],
      ['remove', [L, 4n], $, [L, 4n], 'absent'],
      ['replace', [L, 1n, 'Price'], 2n ** 256n - 1n, [L, 1n, 'Price'], String(2n ** 256n - 1n)],
      ['replace', [L, 1n, 'ViewState'], 2n, [L, 1n, 'ViewState'], '2'],
      ['replace', [L, 1n, 'Metadata'], metadata('Hat'), [L, 1n, 'Metadata'], shown(metadata('Hat'))],
      ['replace', [L, 1n, 'Metadata', 'Title'], 'Hat', [L, 1n, 'Metadata', 'Title'], '"Hat"'],
      ['replace', [L, 1n, 'Metadata', 'Description'], 'Warm', [L, 1n, 'Metadata', 'Description'], '"Warm"'],
      ['replace', images, ['c'], images, '["c"]'],
      ['replace', images, [], images, 'absent'],
      ['replace', [...images, 1n], 'c', images, '["ipfs://a", "c"]'],
      ['append', images, 'c', images, '["ipfs://a", "ipfs://b", "c"]'],
      ['append', [L, 2n, 'Metadata', 'Images'], 'c', [L, 2n, 'Metadata', 'Images'], '["c"]'],
      ['add', [...images, 1n], 'c', images, '["ipfs://a", "c", "ipfs://b"]'],
      ['remove', [...images, 0n], $, images, '["ipfs://b"]'],
      ['append', statuses, status, statuses, shown([inStock, expected, status])],
      ['append', statuses, map({ VariationIDs: ['unknown'] }), [...statuses, 2n, 'VariationIDs'], '["unknown"]'],
      ['add', [...statuses, 0n], status, statuses, shown([status, inStock, expected])],
      ['replace', [...statuses, 0n], status, statuses, shown([status, expected])],
      ['replace', statuses, [status], statuses, shown([status])],
      ['remove', [...statuses, 0n], $, statuses, shown([expected])],
      [
        'replace',
        [...statuses, 1n, 'InStock'],
        false,
        [...statuses, 1n],
        shown(map({ VariationIDs: ['M'], InStock: false })),
      ],
      [
        'replace',
        [...statuses, 0n, 'ExpectedInStockBy'],
        time(5n),
        [...statuses, 0n],
        shown(map({ VariationIDs: ['S'], ExpectedInStockBy: time(5n) })),
      ],
      ['add', [...options, 'fit'], fit, [...options, 'fit'], shown(fit)],
      ['add', [L, 2n, 'Options', 'fit'], fit, [L, 2n, 'Options'], shown(map({ fit }))],
      ['replace', [...options, 'size'], fit, [...options, 'size'], shown(fit)],
      ['remove', [...options, 'colour'], $, [...options, 'colour'], 'absent'],
      ['replace', options, map({ fit }), options, shown(map({ fit }))],
      ['replace', options, map({}), options, 'absent'],
      ['replace', [...options, 'size', 'Title'], 'Sizes', [...options, 'size', 'Title'], '"Sizes"'],
      ['add', [...sizes, 'L'], variation('Large'), [...sizes, 'L'], shown(variation('Large'))],
      ['replace', [...sizes, 'S'], variation('Tiny'), [...sizes, 'S'], shown(variation('Tiny'))],
      ['remove', [...sizes, 'S'], $, [...sizes, 'S'], 'absent'],
      ['replace', [...sizes, 'S', 'VariationInfo'], metadata('Tiny'), [...sizes, 'S'], shown(variation('Tiny'))],
      ['replace', [...sizes, 'S', 'PriceModifier'], percent, [...sizes, 'S', 'PriceModifier'], shown(percent)],
      ['replace', [...sizes, 'S', 'SKU'], 'so-s', [...sizes, 'S', 'SKU'], '"so-s"'],
    ],
    refused: [
      ['add', [L, 4n], listing(4n), 'INVALID'],
      ['add', [L, 9n], listing(8n), 'INVALID'],
      ['replace', [L, 4n], listing(3n), 'INVALID'],
      ['replace', [L, 9n], listing(9n), 'NOT_FOUND 9'],
      ['remove', [L, 9n], $, 'NOT_FOUND 9'],
      ['remove', [L, 1n], $, 'INVALID'],
      ['append', [L, 9n], listing(9n), 'INVALID'],
      ['add', [L], listing(9n), 'INVALID'],
      ['add', [L, 0n], listing(0n), 'INVALID'],
      ['add', [L, 2n ** 64n], listing(2n ** 64n), 'INVALID'],
      ['add', [L, '9'], listing(9n), 'INVALID'],
      ['add', [L, filled(8, 0)], listing(9n), 'INVALID'],
      ['add', [L, 9n], changed(listing(9n), {}, 'Price'), 'INVALID'],
      ['replace', [L, 1n, 'ID'], 1n, 'INVALID'],
      ['replace', [L, 1n, 'Prices'], 1n, 'INVALID'],
      ['replace', [L, 1n, 'price'], 1n, 'INVALID'],
      ['replace', [L, 1n, 'Price'], -1n, 'INVALID'],
      ['replace', [L, 1n, 'Price'], '500', 'INVALID'],
      ['replace', [L, 1n, 'Price'], $, 'INVALID'],
      ['replace', [L, 9n, 'Price'], 1n, 'NOT_FOUND 9'],
      ['add', [L, 1n, 'Price'], 1n, 'INVALID'],
      ['remove', [L, 1n, 'Price'], $, 'INVALID'],
      ['increment', [L, 1n, 'Price'], 1n, 'INVALID'],
      ['replace', [L, 1n, 'Price', 'Amount'], 1n, 'INVALID'],
      ['replace', [L, 1n, 'ViewState'], 3n, 'INVALID'],
      ['replace', [L, 1n, 'Metadata'], map({ Title: 'x' }), 'INVALID'],
      ['add', [L, 1n, 'Metadata'], metadata('x'), 'INVALID'],
      ['remove', [L, 1n, 'Metadata', 'Description'], $, 'INVALID'],
      ['replace', [L, 1n, 'Metadata', 'Title'], ' ', 'INVALID'],
      ['replace', [L, 1n, 'Metadata', 'Text'], 'x', 'INVALID'],
      ['replace', [L, 9n, 'Metadata', 'Title'], 'x', 'NOT_FOUND 9'],
      ['add', images, 'c', 'INVALID'],
      ['remove', images, $, 'INVALID'],
      ['append', [...images, 0n], 'c', 'INVALID'],
      ['append', images, 1n, 'INVALID'],
      ['replace', [...images, 2n], 'c', 'NOT_FOUND 1'],
      ['add', [...images, 2n], 'c', 'NOT_FOUND 1'],
      ['remove', [...images, 2n], $, 'NOT_FOUND 1'],
      ['remove', [...images, 2n ** 64n], $, 'NOT_FOUND 1'],
      ['replace', [...images, '0'], 'c', 'INVALID'],
      ['replace', [...images, 0n, 0n], 'c', 'INVALID'],
      ['remove', [L, 2n, 'Metadata', 'Images', 0n], $, 'NOT_FOUND 2'],
      ['append', statuses, map({ VariationIDs: ['S', 'S'] }), 'INVALID'],
      ['add', statuses, status, 'INVALID'],
      ['add', [...statuses, 2n], status, 'NOT_FOUND 1'],
      ['replace', [...statuses, 2n], status, 'NOT_FOUND 1'],
      ['remove', [...statuses, 2n], $, 'NOT_FOUND 1'],
      ['replace', [...statuses, 'S'], status, 'INVALID'],
      ['replace', [...statuses, 2n, 'InStock'], true, 'NOT_FOUND 1'],
      ['replace', [...statuses, 0n, 'InStock'], 1n, 'INVALID'],
      ['replace', [...statuses, 0n, 'ExpectedInStockBy'], NOW, 'INVALID'],
      ['add', [...statuses, 0n, 'InStock'], true, 'INVALID'],
      ['remove', [...statuses, 0n, 'InStock'], $, 'INVALID'],
      ['replace', [...statuses, 0n, 'VariationIDs'], ['M'], 'INVALID'],
      ['add', [...options, 'size'], fit, 'INVALID'],
      ['add', [...options, ''], fit, 'INVALID'],
      ['add', [...options, 1n], fit, 'INVALID'],
      ['add', [...options, 'fit'], map({ Title: 'Fit', Variations: map({ S: variation('Again') }) }), 'INVALID'],
      ['add', [...options, 'fit'], map({ Title: '' }), 'INVALID'],
      ['add', options, map({ fit }), 'INVALID'],
      ['remove', options, $, 'INVALID'],
      ['replace', options, map({ a: fit, b: fit }), 'INVALID'],
      ['append', [...options, 'fit'], fit, 'INVALID'],
      ['replace', [...options, 'fit'], fit, 'NOT_FOUND 1'],
      ['remove', [...options, 'fit'], $, 'NOT_FOUND 1'],
      ['replace', [...options, 'fit', 'Title'], 'Fit', 'NOT_FOUND 1'],
      ['replace', [...options, 'size', 'Title'], '', 'INVALID'],
      ['add', [...options, 'size', 'Title'], 'x', 'INVALID'],
      ['replace', [...options, 'size', 'Name'], 'x', 'INVALID'],
      ['replace', sizes, map({}), 'INVALID'],
      ['add', [...sizes, 'S'], variation('x'), 'INVALID'],
      ['add', [...sizes, 'red'], variation('x'), 'INVALID'],
      ['add', [...sizes, 'a|b'], variation('x'), 'INVALID'],
      ['add', [...sizes, 'L'], map({}), 'INVALID'],
      ['add', [...options, 'fit', 'Variations', 'L'], variation('x'), 'NOT_FOUND 1'],
      ['replace', [...sizes, 'L'], variation('x'), 'NOT_FOUND 1'],
      ['remove', [...sizes, 'L'], $, 'NOT_FOUND 1'],
      ['replace', [...sizes, 'L', 'SKU'], 'x', 'NOT_FOUND 1'],
      ['replace', [...sizes, 'S', 'PriceModifier'], map({}), 'INVALID'],
      ['add', [...sizes, 'S', 'SKU'], 'x', 'INVALID'],
      ['replace', [...sizes, 'S', 'Colour'], 'x', 'INVALID'],
      ['replace', [...sizes, 'S', 'VariationInfo', 'Title'], 'x', 'INVALID'],
    ],
  })

  test('a listing that a tag lists is removed once the tag is gone', () => {
    expect(verdictOn(shop, by('clerk'), patch('remove', ['Tags', 'sale']), patch('remove', [L, 1n]))).toBe('ok')
    expect(verdictOn(shop, by('clerk'), patch('remove', [L, 1n]), patch('remove', ['Tags', 'sale']))).toBe('INVALID')
  })

  test('a variation moves to another option only after it has left its own', () => {
    const away = patch('remove', [...sizes, 'S'])
    const there = patch('add', [...options, 'colour', 'Variations', 'S'], variation('Small'))
    expect(verdictOn(shop, by('clerk'), away, there)).toBe('ok')
    expect(verdictOn(shop, by('clerk'), there, away)).toBe('INVALID')
  })
})

describe('Tags', () => {
  const T = 'Tags'
  const ids: Path = [T, 'sale', 'ListingIDs']
  const tag = (Name: string, ListingIDs: Encodable) => map({ Name, ListingIDs })
  check({
    who: 'clerk',
    accepted: [
      ['add', [T, 'new'], tag('new', [4n]), [T, 'new'], shown(tag('new', [4n]))],
      ['replace', [T, 'sale'], tag('sale', [4n]), [T, 'sale'], shown(tag('sale', [4n]))],
      ['remove', [T, 'sale'], $, [T, 'sale'], 'absent'],
      ['append', ids, 3n, ids, '[1, 2, 3]'],
      ['add', [...ids, 0n], 3n, ids, '[3, 1, 2]'],
      ['replace', [...ids, 0n], 3n, ids, '[3, 2]'],
      ['replace', ids, [4n, 3n], ids, '[4, 3]'],
      ['replace', ids, [], ids, '[]'],
      ['remove', [...ids, 0n], $, ids, '[2]'],
      ['append', [T, 'none', 'ListingIDs'], 4n, [T, 'none', 'ListingIDs'], '[4]'],
      ['replace', [T, 'sale', 'Name'], 'Winter sale', [T, 'sale', 'Name'], '"Winter sale"'],
    ],
    refused: [
      ['add', [T, 'sale'], tag('sale', []), 'INVALID'],
      ['add', [T, 'new'], tag('other', []), 'INVALID'],
      ['replace', [T, 'sale'], tag('other', []), 'INVALID'],
      ['add', [T, 'new'], tag('new', [9n]), 'NOT_FOUND 9'],
      ['replace', [T, 'sale'], tag('sale', [1n, 9n]), 'NOT_FOUND 9'],
      ['replace', [T, 'new'], tag('new', []), 'NOT_FOUND'],
      ['remove', [T, 'new'], $, 'NOT_FOUND'],
      ['append', [T, 'new', 'ListingIDs'], 1n, 'NOT_FOUND'],
      ['increment', [T, 'sale'], 1n, 'INVALID'],
      ['add', [T], tag('new', []), 'INVALID'],
      ['add', [T, ''], tag('', []), 'INVALID'],
      ['add', [T, 1n], tag('1', []), 'INVALID'],
      ['append', ids, 9n, 'NOT_FOUND 9'],
      ['append', ids, 1n, 'INVALID'],
      ['append', ids, '3', 'INVALID'],
      ['append', ids, 0n, 'INVALID'],
      ['append', [...ids, 0n], 3n, 'INVALID'],
      ['add', ids, 3n, 'INVALID'],
      ['remove', ids, $, 'INVALID'],
      ['add', [...ids, 2n], 3n, 'NOT_FOUND'],
      ['add', [...ids, 0n], 9n, 'NOT_FOUND 9'],
      ['replace', [...ids, 2n], 3n, 'NOT_FOUND'],
      ['replace', [...ids, 0n], 9n, 'NOT_FOUND 9'],
      ['replace', ids, [9n], 'NOT_FOUND 9'],
      ['remove', [...ids, 2n], $, 'NOT_FOUND'],
      ['remove', [...ids, '0'], $, 'INVALID'],
      ['remove', [...ids, 0n, 0n], $, 'INVALID'],
      ['add', [T, 'sale', 'Name'], 'x', 'INVALID'],
      ['remove', [T, 'sale', 'Name'], $, 'INVALID'],
      ['replace', [T, 'sale', 'Name'], '', 'INVALID'],
      ['replace', [T, 'sale', 'name'], 'x', 'INVALID'],
    ],
  })
})

describe('Inventory', () => {
  const I = 'Inventory'
  const socksStock: Path = [I, 1n, 'S', 'red']
  const most = 2n ** 64n - 1n
  check({
    who: 'clerk',
    accepted: [
      ['add', [I, 4n], 7n, [I, 4n], '7'],
      ['add', [I, 1n, 'M'], 0n, [I, 1n, 'M'], '0'],
      ['add', [I, 1n, 'S', 'M'], 1n, [I, 1n, 'S', 'M'], '1'],
      ['replace', socksStock, most, socksStock, String(most)],
      ['replace', [I, 1n, 'red', 'S'], 6n, socksStock, '6'],
      ['remove', socksStock, $, socksStock, 'absent'],
      ['increment', socksStock, 2n, socksStock, '7'],
      ['increment', [I, 4n], 3n, [I, 4n], '3'],
      ['increment', [I, 4n], 0n, [I, 4n], '0'],
      ['decrement', socksStock, 5n, socksStock, '0'],
    ],
    refused: [
      ['add', socksStock, 1n, 'INVALID'],
      ['add', [I, 9n], 1n, 'NOT_FOUND 9'],
      ['add', [I, 1n, 'XXL'], 1n, 'NOT_FOUND 1'],
      ['add', [I, 1n, 'S', 'S'], 1n, 'INVALID'],
      ['add', [I, 1n, 0n], 1n, 'INVALID'],
      ['add', [I, '1'], 1n, 'INVALID'],
      ['add', [I], 1n, 'INVALID'],
      ['add', [I, 4n], -1n, 'INVALID'],
      ['add', [I, 4n], most + 1n, 'INVALID'],
      ['add', [I, 4n], '7', 'INVALID'],
      ['append', [I, 4n], 1n, 'INVALID'],
      ['replace', [I, 4n], 1n, 'NOT_FOUND 4'],
      ['replace', [I, 9n], 1n, 'NOT_FOUND 9'],
      ['replace', socksStock, null, 'INVALID'],
      ['remove', [I, 4n], $, 'NOT_FOUND 4'],
      ['remove', [I, 9n], $, 'NOT_FOUND 9'],
      ['increment', socksStock, most, 'INVALID'],
      ['increment', socksStock, -1n, 'INVALID'],
      ['increment', socksStock, '1', 'INVALID'],
      ['increment', [I, 9n], 1n, 'NOT_FOUND 9'],
      ['decrement', socksStock, 6n, 'OUT_OF_STOCK 1'],
      ['decrement', socksStock, -1n, 'INVALID'],
      ['decrement', socksStock, null, 'INVALID'],
      ['decrement', [I, 4n], 1n, 'NOT_FOUND 4'],
      ['decrement', [I, 4n], 0n, 'NOT_FOUND 4'],
      ['decrement', [I, 1n, 'XXL'], 1n, 'NOT_FOUND 1'],
    ],
  })
})

describe('Orders', () => {
  const O = 'Orders'
  const items: Path = [O, FULL, 'Items']
  const quantity: Path = [...items, 0n, 'Quantity']
  const invoice: Path = [O, FULL, 'InvoiceAddress']
  const [two, red] = [item(2n, 2n), item(1n, 1n, 'S', 'red')]
  const paid = map({ Address: chainAddress(2n, contractPayee), CallAsContract: true })
  const stranger = map({ Address: chainAddress(9n, payee), CallAsContract: false })
  const most = 2n ** 32n - 1n
  check({
    who: 'clerk',
    accepted: [
      ['add', [O, 99n], order(99n), [O, 99n], shown(order(99n))],
      ['add', [O, 99n], order(99n, null), [O, 99n, 'Items'], 'null'],
      [
        'add',
        [O, 99n],
        order(99n, [item(1n, 1n, 'S', 'M'), item(1n, 1n)]),
        [O, 99n, 'Items'],
        shown([item(1n, 1n, 'S', 'M'), item(1n, 1n)]),
      ],
      ['replace', [O, FULL], order(FULL), [O, FULL], shown(order(FULL))],
      ['remove', [O, FULL], $, [O, FULL], 'absent'],
      ['append', items, item(4n, 1n), items, shown([two, red, item(4n, 1n)])],
      ['add', [...items, 0n], item(4n, 1n), items, shown([item(4n, 1n), two, red])],
      ['replace', [...items, 1n], item(4n, most), items, shown([two, item(4n, most)])],
      ['replace', items, [red], items, shown([red])],
      ['remove', [...items, 0n], $, items, shown([red])],
      ['replace', quantity, 9n, quantity, '9'],
      ['increment', quantity, most - 2n, quantity, String(most)],
      ['decrement', quantity, 2n, items, shown([item(2n, 0n), red])],
      ['add', [O, FULL, 'ShippingAddress'], address, [O, FULL, 'ShippingAddress'], shown(address)],
      ['replace', invoice, changed(address, { City: 'Elsewhere' }), [...invoice, 'City'], '"Elsewhere"'],
      ['remove', invoice, $, invoice, 'absent'],
      ...['Name', 'Address1', 'Address2', 'City', 'PostalCode', 'Country'].map((name): Accepted => [
        'replace',
        [...invoice, name],
        'New',
        [...invoice, name],
        '"New"',
      ]),
      ['replace', [...invoice, 'EmailAddress'], 'b@c.de', [...invoice, 'EmailAddress'], '"b@c.de"'],
      ['replace', [...invoice, 'PhoneNumber'], '+0155512345', [...invoice, 'PhoneNumber'], '"+0155512345"'],
      ['add', [O, BARE, 'ChosenPayee'], paid, [O, BARE, 'ChosenPayee'], shown(paid)],
      ['replace', [O, FULL, 'ChosenPayee'], paid, [O, FULL, 'ChosenPayee'], shown(paid)],
      ['replace', [O, BARE, 'ChosenPayee'], paid, [O, BARE, 'ChosenPayee'], shown(paid)],
      [
        'add',
        [O, BARE, 'ChosenCurrency'],
        chainAddress(1n, token),
        [O, BARE, 'ChosenCurrency'],
        shown(chainAddress(1n, token)),
      ],
      [
        'replace',
        [O, FULL, 'ChosenCurrency'],
        chainAddress(1n, token),
        [O, FULL, 'ChosenCurrency'],
        shown(chainAddress(1n, token)),
      ],
      [
        'replace',
        [O, BARE, 'ChosenCurrency'],
        chainAddress(1n, token),
        [O, BARE, 'ChosenCurrency'],
        shown(chainAddress(1n, token)),
      ],
      ['add', [O, FULL, 'CanceledAt'], time(NOW), [O, FULL, 'CanceledAt'], shown(time(NOW))],
      ['replace', [O, FULL, 'State'], 2n, [O, FULL, 'State'], '2'],
    ],
    refused: [
      ['add', [O, FULL], order(FULL), 'INVALID'],
      ['add', [O, 99n], order(98n), 'INVALID'],
      ['replace', [O, FULL], order(BARE), 'INVALID'],
      ['add', [O, 99n], order(99n, [item(9n, 1n)]), 'NOT_FOUND 9'],
      ['add', [O, 99n], order(99n, [item(1n, 1n, 'XXL')]), 'NOT_FOUND 1'],
      ['add', [O, 99n], order(99n, [item(1n, 1n, 'S', 'S')]), 'INVALID'],
      ['add', [O, 99n], order(99n, [item(2n, 0n)]), 'INVALID'],
      ['add', [O, 99n], order(99n, [], { ChosenPayee: stranger }), 'INVALID'],
      ['add', [O, 99n], order(99n, [], { ChosenCurrency: chainAddress(9n, token) }), 'INVALID'],
      ['replace', [O, FULL], order(FULL, [], { ChosenCurrency: chainAddress(9n, token) }), 'INVALID'],
      ['replace', [O, 99n], order(99n), 'NOT_FOUND 99'],
      ['remove', [O, 99n], $, 'NOT_FOUND 99'],
      ['increment', [O, FULL], 1n, 'INVALID'],
      ['add', [O], order(99n), 'INVALID'],
      ['add', [O, '99'], order(99n), 'INVALID'],
      ['add', [O, 0n], order(0n), 'INVALID'],
      ['add', [O, 2n ** 64n], order(2n ** 64n), 'INVALID'],
      ['replace', [O, FULL, 'ID'], FULL, 'INVALID'],
      ['replace', [O, FULL, 'Note'], 'x', 'INVALID'],
      ['append', items, item(9n, 1n), 'NOT_FOUND 9'],
      ['append', items, item(1n, 1n, 'XXL'), 'NOT_FOUND 1'],
      ['append', items, item(2n, 0n), 'INVALID'],
      ['append', items, item(2n, most + 1n), 'INVALID'],
      ['append', [...items, 0n], item(2n, 1n), 'INVALID'],
      ['append', [O, 99n, 'Items'], item(2n, 1n), 'NOT_FOUND 99'],
      ['append', [O, COMMITTED_ORDER, 'Items'], item(2n, 1n), 'INVALID'],
      ['add', items, item(2n, 1n), 'INVALID'],
      ['add', [...items, 2n], item(2n, 1n), `NOT_FOUND ${FULL}`],
      ['add', [O, COMMITTED_ORDER, 'Items', 0n], item(2n, 1n), 'INVALID'],
      ['replace', [...items, 2n], item(2n, 1n), `NOT_FOUND ${FULL}`],
      ['replace', [...items, '0'], item(2n, 1n), 'INVALID'],
      ['replace', [O, COMMITTED_ORDER, 'Items', 0n], item(2n, 1n), 'INVALID'],
      ['replace', [O, COMMITTED_ORDER, 'Items'], [], 'INVALID'],
      ['remove', items, $, 'INVALID'],
      ['remove', [...items, 2n], $, `NOT_FOUND ${FULL}`],
      ['remove', [O, COMMITTED_ORDER, 'Items', 0n], $, 'INVALID'],
      ['replace', quantity, 0n, 'INVALID'],
      ['replace', [...items, 2n, 'Quantity'], 1n, `NOT_FOUND ${FULL}`],
      ['replace', [...items, 0n, 'ListingID'], 1n, 'INVALID'],
      ['replace', [...items, 'x', 'Quantity'], 1n, 'INVALID'],
      ['replace', [O, COMMITTED_ORDER, 'Items', 0n, 'Quantity'], 1n, 'INVALID'],
      ['add', quantity, 1n, 'INVALID'],
      ['remove', quantity, $, 'INVALID'],
      ['increment', quantity, most - 1n, 'INVALID'],
      ['increment', quantity, -1n, 'INVALID'],
      ['increment', quantity, null, 'INVALID'],
      ['increment', [...items, 2n, 'Quantity'], 1n, `NOT_FOUND ${FULL}`],
      ['increment', [...items, 0n], 1n, 'INVALID'],
      ['increment', [O, FULL, 'State'], 1n, 'INVALID'],
      ['increment', [O, COMMITTED_ORDER, 'Items', 0n, 'Quantity'], 1n, 'INVALID'],
      ['decrement', quantity, 3n, 'INVALID'],
      ['decrement', [O, COMMITTED_ORDER, 'Items', 0n, 'Quantity'], 1n, 'INVALID'],
      ['add', invoice, address, 'INVALID'],
      ['add', [O, BARE, 'InvoiceAddress'], changed(address, {}, 'Name'), 'INVALID'],
      ['append', [O, BARE, 'InvoiceAddress'], address, 'INVALID'],
      ['replace', [O, FULL, 'ShippingAddress'], address, `NOT_FOUND ${FULL}`],
      ['replace', [O, FULL, 'ShippingAddress', 'City'], 'x', `NOT_FOUND ${FULL}`],
      ['remove', [O, FULL, 'ShippingAddress'], $, `NOT_FOUND ${FULL}`],
      ['replace', invoice, null, 'INVALID'],
      ['replace', [...invoice, 'Street'], 'x', 'INVALID'],
      ['replace', [...invoice, 'City'], ' ', 'INVALID'],
      ['remove', [...invoice, 'Address2'], $, 'INVALID'],
      ['add', [...invoice, 'Address2'], 'x', 'INVALID'],
      ['replace', [...invoice, 'EmailAddress'], 'none', 'INVALID'],
      ['add', [O, FULL, 'ChosenPayee'], paid, 'INVALID'],
      ['add', [O, BARE, 'ChosenPayee'], stranger, 'INVALID'],
      ['replace', [O, FULL, 'ChosenPayee'], stranger, 'INVALID'],
      ['remove', [O, FULL, 'ChosenPayee'], $, 'INVALID'],
      ['replace', [O, FULL, 'ChosenPayee', 'Address'], chainAddress(2n, contractPayee), 'INVALID'],
      ['add', [O, FULL, 'ChosenCurrency'], chainAddress(1n, token), 'INVALID'],
      ['replace', [O, FULL, 'ChosenCurrency'], chainAddress(2n, token), 'INVALID'],
      ['replace', [O, FULL, 'ChosenCurrency'], chainAddress(1n, payee), 'INVALID'],
      ['remove', [O, FULL, 'ChosenCurrency'], $, 'INVALID'],
      ['replace', [O, FULL, 'CanceledAt'], time(NOW), `NOT_FOUND ${FULL}`],
      ['add', [O, FULL, 'CanceledAt'], NOW, 'INVALID'],
      ['remove', [O, FULL, 'CanceledAt'], $, 'INVALID'],
      ['add', [O, FULL, 'State'], 2n, 'INVALID'],
      ['remove', [O, FULL, 'State'], $, 'INVALID'],
      ['replace', [O, FULL, 'State'], 7n, 'INVALID'],
      ['replace', [O, 99n, 'State'], 2n, 'NOT_FOUND 99'],
      ['add', [O, FULL, 'PaymentDetails'], paymentDetails, 'INVALID'],
      ['replace', [O, FULL, 'TxDetails'], txDetails, 'INVALID'],
    ],
  })

  describe('fields of the relay', () => {
    check({
      accepted: [
        [
          'add',
          [O, COMMITTED_ORDER, 'PaymentDetails'],
          paymentDetails,
          [O, COMMITTED_ORDER, 'PaymentDetails'],
          shown(paymentDetails),
        ],
        [
          'replace',
          [O, COMMITTED_ORDER, 'PaymentDetails'],
          paymentDetails,
          [O, COMMITTED_ORDER, 'PaymentDetails'],
          shown(paymentDetails),
        ],
        ['add', [O, COMMITTED_ORDER, 'TxDetails'], txDetails, [O, COMMITTED_ORDER, 'TxDetails'], shown(txDetails)],
        ['replace', [O, COMMITTED_ORDER, 'TxDetails'], txDetails, [O, COMMITTED_ORDER, 'TxDetails'], shown(txDetails)],
      ],
      refused: [
        ['remove', [O, COMMITTED_ORDER, 'PaymentDetails'], $, 'INVALID'],
        ['remove', [O, COMMITTED_ORDER, 'TxDetails'], $, 'INVALID'],
        ['replace', [O, COMMITTED_ORDER, 'PaymentDetails', 'TTL'], 1n, 'INVALID'],
        ['add', [O, COMMITTED_ORDER, 'PaymentDetails'], changed(paymentDetails, { ListingHashes: [] }), 'INVALID'],
        ['add', [O, COMMITTED_ORDER, 'TxDetails'], map({ TxHash: filled(32, 1) }), 'INVALID'],
        ['add', [O, 99n, 'TxDetails'], txDetails, 'NOT_FOUND 99'],
      ],
    })

    test('add is refused where there is one', () => {
      for (const [field, value] of Object.entries({ PaymentDetails: paymentDetails, TxDetails: txDetails })) {
        const state = after(shop, 'relay', patch('add', [O, COMMITTED_ORDER, field], value))
        expect(verdictOn(state, by('relay'), patch('add', [O, COMMITTED_ORDER, field], value))).toBe('INVALID')
        expect(verdictOn(state, by('relay'), patch('replace', [O, COMMITTED_ORDER, field], value))).toBe('ok')
      }
    })
  })

  test('CanceledAt: add when it is set is INVALID, replace by the relay sets it', () => {
    const state = after(shop, 'clerk', patch('add', [O, FULL, 'CanceledAt'], time(NOW)))
    expect(verdictOn(state, by('relay'), patch('add', [O, FULL, 'CanceledAt'], time(5n)))).toBe('INVALID')
    const later = after(state, 'relay', patch('replace', [O, FULL, 'CanceledAt'], time(5n)))
    expect(show(later, [O, FULL, 'CanceledAt'])).toBe(shown(time(5n)))
  })
})

describe('what no collection knows', () => {
  test.each([
    ['no such op', 'set', ['Tags', 'sale'], 'x'],
    ['an op in capitals', 'Remove', ['Tags', 'sale'], undefined],
    ['an empty op', '', ['Tags', 'sale'], 'x'],
    ['an op of a prototype', 'constructor', ['Tags', 'sale'], 'x'],
    ['no such collection', 'add', ['Carts', 1n], 'x'],
    ['a collection in small letters', 'replace', ['manifest'], manifest],
    ['a number as collection', 'add', [1n, 1n], 'x'],
    ['bytes as collection', 'add', [filled(20, 1), 1n], 'x'],
    ['the whole shop', 'replace', ['SchemaVersion'], 5n],
    ['a field of a prototype', 'replace', ['Listings', 1n, '__proto__'], map({})],
    ['a field that every object has', 'replace', ['Listings', 1n, 'constructor'], 'x'],
  ] as const)('%s', (_, op, path, value) => {
    expect(verdictOn(shop, by('clerk'), patch(op, path, value))).toBe('INVALID')
  })

  test('before the first set there is no manifest to change', () => {
    expect(
      messageOf(shop, by('clerk'), patch('replace', ['Manifest', 'PricingCurrency'], chainAddress(1n, native))),
    ).toBe('ok')
    const fresh = { ...shop, manifest: undefined }
    expect(
      verdictOn(fresh, by('clerk'), patch('replace', ['Manifest', 'PricingCurrency'], chainAddress(1n, native))),
    ).toBe('NOT_FOUND')
  })

  test('a set is applied as a whole or not at all, and its message names the patch', () => {
    const good = patch('remove', ['Tags', 'none'])
    const bad = patch('remove', ['Tags', 'new'])
    expect(verdictOn(shop, by('clerk'), good, good)).toBe('NOT_FOUND')
    expect(messageOf(shop, by('clerk'), good, setState(OTHERS, 2n), bad)).toBe('patch 2: Tags.new is not there')
    expect(show(after(shop, 'clerk', good, setState(CLERKS, 2n)), ['Tags', 'none'])).toBe('absent')
  })
})
