/** One listing, as a form. */

import { amountText, parseMoney, uploadBlob } from 'cairn-relay/client'
import { useState } from 'react'
import { checkedWrite } from './checked-write.js'
import { draftOf, editSets, newSets, VIEW_STATES, type ListingDraft, type ShownListing } from './listing-changes.js'
import { useOutcomes } from './outcomes.js'
import { Dialog, Field, priceText, useManifest, usePricing, useSession } from './shared.js'

const NEW: ListingDraft = {
  title: '',
  description: '',
  price: 0n,
  viewState: 1n,
  images: [],
  tags: [],
  stock: new Map([['stock', undefined]]),
}

export function ListingEditor({
  shown,
  close,
}: {
  readonly shown: ShownListing | undefined
  readonly close: () => void
}) {
  const [base] = useState(() => baseOf(shown))
  const [draft, setDraft] = useState(base)
  const pricing = usePricing()
  const [price, setPrice] = useState(() =>
    shown === undefined || pricing === undefined ? '' : amountText({ ...pricing, amount: base.price }),
  )
  const save = useSave(shown, base, close)
  const change = (part: Partial<ListingDraft>) => setDraft({ ...draft, ...part })
  return (
    <Dialog title={shown === undefined ? 'New listing' : `Edit ${base.title}`} close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void save(draft, price)
        }}
      >
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
          <Field label={`Price, ${pricing?.symbol ?? ''}`}>
            <input required inputMode="decimal" value={price} onChange={(event) => setPrice(event.target.value)} />
          </Field>
          <Field label="State">
            <select
              value={`${draft.viewState}`}
              onChange={(event) => change({ viewState: BigInt(event.target.value) })}
            >
              {Object.entries(VIEW_STATES).map(([state, [text]]) => (
                <option key={state} value={state}>
                  {text}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <StockFields draft={draft} change={change} />
        <Field label="Tags" hint="With commas between them.">
          <input
            defaultValue={draft.tags.join(', ')}
            onChange={(event) => change({ tags: wordsOf(event.target.value) })}
          />
        </Field>
        <Pictures images={draft.images} change={(images) => change({ images })} />
        <p className="row end">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" className="primary">
            {shown === undefined ? 'Add the listing' : 'Save'}
          </button>
        </p>
      </form>
    </Dialog>
  )
}

function baseOf(shown: ShownListing | undefined): ListingDraft {
  if (shown === undefined) return NEW
  const draft = draftOf(shown.listing, shown.tags, shown.stock)
  return draft.stock.size > 0 || shown.listing.Options?.size ? draft : { ...draft, stock: NEW.stock }
}

function wordsOf(text: string): string[] {
  return [
    ...new Set(
      text
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    ),
  ]
}

/** Closes the form where it was written; a conflict keeps it open behind its two values. */
function useSave(shown: ShownListing | undefined, base: ListingDraft, close: () => void) {
  const { client } = useSession()
  const { run } = useOutcomes()
  const pricing = usePricing()
  const manifest = useManifest()
  return async (draft: ListingDraft, price: string) => {
    const text = (amount: bigint) => priceText(client, manifest, amount)
    const write = async (checked: boolean) => {
      if (pricing === undefined) throw new Error('The shop is not here yet.')
      const mine = { ...draft, price: parseMoney(price, pricing, 'en').amount }
      const id = shown?.listing.ID ?? crypto.getRandomValues(new BigUint64Array(1))[0]! / 2n + 1n
      const sets = shown === undefined ? newSets(client, id, mine) : editSets(client, id, base, mine, text)
      const seq = await checkedWrite(client, checked ? sets : sets.map(({ changes }) => ({ changes, fields: [] })))
      close()
      return seq === undefined ? 'Nothing was different.' : `On disk as set ${seq}.`
    }
    await run(shown === undefined ? `Add ${draft.title}` : `Save ${draft.title}`, () => write(true), {
      anyway: () => write(false),
    })
  }
}

function StockFields({
  draft,
  change,
}: {
  readonly draft: ListingDraft
  readonly change: (part: Partial<ListingDraft>) => void
}) {
  return (
    <div className="pair">
      {[...draft.stock].map(([name, pieces]) => (
        <Field key={name} label={name === 'stock' ? 'Pieces in stock' : `Stock, ${name}`}>
          <input
            type="number"
            min="0"
            step="1"
            value={pieces === undefined ? '' : String(pieces)}
            onChange={({ target: { value } }) =>
              change({ stock: new Map([...draft.stock, [name, value === '' ? undefined : BigInt(value)]]) })
            }
          />
        </Field>
      ))}
    </div>
  )
}

function Pictures({
  images,
  change,
}: {
  readonly images: readonly string[]
  readonly change: (images: readonly string[]) => void
}) {
  const { client } = useSession()
  const { run } = useOutcomes()
  const upload = (files: FileList) =>
    run(files.length === 1 ? 'Upload a picture' : `Upload ${files.length} pictures`, async () => {
      const added: string[] = []
      for (const file of files)
        added.push(await uploadBlob(await client.uploadUrl(), new Uint8Array(await file.arrayBuffer())))
      change([...images, ...added])
      return 'On the relay. Save the listing to show it.'
    })
  return (
    <fieldset>
      <legend>Pictures</legend>
      <ul className="pictures">
        {images.map((image, i) => (
          <li key={image}>
            <img src={image} alt={`Picture ${i + 1}`} />
            <button type="button" onClick={() => change(images.filter((_, at) => at !== i))}>
              Remove<span className="visually-hidden"> picture {i + 1}</span>
            </button>
            {i === 0 ? null : (
              <button type="button" onClick={() => change([image, ...images.filter((_, at) => at !== i)])}>
                First<span className="visually-hidden">: picture {i + 1}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
      <label className="button">
        <span>Upload pictures</span>
        <input
          type="file"
          accept="image/*"
          multiple
          className="visually-hidden"
          onChange={(event) => {
            const { files } = event.target
            if (files !== null && files.length > 0) void upload(files)
          }}
        />
      </label>
    </fieldset>
  )
}
