/** An order, from reserved to paid, with its receipt. */

import { useEffect, useMemo, useState } from 'react'
import {
  COMMITTED,
  formatMoney,
  orderWords,
  PAID,
  secondsLeft,
  UNPAID,
  type ChainAddress,
  type Order as Ordered,
} from 'cairn-relay/client'
import { useListing, useManifest, useOrder, useOrders, useShop } from 'cairn-relay/react'
import { sentenceOf } from './checkout.js'
import { useGuest } from './guest.js'
import { secretOf, textOf } from './hex.js'
import { VariationNames } from './listing.js'
import { View } from './parts.js'
import { Proof } from './proof.js'
import { Link } from './route.js'
import { useWallets, type PayingWallet } from './wallets.js'

export function Order({ id }: { readonly id: bigint }) {
  const state = useOrder(id)
  const { data: order, status } = state
  if (order === undefined)
    return (
      <View title={status === 'loading' ? 'One moment…' : 'No such order'}>
        {status !== 'loading' && <p>This browser has no key that opens it.</p>}
        <Link to={{}}>All that is sold</Link>
      </View>
    )
  const { state: name, guest } = orderWords(order)
  return (
    <View title={order.State === PAID ? 'Thank you' : 'Your order'}>
      <p className={`state is-${name.toLowerCase()}`} role="status">
        <strong>{name}</strong> <span>{guest}</span>
      </p>
      <TimeLeft order={order} />
      <ul className="lines">
        {(order.Items ?? []).map((item, i) => (
          <Item key={i} id={item.ListingID} variations={item.VariationIDs ?? []} quantity={item.Quantity} />
        ))}
      </ul>
      <Pay order={order} />
      <Receipt id={id} />
      <Proof state={state} all="this is all of it" />
      <p className="quiet">
        Order {String(id)}. <Link to={{ view: 'orders' }}>All your orders</Link>
      </p>
    </View>
  )
}

interface ItemProps {
  readonly id: bigint
  readonly variations: readonly string[]
  readonly quantity: bigint
}

function Item({ id, variations, quantity }: ItemProps) {
  const title = useListing(id, { select: ({ data }) => data?.Metadata.Title })
  return (
    <li className="line is-plain">
      <div className="line-text">
        <span>{title ?? '…'}</span>
        <VariationNames id={id} variations={variations} />
      </div>
      <span className="number">× {String(quantity)}</span>
    </li>
  )
}

function TimeLeft({ order }: { readonly order: Ordered }) {
  const [now, setNow] = useState(() => BigInt(Math.floor(Date.now() / 1_000)))
  useEffect(() => {
    const timer = setInterval(() => setNow(BigInt(Math.floor(Date.now() / 1_000))), 1_000)
    return () => clearInterval(timer)
  }, [])
  const left = secondsLeft(order, now)
  if (left === undefined) return null
  const [hours, minutes, seconds] = [left / 3_600n, (left / 60n) % 60n, left % 60n]
  const text = [hours, minutes, seconds].map((part) => String(part).padStart(2, '0')).join(':')
  return (
    <p className="time">
      Reserved for you for another <span className="number">{text}</span>
    </p>
  )
}

function Pay({ order }: { readonly order: Ordered }) {
  const { place } = useGuest()
  const shop = useShop()
  const wallets = useWallets(place.chain)
  const choices = useChoices()
  const [currency, setCurrency] = useState(0)
  const { pay, isRunning, told } = usePaying(order)
  if (order.State !== COMMITTED && order.State !== UNPAID) return null
  if (place.chain === undefined)
    return (
      <p className="notice">
        This relay runs without a chain, so nothing can be paid. Start it with a development chain to see the rest:{' '}
        <code>npm run dev:chain</code> in one terminal, <code>npm start -- --chain dev</code> in another.
      </p>
    )
  const due = shop?.orders.due(order.ID)
  return (
    <section className="pay" aria-label="Payment">
      <h2>{due === undefined ? 'Choose how to pay' : `To pay: ${formatMoney(due.money)}`}</h2>
      {choices.length > 1 && (
        <label className="field">
          In which money
          <select value={currency} onChange={(event) => setCurrency(Number(event.target.value))}>
            {choices.map(({ symbol }, i) => (
              <option key={symbol} value={i}>
                {symbol}
              </option>
            ))}
          </select>
        </label>
      )}
      <div className="actions">
        {wallets.map((wallet) => (
          <button
            key={wallet.id}
            type="button"
            className="primary"
            disabled={isRunning || choices.length === 0}
            onClick={() => pay(wallet, choices[currency]!)}
          >
            {isRunning ? 'Paying…' : `Pay with ${wallet.name}`}
          </button>
        ))}
      </div>
      <p className="problem" role="alert">
        {told}
      </p>
    </section>
  )
}

interface Choice {
  readonly payee: ChainAddress
  readonly currency: ChainAddress
  readonly symbol: string
}

/** Every currency that the shop takes, with a payee on its chain. */
function useChoices(): readonly Choice[] {
  const shop = useShop()
  const manifest = useManifest({ select: ({ data }) => data })
  return useMemo(() => {
    const payees = [...(manifest?.Payees ?? [])].flatMap(([ChainID, all]) =>
      [...all.keys()].map((hex) => at(ChainID, hex)),
    )
    return [...(manifest?.AcceptedCurrencies ?? [])].flatMap(([ChainID, all]) =>
      [...all.keys()].flatMap((hex) => {
        const payee = payees.find((one) => one.ChainID === ChainID)
        const currency = at(ChainID, hex)
        return payee === undefined || shop === undefined
          ? []
          : { payee, currency, symbol: shop.money(0n, currency).symbol }
      }),
    )
  }, [manifest, shop])
}

function at(ChainID: bigint, hex: string): ChainAddress {
  return { ChainID, Address: secretOf(hex) }
}

/** Asks the relay what is due, where that is not known yet, and has the wallet send it. */
function usePaying(order: Ordered) {
  const shop = useShop()
  const [isRunning, setRunning] = useState(false)
  const [told, setTold] = useState('')
  const pay = (wallet: PayingWallet, { payee, currency }: Choice) => {
    const chosen = shop!.orders.due(order.ID)
    const isSame = chosen !== undefined && textOf(chosen.currency.Address) === textOf(currency.Address)
    setRunning(true)
    setTold('')
    const due = isSame ? Promise.resolve(chosen) : shop!.orders.choosePayment(order.ID, { payee, currency })
    due
      .then((asked) => wallet.pay(asked))
      .then(
        () => setTold('Sent. The relay waits to see it on the chain.'),
        (error: unknown) => setTold(sentenceOf(error)),
      )
      .finally(() => setRunning(false))
  }
  return { pay, isRunning, told }
}

function Receipt({ id }: { readonly id: bigint }) {
  const shop = useShop()
  const [problem, setProblem] = useState('')
  const [isRunning, setRunning] = useState(false)
  const save = () => {
    setRunning(true)
    shop!
      .order(id)
      .receipt()
      .then(
        (bytes) => saveFile(`order-${id}.cairn`, bytes),
        (error: unknown) => setProblem(sentenceOf(error)),
      )
      .finally(() => setRunning(false))
  }
  return (
    <section className="receipt" aria-label="Receipt">
      <h2>Your receipt</h2>
      <p>
        A small file that proves this order, without this shop, its server or any network, for as long as you keep it.
      </p>
      <div className="actions">
        <button type="button" disabled={isRunning || shop === undefined} onClick={save}>
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

function saveFile(name: string, bytes: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]))
  Object.assign(document.createElement('a'), { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), SAVING_MS)
}

const SAVING_MS = 10_000

export function Orders() {
  const state = useOrders()
  const { data = [], status } = state
  const { card, place } = useGuest()
  return (
    <View title="Your orders">
      {status !== 'loading' && <Proof state={state} all="these are all that your key made" />}
      {data.length === 0 && <p className="empty">{status === 'loading' ? 'One moment…' : 'There is none yet.'}</p>}
      <ul className="lines">
        {data.map((order) => (
          <li key={String(order.ID)} className="line is-plain">
            <Link to={{ order: order.ID }}>Order {String(order.ID)}</Link>
            <span className="quiet">{orderWords(order).state}</span>
          </li>
        ))}
      </ul>
      {card !== undefined && (
        <p className="quiet">
          A key in this browser opens them.{' '}
          <button
            type="button"
            className="plain"
            onClick={() => saveFile(`cairn-card-${place.shop}.key`, new TextEncoder().encode(`${textOf(card)}\n`))}
          >
            Save it as a file
          </button>
          : who has it reads your orders, and who lost it does not.
        </p>
      )}
    </View>
  )
}
