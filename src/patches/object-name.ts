/**
 * Which object a patch changes, as text: what filters compare, the object index is made of and replicas are kept by
 * (PROTOCOL §10).
 *
 * Tests: test/relay/feed/feed.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { mapFields } from '../codec/fields.js'
import { arrayItems } from '../codec/span.js'
import type { PathPart } from './checked-patch.js'

/** Collection and key of a patch's path, as text: `Listings/42`, `Tags/red`, `Accounts/<hex>`, `Manifest/`. */
export interface PatchKey {
  readonly collection: string
  readonly key: string
}

/**
 * Collections of which the index also knows every set, whatever the object: they are read whole, and are changed
 * seldom.
 */
const INDEXED_WHOLE: ReadonlySet<string> = new Set(['Manifest', 'Accounts', 'Tags', 'Orders'])

/** Each collection has a bit, by its place here, and the last bit is for what is none of them. */
const COLLECTIONS = ['Manifest', 'Accounts', 'Tags', 'Listings', 'Orders', 'Inventory'] as const
export const COLLECTION_BITS = COLLECTIONS.length + 1

const BIT_OF: ReadonlyMap<string, number> = new Map(COLLECTIONS.map((name, i) => [name, 1 << i]))
const NO_COLLECTION = 1 << COLLECTIONS.length

/** All bits but the last. */
export const ALL_COLLECTIONS = NO_COLLECTION - 1

/** The bit of a collection. */
export function bitOf(collection: string): number {
  return BIT_OF.get(collection) ?? NO_COLLECTION
}

/** That of the collection of an encoded patch; of bytes that are none, the last one. */
export function collectionBit(patch: Uint8Array): number {
  const bit = bitOfUsualPatch(patch)
  if (bit !== undefined) return bit
  try {
    return bitOf(patchKeyOf(patch).collection)
  } catch {
    return NO_COLLECTION
  }
}

const OP_KEY = utf8('\u0062Op')
const PATH_KEY = utf8('\u0064Path')
const NAMES = COLLECTIONS.map((name, i) => ({ bytes: Uint8Array.of(0x60 + name.length, ...utf8(name)), bit: 1 << i }))
const SHORT_TEXT = { first: 0x60, last: 0x77 }

/** Where operation and path stand first, as in every patch of the deterministic encoding. */
function bitOfUsualPatch(patch: Uint8Array): number | undefined {
  if (!standsAt(patch, 1, OP_KEY)) return undefined
  const op = patch[1 + OP_KEY.length]!
  if (!(op >= SHORT_TEXT.first && op <= SHORT_TEXT.last)) return undefined
  const pathKey = 2 + OP_KEY.length + (op - SHORT_TEXT.first)
  if (!standsAt(patch, pathKey, PATH_KEY)) return undefined
  const name = pathKey + PATH_KEY.length + 1
  return NAMES.find(({ bytes }) => standsAt(patch, name, bytes))?.bit
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false
  return true
}

/** Of the first two parts of a path; the key is empty where there is none. */
export function patchKey([collection, key]: readonly (PathPart | undefined)[]): PatchKey {
  return { collection: partText(collection!), key: key === undefined ? '' : partText(key) }
}

/** The same of an encoded patch that was accepted: its value is not decoded. */
export function patchKeyOf(patch: Uint8Array): PatchKey {
  const parts = arrayItems(patch, mapFields(patch, 0).get('Path')!.start).slice(0, 2)
  return patchKey(parts.map(({ start }) => decodeChecked(patch, start) as PathPart))
}

/**
 * The name of the object in a replica: `Listings/42`, `Inventory/42/red`, `Manifest`. Variations are sorted: any order
 * is the same stock.
 */
export function objectName(path: readonly PathPart[]): string {
  const { collection, key } = patchKey(path)
  if (collection === 'Manifest') return collection
  const variations = collection === 'Inventory' ? path.slice(2).map(partText).sort() : []
  return [collection, key, ...variations].join('/')
}

/**
 * The name of an object in the index; of a collection with an empty key, undefined for one that is not indexed whole.
 */
export function indexName(patchKey: PatchKey): Uint8Array | undefined {
  const { collection, key } = patchKey
  return key === '' && !INDEXED_WHOLE.has(collection) ? undefined : utf8(keyName(patchKey))
}

/** Where in the index the sets stand in which the card, 33 bytes, wrote orders. */
export function ordersOfCardName(card: Uint8Array): Uint8Array {
  return utf8(ordersOfCardText(card))
}

function ordersOfCardText(card: Uint8Array): string {
  return `Orders by ${toHex(card)}`
}

/**
 * Names under which a set with patches of these keys stands in the index, each once; `signer`: its card, empty for the
 * relay.
 */
export function indexNames(keys: readonly PatchKey[], signer: Uint8Array): Uint8Array[] {
  const texts = new Set<string>()
  eachIndexText(keys, signer, (text) => void texts.add(text))
  return [...texts].map(utf8)
}

/** The same as texts, of which the names are the UTF-8; one may come several times. */
export function eachIndexText(keys: readonly PatchKey[], signer: Uint8Array, act: (text: string) => void): void {
  let hasOrders = false
  for (const key of keys) {
    const { collection } = key
    if (key.key !== '') act(keyName(key))
    if (INDEXED_WHOLE.has(collection)) act(`${collection}/`)
    hasOrders ||= collection === 'Orders'
  }
  if (hasOrders && signer.length > 0) act(ordersOfCardText(signer))
}

/** Collection and key as one text. */
export function keyName({ collection, key }: PatchKey): string {
  return `${collection}/${key}`
}

function partText(part: PathPart): string {
  return part instanceof Uint8Array ? toHex(part) : String(part)
}
