/**
 * The level below a StateRoot (PROOFS §1, §1.1): what it is the hash of, and the salts that hide two of its parts.
 *
 * Tests: test/merkle/state-kat.test.ts
 */

import { sha256 } from '#hash'
import { assert } from '../assert.js'
import { concatBytes, utf8, writeBe64 } from '../bytes/bytes.js'
import type { DeterministicReader } from '../codec/deterministic-form.js'
import { encode } from '../codec/encode.js'
import { bytesOf, readAll, StateProofError } from './state-proof-error.js'
import { DIGEST_BYTES, pairDigest, setDigest } from './state-tree.js'

/** In the level's order. */
export const STATE_COLLECTIONS = ['Accounts', 'Cards', 'Inventory', 'Listings', 'Orders', 'Tags'] as const
/** One part of the state, each with a root of its own. */
export type StateCollection = (typeof STATE_COLLECTIONS)[number]

/** Whose roots are hidden: a small shop's stock could be read off the root by trial. */
export const SALTED_COLLECTIONS = ['Inventory', 'Orders'] as const
/** One whose root is hidden by a salt. */
export type SaltedCollection = (typeof SALTED_COLLECTIONS)[number]

/** Of the objects that a proof is read with; one that is not known may hash something else. */
const KNOWN_SCHEMA_VERSION = 4n

/** Digests are 32 bytes; `Digest` may be null where a proof yields it itself. */
export interface Level<Digest extends Uint8Array | null = Uint8Array> {
  readonly schemaVersion: bigint
  /** SHA-256 of the canonical manifest. */
  readonly manifestHash: Digest
  /** Roots; of Inventory and Orders salted ones. */
  readonly roots: Readonly<Record<StateCollection, Digest>>
}

/**
 * StateRoot, 32 bytes, fresh.
 *
 * @example
 * ```ts
 * import { stateRoot } from 'cairn-relay/state-proof'
 *
 * const none = new Uint8Array(32)
 * const roots = { Accounts: none, Cards: none, Inventory: none, Listings: none, Orders: none, Tags: none }
 * console.log(stateRoot({ schemaVersion: 4n, manifestHash: none, roots }).length) // 32
 * ```
 */
export function stateRoot({ schemaVersion, manifestHash, roots }: Level): Uint8Array {
  writeBe64(rootPreimage, 1, schemaVersion)
  setDigest(rootPreimage, manifestHash, 9)
  let at = 9
  for (const name of STATE_COLLECTIONS) setDigest(rootPreimage, roots[name], (at += DIGEST_BYTES))
  return sha256(rootPreimage)
}

/** Scratch for all: hashing is synchronous and keeps nothing of it. */
const rootPreimage = Uint8Array.of(0x02, ...new Uint8Array(8 + DIGEST_BYTES * (1 + STATE_COLLECTIONS.length)))

/**
 * The salt of a collection, 32 bytes, fresh: SHA-256(0x07 ‖ shop secret ‖ name).
 *
 * @example
 * ```ts
 * import { collectionSalt } from 'cairn-relay/state-proof'
 *
 * console.log(collectionSalt(new Uint8Array(32), 'Orders').length) // 32
 * ```
 */
export function collectionSalt(shopSecret: Uint8Array, collection: SaltedCollection): Uint8Array {
  assert(shopSecret.length === DIGEST_BYTES, `a shop secret of ${shopSecret.length} bytes`)
  return sha256(concatBytes(Uint8Array.of(0x07), shopSecret, utf8(collection)))
}

/**
 * What stands in the level for the root of Inventory or Orders, 32 bytes, fresh: SHA-256(0x06 ‖ salt ‖ root).
 *
 * @example
 * ```ts
 * import { collectionSalt, saltedRoot } from 'cairn-relay/state-proof'
 *
 * console.log(saltedRoot(collectionSalt(new Uint8Array(32), 'Orders'), new Uint8Array(32)).length) // 32
 * ```
 */
export function saltedRoot(salt: Uint8Array, root: Uint8Array): Uint8Array {
  return pairDigest(0x06, salt, root)
}

export function isSalted(collection: StateCollection): collection is SaltedCollection {
  return collection === 'Inventory' || collection === 'Orders'
}

/**
 * A level in deterministic CBOR, fresh.
 *
 * @example
 * ```ts
 * import { encodeLevel, readLevel } from 'cairn-relay/state-proof'
 *
 * const none = new Uint8Array(32)
 * const roots = { Accounts: none, Cards: none, Inventory: none, Listings: none, Orders: none, Tags: none }
 * console.log(readLevel(encodeLevel({ schemaVersion: 4n, manifestHash: none, roots })).schemaVersion) // 4n
 * ```
 */
export function encodeLevel(level: Level<Uint8Array | null>): Uint8Array {
  return encode(levelItems(level))
}

/**
 * A level as it is sent by itself, without nulls; its digests are views. Throws StateProofError: 'encoding', 'form',
 * 'schema-version', 'level-null'.
 *
 * @example
 * ```ts
 * import { readLevel, StateProofError } from 'cairn-relay/state-proof'
 *
 * try {
 *   readLevel(Uint8Array.of(0x80))
 * } catch (error) {
 *   console.log((error as StateProofError).message) // Level: 0 items, 8 are needed
 * }
 * ```
 */
export function readLevel(bytes: Uint8Array): Level {
  const level = readAll('Level', bytes, readLevelItems)
  for (const [name, digest] of [['ManifestHash', level.manifestHash] as const, ...Object.entries(level.roots)])
    if (digest === null) throw new StateProofError('level-null', 'Level', `${name} is null and nothing yields it`)
  return level as Level
}

export function levelItems({
  schemaVersion,
  manifestHash,
  roots,
}: Level<Uint8Array | null>): (bigint | Uint8Array | null)[] {
  return [schemaVersion, manifestHash, ...STATE_COLLECTIONS.map((name) => roots[name])]
}

/** The same with nulls. Throws StateProofError and CborError. */
export function readLevelItems(reader: DeterministicReader): Level<Uint8Array | null> {
  const items = reader.array()
  const wanted = 2 + STATE_COLLECTIONS.length
  if (items !== wanted) throw new StateProofError('form', 'Level', `${items} items, ${wanted} are needed`)
  const schemaVersion = reader.uint()
  if (schemaVersion !== KNOWN_SCHEMA_VERSION)
    throw new StateProofError(
      'schema-version',
      'Level',
      `SchemaVersion ${schemaVersion}, only ${KNOWN_SCHEMA_VERSION} is known`,
    )
  const digest = (name: string) => (reader.takeNull() ? null : bytesOf(reader, DIGEST_BYTES, 'Level', name))
  const manifestHash = digest('ManifestHash')
  return { schemaVersion, manifestHash, roots: byCollection(digest) }
}

/** One of each, made in the level's order. */
export function byCollection<T>(make: (name: StateCollection) => T): Record<StateCollection, T> {
  return {
    Accounts: make('Accounts'),
    Cards: make('Cards'),
    Inventory: make('Inventory'),
    Listings: make('Listings'),
    Orders: make('Orders'),
    Tags: make('Tags'),
  }
}
