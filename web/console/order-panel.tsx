/** One order whole: what, for whom, what was paid and what is odd about it, and what a merchant can do. */

import {
  CANCELED,
  formatMoney,
  OPEN,
  orderWords,
  PAID,
  type OrderPayments,
  type PaymentOddity,
} from 'cairn-relay/client'
import { useState, type ReactNode } from 'react'
import { useOutcomes } from './outcomes.js'
import { nameOf, OrderState, type OrderRow } from './order-row.js'
import { Badge, download, timeText, titleOf, useLive, useSession } from './shared.js'

export function OrderPanel({ row, close }: { readonly row: OrderRow; readonly close: () => void }) {
  const { order, payments } = row
  return (
    <aside aria-label={`Order ${nameOf(row)}`} className="panel print">
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
      <Oddities payments={payments} />
      <Items row={row} />
      <Addresses row={row} />
      <Facts row={row} />
      <Actions row={row} />
    </aside>
  )
}

function Items({ row: { order } }: { readonly row: OrderRow }) {
  const { client } = useSession()
  const items = (order?.Items ?? []).filter(({ Quantity }) => Quantity > 0n)
  const listings = useLive(client.listings()).data ?? []
  if (items.length === 0) return <p className="empty">Nothing is in it.</p>
  return (
    <table className="rows items">
      <thead>
        <tr>
          <th scope="col" className="number">
            Pieces
          </th>
          <th scope="col">Listing</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ ListingID, VariationIDs, Quantity }, i) => (
          <tr key={i}>
            <td className="number">{`${Quantity} ×`}</td>
            <td>
              {titleOf(
                listings.find(({ ID }) => ID === ListingID),
                ListingID,
              )}{' '}
              <small>{(VariationIDs ?? []).join(', ')}</small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function Addresses({ row: { order } }: { readonly row: OrderRow }) {
  const list = [
    ['Ship to', order?.ShippingAddress],
    ['Invoice to', order?.InvoiceAddress],
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

function Facts({ row: { id, payments } }: { readonly row: OrderRow }) {
  const { due, paid, payableUntil, reservedUntil, canceledAt, transactions = [] } = payments ?? {}
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Due', due && formatMoney(due)],
    ['Paid', paid && paid.amount > 0n ? formatMoney(paid) : undefined],
    ['Can be paid until', payableUntil && timeText(payableUntil)],
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

function Oddities({ payments }: { readonly payments: OrderPayments | undefined }) {
  if (payments === undefined || payments.oddities.length === 0) return null
  return (
    <section className="odd noprint" aria-label="What needs a person">
      {payments.oddities.map((oddity, i) => (
        <OddPayment key={i} order={payments.order} oddity={oddity} />
      ))}
      {payments.leftOut > 0 ? <p>{payments.leftOut} more are not shown: cairn orders --odd lists all.</p> : null}
    </section>
  )
}

/** Whether somebody saw to it is a note of this browser: the protocol has no place for it. */
function OddPayment({ order, oddity }: { readonly order: bigint; readonly oddity: PaymentOddity }) {
  const { kind, text, money, missing, place } = oddity
  const name = `cairn console handled ${order} ${kind} ${place ?? ''} ${money?.amount ?? ''}`
  const [isHandled, setHandled] = useState(() => localStorage.getItem(name) !== null)
  const { run } = useOutcomes()
  const toggle = () => {
    if (isHandled) localStorage.removeItem(name)
    else localStorage.setItem(name, new Date().toISOString())
    setHandled(!isHandled)
  }
  const details = [kind, money && formatMoney(money), missing && `${formatMoney(missing)} missing`, place, text]
  const copy = () =>
    run(
      'Copy the details',
      () =>
        navigator.clipboard.writeText(details.filter((part) => part !== undefined).join('\n')).then(() => 'Copied.'),
      { reads: true },
    )
  return (
    <article className={isHandled ? 'handled' : undefined}>
      <p>
        <Badge kind={isHandled ? 'calm' : 'bad'}>{kind}</Badge>{' '}
        {money === undefined ? null : <b>{formatMoney(money)}</b>}{' '}
        {missing === undefined ? null : `${formatMoney(missing)} missing`}
      </p>
      <p>{text}</p>
      {place === undefined ? null : <code>{place}</code>}
      <p className="row">
        <button type="button" aria-pressed={isHandled} onClick={toggle}>
          {isHandled ? 'Seen to (on this device)' : 'Mark as seen to'}
        </button>
        <button type="button" onClick={() => void copy()}>
          Copy details
        </button>
      </p>
    </article>
  )
}

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
        <button type="button" className="danger" onClick={cancel}>
          {isSure ? 'Really cancel it' : 'Cancel the order'}
        </button>
      ) : null}
    </p>
  )
}
