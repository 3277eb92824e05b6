/**
 * Keys of the one LMDB table: a byte for the kind, then fixed-width big-endian parts, so that ranges are in order.
 *
 * Tests: test/store/open.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { concatBytes, toBigEndian, utf8 } from '../bytes/bytes.js'

const KIND = {
  format: 0,
  shop: 1,
  log: 2,
  nonce: 3,
  card: 4,
  setting: 5,
  derived: 6,
  node: 7,
  object: 8,
  logBytes: 9,
  probe: 10,
  paymentRow: 11,
} as const

export const FORMAT_KEY = Uint8Array.of(KIND.format)
export const LOG_BYTES_KEY = Uint8Array.of(KIND.logBytes)
export const PROBE_KEY = Uint8Array.of(KIND.probe)

export function shopKey(shopId: ShopId): Uint8Array {
  return concatBytes(Uint8Array.of(KIND.shop), toBigEndian(shopId, 32))
}

export function logKey(shop: number, firstSeq: number): Uint8Array {
  return numbered(KIND.log, shop, firstSeq)
}

export function nonceKey(shop: number, signer: Uint8Array): Uint8Array {
  return concatBytes(head(KIND.nonce, shop), signer)
}

export function cardKey(card: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(KIND.card), card)
}

/** `key`: at most 300 bytes. */
export function settingKey(key: string): Uint8Array {
  return concatBytes(Uint8Array.of(KIND.setting), utf8(key))
}

/** `key`: at most 100 bytes. */
export function paymentRowKey(shop: number, key: Uint8Array): Uint8Array {
  return concatBytes(head(KIND.paymentRow, shop), key)
}

/** What stands before a row's own key. */
export const PAYMENT_ROW_HEAD_BYTES = 5

export function derivedKey(shop: number): Uint8Array {
  return head(KIND.derived, shop)
}

export function nodeKey(shop: number, ref: number): Uint8Array {
  return numbered(KIND.node, shop, ref)
}

/** `object`: at most 300 bytes. Its length stands before it, so that no object's range holds another's. */
export function objectKey(shop: number, object: Uint8Array, seq: Seq): Uint8Array {
  return concatBytes(
    head(KIND.object, shop),
    toBigEndian(BigInt(object.length), 2),
    object,
    toBigEndian(BigInt(seq), 8),
  )
}

/** The last eight bytes of a log, node or object key. */
export function lastNumber(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset + key.length - 8, 8)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}

export const ALL_SHOPS = { start: Uint8Array.of(KIND.shop), end: Uint8Array.of(KIND.shop + 1) } as const
export const ALL_CARDS = { start: Uint8Array.of(KIND.card), end: Uint8Array.of(KIND.card + 1) } as const

function head(kind: number, shop: number): Uint8Array {
  const bytes = new Uint8Array(5)
  bytes[0] = kind
  new DataView(bytes.buffer).setUint32(1, shop)
  return bytes
}

function numbered(kind: number, shop: number, number: number): Uint8Array {
  const bytes = new Uint8Array(13)
  const view = new DataView(bytes.buffer)
  bytes[0] = kind
  view.setUint32(1, shop)
  view.setUint32(5, Math.floor(number / 2 ** 32))
  view.setUint32(9, number % 2 ** 32)
  return bytes
}
