/**
 * The sets of a receipt (PROOFS §6), each checked by itself: header and patches, and its place in the log of the
 * checkpoint. Who signed is recovered here; whether he was allowed to is not asked.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import { addressOf } from '#signature'
import type { OrderId, Seconds, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { checkDeterministic } from '../codec/deterministic-form.js'
import { SchemaError } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import { verifyPatchProofs } from '../merkle/patch-proof-check.js'
import { ProofError } from '../merkle/proof-error.js'
import { placeOf } from '../state/edit.js'
import { readHeader, signerOf } from '../patches/patch-set.js'
import { readPatch, type Patch } from '../patches/patch.js'
import { setDigest } from './log-leaf.js'
import { verifyLogInclusion, type LogHead } from './log-proof.js'
import { ReceiptError, receiptStep } from './receipt-error.js'
import type { ReceiptSet } from './receipt-form.js'

/** Whoever signed: the relay, or the key of a card, 33 bytes. */
type Signer = 'relay' | Uint8Array

/** A set that is in the log of the checkpoint, with patches that it signs. */
export interface ProvenSet {
  readonly seq: bigint
  readonly signer: Signer
  /** Seconds since 1970, as the signer's header says: a client may write anything. */
  readonly timestamp: Seconds
  /** All of one order, in the order of the set. */
  readonly patches: readonly Patch[]
  /** As it was received. */
  readonly set: ReceiptSet
}

interface SetTrust {
  readonly shopId: ShopId
  /** 20 bytes each. */
  readonly relays: readonly Uint8Array[]
  readonly head: LogHead
}

/** Throws ReceiptError: 'set-order', 'set', 'patch', 'log', 'signer'. */
export function proveSets(
  sets: readonly ReceiptSet[],
  trust: SetTrust,
): { readonly id: OrderId; readonly proven: readonly ProvenSet[] } {
  for (const [i, { Seq }] of sets.entries()) {
    const before = sets[i - 1]?.Seq ?? 0n
    if (Seq <= before) throw new ReceiptError('set-order', 'Sets', `set ${Seq} stands after set ${before}`)
  }
  const proven = sets.map((set) => proveSet(set, trust))
  const { path } = proven[0]!.patches[0]!
  const id = path[1]
  if (path[0] !== 'Orders' || typeof id !== 'bigint')
    throw new ReceiptError('patch', whereOf(sets[0]!.Seq), `a patch of ${placeOf(path)}, which is no order`)
  for (const set of proven) requireOrder(set, id)
  return { id, proven }
}

export function whereOf(seq: bigint): string {
  return `Sets, ${seq}`
}

function proveSet(set: ReceiptSet, { shopId, relays, head }: SetTrust): ProvenSet {
  const where = whereOf(set.Seq)
  const header = receiptStep('set', where, [CborError, SchemaError], () => readHeader(set.Header))
  if (header.ShopID !== shopId) {
    const details = { found: `${header.ShopID}`, wanted: `${shopId}` }
    throw new ReceiptError('set', where, `its header is of shop ${header.ShopID}, not ${shopId}`, details)
  }
  const leaf = { Seq: set.Seq, Set: setDigest(set.Header, set.Signature), StateRoot: set.StateRoot }
  receiptStep('log', where, [ProofError], () => verifyLogInclusion(set.LogInclusion, leaf, head))
  const patches = set.Patches.map(([bytes]) => bytes)
  const proofs = set.Patches.map(([, proof]) => proof)
  const read = receiptStep('patch', where, [ProofError, CborError, SchemaError], () => {
    for (const proof of proofs) checkDeterministic(proof)
    verifyPatchProofs(proofs, patches, header.RootHash)
    return patches.map(readPatch)
  })
  const key = signerOf(set.Header, set.Signature)
  if (key === undefined) throw new ReceiptError('signer', where, 'its signature leads to no key')
  const address = addressOf(key)
  const signer = relays.some((relay) => equalBytes(relay, address)) ? 'relay' : key
  return { seq: set.Seq, signer, timestamp: header.Timestamp.seconds, patches: read, set }
}

function requireOrder({ seq, patches }: ProvenSet, id: OrderId): void {
  for (const { path } of patches) {
    if (path[0] === 'Orders' && path[1] === id) continue
    const details = { found: placeOf(path), wanted: `Orders.${id}` }
    throw new ReceiptError('patch', whereOf(seq), `a patch of ${placeOf(path)}, not of order ${id}`, details)
  }
}
