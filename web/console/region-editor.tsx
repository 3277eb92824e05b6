/** Where the shop ships, and what that adds to a price. */

import { amountText, parseMoney, type Manifest, type Money } from 'cairn-relay/client'
import { useState, type InputHTMLAttributes } from 'react'
import { countries } from '../countries.js'
import type { CheckedSet } from './checked-write.js'
import { Field, Form, type Refuse } from './forms.js'
import { CHANGE, NEW_REGION, regionDraft, regionText, regionValue, type RegionDraft } from './regions.js'
import { Dialog, Empty, LookOnlyNote, priceText, SureButton, useSession, WriteButton } from './shared.js'
import { useManifestWrite } from './manifest-write.js'

interface RegionsProps {
  readonly manifest: Manifest
  readonly pricing: Money
}

export function Regions({ manifest, pricing }: RegionsProps) {
  const { client } = useSession()
  const write = useManifestWrite()
  const [edited, edit] = useState<string | undefined>()
  const regions = [...(manifest.ShippingRegions ?? [])]
  const price = (amount: bigint) => priceText(client, manifest, amount)
  const remove = (name: string) =>
    write(`Remove region ${name}`, () => ({
      changes: () => [{ op: 'remove', path: ['Manifest', 'ShippingRegions', name] }],
      fields: [],
    }))
  return (
    <section className="sheet" aria-label="Where it ships">
      <h2>Where it ships</h2>
      {regions.length === 0 ? <Empty>Nowhere: no guest can choose payment.</Empty> : null}
      <ul className="lines">
        {regions.map(([name, region]) => (
          <li key={name}>
            <span>
              <b>{name}</b> <small>{regionText(region, price)}</small>
            </span>
            <span className="row tight">
              <button type="button" className="quiet" onClick={() => edit(name)}>
                Edit<span className="visually-hidden"> region {name}</span>
              </button>
              <SureButton
                what="Remove"
                sure={regions.length === 1 ? 'Really: nobody can order then' : 'Really remove it'}
                of={`region ${name}`}
                act={() => void remove(name)}
              />
            </span>
          </li>
        ))}
      </ul>
      <p className="row">
        <WriteButton onClick={() => edit('')}>Add a region</WriteButton>
      </p>
      {edited === undefined ? null : (
        <RegionDialog
          key={edited}
          manifest={manifest}
          pricing={pricing}
          name={edited}
          price={price}
          close={() => edit(undefined)}
        />
      )}
    </section>
  )
}

interface DialogProps extends RegionsProps {
  /** Empty for a new one. */
  readonly name: string
  readonly price: (amount: bigint) => string
  readonly close: () => void
}

function RegionDialog({ manifest, pricing, name, price, close }: DialogProps) {
  const { client } = useSession()
  const write = useManifestWrite()
  const [held] = useState(() => manifest.ShippingRegions?.get(name))
  const words = {
    read: (text: string) => parseMoney(text, pricing, 'en').amount,
    show: (amount: bigint) => amountText({ ...pricing, amount }),
  }
  const [draft, setDraft] = useState(() => (held === undefined ? NEW_REGION : regionDraft(name, held, words)))
  const set = (): CheckedSet => {
    const value = regionValue(draft, held, words)
    const own = draft.name.trim()
    const now = () => client.manifest().get().data?.ShippingRegions?.get(own)
    const text = `as written here: ${draft.country} ${draft.postalCode} ${draft.city} ${draft.adds} ${draft.percent}`
    return {
      changes: () => [
        { op: now() === undefined ? 'add' : 'replace', path: ['Manifest', 'ShippingRegions', own], value },
      ],
      fields: [
        { name: `Region ${own}`, before: regionText(held, price), mine: text, now: () => regionText(now(), price) },
      ],
    }
  }
  const save = async (refuse: Refuse) => {
    if (await write(`Save region ${draft.name}`, set, refuse)) close()
  }
  return (
    <Dialog title={name === '' ? 'New region' : `Region ${name}`} close={close}>
      <Form submit={(refuse) => void save(refuse)}>
        <RegionFields draft={draft} isNew={name === ''} symbol={pricing.symbol} change={setDraft} />
        <LookOnlyNote />
        <p className="row end foot">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <WriteButton type="submit" className="primary">
            Save
          </WriteButton>
        </p>
      </Form>
    </Dialog>
  )
}

interface FieldsProps {
  readonly draft: RegionDraft
  readonly isNew: boolean
  readonly symbol: string
  readonly change: (draft: RegionDraft) => void
}

function RegionFields({ draft, isNew, symbol, change }: FieldsProps) {
  const input = (field: keyof RegionDraft, more: InputHTMLAttributes<HTMLInputElement> = {}) => (
    <input {...more} value={draft[field]} onChange={({ target }) => change({ ...draft, [field]: target.value })} />
  )
  return (
    <>
      <Field label="Name" hint="Of the region, for you.">
        {input('name', { required: true, readOnly: !isNew })}
      </Field>
      {/* Outside of the label: the names of all countries would be the field’s too. */}
      <datalist id="countries">
        {countries().map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </datalist>
      <div className="pair">
        <Field label="Country" hint="Two capital letters, as the shop page writes it; empty for all.">
          {input('country', { list: 'countries' })}
        </Field>
        <Field label="Postal code" hint="Empty for all.">
          {input('postalCode')}
        </Field>
        <Field label="City" hint="Empty for all.">
          {input('city')}
        </Field>
      </div>
      <div className="pair">
        <Field name="Adds" label={`Adds, ${symbol}`} hint="To each order; empty for nothing.">
          {input('adds', { inputMode: 'decimal' })}
        </Field>
        <Field label={CHANGE} hint="7 adds 7 %, -10 takes a tenth off; empty for nothing.">
          {input('percent')}
        </Field>
      </div>
    </>
  )
}
