/** What a guest agreed to pay for an order, over a reload too: its price is open until payment is chosen. */

import { useEffect } from 'react'
import type { Money } from 'cairn-relay/client'
import { useShop } from 'cairn-relay/react'
import { useAgreed, type Agreed } from './agreed.js'
import { secretOf, textOf } from './hex.js'
import { agreedTotal, keepAgreedTotal } from './place.js'

/** Kept of an order that was made before there was a total. */
export const UNSEEN_TOTAL = 'unseen'

/** Chain, address and amount. */
export function totalText({ currency: { ChainID, Address }, amount }: Money): string {
  return `${ChainID} ${textOf(Address)} ${amount}`
}

interface OrderTotal {
  readonly order: bigint
  /** What it comes to now; undefined while nothing is to be paid for it. */
  readonly now: Money | undefined
  readonly isSure: boolean
  /** Nothing is paid for it any more. */
  readonly isOver: boolean
}

export function useAgreedOrder({ order, now, isSure, isOver }: OrderTotal): Agreed {
  const shop = useShop()
  const kept = agreedTotal(order)
  const moneyOf = ([chain, address, amount]: readonly string[]) =>
    shop?.money(BigInt(amount!), { ChainID: BigInt(chain!), Address: secretOf(address!) })
  const agreed = useAgreed(
    { now, about: '', of: [], isSure },
    kept === undefined || kept === UNSEEN_TOTAL ? kept : moneyOf(kept.split(' ')),
  )
  const text = isSure && agreed.total !== undefined ? totalText(agreed.total) : undefined
  useEffect(() => {
    if (isOver) keepAgreedTotal(order, undefined)
    else if (text !== undefined) keepAgreedTotal(order, text)
  }, [order, text, isOver])
  return agreed
}
