/**
 * When a key card was in which account (PROOFS §1.3), kept in the index `cards`: card, 33 bytes → CBOR {Periods [1*
 * [Account bytes20, Since uint, ? Until uint]]}, with the seqs of the sets that put it in and took it out.
 *
 * Tests: test/state/state-root.test.ts
 */

import type { Seq } from '../brands.js'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { encodeCardPeriods, readCardPeriods, type CardPeriod } from '../merkle/card-periods.js'
import type { Hamt } from '../merkle/hamt.js'

/** A card that a set put into an account or took out of it. */
export interface CardMove {
  /** 20 bytes. */
  readonly account: Uint8Array
  /** 33 bytes. */
  readonly card: Uint8Array
  readonly joined: boolean
}

/** `cards` after set `seq`. */
export function withCardMoves(cards: Hamt, moves: readonly CardMove[], seq: Seq): Hamt {
  if (moves.length === 0) return cards
  const inOrder = moves.toSorted((a, b) => compareBytes(a.account, b.account))
  return inOrder.reduce((after, move) => {
    const periods = after.get(move.card)
    return after.set(
      move.card,
      encodeCardPeriods(moved(periods === undefined ? [] : readCardPeriods(periods), move, seq)),
    )
  }, cards)
}

function moved(periods: readonly CardPeriod[], { account, joined }: CardMove, seq: Seq): CardPeriod[] {
  if (joined) return [...periods, { account, since: BigInt(seq) }]
  return periods.map((period) =>
    period.until === undefined && equalBytes(period.account, account) ? { ...period, until: BigInt(seq) } : period,
  )
}

/**
 * The cards that are in one list and not in the other. What was not touched stands in both as the same array: the
 * account of all guests has tens of thousands.
 */
export function cardMoves(
  account: Uint8Array,
  before: readonly Uint8Array[],
  after: readonly Uint8Array[],
): CardMove[] {
  const least = Math.min(before.length, after.length)
  let start = 0
  while (start < least && before[start] === after[start]) start++
  let end = 0
  while (end < least - start && before.at(-1 - end) === after.at(-1 - end)) end++
  const left = without(before.slice(start, before.length - end), after)
  const joined = without(after.slice(start, after.length - end), before)
  return [
    ...left.map((card) => ({ account, card, joined: false })),
    ...joined.map((card) => ({ account, card, joined: true })),
  ]
}

/** Each once. */
function without(cards: readonly Uint8Array[], others: readonly Uint8Array[]): Uint8Array[] {
  const own = new Map(cards.map((card) => [toHex(card), card]))
  if (own.size <= FEW_CARDS) return [...own.values()].filter((card) => !others.some((other) => equalBytes(other, card)))
  for (const other of others) own.delete(toHex(other))
  return [...own.values()]
}

/** So many are looked for one by one. */
const FEW_CARDS = 8
