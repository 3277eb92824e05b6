/** Listings: what is sold, at which price, how much is there; one by one and many at once. */

import type { StockEntry } from 'cairn-relay/client'
import { useMemo, useState } from 'react'
import { BulkBar } from './bulk.js'
import { ListingEditor } from './listing-editor.js'
import { stockName, VIEW_STATES, type ShownListing } from './listing-changes.js'
import { Badge, Empty, priceText, Table, useLive, useManifest, usePricing, useSession, WriteButton } from './shared.js'

const SHOWN_FIRST = 100

export function ListingsView() {
  const { listings, isLoading } = useShown()
  const { lookOnly } = useSession()
  const pricing = usePricing()
  const [search, setSearch] = useState('')
  const [withDeleted, setWithDeleted] = useState(false)
  const [selected, select] = useState<ReadonlySet<bigint>>(new Set())
  const [edited, edit] = useState<bigint | 'new' | undefined>()
  const [shown, show] = useState(SHOWN_FIRST)
  const found = listings.filter(
    (one) => (withDeleted || one.listing.ViewState !== 2n) && textOf(one).includes(search.trim().toLowerCase()),
  )
  const one = listings.find(({ listing }) => listing.ID === edited)
  return (
    <section aria-label="Listings" className="list">
      <div className="filters">
        <input
          type="search"
          aria-label="Search listings"
          placeholder="Title, tag, id"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label className="check">
          <input type="checkbox" checked={withDeleted} onChange={(event) => setWithDeleted(event.target.checked)} />
          <span>Deleted too</span>
        </label>
        <WriteButton className="primary" disabled={pricing === undefined} onClick={() => edit('new')}>
          New listing
        </WriteButton>
      </div>
      {lookOnly ? null : <BulkBar all={listings} selected={selected} clear={() => select(new Set())} />}
      {found.length === 0 ? (
        <Empty>{isLoading ? 'Listings are on their way …' : 'No listings here.'}</Empty>
      ) : (
        <ListingsTable found={found.slice(0, shown)} selected={selected} select={select} edit={edit} />
      )}
      {found.length > shown ? (
        <button type="button" onClick={() => show(shown + SHOWN_FIRST)}>
          Show more of {found.length}
        </button>
      ) : null}
      {pricing === undefined || edited === undefined || (edited !== 'new' && one === undefined) ? null : (
        <ListingEditor key={String(edited)} shown={one} pricing={pricing} close={() => edit(undefined)} />
      )}
    </section>
  )
}

function useShown(): { readonly listings: readonly ShownListing[]; readonly isLoading: boolean } {
  const { client } = useSession()
  const { data: listings, status } = useLive(client.listings())
  const { data: tags } = useLive(client.tagList())
  const { data: stock } = useLive(client.stockList())
  return useMemo(() => {
    const tagsOf = grouped(
      [...(tags ?? [])].flatMap(([name, tag]) => (tag.ListingIDs ?? []).map((id): [bigint, string] => [id, name])),
    )
    const stockOf = grouped((stock ?? []).map((entry): [bigint, StockEntry] => [entry.listing, entry]))
    const shown = (listings ?? []).map((listing) => ({
      listing,
      tags: tagsOf.get(listing.ID) ?? [],
      stock: stockOf.get(listing.ID) ?? [],
    }))
    return { listings: shown, isLoading: status === 'loading' }
  }, [listings, tags, stock, status])
}

function grouped<T>(pairs: readonly (readonly [id: bigint, value: T])[]): ReadonlyMap<bigint, T[]> {
  const groups = new Map<bigint, T[]>()
  for (const [id, value] of pairs) {
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [value])
    else group.push(value)
  }
  return groups
}

interface TableProps {
  readonly found: readonly ShownListing[]
  readonly selected: ReadonlySet<bigint>
  readonly select: (ids: ReadonlySet<bigint>) => void
  readonly edit: (id: bigint) => void
}

function ListingsTable({ found, selected, select, edit }: TableProps) {
  const { lookOnly } = useSession()
  const areAll = found.every(({ listing }) => selected.has(listing.ID))
  const all = (
    <input
      type="checkbox"
      aria-label="Select all shown"
      checked={areAll}
      onChange={() => select(new Set(areAll ? [] : found.map(({ listing }) => listing.ID)))}
    />
  )
  return (
    <Table
      label="Table of listings"
      heads={[...(lookOnly ? [] : [all]), 'Listing', { number: 'Price' }, { number: 'Stock' }, 'State', 'Tags']}
    >
      {found.map((one) => (
        <ListingRow key={`${one.listing.ID}`} one={one} selected={selected} select={select} edit={edit} />
      ))}
    </Table>
  )
}

function ListingRow({ one, selected, select, edit }: Omit<TableProps, 'found'> & { readonly one: ShownListing }) {
  const { client, lookOnly } = useSession()
  const manifest = useManifest()
  const { listing, tags, stock } = one
  const { ID, Metadata, Price, ViewState } = listing
  const [text, kind] = VIEW_STATES[`${ViewState}`]!
  const toggle = () => {
    const next = new Set(selected)
    if (!next.delete(ID)) next.add(ID)
    select(next)
  }
  return (
    <tr className={selected.has(ID) ? 'chosen' : undefined} data-listing={String(ID)}>
      {lookOnly ? null : (
        <td>
          <input type="checkbox" aria-label={`Select ${Metadata.Title}`} checked={selected.has(ID)} onChange={toggle} />
        </td>
      )}
      <th scope="row">
        <span className="titled">
          <Thumb src={Metadata.Images?.[0]} />
          <button type="button" className="link" onClick={() => edit(ID)}>
            {Metadata.Title}
          </button>
        </span>
      </th>
      <td className="number">{priceText(client, manifest, Price)}</td>
      <td
        className="number"
        title={stock.map(({ variations, pieces }) => `${stockName(variations)} ${pieces}`).join('\n')}
      >
        {stock.length === 0 ? '–' : `${stock.reduce((sum, { pieces }) => sum + pieces, 0n)}`}
      </td>
      <td>
        <Badge kind={kind}>{text}</Badge>
      </td>
      <td>{tags.join(', ')}</td>
    </tr>
  )
}

/** A ground where there is no picture, or one that does not come. */
function Thumb({ src }: { readonly src: string | undefined }) {
  const [broken, setBroken] = useState<string | undefined>()
  if (src === undefined || src === broken) return <i className="thumb" />
  return <img className="thumb" alt="" src={src} onError={() => setBroken(src)} />
}

function textOf({ listing, tags }: ShownListing): string {
  return [listing.Metadata.Title, String(listing.ID), ...tags].join(' ').toLowerCase()
}
