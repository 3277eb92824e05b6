/** The same change for many listings at once. */

import { useState } from 'react'
import { bulkSets, type BulkKind } from './bulk-changes.js'
import { checkedWrite, unwatched } from './checked-write.js'
import { Field, Form, type Refuse } from './forms.js'
import type { ShownListing } from './listing-changes.js'
import { useOutcomes } from './outcomes.js'
import { ofField } from './sentences.js'
import { priceText, useManifest, usePricing, useSession, WriteButton } from './shared.js'

const KINDS: readonly (readonly [kind: BulkKind, title: string, placeholder: string | undefined])[] = [
  ['percent', 'Change price by %', '-10'],
  ['price', 'Set price to', '0.05'],
  ['stock', 'Set stock to', '20'],
  ['more', 'Add to stock', '5'],
  ['publish', 'Publish', undefined],
  ['unpublish', 'Take off the shop', undefined],
  ['tag', 'Add tag', 'Winter'],
  ['untag', 'Remove tag', 'Winter'],
]

interface BulkProps {
  readonly all: readonly ShownListing[]
  readonly selected: ReadonlySet<bigint>
  readonly clear: () => void
}

export function BulkBar({ all, selected, clear }: BulkProps) {
  const [kind, setKind] = useState<BulkKind>('percent')
  const [value, setValue] = useState('')
  const apply = useApply()
  const chosen = all.filter(({ listing }) => selected.has(listing.ID))
  const [, title, placeholder] = KINDS.find(([name]) => name === kind)!
  return (
    <Form
      className={`bulk${chosen.length === 0 ? '' : ' some'}`}
      aria-label="Change the selected listings"
      submit={(refuse) => void apply(chosen, { kind, title, value: placeholder === undefined ? '' : value }, refuse)}
    >
      <b aria-live="polite">{chosen.length} selected</b>
      <select aria-label="What to change" value={kind} onChange={(event) => setKind(event.target.value as BulkKind)}>
        {KINDS.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      {placeholder === undefined ? null : (
        <Field label={title} hint={isOfStock(kind) && chosen.some(hasOptions) ? 'of each variant' : undefined}>
          <input required placeholder={placeholder} value={value} onChange={(event) => setValue(event.target.value)} />
        </Field>
      )}
      <WriteButton type="submit" className="primary" disabled={chosen.length === 0}>
        Apply
      </WriteButton>
      <button type="button" className="quiet" disabled={chosen.length === 0} onClick={clear}>
        Clear selection
      </button>
    </Form>
  )
}

function isOfStock(kind: BulkKind): boolean {
  return kind === 'stock' || kind === 'more'
}

function hasOptions({ listing: { Options } }: ShownListing): boolean {
  return Options !== undefined && Options.size > 0
}

interface Wanted {
  readonly kind: BulkKind
  readonly title: string
  readonly value: string
}

function useApply() {
  const { client } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const manifest = useManifest()
  return (chosen: readonly ShownListing[], { kind, title, value }: Wanted, refuse: Refuse) => {
    const price = (amount: bigint) => priceText(client, manifest, amount)
    const write = async (isWatched: boolean) => {
      if (pricing === undefined) throw new Error('The shop is not here yet.')
      const sets = ofField(title, () => bulkSets(client, chosen, { kind, value }, { pricing, price }))
      const seq = await checkedWrite(client, isWatched ? sets : unwatched(sets))
      return seq === undefined ? 'Nothing was different.' : `${chosen.length} listings, on disk as set ${seq}.`
    }
    return run(`${title}${value === '' ? '' : ` ${value}`}`, () => write(true), { anyway: () => write(false), refuse })
  }
}
