/** The shop's manifest: who is paid, in what, and where it ships. */

import type { ChainAddress, Change, Manifest, ShippingRegion } from 'cairn-relay/client'
import { useState } from 'react'
import { checkedWrite, type CheckedSet } from './checked-write.js'
import { useOutcomes } from './outcomes.js'
import { fromHex, hex } from './session.js'
import { Empty, Field, map, useManifest, usePricing, useSession } from './shared.js'

export function SettingsView() {
  const manifest = useManifest()
  const pricing = usePricing()
  const { shop } = useSession()
  if (manifest === undefined) return <Empty>The shop is on its way …</Empty>
  return (
    <div className="sheets">
      <section className="sheet" aria-label="Shop">
        <h2>Shop</h2>
        <dl className="facts">
          <div>
            <dt>Number</dt>
            <dd>
              <code>{String(shop)}</code>
            </dd>
          </div>
          <div>
            <dt>Prices are in</dt>
            <dd>
              {pricing?.symbol} on chain {`${manifest.PricingCurrency.ChainID}`}
            </dd>
          </div>
        </dl>
      </section>
      <Addresses manifest={manifest} field="Payees" title="Who is paid" one="payee" />
      <Addresses manifest={manifest} field="AcceptedCurrencies" title="Currencies that are taken" one="currency" />
      <Regions manifest={manifest} />
    </div>
  )
}

type Listed = 'Payees' | 'AcceptedCurrencies'

interface AddressesProps {
  readonly manifest: Manifest
  readonly field: Listed
  readonly title: string
  readonly one: string
}

function Addresses({ manifest, field, title, one }: AddressesProps) {
  const { client } = useSession()
  const write = useManifestWrite()
  const places = [...(manifest[field] ?? [])].flatMap(([chain, list]) => [...list.keys()].map((at) => ({ chain, at })))
  const remove = (place: (typeof places)[number]) =>
    write(`Remove ${one} 0x${place.at}`, [{ op: 'remove', path: ['Manifest', field, place.chain, fromHex(place.at)] }])
  const add = ({ ChainID, Address }: ChainAddress) => {
    const value = field === 'Payees' ? map({ CallAsContract: false }) : map({})
    return write(`Add ${one} 0x${hex(Address)}`, [{ op: 'add', path: ['Manifest', field, ChainID, Address], value }])
  }
  return (
    <section className="sheet" aria-label={title}>
      <h2>{title}</h2>
      {places.length === 0 ? <Empty>None: nobody can pay.</Empty> : null}
      <ul className="lines">
        {places.map((place) => (
          <li key={`${place.chain} ${place.at}`}>
            <span>
              {field === 'AcceptedCurrencies' ? (
                <b>{client.money(0n, { ChainID: place.chain, Address: fromHex(place.at) }).symbol} </b>
              ) : null}
              <code>0x{place.at}</code> <small>chain {`${place.chain}`}</small>
            </span>
            <button type="button" className="quiet" onClick={() => void remove(place)}>
              Remove<span className="visually-hidden"> 0x{place.at}</span>
            </button>
          </li>
        ))}
      </ul>
      <AddressForm one={one} chain={manifest.PricingCurrency.ChainID} add={add} />
    </section>
  )
}

function AddressForm({
  one,
  chain,
  add,
}: {
  readonly one: string
  readonly chain: bigint
  readonly add: (place: ChainAddress) => Promise<boolean>
}) {
  const [address, setAddress] = useState('')
  const [chainText, setChain] = useState(String(chain))
  return (
    <form
      className="inline"
      aria-label={`Add a ${one}`}
      onSubmit={(event) => {
        event.preventDefault()
        const place = { ChainID: BigInt(chainText), Address: fromHex(address.slice(2).toLowerCase()) }
        void add(place).then((isDone) => isDone && setAddress(''))
      }}
    >
      <Field
        label="Address"
        hint={one === 'currency' ? 'Of the token; 40 zeros for the chain’s own currency.' : undefined}
      >
        <input
          required
          pattern="0x[0-9a-fA-F]{40}"
          title="0x and 40 hexadecimal digits"
          placeholder="0x…"
          value={address}
          onChange={(event) => setAddress(event.target.value)}
        />
      </Field>
      <Field label="Chain">
        <input
          required
          pattern="[1-9][0-9]{0,18}"
          inputMode="numeric"
          value={chainText}
          onChange={(event) => setChain(event.target.value)}
        />
      </Field>
      <button type="submit">Add</button>
    </form>
  )
}

function Regions({ manifest }: { readonly manifest: Manifest }) {
  const write = useManifestWrite()
  const regions = [...(manifest.ShippingRegions ?? [])]
  const remove = (name: string) =>
    write(`Remove region ${name}`, [{ op: 'remove', path: ['Manifest', 'ShippingRegions', name] }])
  return (
    <section className="sheet" aria-label="Where it ships">
      <h2>Where it ships</h2>
      {regions.length === 0 ? <Empty>Nowhere: no guest can choose payment.</Empty> : null}
      <ul className="lines">
        {regions.map(([name, region]) => (
          <li key={name}>
            <span>
              <b>{name}</b> <small>{regionText(region)}</small>
            </span>
            <button type="button" className="quiet" onClick={() => void remove(name)}>
              Remove<span className="visually-hidden"> region {name}</span>
            </button>
          </li>
        ))}
      </ul>
      <RegionForm
        add={(name, region) =>
          write(`Add region ${name}`, [{ op: 'add', path: ['Manifest', 'ShippingRegions', name], value: region }])
        }
      />
    </section>
  )
}

function RegionForm({ add }: { readonly add: (name: string, region: never) => Promise<boolean> }) {
  const [name, setName] = useState('')
  const [country, setCountry] = useState('')
  const [percent, setPercent] = useState('')
  return (
    <form
      className="inline"
      aria-label="Add a region"
      onSubmit={(event) => {
        event.preventDefault()
        const modifier = map({ Shipping: map({ ModificationPercent: 100n + BigInt(percent || '0') }) })
        const PriceModifiers = percent === '' ? {} : { PriceModifiers: modifier }
        void add(name, map({ Country: country, PostalCode: '', City: '', ...PriceModifiers })).then(
          (isDone) => isDone && setName(''),
        )
      }}
    >
      <Field label="Name">
        <input required value={name} onChange={(event) => setName(event.target.value)} />
      </Field>
      <Field label="Country" hint="As guests write it; empty for all.">
        <input value={country} onChange={(event) => setCountry(event.target.value)} />
      </Field>
      <Field label="Adds %">
        <input
          pattern="[0-9]{1,4}"
          inputMode="numeric"
          value={percent}
          onChange={(event) => setPercent(event.target.value)}
        />
      </Field>
      <button type="submit">Add</button>
    </form>
  )
}

function regionText({ Country, PostalCode, City, PriceModifiers }: ShippingRegion): string {
  const place = [Country, PostalCode, City].filter((text) => text !== '').join(' ') || 'everywhere'
  const adds = [...(PriceModifiers ?? [])].map(([name, modifier]) =>
    'ModificationPercent' in modifier && modifier.ModificationPercent !== undefined
      ? `${name}: ${modifier.ModificationPercent} % of the price`
      : `${name}: a fixed amount`,
  )
  return [place, ...adds].join(' · ')
}

function useManifestWrite() {
  const { client } = useSession()
  const { run } = useOutcomes()
  return (what: string, changes: readonly Change[]) => {
    const sets: CheckedSet[] = [{ changes, fields: [] }]
    return run(what, async () => `On disk as set ${await checkedWrite(client, sets)}.`)
  }
}
