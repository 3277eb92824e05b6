/**
 * A PatchSet: a signed header over patches (PROTOCOL §4). Bytes received are bytes kept: the signature is checked over
 * the header's received span, a leaf hash is taken over a patch's received span, and both go to the log unchanged.
 *
 * Tests: test/state/patch-set.test.ts
 */

import { sign } from '#signature'
import type { Seconds, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { CborEncoded, encode, type Encodable } from '../codec/encode.js'
import { CborTime, type CborKey } from '../codec/value.js'
import { HEADER_TIMESTAMP_AHEAD_SECONDS_MAX, PATCHES_PER_SET_MAX } from '../limits.js'
import { patchLeafHash, PatchTree } from '../merkle/patch-proof.js'
import { readCheckedPatch, type Patch } from './checked-patch.js'
import { patchSetSpans } from './patch-set-spans.js'
import { Header } from './set-header.js'

export { SchemaError } from '../codec/schema.js'
export { CborError } from '../codec/value.js'
export { encodeChange, type Change, type Patch } from './patch.js'
export { Header, readHeader, signerOf } from './set-header.js'

/** A set that was read and whose RootHash was checked; the signature is not (see signerOf). */
export interface PatchSet {
  readonly header: Header
  /** Received bytes, views. */
  readonly headerBytes: Uint8Array
  readonly signature: Uint8Array
  readonly patches: readonly Patch[]
  /** The mountain range over the patches: root and proofs. */
  readonly tree: PatchTree
}

/** A set that is well-formed and yet not what it says: its root, its time. */
export class PatchSetError extends Error {
  override readonly name = 'PatchSetError'
}

/**
 * Reads and checks a set but for its signature and nonce. `bytes` must stay unchanged: the result views them. Throws
 * CborError, SchemaError, PatchSetError.
 *
 * @example
 * ```ts
 * import { encodeChange, encodePatchSet, readPatchSet, signPatches } from 'cairn-relay/patch-set'
 *
 * const patches = [encodeChange({ op: 'remove', path: ['Tags', 'red'] })]
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches }
 * const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(7))
 * const { header, patches: read } = readPatchSet(encodePatchSet(headerBytes, signature, patches))
 * console.log(header.ShopID, read[0]!.path) // 1n [ 'Tags', 'red' ]
 * ```
 */
export function readPatchSet(received: Uint8Array): PatchSet {
  const spans = patchSetSpans(received)
  if (spans.patches.length > PATCHES_PER_SET_MAX) throw new PatchSetError(`more than ${PATCHES_PER_SET_MAX} patches`)
  const headerBytes = received.subarray(spans.header.start, spans.header.end)
  const header = Header.read(decodeChecked(headerBytes), 'Header')
  const patches = spans.patches.map((span, i) => {
    try {
      return readCheckedPatch(received.subarray(span.start, span.end))
    } catch (error) {
      throw new PatchSetError(`patch ${i}: ${(error as Error).message}`, { cause: error })
    }
  })
  const tree = new PatchTree(patches.map((patch) => patchLeafHash(patch.bytes)))
  if (!equalBytes(tree.root, header.RootHash)) throw new PatchSetError('Header.RootHash is not the root of the patches')
  const signature = received.subarray(spans.signature.start, spans.signature.end)
  return { header, headerBytes, signature, patches, tree }
}

/**
 * Whether the header's time lies more than five minutes after `nowSeconds`.
 *
 * @example
 * ```ts
 * import { encodeChange, encodePatchSet, isFromTheFuture, readPatchSet, signPatches } from 'cairn-relay/patch-set'
 *
 * const patches = [encodeChange({ op: 'remove', path: ['Tags', 'red'] })]
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches }
 * const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(7))
 * const { header } = readPatchSet(encodePatchSet(headerBytes, signature, patches))
 * console.log(isFromTheFuture(header, 1_700_000_000n), isFromTheFuture(header, 1_600_000_000n)) // false true
 * ```
 */
export function isFromTheFuture(header: Header, nowSeconds: Seconds): boolean {
  return header.Timestamp.seconds > nowSeconds + HEADER_TIMESTAMP_AHEAD_SECONDS_MAX
}

/** A set before it is signed. */
export interface NewPatchSet {
  readonly shopId: ShopId
  readonly nonce: bigint
  /** Whole seconds since 1970. */
  readonly timestamp: Seconds
  /** Encoded patches, at least one. */
  readonly patches: readonly Uint8Array[]
}

/** A set as it is signed: header and patches encoded, the tree over these, and the signature of 65 bytes. */
export interface SignedParts {
  readonly headerBytes: Uint8Array
  readonly signature: Uint8Array
  readonly tree: PatchTree
}

/**
 * Header and signature of a set that is made here. `secret` is the card's key, 32 bytes.
 *
 * @example
 * ```ts
 * import { signPatches } from 'cairn-relay/patch-set'
 *
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches: [Uint8Array.of(0xa0)] }
 * const { signature, tree } = signPatches(set, new Uint8Array(32).fill(7))
 * console.log(signature.length, tree.root.length) // 65 32
 * ```
 */
export function signPatches(set: NewPatchSet, secret: Uint8Array): SignedParts {
  const tree = new PatchTree(set.patches.map(patchLeafHash))
  const headerBytes = encode(
    Header.write({
      ShopID: set.shopId,
      RootHash: tree.root,
      Timestamp: new CborTime(set.timestamp),
      KeyCardNonce: set.nonce,
    }),
  )
  return { headerBytes, signature: sign(personalMessageDigest(headerBytes), secret), tree }
}

/**
 * The bytes of a whole set, deterministic; `headerBytes` and `patches` are embedded as they are.
 *
 * @example
 * ```ts
 * import { encodePatchSet, signPatches } from 'cairn-relay/patch-set'
 *
 * const patches = [Uint8Array.of(0xa0)]
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches }
 * const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(7))
 * console.log(encodePatchSet(headerBytes, signature, patches).length > headerBytes.length + 65) // true
 * ```
 */
export function encodePatchSet(
  headerBytes: Uint8Array,
  signature: Uint8Array,
  patches: readonly Uint8Array[],
): Uint8Array {
  return encode(
    new Map<CborKey, Encodable>([
      ['Header', new CborEncoded(headerBytes)],
      ['Signature', signature],
      ['Patches', patches.map((patch) => new CborEncoded(patch))],
    ]),
  )
}
