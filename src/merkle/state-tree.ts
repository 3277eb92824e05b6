/**
 * The state tree of one collection (PROOFS §1): leaves under K = SHA-256(key), an interior node wherever at least two
 * leaves share a place, and so no node above a lone leaf. What is hashed, and the tree as who makes proofs sees it.
 *
 * Tests: test/merkle/state-tree.test.ts, test/merkle/state-kat.test.ts
 */

import { sha256 } from '#hash'
import { writeBe64 } from '../bytes/bytes.js'
import { AssertionError } from '../assert.js'

export const DIGEST_BYTES = 32
/** K has so many bits: no leaf lies deeper. */
export const STATE_DEPTH_MAX = 256
/** The digest of an empty place, 32 zero bytes. Not to be changed. */
export const EMPTY_PLACE: Uint8Array = new Uint8Array(DIGEST_BYTES)

/** What the Orders have beside their value (§1.3): the last set that touched them, and the hash of all that did. */
export interface OrderHistory {
  /** 1 … 2^64−1. */
  readonly lastSeq: bigint
  /** 32 bytes. */
  readonly trail: Uint8Array
}

/** An object as it is proven. */
export interface StateObject {
  /** Canonical CBOR. */
  readonly value: Uint8Array
  /** Of the Orders, cards' entries among them, and of no other collection. */
  readonly history?: OrderHistory | undefined
}

/** An object as it stands in the tree of its collection. */
export interface TreeLeaf {
  /** K, 32 bytes. */
  readonly keyHash: Uint8Array
  /** v, 32 bytes. */
  readonly valueHash: Uint8Array
  /** Asked only where this very object is to be proven: a getter may read it then. */
  readonly object: StateObject
}

/**
 * A place of a tree that is not empty: a leaf alone, or what is on its two sides. Getters may read what they give when
 * they are asked, each only once it is needed; `digest` of a place beside the way is asked for, never what is below it.
 */
export interface TreePlace {
  /** R of the place, 32 bytes. */
  readonly digest: Uint8Array
  /** Undefined of an interior node. */
  readonly leaf?: TreeLeaf | undefined
  /** Where the next bit of K is 0; undefined if that side is empty. */
  readonly left?: TreePlace | undefined
  /** Where the next bit of K is 1; undefined if that side is empty. */
  readonly right?: TreePlace | undefined
}

/** Bit `depth` (0 … 255) of K: bit 0 is the most significant one of the first byte. */
export function bitAt(keyHash: Uint8Array, depth: number): 0 | 1 {
  return ((keyHash[depth >> 3]! >> (7 - (depth & 7))) & 1) as 0 | 1
}

/** How many bits at the beginning of two K are the same, 0 … 256. */
export function sharedBits(a: Uint8Array, b: Uint8Array): number {
  let byte = 0
  while (byte < DIGEST_BYTES && a[byte] === b[byte]) byte++
  return byte === DIGEST_BYTES ? STATE_DEPTH_MAX : 8 * byte + Math.clz32(a[byte]! ^ b[byte]!) - 24
}

/**
 * The leaf of an object, hashes fresh: K is SHA-256 of its key bytes (PROTOCOL §6).
 *
 * @example
 * ```ts
 * import { stateLeaf } from 'cairn-relay/state-proof'
 *
 * const { keyHash, valueHash } = stateLeaf(Uint8Array.of(0x61), { value: Uint8Array.of(1) })
 * console.log(keyHash.length, valueHash.length) // 32 32
 * ```
 */
export function stateLeaf(key: Uint8Array, object: StateObject): TreeLeaf {
  return { keyHash: sha256(key), valueHash: stateValueHash(object), object }
}

/**
 * v, 32 bytes, fresh: SHA-256 of the canonical CBOR; of what has a history SHA-256(0x03 ‖ that ‖ u64(LastSeq) ‖
 * Trail).
 */
export function stateValueHash({ value, history }: StateObject): Uint8Array {
  const hash = sha256(value)
  if (history === undefined) return hash
  setDigest(orderPreimage, hash, 1)
  writeBe64(orderPreimage, 1 + DIGEST_BYTES, history.lastSeq)
  setDigest(orderPreimage, history.trail, 9 + DIGEST_BYTES)
  return sha256(orderPreimage)
}

/**
 * SHA-256(0x00 ‖ K ‖ v), 32 bytes, fresh.
 *
 * @example
 * ```ts
 * import { stateLeaf, stateLeafDigest } from 'cairn-relay/state-proof'
 *
 * console.log(stateLeafDigest(stateLeaf(Uint8Array.of(0x61), { value: Uint8Array.of(1) })).length) // 32
 * ```
 */
export function stateLeafDigest({ keyHash, valueHash }: Pick<TreeLeaf, 'keyHash' | 'valueHash'>): Uint8Array {
  return pairDigest(0x00, keyHash, valueHash)
}

/**
 * SHA-256(0x01 ‖ left ‖ right), 32 bytes, fresh. A side may be a part of longer bytes, from `leftAt` or `rightAt` on: a
 * proof has its siblings in one string.
 */
export function interiorDigest(left: Uint8Array, right: Uint8Array, leftAt = 0, rightAt = 0): Uint8Array {
  return sha256(interiorPreimage(left, right, leftAt, rightAt))
}

/** Where v stands in what a leaf's digest is the hash of. */
export const LEAF_VALUE_AT = 1 + DIGEST_BYTES

/** What a leaf's digest is the hash of, but for v, which the caller writes; valid until the next digest is made. */
export function leafPreimage(keyHash: Uint8Array): Uint8Array {
  pairPreimage[0] = 0x00
  setDigest(pairPreimage, keyHash, 1)
  return pairPreimage
}

/** What it is the hash of, valid until the next digest is made. */
export function interiorPreimage(left: Uint8Array, right: Uint8Array, leftAt: number, rightAt: number): Uint8Array {
  pairPreimage[0] = 0x01
  copyDigest(pairPreimage, 1, left, leftAt)
  copyDigest(pairPreimage, 1 + DIGEST_BYTES, right, rightAt)
  return pairPreimage
}

/** SHA-256(tag ‖ a ‖ b) of two 32-byte strings, fresh. */
export function pairDigest(tag: number, a: Uint8Array, b: Uint8Array): Uint8Array {
  pairPreimage[0] = tag
  setDigest(pairPreimage, a, 1)
  setDigest(pairPreimage, b, 1 + DIGEST_BYTES)
  return sha256(pairPreimage)
}

/** Scratch for all: hashing is synchronous and keeps nothing of it. */
const pairPreimage = new Uint8Array(1 + 2 * DIGEST_BYTES)
const orderPreimage = Uint8Array.of(0x03, ...new Uint8Array(2 * DIGEST_BYTES + 8))

/** Lengths that shift between two parts of a preimage would reproduce its hash. */
export function setDigest(preimage: Uint8Array, digest: Uint8Array, at: number): void {
  if (digest.length !== DIGEST_BYTES) throw new AssertionError(`bug: a digest of ${digest.length} bytes`)
  copyDigest(preimage, at, digest, 0)
}

/** For 32 bytes a loop is faster than a call of the platform, and needs no view. */
export function copyDigest(target: Uint8Array, at: number, source: Uint8Array, from: number): void {
  if (from + DIGEST_BYTES > source.length) throw new AssertionError(`bug: a digest of ${source.length - from} bytes`)
  for (let i = 0; i < DIGEST_BYTES; i++) target[at + i] = source[from + i]!
}
