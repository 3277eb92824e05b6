/**
 * Set: one PatchSet in a push, with the patches of it that a subscription selects (PROTOCOL §7, §10). Encoded once,
 * with field number and length, and then shared by the pushes of all sessions that select the same.
 */

import { SETS, setType, type EncodedSet, type PushedSet } from './messages.js'
import { LENGTH_DELIMITED, ProtobufError, ProtobufReader, fieldLength, fieldTag, writeFieldHead } from './protobuf.js'

export type { PushedSet } from './messages.js'

/** A fresh array, to be given to encodePushEnvelope. Integers beyond their fields are bugs. */
export function encodeSet(set: PushedSet): EncodedSet {
  const bodyLength = setType.bodyLength(set)
  const encoded = new Uint8Array(fieldLength(bodyLength))
  setType.writeBody(encoded, writeFieldHead(encoded, 0, SETS, bodyLength), set)
  return encoded
}

/**
 * The length of what encodeSet makes: what the set adds to the frame of a push, but for that frame's own length prefix.
 */
export function pushSetLength(set: PushedSet): number {
  return fieldLength(setType.bodyLength(set))
}

/**
 * Reads what encodeSet makes, and a set in a push's frame. Byte strings are views. Throws PushedSetError.
 *
 * @example
 * ```ts
 * import { decodeSet } from 'cairn-relay/verify'
 *
 * console.log(decodeSet(Uint8Array.of(0x12, 0x02, 0x08, 0x07)).seq) // 7n
 * ```
 */
export function decodeSet(encoded: EncodedSet): PushedSet {
  try {
    const reader = new ProtobufReader(encoded)
    if (reader.next() && reader.tag === fieldTag(SETS, LENGTH_DELIMITED)) return setType.read(reader)
  } catch (error) {
    if (error instanceof ProtobufError) throw new PushedSetError(`not a set: ${error.message}`)
    throw error
  }
  throw new PushedSetError('not a set: another field')
}

/** Bytes that are no pushed set. */
export class PushedSetError extends Error {
  override readonly name = 'PushedSetError'
}
