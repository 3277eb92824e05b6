/** An order, from reserved to paid, with its receipt. */

import { useState } from 'react'
import {
  CANCELED,
  formatMoney,
  PAID,
  secondsLeft,
  type AddressDetails,
  type Money,
  type Order as Ordered,
  type PaymentDue,
  type Quote,
  type ShopClient,
  type Verified,
} from 'cairn-relay/client'
import { useCart, useConnection, useOrder, useOrders, useShop } from 'cairn-relay/react'
import { quoteAsAsked } from '../as-asked.js'
import { isPriced, SumRows } from './cart.js'
import { ChangedTotal } from './changed-total.js'
import { saveFile } from './files.js'
import { countryName } from '../countries.js'
import { useGuest, useOutbox, useProblem, useProblemWords, useSeconds, useSettled } from './guest.js'
import { Items, type BoughtItem } from './items.js'
import { KeyOffer, KeyPanel } from './key.js'
import { standingOf, type Standing } from './order-state.js'
import { toBePaidFirst } from './order-list.js'
import { useAgreedOrder } from './order-total.js'
import { UNSEEN, View } from './parts.js'
import { Pay, useSeenPayment } from './pay.js'
import { pendingOrders } from './pending.js'
import { timeOf } from './proof-words.js'
import { Proof, Reason } from './proof.js'
import { go, Link } from './route.js'

export function Order({ id }: { readonly id: bigint }) {
  const state = useOrder(id)
  const shop = useShop()
  const { data: order, status } = state
  const quote = shop?.orders.quote(id)
  const isConnected = useConnection().state === 'connected'
  const isSettled = useSettled(order !== undefined && quote !== undefined && isPriced(quote))
  const isLoading = status === 'loading' || (order !== undefined && !isSettled)
  if (order === undefined || !isSettled)
    return (
      <View title={isLoading ? 'One moment…' : status === 'failed' ? UNSEEN : 'No such order'}>
        {!isLoading && status !== 'failed' && <p>This browser has no key that opens it.</p>}
        <Link to={{}}>All that is sold</Link>
      </View>
    )
  return (
    <View title={order.State === PAID ? 'Thank you' : 'Your order'}>
      <Life order={order} isSure={isConnected && status === 'ready'} />
      <Proof state={state} all={asOf('this is all of it', state)} />
      <p className="quiet">
        Order <span className="number">{String(id)}</span>. <Link to={{ view: 'orders' }}>All your orders</Link>
      </p>
    </View>
  )
}

/** What came since is shown with the next checkpoint, a second later. One line, so that nothing moves when it comes. */
function asOf(all: string, { verified }: { readonly verified?: Verified | undefined }): string {
  const at = timeOf(verified)
  return at === '' ? all : `all of it, as of ${at}`
}

/** What it is, what is to be done, and what it holds. */
function Life({ order, isSure }: { readonly order: Ordered; readonly isSure: boolean }) {
  const shop = useShop()
  const words = useProblemWords()
  const { due, mismatch } = dueOf(shop, order)
  // Of what is Canceled nobody pays anything.
  const quote = order.State === CANCELED ? undefined : quoteAsAsked(shop?.orders.quote(order.ID), order, due?.money)
  const seen = useSeenPayment(order, due)
  const isPending = pendingOrders(useOutbox()).has(order.ID)
  const now = useSeconds()
  const standing = standingOf(order, { now, isPending, odd: seen.odd, isSent: seen.sent !== undefined })
  const agreed = useAgreedOrder({
    order: order.ID,
    // Of what is paid in part the rest is asked for by hand.
    now: standing.isPayable || standing.isRestDue ? (due?.money ?? quote?.total) : undefined,
    isSure,
    isOver: order.State === PAID || order.State === CANCELED,
  })
  return (
    <>
      <State state={isPending ? 'pending' : String(order.State)} standing={standing} />
      <TimeLeft left={standing.isPayable ? secondsLeft(order, now) : undefined} />
      <Contents order={order} due={due} quote={quote} />
      <ChangedTotal {...agreed} />
      {mismatch === undefined ? (
        <Pay order={order} due={due} agreed={agreed} seen={seen} standing={standing} />
      ) : (
        <div className="problem" role="alert">
          <p>✗ {words(mismatch)}</p>
          <Reason text={mismatch.message} />
        </div>
      )}
      <Goes order={order} />
      {order.State === PAID && <KeyOffer />}
      {!isPending && <Receipt id={order.ID} isPaid={order.State === PAID} />}
      {standing.isPayable && <Cancel order={order} />}
      {order.State === CANCELED && <Again order={order} />}
    </>
  )
}

/** What was asked last; and where that does not follow from the order, what is wrong with it. */
function dueOf(
  shop: ShopClient | undefined,
  { ID }: Ordered,
): { readonly due?: PaymentDue; readonly mismatch?: Error } {
  try {
    const due = shop?.orders.asked(ID)
    return due === undefined ? {} : { due }
  } catch (error) {
    return { mismatch: error as Error }
  }
}

const SIGNS: Readonly<Record<Standing['tone'], string>> = { waits: '…', good: '✓', over: '–', odd: '!' }

function State({ state, standing }: { readonly state: string; readonly standing: Standing }) {
  const { name, text, tone } = standing
  return (
    <p className={`state is-${tone}`} role="status" data-state={state}>
      <strong>
        <span aria-hidden="true">{SIGNS[tone]} </span>
        {name}
      </strong>{' '}
      <span>{text}</span>
    </p>
  )
}

interface ContentsProps {
  readonly order: Ordered
  readonly due: PaymentDue | undefined
  readonly quote: Quote | undefined
}

/** What was asked; before that, what each part comes to as the shop is now. */
function Contents({ order, due, quote }: ContentsProps) {
  return (
    <>
      <Items items={boughtItems(order, quote)} />
      {quote === undefined ? <Total money={due?.money} /> : <SumRows quote={quote} />}
    </>
  )
}

/** Of an order, each with what it comes to by `quote`. */
function boughtItems({ Items }: Ordered, quote: Quote | undefined): readonly BoughtItem[] {
  return (Items ?? [])
    .filter(({ Quantity }) => Quantity > 0n)
    .map(({ ListingID: listing, VariationIDs, Quantity: quantity }, i) => ({
      listing,
      variations: VariationIDs ?? [],
      quantity,
      sum: quote?.lines[i]?.sum,
    }))
}

function Goes({ order: { ShippingAddress, InvoiceAddress } }: { readonly order: Ordered }) {
  const address = ShippingAddress ?? InvoiceAddress
  if (address === undefined) return null
  return (
    <section className="goes" aria-label="Where it goes">
      <h2>Where it goes</h2>
      <address>
        {linesOf(address).map((line, i) => (
          <span key={i}>{line}</span>
        ))}
      </address>
    </section>
  )
}

function linesOf(address: AddressDetails): readonly string[] {
  const { Name, Address1, Address2, PostalCode, City, Country, EmailAddress, PhoneNumber } = address
  const lines = [Name, Address1, Address2, `${PostalCode} ${City}`, countryName(Country), EmailAddress, PhoneNumber]
  return lines.filter((line): line is string => line !== undefined && line.trim() !== '')
}

function Total({ money }: { readonly money: Money | undefined }) {
  if (money === undefined) return null
  return (
    <dl className="sums">
      <dt className="total">Total</dt>
      <dd className="total">{formatMoney(money)}</dd>
    </dl>
  )
}

function TimeLeft({ left }: { readonly left: bigint | undefined }) {
  if (left === undefined) return null
  const [hours, minutes, seconds] = [left / 3_600n, (left / 60n) % 60n, left % 60n]
  const text = [hours, minutes, seconds].map((part) => String(part).padStart(2, '0')).join(':')
  return (
    <p className="time">
      Reserved for you for another <span className="number">{text}</span>
    </p>
  )
}

/** The same once more. */
function Again({ order }: { readonly order: Ordered }) {
  const { cart } = useCart()
  const again = () => {
    for (const { ListingID: listing, VariationIDs, Quantity: quantity } of order.Items ?? [])
      if (quantity > 0n) cart?.add({ listing, variations: VariationIDs ?? [], quantity })
    go({ view: 'cart' })
  }
  return (
    <p>
      <button type="button" disabled={cart === undefined} onClick={again}>
        Put it into the cart again
      </button>
    </p>
  )
}

/** Two clicks, so that none is a slip. */
function Cancel({ order }: { readonly order: Ordered }) {
  const shop = useShop()
  const { state } = useConnection()
  const [isAsked, setAsked] = useState(false)
  const [problem, tell] = useProblem()
  const cancel = () => {
    setAsked(false)
    shop!.orders.cancel(order.ID).catch(tell)
  }
  if (order.State === CANCELED || shop === undefined || state !== 'connected') return null
  return (
    <div className="actions cancel">
      {isAsked ? (
        <>
          <span>Give the pieces back?</span>
          <button type="button" onClick={cancel}>
            Yes, cancel it
          </button>
          <button type="button" className="plain" onClick={() => setAsked(false)}>
            Keep it
          </button>
        </>
      ) : (
        <button type="button" className="plain" onClick={() => setAsked(true)}>
          Cancel this order
        </button>
      )}
      <p className="problem" role="alert">
        {problem}
      </p>
    </div>
  )
}

function Receipt({ id, isPaid }: { readonly id: bigint; readonly isPaid: boolean }) {
  const shop = useShop()
  const { state } = useConnection()
  const [problem, tell] = useProblem()
  const [isRunning, setRunning] = useState(false)
  const save = () => {
    setRunning(true)
    tell(undefined)
    shop!
      .order(id)
      .receipt()
      .then((bytes) => saveFile(`order-${id}.cairn`, bytes), tell)
      .finally(() => setRunning(false))
  }
  return (
    <section className="panel receipt" aria-label="Receipt">
      <h2>Your receipt</h2>
      <p>
        A small file that proves this order, without this shop, its server or any network, for as long as you keep it.
        {!isPaid && ' Take it once the order is paid: it proves the order as it is when you download it.'}
      </p>
      <div className="actions">
        <button
          type="button"
          className={isPaid ? 'primary' : ''}
          disabled={isRunning || shop === undefined || state !== 'connected'}
          onClick={save}
        >
          {isRunning ? 'Making it…' : 'Download the receipt'}
        </button>
        <a href="/verify" target="_blank" rel="noreferrer">
          Check one, offline
        </a>
      </div>
      <p className="problem" role="alert">
        {problem}
      </p>
    </section>
  )
}

/** Its end, where it is long: nobody reads twenty digits. */
function shortId(id: bigint): string {
  const text = String(id)
  return text.length > ID_DIGITS ? `…${text.slice(-ID_DIGITS)}` : text
}

const ID_DIGITS = 6

export function Orders() {
  const state = useOrders()
  const { data = [], status } = state
  const { card } = useGuest()
  const shop = useShop()
  const pending = pendingOrders(useOutbox())
  const now = useSeconds()
  const isLoading = status === 'loading' && card !== undefined
  const isSettled = useSettled(!isLoading)
  if (!isSettled)
    return (
      <View title="Your orders">
        <p className="empty">One moment…</p>
      </View>
    )
  return (
    <View title="Your orders">
      {card !== undefined && status !== 'loading' && (
        <Proof state={state} all={asOf('these are all that your key made', state)} />
      )}
      {data.length === 0 && (
        <p className="empty">{isLoading ? 'One moment…' : status === 'failed' ? `${UNSEEN}.` : 'There is none yet.'}</p>
      )}
      <ul className="lines">
        {toBePaidFirst(data).map((order) => {
          const { name, tone } = standingOf(order, { now, isPending: pending.has(order.ID) })
          const { due } = dueOf(shop, order)
          const quote = quoteAsAsked(shop?.orders.quote(order.ID), order, due?.money)
          return (
            <li key={String(order.ID)} className="line is-plain">
              <Link to={{ order: order.ID }} title={String(order.ID)}>
                Order {shortId(order.ID)}
              </Link>
              <span className={`tag is-${tone}`}>
                <span aria-hidden="true">{SIGNS[tone]} </span>
                {name}
              </span>
              <div className="line-goods">
                <Items items={boughtItems(order, quote)} isSmall />
                <Total money={due?.money ?? quote?.total} />
              </div>
            </li>
          )
        })}
      </ul>
      <KeyPanel />
    </View>
  )
}
