/**
 * Why a state proof is refused (PROOFS §1.2).
 *
 * Tests: test/merkle/state-proof-refusals.test.ts, test/merkle/state-kat.test.ts
 */

import { DeterministicReader } from '../codec/deterministic-form.js'
import { CborError } from '../codec/value.js'

/** One per rule. */
export type StateProofErrorCode =
  /** what was asked is in no state proof: the guests' account, a key of Orders that is neither an id nor a card */
  | 'question'
  /** bytes that are not the deterministic CBOR of anything, those of a value or manifest too */
  | 'encoding'
  /** an unknown or missing field, another type or length */
  | 'form'
  | 'schema-version'
  /** null in the level where nothing yields the digest, or a digest where the proof does */
  | 'level-null'
  /** an unknown collection, or one that comes again or out of order */
  | 'part-order'
  /** items not by strictly rising K */
  | 'item-order'
  | 'depth'
  /** other objects are answered than were asked */
  | 'answers'
  | 'manifest-shop'
  /** an object whose ID is not its key */
  | 'object-id'
  /** an entry of a card among the Orders that is no number from 1 on */
  | 'card-entry'
  | 'card-periods'
  /** another leaf that does not show that the key is absent: it is the key's own, or not on its way */
  | 'other-leaf'
  /** items end at one place with different digests, or one ends above another */
  | 'ends'
  /** a place above a lone leaf, or above nothing */
  | 'not-hoisted'
  | 'empty-siblings'
  | 'siblings'
  | 'zero-sibling'
  | 'state-root'

/** `where` is the part of the proof: a collection and key as `Inventory/00000000000e168f`, `Level`, `Manifest`. */
export class StateProofError extends Error {
  override readonly name = 'StateProofError'
  readonly code: StateProofErrorCode
  readonly where: string

  constructor(code: StateProofErrorCode, where: string, problem: string, cause?: unknown) {
    super(`${where}: ${problem}`, cause === undefined ? undefined : { cause })
    this.code = code
    this.where = where
  }
}

/** What `read` makes of bytes, all of them. Throws StateProofError 'encoding' and 'form', and what `read` throws. */
export function readAll<T>(where: string, bytes: Uint8Array, read: (reader: DeterministicReader) => T): T {
  return refusing(
    () => {
      const reader = new DeterministicReader(bytes)
      const result = read(reader)
      reader.end()
      return result
    },
    () => where,
  )
}

/** The next item, a byte string of `length` bytes. Throws StateProofError 'form', CborError. */
export function bytesOf(reader: DeterministicReader, length: number, where: string, what: string): Uint8Array {
  const bytes = reader.bytes()
  if (bytes.length !== length)
    throw new StateProofError('form', where, `${what} has ${bytes.length} bytes, ${length} are needed`)
  return bytes
}

/** The result of `check`, whose CborError becomes a StateProofError of the place that `where` names. */
export function refusing<T>(check: () => T, where: () => string): T {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof CborError)) throw error
    throw new StateProofError(error.code === 'shape' ? 'form' : 'encoding', where(), error.message, error)
  }
}
