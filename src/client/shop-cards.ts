/**
 * Key cards of a shop, as its staff manages them (PROTOCOL §9, §10): since when they are in it, and their removal.
 *
 * Tests: test/client/shop-cards.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { fromHex } from '../bytes/hex.js'
import { CARD_REMOVAL_TRIES_MAX, STATE_PROOF_OBJECTS_MAX } from '../limits.js'
import { readCardPeriods } from '../merkle/card-periods.js'
import type { StateQuestion } from '../merkle/state-proof.js'
import type { Account } from '../objects/account.js'
import type { Change } from '../patches/patch.js'
import { ClientError } from './client-error.js'
import { proveObjects } from './part-proofs.js'
import type { AskedShop } from './proof-requests.js'
import type { WriteOptions, Written } from './shop-writes.js'

/**
 * The seqs of the sets that put the cards into their accounts, in the order of `cards`, each proven; undefined for one
 * that is in none. Rejects with ClientError.
 */
export async function cardsSince(
  asked: AskedShop,
  cards: readonly Uint8Array[],
): Promise<readonly (bigint | undefined)[]> {
  const questions = cards.map((card): StateQuestion => ['Cards', card])
  const checkpoint = asked.checkpoints.accepted
  if (checkpoint === undefined) throw new ClientError('UNAVAILABLE', 'there is no checkpoint yet that proves cards')
  const since = new Map<Uint8Array, bigint>()
  for (let i = 0; i < questions.length; i += STATE_PROOF_OBJECTS_MAX) {
    const some = questions.slice(i, i + STATE_PROOF_OBJECTS_MAX)
    for (const [[, card], object] of await proveObjects(checkpoint, some, asked, asked.ask)) {
      const last = object === undefined ? undefined : readCardPeriods(object.value).at(-1)
      if (last !== undefined && last.until === undefined) since.set(card, last.since)
    }
  }
  return cards.map((card) => since.get(card))
}

/** What the removal of a card needs of a shop. */
interface CardShop {
  /** As of set `seq`, and nothing after it. */
  accounts(): { readonly seq: bigint; readonly list: readonly (readonly [string, Account])[] }
  write(changes: readonly Change[], options: WriteOptions): Promise<Written>
  /** Resolves when it may know of more sets. */
  moved(): Promise<void>
}

/**
 * Takes a card out of its account by its place there, which is right as of one set only: the relay takes it unless
 * another set came between, and then the place is looked at again.
 */
export async function removeCard(shop: CardShop, card: Uint8Array, signal?: AbortSignal): Promise<Written> {
  for (let left = CARD_REMOVAL_TRIES_MAX; ; left--) {
    const { seq, list } = shop.accounts()
    try {
      return await shop.write([removalOf(card, list)], { ifSeq: seq, ...(signal && { signal }) })
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'CONFLICT' || left <= 1) throw error
      await shop.moved()
    }
  }
}

function removalOf(card: Uint8Array, accounts: readonly (readonly [string, Account])[]): Change {
  for (const [name, { KeyCards }] of accounts) {
    const place = KeyCards?.findIndex((one) => equalBytes(one, card)) ?? -1
    if (place < 0) continue
    return { op: 'remove', path: ['Accounts', fromHex(name.slice('Accounts/'.length)), 'KeyCards', BigInt(place)] }
  }
  throw new ClientError('NOT_FOUND', 'no account of the shop has this card')
}
