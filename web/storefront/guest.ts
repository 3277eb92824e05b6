/** Who is here: a visitor, or a guest with a key card of this browser; and prices as he reads them. */

import { createContext, useContext } from 'react'
import { formatMoney } from 'cairn-relay/client'
import { useManifest, useShop } from 'cairn-relay/react'
import type { Place } from './place.js'

export interface Guest {
  readonly place: Place
  /** 32 bytes; undefined for a visitor. */
  readonly card: Uint8Array | undefined
  /** Becomes a guest, or a visitor again. */
  readonly become: (card: Uint8Array | undefined) => void
}

export const GuestContext = createContext<Guest | undefined>(undefined)

export function useGuest(): Guest {
  return useContext(GuestContext)!
}

/** Amounts of the shop's currency, in the reader's own way of writing. */
export function usePriceText(): (amount: bigint | undefined) => string {
  const shop = useShop()
  const currency = useManifest({ select: ({ data }) => data?.PricingCurrency })
  return (amount) =>
    amount === undefined || shop === undefined || currency === undefined
      ? '…'
      : formatMoney(shop.money(amount, currency))
}
