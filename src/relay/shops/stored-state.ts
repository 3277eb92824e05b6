/**
 * A shop's state as it is kept on disk beside its trie nodes: CBOR {Manifest bytes | null, ObjectIndex: true, <trie>:
 * [ref, size, digest | null]}.
 *
 * Tests: test/relay/shops/keeper.test.ts
 */

import type { ShopId } from '../../brands.js'
import { decode } from '../../codec/decode.js'
import { encode } from '../../codec/encode.js'
import type { Cbor, CborKey } from '../../codec/value.js'
import { Hamt, type NodeSource, type StoredRoot } from '../../merkle/hamt.js'
import type { NodeCache } from '../../merkle/hamt-cache.js'
import type { NodeRef } from '../../merkle/hamt-node.js'
import { COLLECTIONS, INDEXES, hashesOf, SCHEMA_VERSION, type ShopState } from '../../state/shop-state.js'

const TRIES = [...COLLECTIONS, ...INDEXES] as const

/** The tries of a state, in the order in which they are stored. */
export function triesOf({ collections, indexes }: ShopState): (readonly [name: string, trie: Hamt])[] {
  return [
    ...COLLECTIONS.map((name) => [name, collections[name]] as const),
    ...INDEXES.map((name) => [name, indexes[name]] as const),
  ]
}

/** Nodes that are not stored yet are given to `write`. */
export function encodeState(state: ShopState, write: (node: Uint8Array) => NodeRef): Uint8Array {
  const map = new Map<CborKey, Cbor>([
    ['Manifest', state.manifest ?? null],
    ['ObjectIndex', true],
  ])
  for (const [name, trie] of triesOf(state)) map.set(name, rootOf(trie.store(write)))
  return encode(map)
}

/**
 * Undefined if what was kept lacks a trie that this version has, or the object index. `openTrie`: Hamt.openVerifying
 * for who doubts the store.
 */
export function decodeState(
  shopId: ShopId,
  bytes: Uint8Array,
  source: NodeSource,
  cache: NodeCache,
  openTrie: typeof Hamt.open = Hamt.open,
): ShopState | undefined {
  const { manifest, tries, hasIndex } = decodeRoots(bytes)
  if (!hasIndex || TRIES.some((name) => !tries.has(name))) return undefined
  const open = (name: (typeof TRIES)[number]) => openTrie(tries.get(name)!, source, cache, hashesOf(name))
  return {
    shopId,
    schemaVersion: SCHEMA_VERSION,
    manifest,
    collections: Object.fromEntries(COLLECTIONS.map((name) => [name, open(name)])) as ShopState['collections'],
    indexes: Object.fromEntries(INDEXES.map((name) => [name, open(name)])) as ShopState['indexes'],
  }
}

function rootOf({ ref, size, digest }: StoredRoot): Cbor {
  return [BigInt(ref), BigInt(size), digest ?? null]
}

function decodeRoots(bytes: Uint8Array): {
  manifest: Uint8Array | undefined
  tries: Map<string, StoredRoot>
  hasIndex: boolean
} {
  const map = decode(bytes) as ReadonlyMap<string, Cbor>
  const tries = new Map<string, StoredRoot>()
  for (const name of TRIES) {
    const root = map.get(name)
    if (root === undefined) continue
    const [ref, size, digest] = root as [bigint, bigint, Uint8Array | null]
    tries.set(name, { ref: Number(ref), size: Number(size), digest: digest?.slice() })
  }
  const manifest = (map.get('Manifest') as Uint8Array | null) ?? undefined
  return { manifest, tries, hasIndex: map.get('ObjectIndex') === true }
}
