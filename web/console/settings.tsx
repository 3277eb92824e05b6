/** The shop's manifest: who is paid, in what, and where it ships. */

import type { ChainAddress, Manifest } from 'cairn-relay/client'
import { useContext, useState } from 'react'
import { isKnown, keepCurrency } from './currencies.js'
import { fromHex, hex, map } from './fields.js'
import { Field, Form, type Refuse } from './forms.js'
import { keptNotes } from './kept-notes.js'
import { useManifestWrite } from './manifest-write.js'
import { useOutcomes } from './outcomes.js'
import { Regions } from './region-editor.js'
import { Empty, Reopen, SureButton, useManifest, usePricing, useSession, WriteButton } from './shared.js'

export function SettingsView() {
  const manifest = useManifest()
  const pricing = usePricing()
  const { shop } = useSession()
  if (manifest === undefined || pricing === undefined) return <Empty>The shop is on its way …</Empty>
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
              {pricing.symbol} on chain {`${manifest.PricingCurrency.ChainID}`}
            </dd>
          </div>
        </dl>
      </section>
      <Regions manifest={manifest} pricing={pricing} />
      <Addresses manifest={manifest} field="AcceptedCurrencies" title="Currencies that are taken" one="currency" />
      <Addresses manifest={manifest} field="Payees" title="Who is paid" one="payee" />
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

interface Place {
  readonly chain: bigint
  readonly at: string
}

function Addresses({ manifest, field, title, one }: AddressesProps) {
  const write = useManifestWrite()
  const places = [...(manifest[field] ?? [])].flatMap(([chain, list]) => [...list.keys()].map((at) => ({ chain, at })))
  const path = ({ chain, at }: Place) => ['Manifest', field, chain, fromHex(at)] as const
  const remove = (place: Place) =>
    write(`Remove ${one} 0x${place.at}`, () => ({
      changes: () => [{ op: 'remove', path: path(place) }],
      fields: [],
    }))
  const add: FormProps['add'] = ({ ChainID, Address }, isContract, refuse) => {
    const value = field === 'Payees' ? map({ CallAsContract: isContract }) : map({})
    const place = { chain: ChainID, at: hex(Address) }
    if (places.some(({ chain, at }) => chain === place.chain && at === place.at)) return Promise.resolve(true)
    const set = () => ({ changes: () => [{ op: 'add', path: path(place), value }] as const, fields: [] })
    return write(`Add ${one} 0x${place.at}`, set, refuse)
  }
  return (
    <section className="sheet" aria-label={title}>
      <h2>{title}</h2>
      {places.length === 0 ? <Empty>None: nobody can pay.</Empty> : null}
      <ul className="lines">
        {places.map((place) => (
          <li key={`${place.chain} ${place.at}`}>
            <PlaceText manifest={manifest} field={field} place={place} />
            <SureButton
              what="Remove"
              sure={places.length === 1 ? 'Really: nobody can pay then' : 'Really remove it'}
              of={`0x${place.at}`}
              act={() => void remove(place)}
            />
          </li>
        ))}
      </ul>
      <AddressForm one={one} chain={manifest.PricingCurrency.ChainID} add={add} />
    </section>
  )
}

interface PlaceProps {
  readonly manifest: Manifest
  readonly field: Listed
  readonly place: Place
}

function PlaceText({ manifest, field, place: { chain, at } }: PlaceProps) {
  const { client, currencies } = useSession()
  const currency = { ChainID: chain, Address: fromHex(at) }
  const isPayee = field === 'Payees'
  const isNative = !isPayee && /^0+$/u.test(at)
  return (
    <span>
      {isPayee ? null : <b>{client.money(0n, currency).symbol} </b>}
      {isNative ? <small>the coin of</small> : <code>0x{at}</code>} <small>chain {`${chain}`}</small>
      {isPayee && manifest.Payees?.get(chain)?.get(at)?.CallAsContract ? <small>, called as a contract</small> : null}
      {isPayee || isKnown(currency, currencies) ? null : <TokenForm currency={currency} />}
    </span>
  )
}

/** Its amounts are read in the smallest unit until somebody tells. */
function TokenForm({ currency }: { readonly currency: ChainAddress }) {
  const { run } = useOutcomes()
  const reopen = useContext(Reopen)
  const [symbol, setSymbol] = useState('')
  const [decimals, setDecimals] = useState('')
  const keep = async () => {
    keepCurrency(keptNotes(), currency, { symbol, decimals })
    reopen()
  }
  return (
    <Form
      className="inline token"
      aria-label={`What the token 0x${hex(currency.Address)} is`}
      submit={(refuse) => void run('Name the token', keep, { reads: true, refuse })}
    >
      <Field label="Symbol">
        <input required placeholder="EURC" value={symbol} onChange={(event) => setSymbol(event.target.value)} />
      </Field>
      <Field label="Decimals">
        <input
          required
          inputMode="numeric"
          placeholder="6"
          value={decimals}
          onChange={(event) => setDecimals(event.target.value)}
        />
      </Field>
      <button type="submit">Name it here</button>
    </Form>
  )
}

interface FormProps {
  readonly one: string
  readonly chain: bigint
  readonly add: (place: ChainAddress, isContract: boolean, refuse: Refuse) => Promise<boolean>
}

function AddressForm({ one, chain, add }: FormProps) {
  const [address, setAddress] = useState('')
  const [chainText, setChain] = useState(String(chain))
  const [isContract, setContract] = useState(false)
  return (
    <Form
      className="inline"
      aria-label={`Add a ${one}`}
      submit={(refuse) => {
        const place = { ChainID: BigInt(chainText), Address: fromHex(address.slice(2).toLowerCase()) }
        void add(place, isContract, refuse).then((isDone) => isDone && setAddress(''))
      }}
    >
      <Field label="Address" hint={one === 'currency' ? 'Of the token; 40 zeros for the chain’s own coin.' : undefined}>
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
      <WriteButton type="submit">Add</WriteButton>
      {one === 'payee' ? (
        <label className="check whole">
          <input type="checkbox" checked={isContract} onChange={(event) => setContract(event.target.checked)} />
          <span>It is a contract that is called with the payment</span>
        </label>
      ) : null}
    </Form>
  )
}
