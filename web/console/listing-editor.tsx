/** One listing, as a form. */

import { amountText, parseMoney, type Money } from 'cairn-relay/client'
import { useState } from 'react'
import { checkedWrite, unwatched } from './checked-write.js'
import { Field, Form, type Refuse } from './forms.js'
import {
  draftOf,
  editSets,
  NEW_LISTING,
  newSets,
  VIEW_STATES,
  type ListingDraft,
  type ShownListing,
} from './listing-changes.js'
import { OptionsEditor, StockEditor } from './option-editor.js'
import { useOutcomes } from './outcomes.js'
import { PictureEditor } from './picture-editor.js'
import { ofField } from './sentences.js'
import { Dialog, LookOnlyNote, priceText, useManifest, useSession, WriteButton } from './shared.js'

interface EditorProps {
  readonly shown: ShownListing | undefined
  readonly pricing: Money
  readonly close: () => void
}

export function ListingEditor({ shown, pricing, close }: EditorProps) {
  const [base] = useState(() => (shown === undefined ? NEW_LISTING : draftOf(shown, amountsIn(pricing))))
  const [draft, setDraft] = useState(base)
  const [price, setPrice] = useState(() => (shown === undefined ? '' : amountText({ ...pricing, amount: base.price })))
  // What it was when it was opened: that is what others may have changed since.
  const [held] = useState(shown)
  const save = useSave(held, base, { pricing, close })
  const change = (part: Partial<ListingDraft>) => setDraft((now) => ({ ...now, ...part }))
  const losesValues = base.options.some(({ values }) => values.some(({ key }) => !hasValue(draft, key)))
  return (
    <Dialog title={shown === undefined ? 'New listing' : `Edit ${base.title}`} close={close}>
      <Form submit={(refuse) => void save(draft, price, refuse)}>
        <TextFields draft={draft} change={change} price={price} setPrice={setPrice} symbol={pricing.symbol} />
        <OptionsEditor options={draft.options} symbol={pricing.symbol} change={(options) => change({ options })} />
        {losesValues ? (
          <p className="problem">Orders that hold a value which you remove, and are not paid yet, are canceled.</p>
        ) : null}
        <StockEditor draft={draft} change={(stock) => change({ stock })} />
        <PictureEditor images={draft.images} change={(of) => setDraft((now) => ({ ...now, images: of(now.images) }))} />
        <LookOnlyNote />
        <p className="row end foot">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <WriteButton type="submit" className="primary">
            {shown === undefined ? 'Add the listing' : 'Save'}
          </WriteButton>
        </p>
      </Form>
    </Dialog>
  )
}

function hasValue({ options }: ListingDraft, wanted: string): boolean {
  return options.some(({ values }) => values.some(({ key }) => key === wanted))
}

function amountsIn(pricing: Money) {
  return {
    read: (text: string) => parseMoney(text, pricing, 'en').amount,
    show: (amount: bigint) => amountText({ ...pricing, amount }),
  }
}

interface TextProps {
  readonly draft: ListingDraft
  readonly change: (part: Partial<ListingDraft>) => void
  readonly price: string
  readonly setPrice: (text: string) => void
  readonly symbol: string
}

function TextFields({ draft, change, price, setPrice, symbol }: TextProps) {
  return (
    <>
      <Field label="Title">
        <input required value={draft.title} onChange={(event) => change({ title: event.target.value })} />
      </Field>
      <Field label="Description">
        <textarea
          required
          rows={3}
          value={draft.description}
          onChange={(event) => change({ description: event.target.value })}
        />
      </Field>
      <div className="pair">
        <Field name="Price" label={`Price, ${symbol}`}>
          <input required inputMode="decimal" value={price} onChange={(event) => setPrice(event.target.value)} />
        </Field>
        <Field label="State">
          <select value={`${draft.viewState}`} onChange={(event) => change({ viewState: BigInt(event.target.value) })}>
            {Object.entries(VIEW_STATES).map(([state, [text]]) => (
              <option key={state} value={state}>
                {text}
              </option>
            ))}
          </select>
        </Field>
      </div>
      <Field label="Tags" hint="With commas between them.">
        <input
          defaultValue={draft.tags.join(', ')}
          onChange={(event) => change({ tags: wordsOf(event.target.value) })}
        />
      </Field>
    </>
  )
}

function wordsOf(text: string): string[] {
  const words = text.split(',').map((word) => word.trim())
  return [...new Set(words.filter((word) => word !== ''))]
}

/** Closes the form where it was written; a conflict keeps it open behind its two values. */
function useSave(
  held: ShownListing | undefined,
  base: ListingDraft,
  { pricing, close }: { readonly pricing: Money; readonly close: () => void },
) {
  const { client } = useSession()
  const { run } = useOutcomes()
  const manifest = useManifest()
  return async (draft: ListingDraft, price: string, refuse: Refuse) => {
    const words = { ...amountsIn(pricing), price: (amount: bigint) => priceText(client, manifest, amount) }
    const write = async (isWatched: boolean) => {
      const mine = { ...draft, price: ofField('Price', () => words.read(price)) }
      const sets =
        held === undefined
          ? newSets(client, newListingId(), mine, words)
          : editSets(client, held.listing, [base, mine], words)
      const seq = await checkedWrite(client, isWatched ? sets : unwatched(sets))
      close()
      return seq === undefined ? 'Nothing was different.' : `On disk as set ${seq}.`
    }
    await run(held === undefined ? `Add ${draft.title}` : `Save ${draft.title}`, () => write(true), {
      anyway: () => write(false),
      refuse,
    })
  }
}

/** At random, below 2^63. */
function newListingId(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]! / 2n + 1n
}
