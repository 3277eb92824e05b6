/**
 * For whom an enrolment message is, in the words that the wallet shows (PROTOCOL §9): the SDK writes them, and the
 * relay takes such a message for nothing else.
 *
 * Tests: test/relay/accounts/enrolment-message.test.ts
 */

import type { ShopId } from '../brands.js'

/** The statement of an EIP-4361 message, of characters that its grammar has. */
export function enrolmentStatement(shopId: ShopId, guest: boolean): string {
  return `Allow this key card to act for you as ${guest ? 'a guest' : 'staff'} of shop ${shopId}.`
}
