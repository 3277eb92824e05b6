/** A write's first steps (PROTOCOL §4, step 2), all that needs no state: form, header, root, time, size, signature. */

import type { Seconds, ShopId } from '../../brands.js'
import { CborError } from '../../codec/value.js'
import { SchemaError } from '../../codec/schema.js'
import { equalBytes } from '../../bytes/bytes.js'
import { FRAME_OUT_BYTES_MAX, PATCHES_PER_GUEST_SET_MAX } from '../../limits.js'
import { isFromTheFuture, PatchSetError, readPatchSet, signerOf, type PatchSet } from '../../patches/patch-set.js'
import { pushEnvelopeLength } from '../../wire/envelope.js'
import { fieldLength } from '../../wire/protobuf.js'

/** A set whose signer is proven; its nonce and rights are not (writer.ts). */
export interface CheckedSet extends Omit<PatchSet, 'header'> {
  readonly nonce: bigint
  /** 33 bytes. */
  readonly signer: Uint8Array
}

/** What a set has to be, by the session that sent it. */
export interface Expectation {
  readonly shopId: ShopId
  /** The session's, 33 bytes. */
  readonly card: Uint8Array
  readonly isGuest: boolean
}

/** The set, or why it is INVALID. `received` is kept by the result. */
export function checkSet(received: Uint8Array, expected: Expectation, nowSeconds: Seconds): CheckedSet | string {
  const set = checkUnsigned(received, expected, nowSeconds)
  if (typeof set === 'string') return set
  const { header, headerBytes, signature, patches, tree } = set
  const signer = signerOf(headerBytes, signature)
  if (signer === undefined) return 'Signature leads to no key'
  if (!equalBytes(signer, expected.card)) return "Signature is not of this session's card"
  return { nonce: header.KeyCardNonce, headerBytes, signature, patches, tree, signer: expected.card }
}

/** All but the signature. */
function checkUnsigned(received: Uint8Array, expected: Expectation, nowSeconds: Seconds): PatchSet | string {
  // Before anything of it is read: its parts alone would not fit.
  if (received.length > FRAME_OUT_BYTES_MAX + SET_HEADS_BYTES_MAX) return TOO_LARGE
  let set: PatchSet
  try {
    set = readPatchSet(received)
  } catch (error) {
    if (error instanceof CborError || error instanceof SchemaError || error instanceof PatchSetError)
      return error.message
    throw error
  }
  if (expected.isGuest && set.patches.length > PATCHES_PER_GUEST_SET_MAX)
    return `a guest's set has at most ${PATCHES_PER_GUEST_SET_MAX} patches`
  if (set.header.ShopID !== expected.shopId) return `Header.ShopID is not the shop of this session's card`
  if (isFromTheFuture(set.header, nowSeconds)) return 'Header.Timestamp lies in the future'
  if (received.length > SURELY_FITS_BYTES && pushedAloneBytes(set) > FRAME_OUT_BYTES_MAX) return TOO_LARGE
  return set
}

const TOO_LARGE = `the set would not fit a frame of ${FRAME_OUT_BYTES_MAX} bytes to a client`
/** What a set has beside header, signature and patches: the heads and names of its fields, however they are written. */
const SET_HEADS_BYTES_MAX = 128
/** A patch has a dozen bytes or more, and its proof in such a set half a kilobyte at most: it fits, unmeasured. */
const SURELY_FITS_BYTES = 16_384

/** What a push takes beside its set where its ids are as long as they may be. */
const LONGEST_REQUEST_ID = -(2n ** 63n)
const LONGEST_SEQ_BYTES = 1 + 10
const SUBSCRIPTION_ID = new Uint8Array(2)

/** The frame of a push with this set alone and all its proofs. */
function pushedAloneBytes({ headerBytes, signature, patches, tree }: PatchSet): number {
  let bytes = LONGEST_SEQ_BYTES + fieldLength(headerBytes.length) + fieldLength(signature.length)
  for (const [place, patch] of patches.entries())
    bytes += fieldLength(patch.bytes.length) + fieldLength(tree.proofLength(place))
  return pushEnvelopeLength(LONGEST_REQUEST_ID, SUBSCRIPTION_ID, fieldLength(bytes))
}
