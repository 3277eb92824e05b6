/** One order whole: what, for whom, what was paid and what is odd about it, and what a merchant can do. */

import {
  CANCELED,
  formatMoney,
  OPEN,
  orderWords,
  PAID,
  type Money,
  type Order,
  type Quote,
  type ShopClient,
} from 'cairn-relay/client'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { quoteAsAsked } from '../as-asked.js'
import { guestAddress } from './guest-text.js'
import { OddPayments } from './odd-payments.js'
import { choiceText } from './options.js'
import { useOutcomes } from './outcomes.js'
import { isDue, nameOf, OrderState, type OrderRow } from './order-row.js'
import { download, timeText, titleOf, useLive, useSession, WriteButton } from './shared.js'

export function OrderPanel({ row, close }: { readonly row: OrderRow; readonly close: () => void }) {
  const { order } = row
  const { shop } = useSession()
  const panel = useRef<HTMLElement>(null)
  // In a narrow window it stands in the place of the list, where the focus was.
  useEffect(() => {
    const list = panel.current?.parentElement?.querySelector('.list')
    if (list?.checkVisibility() === false) panel.current!.focus()
  }, [row.id])
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={`Order ${nameOf(row)}`}
      className="panel"
      onKeyDown={(event) => {
        if (event.key === 'Escape') close()
      }}
    >
      <p className="onlyprint">Shop {String(shop)}</p>
      <header>
        <h2>
          Order {nameOf(row)} <OrderState order={order} />
        </h2>
        <button type="button" className="quiet noprint" onClick={close} aria-label="Close the order">
          ✕
        </button>
      </header>
      {order === undefined ? (
        <p>It was removed. What came for it stands below.</p>
      ) : (
        <p className="words noprint">{orderWords(order).merchant}</p>
      )}
      <OddPayments row={row} />
      <Items row={row} />
      <Addresses row={row} />
      <Facts row={row} />
      <Actions row={row} />
    </aside>
  )
}

function Items({ row: { order, payments } }: { readonly row: OrderRow }) {
  const { client } = useSession()
  const items = (order?.Items ?? []).filter(({ Quantity }) => Quantity > 0n)
  const listings = useLive(client.listings()).data ?? []
  const quote = order && quoteAsAsked(client.orders.quote(order.ID), order, payments?.due)
  if (items.length === 0) return <p className="empty">Nothing is in it.</p>
  return (
    <table className="rows items">
      <thead>
        <tr>
          <th scope="col" className="number">
            Pieces
          </th>
          <th scope="col">Listing</th>
          {quote === undefined ? null : (
            <th scope="col" className="number">
              Sum
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {items.map(({ ListingID, VariationIDs, Quantity }, i) => {
          const listing = listings.find(({ ID }) => ID === ListingID)
          return (
            <tr key={i}>
              <td className="number">{`${Quantity} ×`}</td>
              <td>
                {titleOf(listing, ListingID)} <small>{choiceText(listing, VariationIDs ?? [])}</small>
              </td>
              {quote === undefined ? null : <td className="number">{sumText(quote.lines[i]?.sum)}</td>}
            </tr>
          )
        })}
      </tbody>
      {quote === undefined ? null : <SumRows quote={quote} />}
    </table>
  )
}

function SumRows({ quote: { shipping, total } }: { readonly quote: Quote }) {
  const row = (name: string, money: Money | undefined) => (
    <tr key={name}>
      <td />
      <th scope="row">{name}</th>
      <td className="number">{sumText(money)}</td>
    </tr>
  )
  return (
    <tfoot>
      {shipping.map(({ name, change }) => row(name === 'post' ? 'Shipping' : name, change))}
      {row('Total', total)}
    </tfoot>
  )
}

function sumText(money: Money | undefined): string {
  return money === undefined ? '–' : formatMoney(money)
}

function Addresses({ row: { order } }: { readonly row: OrderRow }) {
  const list = [
    ['Ship to', guestAddress(order?.ShippingAddress)],
    ['Invoice to', guestAddress(order?.InvoiceAddress)],
  ] as const
  return (
    <div className="addresses">
      {list.map(([title, address]) =>
        address === undefined ? null : (
          <section key={title}>
            <h3>{title}</h3>
            <address>
              {[
                address.Name,
                address.Address1,
                address.Address2,
                `${address.PostalCode} ${address.City}`,
                address.Country,
              ]
                .filter((line) => line !== undefined && line !== '')
                .map((line, i) => (
                  <span key={i}>{line}</span>
                ))}
              <span>{address.EmailAddress}</span>
              {address.PhoneNumber === undefined ? null : <span>{address.PhoneNumber}</span>}
            </address>
          </section>
        ),
      )}
    </div>
  )
}

/** Of an order that is due by something else than the prices of now. */
function isUncompared(client: ShopClient, order: Order | undefined): boolean {
  try {
    return isDue(order) && client.orders.due(order!.ID)?.compared === false
  } catch {
    // What is wrong with it is its guest's to be told: he does not pay.
    return false
  }
}

function Facts({ row: { id, order, payments } }: { readonly row: OrderRow }) {
  const { client } = useSession()
  const { due, paid, payableUntil, reservedUntil, canceledAt, transactions = [] } = payments ?? {}
  const facts: readonly (readonly [string, ReactNode])[] = [
    [isDue(order) ? 'Due' : 'Asked for', due && formatMoney(due)],
    ['Not compared', isUncompared(client, order) ? UNCOMPARED : undefined],
    ['Paid', paid && paid.amount > 0n ? formatMoney(paid) : undefined],
    ['Can be paid until', isDue(order) && payableUntil ? timeText(payableUntil) : undefined],
    ['Stock is held until', reservedUntil && timeText(reservedUntil)],
    ['Canceled', canceledAt && timeText(canceledAt)],
    ['Transactions', transactions.length > 0 ? transactions.map((hash) => <code key={hash}>{hash}</code>) : undefined],
    ['Order id', <code key="id">{String(id)}</code>],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) =>
        value === undefined || value === '' ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

const UNCOMPARED = 'It is in another currency, or prices, post or address have changed since payment was chosen.'

function Actions({ row }: { readonly row: OrderRow }) {
  const { client } = useSession()
  const { run } = useOutcomes()
  const { id, order } = row
  const [isSure, setSure] = useState(false)
  const mayCancel = order !== undefined && order.State !== CANCELED && order.State !== PAID && order.State !== OPEN
  const cancel = () => {
    if (!isSure) return setSure(true)
    setSure(false)
    void run(`Cancel order ${nameOf(row)}`, () => client.orders.cancel(id).then(() => 'Canceled; its stock is free.'))
    return undefined
  }
  const receipt = () =>
    run(
      `Receipt of order ${nameOf(row)}`,
      async () => {
        const bytes = await client.order(id).receipt()
        download(`order-${id}.cairn`, bytes as Uint8Array<ArrayBuffer>, 'application/octet-stream')
        return 'Saved. It holds name, address and e-mail.'
      },
      { reads: true },
    )
  return (
    <p className="row noprint">
      <button type="button" onClick={() => window.print()}>
        Print
      </button>
      {order === undefined || order.State === OPEN ? null : (
        <button type="button" onClick={() => void receipt()}>
          Receipt
        </button>
      )}
      {mayCancel ? (
        <WriteButton className="danger" onClick={cancel}>
          {isSure ? 'Really cancel it' : 'Cancel the order'}
        </WriteButton>
      ) : null}
    </p>
  )
}
