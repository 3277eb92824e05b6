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
import { readHeader, signerOf, type Header } from '../patches/set-header.js'
import { readPatch, type Patch } from '../patches/patch.js'
import { verifyPatchProofs } from '../merkle/patch-proof-check.js'
import type { PushedSet } from '../wire/pushed-set.js'
import { VerificationError } from './verification-error.js'

export { decodeSet, PushedSetError, type PushedSet } from '../wire/pushed-set.js'
export type { Patch } from '../patches/patch.js'
export { VerificationError } from './verification-error.js'

/** A set whose signature, proofs and order were checked. Nothing proves that nothing was left out: version 4 cannot. */
export interface VerifiedSet {
  readonly seq: bigint
  /** Who signed: the relay, or a card (33 bytes). */
  readonly signer: 'relay' | Uint8Array
  /** Seconds since 1970, as the signer's header says. */
  readonly timestamp: Seconds
  /** The patches that were selected for this client, in order. */
  readonly patches: readonly Patch[]
  /** As it came: header, signature, the patches' bytes and their proofs, for who wants to check or keep them. */
  readonly pushed: PushedSet
}

/** What the reader of a set knows already, and checks it against. */
export interface Trust {
  readonly shopId: ShopId
  /** 20 bytes. */
  readonly relayAddress: Uint8Array
  /** Of its other keys, 20 bytes each, where they changed. */
  readonly otherRelayAddresses?: readonly Uint8Array[]
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
  try {
    requireLater(set, lastSeq)
    const header = readHeader(set.header)
    requireShop(set, header, trust.shopId)
    requireLeaves(set, header)
    const signer = signerKey(set)
    const isRelay = isOfRelay(addressOf(signer), trust)
    if (!isRelay) requireLinked(set, signer, trust)
    const patches = set.patches.map(readPatch)
    const timestamp = header.Timestamp.seconds
    return { seq: set.seq, signer: isRelay ? 'relay' : signer, timestamp, patches, pushed: set }
  } catch (error) {
    if (error instanceof VerificationError) throw error
    throw new VerificationError(set.seq, (error as Error).message, { cause: error })
  }
}

function requireLater({ seq }: PushedSet, lastSeq: bigint): void {
  if (seq <= lastSeq) throw new VerificationError(seq, `comes after set ${lastSeq}`)
}

function requireShop({ seq }: PushedSet, { ShopID }: Header, shopId: ShopId): void {
  if (ShopID !== shopId) throw new VerificationError(seq, `is of shop ${ShopID}, not ${shopId}`)
}

/** Each patch at its place under the root that was signed, places rising. */
function requireLeaves(set: PushedSet, header: Header): void {
  const [first] = verifyPatchProofs(set.proofs, set.patches, header.RootHash)
  if (first!.leafIndex !== set.leafIndex)
    throw new VerificationError(set.seq, `its first patch is at ${first!.leafIndex}, not ${set.leafIndex}`)
}

/** The compressed key that signed the header, 33 bytes. */
function signerKey({ seq, header, signature }: PushedSet): Uint8Array {
  if (signature.length !== 65) throw new VerificationError(seq, `its signature has ${signature.length} bytes, not 65`)
  const signer = signerOf(header, signature)
  if (signer === undefined) throw new VerificationError(seq, 'its signature leads to no key')
  return signer
}

function isOfRelay(address: Uint8Array, { relayAddress, otherRelayAddresses = [] }: Trust): boolean {
  return [relayAddress, ...otherRelayAddresses].some((one) => equalBytes(one, address))
}

/** As of the set before. */
function requireLinked({ seq }: PushedSet, signer: Uint8Array, trust: Trust): void {
  if (trust.isLinked(signer)) return
  const relay = toHex(trust.relayAddress)
  throw new VerificationError(seq, `its signer ${toHex(signer)} is neither the relay ${relay} nor a card of the shop`)
}
