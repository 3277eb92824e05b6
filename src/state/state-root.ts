/**
 * The state root of version 5 (PROOFS §1): one hash over the manifest and the roots of all collections.
 *
 * Tests: test/state/state-root.test.ts
 */

import { sha256 } from '#hash'
import type { Hamt } from '../merkle/hamt.js'
import type { TriePlace } from '../merkle/hamt-places.js'
import {
  collectionSalt,
  saltedRoot,
  byCollection,
  isSalted,
  type Level,
  type SaltedCollection,
  type StateCollection,
} from '../merkle/state-level.js'
import type { StateSource } from '../merkle/state-proof-maker.js'
import type { StateObject, TreePlace } from '../merkle/state-tree.js'
import type { ShopState } from './shop-state.js'
import { addedByCard, readTrail } from './trails.js'

/** The trie whose places are the collection's tree. */
export function treeOf({ collections, indexes }: ShopState, name: StateCollection): Hamt {
  if (name === 'Cards') return indexes.cards
  return name === 'Orders' ? indexes.trails : collections[name]
}

/** What the state root is a hash of; undefined before there is a manifest. `secret`: the shop's, 32 bytes. */
export function stateLevel(state: ShopState, secret: Uint8Array): Level | undefined {
  if (state.manifest === undefined) return undefined
  const known = knownOf(secret)
  if (known.manifest !== state.manifest) {
    known.manifest = state.manifest
    known.manifestHash = sha256(state.manifest)
  }
  const roots = byCollection((name) => {
    const root = treeOf(state, name).root()
    return isSalted(name) ? salted(known[name], root) : root
  })
  return { schemaVersion: state.schemaVersion, manifestHash: known.manifestHash, roots }
}

/** The same for who knows the salts alone, 32 bytes each. */
export function stateLevelBySalts(state: ShopState, saltOf: (name: SaltedCollection) => Uint8Array): Level | undefined {
  if (state.manifest === undefined) return undefined
  const roots = byCollection((name) => {
    const root = treeOf(state, name).root()
    return isSalted(name) ? saltedRoot(saltOf(name), root) : root
  })
  return { schemaVersion: state.schemaVersion, manifestHash: sha256(state.manifest), roots }
}

/** Of the state of a shop that was asked for last: most sets change none of it. */
interface Known {
  manifest: Uint8Array | undefined
  manifestHash: Uint8Array
  readonly Inventory: KnownSalted
  readonly Orders: KnownSalted
}

interface KnownSalted {
  readonly salt: Uint8Array
  root: Uint8Array | undefined
  digest: Uint8Array
}

/** By the shop's secret, as its owner holds it. */
const KNOWN = new WeakMap<Uint8Array, Known>()

function knownOf(secret: Uint8Array): Known {
  let known = KNOWN.get(secret)
  if (known === undefined) {
    const ofNone = (name: SaltedCollection): KnownSalted => {
      const salt = collectionSalt(secret, name)
      return { salt, root: undefined, digest: salt }
    }
    known = {
      manifest: undefined,
      manifestHash: secret,
      Inventory: ofNone('Inventory'),
      Orders: ofNone('Orders'),
    }
    KNOWN.set(secret, known)
  }
  return known
}

/** Roots are memoised per version of a trie: the same array is the same root. */
function salted(known: KnownSalted, root: Uint8Array): Uint8Array {
  if (known.root !== root) {
    known.digest = saltedRoot(known.salt, root)
    known.root = root
  }
  return known.digest
}

/** What proofs of the state are made from, read when they are asked for; undefined before there is a manifest. */
export function stateSource(state: ShopState, secret: Uint8Array): StateSource | undefined {
  const level = stateLevel(state, secret)
  if (level === undefined) return undefined
  return {
    level,
    manifest: state.manifest!,
    trees: byCollection((name) => treePlace(state, name, treeOf(state, name).tree())),
    salts: { Inventory: collectionSalt(secret, 'Inventory'), Orders: collectionSalt(secret, 'Orders') },
  }
}

function treePlace(state: ShopState, name: StateCollection, place: TriePlace | undefined): TreePlace | undefined {
  if (place === undefined) return undefined
  const { leaf } = place
  const { keyHash, valueHash } = treeOf(state, name).hashes
  return {
    get digest() {
      return place.digest
    },
    leaf: leaf && {
      keyHash: keyHash(leaf.key),
      valueHash: valueHash(leaf.value),
      get object() {
        return objectIn(state, name, leaf.key, leaf.value)
      },
    },
    get left() {
      return treePlace(state, name, place.left)
    },
    get right() {
      return treePlace(state, name, place.right)
    },
  }
}

/** What the leaf of `treeOf` with this key and value proves: value and history as proofs tell them. */
export function objectIn(
  { collections }: ShopState,
  name: StateCollection,
  key: Uint8Array,
  value: Uint8Array,
): StateObject {
  if (name !== 'Orders') return { value }
  const { lastSeq, trail } = readTrail(value)
  return { value: collections.Orders.get(key) ?? addedByCard(value), history: { lastSeq: BigInt(lastSeq), trail } }
}
