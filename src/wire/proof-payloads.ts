/**
 * What is proven, as it is sent (PROOFS §4): the payloads of answers, the objects of a snapshot, salts, questions. All
 * of it is deterministic CBOR, by the rules of cddl/proof-payloads.cddl. Reading says what is claimed, and nothing of
 * whether it is true: signatures, paths and roots are for the verifiers of proofs/ and merkle/.
 *
 * Tests: test/wire/proof-payloads.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import { checkDeterministic, DeterministicReader } from '../codec/deterministic-form.js'
import { CborEncoded, encode, encodeIn, type Encodable } from '../codec/encode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { arrayOf, optional, required, SchemaError, struct, tuple, uint, type Infer } from '../codec/schema.js'
import { mapFields, type Span } from '../codec/span.js'
import { CborError, type CborKey } from '../codec/value.js'
import { LISTED_ORDERS_MAX, OBJECT_BYTES_MAX } from '../limits.js'
import { encodeLevel, readLevel, STATE_COLLECTIONS, type Level } from '../merkle/state-level.js'
import { StateProofError } from '../merkle/state-proof-error.js'
import type { StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import { bytes32, orderId } from '../objects/scalars.js'
import { Last, SignedCheckpoint } from '../proofs/checkpoint-form.js'
import { LogConsistency, LogInclusion } from '../proofs/log-proof.js'

const seq = uint(64, 1n)

/** To a write: `Seq` of its set, the digests of the state after it, 32 bytes each. */
export const WriteAnswer = struct(
  { Seq: required(seq), StateRoot: required(bytes32), StateHash: required(bytes32) },
  { unlisted: 'refused' },
)
export type WriteAnswer = Infer<typeof WriteAnswer>

/** `[order id, seq of the set that added it]`, by rising seq, as the patches stand. */
export const AddedOrders = arrayOf(tuple(orderId, seq), LISTED_ORDERS_MAX)
export type AddedOrders = Infer<typeof AddedOrders>

/** The salts that a session may have, 32 bytes each. */
const Salts = struct({ Inventory: optional(bytes32), Orders: optional(bytes32) }, { unlisted: 'refused' })
type Salts = Infer<typeof Salts>

/** What every answer that proves something begins with. */
export interface ProvenAnswer {
  readonly Checkpoint: SignedCheckpoint
  readonly Last: Last
}

export interface StateProofAnswer extends ProvenAnswer {
  /** The bytes of StateProofs, for verifyStateProofs. */
  readonly Proofs: Uint8Array
  /** All orders of the card that asked, where it asked for them. */
  readonly List?: AddedOrders | undefined
}

export interface LogProofAnswer extends ProvenAnswer {
  readonly Inclusion: LogInclusion
  /** As in the leaf of the set, 32 bytes each. */
  readonly Set: Uint8Array
  readonly StateRoot: Uint8Array
  /** From the seq that was named, if the checkpoint's is another. */
  readonly Consistency?: LogConsistency | undefined
}

export interface CheckpointAnswer extends ProvenAnswer {
  /** Of the checkpoint's StateRoot. */
  readonly Level: Level
  readonly Consistency?: LogConsistency | undefined
}

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
export function encodeWriteAnswer(answer: WriteAnswer): Uint8Array {
  return encode(WriteAnswer.write(answer))
}

/** Views, like all that is read here. Throws ProofPayloadError, like all readers here. */
export function readWriteAnswer(bytes: Uint8Array): WriteAnswer {
  return reading('write answer', () => readDeterministic(WriteAnswer, bytes, 'write answer'))
}

export function encodeSalts(salts: Salts): Uint8Array {
  return encode(Salts.write(salts))
}

export function readSalts(bytes: Uint8Array): Salts {
  return reading('salts', () => readDeterministic(Salts, bytes, 'salts'))
}

export function encodeStateProofAnswer({ Proofs, List, ...proven }: StateProofAnswer): Uint8Array {
  const map = beginning(proven)
  map.set('Proofs', new CborEncoded(Proofs))
  if (List !== undefined) map.set('List', AddedOrders.write(List))
  return encode(map)
}

export function readStateProofAnswer(bytes: Uint8Array): StateProofAnswer {
  return readAnswer('state proof answer', bytes, ['Proofs'], ['List'], (fields) => ({
    ...readBeginning(fields),
    Proofs: fields.bytesOf('Proofs'),
    ...fields.ifThere('List', AddedOrders),
  }))
}

export function encodeLogProofAnswer({ Inclusion, Set, StateRoot, ...rest }: LogProofAnswer): Uint8Array {
  const map = beginning(rest)
  map.set('Inclusion', LogInclusion.write(Inclusion))
  map.set('Set', Set)
  map.set('StateRoot', StateRoot)
  return encode(map)
}

export function readLogProofAnswer(bytes: Uint8Array): LogProofAnswer {
  return readAnswer('log proof answer', bytes, ['Inclusion', 'Set', 'StateRoot'], ['Consistency'], (fields) => ({
    ...readBeginning(fields),
    Inclusion: fields.read('Inclusion', LogInclusion),
    Set: fields.read('Set', bytes32),
    StateRoot: fields.read('StateRoot', bytes32),
    ...fields.ifThere('Consistency', LogConsistency),
  }))
}

export function encodeCheckpointAnswer({ Level, ...rest }: CheckpointAnswer): Uint8Array {
  const map = beginning(rest)
  map.set('Level', new CborEncoded(encodeLevel(Level)))
  return encode(map)
}

export function readCheckpointAnswer(bytes: Uint8Array): CheckpointAnswer {
  return readAnswer('checkpoint answer', bytes, ['Level'], ['Consistency'], (fields) => ({
    ...readBeginning(fields),
    Level: readLevel(fields.bytesOf('Level')),
    ...fields.ifThere('Consistency', LogConsistency),
  }))
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

function beginning({
  Checkpoint,
  Last: last,
  Consistency,
}: ProvenAnswer & { readonly Consistency?: LogConsistency | undefined }): Map<CborKey, Encodable> {
  const map = new Map<CborKey, Encodable>([
    ['Checkpoint', SignedCheckpoint.write(Checkpoint)],
    ['Last', Last.write(last)],
  ])
  if (Consistency !== undefined) map.set('Consistency', LogConsistency.write(Consistency))
  return map
}

function readBeginning(fields: AnswerFields): ProvenAnswer {
  return { Checkpoint: fields.read('Checkpoint', SignedCheckpoint), Last: fields.read('Last', Last) }
}

/** The fields of an answer as the bytes that they are. */
class AnswerFields {
  private readonly bytes: Uint8Array
  private readonly spans: ReadonlyMap<string, Span>

  constructor(bytes: Uint8Array, spans: ReadonlyMap<string, Span>) {
    this.bytes = bytes
    this.spans = spans
  }

  bytesOf(name: string): Uint8Array {
    const { start, end } = this.spans.get(name)!
    return this.bytes.subarray(start, end)
  }

  read<T>(name: string, schema: Parameters<typeof readDeterministic<T>>[0]): T {
    return readDeterministic(schema, this.bytesOf(name), name)
  }

  ifThere<const N extends string, T>(
    name: N,
    schema: Parameters<typeof readDeterministic<T>>[0],
  ): { readonly [K in N]?: T } {
    return (this.spans.has(name) ? { [name]: this.read(name, schema) } : {}) as { readonly [K in N]?: T }
  }
}

/** `needed` beside Checkpoint and Last. */
function readAnswer<T>(
  where: string,
  bytes: Uint8Array,
  needed: readonly string[],
  allowed: readonly string[],
  read: (fields: AnswerFields) => T,
): T {
  return reading(where, () => {
    checkDeterministic(bytes)
    const spans = mapFields(bytes, 0)
    const all = ['Checkpoint', 'Last', ...needed]
    for (const name of all) if (!spans.has(name)) throw new ProofPayloadError(where, `${name} is missing`)
    for (const name of spans.keys())
      if (!all.includes(name) && !allowed.includes(name))
        throw new ProofPayloadError(where, `an unknown field ${JSON.stringify(name.slice(0, 64))}`)
    return read(new AnswerFields(bytes, spans))
  })
}

function readItems<T>(where: string, bytes: Uint8Array, read: (reader: DeterministicReader) => T): T {
  return reading(where, () => {
    const reader = new DeterministicReader(bytes)
    const result = read(reader)
    reader.end()
    return result
  })
}

function reading<T>(where: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof SchemaError) throw new ProofPayloadError(where, error.message, error)
    if (error instanceof CborError || error instanceof StateProofError)
      throw new ProofPayloadError(where, error.message, error)
    throw error
  }
}
