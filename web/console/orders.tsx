/** Orders: all of them with their payments, filters, and one of them whole. */

import {
  CANCELED,
  formatMoney,
  OPEN,
  PAID,
  PAYMENT_CHOSEN,
  UNPAID,
  type Order,
  type OrderPayments,
} from 'cairn-relay/client'
import { useMemo, useState } from 'react'
import { flushSync } from 'react-dom'
import { guestAddress } from './guest-text.js'
import { OrderPanel } from './order-panel.js'
import { useSeenTo } from './odd-payments.js'
import { isDue, nameOf, OrderState, shortId, type OrderRow } from './order-row.js'
import { needsNobody, type SeenTo } from './seen-to.js'
import { Badge, Empty, Table, timeText, useLive, useSession } from './shared.js'

type Wants = (row: OrderRow, seen: SeenTo) => boolean
type Filter = 'ordered' | 'odd' | 'wait' | 'paid' | 'open' | 'canceled' | 'all'
const FILTERS: readonly (readonly [name: Filter, title: string, wants: Wants])[] = [
  ['ordered', 'Ordered', ({ order }) => order !== undefined && order.State !== OPEN && order.State !== CANCELED],
  ['odd', 'Needs a person', ({ payments }, seen) => payments !== undefined && seen.open(payments).length > 0],
  ['wait', 'To be paid', ({ order }) => order?.State === UNPAID || order?.State === PAYMENT_CHOSEN],
  ['paid', 'Paid', ({ order }) => order?.State === PAID],
  ['open', 'Carts', ({ order }) => order?.State === OPEN],
  ['canceled', 'Canceled', ({ order }) => order === undefined || order.State === CANCELED],
  ['all', 'All', () => true],
]
const SHOWN_FIRST = 100

interface OrdersProps {
  readonly chosen: bigint | undefined
  readonly choose: (order: bigint | undefined) => void
}

export function OrdersView({ chosen, choose }: OrdersProps) {
  const { client } = useSession()
  const orders = useLive(client.orders())
  const payments = useLive(client.payments())
  const [filter, setFilter] = useState<Filter>('ordered')
  const [search, setSearch] = useState('')
  const seen = useSeenTo()
  const [shown, show] = useState(SHOWN_FIRST)
  const rows = useMemo(() => rowsOf(orders.data ?? [], payments.data ?? []), [orders.data, payments.data])
  const wants = FILTERS.find(([name]) => name === filter)![2]
  const found = rows.filter((row) => wants(row, seen) && isFound(row, search))
  const row = rows.find(({ id }) => id === chosen)
  const isLoading = orders.status === 'loading'
  const close = () => {
    // Shown again at once, so that the focus has where to go.
    flushSync(() => choose(undefined))
    document.querySelector<HTMLElement>(`[data-order="${chosen}"] button`)?.focus()
  }
  return (
    <div className={`split${row === undefined ? '' : ' open'}`}>
      <section aria-label="Orders" className="list">
        <div className="filters" role="group" aria-label="Which orders">
          {FILTERS.map(([name, title, isOf]) => (
            <button key={name} type="button" aria-pressed={name === filter} onClick={() => setFilter(name)}>
              {title} <b>{rows.filter((row) => isOf(row, seen)).length}</b>
            </button>
          ))}
          <input
            type="search"
            aria-label="Search orders"
            placeholder="Number, name, city, e-mail"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        </div>
        {payments.error === undefined ? null : <Empty>Payments: {payments.error.message}</Empty>}
        {found.length === 0 ? (
          <Empty>{isLoading ? 'Orders are on their way …' : 'No orders here.'}</Empty>
        ) : (
          <OrdersTable rows={found.slice(0, shown)} chosen={chosen} choose={choose} />
        )}
        {found.length > shown ? (
          <button type="button" onClick={() => show(shown + SHOWN_FIRST)}>
            Show more of {found.length}
          </button>
        ) : null}
      </section>
      {row === undefined ? null : <OrderPanel key={`${row.id}`} row={row} close={close} />}
    </div>
  )
}

function OrdersTable({
  rows,
  chosen,
  choose,
}: {
  readonly rows: readonly OrderRow[]
  readonly chosen: bigint | undefined
  readonly choose: (id: bigint) => void
}) {
  return (
    <Table
      label="Table of orders"
      className="orders"
      heads={['Order', 'State', 'For', { number: 'Pieces' }, { number: 'Due' }, { number: 'Paid' }]}
    >
      {rows.map((row) => (
        <OrderLine key={`${row.id}`} row={row} isChosen={row.id === chosen} choose={choose} />
      ))}
    </Table>
  )
}

function OrderLine({
  row,
  isChosen,
  choose,
}: {
  readonly row: OrderRow
  readonly isChosen: boolean
  readonly choose: (id: bigint) => void
}) {
  const { id, order, payments } = row
  const { due, paid, payableUntil, oddities = [] } = payments ?? {}
  const address = guestAddress(order?.ShippingAddress ?? order?.InvoiceAddress)
  const pieces = (order?.Items ?? []).reduce((sum, { Quantity }) => sum + Quantity, 0n)
  return (
    <tr className={isChosen ? 'chosen' : undefined} data-order={String(id)}>
      <th scope="row">
        <button type="button" className="link" aria-expanded={isChosen} onClick={() => choose(id)}>
          {nameOf(row)}
        </button>{' '}
        {payments === undefined ? null : <small>{shortId(id)}</small>}
      </th>
      <td>
        <OrderState order={order} />
        {payableUntil === undefined || !isDue(order) ? null : <small>until {timeText(payableUntil)}</small>}
        {oddities.map(({ kind }, i) => (
          <Badge key={i} kind={needsNobody({ kind }) ? 'calm' : 'bad'}>
            {kind}
          </Badge>
        ))}
      </td>
      <td>{address === undefined ? '–' : `${address.Name}, ${address.City}`}</td>
      <td className="number">{`${pieces}`}</td>
      <td className="number">{due === undefined || !isDue(order) ? '–' : formatMoney(due)}</td>
      <td className="number">{paid === undefined || paid.amount === 0n ? '–' : formatMoney(paid)}</td>
    </tr>
  )
}

/** Newest first. */
function rowsOf(orders: readonly Order[], payments: readonly OrderPayments[]): OrderRow[] {
  const byOrder = new Map(payments.map((one) => [one.order, one]))
  const known = new Set(orders.map(({ ID }) => ID))
  const rows: OrderRow[] = orders.map((order) => ({ id: order.ID, order, payments: byOrder.get(order.ID) }))
  for (const one of payments) if (!known.has(one.order)) rows.push({ id: one.order, order: undefined, payments: one })
  return rows.sort((a, b) => Number((b.payments?.number ?? FIRST) - (a.payments?.number ?? FIRST)))
}

/** What has no number yet is the newest. */
const FIRST = 1n << 50n

function isFound(row: OrderRow, search: string): boolean {
  const address = guestAddress(row.order?.ShippingAddress ?? row.order?.InvoiceAddress)
  const text = [nameOf(row), String(row.id), address?.Name, address?.City, address?.EmailAddress]
    .join(' ')
    .toLowerCase()
  return text.includes(search.trim().toLowerCase())
}
