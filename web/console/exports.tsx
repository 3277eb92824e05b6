/** Product files in and out, orders out: what cairn import and cairn export do. */

import { exportOrders, exportProducts, writeTable } from 'cairn-relay/catalogue'
import type { ChainAddress } from 'cairn-relay/client'
import { useState } from 'react'
import { isKnown } from './currencies.js'
import { dryRunOf, reportLines, readFile, ShopChanged, writeImport, type DryRun } from './import-file.js'
import { ImportPictures } from './import-pictures.js'
import { useOutcomes } from './outcomes.js'
import type { Session } from './session.js'
import { contentsOf, whole } from './shop-contents.js'
import {
  Badge,
  download,
  FileButton,
  LookOnlyNote,
  priceText,
  Table,
  useManifest,
  usePricing,
  useSession,
  WriteButton,
} from './shared.js'

export function ExportsView() {
  return (
    <div className="sheets">
      <In />
      <Out />
    </div>
  )
}

function Out() {
  const session = useSession()
  const { client, shop } = session
  const { run } = useOutcomes()
  const pricing = usePricing()
  const save = (what: string, name: string, make: () => Promise<string>) =>
    run(
      what,
      async () => {
        download(`${name}-${shop}.csv`, await make(), 'text/csv')
        return 'Saved where downloads go.'
      },
      { reads: true },
    )
  const products = async () => writeTable(exportProducts(await contentsOf(client), { decimals: pricing!.decimals }))
  return (
    <section className="sheet" aria-label="Export">
      <h2>Export</h2>
      <p>
        Tables for spreadsheets, the same bytes as <code>cairn export</code> writes. That of the orders holds names,
        addresses and e-mail: keep it to yourself.
      </p>
      <p className="row">
        <button
          type="button"
          disabled={pricing === undefined}
          onClick={() => void save('Export the listings', 'listings', products)}
        >
          Listings as CSV
        </button>
        <button type="button" onClick={() => void save('Export the orders', 'orders', () => ordersOf(session))}>
          Orders as CSV
        </button>
      </p>
    </section>
  )
}

/** Totals in tokens of which nobody told the decimals stand in the smallest unit alone. */
async function ordersOf({ client, currencies }: Session): Promise<string> {
  const [orders, listings] = await whole(client, [client.orderList(), client.listings()])
  const decimals = (currency: ChainAddress) =>
    isKnown(currency, currencies) ? client.money(0n, currency).decimals : undefined
  return writeTable(exportOrders(orders, listings, decimals), { guarded: true })
}

function In() {
  const { client } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const [mayDelete, setMayDelete] = useState(false)
  const [keepStock, setKeepStock] = useState(false)
  const [dry, setDry] = useState<DryRun | undefined>()
  const { write, progress } = useImport(setDry)
  const look = (file: File) =>
    run(
      `Read ${file.name}`,
      async () => {
        setDry(undefined)
        const options = { mayDelete, keepStock }
        const bytes = new Uint8Array(await file.arrayBuffer())
        const read = readFile(bytes, { decimals: pricing!.decimals, mayDelete })
        setDry(dryRunOf({ name: file.name, read, options }, await contentsOf(client)))
        return 'Read. Nothing is written yet.'
      },
      { reads: true },
    )
  return (
    <section className="sheet" aria-label="Import">
      <h2>Import</h2>
      <p>
        A product file of Shopify’s, or one that was exported here. Prices are read as {pricing?.symbol ?? '…'},
        pictures stay where their addresses are, and those that are files are chosen beside it. You see what would
        change before anything is written.
      </p>
      <label className="check">
        <input type="checkbox" checked={keepStock} onChange={(event) => setKeepStock(event.target.checked)} />
        <span>Leave the stock as it is: the file is older than the last sale</span>
      </label>
      <label className="check">
        <input type="checkbox" checked={mayDelete} onChange={(event) => setMayDelete(event.target.checked)} />
        <span>What the file does not name goes: listings are marked deleted</span>
      </label>
      <FileButton
        label="Choose a CSV file"
        accept=".csv,text/csv"
        disabled={pricing === undefined}
        take={([file]) => void look(file!)}
      />
      {dry === undefined ? null : (
        <Report dry={dry} progress={progress} change={setDry} write={() => void write(dry)} />
      )}
    </section>
  )
}

/** Writes what was looked at. Where the shop changed since, the report is made anew, and the difference told. */
function useImport(setDry: (dry: DryRun | undefined) => void) {
  const { client } = useSession()
  const { run } = useOutcomes()
  const manifest = useManifest()
  const [progress, setProgress] = useState('')
  const steps = {
    tell: (done: number, all: number) => setProgress(`Set ${done + 1} of ${all} …`),
    price: (amount: bigint) => priceText(client, manifest, amount),
  }
  const once = async (dry: DryRun, isWatched: boolean) => {
    try {
      const { counts } = await writeImport(client, dry, { ...steps, isWatched })
      setDry(undefined)
      return `${counts.added} added, ${counts.changed} changed, ${counts.deleted} deleted: all is on disk.`
    } catch (error) {
      if (error instanceof ShopChanged) setDry(error.dry)
      throw error
    } finally {
      setProgress('')
    }
  }
  const write = (dry: DryRun) => run(`Import ${dry.name}`, () => once(dry, true), { anyway: () => once(dry, false) })
  return { write, progress }
}

const LINES_MAX = 500
const KINDS = { wrong: ['Wrong', 'bad'], note: ['Note', 'new'], column: ['Left out', 'calm'] } as const

interface ReportProps {
  readonly dry: DryRun
  readonly progress: string
  readonly write: () => void
  readonly change: (dry: DryRun | undefined) => void
}

function Report({ dry, progress, write, change }: ReportProps) {
  const { counts, problems, sets } = dry.plan
  const lines = reportLines(dry)
  return (
    <div className="dry">
      <h3>{dry.name}</h3>
      <dl className="counts" aria-label="What it would do">
        {COUNTS.map(([name, of]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{counts[of]}</dd>
          </div>
        ))}
      </dl>
      {lines.length === 0 ? null : <ReportTable lines={lines} />}
      <ImportPictures key={dry.name} dry={dry} change={change} />
      <p role="status">{verdictOf(dry)}</p>
      <LookOnlyNote />
      <p className="row">
        <WriteButton
          className="primary"
          disabled={problems.length > 0 || sets.length === 0 || progress !== ''}
          onClick={write}
        >
          {progress === '' ? `Write ${sets.length} ${sets.length === 1 ? 'set' : 'sets'}` : progress}
        </WriteButton>
        <button type="button" onClick={() => change(undefined)}>
          Leave it
        </button>
      </p>
    </div>
  )
}

const COUNTS = [
  ['added', 'added'],
  ['changed', 'changed'],
  ['deleted', 'deleted'],
  ['stay as they are', 'unchanged'],
  ['entries of stock', 'stock'],
  ['tags', 'tags'],
] as const

function verdictOf({ plan: { problems, sets } }: DryRun): string {
  if (problems.length === 1) return 'Mend this row first: nothing is written while one is wrong.'
  if (problems.length > 0) return 'Mend these rows first: nothing is written while one is wrong.'
  return sets.length === 0 ? 'The shop has all of it already.' : 'Nothing is written yet.'
}

function ReportTable({ lines }: { readonly lines: ReturnType<typeof reportLines> }) {
  return (
    <>
      <Table
        label="What is worth knowing of the file"
        className="items report"
        heads={['What', 'Row', 'Column', 'Reason']}
      >
        {lines.slice(0, LINES_MAX).map(({ kind, row, column, reason }, i) => (
          <tr key={i}>
            <td>
              <Badge kind={KINDS[kind][1]}>{KINDS[kind][0]}</Badge>
            </td>
            <td>{row}</td>
            <td>{column}</td>
            <td>{reason}</td>
          </tr>
        ))}
      </Table>
      {lines.length > LINES_MAX ? <p className="note">and {lines.length - LINES_MAX} more</p> : null}
    </>
  )
}
