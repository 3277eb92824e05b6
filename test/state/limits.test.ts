/** PROTOCOL §15: limits of bytes and objects, each on both sides. */

import { describe, expect, test } from 'vitest'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { checkForm } from '../../src/codec/span.js'
import { CborError, type CborKey } from '../../src/codec/value.js'
import {
  CBOR_NESTING_MAX,
  HEADER_TIMESTAMP_AHEAD_SECONDS_MAX,
  ITEMS_PER_ORDER_MAX,
  NAME_BYTES_MAX,
  OBJECT_BYTES_MAX,
  OBJECTS_MEASURED_PER_SET_MAX,
  OPEN_ORDERS_PER_GUEST_CARD_MAX,
  PATCHES_PER_SET_MAX,
  PAYMENT_CHOICES_PER_SET_MAX,
  VALUE_ITEMS_MAX,
} from '../../src/limits.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { encodePatchSet, readPatchSet, signPatches } from '../../src/patches/patch-set.js'
import { applyPatches } from '../../src/state/apply.js'
import type { Patch } from '../../src/patches/patch.js'
import { stateHash, type ShopState } from '../../src/state/shop-state.js'
import { toHex } from '../../src/bytes/hex.js'
import {
  addOrder,
  after,
  BARE,
  by,
  changed,
  filled,
  FULL,
  item,
  listing,
  manifest,
  map,
  messageOf,
  metadata,
  order,
  OTHERS,
  patch,
  region,
  setState,
  shop,
  show,
  SHOP_ID,
  variation,
  verdictOn,
  wallets,
  address,
  type Path,
  type Who,
} from '../fixtures/sample-shop.js'

test('the numbers are those of §15', () => {
  expect([CBOR_NESTING_MAX, OBJECT_BYTES_MAX, NAME_BYTES_MAX]).toEqual([16, 1_048_576, 255])
  expect([OPEN_ORDERS_PER_GUEST_CARD_MAX, ITEMS_PER_ORDER_MAX, HEADER_TIMESTAMP_AHEAD_SECONDS_MAX]).toEqual([
    1_000,
    1_000,
    300n,
  ])
})

test('a set has at most 4,096 patches, and a value 131,072 items: more is refused before it costs anything', () => {
  const tiny = patch('remove', ['Listings', 9n]).bytes
  const setOf = (count: number) => {
    const patches = Array.from({ length: count }, () => tiny)
    const { headerBytes, signature } = signPatches(
      { shopId: SHOP_ID, nonce: 1n, timestamp: 1n, patches },
      filled(32, 7),
    )
    return encodePatchSet(headerBytes, signature, patches)
  }
  expect(readPatchSet(setOf(PATCHES_PER_SET_MAX)).patches).toHaveLength(4_096)
  expect(() => readPatchSet(setOf(PATCHES_PER_SET_MAX + 1))).toThrow(/more than 4096 patches/u)
  const items = (count: number) =>
    patch(
      'add',
      ['Orders', 99n],
      Array.from({ length: count - 1 }, () => new Map()),
    )
  expect(items(VALUE_ITEMS_MAX).value).toHaveLength(VALUE_ITEMS_MAX - 1)
  expect(messageOf(shop, by('guest'), items(VALUE_ITEMS_MAX + 1))).toMatch(/at most 131072 items/u)
  expect(messageOf(shop, by('guest'), items(VALUE_ITEMS_MAX))).not.toMatch(/131072/u)
})

test('an object is above 1 MiB after a patch of a set: that patch is INVALID, whatever follows', () => {
  const text = (length: number) => 'x'.repeat(length)
  const half = after(
    shop,
    'clerk',
    patch('add', ['Listings', 9n], listing(9n, { Metadata: map({ Title: 'x', Description: text(600_000) }) })),
  )
  const title = (length: number) => patch('replace', ['Listings', 9n, 'Metadata', 'Title'], text(length))
  const shorter = patch('replace', ['Listings', 9n, 'Metadata', 'Description'], text(10))
  expect(messageOf(half, by('clerk'), title(600_000), shorter)).toMatch(/^patch 0: .*1048576 bytes/u)
  expect(verdictOn(half, by('clerk'), shorter, title(600_000))).toBe('ok')
  // Near the limit each patch has to be measured.
  const near = after(half, 'clerk', title(448_000))
  const price = (count: number) =>
    Array.from({ length: count }, (_, i) => patch('replace', ['Listings', 9n, 'Price'], BigInt(i)))
  expect(verdictOn(near, by('clerk'), ...price(OBJECTS_MEASURED_PER_SET_MAX))).toBe('ok')
  expect(messageOf(near, by('clerk'), ...price(1_000))).toMatch(/more than 64 patches of objects near their limit/u)
  expect(verdictOn(half, by('clerk'), ...price(1_000))).toBe('ok')
})

test('one set chooses payment 64 times', () => {
  const ids = Array.from({ length: PAYMENT_CHOICES_PER_SET_MAX + 1 }, (_, i) => 1_000n + BigInt(i))
  const committed = ids.map((id) => addOrder(id, [item(2n, 1n)], { State: 3n }))
  const state = after(after(shop, 'clerk', patch('replace', ['Inventory', 2n], 1_000n)), 'clerk', ...committed)
  const chosen = ids.map((id) => setState(id, 4n))
  expect(verdictOn(state, by('clerk'), ...chosen.slice(1))).toBe('ok')
  expect(messageOf(state, by('clerk'), ...chosen)).toMatch(/chooses payment at most 64 times/u)
})

describe('an object has at most 1 MiB of canonical CBOR', () => {
  const long = (Description: string) => map({ Title: 'x', Description })
  const regionOf = (City: string) => changed(manifest, { ShippingRegions: map({ far: changed(region, { City }) }) })
  const orderOf = (Name: string) => order(99n, [item(2n, 1n)], { InvoiceAddress: changed(address, { Name }) })
  const rows: readonly (readonly [string, Who, string, Path, (text: string) => ReadonlyMap<CborKey, Encodable>])[] = [
    ['a listing', 'clerk', 'add', ['Listings', 9n], (text) => listing(9n, { Metadata: long(text) })],
    ['the manifest', 'clerk', 'replace', ['Manifest'], regionOf],
    ['an order', 'guest', 'add', ['Orders', 99n], orderOf],
  ]

  test.each(rows)('%s', (_, who, op, path, value) => {
    // A text of 64 KiB and more has a head of five bytes.
    const frame = encode(value('x'.repeat(100_000))).length - 100_000
    const exactly = value('x'.repeat(OBJECT_BYTES_MAX - frame))
    expect(encode(exactly)).toHaveLength(OBJECT_BYTES_MAX)
    expect(codeOn(shop, who, patch(op, path, exactly))).toBe('ok')
    const more = patch(op, path, value('x'.repeat(OBJECT_BYTES_MAX - frame + 1)))
    expect(codeOn(shop, who, more)).toBe('INVALID')
    expect(messageOf(shop, by(who), more)).toContain('1048576 bytes')
  })

  test('whatever patch makes it larger', () => {
    const value = (text: string) => listing(9n, { Metadata: long(text) })
    const frame = encode(value('x'.repeat(100_000))).length - 100_000
    const added = applyPatches(
      shop,
      [patch('add', ['Listings', 9n], value('x'.repeat(OBJECT_BYTES_MAX - frame)))],
      by('clerk'),
    )
    const full = added.ok ? added.state : shop
    expect(codeOn(full, 'clerk', patch('replace', ['Listings', 9n, 'Price'], 501n))).toBe('ok')
    expect(codeOn(full, 'clerk', patch('replace', ['Listings', 9n, 'Price'], 2n ** 16n))).toBe('INVALID')
    expect(codeOn(full, 'clerk', patch('append', ['Listings', 9n, 'Metadata', 'Images'], 'x'))).toBe('INVALID')
  })

  test('what counts is the canonical form, not the bytes received', () => {
    // Nulls are sent and left out again.
    const value = (text: string) => listing(9n, { Metadata: long(text) })
    const frame = encode(value('x'.repeat(100_000))).length - 100_000
    const sent = changed(value('x'.repeat(OBJECT_BYTES_MAX - frame)), { Options: null, StockStatuses: null })
    expect(encode(sent).length).toBeGreaterThan(OBJECT_BYTES_MAX)
    expect(codeOn(shop, 'clerk', patch('add', ['Listings', 9n], sent))).toBe('ok')
  })

  test('a tag', () => {
    const most = 2n ** 64n - 1n
    const state = after(shop, 'clerk', patch('add', ['Listings', most], listing(most)))
    // 9 bytes an id.
    const ids = (length: number) =>
      patch(
        'replace',
        ['Tags', 'none', 'ListingIDs'],
        Array.from({ length }, () => most),
      )
    const length = Math.floor((OBJECT_BYTES_MAX - 40) / 9)
    expect([codeOn(state, 'clerk', ids(length)), codeOn(state, 'clerk', ids(length + 5))]).toEqual(['ok', 'INVALID'])
  })

  test("an account, but the guests' account grows with every guest", () => {
    // 35 bytes a card.
    const KeyCards = (length: number) => Array.from({ length }, (_, i) => filled(33, i & 0xff))
    const most = Math.floor((OBJECT_BYTES_MAX - 30) / 35)
    const replaced = (wallet: Uint8Array, length: number) =>
      patch('replace', ['Accounts', wallet], map({ KeyCards: KeyCards(length), Guest: true }))
    expect(codeOn(shop, 'relay', replaced(wallets.owner, most))).toBe('ok')
    expect(codeOn(shop, 'relay', replaced(wallets.owner, most + 2))).toBe('INVALID')
    const next = patch('append', ['Accounts', wallets.guests, 'KeyCards'], filled(33, 1))
    expect(codeOn(shop, 'relay', replaced(wallets.guests, most + 2), next)).toBe('ok')
  })
})

/** The verdict's code alone, where objects are too large to be compared again and again. */
function codeOn(state: ShopState, who: Who, ...patches: readonly Patch[]): string {
  const hash = toHex(stateHash(state))
  const applied = applyPatches(state, patches, by(who))
  expect(toHex(stateHash(state))).toBe(hash)
  return applied.ok ? 'ok' : applied.verdict.code
}

describe('a name has at most 255 bytes of UTF-8', () => {
  const names = [
    ['255 letters', 'x'.repeat(255), 'ok'],
    ['256 letters', 'x'.repeat(256), 'INVALID'],
    ['255 bytes', `${'é'.repeat(127)}x`, 'ok'],
    ['256 bytes of 128 letters', 'é'.repeat(128), 'INVALID'],
  ] as const
  const places: readonly (readonly [string, (name: string) => ReturnType<typeof patch>])[] = [
    ['a tag', (name) => patch('add', ['Tags', name], map({ Name: name }))],
    ['a region by its path', (name) => patch('add', ['Manifest', 'ShippingRegions', name], region)],
    ['a region in the manifest', (name) => patch('replace', ['Manifest', 'ShippingRegions'], map({ [name]: region }))],
    [
      'a modifier',
      (name) =>
        patch(
          'add',
          ['Manifest', 'ShippingRegions', 'far'],
          changed(region, { PriceModifiers: map({ [name]: map({ ModificationPercent: 1n }) }) }),
        ),
    ],
    ['an option', (name) => patch('add', ['Listings', 1n, 'Options', name], map({ Title: 'x' }))],
    [
      'a variation by its path',
      (name) => patch('add', ['Listings', 1n, 'Options', 'size', 'Variations', name], variation('x')),
    ],
    [
      'a variation in a listing',
      (name) =>
        patch(
          'add',
          ['Listings', 9n],
          listing(9n, { Options: map({ a: map({ Title: 'x', Variations: map({ [name]: variation('x') }) }) }) }),
        ),
    ],
    [
      'a variation of a stock status',
      (name) => patch('append', ['Listings', 1n, 'StockStatuses'], map({ VariationIDs: [name] })),
    ],
  ]

  test.each(
    places.flatMap(([place, change]) =>
      names.map(([size, name, verdict]) => [place, size, change(name), verdict] as const),
    ),
  )('%s of %s', (_, __, change, verdict) => {
    expect(verdictOn(shop, by('clerk'), change)).toBe(verdict)
  })

  test('other texts may be longer', () => {
    expect(
      verdictOn(shop, by('clerk'), patch('replace', ['Listings', 1n, 'Metadata'], metadata('x'.repeat(5_000)))),
    ).toBe('ok')
  })
})

describe('nesting', () => {
  /** `depth` arrays in each other, the innermost empty. */
  const nested = (depth: number) => Uint8Array.from({ length: depth }, (_, i) => (i === depth - 1 ? 0x80 : 0x81))
  const refusal = (act: () => unknown) => {
    try {
      act()
      return 'none'
    } catch (error) {
      return error instanceof CborError ? error.code : 'another error'
    }
  }

  test('of one item: 16', () => {
    expect(refusal(() => checkForm(nested(16)))).toBe('none')
    expect(refusal(() => checkForm(nested(17)))).toBe('too-deep')
  })

  test('of a set, in which a value lies below three levels', () => {
    const setOf = (depth: number) => {
      const head = encode(map({ Op: 'add', Path: ['Tags', 'x'], Value: 'V' }))
      const bytes = new Uint8Array([...head.subarray(0, -2), ...nested(depth)])
      const { headerBytes, signature } = signPatches(
        { shopId: SHOP_ID, nonce: 1n, timestamp: 5n, patches: [bytes] },
        filled(32, 1),
      )
      return encodePatchSet(headerBytes, signature, [bytes])
    }
    expect(refusal(() => readPatchSet(setOf(13)))).toBe('none')
    expect(refusal(() => readPatchSet(setOf(14)))).toBe('too-deep')
    const { patches } = readPatchSet(setOf(13))
    expect(new PatchTree(patches.map(({ bytes }) => patchLeafHash(bytes))).root).toHaveLength(32)
    expect(verdictOn(shop, by('clerk'), ...patches)).toBe('INVALID')
  })
})

describe('an order has at most 1,000 items', () => {
  const items = (length: number) => Array.from({ length }, () => item(2n, 1n))

  test('as a whole', () => {
    expect(verdictOn(shop, by('guest'), addOrder(99n, items(1_000)))).toBe('ok')
    expect(verdictOn(shop, by('guest'), addOrder(99n, items(1_001)))).toBe('INVALID')
    expect(verdictOn(shop, by('guest'), patch('replace', ['Orders', BARE, 'Items'], items(1_000)))).toBe('ok')
    expect(verdictOn(shop, by('guest'), patch('replace', ['Orders', BARE, 'Items'], items(1_001)))).toBe('INVALID')
  })

  test.each(['guest', 'clerk', 'relay'] as const)('one by one, by the %s', (who) => {
    const path: Path = ['Orders', BARE, 'Items']
    const nearly = after(shop, 'guest', patch('replace', path, items(999)))
    const full = after(nearly, who, patch('append', path, item(2n, 1n)))
    expect(verdictOn(full, by(who), patch('append', path, item(2n, 1n)))).toBe('INVALID')
    expect(verdictOn(full, by(who), patch('add', [...path, 0n], item(2n, 1n)))).toBe('INVALID')
    expect(verdictOn(full, by(who), patch('replace', [...path, 0n], item(4n, 1n)))).toBe('ok')
    expect(verdictOn(full, by(who), patch('remove', [...path, 0n]), patch('append', path, item(2n, 1n)))).toBe('ok')
  })
})

describe("a guest's card has at most 1,000 Open orders", () => {
  // Two of the card's orders are Open already.
  const ids = Array.from({ length: 997 }, (_, i) => 1_000n + BigInt(i))
  const nearly: ShopState = after(shop, 'guest', ...ids.map((id) => addOrder(id)))
  const full = after(nearly, 'guest', addOrder(99n))

  test('the thousandth is accepted, the next is not', () => {
    expect(verdictOn(nearly, by('guest'), addOrder(99n), addOrder(100n))).toBe('INVALID')
    expect(verdictOn(full, by('guest'), addOrder(100n))).toBe('INVALID')
    expect(messageOf(full, by('guest'), addOrder(100n))).toContain('1000 open orders')
  })

  test('of another card, or a clerk, it is', () => {
    for (const who of ['other', 'clerk', 'owner', 'relay'] as const)
      expect(verdictOn(full, by(who), addOrder(100n))).toBe('ok')
  })

  test('nor is one that was committed when it was added', () => {
    expect(verdictOn(full, by('guest'), addOrder(100n, [item(2n, 1n)], { State: 3n }))).toBe('ok')
  })

  test.each([
    ['committed', setState(99n, 3n)],
    ['canceled', setState(99n, 2n)],
    ['removed', patch('remove', ['Orders', 99n])],
  ])('one that is %s makes room', (_, change) => {
    expect(verdictOn(full, by('guest'), change, addOrder(100n))).toBe('ok')
    expect(verdictOn(full, by('guest'), change, addOrder(100n), addOrder(101n))).toBe('INVALID')
  })

  test('and one that is replaced or changed does not count twice', () => {
    expect(verdictOn(full, by('guest'), patch('replace', ['Orders', FULL], order(FULL)))).toBe('ok')
    expect(verdictOn(full, by('clerk'), setState(OTHERS, 2n), addOrder(100n))).toBe('ok')
  })

  test('an id that was his before counts like a new one', () => {
    const cleared = after(full, 'guest', ...ids.map((id) => patch('remove', ['Orders', id])))
    const again = after(cleared, 'guest', ...ids.map((id) => addOrder(id + 10_000n)))
    expect(verdictOn(again, by('guest'), addOrder(ids[0]!))).toBe('INVALID')
    expect(verdictOn(again, by('guest'), setState(99n, 2n), addOrder(ids[0]!))).toBe('ok')
    expect(show(again, ['Orders', ids[0]!])).toBe('absent')
  })
})

test('a set of many patches is one set', () => {
  const many = Array.from({ length: 5_000 }, () => patch('increment', ['Inventory', 2n], 1n))
  const applied = applyPatches(shop, many, by('clerk'))
  expect(applied.ok && show(applied.state, ['Inventory', 2n])).toBe('5010')
})
