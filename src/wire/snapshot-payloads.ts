/**
 * What a snapshot consists of, and questions for proofs, as they are sent (PROOFS §4): deterministic CBOR, by the rules
 * of cddl/proof-payloads.cddl. Answers are in proof-payloads.ts.
 *
 * Tests: test/wire/proof-payloads.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import { DeterministicReader } from '../codec/deterministic-form.js'
import { encode, encodeIn, type Encodable } from '../codec/encode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { optional, SchemaError, struct, type Infer } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { OBJECT_BYTES_MAX } from '../limits.js'
import { STATE_COLLECTIONS } from '../merkle/state-level.js'
import { StateProofError } from '../merkle/state-proof-error.js'
import type { StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import { bytes32 } from '../objects/scalars.js'

/** The salts that a session may have, 32 bytes each. */
const Salts = struct({ Inventory: optional(bytes32), Orders: optional(bytes32) }, { unlisted: 'refused' })
type Salts = Infer<typeof Salts>

/** An object in a snapshot; the manifest has an empty key. */
export interface SnapshotObject {
  readonly question: StateQuestion
  /** `value`: canonical bytes, as they are hashed; of the guests' account a piece. `history`: of Orders. */
  readonly object: StateObject
  /** Of the guests' account only: whether another piece follows. */
  readonly more?: boolean | undefined
}

/** Bytes that are not what they should be; `where` is a field, or the whole. */
export class ProofPayloadError extends Error {
  override readonly name = 'ProofPayloadError'
  readonly where: string

  constructor(where: string, problem: string, cause?: unknown) {
    super(`${where}: ${problem}`, { cause })
    this.where = where
  }
}

/** Fresh, like all that is encoded here. */
export function encodeSalts(salts: Salts): Uint8Array {
  return encode(Salts.write(salts))
}

/** Views, like all that is read here. Throws ProofPayloadError, like all readers here. */
export function readSalts(bytes: Uint8Array): Salts {
  return reading('salts', () => readDeterministic(Salts, bytes, 'salts'))
}

/** As state_proof_request carries it. */
export function encodeStateQuestion([collection, key]: StateQuestion): Uint8Array {
  return encode([collection, key])
}

export function readStateQuestion(bytes: Uint8Array): StateQuestion {
  return readItems('question', bytes, (reader) => {
    const items = reader.array()
    if (items !== 2) throw new ProofPayloadError('question', `${items} items, Collection and Key are needed`)
    return [readCollection(reader, 'question'), reader.bytes()]
  })
}

export function encodeSnapshotObject(object: SnapshotObject): Uint8Array {
  return encode(snapshotItems(object))
}

/** The same as a view of `room` from `at` on, and fresh where it is too small. */
export function encodeSnapshotObjectIn(room: Uint8Array, at: number, object: SnapshotObject): Uint8Array {
  return encodeIn(room, at, snapshotItems(object))
}

function snapshotItems({ question, object, more }: SnapshotObject): Encodable[] {
  const items: Encodable[] = [...question, object.value]
  if (object.history !== undefined) items.push(object.history.lastSeq, object.history.trail)
  if (more !== undefined) items.push(more)
  return items
}

/** LastSeq and Trail stand with Orders only, `more` with the guests' account only, and have to. */
export function readSnapshotObject(bytes: Uint8Array): SnapshotObject {
  const where = 'snapshot object'
  return readItems(where, bytes, (reader) => {
    const items = reader.array()
    const collection = readCollection(reader, where)
    const key = reader.bytes()
    const question: StateQuestion = [collection, key]
    const isPiece = isGuestsAccount(question)
    const wanted = collection === 'Orders' ? 5 : isPiece ? 4 : 3
    if (items !== wanted) throw new ProofPayloadError(where, `${items} items of ${collection}, ${wanted} are needed`)
    const value = reader.bytes()
    const smallest = isPiece ? 1 : 0
    if (value.length < smallest || value.length > OBJECT_BYTES_MAX)
      throw new ProofPayloadError(where, `${value.length} bytes, not ${smallest} to ${OBJECT_BYTES_MAX}`)
    if (collection === 'Orders') return { question, object: { value, history: readHistory(reader, where) } }
    return isPiece ? { question, object: { value }, more: readMore(reader, where) } : { question, object: { value } }
  })
}

/** Whether it is asked for the account of the zero address, which is as large as the shop has guests. */
export function isGuestsAccount([collection, key]: StateQuestion): boolean {
  return collection === 'Accounts' && key.length === 20 && isAllZero(key)
}

function readCollection(reader: DeterministicReader, where: string): StateQuestion[0] {
  const found = (['Manifest', ...STATE_COLLECTIONS] as const).find((name) => reader.takeText(name))
  if (found === undefined)
    throw new ProofPayloadError(where, `no collection, ${STATE_COLLECTIONS.join(', ')}, Manifest`)
  return found
}

function readHistory(reader: DeterministicReader, where: string) {
  const lastSeq = reader.uint()
  const trail = reader.bytes()
  if (trail.length !== 32) throw new ProofPayloadError(where, `a Trail of ${trail.length} bytes, 32 are needed`)
  return { lastSeq, trail }
}

function readMore(reader: DeterministicReader, where: string): boolean {
  const more = reader.takeBool()
  if (more === undefined) throw new ProofPayloadError(where, 'more is neither true nor false')
  return more
}

function readItems<T>(where: string, bytes: Uint8Array, read: (reader: DeterministicReader) => T): T {
  return reading(where, () => {
    const reader = new DeterministicReader(bytes)
    const result = read(reader)
    reader.end()
    return result
  })
}

/** What `read` gives; whatever is wrong with the bytes is a ProofPayloadError. */
export function reading<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SchemaError) throw new ProofPayloadError(where, error.message, error)
    if (error instanceof CborError || error instanceof StateProofError)
      throw new ProofPayloadError(where, error.message, error)
    throw error
  }
}
