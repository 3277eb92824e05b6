/** The total that a guest saw first: another one does not take its place unasked. */

import { useState } from 'react'
import { isSameMoney, type Money } from 'cairn-relay/client'

export interface Agreed {
  /** What he saw first, or agreed to since. */
  readonly total: Money | undefined
  /** What it comes to now, where that is something else; also the first one, of an order that was made without any. */
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
  /** He ordered before there was any: the first one is asked about too. */
  readonly isUnseen?: boolean
  /** What stood there when the page last came to `total`. */
  readonly from: Pick<Shown, 'about' | 'of'>
}

/** `before`: what he agreed to in another view, or that he ordered there without a total. */
export function useAgreed(shown: Shown, before?: Money | 'unseen'): Agreed {
  const [seen, setSeen] = useState<Seen>(() => seenBefore(before, shown))
  const next = seenAfter(seen, shown)
  if (next !== seen) setSeen(next)
  const { total, now, isUnseen } = next
  const agree = () => setSeen({ now, total: now, from: shown })
  return { total: total ?? (isUnseen ? undefined : now), other: otherOf(next), agree }
}

export function seenBefore(before: Money | 'unseen' | undefined, from: Shown): Seen {
  return before === 'unseen'
    ? { now: undefined, total: undefined, isUnseen: true, from }
    : { now: before, total: before, from }
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
function isHis({ total, isUnseen, from }: Seen, { now, about, of }: Shown): boolean {
  if (isUnseen === true) return false
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
export function otherOf({ total, now, isUnseen }: Seen): Money | undefined {
  if (isUnseen === true) return now
  return total === undefined || isSameMoney(total, now) ? undefined : now
}
