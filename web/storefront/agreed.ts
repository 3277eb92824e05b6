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
  /** What the guest himself changes, as a text: a total that follows from that is no surprise. */
  readonly about: string
  /** The shop says so now: what was kept from an earlier visit is nothing that he agreed to. */
  readonly isSure: boolean
}

export interface Seen extends Omit<Shown, 'isSure'> {
  readonly total: Money | undefined
}

/** `before`: what he agreed to in another view. */
export function useAgreed(shown: Shown, before?: Money): Agreed {
  const [seen, setSeen] = useState<Seen>({ about: shown.about, now: before, total: before })
  const next = seenAfter(seen, shown)
  if (next !== seen) setSeen(next)
  const { total, now, about } = next
  return { total: total ?? now, other: otherOf(next), agree: () => setSeen({ about, now, total: now }) }
}

/** The same reference where nothing new is shown. Pure. */
export function seenAfter(seen: Seen, { now, about, isSure }: Shown): Seen {
  if (about === seen.about && isSameMoney(now, seen.now) && (seen.total !== undefined || now === undefined || !isSure))
    return seen
  // What he was not asked about yet stands, whatever he changes beside it.
  const isHisOwn = about !== seen.about && otherOf(seen) === undefined
  const total = isHisOwn ? undefined : seen.total
  return { about, now, total: total ?? (isSure ? now : undefined) }
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
