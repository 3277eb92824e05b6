/** Which object a patch is of, as text: what filters compare and the object index is made of (PROTOCOL §10). */

import { utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode.js'
import { arrayItems, mapFields } from '../codec/span.js'
import type { PathPart } from './patch.js'

/** Collection and key of a patch's path, as text: `Listings/42`, `Tags/red`, `Accounts/<hex>`, `Manifest/`. */
export interface ObjectName {
  readonly collection: string
  readonly key: string
}

/** Collections of which the index also knows every set, whatever the object: they are read whole, and are changed seldom. */
const INDEXED_WHOLE: ReadonlySet<string> = new Set(['Manifest', 'Accounts', 'Tags', 'Orders'])

/** Of the path of a patch that was accepted. */
export function objectOf([collection, key]: readonly PathPart[]): ObjectName {
  return { collection: textOf(collection!), key: key === undefined ? '' : textOf(key) }
}

/** Of an accepted patch as it stands in the log: reads the first two parts of its path and nothing of its value. */
export function objectOfEncoded(patch: Uint8Array): ObjectName {
  const parts = arrayItems(patch, mapFields(patch, 0).get('Path')!.start).slice(0, 2)
  return objectOf(parts.map(({ start }) => decodeChecked(patch, start) as PathPart))
}

function textOf(part: PathPart): string {
  return part instanceof Uint8Array ? toHex(part) : String(part)
}

/** The name of an object in the index; of a collection with an empty key, undefined for one that is not indexed whole. */
export function indexName({ collection, key }: ObjectName): Uint8Array | undefined {
  return key === '' && !INDEXED_WHOLE.has(collection) ? undefined : utf8(`${collection}/${key}`)
}

/** Names under which a set with patches of these objects stands in the index, each once. */
export function indexNames(objects: readonly ObjectName[]): Uint8Array[] {
  const names = new Map<string, Uint8Array>()
  for (const object of objects) {
    for (const one of [object, { ...object, key: '' }]) {
      const text = `${one.collection}/${one.key}`
      const name = names.has(text) ? undefined : indexName(one)
      if (name !== undefined) names.set(text, name)
    }
  }
  return [...names.values()]
}
