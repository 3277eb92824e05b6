/** Product files in and out, orders out: what cairn import and cairn export do. */

import {
  exportOrders,
  exportProducts,
  planImport,
  readProducts,
  readTable,
  writeTable,
  type ImportPlan,
  type ReadProducts,
  type ShopContents,
} from 'cairn-relay/catalogue'
import type { ShopClient } from 'cairn-relay/client'
import { useState } from 'react'
import { useOutcomes } from './outcomes.js'
import { download, usePricing, useSession } from './shared.js'

export function ExportsView() {
  return (
    <div className="sheets">
      <Out />
      <In />
    </div>
  )
}

function contentsOf(client: ShopClient): ShopContents {
  const [listings, tags, stock] = [client.listings().get(), client.tagList().get(), client.stockList().get()]
  for (const { status, error } of [listings, tags, stock])
    if (status === 'loading' || error !== undefined) throw error ?? new Error('The shop is not here whole yet.')
  return { listings: listings.data ?? [], tags: tags.data ?? new Map(), stock: stock.data ?? [] }
}

function Out() {
  const { client, shop } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const save = (what: string, name: string, make: () => string) =>
    run(
      what,
      async () => {
        download(`${name}-${shop}.csv`, make(), 'text/csv')
        return 'Saved where downloads go.'
      },
      { reads: true },
    )
  const products = () => writeTable(exportProducts(contentsOf(client), { decimals: pricing!.decimals }))
  const orders = () => {
    const { data = [] } = client.orders().get()
    const listings = client.listings().get().data ?? []
    const decimals = (currency: Parameters<typeof client.money>[1]) => client.money(0n, currency).decimals
    return writeTable(exportOrders(data, listings, decimals), { guarded: true })
  }
  return (
    <section className="sheet" aria-label="Export">
      <h2>Export</h2>
      <p>Tables for spreadsheets. That of the orders holds names, addresses and e-mail: keep it to yourself.</p>
      <p className="row">
        <button type="button" onClick={() => void save('Export the listings', 'listings', products)}>
          Listings as CSV
        </button>
        <button type="button" onClick={() => void save('Export the orders', 'orders', orders)}>
          Orders as CSV
        </button>
      </p>
    </section>
  )
}

interface Dry {
  readonly name: string
  readonly read: ReadProducts
  readonly plan: ImportPlan
}

function In() {
  const { client } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const [mayDelete, setMayDelete] = useState(false)
  const [keepStock, setKeepStock] = useState(false)
  const [dry, setDry] = useState<Dry | undefined>()
  const look = (file: File) =>
    run(
      `Read ${file.name}`,
      async () => {
        const read = readProducts(readTable(await file.text()), { decimals: pricing!.decimals })
        if (mayDelete && read.ids.size === 0) throw new Error('It names no product: the whole shop would go.')
        setDry({ name: file.name, read, plan: planImport(read, contentsOf(client), { mayDelete, keepStock }) })
        return 'Read. Nothing is written yet.'
      },
      { reads: true },
    )
  const write = ({ name, plan }: Dry) =>
    run(`Import ${name}`, async () => {
      for (const set of plan.sets) await client.write(set)
      setDry(undefined)
      return `${plan.counts.added} added, ${plan.counts.changed} changed, ${plan.counts.deleted} deleted.`
    })
  return (
    <section className="sheet wide" aria-label="Import">
      <h2>Import</h2>
      <p>
        A product file of Shopify’s, or one that was exported here. Prices are read as {pricing?.symbol ?? '…'}. You see
        what would change before anything is written.
      </p>
      <label className="check">
        <input type="checkbox" checked={keepStock} onChange={(event) => setKeepStock(event.target.checked)} />
        <span>Leave the stock as it is: the file is older than the last sale</span>
      </label>
      <label className="check">
        <input type="checkbox" checked={mayDelete} onChange={(event) => setMayDelete(event.target.checked)} />
        <span>What the file does not name goes: listings are marked deleted</span>
      </label>
      <label className="button">
        <span>Choose a CSV file</span>
        <input
          type="file"
          accept=".csv,text/csv"
          className="visually-hidden"
          onChange={(event) => {
            const file = event.target.files?.[0]
            event.target.value = ''
            if (file !== undefined) void look(file)
          }}
        />
      </label>
      {dry === undefined ? null : <DryRun dry={dry} write={() => void write(dry)} drop={() => setDry(undefined)} />}
    </section>
  )
}

const LINES_MAX = 200

function DryRun({ dry, write, drop }: { readonly dry: Dry; readonly write: () => void; readonly drop: () => void }) {
  const { counts, problems, notices, sets } = dry.plan
  const lines = [
    ...problems.map(({ row, column, reason }) => `Row ${row}, ${column === '' ? 'as a whole' : column}: ${reason}`),
    ...notices.map(({ row, rows, text }) => `Row ${row}${rows > 1 ? ` and ${rows - 1} more` : ''}: ${text}`),
    ...dry.read.unplaced.map(({ column, cells }) => `Column without a place: ${column} (${cells} cells)`),
  ]
  const { added, changed, deleted, unchanged, stock, tags } = counts
  const summary =
    `It would add ${added} listings, change ${changed}, delete ${deleted} and leave ${unchanged} as they are, ` +
    `and write ${stock} entries of stock and ${tags} tags.`
  return (
    <div className="dry" role="status">
      <h3>{dry.name}</h3>
      <p>{summary}</p>
      <ul>
        {lines.slice(0, LINES_MAX).map((line, i) => (
          <li key={i}>{line}</li>
        ))}
        {lines.length > LINES_MAX ? <li>and {lines.length - LINES_MAX} more</li> : null}
      </ul>
      {problems.length > 0 ? (
        <p className="problem">Mend these rows first: nothing is written while one is wrong.</p>
      ) : null}
      <p className="row">
        <button type="button" className="primary" disabled={problems.length > 0 || sets.length === 0} onClick={write}>
          Write {sets.length} sets
        </button>
        <button type="button" onClick={drop}>
          Leave it
        </button>
      </p>
    </div>
  )
}
