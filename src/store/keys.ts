/**
 * Keys of the one LMDB table: a byte for the kind, then fixed-width big-endian parts, so that ranges are in order.
 *
 * Tests: test/store/open.test.ts
 */

import type { Seq, ShopId } from '../brands.js'
import { concatBytes, equalBytes, toBigEndian, utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'

const KIND = {
  format: 0,
  shop: 1,
  log: 2,
  nonce: 3,
  card: 4,
  setting: 5,
  derived: 6,
  node: 7,
  /** Of the object index of format 1. */
  earlyObject: 8,
  /** Where the size of all logs stood: each commit writes it, and there its page is written for it alone. */
  earlyLogBytes: 9,
  probe: 10,
  paymentRow: 11,
  earlyReservations: 12,
  earlyDerived: 13,
  logTree: 14,
  objectSeqs: 15,
  checkpoint: 16,
  replaced: 17,
  end: 255,
} as const

/** Behind the last set of any shop. */
export const NO_SEQ = 2 ** 53

export const FORMAT_KEY = Uint8Array.of(KIND.format)
/** Between the last log's end and the nonces: on pages that a commit writes anyway. */
export const LOG_BYTES_KEY = Uint8Array.of(KIND.nonce)
export const EARLY_LOG_BYTES_KEY = Uint8Array.of(KIND.earlyLogBytes)
export const PROBE_KEY = Uint8Array.of(KIND.probe)
export const EARLY_RESERVATIONS_KEY = Uint8Array.of(KIND.earlyReservations)
/** Every other row has one before it and one behind it: the format's, and this one. */
export const END_KEY = Uint8Array.of(KIND.end)

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

/** The one key. */
export function derivedKeyOf(shop: number): KeyRange {
  return allOfShop(KIND.derived, shop)
}

/** Where an upgrade keeps what stood under `derivedKey`. */
export function earlyDerivedKey(shop: number): Uint8Array {
  return head(KIND.earlyDerived, shop)
}

export function nodeKey(shop: number, ref: number): Uint8Array {
  return numbered(KIND.node, shop, ref)
}

/** `firstSeq`: the first set of the row. */
export function logTreeKey(shop: number, firstSeq: number): Uint8Array {
  return numbered(KIND.logTree, shop, firstSeq)
}

/**
 * `object`: at most 300 bytes. Its length stands before it, so that no object's range holds another's. The row's sets
 * come after set `after`.
 */
export function objectSeqsKey(shop: number, object: Uint8Array, after: Seq): Uint8Array {
  return concatBytes(
    head(KIND.objectSeqs, shop),
    toBigEndian(BigInt(object.length), 2),
    object,
    toBigEndian(BigInt(after), 8),
  )
}

export function checkpointKey(shop: number, seq: Seq): Uint8Array {
  return numbered(KIND.checkpoint, shop, seq)
}

/** `seq`: the last set of the flush that replaced nodes. */
export function replacedKey(shop: number, seq: Seq): Uint8Array {
  return numbered(KIND.replaced, shop, seq)
}

/** The last eight bytes of a log, log tree, node or object key. */
export function lastNumber(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset + key.length - 8, 8)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}

export interface KeyRange {
  readonly start: Uint8Array
  readonly end: Uint8Array
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(KIND).map(([name, byte]) => [byte, name]))
const OF_A_SHOP: ReadonlySet<string> = new Set([
  'log',
  'nonce',
  'derived',
  'earlyDerived',
  'node',
  'earlyObject',
  'paymentRow',
  'logTree',
  'objectSeqs',
  'checkpoint',
  'replaced',
])

/** What a key is, for people; `shop`: the number of the shop that the row is of, if it is of one. */
export function describeKey(key: Uint8Array): { kind: string; shop: number | undefined; what: string } {
  const kind = equalBytes(key, LOG_BYTES_KEY) ? 'logBytes' : (NAMES.get(key[0]!) ?? 'unknown')
  const view = new DataView(key.buffer, key.byteOffset, key.length)
  const shop = OF_A_SHOP.has(kind) && key.length >= 5 ? view.getUint32(1) : undefined
  return { kind, shop, what: whatOf(kind, key) }
}

function whatOf(kind: string, key: Uint8Array): string {
  switch (kind) {
    case 'shop':
      return 'the row of the shop'
    case 'log':
      return `the log at set ${numberIn(key)}`
    case 'nonce':
      return `the last nonce of card ${toHex(key.subarray(5))}`
    case 'card':
      return `the row of card ${toHex(key.subarray(1))}`
    case 'setting':
      return `the row ${new TextDecoder().decode(key.subarray(1))}`
    case 'derived':
      return 'the root of its state'
    case 'earlyDerived':
      return 'the root of its early state'
    case 'node':
      return `trie node ${numberIn(key)}`
    case 'logTree':
      return `the trees over its log at set ${numberIn(key)}`
    case 'objectSeqs':
    case 'earlyObject':
      return 'the object index'
    case 'replaced':
      return `the list of trie nodes that were replaced up to set ${numberIn(key)}`
    case 'checkpoint':
      return `the checkpoint of set ${numberIn(key)}`
    case 'paymentRow':
      return 'a row of its payments'
    default:
      return `the ${kind} row`
  }
}

/** Of a key that may be no whole one. */
function numberIn(key: Uint8Array): number | string {
  return key.length >= 13 ? lastNumber(key) : '?'
}

export const ALL_SHOPS = allOf(KIND.shop)
export const ALL_CARDS = allOf(KIND.card)
export const ALL_LOGS = allOf(KIND.log)
export const ALL_DERIVED = allOf(KIND.derived)
/** Beside shops and cards: what is neither log nor trie node nor object index. */
export const SMALL_ROWS = [KIND.nonce, KIND.setting, KIND.derived, KIND.earlyLogBytes, KIND.probe, KIND.paymentRow].map(
  allOf,
)

/** Rows of a shop's payments whose own keys begin with `prefix`. */
export function paymentRowsOf(shop: number, prefix: Uint8Array): KeyRange {
  const start = paymentRowKey(shop, prefix)
  return { start, end: afterAllOf(start) }
}

/** Every key of a shop's trie nodes. */
export function nodeKeysOf(shop: number): KeyRange {
  return allOfShop(KIND.node, shop)
}

/** Every list of a shop's replaced trie nodes. */
export function replacedKeysOf(shop: number): KeyRange {
  return allOfShop(KIND.replaced, shop)
}

/** Every key of a shop's object index, that of format 1 too. */
export function objectKeysOf(shop: number): KeyRange[] {
  return [KIND.earlyObject, KIND.objectSeqs].map((kind) => allOfShop(kind, shop))
}

/** Every key of the trees over a shop's log. */
export function logTreeKeysOf(shop: number): KeyRange {
  return allOfShop(KIND.logTree, shop)
}

/** The least key behind all that begin with `prefix`, which begins with its kind. */
function afterAllOf(prefix: Uint8Array): Uint8Array {
  const last = prefix.findLastIndex((byte) => byte !== 0xff)
  const end = prefix.slice(0, last + 1)
  end[last]!++
  return end
}

function allOf(kind: number): KeyRange {
  return { start: Uint8Array.of(kind), end: Uint8Array.of(kind + 1) }
}

function allOfShop(kind: number, shop: number): KeyRange {
  return { start: head(kind, shop), end: head(kind, shop + 1) }
}

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
