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
import {
  byCollection,
  saltedRoot,
  STATE_COLLECTIONS,
  stateRoot,
  type Level,
  type StateCollection,
} from './state-level.js'
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
  const answers = matched(proofs, asked)
  if (proofs.manifest !== undefined) requireManifest(proofs.manifest, shopId)
  const { schemaVersion, manifestHash, roots } = proofs.level
  const level: Level = {
    schemaVersion,
    manifestHash: manifestHash ?? sha256(proofs.manifest!),
    roots: byCollection((name) => roots[name] ?? partDigest(partFor(proofs, name)!)),
  }
  const found = stateRoot(level)
  if (!equalBytes(found, root))
    throw new StateProofError('state-root', 'StateRoot', `the proof gives ${toHex(found)}, not ${toHex(root)}`)
  return { answers, level }
}

function partFor({ parts }: StateProofs, name: StateCollection): ProofPart | undefined {
  return parts.find(({ collection }) => collection === name)
}

function requireNulls(proofs: StateProofs): void {
  const { level, manifest } = proofs
  requireNull('ManifestHash', level.manifestHash, manifest !== undefined)
  for (const name of STATE_COLLECTIONS) requireNull(name, level.roots[name], partFor(proofs, name) !== undefined)
}

function requireNull(name: string, digest: Uint8Array | null, isYielded: boolean): void {
  if ((digest === null) === isYielded) return
  const problem = isYielded ? `${toHex(digest!)}, and the proof yields it` : 'null, and the proof does not yield it'
  throw new StateProofError('level-null', 'Level', `${name} is ${problem}`)
}

/** The claimed objects in the order of the questions. */
function matched({ parts, manifest }: StateProofs, asked: readonly StateQuestion[]): (StateObject | undefined)[] {
  const claims = new Map<string, { readonly object: StateObject | undefined; isAsked: boolean }>()
  const claim = (question: StateQuestion, object: StateObject | undefined) =>
    claims.set(questionName(question), { object, isAsked: false })
  const longest = asked.reduce((most, [, { length }]) => Math.max(most, length), 0)
  for (const { collection, items } of parts)
    for (const { key, answer } of items) {
      // Before its name is made: a key may have as many bytes as the proof.
      if (key.length > longest)
        throw new StateProofError('answers', collection, `a key of ${key.length} bytes, at most ${longest} were asked`)
      claim([collection, key], answer.kind === 'object' ? answer.object : undefined)
    }
  if (manifest !== undefined) claim(['Manifest', new Uint8Array(0)], { value: manifest })
  const answers = asked.map((question) => {
    const name = questionName(question)
    const found = claims.get(name)
    if (found === undefined) throw new StateProofError('answers', name, 'it was asked and is not answered')
    found.isAsked = true
    return found.object
  })
  for (const [name, { isAsked }] of claims)
    if (!isAsked) throw new StateProofError('answers', name, 'it is answered and was not asked')
  return answers
}

/** What stands in the level for the part's collection. */
function partDigest(part: ProofPart): Uint8Array {
  const ends: ItemEnd[] = []
  for (const item of part.items) {
    const end = endOf(part.collection, item)
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

function endOf(collection: StateCollection, { key, depth, answer }: ProofItem): ItemEnd {
  const keyHash = sha256(key)
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
