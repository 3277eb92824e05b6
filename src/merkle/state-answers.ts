/**
 * What a state proof says about each question: who reads one asks for some objects, and it has to answer these and no
 * others (PROOFS §1.2). An honest proof answers in the order of collections and K, so the questions are put into it.
 *
 * Tests: test/merkle/state-proof.test.ts, test/merkle/state-proof-refusals.test.ts
 */

import { sha256 } from '#hash'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { STATE_COLLECTIONS, type StateCollection } from './state-level.js'
import type { StateProofs } from './state-proof-form.js'
import { StateProofError } from './state-proof-error.js'
import { questionName, type StateQuestion } from './state-question.js'
import type { StateObject } from './state-tree.js'

interface Asked {
  readonly question: StateQuestion
  /** Of the collection, in the level's order. */
  readonly place: number
  /** K, 32 bytes. */
  readonly keyHash: Uint8Array
  object: StateObject | undefined
  isAnswered: boolean
}

/** What a proof claims, and what its items hang on. */
interface Answers {
  /** In the order of the questions; undefined of what is said to be absent. */
  readonly objects: readonly (StateObject | undefined)[]
  /** K of all items, part by part. */
  readonly keyHashes: readonly Uint8Array[]
}

/** Throws StateProofError 'answers' unless all that was asked is answered, and nothing else. */
export function answersTo(asked: readonly StateQuestion[], { parts, manifest }: StateProofs): Answers {
  const all = asked.map(askedOf)
  const sorted = all.length === 1 ? all : all.toSorted(byPlace)
  const keyHashes: Uint8Array[] = []
  let stray = manifest !== undefined && !answerManifest(all, manifest) ? MANIFEST : undefined
  let next = 0
  for (const { collection, items } of parts)
    for (const { key, answer } of items) {
      while (sorted[next]?.place === MANIFEST_PLACE) next++
      const isNext = isOf(sorted[next], collection, key)
      const keyHash = isNext ? sorted[next]!.keyHash : sha256(key)
      if (!isNext) next = placeIn(sorted, collection, key, keyHash)
      if (!isOf(sorted[next], collection, key)) stray ??= [collection, key]
      // What is asked twice is answered once.
      for (; isOf(sorted[next], collection, key); next++)
        take(sorted[next]!, answer.kind === 'object' ? answer.object : undefined)
      keyHashes.push(keyHash)
    }
  for (const { isAnswered, question } of all)
    if (!isAnswered) throw new StateProofError('answers', questionName(question), 'it was asked and is not answered')
  if (stray !== undefined) throw new StateProofError('answers', questionName(stray), 'it is answered and was not asked')
  return { objects: all.map(({ object }) => object), keyHashes }
}

const MANIFEST: StateQuestion = ['Manifest', new Uint8Array(0)]
/** Before all collections. */
const MANIFEST_PLACE = -1

function askedOf(question: StateQuestion): Asked {
  const [collection, key] = question
  const place = STATE_COLLECTIONS.indexOf(collection as StateCollection)
  return { question, place, keyHash: sha256(key), object: undefined, isAnswered: false }
}

function byPlace(a: Asked, b: Asked): number {
  return a.place - b.place || compareBytes(a.keyHash, b.keyHash)
}

function isOf(asked: Asked | undefined, collection: StateCollection, key: Uint8Array): boolean {
  return asked !== undefined && asked.question[0] === collection && equalBytes(asked.question[1], key)
}

function take(asked: Asked, object: StateObject | undefined): void {
  asked.object = object
  asked.isAnswered = true
}

/** Whether it was asked. */
function answerManifest(all: readonly Asked[], value: Uint8Array): boolean {
  const asked = all.filter(({ place }) => place === MANIFEST_PLACE)
  for (const one of asked) take(one, { value })
  return asked.length > 0
}

/** Where the question stands that an item answers which does not come in its turn, or where it would stand. */
function placeIn(sorted: readonly Asked[], collection: StateCollection, key: Uint8Array, keyHash: Uint8Array): number {
  // No name is made of such a one: it may have as many bytes as the proof.
  const longest = sorted.reduce((most, { question }) => Math.max(most, question[1].length), 0)
  if (key.length > longest)
    throw new StateProofError('answers', collection, `a key of ${key.length} bytes, at most ${longest} were asked`)
  const place = STATE_COLLECTIONS.indexOf(collection)
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const { place: there, keyHash: hashThere } = sorted[middle]!
    if (there < place || (there === place && compareBytes(hashThere, keyHash) < 0)) low = middle + 1
    else high = middle
  }
  return low
}
