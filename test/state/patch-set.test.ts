/** PROTOCOL §4, step 2: sets as existing clients write them, kept and hashed as received, and what is no set. */

import { publicKeyOf, sign } from '#signature'
import { Encoder } from 'cbor-x'
import { describe, expect, test } from 'vitest'
import { concatBytes, fromBigEndian, toBigEndian } from '../../src/bytes/bytes.js'
import { personalMessageDigest } from '../../src/bytes/eip191.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { decode } from '../../src/codec/decode.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { SchemaError } from '../../src/codec/schema.js'
import { CborError, CborTime } from '../../src/codec/value.js'
import { patchLeafHash, PatchTree } from '../../src/merkle/patch-proof.js'
import { encodeChange, type Change } from '../../src/patches/patch.js'
import {
  encodePatchSet,
  isFromTheFuture,
  PatchSetError,
  readPatchSet,
  signerOf,
  signPatches,
} from '../../src/patches/patch-set.js'
import { applyPatches } from '../../src/state/apply.js'
import { stateHash } from '../../src/state/shop-state.js'
import { after, by, changed, filled, listing, map, patch, SHOP_ID, shop, show } from '../fixtures/sample-shop.js'

const secret = filled(32, 0x11)
const card = publicKeyOf(secret)
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

const client = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false })
const sent = (value: unknown): Uint8Array => Uint8Array.from(client.encode(value))

const changes: readonly Change[] = [
  { op: 'add', path: ['Listings', 9n], value: listing(9n) },
  { op: 'remove', path: ['Tags', 'none'] },
]
const patches = changes.map(encodeChange)
const root = new PatchTree(patches.map(patchLeafHash)).root
const header = map({ ShopID: SHOP_ID, RootHash: root, Timestamp: new CborTime(5n), KeyCardNonce: 1n })

/** A set of ours with another header, or with other fields of its own. */
function setWith(headerFields: Encodable, more: Readonly<Record<string, Encodable>> = {}): Uint8Array {
  const signature = sign(personalMessageDigest(encode(headerFields)), secret)
  return encode(
    map({ Header: headerFields, Signature: signature, Patches: patches.map((bytes) => decode(bytes)), ...more }),
  )
}

describe('a set as an existing client writes it', () => {
  // Keys in the order of the program, map heads b9, bigints in nine bytes, a Date with a fraction as float64 under tag
  // 1.
  const price = { Op: 'replace', Path: ['Listings', 1n, 'Price'], Value: 501n }
  const region = {
    Value: { PriceModifiers: null, City: '', PostalCode: '', Country: 'DE' },
    Path: ['Manifest', 'ShippingRegions', 'far'],
    Op: 'add',
  }
  const payee = { Path: ['Manifest', 'Payees', 2n ** 64n - 1n, filled(20, 1)], Value: {}, Op: 'add' }
  const theirs = [price, region, payee]
  const theirPatches = theirs.map(sent)
  const theirHeader = sent({
    Timestamp: new Date(1_700_000_000_250),
    KeyCardNonce: 2n ** 64n - 1n,
    RootHash: new PatchTree(theirPatches.map(patchLeafHash)).root,
    ShopID: SHOP_ID,
  })
  const signature = sign(personalMessageDigest(theirHeader), secret)
  const received = concatBytes(
    fromHex('b90003'),
    ...[
      sent('Signature'),
      sent(signature),
      sent('Patches'),
      fromHex('83'),
      ...theirPatches,
      sent('Header'),
      theirHeader,
    ],
  )

  test('is not canonical', () => {
    expect(toHex(theirHeader).startsWith('b90004')).toBe(true)
    expect(toHex(theirHeader)).toContain('c1fb41d954fc40100000')
    expect(toHex(theirHeader)).toContain('1bffffffffffffffff')
    expect(toHex(encode(decode(received)))).not.toBe(toHex(received))
    for (const bytes of theirPatches) expect(toHex(encode(decode(bytes)))).not.toBe(toHex(bytes))
  })

  test('is kept as received: header, patches and signature are its own bytes', () => {
    const set = readPatchSet(received)
    expect(toHex(set.headerBytes)).toBe(toHex(theirHeader))
    expect(set.patches.map(({ bytes }) => toHex(bytes))).toEqual(theirPatches.map(toHex))
    expect(toHex(set.signature)).toBe(toHex(signature))
    expect(set.headerBytes.buffer).toBe(received.buffer)
    expect(set.patches.every(({ bytes }) => bytes.buffer === received.buffer)).toBe(true)
    expect(set.header).toEqual({
      ShopID: SHOP_ID,
      RootHash: set.tree.root,
      Timestamp: new CborTime(1_700_000_000n),
      KeyCardNonce: 2n ** 64n - 1n,
    })
  })

  test('is hashed and verified as received', () => {
    const set = readPatchSet(received)
    expect(toHex(signerOf(set.headerBytes, set.signature)!)).toBe(toHex(card))
    const canonical = encode(decode(theirHeader))
    expect(signerOf(canonical, set.signature)).not.toEqual(card)
    const tree = new PatchTree(theirPatches.map((bytes) => patchLeafHash(encode(decode(bytes)))))
    expect(toHex(tree.root)).not.toBe(toHex(set.tree.root))
  })

  test('means the same as its canonical form', () => {
    const applied = applyPatches(shop, readPatchSet(received).patches, by('clerk'))
    const ours = after(
      shop,
      'clerk',
      patch('replace', ['Listings', 1n, 'Price'], 501n),
      patch('add', ['Manifest', 'ShippingRegions', 'far'], map({ Country: 'DE', PostalCode: '', City: '' })),
      patch('add', ['Manifest', 'Payees', 2n ** 64n - 1n, filled(20, 1)], map({ CallAsContract: false })),
    )
    expect(applied.ok && toHex(stateHash(applied.state))).toBe(toHex(stateHash(ours)))
  })

  test('by hand: all heads longer than needed, and a Value of undefined', () => {
    const start = fromHex('bb00000000000000036556616c7565f778024f70780672656d6f7665')
    const bytes = concatBytes(start, sent('Path'), fromHex('9a00000002'), sent('Tags'), sent('none'))
    const tree = new PatchTree([patchLeafHash(bytes)])
    const head = sent({ RootHash: tree.root, ShopID: SHOP_ID, KeyCardNonce: 1, Timestamp: new Date(0) })
    const whole = concatBytes(
      fromHex('a3'),
      sent('Patches'),
      fromHex('9b0000000000000001'),
      bytes,
      sent('Header'),
      head,
      sent('Signature'),
      sent(signature),
    )
    const set = readPatchSet(whole)
    expect(toHex(set.patches[0]!.bytes)).toBe(toHex(bytes))
    expect(set.header.Timestamp.seconds).toBe(0n)
    const applied = applyPatches(shop, set.patches, by('clerk'))
    expect(applied.ok && show(applied.state, ['Tags', 'none'])).toBe('absent')
  })
})

describe('a set of ours', () => {
  const signed = signPatches({ shopId: SHOP_ID, nonce: 1n, timestamp: 5n, patches }, secret)
  const bytes = encodePatchSet(signed.headerBytes, signed.signature, patches)

  test('is read back, canonical, with v 27 or 28', () => {
    const set = readPatchSet(bytes)
    expect(toHex(set.headerBytes)).toBe(toHex(encode(header)))
    expect(toHex(encode(decode(bytes)))).toBe(toHex(bytes))
    expect(toHex(signerOf(set.headerBytes, set.signature)!)).toBe(toHex(card))
    expect([27, 28]).toContain(set.signature[64])
  })

  test('of one patch has the leaf hash as its root', () => {
    const one = signPatches({ shopId: SHOP_ID, nonce: 1n, timestamp: 5n, patches: [patches[0]!] }, secret)
    expect(toHex(one.tree.root)).toBe(toHex(patchLeafHash(patches[0]!)))
  })

  test('of 250 patches is one set', () => {
    const many = Array.from({ length: 250 }, (_, i) =>
      encodeChange({ op: 'increment', path: ['Inventory', 2n], value: BigInt(i) }),
    )
    const { headerBytes, signature } = signPatches({ shopId: SHOP_ID, nonce: 1n, timestamp: 5n, patches: many }, secret)
    const set = readPatchSet(encodePatchSet(headerBytes, signature, many))
    expect(set.patches).toHaveLength(250)
    const applied = applyPatches(shop, set.patches, by('clerk'))
    expect(applied.ok && show(applied.state, ['Inventory', 2n])).toBe(String(10 + (249 * 250) / 2))
  })
})

describe('the signature', () => {
  const { headerBytes, signature } = signPatches({ shopId: SHOP_ID, nonce: 1n, timestamp: 5n, patches }, secret)
  const withV = (v: number) => signature.with(64, v)
  const v = signature[64]! - 27
  const signer = (bytes: Uint8Array) => {
    const key = signerOf(headerBytes, bytes)
    return key === undefined ? 'none' : toHex(key)
  }

  test('has v 0, 1, 27 or 28', () => {
    expect([signer(withV(v)), signer(withV(27 + v))]).toEqual([toHex(card), toHex(card)])
    for (const other of [2, 3, 26, 29, 30, 35, 255]) expect(signer(withV(other))).toBe('none')
  })

  test('with the other v leads to another key', () => {
    for (const other of [1 - v, 28 - v]) expect(signer(withV(other))).not.toBe(toHex(card))
  })

  test('with a high s is refused, though it is the same key', () => {
    const s = fromBigEndian(signature.subarray(32, 64))
    expect(s <= ORDER / 2n).toBe(true)
    const high = concatBytes(signature.subarray(0, 32), toBigEndian(ORDER - s), Uint8Array.of(28 - v))
    expect(high).toHaveLength(65)
    expect(signer(high)).toBe('none')
  })

  test('is none with r or s of 0 or beyond the order, and another over another header', () => {
    const zero = filled(32, 0)
    const ones = filled(32, 0xff)
    for (const bad of [zero, ones]) {
      expect(signer(concatBytes(bad, signature.subarray(32)))).toBe('none')
      expect(signer(concatBytes(signature.subarray(0, 32), bad, signature.subarray(64)))).toBe('none')
    }
    expect(signerOf(headerBytes.with(headerBytes.length - 1, 2), signature)).not.toEqual(card)
  })
})

describe('what is no set', () => {
  const whole = map({ Header: header, Signature: filled(65, 1), Patches: patches.map((bytes) => decode(bytes)) })
  const tag = decode(encode(map({ Op: 'remove', Path: ['Tags', 'none'] })))
  const withPatches = (...values: readonly Encodable[]) => {
    const RootHash = new PatchTree(values.map((value) => patchLeafHash(encode(value)))).root
    return encode(changed(whole, { Header: changed(header, { RootHash }), Patches: values }))
  }

  test('its neighbours are', () => {
    expect(problem(encode(whole))).toBe('none')
    expect(problem(setWith(header))).toBe('none')
    expect(problem(withPatches(tag as Encodable))).toBe('none')
  })

  test.each([
    ['nothing', new Uint8Array(0)],
    ['no map', encode([1n])],
    ['a byte behind it', concatBytes(encode(whole), Uint8Array.of(0))],
    ['a byte too few', encode(whole).subarray(0, -1)],
    ['a field more', encode(changed(whole, { Note: 1n }))],
    ['no header', encode(changed(whole, {}, 'Header'))],
    ['no signature', encode(changed(whole, {}, 'Signature'))],
    ['no patches', encode(changed(whole, {}, 'Patches'))],
    ['zero patches', encode(changed(whole, { Patches: [] }))],
    ['patches that are null', encode(changed(whole, { Patches: null }))],
    ['a signature of 64 bytes', encode(changed(whole, { Signature: filled(64, 1) }))],
    ['a signature of 66 bytes', encode(changed(whole, { Signature: filled(66, 1) }))],
    ['a signature that is a text', encode(changed(whole, { Signature: 'x'.repeat(65) }))],
    ['a header in a byte string', encode(changed(whole, { Header: encode(header) }))],
    ['fields in small letters', encode(changed(whole, { header }, 'Header'))],
  ])('%s', (_, bytes) => expect(problem(bytes)).toBe('CborError'))

  test.each([
    ['a field more', changed(header, { Note: 1n })],
    ['no ShopID', changed(header, {}, 'ShopID')],
    ['no RootHash', changed(header, {}, 'RootHash')],
    ['no Timestamp', changed(header, {}, 'Timestamp')],
    ['no nonce', changed(header, {}, 'KeyCardNonce')],
    ['a ShopID that is bytes', changed(header, { ShopID: filled(32, 0) })],
    ['a negative ShopID', changed(header, { ShopID: -1n })],
    ['a RootHash of 31 bytes', changed(header, { RootHash: filled(31, 0) })],
    ['an untagged Timestamp', changed(header, { Timestamp: 5n })],
    ['a nonce of 0', changed(header, { KeyCardNonce: 0n })],
    ['a nonce of 2^64', changed(header, { KeyCardNonce: 2n ** 64n })],
    ['a nonce that is a text', changed(header, { KeyCardNonce: '1' })],
  ])('a header with %s', (_, fields) => expect(problem(setWith(fields))).toBe('SchemaError'))

  test('a RootHash that is not the root of these patches in this order', () => {
    expect(problem(setWith(changed(header, { RootHash: root.with(0, root[0]! ^ 1) })))).toBe('PatchSetError')
    expect(problem(setWith(header, { Patches: [...patches].reverse().map((bytes) => decode(bytes)) }))).toBe(
      'PatchSetError',
    )
    expect(problem(setWith(header, { Patches: [decode(patches[0]!)] }))).toBe('PatchSetError')
  })

  test.each<[string, Encodable]>([
    ['a field more', map({ Op: 'remove', Path: ['Tags', 'none'], Note: 1n })],
    ['no op', map({ Path: ['Tags', 'none'] })],
    ['no path', map({ Op: 'remove' })],
    ['an empty path', map({ Op: 'remove', Path: [] })],
    ['an op that is a number', map({ Op: 1n, Path: ['Tags', 'none'] })],
    ['a path that is a text', map({ Op: 'remove', Path: 'Tags' })],
    ['a negative number in the path', map({ Op: 'remove', Path: ['Tags', -1n] })],
    ['null in the path', map({ Op: 'remove', Path: ['Tags', null] })],
    ['an array in the path', map({ Op: 'remove', Path: ['Tags', ['none']] })],
    ['a time in the path', map({ Op: 'remove', Path: ['Tags', new CborTime(5n)] })],
  ])('a patch with %s, named by its index', (_, value) => {
    expect(problem(withPatches(tag as Encodable, value))).toBe('PatchSetError')
    expect(message(withPatches(tag as Encodable, value))).toMatch(/^patch 1: /u)
  })
})

test('a time is from the future more than five minutes ahead', () => {
  const set = readPatchSet(setWith(changed(header, { Timestamp: new CborTime(1_300n) })))
  expect(isFromTheFuture(set.header, 1_000n)).toBe(false)
  expect(isFromTheFuture(set.header, 999n)).toBe(true)
  expect(isFromTheFuture(set.header, 5_000n)).toBe(false)
})

function message(bytes: Uint8Array): string {
  try {
    readPatchSet(bytes)
    return 'none'
  } catch (error) {
    return (error as Error).message
  }
}

function problem(bytes: Uint8Array): string {
  try {
    readPatchSet(bytes)
    return 'none'
  } catch (error) {
    if (error instanceof CborError || error instanceof SchemaError || error instanceof PatchSetError) return error.name
    throw error
  }
}
