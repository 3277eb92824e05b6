/**
 * Set: one PatchSet in a push, with the patches of it that a subscription selects (PROTOCOL §7, §10). Encoded once, with
 * field number and length, and then shared by the pushes of all sessions that select the same.
 */

import { assert } from '../assert.js'
import type { EncodedSet } from './messages.js'
import {
  LENGTH_DELIMITED,
  ProtobufError,
  ProtobufReader,
  VARINT,
  fieldLength,
  fieldTag,
  varint64,
  writeField,
  writeFieldHead,
} from './protobuf.js'

/**
 * `seq`: unsigned, 64 bits; `leafIndex`: of the first of `patches` in its set, unsigned, 32 bits; `header`, `signature`
 * and `patches` as received; `proofs`: one for each patch.
 */
export interface PushedSet {
  readonly seq: bigint
  readonly leafIndex: number
  readonly header: Uint8Array
  readonly signature: Uint8Array
  readonly patches: readonly Uint8Array[]
  readonly proofs: readonly Uint8Array[]
}

/** A fresh array, to be given to encodePushEnvelope. Integers beyond their fields are bugs. */
export function encodeSet(set: PushedSet): EncodedSet {
  const bodyLength = setBodyLength(set)
  const encoded = new Uint8Array(fieldLength(bodyLength))
  let offset = writeFieldHead(encoded, 0, 2, bodyLength)
  offset = writeInteger(encoded, offset, 1, set.seq)
  offset = writeInteger(encoded, offset, 2, BigInt(set.leafIndex))
  if (set.header.length > 0) offset = writeField(encoded, offset, 3, set.header)
  if (set.signature.length > 0) offset = writeField(encoded, offset, 4, set.signature)
  for (const patch of set.patches) offset = writeField(encoded, offset, 5, patch)
  for (const proof of set.proofs) offset = writeField(encoded, offset, 6, proof)
  return encoded
}

/** The length of what encodeSet makes: what the set adds to the frame of a push, but for that frame's own length prefix. */
export function pushSetLength(set: PushedSet): number {
  return fieldLength(setBodyLength(set))
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
    if (reader.next() && reader.tag === fieldTag(2, LENGTH_DELIMITED)) return readSet(reader.bytes())
  } catch (error) {
    if (error instanceof ProtobufError) throw new PushedSetError(`not a set: ${error.message}`)
    throw error
  }
  throw new PushedSetError('not a set: another field')
}

export class PushedSetError extends Error {
  override readonly name = 'PushedSetError'
}

const EMPTY: Uint8Array = new Uint8Array(0)

function readSet(body: Uint8Array): PushedSet {
  const reader = new ProtobufReader(body)
  const patches: Uint8Array[] = []
  const proofs: Uint8Array[] = []
  const set = { seq: 0n, leafIndex: 0, header: EMPTY, signature: EMPTY, patches, proofs }
  while (reader.next()) {
    if (reader.tag === fieldTag(1, VARINT)) set.seq = reader.uint64()
    else if (reader.tag === fieldTag(2, VARINT)) set.leafIndex = reader.uint32()
    else if (reader.tag === fieldTag(3, LENGTH_DELIMITED)) set.header = reader.bytes()
    else if (reader.tag === fieldTag(4, LENGTH_DELIMITED)) set.signature = reader.bytes()
    else if (reader.tag === fieldTag(5, LENGTH_DELIMITED)) patches.push(reader.bytes())
    else if (reader.tag === fieldTag(6, LENGTH_DELIMITED)) proofs.push(reader.bytes())
  }
  return set
}

function setBodyLength(set: PushedSet): number {
  assert(BigInt.asUintN(64, set.seq) === set.seq, `sequence number ${set.seq}`)
  assert(set.leafIndex >>> 0 === set.leafIndex, `leaf index ${set.leafIndex}`)
  let length = integerLength(set.seq) + integerLength(BigInt(set.leafIndex))
  if (set.header.length > 0) length += fieldLength(set.header.length)
  if (set.signature.length > 0) length += fieldLength(set.signature.length)
  for (const patch of set.patches) length += fieldLength(patch.length)
  for (const proof of set.proofs) length += fieldLength(proof.length)
  return length
}

/** Fields of value 0 are not written. */
function integerLength(value: bigint): number {
  return value === 0n ? 0 : 1 + varint64(value).length
}

function writeInteger(target: Uint8Array, offset: number, field: number, value: bigint): number {
  if (value === 0n) return offset
  const varint = varint64(value)
  target[offset] = fieldTag(field, VARINT)
  target.set(varint, offset + 1)
  return offset + 1 + varint.length
}
