/**
 * What a relay and its clients say to each other (PROTOCOL §7, cddl/envelope.proto): each message described once, for
 * both directions, because either end reads what the other writes. Byte strings read from a frame are views of it. A
 * new message is a new member below; the switches over `kind` that do not know it yet no longer compile.
 *
 * Tests: test/wire/envelope.test.ts
 */

import { FILTERS_PER_SUBSCRIPTION_MAX, SETS_PER_PUSH_MAX, STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import {
  bool,
  bytes,
  encoded,
  implicit,
  int32,
  member,
  memberOneOf,
  message,
  optional,
  repeated,
  required,
  sint64,
  text,
  uint32,
  uint64,
  wrapped,
  type MessageType,
} from './descriptor.js'

/** `requestId`: chosen by whoever asks, repeated in the response; a signed 64-bit integer, never 0. */
export interface Envelope {
  readonly requestId: bigint
  readonly message: Message
}

/** The number of Envelope.request_id. */
export const REQUEST_ID = 1
export const requestIdType = wrapped(1, sint64)

const error = message({
  /** By the list of error-code.ts; the relay never sends 0. */
  code: implicit(1, int32),
  /** Never empty from the relay. */
  message: implicit(2, text),
  /** Of the listing or order that NOT_FOUND and OUT_OF_STOCK are about. */
  objectId: optional(3, wrapped(1, uint64)),
})

const filter = message({
  /** By ObjectType below, other numbers as they came. */
  objectType: implicit(3, int32),
  /** An empty one counts as absent (§10). */
  objectId: optional(4, wrapped(1, bytes), { zeroIsMissing: true }),
})

/** The number of a push's sets. */
export const SETS = 2

/** One PatchSet in a push: see pushed-set.ts. */
export const setType = message({
  seq: implicit(1, uint64),
  /** Of the first of `patches` in its set. */
  leafIndex: implicit(2, uint32),
  /** As received, like `signature` and `patches`. */
  header: implicit(3, bytes),
  signature: implicit(4, bytes),
  patches: repeated(5, bytes),
  /** One for each patch. */
  proofs: repeated(6, bytes),
})

const shopId = optional(1, wrapped(1, bytes))

const writeFields = { patchSet: implicit(1, bytes) }
const subscribeFields = {
  startSeq: implicit(1, uint64),
  shopId: optional(2, wrapped(1, bytes)),
  filters: repeated(3, filter, FILTERS_PER_SUBSCRIPTION_MAX),
}

/** The members of Envelope.message in sessions of version 4. */
export const members4 = [
  // `payload` is empty where the answer has none: absent and empty mean the same (§7), and absent is what is written.
  memberOneOf('response', 2, { payload: implicit(2, bytes), error: optional(1, error) }),
  // The CBOR of one PatchSet (§4).
  member('write', 3, writeFields),
  // `shopId`: big endian.
  member('subscribe', 4, subscribeFields),
  member('cancel', 5, { subscriptionId: implicit(1, bytes) }),
  // `sets`: each as pushed-set.ts encodes and decodes it, so that sessions share the bytes and whoever only passes a
  // push on, or refuses it, does not pay for its contents.
  member('push', 6, { subscriptionId: implicit(1, bytes), sets: repeated(SETS, encoded, SETS_PER_PUSH_MAX) }),
  // `subscriptionId`: the number of the id.
  member('syncStatus', 7, { subscriptionId: implicit(1, uint64), unpushedPatches: implicit(2, uint64) }),
  member('ping', 8, {}),
  member('getBlobUploadUrl', 9, {}),
  // 33 bytes.
  member('authenticate', 10, { publicKey: required(2, wrapped(1, bytes)) }),
  // 65 bytes.
  member('challengeSolution', 11, { signature: required(2, wrapped(1, bytes)) }),
] as const

/** Those that sessions of version 5 have beside them, or in their place (PROOFS §4). */
export const members5 = [
  member('write', 3, { ...writeFields, expectedSeq: optional(2, uint64) }),
  member('subscribe', 4, {
    ...subscribeFields,
    snapshot: optional(4, bool),
    pushDelayMs: optional(5, uint32),
    checkpointSeq: optional(6, uint64),
  }),
  // Of the relay. Bytes are deterministic CBOR, empty where there is nothing: see envelope.proto.
  member('checkpointPush', 32, {
    subscriptionId: implicit(1, bytes),
    checkpoint: implicit(2, bytes),
    // 65 bytes.
    signature: implicit(3, bytes),
    consistency: implicit(4, bytes),
    level: implicit(5, bytes),
    last: implicit(6, bytes),
    salts: implicit(7, bytes),
  }),
  // Of the relay. `objects`: each as proof-payloads.ts encodes and reads it. `last`: whether it is the snapshot's last.
  member('snapshotPush', 33, {
    subscriptionId: implicit(1, bytes),
    objects: repeated(2, bytes),
    last: implicit(3, bool),
    checkpoint: implicit(4, bytes),
    signature: implicit(5, bytes),
    level: implicit(6, bytes),
    consistency: implicit(7, bytes),
    lastLeaf: implicit(8, bytes),
    salts: implicit(9, bytes),
  }),
  // `objects`: each as proof-payloads.ts encodes and reads a question.
  member('stateProof', 34, {
    shopId,
    objects: repeated(2, bytes, STATE_PROOF_OBJECTS_MAX),
    seq: optional(3, uint64),
    myOrders: implicit(4, bool),
  }),
  member('logProof', 35, { shopId, seq: implicit(2, uint64), fromSeq: optional(3, uint64) }),
  member('checkpoint', 36, { shopId, fromSeq: optional(2, uint64) }),
  // Both ways: a client asks for the rows after an order, and whether changes are pushed; the relay pushes a `page`, as
  // payment-page.ts encodes and reads it.
  member('payments', 37, { shopId, after: implicit(2, uint64), live: implicit(3, bool), page: implicit(4, bytes) }),
] as const

/** Of version 5; of version 4 no other kinds and properties come in. */
export type Message = TypeOf<Exclude<(typeof members4)[number]['type'], Older> | (typeof members5)[number]['type']>
type Older = (typeof members4)[1 | 2]['type']

export type Response = Message & { readonly kind: 'response' }
export type Request = Exclude<Message, Response>
export type SubscriptionRequest = Message & { readonly kind: 'subscribe' }
export type PushRequest = Message & { readonly kind: 'push' }
export type WriteRequest = Message & { readonly kind: 'write' }
export type CheckpointPush = Message & { readonly kind: 'checkpointPush' }
export type SnapshotPush = Message & { readonly kind: 'snapshotPush' }
export type StateProofRequest = Message & { readonly kind: 'stateProof' }
export type LogProofRequest = Message & { readonly kind: 'logProof' }
export type CheckpointRequest = Message & { readonly kind: 'checkpoint' }
export type PaymentsRequest = Message & { readonly kind: 'payments' }
export type SyncStatusRequest = Message & { readonly kind: 'syncStatus' }

export type WireError = TypeOf<typeof error>
export type Filter = TypeOf<typeof filter>
/** A signed set as a relay sends it: header, signature, its patches and the proof of each, all as they came. */
export type PushedSet = TypeOf<typeof setType>

/** One member of a push's `sets` with its field number and length before it: concatenated as it is. */
export type EncodedSet = Uint8Array

type TypeOf<M> = M extends MessageType<infer T> ? T : never

export const ObjectType = {
  UNSPECIFIED: 0,
  LISTING: 1,
  TAG: 2,
  ORDER: 3,
  ACCOUNT: 4,
  MANIFEST: 5,
  INVENTORY: 6,
} as const

export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType]
