/**
 * What a verifier demands of an object beside its digest (PROOFS §1.2): canonical bytes, and that it is the object of
 * its key. Values are not decoded: they may be large, and come from anybody.
 *
 * Tests: test/merkle/state-proof-refusals.test.ts, test/merkle/state-kat.test.ts
 */

import type { ShopId } from '../brands.js'
import { equalBytes, fromBigEndian, utf8 } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { checkDeterministic } from '../codec/deterministic-form.js'
import { argumentAt, bignumAt, contentAt, integerAt, MAP, TAG, TEXT, UNSIGNED } from '../codec/head.js'
import { itemEnd, majorTypeAt } from '../codec/span.js'
import { readCardPeriods } from './card-periods.js'
import { refusing, StateProofError } from './state-proof-error.js'
import { isOrderId, questionName, type StateQuestion } from './state-question.js'

const ID = utf8('ID')
const SHOP_ID = utf8('ShopID')

/** Throws StateProofError: 'encoding', 'object-id', 'card-entry', 'card-periods', 'form'. */
export function requireObject(question: StateQuestion, value: Uint8Array): void {
  const [collection, key] = question
  if (collection === 'Cards') {
    readCardPeriods(value, questionName(question))
    return
  }
  refusing(
    () => checkDeterministic(value),
    () => questionName(question),
  )
  if (collection === 'Orders' && !isOrderId(key)) requireCount(question, integerIn(value, 0))
  else if (collection === 'Orders' || collection === 'Listings') requireId(question, fieldOf(value, ID))
}

/** Throws StateProofError: 'encoding', 'manifest-shop'. */
export function requireManifest(manifest: Uint8Array, shopId: ShopId): void {
  refusing(
    () => checkDeterministic(manifest),
    () => 'Manifest',
  )
  const found = fieldOf(manifest, SHOP_ID)
  if (found !== shopId)
    throw new StateProofError('manifest-shop', 'Manifest', `ShopID ${found ?? 'is no integer'}, not ${shopId}`)
}

function requireId(question: StateQuestion, id: bigint | undefined): void {
  const [, key] = question
  if (id !== undefined && isOrderId(key) && id === fromBigEndian(key)) return
  const problem = `ID ${id ?? 'is no integer'}, and the key is ${toHex(key)}`
  throw new StateProofError('object-id', questionName(question), problem)
}

/** How many orders a card added. */
function requireCount(question: StateQuestion, count: bigint | undefined): void {
  if (count !== undefined && count >= 1n && count >> 64n === 0n) return
  const problem = `${count ?? 'no integer'} in the place of a card's number of orders, 1 … 2^64−1`
  throw new StateProofError('card-entry', questionName(question), problem)
}

/** The integer ≥ 0 in this field; undefined if there is none, or `value`, which was checked, is no map. */
function fieldOf(value: Uint8Array, name: Uint8Array): bigint | undefined {
  if (majorTypeAt(value, 0) !== MAP) return undefined
  let at = contentAt(value, 0)
  for (let left = argumentAt(value, 0); left > 0; left--) {
    const end = itemEnd(value, at)
    if (majorTypeAt(value, at) === TEXT && equalBytes(value.subarray(contentAt(value, at), end), name))
      return integerIn(value, end)
    at = itemEnd(value, end)
  }
  return undefined
}

function integerIn(value: Uint8Array, at: number): bigint | undefined {
  const major = majorTypeAt(value, at)
  if (major === UNSIGNED) return integerAt(value, at)
  return major === TAG && argumentAt(value, at) === 2 ? bignumAt(value, contentAt(value, at)) : undefined
}
