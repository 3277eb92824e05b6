/** A shop for guests: the page that a development relay shows at `/`, made of cairn-relay/react. */

import { useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { keccak256 } from 'viem'
import { ClientError, type Cart as GuestsCart, type Currency } from 'cairn-relay/client'
import { Shop, useCart, useConnection } from 'cairn-relay/react'
import { replicaStore } from 'cairn-relay/replica-store'
import { Cart } from './cart.js'
import { Checkout } from './checkout.js'
import { GuestContext, useGuest } from './guest.js'
import { secretOf } from './hex.js'
import { List, Search } from './list.js'
import { Listing } from './listing.js'
import { Order, Orders } from './order.js'
import { Notices } from './notices.js'
import { Mark, View } from './parts.js'
import { findPlace, keepCard, keepCart, keptCard, keptCart, watchCard, watchCart, type Place } from './place.js'
import { Alarm } from './proof.js'
import { Link, useRoute } from './route.js'

const root = createRoot(document.getElementById('root')!)
const place = await findPlace()
root.render(place === undefined ? <Nothing /> : <Storefront place={place} />)

function Storefront({ place }: { readonly place: Place }) {
  const [card, setCard] = useState(() => keptCard(place.shop))
  const guest = useMemo(() => ({ place, card, become: setCard }), [place, card])
  const currencies = useMemo(() => tokensOf(place), [place])
  const kept = useMemo(() => keptBy(place, card), [place, card])
  const { url, shop, relay } = place
  return (
    <Shop url={url} shop={shop} relay={relay} card={card} currencies={currencies} offline {...kept}>
      <GuestContext.Provider value={guest}>
        <Page />
      </GuestContext.Provider>
    </Shop>
  )
}

/** What is shown first at the next visit; of a guest what he wrote and the shop does not have yet, too. */
function keptBy({ shop }: Place, card: Uint8Array | undefined) {
  const place = `storefront ${shop}`
  if (card === undefined) return { store: replicaStore(place) }
  // Each card has its own: what one of them wrote is not sent by another.
  const own = `${place} ${keccak256(card).slice(2, 2 + CARD_NAME_DIGITS)}`
  return { store: replicaStore(own), outbox: replicaStore(`${own} outbox`), optimistic: true }
}

const CARD_NAME_DIGITS = 16

function tokensOf({ chain }: Place): readonly Currency[] {
  if (chain === undefined) return []
  const { address, decimals, symbol } = chain.token
  return [{ currency: { ChainID: BigInt(chain.chainId), Address: secretOf(address) }, decimals, symbol }]
}

function Page() {
  useKeptCart()
  useSharedCard()
  useRefusedCard()
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <Header />
      <Alarm />
      <div id="main" tabIndex={-1}>
        <Shown />
      </div>
      <footer>
        <p>
          A demonstration shop. Nothing is sent; the money is for tests. <a href="/verify">Check a receipt</a> ·{' '}
          <a href="/console">For the merchant</a>
        </p>
      </footer>
      <Notices />
    </>
  )
}

function Header() {
  const route = useRoute()
  const { count } = useCart()
  return (
    <header>
      <Link to={{}} className="brand">
        <Mark />
        <span>
          cairn <em>outfitters</em>
        </span>
      </Link>
      <Search tag={route.view === 'list' ? route.tag : undefined} search={route.view === 'list' ? route.search : ''} />
      <nav className="places" aria-label="Yours">
        <Link to={{ view: 'orders' }}>Orders</Link>
        <Link to={{ view: 'cart' }} className="cart-link">
          Cart <span className="badge">{String(count)}</span>
        </Link>
      </nav>
    </header>
  )
}

function Shown() {
  const { view, id, tag, search } = useRoute()
  if (view === 'listing') return <Listing key={String(id)} id={id!} />
  if (view === 'order') return <Order key={String(id)} id={id!} />
  if (view === 'orders') return <Orders />
  if (view === 'cart') return <Cart />
  if (view === 'checkout') return <Checkout />
  return <List key={tag} tag={tag} search={search} />
}

/** A visitor's cart outlives the page, and is the same in all tabs; a guest's own is kept by the client. */
function useKeptCart(): void {
  const { place, card } = useGuest()
  const { cart, lines, address } = useCart()
  const [restored, setRestored] = useState<unknown>(undefined)
  const isVisitor = card === undefined
  useEffect(() => {
    if (cart === undefined || restored === cart) return
    setRestored(cart)
    if (isVisitor && cart.get().count === 0n) restoreCart(cart, keptCart(place.shop))
  }, [cart, restored, place, isVisitor])
  useEffect(() => {
    if (cart === undefined || restored !== cart) return
    keepCart(place.shop, isVisitor ? cart.save() : undefined)
  }, [cart, restored, lines, address, place, isVisitor])
  useEffect(() => {
    if (cart === undefined || !isVisitor) return
    return watchCart(place.shop, (saved) => restoreCart(cart, saved))
  }, [cart, place, isVisitor])
}

function restoreCart(cart: GuestsCart, saved: string | undefined): void {
  if (saved === undefined || saved === cart.save()) return
  try {
    cart.restore(saved)
  } catch {
    // Of another version of this page.
  }
}

/** Who became a guest in one tab is that guest in all; their cart is the one that he has there. */
function useSharedCard(): void {
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

/** A key that the relay does not know any more, after its data were deleted, opens nothing. */
function useRefusedCard(): void {
  const { error } = useConnection()
  const { card, become, place } = useGuest()
  useEffect(() => {
    if (card === undefined || !(error instanceof ClientError) || error.code !== 'UNLINKED_KEYCARD') return
    keepCard(place.shop, undefined)
    become(undefined)
  }, [error, card, become, place])
}

function Nothing() {
  return (
    <View title="There is no shop here yet">
      <p>
        This relay names no shop of its own. To see one, put <code>?shop=</code> and its number behind this page’s
        address. Or start the relay with its demo, <code>npm start</code>; the guide for storefronts shows how to make a
        shop of your own.
      </p>
    </View>
  )
}
