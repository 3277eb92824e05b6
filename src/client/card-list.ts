/**
 * The key cards that may sign for a shop, as a list (PROTOCOL §9).
 *
 * Tests: test/client/shop-cards.test.ts
 */

import { compareBytes, isAllZero } from '../bytes/bytes.js'
import { fromHex } from '../bytes/hex.js'
import type { Account } from '../objects/account.js'

/** A key card that may sign for a shop. */
export interface ShopCard {
  /** 33 bytes. */
  readonly card: Uint8Array
  /** The wallet whose card it is, 20 bytes; of guests, whose wallets no relay keeps, zeros. */
  readonly account: Uint8Array
  readonly isGuest: boolean
}

/** `accounts`: with their names, `Accounts/<40 hex>`. Staff first; guests in the order of their enrolment. */
export function cardsOf(accounts: readonly (readonly [string, Account])[]): readonly ShopCard[] {
  const cards = accounts.flatMap(([name, { KeyCards }]) => {
    const account = fromHex(name.slice('Accounts/'.length))
    return (KeyCards ?? []).map((card) => ({ card, account, isGuest: isAllZero(account) }))
  })
  return cards.sort((a, b) => Number(a.isGuest) - Number(b.isGuest) || compareBytes(a.account, b.account))
}
