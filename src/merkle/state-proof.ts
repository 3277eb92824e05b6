/**
 * The verifier of state proofs (PROOFS §1.2): that objects are, or are not, part of the state under a StateRoot. It
 * takes shop, StateRoot and questions from its caller, never from the proof, and computes every leaf itself. The caller
 * has the StateRoot from a checkpoint that he accepted.
 *
 * Tests: test/merkle/state-proof.test.ts, test/merkle/state-proof-refusals.test.ts, test/merkle/state-kat.test.ts
 */

import { sha256 } from '#hash'
import type { ShopId } from '../brands.js'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { answersTo } from './state-answers.js'
import { saltedRoot, STATE_COLLECTIONS, stateRoot, type Level, type StateCollection } from './state-level.js'
import { StateProofError } from './state-proof-error.js'
import { requireManifest, requireObject } from './state-object.js'
import { foldedRoot, type ItemEnd } from './state-proof-fold.js'
import {
  readStateProofs,
  type ItemAnswer,
  type ProofItem,
  type ProofPart,
  type StateProofs,
} from './state-proof-form.js'
import { questionName, requireProvable, type StateQuestion } from './state-question.js'
import { EMPTY_PLACE, sharedBits, stateLeafDigest, stateValueHash, type StateObject } from './state-tree.js'

export { encodeCardPeriods, readCardPeriods, type CardPeriod } from './card-periods.js'
export {
  collectionSalt,
  encodeLevel,
  readLevel,
  saltedRoot,
  SALTED_COLLECTIONS,
  STATE_COLLECTIONS,
  stateRoot,
  type Level,
  type SaltedCollection,
  type StateCollection,
} from './state-level.js'
export { StateProofError, type StateProofErrorCode } from './state-proof-error.js'
export {
  readStateProofs,
  type ItemAnswer,
  type ProofItem,
  type ProofPart,
  type StateProofs,
} from './state-proof-form.js'
export { makeStateProofs, type StateSource } from './state-proof-maker.js'
export { StateLeafOrderError, StateRootStream } from './state-root-stream.js'
export type { StateQuestion } from './state-question.js'
export {
  stateLeaf,
  stateLeafDigest,
  type OrderHistory,
  type StateObject,
  type TreeLeaf,
  type TreePlace,
} from './state-tree.js'

/** What the caller knows. */
export interface StateClaim {
  readonly shopId: ShopId
  /** 32 bytes, from a checkpoint that was accepted. */
  readonly stateRoot: Uint8Array
  /** None for the bare level. */
  readonly asked: readonly StateQuestion[]
}

/** What was proven; byte strings are views of the proof. */
export interface ProvenState {
  /** As asked, in that order: undefined is proven to be absent. The manifest is its own canonical CBOR. */
  readonly answers: readonly (StateObject | undefined)[]
  /** All digests, those that the proof yielded too. */
  readonly level: Level
}

/**
 * Throws StateProofError unless `bytes` prove an answer to each question and to nothing else. Work grows with the bytes
 * and by at most 256 hashes a question.
 *
 * @example
 * ```ts
 * import { makeStateProofs, stateRoot, verifyStateProofs } from 'cairn-relay/state-proof'
 *
 * const none = new Uint8Array(32)
 * const all = <T>(x: T) => ({ Accounts: x, Cards: x, Inventory: x, Listings: x, Orders: x, Tags: x })
 * const level = { schemaVersion: 4n, manifestHash: none, roots: all(none) }
 * const source = { level, manifest: none, trees: all(undefined), salts: { Inventory: none, Orders: none } }
 * const asked = [['Tags', Uint8Array.of(0x61)] as const]
 * const proof = makeStateProofs(source, asked)
 * console.log(verifyStateProofs(proof, { shopId: 1n, stateRoot: stateRoot(level), asked }).answers) // [ undefined ]
 * ```
 */
export function verifyStateProofs(bytes: Uint8Array, { shopId, stateRoot: root, asked }: StateClaim): ProvenState {
  for (const question of asked) requireProvable(question)
  const proofs = readStateProofs(bytes, asked.length)
  requireNulls(proofs)
  const { objects, keyHashes } = answersTo(asked, proofs)
  if (proofs.manifest !== undefined) requireManifest(proofs.manifest, shopId)
  const level = wholeLevel(proofs, keyHashes)
  const found = stateRoot(level)
  if (!equalBytes(found, root))
    throw new StateProofError('state-root', 'StateRoot', `the proof gives ${toHex(found)}, not ${toHex(root)}`)
  return { answers: objects, level }
}

function requireNulls({ level, parts, manifest }: StateProofs): void {
  requireNull('ManifestHash', level.manifestHash, manifest !== undefined)
  for (const name of STATE_COLLECTIONS) {
    let isYielded = false
    for (const { collection } of parts) isYielded ||= collection === name
    requireNull(name, level.roots[name], isYielded)
  }
}

function requireNull(name: string, digest: Uint8Array | null, isYielded: boolean): void {
  if ((digest === null) === isYielded) return
  const problem = isYielded ? `${toHex(digest!)}, and the proof yields it` : 'null, and the proof does not yield it'
  throw new StateProofError('level-null', 'Level', `${name} is ${problem}`)
}

/** With what the proof yields. `keyHashes`: of all items, part by part. */
function wholeLevel({ level, parts, manifest }: StateProofs, keyHashes: readonly Uint8Array[]): Level {
  const roots = { ...level.roots }
  let item = 0
  for (const part of parts) {
    roots[part.collection] = partDigest(part, keyHashes, item)
    item += part.items.length
  }
  const { schemaVersion, manifestHash } = level
  return { schemaVersion, manifestHash: manifestHash ?? sha256(manifest!), roots: roots as Level['roots'] }
}

/** What stands in the level for the part's collection. `first`: of its items, among all. */
function partDigest(part: ProofPart, keyHashes: readonly Uint8Array[], first: number): Uint8Array {
  const ends: ItemEnd[] = []
  for (const item of part.items) {
    const end = endOf(part.collection, item, keyHashes[first + ends.length]!)
    const before = ends.at(-1)
    if (before !== undefined && compareBytes(before.keyHash, end.keyHash) >= 0) {
      const order = `K ${toHex(end.keyHash)} stands after ${toHex(before.keyHash)}`
      throw new StateProofError('item-order', questionName([part.collection, item.key]), order)
    }
    ends.push(end)
  }
  const root = foldedRoot(part, ends)
  return part.salt === undefined ? root : saltedRoot(part.salt, root)
}

function endOf(collection: StateCollection, { key, depth, answer }: ProofItem, keyHash: Uint8Array): ItemEnd {
  return { keyHash, depth, digest: digestOf([collection, key], keyHash, depth, answer) }
}

function digestOf(question: StateQuestion, keyHash: Uint8Array, depth: number, answer: ItemAnswer): Uint8Array {
  if (answer.kind === 'empty') return EMPTY_PLACE
  if (answer.kind === 'object') {
    requireObject(question, answer.object.value)
    return stateLeafDigest({ keyHash, valueHash: stateValueHash(answer.object) })
  }
  const shared = sharedBits(keyHash, answer.leaf.keyHash)
  if (shared === 256) throw new StateProofError('other-leaf', questionName(question), "another leaf's K is its own")
  if (shared < depth) {
    const problem = `another leaf at depth ${depth}, whose K shares ${shared} bits`
    throw new StateProofError('other-leaf', questionName(question), problem)
  }
  return stateLeafDigest(answer.leaf)
}
