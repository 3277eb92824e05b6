/** What was chosen, and what it costs with every part. */

import { useId } from 'react'
import { formatMoney, type CartLine, type Listing, type Quote, type QuoteProblemCode } from 'cairn-relay/client'
import { useCart, useListing, useListings } from 'cairn-relay/react'
import { useSettled } from './guest.js'
import { VariationNames } from './listing.js'
import { isSoldOut } from './option-prices.js'
import { isForSale, Picture, View } from './parts.js'
import { Link } from './route.js'
import { isOfAddress } from './words.js'

export function Cart() {
  const { cart, lines, quote } = useCart()
  const soldOut = useSoldOut()
  const isSettled = useSettled(lines.length > 0 && isPriced(quote))
  // Another address is given on the next page.
  const isOff = soldOut !== undefined || quote.problems.some(({ code }) => !isOfAddress(code) && code !== 'LOADING')
  if (lines.length === 0)
    return (
      <View title="Your cart">
        <p className="empty">{cart === undefined ? 'One moment…' : 'Nothing is in it yet.'}</p>
        <Link to={{}} className="primary">
          Look around
        </Link>
      </View>
    )
  if (!isSettled)
    return (
      <View title="Your cart">
        <p className="empty">One moment…</p>
      </View>
    )
  return (
    <View title="Your cart">
      <ul className="lines">
        {lines.map((line) => (
          <Line key={line.key} line={line} />
        ))}
      </ul>
      <Sums quote={quote} />
      <p className="problem" role="status">
        {soldOut}
      </p>
      <div className="actions">
        {!isOff && (
          <Link to={{ view: 'checkout' }} className="primary">
            Go to checkout
          </Link>
        )}
        <Link to={{}}>Go on looking</Link>
      </div>
    </View>
  )
}

/** Whether what is in the cart cannot be ordered as it is; where an address is missing, it is about to come. */
export function isRefused({ problems }: Quote): boolean {
  return problems.some(({ code }) => code !== 'NO_ADDRESS' && code !== 'LOADING')
}

/** All that it is about has come. */
export function isPriced({ problems }: Quote): boolean {
  return problems.every(({ code }) => code !== 'LOADING')
}

/** What of the cart was sold, as a sentence: that alone no quote knows. */
export function useSoldOut(): string | undefined {
  const { lines } = useCart()
  const { data = [] } = useListings({ ids: lines.map(({ listing }) => listing) })
  const titles = lines.flatMap(({ listing, variations }) => {
    const sold = data.find(({ ID }) => ID === listing)
    return sold !== undefined && isForSale(sold) && isSoldOut(sold, variations) ? sold.Metadata.Title : []
  })
  if (titles.length === 0) return undefined
  const all = new Intl.ListFormat('en', { type: 'conjunction' }).format(new Set(titles))
  const one = titles.length === 1
  return `${all} ${one ? 'was' : 'were'} sold out while you looked. Take ${one ? 'it' : 'them'} out to order the rest.`
}

function Line({ line }: { readonly line: CartLine }) {
  const { cart } = useCart()
  const { data: listing, status } = useListing(line.listing)
  const place = useId()
  // Two lines of one listing have buttons of the same names.
  const of = line.variations.length === 0 ? {} : { 'aria-describedby': place }
  const { key, quantity, sum, title = status === 'loading' ? 'One moment…' : 'No longer sold' } = line
  return (
    <li className="line">
      <div className="line-picture">{listing && <Picture listing={listing} eager />}</div>
      <div className="line-text">
        <Link to={{ listing: line.listing }}>{title}</Link>
        <VariationNames id={line.listing} variations={line.variations} place={place} />
        <Availability listing={listing} line={line} isKnown={status !== 'loading'} />
      </div>
      <div className="line-count">
        <div className="stepper" role="group" aria-label={`Pieces of ${title}`}>
          <button
            {...of}
            type="button"
            aria-label={`One ${title} less`}
            onClick={() => cart?.change(key, quantity - 1n)}
          >
            −
          </button>
          <output>{String(quantity)}</output>
          <button
            {...of}
            type="button"
            aria-label={`One ${title} more`}
            onClick={() => cart?.change(key, quantity + 1n)}
          >
            +
          </button>
        </div>
        <button
          {...of}
          type="button"
          className="plain"
          aria-label={`Remove ${title}`}
          onClick={() => cart?.remove(key)}
        >
          Remove
        </button>
      </div>
      <span className="number line-sum">{sum === undefined ? '…' : formatMoney(sum)}</span>
    </li>
  )
}

interface AvailabilityProps {
  readonly listing: Listing | undefined
  readonly line: CartLine
  readonly isKnown: boolean
}

function Availability({ listing, line, isKnown }: AvailabilityProps) {
  if (listing === undefined) return isKnown ? <span className="stock is-out">Take it out of the cart</span> : null
  if (!isForSale(listing)) return <span className="stock is-out">Not for sale at the moment</span>
  return isSoldOut(listing, line.variations) ? <span className="stock is-out">Sold out</span> : null
}

/** Computed here; the relay's total has to be the same. */
export function Sums({ quote }: { readonly quote: Quote }) {
  const { problems, warnings } = quote
  const told = [...problems, ...warnings].filter(({ code }) => code !== 'NO_ADDRESS' && code !== 'LOADING')
  const sentences = [...new Set(told.map(({ message }) => message))]
  return (
    <>
      <SumRows quote={quote} />
      {sentences.map((sentence) => (
        <p key={sentence} className="problem" role="status">
          {sentence}
        </p>
      ))}
    </>
  )
}

export function SumRows({ quote }: { readonly quote: Quote }) {
  const { subtotal, shipping, total } = quote
  return (
    <dl className="sums">
      <dt>Things</dt>
      <dd>{subtotal === undefined ? '…' : formatMoney(subtotal)}</dd>
      {shipping.map(({ name, change }) => (
        <div key={name} className="sums-row">
          <dt>{name === 'post' ? 'Post' : name}</dt>
          <dd>{formatMoney(change)}</dd>
        </div>
      ))}
      <dt className="total">Total</dt>
      <dd className="total">{total === undefined ? <Unknown quote={quote} /> : formatMoney(total)}</dd>
    </dl>
  )
}

function Unknown({ quote: { subtotal, problems } }: { readonly quote: Quote }) {
  const isOnly = (wanted: QuoteProblemCode) => problems.every(({ code }) => code === wanted)
  const isLoading = subtotal === undefined || problems.some(({ code }) => code === 'LOADING')
  return <span className="later">{isOnly('NO_ADDRESS') ? 'with your address' : isLoading ? '…' : '–'}</span>
}
