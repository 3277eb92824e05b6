/**
 * Which object a patch is of, as text: what filters compare and the object index is made of (PROTOCOL §10).
 * Tests: test/relay/feed/feed.test.ts
 */

import { utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { decodeChecked } from '../codec/decode.js'
import { diagnostic } from '../codec/diagnostic.js'
import { arrayItems, mapFields } from '../codec/span.js'
import type { Cbor } from '../codec/value.js'

/** Collection and key of a patch's path, as text: `Listings/42`, `Tags/red`, `Accounts/<hex>`, `Manifest/`. */
export interface PatchKey {
  readonly collection: string
  readonly key: string
}

/** Collections of which the index also knows every set, whatever the object: they are read whole, and are changed seldom. */
const INDEXED_WHOLE: ReadonlySet<string> = new Set(['Manifest', 'Accounts', 'Tags', 'Orders'])

/** Reads the first two parts of a path without decoding the value. */
export function patchKeyOf(patch: Uint8Array): PatchKey {
  const [collection, key] = arrayItems(patch, mapFields(patch, 0).get('Path')!.start)
  return {
    collection: keyText(decodeChecked(patch, collection!.start)),
    key: key === undefined ? '' : keyText(decodeChecked(patch, key.start)),
  }
}

function keyText(key: Cbor): string {
  return key instanceof Uint8Array ? toHex(key) : typeof key === 'string' ? key : diagnostic(key)
}

/** The name of an object in the index; of a collection with an empty key, undefined for one that is not indexed whole. */
export function indexName({ collection, key }: PatchKey): Uint8Array | undefined {
  return key === '' && !INDEXED_WHOLE.has(collection) ? undefined : utf8(`${collection}/${key}`)
}

/** Names under which a set with these patches stands in the index, each once. */
export function indexNames(patches: readonly Uint8Array[]): Uint8Array[] {
  const names = new Map<string, Uint8Array>()
  for (const patch of patches) {
    const key = patchKeyOf(patch)
    for (const one of [key, { ...key, key: '' }]) {
      const text = `${one.collection}/${one.key}`
      const name = names.has(text) ? undefined : indexName(one)
      if (name !== undefined) names.set(text, name)
    }
  }
  return [...names.values()]
}
