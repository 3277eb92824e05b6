/** Where it goes, who orders, and then the order. */

import { useEffect, useRef, useState, type FormEvent } from 'react'
import { ClientError, type AddressDetails, type ShopClient } from 'cairn-relay/client'
import { enrol, makeKeyCard, type Wallet } from 'cairn-relay/enrol'
import { useCart, useConnection, useShop } from 'cairn-relay/react'
import { Sums } from './cart.js'
import { useGuest } from './guest.js'
import { View } from './parts.js'
import { keepCard, type Place } from './place.js'
import { go, Link } from './route.js'
import { pageWallet, useWallets } from './wallets.js'

const FIELDS = [
  { name: 'Name', label: 'Name', autoComplete: 'name' },
  { name: 'EmailAddress', label: 'E-mail', autoComplete: 'email', type: 'email' },
  { name: 'Address1', label: 'Street and number', autoComplete: 'street-address', isWide: true },
  { name: 'PostalCode', label: 'Postal code', autoComplete: 'postal-code' },
  { name: 'City', label: 'Town', autoComplete: 'address-level2' },
] as const
const COUNTRIES = ['AT', 'CH', 'DE', 'DK', 'ES', 'FR', 'GB', 'IT', 'JP', 'NL', 'NO', 'PL', 'SE', 'SI', 'US'] as const

export function Checkout() {
  const { cart, quote, count, address } = useCart()
  const [fields, setFields] = useState<AddressDetails>(address ?? EMPTY)
  const { order, isRunning, problem } = useOrdering()
  const change = (name: string, value: string) => {
    const next = { ...fields, [name]: value }
    setFields(next)
    cart?.sendTo(next)
  }
  if (count === 0n && !isRunning)
    return (
      <View title="Checkout">
        <p className="empty">Nothing is in your cart.</p>
        <Link to={{}}>All that is sold</Link>
      </View>
    )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    cart?.sendTo(fields)
    const who = new FormData(event.currentTarget).get('who')
    order(typeof who === 'string' ? who : '')
  }
  return (
    <View title="Checkout">
      <form className="checkout" onSubmit={submit}>
        <Address fields={fields} change={change} />
        <Who />
        <section aria-label="What it costs">
          <Sums quote={quote} />
        </section>
        <p className="quiet">
          Ordering reserves the pieces for you; you pay on the next page. Your address is read by the shop and by nobody
          else who comes to it.
        </p>
        <button className="primary" disabled={isRunning || cart === undefined}>
          {isRunning ? 'Ordering…' : 'Order'}
        </button>
        <p className="problem" role="alert">
          {problem}
        </p>
      </form>
    </View>
  )
}

const EMPTY: AddressDetails = { Name: '', EmailAddress: '', Address1: '', PostalCode: '', City: '', Country: 'CH' }

interface AddressProps {
  readonly fields: AddressDetails
  readonly change: (name: string, value: string) => void
}

function Address({ fields, change }: AddressProps) {
  const names = new Intl.DisplayNames(undefined, { type: 'region' })
  return (
    <fieldset className="address">
      <legend>Where it goes</legend>
      {FIELDS.map(({ name, label, ...more }) => (
        <label key={name} className={'isWide' in more ? 'field is-wide' : 'field'}>
          {label}
          <input
            required
            name={name}
            type={'type' in more ? more.type : 'text'}
            autoComplete={more.autoComplete}
            value={fields[name]}
            onChange={(event) => change(name, event.target.value)}
          />
        </label>
      ))}
      <label className="field">
        Country
        <select
          name="Country"
          autoComplete="country"
          value={fields.Country}
          onChange={(event) => change('Country', event.target.value)}
        >
          {COUNTRIES.map((code) => (
            <option key={code} value={code}>
              {names.of(code)}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  )
}

/** A guest who ordered before is known by the card of this browser. */
function Who() {
  const { card, place } = useGuest()
  const wallets = useWallets(place.chain).filter(({ signer }) => signer !== undefined)
  if (card !== undefined) return null
  return (
    <fieldset className="choices is-column">
      <legend>Who orders</legend>
      <label className="choice">
        <input type="radio" name="who" value="" defaultChecked />
        <span>This browser, by a key that it makes now</span>
      </label>
      {wallets.map(({ id, name }) => (
        <label key={id} className="choice">
          <input type="radio" name="who" value={id} />
          <span>{name}, which signs once</span>
        </label>
      ))}
    </fieldset>
  )
}

/** Enrols a card if there is none, and orders as soon as the client has it. */
function useOrdering() {
  const { place, card, become } = useGuest()
  const { cart } = useCart()
  const { state } = useConnection()
  const shop = useShop()
  const wallets = useWallets(place.chain)
  const before = useRef<ShopClient | undefined>(undefined)
  const [step, setStep] = useState<'none' | 'enrolling' | 'joining' | 'ordering'>('none')
  const [problem, setProblem] = useState('')
  const isJoined = step === 'joining' && shop !== before.current && state === 'connected'
  const fail = (error: unknown) => {
    setStep('none')
    setProblem(sentenceOf(error))
  }
  const placeIt = () => {
    setStep('ordering')
    cart!.checkout().then((order) => go({ order }), fail)
  }
  useEffect(() => {
    if (isJoined) placeIt()
  }, [isJoined])
  const order = (who: string) => {
    setProblem('')
    if (card !== undefined) return placeIt()
    before.current = shop
    setStep('enrolling')
    const signer = wallets.find(({ id }) => id === who)?.signer ?? (() => Promise.resolve(pageWallet()))
    signer()
      .then((wallet) => newCard(place, wallet))
      .then((made) => {
        keepCard(place.shop, made)
        setStep('joining')
        become(made)
      }, fail)
  }
  return { order, problem, isRunning: step !== 'none' }
}

async function newCard({ url, shop }: Place, wallet: Wallet): Promise<Uint8Array> {
  const { secret, publicKey } = makeKeyCard()
  await enrol({ url, shop, card: publicKey, wallet, guest: true })
  return secret
}

export function sentenceOf(error: unknown): string {
  if (!(error instanceof ClientError)) return (error as Error).message
  return `${error.message}. ${error.remedy}`
}
