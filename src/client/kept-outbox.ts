/**
 * What an outbox keeps between two runs, in bytes: CBOR [version, purpose, last nonce, cart, card kept, writes,
 * refused], and behind that, where there are some, the outboxes of other cards, bytes of the same form. A write is
 * [id, at, patches, [expected seq], [header, signature]], the last two empty where there is none; a refused one [id,
 * at, patches, code, message].
 *
 * Tests: test/client/outbox.test.ts
 */

import type { Seconds } from '../brands.js'
import { DeterministicReader } from '../codec/deterministic-form.js'
import { encode, type Encodable } from '../codec/encode.js'

export interface KeptWrite {
  /** Unlike that of any other write of this device. */
  readonly id: bigint
  /** When it was made. */
  readonly at: Seconds
  readonly patches: readonly Uint8Array[]
  readonly ifSeq: bigint | undefined
  /** Once it is to be sent: it may have been, and these bytes alone are sent again. */
  readonly signed: { readonly header: Uint8Array; readonly signature: Uint8Array } | undefined
}

export interface KeptRefusal {
  readonly id: bigint
  readonly at: Seconds
  readonly patches: readonly Uint8Array[]
  readonly code: string
  readonly message: string
}

export interface KeptOutbox {
  /** Shop, relay and card, with a space between: writes of another card cannot be sent. */
  readonly purpose: string
  readonly lastNonce: bigint
  /** As `cart.save` gives it; empty for none. */
  readonly cart: string
  /** The guest was offered his card as a text. */
  readonly isCardKept: boolean
  /** In their order. */
  readonly writes: readonly KeptWrite[]
  readonly refused: readonly KeptRefusal[]
  /** What other cards wrote at the same place, and is theirs to send: of each its bytes, with none of these. */
  readonly others: readonly Uint8Array[]
}

/** Bytes that are no kept outbox, or of another version of it. */
class KeptOutboxError extends Error {
  override readonly name = 'KeptOutboxError'
}

const VERSION = 1n
/** Without and with what other cards wrote. */
const FIELDS = [7, 8]

/** Fresh. */
export function encodeOutbox(kept: KeptOutbox): Uint8Array {
  const { purpose, lastNonce, cart, isCardKept, writes, refused, others } = kept
  const sent = writes.map(({ id, at, patches, ifSeq, signed }): Encodable => [
    id,
    at,
    [...patches],
    ifSeq === undefined ? [] : [ifSeq],
    signed === undefined ? [] : [signed.header, signed.signature],
  ])
  const told = refused.map(({ id, at, patches, code, message }): Encodable => [id, at, [...patches], code, message])
  const theirs: Encodable[] = others.length === 0 ? [] : [[...others]]
  return encode([VERSION, purpose, lastNonce, cart, isCardKept, sent, told, ...theirs])
}

/** Byte strings are views. Throws KeptOutboxError, CborError. */
export function readOutbox(bytes: Uint8Array): KeptOutbox {
  const reader = new DeterministicReader(bytes)
  const fields = reader.array()
  const version = reader.uint()
  if (version !== VERSION || !FIELDS.includes(fields))
    throw new KeptOutboxError(
      `version ${version} with ${fields} fields, and ${VERSION} with ${FIELDS.join(' or ')} is known`,
    )
  const kept = {
    purpose: reader.text(),
    lastNonce: reader.uint(),
    cart: reader.text(),
    isCardKept: reader.takeBool() === true,
    writes: listOf(reader, () => readWrite(reader)),
    refused: listOf(reader, () => readRefusal(reader)),
    others: fields === FIELDS[0] ? [] : listOf(reader, () => reader.bytes()),
  }
  reader.end()
  return kept
}

function readWrite(reader: DeterministicReader): KeptWrite {
  reader.array()
  const [id, at] = [reader.uint(), reader.uint()]
  const patches = listOf(reader, () => reader.bytes())
  const [ifSeq] = listOf(reader, () => reader.uint())
  const [header, signature] = listOf(reader, () => reader.bytes())
  return { id, at, patches, ifSeq, signed: header && signature && { header, signature } }
}

function readRefusal(reader: DeterministicReader): KeptRefusal {
  reader.array()
  const [id, at] = [reader.uint(), reader.uint()]
  const patches = listOf(reader, () => reader.bytes())
  return { id, at, patches, code: reader.text(), message: reader.text() }
}

function listOf<T>(reader: DeterministicReader, read: () => T): T[] {
  return Array.from({ length: reader.array() }, read)
}
