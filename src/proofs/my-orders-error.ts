/**
 * Why the orders of a card are not proven.
 *
 * Tests: test/proofs/snapshot.test.ts
 */

import { prefixedHex } from '../bytes/hex.js'

/**
 * list: too long · number: another than the card's entry has · last-seq, trail: the list does not lead to the entry's ·
 * rest: an answer about no order · unanswered: orders of the list that nothing proves.
 */
type MyOrdersErrorCode = 'list' | 'number' | 'last-seq' | 'trail' | 'rest' | 'unanswered'

/** A list of a card's own orders that leaves one out, or tells of one too many. */
export class MyOrdersError extends Error {
  override readonly name = 'MyOrdersError'
  readonly code: MyOrdersErrorCode

  constructor(code: MyOrdersErrorCode, card: Uint8Array, problem: string) {
    super(`orders of card ${prefixedHex(card)}: ${problem}`)
    this.code = code
  }
}
