/**
 * Envelope: the one message that a binary WebSocket frame holds (PROTOCOL §7, cddl/envelope.proto). Frames are read by
 * protobuf.ts; successes and pushes, which make the traffic, are written by hand, everything else by the generated code.
 * A success without payload is written as an empty GenericResponse (`1200`), the form that existing clients send
 * themselves; one with an empty payload (`12021200`) is read as the same.
 */

import { create, toBinary } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { assert, unreachable } from '../assert.js'
import { FILTERS_PER_SUBSCRIPTION_MAX, SETS_PER_PUSH_MAX } from '../limits.js'
import { EnvelopeSchema } from './generated/envelope_pb.js'
import type {
  ErrorCodes,
  ErrorSchema,
  ObjectType as GeneratedObjectType,
  SubscriptionRequestSchema,
  SubscriptionRequest_FilterSchema,
} from './generated/envelope_pb.js'
import type {
  EncodedSet,
  Envelope,
  Filter,
  Message,
  PushRequest,
  SubscriptionRequest,
  Success,
  WireError,
} from './messages.js'
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
  zigzag,
} from './protobuf.js'

/**
 * Reads one frame. Byte strings in the result are views of it, and none is made for less than two bytes of frame: memory
 * stays within a small multiple of the frame. Unknown fields are ignored.
 * Throws EnvelopeError, and nothing else, on a frame for which the session has to be closed (§8).
 */
export function decodeEnvelope(frame: Uint8Array): Envelope {
  try {
    return readEnvelope(frame)
  } catch (error) {
    if (error instanceof ProtobufError) throw new EnvelopeError('malformed', `not an envelope: ${error.message}`)
    throw error
  }
}

/** The bytes of one frame. Integers beyond their fields, and a request id of 0, are bugs. */
export function encodeEnvelope({ requestId, message }: Envelope): Uint8Array {
  if (message.kind === 'push') return encodePushEnvelope(requestId, message.subscriptionId, message.sets)
  if (message.kind === 'response' && message.error === undefined) return encodeSuccess(requestId, message.payload)
  const envelope = { requestId: { raw: checkedRequestId(requestId) }, message: toGenerated(message) }
  return toBinary(EnvelopeSchema, create(EnvelopeSchema, envelope))
}

/** The frame of a push of `sets`, which are copied into it as they are: encode each set once, for all its sessions. */
export function encodePushEnvelope(
  requestId: bigint,
  subscriptionId: Uint8Array,
  sets: readonly EncodedSet[],
): Uint8Array {
  const bodyLength = pushBodyLength(subscriptionId, totalLength(sets))
  const { frame, offset } = openFrame(requestId, PUSH, bodyLength)
  let position = offset
  if (subscriptionId.length > 0) position = writeField(frame, position, 1, subscriptionId)
  for (const set of sets) {
    frame.set(set, position)
    position += set.length
  }
  return frame
}

/** The length of the frame that encodePushEnvelope makes of sets that are `setsLength` bytes long together. */
export function pushEnvelopeLength(requestId: bigint, subscriptionId: Uint8Array, setsLength: number): number {
  return requestIdField(requestId).length + fieldLength(pushBodyLength(subscriptionId, setsLength))
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

// Numbers of Envelope.message.
const RESPONSE = 2
const PUSH = 6

const EMPTY: Uint8Array = new Uint8Array(0)

const bytesTag = (field: number) => fieldTag(field, LENGTH_DELIMITED)
const varintTag = (field: number) => fieldTag(field, VARINT)

const messageReaders: ReadonlyMap<number, (body: Uint8Array) => Message> = new Map([
  [bytesTag(RESPONSE), readResponse],
  [bytesTag(3), (body: Uint8Array): Message => ({ kind: 'write', patchSet: bytesField(body, 1) ?? EMPTY })],
  [bytesTag(4), readSubscription],
  [bytesTag(5), (body: Uint8Array): Message => ({ kind: 'cancel', subscriptionId: bytesField(body, 1) ?? EMPTY })],
  [bytesTag(PUSH), readPush],
  [bytesTag(7), readSyncStatus],
  [bytesTag(8), emptyMessage({ kind: 'ping' })],
  [bytesTag(9), emptyMessage({ kind: 'getBlobUploadUrl' })],
  [bytesTag(10), (body: Uint8Array): Message => ({ kind: 'authenticate', publicKey: rawField(body, 2) ?? EMPTY })],
  [bytesTag(11), (body: Uint8Array): Message => ({ kind: 'challengeSolution', signature: rawField(body, 2) ?? EMPTY })],
])

function readEnvelope(frame: Uint8Array): Envelope {
  const reader = new ProtobufReader(frame)
  let id: Uint8Array | undefined
  let read: ((body: Uint8Array) => Message) | undefined
  let body = EMPTY
  while (reader.next()) {
    if (reader.tag === bytesTag(1)) {
      id = reader.bytes()
      continue
    }
    const found = messageReaders.get(reader.tag)
    if (found === undefined) continue
    read = found
    body = reader.bytes()
  }
  const requestId = readRequestId(id)
  if (read === undefined) throw new EnvelopeError('no-message', 'the envelope holds no message that is known here')
  return { requestId, message: read(body) }
}

function readRequestId(body: Uint8Array | undefined): bigint {
  if (body === undefined) throw new EnvelopeError('no-request-id', 'the envelope has no request id')
  const reader = new ProtobufReader(body)
  let id = 0n
  while (reader.next()) if (reader.tag === varintTag(1)) id = reader.sint64()
  if (id === 0n) throw new EnvelopeError('zero-request-id', 'the request id of the envelope is 0')
  return id
}

function readResponse(body: Uint8Array): Message {
  const reader = new ProtobufReader(body)
  let response: Message = { kind: 'response', payload: EMPTY }
  while (reader.next()) {
    if (reader.tag === bytesTag(1)) response = { kind: 'response', error: readError(reader.bytes()) }
    else if (reader.tag === bytesTag(2)) response = { kind: 'response', payload: reader.bytes() }
  }
  return response
}

function readError(body: Uint8Array): WireError {
  const reader = new ProtobufReader(body)
  let code = 0
  let message = ''
  let objectId: bigint | undefined
  while (reader.next()) {
    if (reader.tag === varintTag(1)) code = reader.int32()
    else if (reader.tag === bytesTag(2)) message = reader.text()
    else if (reader.tag === bytesTag(3)) objectId = readObjectId(reader.bytes())
  }
  return objectId === undefined ? { code, message } : { code, message, objectId }
}

function readObjectId(additionalInfo: Uint8Array): bigint {
  const reader = new ProtobufReader(additionalInfo)
  let id = 0n
  while (reader.next()) if (reader.tag === varintTag(1)) id = reader.uint64()
  return id
}

function readSubscription(body: Uint8Array): Message {
  const reader = new ProtobufReader(body)
  let startSeq = 0n
  let shopId: Uint8Array | undefined
  const filters: Filter[] = []
  while (reader.next()) {
    if (reader.tag === varintTag(1)) startSeq = reader.uint64()
    else if (reader.tag === bytesTag(2)) shopId = bytesField(reader.bytes(), 1) ?? EMPTY
    else if (reader.tag === bytesTag(3) && filters.length <= FILTERS_PER_SUBSCRIPTION_MAX)
      filters.push(readFilter(reader.bytes()))
  }
  return { kind: 'subscribe', startSeq, shopId, filters }
}

function readFilter(body: Uint8Array): Filter {
  const reader = new ProtobufReader(body)
  let objectType = 0
  let objectId = EMPTY
  while (reader.next()) {
    if (reader.tag === varintTag(3)) objectType = reader.int32()
    else if (reader.tag === bytesTag(4)) objectId = bytesField(reader.bytes(), 1) ?? EMPTY
  }
  return objectId.length === 0 ? { objectType } : { objectType, objectId }
}

function readPush(body: Uint8Array): PushRequest {
  const reader = new ProtobufReader(body)
  let subscriptionId = EMPTY
  const sets: EncodedSet[] = []
  while (reader.next()) {
    if (reader.tag === bytesTag(1)) subscriptionId = reader.bytes()
    else if (reader.tag === bytesTag(2) && sets.length <= SETS_PER_PUSH_MAX) sets.push(reader.field())
  }
  return { kind: 'push', subscriptionId, sets }
}

function readSyncStatus(body: Uint8Array): Message {
  const reader = new ProtobufReader(body)
  let subscriptionId = 0n
  let unpushedPatches = 0n
  while (reader.next()) {
    if (reader.tag === varintTag(1)) subscriptionId = reader.uint64()
    else if (reader.tag === varintTag(2)) unpushedPatches = reader.uint64()
  }
  return { kind: 'syncStatus', subscriptionId, unpushedPatches }
}

/** A message of which no field is known still has to be one. */
function emptyMessage(message: Message): (body: Uint8Array) => Message {
  return (body) => {
    const reader = new ProtobufReader(body)
    while (reader.next());
    return message
  }
}

/** The bytes of a field of `body`; undefined if it is not there. */
function bytesField(body: Uint8Array, field: number): Uint8Array | undefined {
  const reader = new ProtobufReader(body)
  let bytes: Uint8Array | undefined
  while (reader.next()) if (reader.tag === bytesTag(field)) bytes = reader.bytes()
  return bytes
}

/** The bytes `raw = 1` of the message in a field of `body`. */
function rawField(body: Uint8Array, field: number): Uint8Array | undefined {
  const message = bytesField(body, field)
  return message && bytesField(message, 1)
}

function encodeSuccess(requestId: bigint, payload: Uint8Array): Uint8Array {
  const { frame, offset } = openFrame(requestId, RESPONSE, payload.length === 0 ? 0 : fieldLength(payload.length))
  if (payload.length > 0) writeField(frame, offset, 2, payload)
  return frame
}

/** A frame with room for a message body of `bodyLength` bytes from `offset` on. */
function openFrame(requestId: bigint, message: number, bodyLength: number): { frame: Uint8Array; offset: number } {
  const id = requestIdField(requestId)
  const frame = new Uint8Array(id.length + fieldLength(bodyLength))
  frame.set(id)
  return { frame, offset: writeFieldHead(frame, id.length, message, bodyLength) }
}

function requestIdField(requestId: bigint): Uint8Array {
  const id = varint64(zigzag(checkedRequestId(requestId)))
  const field = new Uint8Array(3 + id.length)
  field[0] = bytesTag(1)
  field[1] = 1 + id.length
  field[2] = varintTag(1)
  field.set(id, 3)
  return field
}

function checkedRequestId(requestId: bigint): bigint {
  assert(requestId !== 0n && BigInt.asIntN(64, requestId) === requestId, `request id ${requestId}`)
  return requestId
}

function pushBodyLength(subscriptionId: Uint8Array, setsLength: number): number {
  return (subscriptionId.length === 0 ? 0 : fieldLength(subscriptionId.length)) + setsLength
}

function totalLength(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) length += part.length
  return length
}

type GeneratedMessage = NonNullable<MessageInitShape<typeof EnvelopeSchema>['message']>

function toGenerated(message: Exclude<Message, PushRequest | Success>): GeneratedMessage {
  switch (message.kind) {
    case 'response':
      return { case: 'response', value: { response: { case: 'error', value: toGeneratedError(message.error) } } }
    case 'write':
      return { case: 'patchSetWriteRequest', value: { patchSet: message.patchSet } }
    case 'subscribe':
      return { case: 'subscriptionRequest', value: toGeneratedSubscription(message) }
    case 'cancel':
      return { case: 'subscriptionCancelRequest', value: { subscriptionId: message.subscriptionId } }
    case 'syncStatus':
      return { case: 'syncStatusRequest', value: message }
    case 'ping':
      return { case: 'pingRequest', value: {} }
    case 'getBlobUploadUrl':
      return { case: 'getBlobUploadUrlRequest', value: {} }
    case 'authenticate':
      return { case: 'authRequest', value: { publicKey: { raw: message.publicKey } } }
    case 'challengeSolution':
      return { case: 'challengeSolutionRequest', value: { signature: { raw: message.signature } } }
    default:
      return unreachable(message)
  }
}

function toGeneratedError({ code, message, objectId }: WireError): MessageInitShape<typeof ErrorSchema> {
  const error = { code: code as ErrorCodes, message }
  return objectId === undefined ? error : { ...error, additionalInfo: { objectId } }
}

function toGeneratedSubscription(request: SubscriptionRequest): MessageInitShape<typeof SubscriptionRequestSchema> {
  const subscription = { startShopSeqNo: request.startSeq, filters: request.filters.map(toGeneratedFilter) }
  return request.shopId === undefined ? subscription : { ...subscription, shopId: { raw: request.shopId } }
}

function toGeneratedFilter({
  objectType,
  objectId,
}: Filter): MessageInitShape<typeof SubscriptionRequest_FilterSchema> {
  const filter = { objectType: objectType as GeneratedObjectType }
  return objectId === undefined ? filter : { ...filter, objectId: { raw: objectId } }
}
