/**
 * An order from its sets (PROOFS §6): their Trail, who signed them, and the order that their patches give by the rules
 * that need it alone.
 *
 * Tests: test/proofs/receipt.test.ts
 */

import type { OrderId } from '../brands.js'
import { equalBytes, isAllZero } from '../bytes/bytes.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import { SchemaError } from '../codec/schema.js'
import type { CardPeriod } from '../merkle/card-periods.js'
import type { Order } from '../objects/order.js'
import type { Patch } from '../patches/patch.js'
import { addsOrder } from '../state/order-edit.js'
import { checkLife, editedOrder } from '../state/order-rules.js'
import { NO_TRAIL, orderTrail } from '../state/trails.js'
import { Refusal } from '../state/verdict.js'
import { ReceiptError } from './receipt-error.js'
import { whereOf, type ProvenSet } from './receipt-sets.js'

/** Who signed a set: the relay, or a card that was in an account then (33 and 20 bytes; zeros: that of all guests). */
export type StepSigner = 'relay' | { readonly card: Uint8Array; readonly account: Uint8Array }

/** A card with the periods that the state holds of it. */
export interface SignerCard {
  readonly card: Uint8Array
  readonly periods: readonly CardPeriod[]
}

/** An order as its sets made it, one after the other. */
export interface ReplayedSet {
  readonly set: ProvenSet
  /** Those that were applied: of the first set none before the order was added. */
  readonly applied: readonly Patch[]
  readonly signer: StepSigner
  readonly after: Order
}

/** LastSeq and Trail that follow from the sets. Throws ReceiptError 'trail' where they are no order from its add on. */
export function trailOfSets(sets: readonly ProvenSet[]): { readonly lastSeq: bigint; readonly trail: Uint8Array } {
  let trail: Uint8Array = NO_TRAIL
  for (const [i, { seq, patches }] of sets.entries()) {
    const adds = patches.some(addsOrder)
    if (i === 0 && !adds) throw new ReceiptError('trail', whereOf(seq), 'the first set does not add the order')
    if (i > 0 && adds)
      throw new ReceiptError('trail', whereOf(seq), 'it adds the order again: the history begins there')
    trail = orderTrail(trail, seq, patches)
  }
  return { lastSeq: sets.at(-1)!.seq, trail }
}

/** Whose cards signed. Throws ReceiptError: 'signer', 'two-guests'. */
export function signersOf(sets: readonly ProvenSet[], cards: readonly SignerCard[]): readonly StepSigner[] {
  let guest: Uint8Array | undefined
  return sets.map(({ seq, signer }) => {
    if (signer === 'relay') return signer
    const periods = cards.find(({ card }) => equalBytes(card, signer))?.periods ?? []
    const period = periods.find(({ since, until }) => since < seq && (until === undefined || until >= seq))
    const name = prefixedHex(signer)
    if (period === undefined)
      throw new ReceiptError('signer', whereOf(seq), `${name} signed it and was no card of the shop then`)
    if (isAllZero(period.account)) {
      guest ??= signer
      if (!equalBytes(guest, signer))
        throw new ReceiptError('two-guests', whereOf(seq), `guest ${name} signed, and before guest ${toHex(guest)}`)
    }
    return { card: signer, account: period.account }
  })
}

/** The order after each set. Throws ReceiptError 'rule'. */
export function replaySets(
  id: OrderId,
  sets: readonly ProvenSet[],
  signers: readonly StepSigner[],
): readonly ReplayedSet[] {
  let order: Order | undefined
  return sets.map((set, i) => {
    const signer = signers[i]!
    const applied = i === 0 ? set.patches.slice(set.patches.findLastIndex(addsOrder)) : set.patches
    for (const patch of applied) order = changed(id, order, patch, signer, set.seq)
    if (order === undefined) throw new ReceiptError('absent', whereOf(set.seq), `order ${id} was removed`)
    return { set, applied, signer, after: order }
  })
}

function changed(id: OrderId, before: Order | undefined, patch: Patch, signer: StepSigner, seq: bigint) {
  const place = `patch ${JSON.stringify(patch.op.slice(0, 16))} of ${patch.path.slice(2).map(String).join('.')}`
  const isRelay = signer === 'relay'
  try {
    const after = editedOrder(before, patch, id, isRelay)
    checkLife(patch, before, after, isRelay)
    return after
  } catch (cause) {
    if (cause instanceof Refusal || cause instanceof SchemaError)
      throw new ReceiptError('rule', whereOf(seq), `${place}: ${cause.message}`, { cause })
    throw cause
  }
}
