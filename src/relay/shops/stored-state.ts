/**
 * A shop's state as it is kept on disk beside its trie nodes: CBOR {Manifest bytes | null, ObjectIndex: true,
 * AskedLevels: true, ? NextRef: number, <trie>: [ref, size, digest | null, ? root of the state tree]}.
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

/**
 * Nodes that are not stored yet are given to `write`. `next`: the ref that comes after all that were stored up to now,
 * if every stored node that these tries do not lead to is known.
 */
export function encodeState(
  state: ShopState,
  write: (node: Uint8Array) => NodeRef,
  next: NodeRef | undefined,
): Uint8Array {
  const map = new Map<CborKey, Cbor>([
    ['Manifest', state.manifest ?? null],
    ['ObjectIndex', true],
    ['AskedLevels', true],
  ])
  if (next !== undefined) map.set('NextRef', BigInt(next))
  for (const [name, trie] of triesOf(state)) map.set(name, rootOf(trie.store(write)))
  return encode(map)
}

/**
 * Undefined if what was kept lacks a trie that this version has, or the object index. `verifying`: each node that is
 * read must have the digest that is known of it.
 */
export function decodeState(
  shopId: ShopId,
  bytes: Uint8Array,
  source: NodeSource,
  cache: NodeCache,
  verifying = false,
): ShopState | undefined {
  const { manifest, tries, hasIndex } = decodeRoots(bytes)
  if (!hasIndex || TRIES.some((name) => !tries.has(name))) return undefined
  const open = (name: (typeof TRIES)[number]) => {
    const [root, hashes] = [tries.get(name)!, hashesOf(name)]
    return verifying ? Hamt.openVerifying(root, source, cache, hashes) : Hamt.open(root, source, cache, hashes)
  }
  return {
    shopId,
    schemaVersion: SCHEMA_VERSION,
    manifest,
    collections: Object.fromEntries(COLLECTIONS.map((name) => [name, open(name)])) as ShopState['collections'],
    indexes: Object.fromEntries(INDEXES.map((name) => [name, open(name)])) as ShopState['indexes'],
  }
}

/** Whether the log up to there has its levels of asked payments (asked-levels.ts), or asked for none. */
export function hasAskedLevels(bytes: Uint8Array): boolean {
  const { tries, hasLevels } = decodeRoots(bytes)
  return hasLevels || (tries.get('payments')?.size ?? 0) === 0
}

/** The first ref that what was kept knows nothing of; undefined where that was not kept. */
export function decodeNextRef(bytes: Uint8Array): NodeRef | undefined {
  const next = (decode(bytes) as ReadonlyMap<string, Cbor>).get('NextRef')
  return next === undefined ? undefined : Number(next)
}

/** The deadlines of reservations in what was kept; undefined if it had none. */
export function decodeDeadlines(bytes: Uint8Array, source: NodeSource, cache: NodeCache): Hamt | undefined {
  const root = decodeRoots(bytes).tries.get('live')
  return root && Hamt.open(root, source, cache, hashesOf('live'))
}

function rootOf({ ref, size, digest, root }: StoredRoot): Cbor {
  return [BigInt(ref), BigInt(size), digest ?? null, ...(root === undefined ? [] : [root])]
}

function decodeRoots(bytes: Uint8Array): {
  manifest: Uint8Array | undefined
  tries: Map<string, StoredRoot>
  hasIndex: boolean
  hasLevels: boolean
} {
  const map = decode(bytes) as ReadonlyMap<string, Cbor>
  const tries = new Map<string, StoredRoot>()
  for (const name of TRIES) {
    const root = map.get(name)
    if (root === undefined) continue
    const [ref, size, digest, tree] = root as [bigint, bigint, Uint8Array | null, Uint8Array?]
    tries.set(name, { ref: Number(ref), size: Number(size), digest: digest?.slice(), root: tree?.slice() })
  }
  const manifest = (map.get('Manifest') as Uint8Array | null) ?? undefined
  const [hasIndex, hasLevels] = ['ObjectIndex', 'AskedLevels'].map((name) => map.get(name) === true)
  return { manifest, tries, hasIndex: hasIndex!, hasLevels: hasLevels! }
}
