/** One thing that is sold. */

import { useState } from 'react'
import { inSizeOrder } from 'cairn-relay/catalogue'
import type { Listing as Sold, LiveState, Variation } from 'cairn-relay/client'
import { useCart, useConnection, useListing } from 'cairn-relay/react'
import { isSoldOut, priceWith } from './option-prices.js'
import { isForSale, Picture, Price, UNSEEN, View } from './parts.js'
import { Proof } from './proof.js'
import { Link } from './route.js'

export function Listing({ id }: { readonly id: bigint }) {
  const state = useListing(id)
  const { data, status } = state
  if (data === undefined)
    return (
      <View title={status === 'loading' ? 'One moment…' : status === 'failed' ? UNSEEN : 'This is not sold here'}>
        {status !== 'loading' && <Proof state={state} all="it is not there" />}
        <p>
          <Link to={{}}>All that is sold</Link>
        </p>
      </View>
    )
  return <Detail key={String(id)} listing={data} state={state} />
}

function Detail({ listing, state }: { readonly listing: Sold; readonly state: LiveState<Sold> }) {
  const { Title, Description } = listing.Metadata
  return (
    <View title={Title} wide>
      <div className="detail">
        <Picture listing={listing} eager />
        <div className="detail-text">
          <p className="description">{Description}</p>
          {isForSale(listing) ? <Buy listing={listing} /> : <NotForSale />}
          <Proof state={state} all="as the shop signed it" />
          <p>
            <Link to={{}}>
              <span aria-hidden="true">← </span>All that is sold
            </Link>
          </p>
        </div>
      </div>
    </View>
  )
}

/** Who has its link sees it still. */
function NotForSale() {
  return (
    <p className="notice not-for-sale" role="status">
      This is not for sale at the moment.
    </p>
  )
}

function Buy({ listing }: { readonly listing: Sold }) {
  const options = optionsOf(listing)
  const [chosen, setChosen] = useState(() => middleOfEach(options))
  const { cart } = useCart()
  const { state } = useConnection()
  const [added, setAdded] = useState(0n)
  const variations = Object.values(chosen)
  const isOut = isSoldOut(listing, variations)
  const add = () => {
    cart?.add({ listing: listing.ID, variations, quantity: 1n })
    setAdded(added + 1n)
  }
  return (
    <>
      <Choices options={options} chosen={chosen} choose={setChosen} />
      <p className="buy-price">
        <Price amount={priceWith(listing, variations)} />
        <span className={isOut ? 'stock is-out' : 'stock'}>{isOut ? 'Sold out, back soon' : 'In stock'}</span>
      </p>
      <div className="actions">
        <button
          type="button"
          className="primary"
          disabled={cart === undefined || isOut || state === 'failed'}
          onClick={add}
        >
          Put into the cart
        </button>
        <span role="status">
          {added > 0n && (
            <>
              {added === 1n ? 'Added.' : `Added: ${added} pieces.`} <Link to={{ view: 'cart' }}>See the cart</Link>
            </>
          )}
        </span>
      </div>
    </>
  )
}

type Chosen = Readonly<Record<string, string>>
type Values = readonly (readonly [key: string, variation: Variation])[]

interface ShownOption {
  readonly name: string
  readonly title: string
  /** Sizes from small to large. */
  readonly values: Values
}

function optionsOf({ Options }: Sold): ShownOption[] {
  return [...(Options ?? [])].map(([name, { Title, Variations }]) => ({
    name,
    title: Title,
    values: inSizeOrder([...(Variations ?? [])], ([, { VariationInfo }]) => VariationInfo.Title),
  }))
}

interface ChoicesProps {
  readonly options: readonly ShownOption[]
  readonly chosen: Chosen
  readonly choose: (chosen: Chosen) => void
}

/** One variation of each option. */
function Choices({ options, chosen, choose }: ChoicesProps) {
  return options.map(({ name, title, values }) => (
    <fieldset key={name} className="choices">
      <legend>{title}</legend>
      {values.map(([key, { VariationInfo }]) => (
        <label key={key} className="choice">
          <input
            type="radio"
            name={name}
            checked={chosen[name] === key}
            onChange={() => choose({ ...chosen, [name]: key })}
          />
          <span>{VariationInfo.Title}</span>
        </label>
      ))}
    </fieldset>
  ))
}

/** An option without values asks for none. */
function middleOfEach(options: ChoicesProps['options']): Chosen {
  const middle = (values: Values) => values[Math.floor((values.length - 1) / 2)]
  return Object.fromEntries(
    options.flatMap(({ name, values }) => {
      const chosen = middle(values)
      return chosen === undefined ? [] : [[name, chosen[0]]]
    }),
  )
}

interface VariationNamesProps {
  readonly id: bigint
  readonly variations: readonly string[]
  /** By which buttons beside it say of which they are. */
  readonly place?: string
}

/** For lines of carts and orders. */
export function VariationNames({ id, variations, place }: VariationNamesProps) {
  const options = useListing(id, { select: ({ data }) => data?.Options })
  const titles = [...(options?.values() ?? [])].flatMap(({ Variations }) =>
    [...(Variations ?? [])].flatMap(([name, { VariationInfo }]) =>
      variations.includes(name) ? VariationInfo.Title : [],
    ),
  )
  if (titles.length === 0) return null
  return (
    <span id={place} className="quiet">
      {titles.join(', ')}
    </span>
  )
}
