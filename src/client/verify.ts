/**
 * What a client checks of every pushed set (PROTOCOL §4, §10; MMR §9.4): the header's shop, its signature by the relay
 * or a card that is linked before this set, each patch against its proof and the root, rising places and sequence
 * numbers. No network code. A verifier follows one subscription that holds all ACCOUNT patches from the first set on.
 *
 * Tests: test/client/shop-client.test.ts
 */

import { addressOf } from '#signature'
import type { Seconds, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { checkForm } from '../codec/span.js'
import { decodeChecked } from '../codec/decode-checked.js'
import { Header, signerOf } from '../patches/patch-set.js'
import { readPatch, type Patch } from '../patches/patch.js'
import { verifyPatchProofs } from '../merkle/patch-proof.js'
import type { PushedSet } from '../wire/pushed-set.js'

export { decodeSet, PushedSetError, type PushedSet } from '../wire/pushed-set.js'
export type { Patch } from '../patches/patch.js'

/** A set whose signature, proofs and order were checked. Nothing proves that nothing was left out: version 4 cannot. */
export interface VerifiedSet {
  readonly seq: bigint
  /** Who signed: the relay, or a card (33 bytes). */
  readonly signer: 'relay' | Uint8Array
  /** Seconds since 1970, as the signer's header says. */
  readonly timestamp: Seconds
  /** The patches that were selected for this client, in order. */
  readonly patches: readonly Patch[]
}

/** A set that is not what its signer signed, or comes out of order. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly seq: bigint

  constructor(seq: bigint, problem: string, options?: ErrorOptions) {
    super(`set ${seq}: ${problem}`, options)
    this.seq = seq
  }
}

export interface Trust {
  readonly shopId: ShopId
  /** 20 bytes. */
  readonly relayAddress: Uint8Array
  /** Whether the card (33 bytes) is linked to an account of the shop, as of the sets verified so far. */
  isLinked(card: Uint8Array): boolean
}

/**
 * Checks `set`, which must come after `lastSeq`. Throws VerificationError.
 *
 * @example
 * ```ts
 * import { decodeSet, verifySet } from 'cairn-relay/verify'
 *
 * const trust = { shopId: 1n, relayAddress: new Uint8Array(20), isLinked: () => false }
 * try {
 *   verifySet(decodeSet(Uint8Array.of(0x12, 0x02, 0x08, 0x01)), 0n, trust)
 * } catch (error) {
 *   console.log((error as Error).name) // VerificationError
 * }
 * ```
 */
export function verifySet(set: PushedSet, lastSeq: bigint, trust: Trust): VerifiedSet {
  const fail = (problem: string, cause?: unknown) => new VerificationError(set.seq, problem, { cause })
  if (set.seq <= lastSeq) throw fail(`comes after set ${lastSeq}`)
  try {
    checkForm(set.header)
    const header = Header.read(decodeChecked(set.header), 'Header')
    if (header.ShopID !== trust.shopId) throw fail(`is of shop ${header.ShopID}, not ${trust.shopId}`)
    const leaves = verifyPatchProofs(set.proofs, set.patches, header.RootHash)
    if (leaves[0]!.leafIndex !== set.leafIndex)
      throw fail(`its first patch is at ${leaves[0]!.leafIndex}, not ${set.leafIndex}`)
    const signer = checkSigner(set, trust)
    return { seq: set.seq, signer, timestamp: header.Timestamp.seconds, patches: set.patches.map(readPatch) }
  } catch (error) {
    if (error instanceof VerificationError) throw error
    throw fail((error as Error).message, error)
  }
}

function checkSigner(set: PushedSet, trust: Trust): 'relay' | Uint8Array {
  if (set.signature.length !== 65)
    throw new VerificationError(set.seq, `its signature has ${set.signature.length} bytes`)
  const signer = signerOf(set.header, set.signature)
  if (signer === undefined) throw new VerificationError(set.seq, 'its signature leads to no key')
  if (equalBytes(addressOf(signer), trust.relayAddress)) return 'relay'
  if (trust.isLinked(signer)) return signer
  throw new VerificationError(set.seq, `its signer ${toHex(signer)} is neither the relay nor a card of the shop`)
}
