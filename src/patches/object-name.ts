/**
 * Which object a patch changes, as text: what filters compare, the object index is made of and replicas are kept by
 * (PROTOCOL §10).
 *
 * Tests: test/relay/feed/feed.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { arrayItems, mapFields } from '../codec/span.js'
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
  return utf8(`Orders by ${toHex(card)}`)
}

/**
 * Names under which a set with patches of these keys stands in the index, each once; `signer`: its card, empty for the
 * relay.
 */
export function indexNames(keys: readonly PatchKey[], signer: Uint8Array): Uint8Array[] {
  const names = new Map<string, Uint8Array>()
  if (signer.length > 0 && keys.some(({ collection }) => collection === 'Orders'))
    names.set('', ordersOfCardName(signer))
  for (const key of keys) {
    for (const one of [key, { ...key, key: '' }]) {
      const text = keyName(one)
      const name = names.has(text) ? undefined : indexName(one)
      if (name !== undefined) names.set(text, name)
    }
  }
  return [...names.values()]
}

/** Collection and key as one text. */
export function keyName({ collection, key }: PatchKey): string {
  return `${collection}/${key}`
}

function partText(part: PathPart): string {
  return part instanceof Uint8Array ? toHex(part) : String(part)
}
