/**
 * What the store keeps of the checkpoint of one set: the bytes that were signed first, which never change again, their
 * signature once there is one, and the bytes that were signed last where those are others.
 *
 *     [First bytes, Signature bytes65 or empty, Newest bytes, empty where it is First]
 *
 * Tests: test/relay/checkpoints/checkpoints.test.ts
 */

import { readDeterministic } from '../../codec/deterministic.js'
import { encode } from '../../codec/encode.js'
import { bytes, tuple } from '../../codec/schema.js'

const Row = tuple(bytes(1, 4_096), bytes(0, 65), bytes(0, 4_096))

export interface StoredCheckpoint {
  readonly first: Uint8Array
  /** 65 bytes; undefined until the first was signed, or where a crash came in between. */
  readonly signature: Uint8Array | undefined
  readonly newest: Uint8Array
}

export function encodeStored({ first, signature, newest }: StoredCheckpoint): Uint8Array {
  const none = new Uint8Array(0)
  return encode(Row.write([first, signature ?? none, newest === first ? none : newest]))
}

/** Throws CborError and SchemaError: the row is under a checksum, so that is a bug. */
export function decodeStored(value: Uint8Array): StoredCheckpoint {
  const [first, signature, newest] = readDeterministic(Row, value, 'stored checkpoint')
  return {
    first,
    signature: signature.length === 0 ? undefined : signature,
    newest: newest.length === 0 ? first : newest,
  }
}
