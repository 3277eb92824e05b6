/** Where it goes, who orders, and then the order. */

import { useEffect, useRef, useState, type FormEvent, type ReactNode } from 'react'
import {
  ClientError,
  type AddressDetails,
  type AddressProblem,
  type Cart,
  type CartLine,
  type Money,
  type ShopClient,
} from 'cairn-relay/client'
import { enrol, makeKeyCard, type Wallet } from 'cairn-relay/enrol'
import { useCart, useConnection, useShop } from 'cairn-relay/react'
import { useAgreed } from './agreed.js'
import { isPriced, isRefused, Sums, useSoldOut } from './cart.js'
import { ChangedTotal } from './changed-total.js'
import { countries } from '../countries.js'
import { useGuest, useOutbox, useProblem, useSettled } from './guest.js'
import { Items } from './items.js'
import { totalText, UNSEEN_TOTAL } from './order-total.js'
import { View } from './parts.js'
import { isPendingOrder } from './pending.js'
import { keepAgreedTotal, keepCard, keepCart, type Place } from './place.js'
import { go, Link } from './route.js'
import { pageWallet, useWallets } from './wallets.js'

const FIELDS = [
  { name: 'Name', label: 'Name', autoComplete: 'name' },
  { name: 'EmailAddress', label: 'E-mail', autoComplete: 'email', type: 'email' },
  { name: 'Address1', label: 'Street and number', autoComplete: 'address-line1', isWide: true },
  { name: 'Address2', label: 'Flat, building or state, if any', autoComplete: 'address-line2', isWide: true },
  { name: 'PostalCode', label: 'Postal code', autoComplete: 'postal-code' },
  { name: 'City', label: 'Town', autoComplete: 'address-level2' },
] as const
const FIELD_LETTERS_MAX = 200

export function Checkout() {
  const { cart, quote, count, address, lines, status } = useCart()
  const wrong = useWrongField()
  // The cart's own: what it was restored with, or brought from another tab, comes after the first look.
  const fields = fieldsOf(address)
  const of = useShopOf(lines)
  const agreed = useAgreed({ now: quote.total, about: aboutOf(lines, address), of, isSure: status === 'ready' })
  const { order, isRunning, problem } = useOrdering(agreed.total)
  const soldOut = useSoldOut()
  const isSettled = useSettled(count > 0n && isPriced(quote))
  const isOff = soldOut !== undefined || isRefused(quote)
  const change = (name: string, value: string) => {
    cart?.sendTo(addressOf({ ...fields, [name]: value }))
  }
  if (count === 0n && !isRunning) return <Nothing />
  if (!isSettled) return <View title="One moment…">{null}</View>
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    cart?.sendTo(addressOf(fields))
    if (wrong.isFound()) return
    const who = new FormData(event.currentTarget).get('who')
    order(typeof who === 'string' ? who : '')
  }
  return (
    <View title="Checkout">
      <form className="checkout" onSubmit={submit}>
        <Address fields={fields} wrong={wrong.field} change={change} />
        <Who />
        <section aria-label="What it costs">
          <Items items={lines} />
          <Sums quote={quote} />
        </section>
        <ChangedTotal {...agreed} />
        {agreed.total === undefined && !isPriced(quote) && (
          <p className="notice" role="status">
            What it comes to is not known yet. You can order all the same: you are shown the total, and asked whether
            you agree to it, before anything is paid.
          </p>
        )}
        <p className="quiet">
          Ordering reserves the pieces for you; you pay on the next page. Your address is read by the shop and by the
          server that keeps it, which is this page’s own; nobody else who comes to the shop is shown it.
        </p>
        <button className="primary" disabled={isRunning || cart === undefined || isOff || agreed.other !== undefined}>
          {isRunning ? 'Ordering…' : 'Order'}
        </button>
        <p className="problem" role="alert">
          {soldOut ?? problem}
        </p>
        {(problem !== '' || isOff) && <Link to={{ view: 'cart' }}>Back to the cart</Link>}
      </form>
    </View>
  )
}

/** What the total follows from and the guest himself changes. */
function aboutOf(lines: readonly CartLine[], address: AddressDetails | undefined): string {
  const { Country, PostalCode, City } = address ?? {}
  return JSON.stringify([lines.map(({ key, quantity }) => [key, String(quantity)]), Country, PostalCode, City])
}

/** What the total follows from and the shop alone changes: the same references while it does not. */
function useShopOf(lines: readonly CartLine[]): readonly unknown[] {
  const shop = useShop()
  // What the cart itself reads its prices from, at the same moment.
  return [shop?.manifest(), ...lines.map(({ listing }) => shop?.listing(listing))].map((live) => live?.get().data)
}

function Nothing() {
  return (
    <View title="Checkout">
      <p className="empty">Nothing is in your cart.</p>
      <Link to={{}}>All that is sold</Link>
    </View>
  )
}

const EMPTY = {
  Name: '',
  EmailAddress: '',
  Address1: '',
  Address2: '',
  PostalCode: '',
  City: '',
  Country: 'CH',
} as const satisfies AddressDetails
type Fields = Readonly<Record<keyof typeof EMPTY, string>>

/** Of what was kept nothing but what the form has. */
function fieldsOf(address: AddressDetails | undefined): Fields {
  const kept = Object.entries(address ?? {}).filter(([name, value]) => name in EMPTY && typeof value === 'string')
  return { ...EMPTY, ...Object.fromEntries(kept) }
}

/** A line that nobody needs is not sent as an empty one. */
function addressOf({ Address2, ...needed }: Fields): AddressDetails {
  return Address2.trim() === '' ? needed : { ...needed, Address2 }
}

/** What is wrong with the address, once somebody wants to order with it; the field is gone to. */
function useWrongField() {
  const { cart, addressProblem } = useCart()
  const [asked, setAsked] = useState(0)
  const field = asked > 0 && addressProblem !== undefined && addressProblem.field in EMPTY ? addressProblem : undefined
  useEffect(() => {
    if (asked > 0) document.querySelector<HTMLElement>('.address [aria-invalid]')?.focus()
  }, [asked])
  /** By what the cart holds at this moment. */
  const isFound = () => {
    const problem = cart?.get().addressProblem
    if (problem === undefined || !(problem.field in EMPTY)) return false
    setAsked((times) => times + 1)
    return true
  }
  return { field, isFound }
}

interface AddressProps {
  readonly fields: Fields
  readonly wrong: AddressProblem | undefined
  readonly change: (name: string, value: string) => void
}

function Address({ fields, wrong, change }: AddressProps) {
  return (
    <fieldset className="address">
      <legend>Where it goes</legend>
      {FIELDS.map(({ name, label, ...more }) => (
        <AddressField key={name} name={name} label={label} wrong={wrong} isWide={'isWide' in more}>
          {(told) => (
            <input
              {...told}
              required={name !== 'Address2'}
              maxLength={FIELD_LETTERS_MAX}
              type={'type' in more ? more.type : 'text'}
              autoComplete={more.autoComplete}
              value={fields[name]}
              onChange={(event) => change(name, event.target.value)}
            />
          )}
        </AddressField>
      ))}
      <AddressField name="Country" label="Country" wrong={wrong}>
        {(told) => (
          <select
            {...told}
            autoComplete="country"
            value={fields.Country}
            onChange={(event) => change('Country', event.target.value)}
          >
            {countries().map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </select>
        )}
      </AddressField>
    </fieldset>
  )
}

/** What an input says of itself. */
interface Told {
  readonly id: string
  readonly name: string
  readonly 'aria-invalid'?: true
  readonly 'aria-describedby'?: string
}

interface AddressFieldProps {
  readonly name: string
  readonly label: string
  readonly wrong: AddressProblem | undefined
  readonly isWide?: boolean
  readonly children: (told: Told) => ReactNode
}

/** The label stands beside it: inside, all countries, and what is wrong, would be the field’s name too. */
function AddressField({ name, label, wrong, isWide = false, children }: AddressFieldProps) {
  const isWrong = wrong?.field === name
  const told = isWrong ? ({ 'aria-invalid': true, 'aria-describedby': 'wrong-field' } as const) : {}
  return (
    <div className={isWide ? 'field is-wide' : 'field'}>
      <label htmlFor={`address-${name}`}>{label}</label>
      {children({ id: `address-${name}`, name, ...told })}
      {isWrong && (
        <span id="wrong-field" className="problem">
          This {wrong.message}.
        </span>
      )}
    </div>
  )
}

/** Unlike the id of any wallet. */
const PAGE_ITSELF = 'page'

/** A guest who ordered before is known by the card of this browser. */
function Who() {
  const { card, place } = useGuest()
  const wallets = useWallets(place.chain).filter(({ signer }) => signer !== undefined)
  if (card !== undefined) return null
  return (
    <fieldset className="choices is-column">
      <legend>Who orders</legend>
      <label className="choice">
        <input type="radio" name="who" value={PAGE_ITSELF} defaultChecked />
        <span>This browser, by a key that it makes now</span>
      </label>
      {wallets.map(({ id, name }) => (
        <label key={id} className="choice">
          <input type="radio" name="who" value={id} />
          <span>{name}, which signs once</span>
        </label>
      ))}
      <p className="quiet">
        You have a key of another device? <Link to={{ view: 'orders' }}>Bring it here first</Link>.
      </p>
    </fieldset>
  )
}

/**
 * Enrols a card if there is none, and orders as soon as the client has it. An order that the shop does not answer waits
 * in the outbox, and is shown as what it is. `total`: what the guest agreed to, when he presses the button.
 */
function useOrdering(total: Money | undefined) {
  const { card, place } = useGuest()
  const { cart } = useCart()
  const shop = useShop()
  const isShown = useIsShown()
  const [step, setStep] = useState<Step>('none')
  const [problem, tell] = useProblem()
  const [placing, setPlacing] = useState<bigint | undefined>(undefined)
  const agreed = useRef(total)
  const fail = (error: unknown) => {
    if (!isShown.current) return
    setStep('none')
    setPlacing(undefined)
    tell(error)
    if (error instanceof ClientError) dismissTold(shop, error)
  }
  const placeIt = () => {
    setStep('ordering')
    placeOrder(cart!, { total: agreed.current, setPlacing }).then((order) => {
      keepCart(place.shop, undefined)
      if (isShown.current) go({ order })
    }, fail)
  }
  const enrolFirst = useEnrolment({ placeIt, fail, step, setStep, isShown })
  useWaiting(placing)
  const order = (who: string) => {
    tell(undefined)
    agreed.current = total
    if (card !== undefined) placeIt()
    else enrolFirst(who)
  }
  return { order, problem, isRunning: step !== 'none' }
}

/** Who went on to another view is not taken away from there. */
function useIsShown() {
  const isShown = useRef(true)
  useEffect(() => {
    isShown.current = true
    return () => void (isShown.current = false)
  }, [])
  return isShown
}

interface PlacingSteps {
  readonly total: Money | undefined
  /** The order that these lines become, before anything of it is sent. */
  readonly setPlacing: (order: bigint) => void
}

/** What was agreed to is kept before the order goes out: it may be made though the page never hears so. */
function placeOrder(cart: Cart, { total, setPlacing }: PlacingSteps): Promise<bigint> {
  const stop = cart.subscribe(() => {
    const { ordering } = cart.get()
    if (ordering === undefined) return
    // What the cart becomes afterwards is another order's.
    stop()
    keepAgreedTotal(ordering, total === undefined ? UNSEEN_TOTAL : totalText(total))
    setPlacing(ordering)
  })
  return cart.checkout({ total }).finally(stop)
}

/** An order that waits for the shop goes out by itself: the cart is free for what comes next. */
function useWaiting(placing: bigint | undefined): void {
  const { cart } = useCart()
  const { state } = useConnection()
  const outbox = useOutbox()
  // Of a checkout that is refused at once nothing waits: what does is an earlier one's.
  const waiting = state !== 'connected' && isPendingOrder(outbox, placing) ? placing : undefined
  useEffect(() => {
    if (waiting === undefined) return
    cart?.clear()
    go({ order: waiting })
  }, [waiting, cart])
}

/** What is told here need not be told as a notice too. */
function dismissTold(shop: ShopClient | undefined, { code, message }: ClientError): void {
  const outbox = shop?.outbox()
  const told = outbox?.get().refused.findLast((one) => one.code === code && message.endsWith(one.message))
  if (told !== undefined) outbox!.dismiss(told.id)
}

type Step = 'none' | 'enrolling' | 'joining' | 'ordering'

interface EnrolmentSteps {
  readonly placeIt: () => void
  readonly fail: (error: unknown) => void
  readonly step: Step
  readonly setStep: (step: Step) => void
  readonly isShown: { readonly current: boolean }
}

/**
 * A new card, by a wallet of the browser or by one of this page, and then the order. A wallet may sign long after its
 * guest went on without it: that card is dropped, and the one that he has meanwhile stays.
 */
function useEnrolment({ placeIt, fail, step, setStep, isShown }: EnrolmentSteps): (who: string) => void {
  const { place, card, become } = useGuest()
  const { state } = useConnection()
  const shop = useShop()
  const wallets = useWallets(place.chain)
  const before = useRef<ShopClient | undefined>(undefined)
  const isJoined = step === 'joining' && shop !== before.current && state === 'connected'
  useEffect(() => {
    if (isJoined) placeIt()
  }, [isJoined])
  const asked = useRef(0)
  const isOvertaken = step === 'enrolling' && card !== undefined
  useEffect(() => {
    if (!isOvertaken) return
    // By another tab, whose guest is here too now.
    asked.current++
    setStep('none')
  }, [isOvertaken])
  return (who) => {
    const number = ++asked.current
    const isWanted = () => isShown.current && asked.current === number
    before.current = shop
    setStep('enrolling')
    const signer = wallets.find(({ id }) => id === who)?.signer ?? (() => Promise.resolve(pageWallet()))
    signer()
      .then((wallet) => newCard(place, wallet))
      .then(
        (made) => {
          if (!isWanted()) return
          if (!keepCard(place.shop, made)) return setStep('none')
          setStep('joining')
          become(made)
        },
        (error: unknown) => {
          if (isWanted()) fail(error)
        },
      )
  }
}

async function newCard({ url, shop }: Place, wallet: Wallet): Promise<Uint8Array> {
  const { secret, publicKey } = makeKeyCard()
  await enrol({ url, shop, card: publicKey, wallet, guest: true })
  return secret
}
