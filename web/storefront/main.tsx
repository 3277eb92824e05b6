/** A shop for guests: the page that a development relay shows at `/`, made of cairn-relay/react. */

import { useEffect, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { ClientError, type Currency } from 'cairn-relay/client'
import { Shop, useCart, useConnection } from 'cairn-relay/react'
import { Cart } from './cart.js'
import { Checkout } from './checkout.js'
import { GuestContext, useGuest } from './guest.js'
import { secretOf } from './hex.js'
import { List, Search } from './list.js'
import { Listing } from './listing.js'
import { Order, Orders } from './order.js'
import { Mark, View } from './parts.js'
import { findPlace, keepCard, keepCart, keptCard, keptCart, type Place } from './place.js'
import { Alarm } from './proof.js'
import { Link, useRoute } from './route.js'

const root = createRoot(document.getElementById('root')!)
const place = await findPlace()
root.render(place === undefined ? <Nothing /> : <Storefront place={place} />)

function Storefront({ place }: { readonly place: Place }) {
  const [card, setCard] = useState(() => keptCard(place.shop))
  const guest = useMemo(() => ({ place, card, become: setCard }), [place, card])
  const currencies = useMemo(() => tokensOf(place), [place])
  return (
    <Shop url={place.url} shop={place.shop} relay="development" card={card} currencies={currencies}>
      <GuestContext.Provider value={guest}>
        <Page />
      </GuestContext.Provider>
    </Shop>
  )
}

function tokensOf({ chain }: Place): readonly Currency[] {
  if (chain === undefined) return []
  const { address, decimals, symbol } = chain.token
  return [{ currency: { ChainID: BigInt(chain.chainId), Address: secretOf(address) }, decimals, symbol }]
}

function Page() {
  const route = useRoute()
  const { count } = useCart()
  useKeptCart()
  useRefusedCard()
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <header>
        <Link to={{}} className="brand">
          <Mark />
          <span>
            cairn <em>outfitters</em>
          </span>
        </Link>
        <Search
          tag={route.view === 'list' ? route.tag : undefined}
          search={route.view === 'list' ? route.search : ''}
        />
        <nav className="places" aria-label="Yours">
          <Link to={{ view: 'orders' }}>Orders</Link>
          <Link to={{ view: 'cart' }} className="cart-link">
            Cart <span className="badge">{String(count)}</span>
          </Link>
        </nav>
      </header>
      <Alarm />
      <div id="main">
        <Shown />
      </div>
      <footer>
        <p>
          A demonstration shop. Nothing is sent, and the money is for tests. <a href="/verify">Check a receipt</a> ·{' '}
          <a href="/console">For the merchant</a>
        </p>
      </footer>
    </>
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

/** The cart outlives the page. */
function useKeptCart(): void {
  const { place } = useGuest()
  const { cart, lines, address } = useCart()
  const [isRestored, setRestored] = useState(false)
  useEffect(() => {
    if (cart === undefined || isRestored) return
    setRestored(true)
    const saved = keptCart(place.shop)
    if (saved === undefined || cart.get().count > 0n) return
    try {
      cart.restore(saved)
    } catch {
      // Of another version of this page.
    }
  }, [cart, isRestored, place])
  useEffect(() => {
    if (cart !== undefined && isRestored) keepCart(place.shop, cart.save())
  }, [cart, isRestored, lines, address, place])
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
        This relay has no shop. Start it with its demo, <code>npm start</code>, or make a shop of your own as the guide
        for storefronts shows.
      </p>
    </View>
  )
}
