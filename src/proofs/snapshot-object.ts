/**
 * The objects of a snapshot as bytes (PROOFS §4): CBOR [Collection, Key, Value], of Orders with LastSeq and Trail, of
 * the guests' account in pieces [Accounts, Key, bytes, more]. Written, and read as what they claim.
 *
 * Tests: test/proofs/snapshot.test.ts, test/cli/replica-vectors.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import type { DeterministicReader } from '../codec/deterministic-form.js'
import { encode, type Encodable } from '../codec/encode.js'
import type { CborKey } from '../codec/value.js'
import { SNAPSHOT_PIECE_BYTES_MAX } from '../limits.js'
import { SALTED_COLLECTIONS, STATE_COLLECTIONS, type SaltedCollection } from '../merkle/state-level.js'
import { bytesOf, readAll, StateProofError } from '../merkle/state-proof-error.js'
import type { StateQuestion } from '../merkle/state-question.js'
import { DIGEST_BYTES, type StateObject } from '../merkle/state-tree.js'
import { GUESTS_ACCOUNT } from '../objects/account.js'

/** An object, or a piece of the guests' account and whether more of it follow; byte strings are views. */
export type SnapshotItem =
  | { readonly question: StateQuestion; readonly object: StateObject }
  | { readonly question: StateQuestion; readonly piece: Uint8Array; readonly more: boolean }

/** Whether an object is sent in pieces: the guests' account, which grows with every guest. */
export function isInPieces([collection, key]: StateQuestion): boolean {
  return collection === 'Accounts' && key.length === GUESTS_ACCOUNT.length && isAllZero(key)
}

/** Fresh. Of the guests' account as many as its value needs, of any other object one. */
export function encodeSnapshotObject(question: StateQuestion, { value, history }: StateObject): Uint8Array[] {
  const [collection, key] = question
  if (history !== undefined) return [encode([collection, key, value, history.lastSeq, history.trail])]
  if (!isInPieces(question)) return [encode([collection, key, value])]
  const pieces: Uint8Array[] = []
  for (let at = 0; at < value.length; at += SNAPSHOT_PIECE_BYTES_MAX) {
    const end = Math.min(value.length, at + SNAPSHOT_PIECE_BYTES_MAX)
    pieces.push(encode([collection, key, value.subarray(at, end), end < value.length]))
  }
  return pieces
}

/** Throws StateProofError 'encoding', 'form'. */
export function readSnapshotItem(bytes: Uint8Array): SnapshotItem {
  return readAll('snapshot object', bytes, (reader) => {
    const items = reader.array()
    if (items < 3) throw new StateProofError('form', 'snapshot object', `${items} items, at least 3 are needed`)
    const question = readQuestion(reader)
    if (question[0] === 'Orders') return readOrder(reader, question, items)
    if (isInPieces(question)) return readPiece(reader, question, items)
    requireItems(items, 3, question[0])
    return { question, object: { value: reader.bytes() } }
  })
}

function readQuestion(reader: DeterministicReader): StateQuestion {
  const collection = reader.takeText('Manifest') ? 'Manifest' : STATE_COLLECTIONS.find((name) => reader.takeText(name))
  if (collection !== undefined) return [collection, reader.bytes()]
  const name = JSON.stringify(reader.text().slice(0, 64))
  throw new StateProofError('form', 'snapshot object', `there is no collection ${name}`)
}

function readOrder(reader: DeterministicReader, question: StateQuestion, items: number): SnapshotItem {
  requireItems(items, 5, 'Orders')
  const value = reader.bytes()
  const lastSeq = reader.uint()
  return { question, object: { value, history: { lastSeq, trail: bytesOf(reader, DIGEST_BYTES, 'Orders', 'Trail') } } }
}

function readPiece(reader: DeterministicReader, question: StateQuestion, items: number): SnapshotItem {
  requireItems(items, 4, "Accounts, the guests' account")
  return { question, piece: reader.bytes(), more: reader.bool() }
}

function requireItems(items: number, wanted: number, what: string): void {
  if (items !== wanted) throw new StateProofError('form', what, `an object of ${items} items, ${wanted} are needed`)
}

/** The salts that a session may have, 32 bytes each. */
export type Salts = Partial<Readonly<Record<SaltedCollection, Uint8Array>>>

/** CBOR {? Inventory, ? Orders}, fresh. */
export function encodeSalts(salts: Salts): Uint8Array {
  const fields = SALTED_COLLECTIONS.filter((name) => salts[name] !== undefined)
  return encode(new Map<CborKey, Encodable>(fields.map((name) => [name, salts[name]!])))
}

/** What encodeSalts made; no salts of no bytes. They are views. Throws StateProofError 'encoding', 'form'. */
export function readSalts(bytes: Uint8Array): Salts {
  if (bytes.length === 0) return {}
  return readAll('salts', bytes, (reader) => {
    const salts: { -readonly [Name in keyof Salts]: Salts[Name] } = {}
    const count = reader.map()
    // In deterministic order: the shorter name first.
    for (const name of ['Orders', 'Inventory'] as const)
      if (reader.takeText(name)) salts[name] = bytesOf(reader, DIGEST_BYTES, 'salts', name)
    const taken = Object.keys(salts).length
    if (taken === count) return salts
    throw new StateProofError('form', 'salts', `${count} fields, of which ${taken} are Orders and Inventory in order`)
  })
}
