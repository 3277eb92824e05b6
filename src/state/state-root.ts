/**
 * The state root of version 5 (PROOFS §1): one hash over the manifest and the roots of all collections, of which those
 * that would give stock and orders away are salted.
 *
 * Tests: test/state/state-root.test.ts
 */

import { sha256 } from '#hash'
import { be64, concatBytes, utf8 } from '../bytes/bytes.js'
import type { Hamt } from '../merkle/hamt.js'
import type { ShopState } from './shop-state.js'

/** The collections of the state tree, in the order of `Level`. */
export const TREE_COLLECTIONS = ['Accounts', 'Cards', 'Inventory', 'Listings', 'Orders', 'Tags'] as const
export type TreeCollection = (typeof TREE_COLLECTIONS)[number]
/** Those whose roots stand in the state root under a salt. */
export type SaltedCollection = 'Inventory' | 'Orders'

const ROOT_PREFIX = Uint8Array.of(0x02)
const SALTED_PREFIX = Uint8Array.of(0x06)
const SALT_PREFIX = Uint8Array.of(0x07)

/** What the state root is a hash of: digests of 32 bytes each. */
export interface StateLevel {
  readonly schemaVersion: bigint
  readonly manifestHash: Uint8Array
  /** As they stand in the root: of Inventory and Orders salted. */
  readonly roots: Readonly<Record<TreeCollection, Uint8Array>>
}

/** The trie whose places are the collection's tree. */
export function treeOf({ collections, indexes }: ShopState, name: TreeCollection): Hamt {
  if (name === 'Cards') return indexes.cards
  return name === 'Orders' ? indexes.trails : collections[name]
}

/** 32 bytes. `secret`: the shop's, 32 bytes. */
export function saltOf(secret: Uint8Array, name: SaltedCollection): Uint8Array {
  return sha256(concatBytes(SALT_PREFIX, secret, utf8(name)))
}

/** 32 bytes. */
export function salted(salt: Uint8Array, root: Uint8Array): Uint8Array {
  return sha256(concatBytes(SALTED_PREFIX, salt, root))
}

/** Of a shop that has a manifest: undefined before. */
export function stateLevel(state: ShopState, secret: Uint8Array): StateLevel | undefined {
  if (state.manifest === undefined) return undefined
  const roots = Object.fromEntries(
    TREE_COLLECTIONS.map((name) => {
      const root = treeOf(state, name).root()
      return [name, name === 'Inventory' || name === 'Orders' ? salted(saltOf(secret, name), root) : root]
    }),
  ) as Record<TreeCollection, Uint8Array>
  return { schemaVersion: state.schemaVersion, manifestHash: sha256(state.manifest), roots }
}

/** 32 bytes. */
export function stateRootOf({ schemaVersion, manifestHash, roots }: StateLevel): Uint8Array {
  const digests = TREE_COLLECTIONS.map((name) => roots[name])
  return sha256(concatBytes(ROOT_PREFIX, be64(schemaVersion), manifestHash, ...digests))
}
