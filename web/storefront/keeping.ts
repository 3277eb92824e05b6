/** What outlives the page of cart and key, beside what a client keeps by itself; and what other tabs do to it. */

import { useEffect, useState } from 'react'
import type { Cart } from 'cairn-relay/client'
import { useCart, useConnection } from 'cairn-relay/react'
import { useGuest, useOutbox } from './guest.js'
import { keepCart, keptCard, keptCart, setCardAside, watchCard, watchCart } from './place.js'
import { isOfUnknownCard } from './words.js'

/**
 * A visitor's cart outlives the page, and is the same in all tabs. A guest's own is kept by his client; if the page was
 * closed before it was, the visitor's is still there.
 */
export function useKeptCart(): void {
  const { place, card } = useGuest()
  const { cart, count, lines, address } = useCart()
  const { isCartKept } = useOutbox()
  const [first] = useState(card)
  const [restored, setRestored] = useState<unknown>(undefined)
  const isVisitor = card === undefined
  useEffect(() => {
    if (cart === undefined || restored === cart) return
    setRestored(cart)
    // Who becomes a guest brings his cart along.
    if ((isVisitor || card === first) && cart.get().count === 0n) restoreCart(cart, keptCart(place.shop))
  }, [cart, restored, place, isVisitor, card, first])
  useEffect(() => {
    if (cart === undefined || restored !== cart || !isVisitor) return
    // A guest by now: his client has yet to keep what is there.
    if (keptCard(place.shop) === undefined) keepCart(place.shop, cart.save())
  }, [cart, restored, lines, address, place, isVisitor])
  const isHis = !isVisitor && isCartKept && count > 0n
  useEffect(() => {
    // The one that he brought as a visitor has done its service.
    if (isHis) keepCart(place.shop, undefined)
  }, [isHis, place])
  useEffect(() => {
    if (cart === undefined || !isVisitor) return
    return watchCart(place.shop, (saved) => restoreCart(cart, saved))
  }, [cart, place, isVisitor])
}

function restoreCart(cart: Cart, saved: string | undefined): void {
  if (saved === undefined || saved === cart.save()) return
  try {
    cart.restore(saved)
  } catch {
    // Of another version of this page.
  }
}

/** Who became a guest in one tab is that guest in all; their cart is the one that he has there. */
export function useSharedCard(): void {
  const { place, become } = useGuest()
  const { cart } = useCart()
  useEffect(
    () =>
      watchCard(place.shop, () => {
        // Nothing of this tab's goes over what the guest has there.
        cart?.clear()
        cart?.sendTo(undefined)
        become(keptCard(place.shop))
      }),
    [cart, place, become],
  )
}

/** A key that the relay does not know, after its data were deleted, opens nothing; it may again, once they are back. */
export function useRefusedCard(): void {
  const { error } = useConnection()
  const { card, become, setRefused, place } = useGuest()
  useEffect(() => {
    if (card === undefined || !isOfUnknownCard(error)) return
    setCardAside(place.shop, card)
    setRefused(card)
    become(undefined)
  }, [error, card, become, setRefused, place])
}
