/**
 * What the state machine says of a change that it refuses: one of a closed list of codes (PROTOCOL §4, §5, §7),
 * a text for people and, where a listing or order is concerned, its id. Not an error of the program: a value.
 *
 * Tests: test/state/order-of-checks.test.ts
 */

import type { ListingId } from '../brands.js'
import type { Cbor } from '../codec/value.js'

/** As on the wire, in order: the first that holds is told. */
export type VerdictCode = 'NOT_FOUND' | 'INVALID' | 'OUT_OF_STOCK'

/** Why a set is refused. */
export interface Verdict {
  readonly code: VerdictCode
  readonly message: string
  /** The listing or order that was not found or is out of stock. */
  readonly objectId?: bigint
  /** The reference accepts this and PROTOCOL §14 refuses it on purpose. */
  readonly stricter?: true
}

/** Carries a verdict out of the depth of a patch: applyPatches returns the verdict, editObject throws it on. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly verdict: Verdict

  constructor(verdict: Verdict) {
    super(verdict.message)
    this.verdict = verdict
  }
}

export function invalid(message: string): Refusal {
  return new Refusal({ code: 'INVALID', message })
}

/** INVALID where the reference would accept (PROTOCOL §14). */
export function stricter(message: string): Refusal {
  return new Refusal({ code: 'INVALID', message, stricter: true })
}

/** `objectId`: of the listing or order, where it is known. */
export function notFound(message: string, objectId?: Cbor): Refusal {
  return new Refusal({ code: 'NOT_FOUND', message, ...knownId(objectId) })
}

export function outOfStock(message: string, listingId: ListingId): Refusal {
  return new Refusal({ code: 'OUT_OF_STOCK', message, objectId: listingId })
}

function knownId(id: Cbor | undefined): { objectId?: bigint } {
  return typeof id === 'bigint' && id > 0n && id >> 64n === 0n ? { objectId: id } : {}
}
