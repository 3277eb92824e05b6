/**
 * Accounts: a wallet's key cards (PROTOCOL §3). The zero address holds the cards of all guests.
 *
 * Tests: test/objects/fields.test.ts
 */

import { arrayOf, bool, bytes, defaulting, nullable, struct, type Infer } from '../codec/schema.js'

/** 33 bytes; whether they are a point on the curve is checked at enrolment only. */
export const KeyCard = bytes(33)
export const KeyCards = arrayOf(KeyCard)
export const Account = struct({ KeyCards: nullable(KeyCards), Guest: defaulting(bool, false) })
/** A wallet's key cards in the shop, 33 bytes each, null for none; those of all guests are in one account. */
export interface Account extends Infer<typeof Account> {}

export const GUESTS_ACCOUNT: Uint8Array = new Uint8Array(20)
