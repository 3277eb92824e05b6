/** What is odd about an order's payments, and what a merchant can do about it. */

import { formatMoney, oddPaymentWords, type OrderPayments, type PaymentOddity } from 'cairn-relay/client'
import { useSyncExternalStore } from 'react'
import { guestText } from './guest-text.js'
import { keptNotes } from './kept-notes.js'
import { useOutcomes } from './outcomes.js'
import type { OrderRow } from './order-row.js'
import { nameOf } from './order-row.js'
import { needsNobody, SeenTo } from './seen-to.js'
import { Badge } from './shared.js'

const seenTo = new SeenTo(keptNotes())

export function useSeenTo(): SeenTo {
  useSyncExternalStore(seenTo.subscribe, seenTo.snapshot)
  return seenTo
}

export function OddPayments({ row }: { readonly row: OrderRow }) {
  const { payments } = row
  if (payments === undefined || payments.oddities.length === 0) return null
  return (
    <section className="odd noprint" aria-label="What needs a person">
      {payments.oddities.map((oddity, i) => (
        <OddPayment key={i} row={row} payments={payments} oddity={oddity} />
      ))}
      {payments.leftOut > 0 ? <p>{payments.leftOut} more are not shown: cairn orders --odd lists all.</p> : null}
    </section>
  )
}

interface OddProps {
  readonly row: OrderRow
  readonly payments: OrderPayments
  readonly oddity: PaymentOddity
}

function OddPayment({ row, payments: { order }, oddity }: OddProps) {
  const { kind, text, money, missing, place } = oddity
  const seen = useSeenTo()
  const isSeen = seen.has(order, oddity)
  const isCalm = isSeen || needsNobody(oddity)
  const { run } = useOutcomes()
  const words = oddPaymentWords(kind as Parameters<typeof oddPaymentWords>[0]) as
    ReturnType<typeof oddPaymentWords> | undefined
  const sums = [
    ...(money === undefined ? [] : [formatMoney(money)]),
    ...(missing === undefined ? [] : [`${formatMoney(missing)} missing`]),
  ]
  const details = [`Order ${nameOf(row)} (${order})`, kind, ...sums, place ?? '', text].filter((part) => part !== '')
  const copy = () =>
    run('Copy the details', () => navigator.clipboard.writeText(details.join('\n')).then(() => 'Copied.'), {
      reads: true,
    })
  const letter = letterTo(row, words?.guest ?? text)
  return (
    <article className={isCalm ? 'handled' : undefined}>
      <p>
        <Badge kind={isCalm ? 'calm' : 'bad'}>{kind}</Badge> <b>{sums.join(', ')}</b>
      </p>
      <p>{words?.merchant ?? text}</p>
      {words === undefined || words.merchant === text ? null : <p className="note">{text}</p>}
      {place === undefined ? null : <code>{place}</code>}
      <p className="row">
        {letter === undefined ? null : (
          <a className="like-button" href={letter}>
            Write to the guest
          </a>
        )}
        <button type="button" onClick={() => void copy()}>
          Copy details
        </button>
        <button
          type="button"
          aria-pressed={isSeen}
          onClick={() => seen.put(order, oddity, isSeen ? undefined : new Date().toISOString())}
        >
          {isSeen ? 'Seen to (on this device)' : 'Mark as seen to'}
        </button>
      </p>
    </article>
  )
}

/** A letter in the merchant's own mail program; undefined where the guest left no address. */
function letterTo(row: OrderRow, sentence: string): string | undefined {
  const address = row.order?.InvoiceAddress ?? row.order?.ShippingAddress
  if (address === undefined || address.EmailAddress.length > EMAIL_LETTERS_MAX) return undefined
  const subject = encodeURIComponent(`Your order ${nameOf(row)}`)
  const body = encodeURIComponent(`Dear ${guestText(address.Name)},\n\n${sentence}\n`)
  return `mailto:${encodeURIComponent(address.EmailAddress)}?subject=${subject}&body=${body}`
}

/** Longer ones there are not (RFC 5321 §4.5.3.1). */
const EMAIL_LETTERS_MAX = 254
