/** All that is sold: searched, by tag, in an order. */

import { useMemo, useState } from 'react'
import type { Listing } from 'cairn-relay/client'
import { useListings, useTags } from 'cairn-relay/react'
import { isSoldOut, lowestPrice } from './option-prices.js'
import { Picture, Price, View } from './parts.js'
import { Proof } from './proof.js'
import { go, Link } from './route.js'

const ORDERS = {
  listed: { label: 'As the shop has it', query: { orderBy: 'listed' } },
  cheap: { label: 'Lowest price first', query: { orderBy: 'price' } },
  dear: { label: 'Highest price first', query: { orderBy: 'price', descending: true } },
  title: { label: 'By name', query: { orderBy: 'title' } },
} as const
const FIRST = 24

export function List({ tag, search }: { readonly tag: string | undefined; readonly search: string }) {
  const [order, setOrder] = useState<keyof typeof ORDERS>('listed')
  const [limit, setLimit] = useState(FIRST)
  const list = useListings({ published: true, tag, search, limit, ...ORDERS[order].query })
  const { status, data = [], hasMore } = list
  const isLoading = status === 'loading' && data.length === 0
  return (
    <View title={tag ?? 'Things for the way up'} wide>
      <p className="lead">Prices and stock change while you look. Your browser checks each of them.</p>
      <div className="bar">
        <Tags tag={tag} search={search} />
        <OrderChoice order={order} choose={setOrder} />
      </div>
      <div className="bar">
        <Proof state={list} />
        <p className="count" role="status">
          <Replaced text={countOf(list, search)} />
        </p>
      </div>
      {status !== 'loading' && status !== 'failed' && data.length === 0 && <Nothing tag={tag} search={search} />}
      <ul className="grid" aria-busy={isLoading}>
        {isLoading ? (
          <Places />
        ) : (
          data.map((listing, i) => <Card key={String(listing.ID)} listing={listing} eager={i < 8} />)
        )}
      </ul>
      {hasMore && !isLoading && (
        <p className="more">
          <button type="button" onClick={() => setLimit(limit + FIRST)}>
            Show more
          </button>
        </p>
      )}
    </View>
  )
}

type OrderName = keyof typeof ORDERS

function OrderChoice({ order, choose }: { readonly order: OrderName; readonly choose: (order: OrderName) => void }) {
  return (
    <label className="order">
      <span className="hidden">Order</span>
      <select value={order} onChange={(event) => choose(event.target.value as OrderName)}>
        {Object.entries(ORDERS).map(([name, { label }]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </label>
  )
}

interface Counted {
  readonly status: string
  readonly data?: readonly Listing[] | undefined
  readonly total?: number | undefined
}

/** Of what does not verify nothing is counted. */
function countOf({ status, data = [], total }: Counted, search: string): string {
  if (status === 'failed' && data.length === 0) return ''
  return status === 'loading' && data.length === 0 ? 'Loading…' : found(total ?? data.length, search)
}

function found(total: number, search: string): string {
  const things = total === 1 ? '1 thing' : `${total} things`
  return search === '' ? things : `${things} for “${search}”`
}

/** What was looked for, and the way back. */
function Nothing({ tag, search }: { readonly tag: string | undefined; readonly search: string }) {
  if (search === '' && tag === undefined) return <p className="nothing">Nothing is for sale here just now.</p>
  const where = tag === undefined ? '' : ` in ${tag}`
  return (
    <div className="nothing">
      <p>{search === '' ? `Nothing is for sale${where} just now.` : `Nothing${where} matches “${search}”.`}</p>
      <p className="actions">
        {search !== '' && tag !== undefined && <Link to={{ q: search }}>Look for “{search}” everywhere</Link>}
        <Link to={{}}>All that is sold</Link>
      </p>
    </div>
  )
}

function Tags({ tag, search }: { readonly tag: string | undefined; readonly search: string }) {
  const { data = [] } = useTags()
  return (
    <nav className="tags" aria-label="Departments">
      {[undefined, ...data.map(({ Name }) => Name)].map((name) => (
        <Link key={name ?? ''} to={{ tag: name, q: search }} aria-current={name === tag ? 'page' : undefined}>
          {name ?? 'Everything'}
        </Link>
      ))}
    </nav>
  )
}

function Card({ listing, eager }: { readonly listing: Listing; readonly eager: boolean }) {
  const { ID, Metadata } = listing
  const isOut = isSoldOut(listing)
  const lowest = useMemo(() => lowestPrice(listing), [listing])
  return (
    <li className={isOut ? 'card is-out' : 'card'}>
      <Link to={{ listing: ID }}>
        <Picture listing={listing} eager={eager} />
        <span className="card-title">{Metadata.Title}</span>
        <span className="card-price">
          {lowest?.varies && <span className="quiet">from </span>}
          {lowest === undefined ? 'Depends on your choice' : <Price amount={lowest.price} />}
        </span>
        <span className="card-stock">{isOut ? 'Sold out, back soon' : 'In stock'}</span>
      </Link>
    </li>
  )
}

/** Another text is another element: nothing has moved. */
function Replaced({ text }: { readonly text: string }) {
  return <span key={text}>{text}</span>
}

/** Of the size of what comes, so that nothing jumps. */
function Places() {
  return Array.from({ length: 8 }, (_, i) => (
    <li key={i} className="card is-place" aria-hidden="true">
      <div className="picture" />
      <span className="card-title">&nbsp;</span>
      <span className="card-price">&nbsp;</span>
      <span className="card-stock">&nbsp;</span>
    </li>
  ))
}

export function Search({ tag, search }: { readonly tag: string | undefined; readonly search: string }) {
  return (
    <form role="search" className="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        aria-label="Search the shop"
        placeholder="Search"
        value={search}
        onChange={(event) => go({ tag, q: event.target.value }, { isSmall: true })}
      />
    </form>
  )
}
