/**
 * The header of a PatchSet and who signed it (PROTOCOL §4): all that is read of a set whose patches come with proofs.
 *
 * Tests: test/state/patch-set.test.ts
 */

import { recoverPublicKey } from '#signature'
import { personalMessageDigest } from '../bytes/eip191.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { bytes, required, struct, time, uint, type Infer } from '../codec/schema.js'
import { checkForm } from '../codec/span.js'
import { shopId } from '../objects/scalars.js'

export const Header = struct(
  {
    ShopID: required(shopId),
    RootHash: required(bytes(32)),
    Timestamp: required(time),
    KeyCardNonce: required(uint(64, 1n)),
  },
  { unlisted: 'refused' },
)
/**
 * Of a patch set (PROTOCOL §4): shop, root of its patches (32 bytes), time, and a number that rises with each set of
 * the card.
 */
export interface Header extends Infer<typeof Header> {}

/**
 * The header in bytes that may come from anybody. Throws CborError, SchemaError.
 *
 * @example
 * ```ts
 * import { readHeader, signPatches } from 'cairn-relay/patch-set'
 *
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches: [Uint8Array.of(0xa0)] }
 * console.log(readHeader(signPatches(set, new Uint8Array(32).fill(7)).headerBytes).ShopID) // 1n
 * ```
 */
export function readHeader(received: Uint8Array): Header {
  checkForm(received)
  return Header.read(decodeChecked(received), 'Header')
}

/**
 * The compressed key, 33 bytes, that signed the header as an EIP-191 personal message; undefined if the signature leads
 * to none.
 *
 * @example
 * ```ts
 * import { signerOf, signPatches } from 'cairn-relay/patch-set'
 *
 * const set = { shopId: 1n, nonce: 1n, timestamp: 1_700_000_000n, patches: [Uint8Array.of(0xa0)] }
 * const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(7))
 * console.log(signerOf(headerBytes, signature)?.length) // 33
 * ```
 */
export function signerOf(headerBytes: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
  return recoverPublicKey(personalMessageDigest(headerBytes), signature)
}
