/**
 * What can be asked of a state (PROOFS §1.1): objects by collection and key, and the manifest.
 *
 * Tests: test/merkle/state-proof-refusals.test.ts
 */

import { isAllZero } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import type { StateCollection } from './state-level.js'
import { StateProofError } from './state-proof-error.js'

/** Collection and key bytes (PROTOCOL §6); the key of the manifest is empty. */
export type StateQuestion = readonly [collection: StateCollection | 'Manifest', key: Uint8Array]

const ID_BYTES = 8
const ACCOUNT_BYTES = 20
const CARD_BYTES = 33

/** `Inventory/00000000000e168f`, for errors and to tell questions apart. */
export function questionName([collection, key]: StateQuestion): string {
  return `${collection}/${toHex(key)}`
}

/** Throws StateProofError 'question' if no state proof answers it, whatever the state. */
export function requireProvable(question: StateQuestion): void {
  const [collection, key] = question
  if (collection === 'Orders' && !isOrderId(key) && key.length !== CARD_BYTES) {
    const lengths = `${ID_BYTES} or ${CARD_BYTES}`
    throw new StateProofError('question', questionName(question), `a key of ${key.length} bytes, ${lengths} are needed`)
  }
  if (collection === 'Accounts' && key.length === ACCOUNT_BYTES && isAllZero(key))
    throw new StateProofError('question', questionName(question), "the guests' account is in no state proof")
  if (collection === 'Manifest' && key.length > 0)
    throw new StateProofError('question', questionName(question), `a key of ${key.length} bytes, the manifest has none`)
}

/** Of a key of Orders: an order's, not a card's. */
export function isOrderId(key: Uint8Array): boolean {
  return key.length === ID_BYTES
}
