/**
 * PROTOCOL §14, what the state decides: where the rules differ from the existing relay's on purpose, each with its
 * neighbour.
 */

import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { encode } from '../../src/codec/encode.js'
import { CborError } from '../../src/codec/value.js'
import { SchemaError } from '../../src/codec/schema.js'
import { readPatch, type Patch } from '../../src/patches/patch.js'
import { encodePatchSet, PatchSetError, readPatchSet, signPatches } from '../../src/patches/patch-set.js'
import { stateHash } from '../../src/state/shop-state.js'
import {
  accept,
  addOrder,
  after,
  by,
  changed,
  filled,
  FULL,
  item,
  listing,
  manifest,
  map,
  NOW,
  patch,
  rebuilt,
  region,
  setState,
  shop,
  show,
  SHOP_ID,
  shown,
  time,
  variation,
  verdictOn,
  type Who,
} from '../fixtures/sample-shop.js'

type Neighbours = readonly [name: string, who: Who, refused: Patch, accepted: Patch]

const sizes = ['Listings', 1n, 'Options', 'size', 'Variations'] as const

describe('refused here', () => {
  it.each<Neighbours>([
    [
      'a listing under the key of another id',
      'clerk',
      patch('add', ['Listings', 9n], listing(8n)),
      patch('add', ['Listings', 9n], listing(9n)),
    ],
    [
      'a listing that is replaced by one of another id',
      'clerk',
      patch('replace', ['Listings', 4n], listing(3n)),
      patch('replace', ['Listings', 4n], listing(4n, { Price: 1n })),
    ],
    [
      'an order under the key of another id',
      'guest',
      patch('add', ['Orders', 99n], map({ ID: 98n, Items: [], State: 1n })),
      patch('add', ['Orders', 99n], map({ ID: 99n, Items: [], State: 1n })),
    ],
    [
      'a tag under another name',
      'clerk',
      patch('add', ['Tags', 'new'], map({ Name: 'old', ListingIDs: [] })),
      patch('add', ['Tags', 'new'], map({ Name: 'new', ListingIDs: [] })),
    ],
    [
      'a negative price',
      'clerk',
      patch('replace', ['Listings', 1n, 'Price'], -1n),
      patch('replace', ['Listings', 1n, 'Price'], 0n),
    ],
    [
      'an item of quantity 0',
      'guest',
      patch('append', ['Orders', FULL, 'Items'], item(2n, 0n)),
      patch('append', ['Orders', FULL, 'Items'], item(2n, 1n)),
    ],
    [
      'a `|` in the name of a variation',
      'clerk',
      patch('add', [...sizes, 'a|b'], variation('x')),
      patch('add', [...sizes, 'a/b'], variation('x')),
    ],
    [
      'a time without a tag',
      'guest',
      patch('add', ['Orders', FULL, 'CanceledAt'], NOW),
      patch('add', ['Orders', FULL, 'CanceledAt'], time(NOW)),
    ],
    [
      'an account written by a clerk',
      'clerk',
      patch('append', ['Accounts', filled(20, 0xa1), 'KeyCards'], filled(33, 9)),
      patch('remove', ['Accounts', filled(20, 0xa1), 'KeyCards', 0n]),
    ],
    ['Paid by a guest', 'guest', setState(FULL, 6n), setState(FULL, 2n)],
  ])('%s', (_name, who, refused, accepted) => {
    expect(verdictOn(shop, by(who), refused)).toBe('INVALID')
    expect(verdictOn(shop, by(who), accepted)).toBe('ok')
  })

  it('a canceled order that would be opened, committed or paid again, whoever asks', () => {
    for (const way of [
      [setState(FULL, 2n)],
      [patch('add', ['Orders', FULL, 'CanceledAt'], time(NOW)), setState(FULL, 2n)],
    ]) {
      const canceled = after(shop, 'guest', ...way)
      for (const who of ['guest', 'clerk', 'relay'] as const)
        for (const to of [1n, 2n, 3n, 4n, 5n, 6n])
          expect(verdictOn(canceled, by(who), setState(FULL, to))).toBe('INVALID')
    }
  })

  it('a committed order that a guest deletes; an Open one he may', () => {
    const remove = patch('remove', ['Orders', 50n])
    const open = after(shop, 'guest', addOrder(50n))
    expect(verdictOn(open, by('guest'), remove)).toBe('ok')
    expect(verdictOn(after(open, 'guest', setState(50n, 3n)), by('guest'), remove)).toBe('INVALID')
  })
})

describe('accepted here', () => {
  it('State 2 without CanceledAt', () => {
    const committed = after(shop, 'guest', addOrder(50n), setState(50n, 3n))
    const canceled = after(committed, 'guest', setState(50n, 2n))
    expect(show(canceled, ['Orders', 50n, 'State'])).toBe('2')
    expect(show(canceled, ['Orders', 50n, 'CanceledAt'])).toBe('absent')
  })

  it('a remove without a Value, or with null; one with a Value is refused', () => {
    const remove = (...value: (string | null)[]) => {
      const fields = new Map<string, string | null | string[]>([
        ['Op', 'remove'],
        ['Path', ['Tags', 'none']],
      ])
      if (value.length > 0) fields.set('Value', value[0]!)
      return readPatch(encode(fields))
    }
    expect([remove(), remove(null), remove('x')].map((change) => verdictOn(shop, by('clerk'), change))).toEqual([
      'ok',
      'ok',
      'INVALID',
    ])
  })

  it('a region after regions were null, by its name', () => {
    const bare = after(shop, 'clerk', patch('replace', ['Manifest'], changed(manifest, { ShippingRegions: null })))
    expect(show(bare, ['Manifest', 'ShippingRegions'])).toBe('absent')
    const add = patch('add', ['Manifest', 'ShippingRegions', 'far'], region)
    expect(show(after(bare, 'clerk', add), ['Manifest', 'ShippingRegions'])).toBe(shown(map({ far: region })))
    expect(verdictOn(after(bare, 'clerk', add), by('clerk'), add)).toBe('INVALID')
  })
})

describe('the state hash', () => {
  const rows: readonly (readonly [string, Patch])[] = [
    ['the manifest', patch('remove', ['Manifest', 'ShippingRegions', 'home'])],
    ['an account', patch('remove', ['Accounts', filled(20, 0xa1), 'KeyCards', 0n])],
    ['a listing', patch('replace', ['Listings', 1n, 'Price'], 1n)],
    ['a tag', patch('append', ['Tags', 'none', 'ListingIDs'], 1n)],
    ['stock', patch('increment', ['Inventory', 2n], 1n)],
    ['an order', patch('append', ['Orders', FULL, 'Items'], item(2n, 1n))],
  ]

  it.each(rows)('is another after an update of %s, that of a shop computed from nothing', (_name, change) => {
    // Asked before, so that a remembered hash would show.
    const before = toHex(stateHash(shop))
    const { state } = accept(shop, by('relay'), change)
    expect(toHex(stateHash(state))).not.toBe(before)
    expect(toHex(stateHash(state))).toBe(toHex(stateHash(rebuilt(state))))
  })
})

describe('a set', () => {
  const tag = encode(
    new Map<string, string | string[]>([
      ['Op', 'remove'],
      ['Path', ['Tags', 'none']],
    ]),
  )
  const { headerBytes, signature } = signPatches(
    { shopId: SHOP_ID, nonce: 1n, timestamp: NOW, patches: [tag] },
    filled(32, 1),
  )
  const whole = encodePatchSet(headerBytes, signature, [tag])

  it('with a byte behind it is none', () => {
    expect(readPatchSet(whole).patches).toHaveLength(1)
    expect(() => readPatchSet(new Uint8Array([...whole, 0]))).toThrow(CborError)
    expect(() => readPatchSet(new Uint8Array([...whole, ...whole]))).toThrow(CborError)
  })

  it('with a Timestamp without a tag is none', () => {
    const at = headerBytes.findIndex((byte, i) => byte === 0xc0 && headerBytes[i + 1] === 0x74)
    expect(at).toBeGreaterThan(0)
    const untagged = new Uint8Array([...headerBytes.subarray(0, at), ...headerBytes.subarray(at + 1)])
    expect(() => readPatchSet(encodePatchSet(untagged, signature, [tag]))).toThrow(SchemaError)
  })

  it('of malformed patches is refused by a named error, whatever is malformed', () => {
    const fields = (Op: string | null, Path: string[] | null) =>
      encode(
        new Map<string, string | string[] | null>([
          ['Op', Op],
          ['Path', Path],
        ]),
      )
    const problem = (bytes: Uint8Array) => {
      const signed = signPatches({ shopId: SHOP_ID, nonce: 1n, timestamp: NOW, patches: [bytes] }, filled(32, 1))
      try {
        readPatchSet(encodePatchSet(signed.headerBytes, signed.signature, [bytes]))
        return 'none'
      } catch (error) {
        return error instanceof CborError || error instanceof PatchSetError ? 'named' : 'another error'
      }
    }
    expect(problem(fields('add', ['Tags', 'none']))).toBe('none')
    const malformed = [
      encode(null),
      encode([]),
      encode(new Map()),
      fields(null, null),
      fields('add', null),
      fields('add', []),
    ]
    for (const bytes of malformed) expect(problem(bytes), toHex(bytes)).toBe('named')
  })
})
