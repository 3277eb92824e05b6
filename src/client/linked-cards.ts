/**
 * Which key cards stand in an account of the shop, as of the sets so far: who may sign the next one (PROTOCOL §4).
 *
 * Tests: test/client/shop-client.test.ts
 */

import { toHex } from '../bytes/hex.js'
import type { CardMove } from '../state/card-moves.js'

export class LinkedCards {
  /** A card may stand in more than one account. */
  private readonly accounts = new Map<string, number>()

  /** `card`: 33 bytes. */
  has(card: Uint8Array): boolean {
    return this.accounts.has(toHex(card))
  }

  move({ card, joined }: CardMove): void {
    const name = toHex(card)
    const number = (this.accounts.get(name) ?? 0) + (joined ? 1 : -1)
    if (number > 0) this.accounts.set(name, number)
    else this.accounts.delete(name)
  }
}
