/** A shop for guests: the page that a development relay shows at `/`, made of cairn-relay/react. */

import { useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { keccak256 } from 'viem'
import type { Currency } from 'cairn-relay/client'
import { Shop, useCart, useConnection } from 'cairn-relay/react'
import { replicaStore } from 'cairn-relay/replica-store'
import { Boundary } from './boundary.js'
import { Cart } from './cart.js'
import { Checkout } from './checkout.js'
import { GuestContext, useGuest } from './guest.js'
import { secretOf } from './hex.js'
import { useKeptCart, useRefusedCard, useSharedCard } from './keeping.js'
import { List, Search } from './list.js'
import { Listing } from './listing.js'
import { Order, Orders } from './order.js'
import { Notices } from './notices.js'
import { Mark, View } from './parts.js'
import { findPlace, keptCard, type Place } from './place.js'
import { Alarm } from './proof.js'
import { Link, useRoute } from './route.js'
import { isOfNoShop } from './words.js'

const root = createRoot(document.getElementById('root')!)
const place = await findPlace()
root.render('shop' in place ? <Storefront place={place} /> : <Nothing asked={place.asked} />)

function Storefront({ place }: { readonly place: Place }) {
  const [card, setCard] = useState(() => keptCard(place.shop))
  const [refused, setRefused] = useState<Uint8Array | undefined>(undefined)
  const guest = useMemo(() => ({ place, card, become: setCard, refused, setRefused }), [place, card, refused])
  const currencies = useMemo(() => tokensOf(place), [place])
  const kept = useMemo(() => keptBy(place, card), [place, card])
  const { url, shop, relay } = place
  return (
    <Shop url={url} shop={shop} relay={relay} card={card} currencies={currencies} offline {...kept}>
      <GuestContext.Provider value={guest}>
        <Boundary>
          <Page />
        </Boundary>
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
  const { card } = useGuest()
  const isNowhere = isOfNoShop(useConnection(), card)
  useKeptCart()
  useSharedCard()
  useRefusedCard()
  return (
    <>
      <a className="skip" href="#main">
        To the content
      </a>
      <Header />
      {!isNowhere && <Alarm />}
      <div id="main" tabIndex={-1}>
        {isNowhere ? <NoSuchShop /> : <Shown />}
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

/** Of the number in the address, which is one; and of what was kept of it nothing can be bought. */
function NoSuchShop() {
  return (
    <View title="There is no such shop here">
      <p>
        This relay has no shop of the number <span className="reason">{String(useGuest().place.shop)}</span>. Look at
        the number behind <code>?shop=</code> in this page’s address: it may be mistyped, or of another relay.
      </p>
      <HomeLink />
    </View>
  )
}

/** Without the number: the shop that this relay shows by itself. */
function HomeLink() {
  return (
    <a href="/" className="primary">
      To the shop of this relay
    </a>
  )
}

/** `asked`: what stands in the address in the place of a number. */
function Nothing({ asked }: { readonly asked: string | undefined }) {
  if (asked !== undefined)
    return (
      <View title="That is no number of a shop">
        <p>
          Behind <code>?shop=</code> in this page’s address stands <span className="reason">{asked}</span>. The number
          of a shop has digits alone, as the relay printed it.
        </p>
        <HomeLink />
      </View>
    )
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
