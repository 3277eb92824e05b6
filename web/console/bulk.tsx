/** The same change for many listings at once. */

import { parseMoney, type Change } from 'cairn-relay/client'
import { useState } from 'react'
import { checkedWrite, type CheckedSet } from './checked-write.js'
import { tagChanges, type ShownListing } from './listing-changes.js'
import { useOutcomes } from './outcomes.js'
import { priceText, useManifest, usePricing, useSession } from './shared.js'

type Kind = 'percent' | 'price' | 'stock' | 'more' | 'publish' | 'unpublish' | 'tag' | 'untag'
const KINDS: readonly (readonly [kind: Kind, title: string, placeholder: string | undefined])[] = [
  ['percent', 'Change price by %', '-10'],
  ['price', 'Set price to', '0.05'],
  ['stock', 'Set stock to', '20'],
  ['more', 'Add to stock', '5'],
  ['publish', 'Publish', undefined],
  ['unpublish', 'Take off the shop', undefined],
  ['tag', 'Add tag', 'Winter'],
  ['untag', 'Remove tag', 'Winter'],
]
/** In one set. */
const LISTINGS_PER_SET = 100

export function BulkBar({
  all,
  selected,
  clear,
}: {
  readonly all: readonly ShownListing[]
  readonly selected: ReadonlySet<bigint>
  readonly clear: () => void
}) {
  const [kind, setKind] = useState<Kind>('percent')
  const [value, setValue] = useState('')
  const apply = useApply()
  const chosen = all.filter(({ listing }) => selected.has(listing.ID))
  if (chosen.length === 0) return null
  const [, title, placeholder] = KINDS.find(([name]) => name === kind)!
  return (
    <form
      className="bulk"
      aria-label="Change the selected listings"
      onSubmit={(event) => {
        event.preventDefault()
        void apply(chosen, { kind, title, value })
      }}
    >
      <b>{chosen.length} selected</b>
      <select aria-label="What to change" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
        {KINDS.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {placeholder === undefined ? null : (
        <input
          required
          aria-label={title}
          placeholder={placeholder}
          value={value}
          onChange={(event) => setValue(event.target.value)}
        />
      )}
      <button type="submit" className="primary">
        Apply
      </button>
      <button type="button" className="quiet" onClick={clear}>
        Clear selection
      </button>
    </form>
  )
}

interface Wanted {
  readonly kind: Kind
  readonly title: string
  readonly value: string
}

function useApply() {
  const { client } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const manifest = useManifest()
  return (chosen: readonly ShownListing[], { kind, title, value }: Wanted) => {
    const text = (amount: bigint) => priceText(client, manifest, amount)
    const one = (shown: ShownListing): CheckedSet => {
      if (kind === 'tag' || kind === 'untag') return { changes: tagsOf(shown), fields: [] }
      if (kind === 'stock' || kind === 'more') return stockOf(shown, whole(value), kind === 'more')
      if (kind === 'publish' || kind === 'unpublish') return stateOf(shown, kind === 'publish' ? 1n : 0n)
      const price = kind === 'price' ? parseMoney(value, pricing!, 'en').amount : byPercent(shown.listing.Price, value)
      return priceOf(shown, price)
    }
    const tagsOf = ({ listing, tags }: ShownListing) =>
      tagChanges(client, listing.ID, tags, kind === 'tag' ? [...tags, value] : tags.filter((name) => name !== value))
    const priceOf = ({ listing }: ShownListing, price: bigint): CheckedSet => ({
      changes: [{ op: 'replace', path: ['Listings', listing.ID, 'Price'], value: price }],
      fields: [
        {
          name: listing.Metadata.Title,
          before: text(listing.Price),
          mine: text(price),
          now: () => text(client.listing(listing.ID).get().data?.Price ?? -1n),
        },
      ],
    })
    const write = async (checked: boolean) => {
      const sets = kind === 'tag' || kind === 'untag' ? chosen.map(one) : joined(chosen.map(one))
      const seq = await checkedWrite(client, checked ? sets : sets.map(({ changes }) => ({ changes, fields: [] })))
      return seq === undefined ? 'Nothing was different.' : `${chosen.length} listings, on disk as set ${seq}.`
    }
    return run(`${title}${value === '' ? '' : ` ${value}`}`, () => write(true), { anyway: () => write(false) })
  }
}

function stateOf({ listing }: ShownListing, state: bigint): CheckedSet {
  return { changes: [{ op: 'replace', path: ['Listings', listing.ID, 'ViewState'], value: state }], fields: [] }
}

/** Of all variations that are counted; of a listing without options also where nothing is counted yet. */
function stockOf({ listing, stock }: ShownListing, pieces: bigint, isMore: boolean): CheckedSet {
  const isPlain = listing.Options === undefined || listing.Options.size === 0
  const places = stock.length > 0 || !isPlain ? stock : [{ variations: [], pieces: undefined }]
  const changes = places.map((entry): Change => {
    const path = ['Inventory', listing.ID, ...entry.variations] as const
    if (isMore) return { op: 'increment', path, value: pieces }
    return { op: entry.pieces === undefined ? 'add' : 'replace', path, value: pieces }
  })
  return { changes, fields: [] }
}

function joined(sets: readonly CheckedSet[]): CheckedSet[] {
  const result: CheckedSet[] = []
  for (let i = 0; i < sets.length; i += LISTINGS_PER_SET) {
    const some = sets.slice(i, i + LISTINGS_PER_SET)
    result.push({ changes: some.flatMap(({ changes }) => changes), fields: some.flatMap(({ fields }) => fields) })
  }
  return result
}

function whole(text: string): bigint {
  if (!/^[0-9]{1,15}$/u.test(text.trim())) throw new Error(`${text} is no number of pieces: write digits alone`)
  return BigInt(text.trim())
}

/** In hundredths of a percent, rounded down. */
function byPercent(price: bigint, text: string): bigint {
  const [, sign, digits, rest = ''] = /^([+-]?)([0-9]{1,4})(?:\.([0-9]{1,2}))?%?$/u.exec(text.trim()) ?? []
  if (digits === undefined) throw new Error(`${text} is no percentage: write 10, or -12.5`)
  const part = BigInt(digits) * 100n + BigInt(rest.padEnd(2, '0'))
  const factor = 10_000n + (sign === '-' ? -part : part)
  if (factor < 0n) throw new Error(`a price cannot fall by ${text} percent`)
  return (price * factor) / 10_000n
}
