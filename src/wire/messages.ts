/**
 * What a relay and its clients say to each other (PROTOCOL §7), as plain values: one union for both directions, because
 * either end reads what the other writes. Byte strings read from a frame are views of it.
 */

/** `requestId`: chosen by whoever asks, repeated in the response; a signed 64-bit integer, never 0. */
export interface Envelope {
  readonly requestId: bigint
  readonly message: Message
}

export type Message =
  | Success
  | Failure
  | WriteRequest
  | SubscriptionRequest
  | CancelRequest
  | PushRequest
  | SyncStatusRequest
  | PingRequest
  | BlobUploadUrlRequest
  | AuthenticateRequest
  | ChallengeSolution

/** `payload` is empty where the answer has none: absent and empty mean the same (§7). */
export interface Success {
  readonly kind: 'response'
  readonly payload: Uint8Array
  readonly error?: undefined
}

export interface Failure {
  readonly kind: 'response'
  readonly error: WireError
  readonly payload?: undefined
}

/**
 * `code`: a signed 32-bit integer, by the list of error-code.ts; the relay never sends 0 nor an empty `message`.
 * `objectId` (unsigned, 64 bits) names the listing or order that NOT_FOUND and OUT_OF_STOCK are about.
 */
export interface WireError {
  readonly code: number
  readonly message: string
  readonly objectId?: bigint
}

/** `patchSet`: the CBOR of one PatchSet (§4). */
export interface WriteRequest {
  readonly kind: 'write'
  readonly patchSet: Uint8Array
}

/**
 * `startSeq`: unsigned, 64 bits; `shopId`: big endian, undefined where the field is missing. Of the filters in a frame
 * FILTERS_PER_SUBSCRIPTION_MAX + 1 are read: one more than is ever legal, so that the excess shows without being held.
 */
export interface SubscriptionRequest {
  readonly kind: 'subscribe'
  readonly startSeq: bigint
  readonly shopId: Uint8Array | undefined
  readonly filters: readonly Filter[]
}

/** `objectType`: by ObjectType below, other numbers as they came. An empty object id counts as absent (§10) and is left out. */
export interface Filter {
  readonly objectType: number
  readonly objectId?: Uint8Array
}

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

export interface CancelRequest {
  readonly kind: 'cancel'
  readonly subscriptionId: Uint8Array
}

/**
 * `sets`: each as pushed-set.ts encodes and decodes it, so that sessions share the bytes, and whoever only passes a
 * push on, or refuses it, does not pay for its contents. Of the sets in a frame SETS_PER_PUSH_MAX + 1 are read, as with
 * filters.
 */
export interface PushRequest {
  readonly kind: 'push'
  readonly subscriptionId: Uint8Array
  readonly sets: readonly EncodedSet[]
}

/** One member of a push's `sets` with its field number and length before it: concatenated as it is. */
export type EncodedSet = Uint8Array

/** `subscriptionId`: the number of the id; both unsigned, 64 bits. */
export interface SyncStatusRequest {
  readonly kind: 'syncStatus'
  readonly subscriptionId: bigint
  readonly unpushedPatches: bigint
}

export interface PingRequest {
  readonly kind: 'ping'
}

export interface BlobUploadUrlRequest {
  readonly kind: 'getBlobUploadUrl'
}

/** `publicKey`: 33 bytes; empty where the field is missing. */
export interface AuthenticateRequest {
  readonly kind: 'authenticate'
  readonly publicKey: Uint8Array
}

/** `signature`: 65 bytes; empty where the field is missing. */
export interface ChallengeSolution {
  readonly kind: 'challengeSolution'
  readonly signature: Uint8Array
}
