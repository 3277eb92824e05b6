/** The total that a guest saw first: another one does not take its place unasked. */

import { useState } from 'react'
import type { ChainAddress, Money } from 'cairn-relay/client'
import { textOf } from './hex.js'

export interface Agreed {
  /** What he saw first, or agreed to since. */
  readonly total: Money | undefined
  /** What it comes to now, where that is something else. */
  readonly other: Money | undefined
  /** To `other`. */
  readonly agree: () => void
}

export interface Shown {
  /** What it comes to now; undefined while that is not known. */
  readonly now: Money | undefined
  /** What the guest himself changes, as a text: a total that follows from that alone is no surprise. */
  readonly about: string
  /** What the shop changes: the same references while it does not. */
  readonly of: readonly unknown[]
  /** The shop says so now: what was kept from an earlier visit is nothing that he agreed to. */
  readonly isSure: boolean
}

export interface Seen extends Pick<Shown, 'now'> {
  readonly total: Money | undefined
  /** What stood there when the page last came to `total`. */
  readonly from: Pick<Shown, 'about' | 'of'>
}

/** `before`: what he agreed to in another view. */
export function useAgreed(shown: Shown, before?: Money): Agreed {
  const [seen, setSeen] = useState<Seen>({ now: before, total: before, from: shown })
  const next = seenAfter(seen, shown)
  if (next !== seen) setSeen(next)
  const { total, now } = next
  return { total: total ?? now, other: otherOf(next), agree: () => setSeen({ now, total: now, from: shown }) }
}

/** The same reference where nothing new is shown. Pure. */
export function seenAfter(seen: Seen, shown: Shown): Seen {
  const { now, isSure } = shown
  const isTaken = isSure && now !== undefined && isHis(seen, shown)
  if (isTaken && !isSameView(seen.from, shown)) return { now, total: now, from: shown }
  const total = seen.total ?? (isTaken ? now : undefined)
  return isSameMoney(now, seen.now) && total === seen.total ? seen : { ...seen, now, total }
}

/** The first one, the same one, and what follows from what he changed himself while the shop stayed as it was. */
function isHis({ total, from }: Seen, { now, about, of }: Shown): boolean {
  if (total === undefined || isSameMoney(total, now)) return true
  return about !== from.about && isSameList(of, from.of)
}

function isSameView(a: Pick<Shown, 'about' | 'of'>, b: Pick<Shown, 'about' | 'of'>): boolean {
  return a.about === b.about && isSameList(a.of, b.of)
}

function isSameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i])
}

/** What it comes to now, where that is another total. */
export function otherOf({ total, now }: Seen): Money | undefined {
  return total === undefined || isSameMoney(total, now) ? undefined : now
}

export function isSameMoney(a: Money | undefined, b: Money | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return isSamePlace(a.currency, b.currency) && a.amount === b.amount
}

export function isSamePlace(a: ChainAddress, b: ChainAddress): boolean {
  return a.ChainID === b.ChainID && textOf(a.Address) === textOf(b.Address)
}
