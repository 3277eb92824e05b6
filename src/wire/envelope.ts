/**
 * Envelope: the one message that a binary WebSocket frame holds (PROTOCOL §7, cddl/envelope.proto). A success without
 * payload is written as an empty GenericResponse (`1200`), the form that existing clients send themselves; one with an
 * empty payload (`12021200`) is read as the same.
 */

import { AssertionError } from '../assert.js'
import type { MessageType } from './descriptor.js'
import {
  members4,
  members5,
  REQUEST_ID,
  requestIdType,
  type EncodedSet,
  type Envelope,
  type Message,
} from './messages.js'
import { LENGTH_DELIMITED, ProtobufError, ProtobufReader, fieldLength, fieldTag, writeFieldHead } from './protobuf.js'

/** Of a session: /v4/sessions or /v5/sessions (PROOFS §4). */
export type WireVersion = 4 | 5

/**
 * Reads one frame of a session of that version: what a later one adds is unknown in it. Byte strings in the result are
 * views of the frame, and none is made for less than two bytes of it: memory stays within a small multiple of the
 * frame. Unknown fields are ignored. Throws EnvelopeError, and nothing else, on a frame for which the session has to be
 * closed (§8).
 */
export function decodeEnvelope(frame: Uint8Array, version: WireVersion = 4): Envelope {
  try {
    return readEnvelope(frame, typesByTag[version])
  } catch (error) {
    if (error instanceof ProtobufError) throw new EnvelopeError('malformed', `not an envelope: ${error.message}`)
    throw error
  }
}

/**
 * The bytes of one frame; what the version of its session does not have must not be in it. Integers beyond their
 * fields, and a request id of 0, are bugs.
 */
export function encodeEnvelope({ requestId, message }: Envelope): Uint8Array {
  const { number, type } = byKind.get(message.kind)!
  const bodyLength = type.bodyLength(message)
  const frame = new Uint8Array(requestIdLength(requestId) + fieldLength(bodyLength, number))
  frame[0] = ID_TAG
  const idEnd = requestIdType.write(frame, 1, requestId)
  type.writeBody(frame, writeFieldHead(frame, idEnd, number, bodyLength), message)
  return frame
}

/** The frame of a push of `sets`, which are copied into it as they are: encode each set once, for all its sessions. */
export function encodePushEnvelope(
  requestId: bigint,
  subscriptionId: Uint8Array,
  sets: readonly EncodedSet[],
): Uint8Array {
  return encodeEnvelope({ requestId, message: { kind: 'push', subscriptionId, sets } })
}

/** The length of the frame that encodePushEnvelope makes of sets that are `setsLength` bytes long together. */
export function pushEnvelopeLength(requestId: bigint, subscriptionId: Uint8Array, setsLength: number): number {
  const idLength = subscriptionId.length === 0 ? 0 : fieldLength(subscriptionId.length)
  return requestIdLength(requestId) + fieldLength(idLength + setsLength)
}

/** What stands before the sets of such a frame. */
interface PushHead {
  readonly requestId: bigint
  readonly subscriptionId: Uint8Array
  /** Of the sets together, bytes. */
  readonly setsLength: number
}

/** How many bytes it has. */
export function pushHeadLength({ requestId, subscriptionId, setsLength }: PushHead): number {
  return pushEnvelopeLength(requestId, subscriptionId, setsLength) - setsLength
}

/** Writes it at `at` of `frame`; the sets follow. */
export function writePushHead(
  frame: Uint8Array,
  at: number,
  { requestId, subscriptionId, setsLength }: PushHead,
): void {
  const idLength = subscriptionId.length === 0 ? 0 : fieldLength(subscriptionId.length)
  frame[at] = ID_TAG
  const bodyStart = writeFieldHead(frame, requestIdType.write(frame, at + 1, requestId), PUSH, idLength + setsLength)
  if (idLength > 0) frame.set(subscriptionId, writeFieldHead(frame, bodyStart, SUBSCRIPTION_ID, subscriptionId.length))
}

export type EnvelopeErrorCode = 'malformed' | 'no-request-id' | 'zero-request-id' | 'no-message'

/** A frame after which the session has to be closed (§8). */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError'
  readonly code: EnvelopeErrorCode

  constructor(code: EnvelopeErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

const ID_TAG = fieldTag(REQUEST_ID, LENGTH_DELIMITED)

interface AnyMember {
  readonly kind: Message['kind']
  readonly number: number
  readonly type: MessageType<Message>
}

const members: readonly AnyMember[] = [...members4, ...members5] as unknown as AnyMember[]
/** By the later member of each kind: what version 4 does not have is left out where it is missing. */
const byKind: ReadonlyMap<Message['kind'], AnyMember> = new Map(members.map((member) => [member.kind, member]))
const typesByTag: Readonly<Record<WireVersion, TypesByTag>> = {
  4: typesOf(members.slice(0, members4.length)),
  5: typesOf(members),
}

const PUSH = byKind.get('push')!.number
/** Of a push. */
const SUBSCRIPTION_ID = 1

type TypesByTag = ReadonlyMap<number, MessageType<Message>>

/** Of two members with one number the later one. */
function typesOf(list: readonly AnyMember[]): TypesByTag {
  return new Map(list.map(({ number, type }) => [fieldTag(number, LENGTH_DELIMITED), type]))
}

/** Of a message that stands more than once, or of several, the last one counts, and no other is looked into. */
function readEnvelope(frame: Uint8Array, types: TypesByTag): Envelope {
  const reader = new ProtobufReader(frame)
  let id: ProtobufReader | undefined
  let type: MessageType<Message> | undefined
  let body = reader
  while (reader.next()) {
    if (reader.tag === ID_TAG) {
      id = reader.message()
      continue
    }
    const found = types.get(reader.tag)
    if (found === undefined) continue
    type = found
    body = reader.message()
  }
  const requestId = readRequestId(id)
  if (type === undefined) throw new EnvelopeError('no-message', 'the envelope holds no message that is known here')
  return { requestId, message: type.readBody(body) }
}

function readRequestId(body: ProtobufReader | undefined): bigint {
  if (body === undefined) throw new EnvelopeError('no-request-id', 'the envelope has no request id')
  const id = requestIdType.readBody(body)
  if (id === 0n) throw new EnvelopeError('zero-request-id', 'the request id of the envelope is 0')
  return id
}

/** Of the whole field. */
function requestIdLength(requestId: bigint): number {
  const fits = requestId !== 0n && BigInt.asIntN(64, requestId) === requestId
  if (!fits) throw new AssertionError(`bug: request id ${requestId}`)
  return 1 + requestIdType.length(requestId)
}
