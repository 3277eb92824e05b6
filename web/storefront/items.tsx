/** What is bought, line by line: what it is, how many, and what that comes to. */

import { formatMoney, type Money } from 'cairn-relay/client'
import { useListing } from 'cairn-relay/react'
import { VariationNames } from './listing.js'
import { Picture } from './parts.js'

export interface BoughtItem {
  readonly listing: bigint
  readonly variations: readonly string[]
  readonly quantity: bigint
  /** Of all pieces; undefined where it is not known. */
  readonly sum?: Money | undefined
}

export function Items({
  items,
  isSmall = false,
}: {
  readonly items: readonly BoughtItem[]
  readonly isSmall?: boolean
}) {
  return (
    <ul className={isSmall ? 'lines is-small' : 'lines'}>
      {items.map((item, i) => (
        <Item key={i} item={item} hasPicture={!isSmall} />
      ))}
    </ul>
  )
}

function Item({ item, hasPicture }: { readonly item: BoughtItem; readonly hasPicture: boolean }) {
  const { listing: id, variations, quantity, sum } = item
  const { data: listing, status } = useListing(id)
  return (
    <li className={hasPicture ? 'line is-item' : 'line is-plain'}>
      {hasPicture && <div className="line-picture">{listing && <Picture listing={listing} eager />}</div>}
      <div className="line-text">
        <span>{listing?.Metadata.Title ?? (status === 'loading' ? '…' : 'Not sold any more')}</span>
        <VariationNames id={id} variations={variations} />
      </div>
      <span className="number line-amount">
        <span>× {String(quantity)}</span>
        {sum !== undefined && <span>{formatMoney(sum)}</span>}
      </span>
    </li>
  )
}
