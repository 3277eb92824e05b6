/**
 * State proofs as bytes (PROOFS §1.1): written, and read as what they claim. Nothing here says that a claim is true.
 *
 * Tests: test/merkle/state-kat.test.ts, test/merkle/state-proof-refusals.test.ts
 */

import type { DeterministicReader } from '../codec/deterministic-form.js'
import { encode, type Encodable } from '../codec/encode.js'
import { ARRAY, BYTES } from '../codec/head.js'
import type { CborKey } from '../codec/value.js'
import {
  isSalted,
  levelItems,
  readLevelItems,
  STATE_COLLECTIONS,
  type Level,
  type StateCollection,
} from './state-level.js'
import { bytesOf, readAll, StateProofError } from './state-proof-error.js'
import { DIGEST_BYTES, STATE_DEPTH_MAX, type StateObject, type TreeLeaf } from './state-tree.js'

/** What is said of a key: its object, the leaf of another key in its place, or that its place is empty. */
export type ItemAnswer =
  | { readonly kind: 'object'; readonly object: StateObject }
  | { readonly kind: 'other-leaf'; readonly leaf: Pick<TreeLeaf, 'keyHash' | 'valueHash'> }
  | { readonly kind: 'empty' }

/** One key in a proof: what stands there, or that nothing does. */
export interface ProofItem {
  /** Key bytes (PROTOCOL §6). */
  readonly key: Uint8Array
  /** Of the place where the way ends, 0 … 256. */
  readonly depth: number
  readonly answer: ItemAnswer
}

/** The proof of keys of one collection. */
export interface ProofPart {
  readonly collection: StateCollection
  /** By rising K. */
  readonly items: readonly ProofItem[]
  /** A bit for each sibling taken, 1 for an empty one. */
  readonly emptySiblings: Uint8Array
  /** The others, 32 bytes each. */
  readonly siblings: Uint8Array
  /** 32 bytes, of Inventory and Orders only. */
  readonly salt?: Uint8Array | undefined
}

/** Proofs of objects, of one state, as they are encoded. */
export interface StateProofs {
  /** Null exactly where the proof yields the digest. */
  readonly level: Level<Uint8Array | null>
  readonly parts: readonly ProofPart[]
  /** Canonical. */
  readonly manifest?: Uint8Array | undefined
}

/** Deterministic CBOR, fresh. */
export function encodeStateProofs({ level, parts, manifest }: StateProofs): Uint8Array {
  const map = new Map<CborKey, Encodable>([
    ['Level', levelItems(level)],
    ['Parts', parts.map(partItems)],
  ])
  if (manifest !== undefined) map.set('Manifest', manifest)
  return encode(map)
}

function partItems({ collection, items, emptySiblings, siblings, salt }: ProofPart): Encodable {
  const part: Encodable[] = [collection, items.map(itemItems), emptySiblings, siblings]
  return salt === undefined ? part : [...part, salt]
}

function itemItems({ key, depth, answer }: ProofItem): Encodable {
  const item: Encodable[] = [key, BigInt(depth)]
  if (answer.kind === 'empty') return item
  if (answer.kind === 'object') {
    const { value, history } = answer.object
    return [...item, history === undefined ? value : [value, history.lastSeq, history.trail]]
  }
  const { keyHash, valueHash } = answer.leaf
  return [
    ...item,
    new Map([
      [1n, keyHash],
      [2n, valueHash],
    ]),
  ]
}

/**
 * What `bytes` from anybody claim, at most `itemsMax` items; byte strings are views. Reads each byte once. Throws
 * StateProofError: 'encoding', 'form', 'schema-version', 'part-order', 'depth', 'answers'. Whoever believes it must
 * have it from verifyStateProofs.
 *
 * @example
 * ```ts
 * import { readStateProofs, StateProofError } from 'cairn-relay/state-proof'
 *
 * try {
 *   readStateProofs(Uint8Array.of(0xa0), 1)
 * } catch (error) {
 *   console.log((error as StateProofError).message) // StateProofs: 0 fields, Level and Parts are needed
 * }
 * ```
 */
export function readStateProofs(bytes: Uint8Array, itemsMax: number): StateProofs {
  return readAll('StateProofs', bytes, (reader) => {
    const fields = reader.map()
    if (fields < 2) throw new StateProofError('form', 'StateProofs', `${fields} fields, Level and Parts are needed`)
    if (fields > 3) throw new StateProofError('form', 'StateProofs', `${fields} fields, Manifest is the third and last`)
    requireField(reader, 'Level')
    const level = readLevelItems(reader)
    requireField(reader, 'Parts')
    const parts = readParts(reader, itemsMax)
    if (fields === 2) return { level, parts }
    requireField(reader, 'Manifest')
    return { level, parts, manifest: reader.bytes() }
  })
}

function requireField(reader: DeterministicReader, wanted: string): void {
  if (reader.takeText(wanted)) return
  throw new StateProofError('form', 'StateProofs', `the field ${quoted(reader)} stands in the place of ${wanted}`)
}

function readParts(reader: DeterministicReader, itemsMax: number): ProofPart[] {
  const count = reader.array()
  if (count > STATE_COLLECTIONS.length)
    throw new StateProofError('part-order', 'Parts', `${count} parts, ${STATE_COLLECTIONS.length} collections`)
  const parts: ProofPart[] = []
  let room = itemsMax
  for (let place = -1; parts.length < count;) {
    const part = readPart(reader, place, room)
    place = STATE_COLLECTIONS.indexOf(part.collection)
    room -= part.items.length
    parts.push(part)
  }
  return parts
}

/** `before`: the place of the part before, −1 if there is none. */
function readPart(reader: DeterministicReader, before: number, itemsMax: number): ProofPart {
  const fields = reader.array()
  if (fields < 4) throw new StateProofError('form', 'Parts', `a part of ${fields} items, 4 or 5 are needed`)
  const place = STATE_COLLECTIONS.findIndex((name) => reader.takeText(name))
  if (place < 0) {
    const problem = `${quoted(reader)} is none of ${STATE_COLLECTIONS.join(', ')}`
    throw new StateProofError('part-order', 'Parts', problem)
  }
  const collection = STATE_COLLECTIONS[place]!
  if (place <= before)
    throw new StateProofError('part-order', 'Parts', `${collection} stands after ${STATE_COLLECTIONS[before]}`)
  const wanted = isSalted(collection) ? 5 : 4
  if (fields !== wanted)
    throw new StateProofError('form', collection, `a part of ${fields} items, ${wanted} are needed`)
  const items = readItems(reader, collection, itemsMax)
  const emptySiblings = reader.bytes()
  const siblings = reader.bytes()
  if (siblings.length % DIGEST_BYTES !== 0)
    throw new StateProofError('siblings', collection, `${siblings.length} bytes of siblings, each has ${DIGEST_BYTES}`)
  const salt = wanted === 4 ? undefined : bytesOf(reader, DIGEST_BYTES, collection, 'Salt')
  return { collection, items, emptySiblings, siblings, salt }
}

function readItems(reader: DeterministicReader, collection: StateCollection, itemsMax: number): ProofItem[] {
  const count = reader.array()
  if (count === 0) throw new StateProofError('form', collection, 'a part without items')
  if (count > itemsMax)
    throw new StateProofError('answers', collection, `${count} items, at most ${itemsMax} were asked`)
  const items: ProofItem[] = []
  while (items.length < count) items.push(readItem(reader, collection))
  return items
}

function readItem(reader: DeterministicReader, collection: StateCollection): ProofItem {
  const fields = reader.array()
  if (fields !== 2 && fields !== 3)
    throw new StateProofError('form', collection, `an item of ${fields} items, 2 or 3 are needed`)
  const key = reader.bytes()
  const depth = reader.uint()
  if (depth > STATE_DEPTH_MAX)
    throw new StateProofError('depth', collection, `Depth ${depth}, at most ${STATE_DEPTH_MAX} is possible`)
  const answer: ItemAnswer = fields === 2 ? { kind: 'empty' } : readAnswer(reader, collection)
  return { key, depth: Number(depth), answer }
}

function readAnswer(reader: DeterministicReader, collection: StateCollection): ItemAnswer {
  const { majorType } = reader
  if (majorType !== ARRAY && majorType !== BYTES) return { kind: 'other-leaf', leaf: readOtherLeaf(reader, collection) }
  return { kind: 'object', object: collection === 'Orders' ? readOrder(reader) : { value: reader.bytes() } }
}

function readOrder(reader: DeterministicReader): StateObject {
  const items = reader.array()
  if (items !== 3) throw new StateProofError('form', 'Orders', `an answer of ${items} items, 3 are needed`)
  const value = reader.bytes()
  const lastSeq = reader.uint()
  return { value, history: { lastSeq, trail: bytesOf(reader, DIGEST_BYTES, 'Orders', 'Trail') } }
}

function readOtherLeaf(
  reader: DeterministicReader,
  collection: StateCollection,
): Pick<TreeLeaf, 'keyHash' | 'valueHash'> {
  const fields = reader.map()
  if (fields !== 2)
    throw new StateProofError('form', collection, `another leaf of ${fields} fields, 1 and 2 are needed`)
  const [keyHash, valueHash] = [1n, 2n].map((wanted) => {
    const name = reader.uint()
    if (name !== wanted) throw new StateProofError('form', collection, `another leaf's field ${name}, not ${wanted}`)
    return bytesOf(reader, DIGEST_BYTES, collection, `another leaf's field ${wanted}`)
  })
  return { keyHash: keyHash!, valueHash: valueHash! }
}

/** The text that stands where another one should. */
function quoted(reader: DeterministicReader): string {
  return JSON.stringify(reader.text().slice(0, 64))
}
