/**
 * Making an order receipt from what a relay serves (PROOFS §6). Nothing is checked here: whoever hands a receipt on has
 * verified it.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import { sha256 } from '#hash'
import type { OrderId } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import { encodeLevel, readLevel } from '../merkle/state-level.js'
import { PaymentDetails } from '../objects/order.js'
import { readPatch, type Patch } from '../patches/patch.js'
import { addsOrder } from '../state/order-edit.js'
import { asksForPayment } from '../state/order-rules.js'
import type { Last, SignedCheckpoint } from './checkpoint-form.js'
import type { LogInclusion } from './log-proof.js'
import { ReceiptError } from './receipt-error.js'
import { encodeReceipt, type ReceiptAnchor, type ReceiptSet } from './receipt-form.js'

/** A set that has patches on the order; of other objects they are left out. */
export interface SetForReceipt {
  readonly seq: bigint
  readonly header: Uint8Array
  /** 65 bytes. */
  readonly signature: Uint8Array
  /** After the set, 32 bytes. */
  readonly stateRoot: Uint8Array
  /** In the order of the set, each with its proof. */
  readonly patches: readonly (readonly [patch: Uint8Array, proof: Uint8Array])[]
  /** In the log of the checkpoint. */
  readonly inclusion: LogInclusion
}

/** What a receipt is put together of. */
export interface ReceiptParts {
  readonly orderId: OrderId
  readonly checkpoint: SignedCheckpoint
  readonly last: Last
  /** StateProofs of the order and of the card of every signer but the relay, under the checkpoint. */
  readonly proofs: Uint8Array
  /** All sets with patches on the order, by rising seq; earlier orders of the same id are left out. */
  readonly sets: readonly SetForReceipt[]
  /** Where payment was asked: the level after the last set that did, and the manifest then; each by its bytes. */
  readonly asked?: { readonly level: Uint8Array; readonly manifest: Uint8Array } | undefined
  /** Canonical, in any order; those that were priced are taken. */
  readonly listings: readonly Uint8Array[]
  readonly anchor?: ReceiptAnchor | undefined
}

/**
 * The bytes of a receipt, deterministic CBOR. Throws ReceiptError where parts are missing: 'trail' (the order is never
 * added), 'payment-set', 'listings'; StateProofError for a level that is none.
 *
 * @example
 * ```ts
 * import { makeReceipt, ReceiptError } from 'cairn-relay/receipt'
 *
 * const none = new Uint8Array(0)
 * try {
 *   makeReceipt({ orderId: 7n, checkpoint: [none, none], last: [none, []], proofs: none, sets: [], listings: [] })
 * } catch (error) {
 *   console.log((error as ReceiptError).message) // Sets: no set adds order 7
 * }
 * ```
 */
export function makeReceipt(parts: ReceiptParts): Uint8Array {
  const sets = receiptSets(parts.sets, parts.orderId).map((set) => ({ set, read: set.patches.map(readPair) }))
  const asking = sets.findLast(({ read }) => read.some(asksForPayment))
  if (asking !== undefined && parts.asked === undefined)
    throw new ReceiptError('payment-set', `Sets, ${asking.set.seq}`, 'it asks for payment: its level is needed')
  return encodeReceipt({
    Version: 1n,
    Proofs: parts.proofs,
    Checkpoint: parts.checkpoint,
    Last: parts.last,
    Sets: sets.map((entry) => writtenSet(entry.set, entry === asking ? parts.asked : undefined)),
    Listings: asking === undefined ? [] : pricedListings(asking.read, parts.listings),
    ...(parts.anchor && { Anchor: parts.anchor }),
  })
}

/**
 * The sets that belong into the receipt, with their patches on the order alone: from the last one on that adds it.
 * Their signers' cards are what its state proof has to be asked for. Throws ReceiptError 'trail' if none adds it.
 *
 * @example
 * ```ts
 * import { receiptSets, type ReceiptError } from 'cairn-relay/receipt'
 *
 * try {
 *   receiptSets([], 7n)
 * } catch (error) {
 *   console.log((error as ReceiptError).code) // trail
 * }
 * ```
 */
export function receiptSets<S extends Pick<SetForReceipt, 'patches'>>(
  sets: readonly S[],
  orderId: OrderId,
): readonly S[] {
  const own = sets
    .map((set) => ({ ...set, patches: set.patches.filter((pair) => isOf(orderId, readPair(pair))) }))
    .filter(({ patches }) => patches.length > 0)
  const first = own.findLastIndex(({ patches }) => patches.some((pair) => addsOrder(readPair(pair))))
  if (first < 0) throw new ReceiptError('trail', 'Sets', `no set adds order ${orderId}`)
  return own.slice(first)
}

function readPair([patch]: SetForReceipt['patches'][number]): Patch {
  return readPatch(patch)
}

function isOf(orderId: OrderId, { path }: Patch): boolean {
  return path[0] === 'Orders' && path[1] === orderId
}

function writtenSet(set: SetForReceipt, asked: ReceiptParts['asked']): ReceiptSet {
  const written = {
    Seq: set.seq,
    Header: set.header,
    Signature: set.signature,
    StateRoot: set.stateRoot,
    Patches: set.patches,
    LogInclusion: set.inclusion,
  }
  if (asked === undefined) return written
  const Level = encodeLevel({ ...readLevel(asked.level), manifestHash: null })
  return { ...written, Level, Manifest: asked.manifest }
}

function pricedListings(patches: readonly Patch[], listings: readonly Uint8Array[]): Uint8Array[] {
  const byHash = new Map(listings.map((listing) => [toHex(sha256(listing)), listing]))
  const { ListingHashes } = PaymentDetails.read(patches.findLast(asksForPayment)!.value, 'PaymentDetails')
  return ListingHashes.map((hash, i) => {
    const listing = byHash.get(toHex(hash))
    if (listing === undefined)
      throw new ReceiptError('listings', `Listings, ${i}`, `the listing of hash ${toHex(hash)} is missing`)
    return listing
  })
}
