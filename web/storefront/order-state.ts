/** How it stands with an order, for its guest. Pure. */

import {
  CANCELED,
  COMMITTED,
  oddPaymentWords,
  orderWords,
  PAID,
  secondsLeft,
  UNPAID,
  type OddPayment,
  type Order,
} from 'cairn-relay/client'

export interface Standing {
  /** A word or two; of a state that has no more to it, the one that everybody sees. */
  readonly name: string
  /** One sentence. */
  readonly text: string
  readonly tone: 'waits' | 'good' | 'over' | 'odd'
  /** Whether it may be paid now. */
  readonly isPayable: boolean
  /** It is paid in part, and there is time for the rest. */
  readonly isRestDue?: boolean
}

export interface Seen {
  /** Seconds since 1970. */
  readonly now: bigint
  /** Something of it waits to be sent. */
  readonly isPending: boolean
  /** What the chain shows of its payments that is odd. */
  readonly odd?: OddPayment | undefined
  /** This browser sent a payment that the shop has not seen yet. */
  readonly isSent?: boolean
}

const PENDING: Standing = {
  name: 'Pending',
  text: 'It waits in this browser, and is sent once, as soon as the shop answers. Nothing is reserved until then.',
  tone: 'waits',
  isPayable: false,
}

export function standingOf(order: Order, { now, isPending, odd, isSent = false }: Seen): Standing {
  if (isPending) return PENDING
  const { State, CanceledAt, TxDetails } = order
  const { title: name, guest: text } = orderWords(order)
  const isOver = State === CANCELED || CanceledAt !== undefined
  if (isOver && TxDetails !== undefined) return { name: 'Paid too late', text, tone: 'odd', isPayable: false }
  if (isOver) return { name: CANCELED_TITLE, text, tone: 'over', isPayable: false }
  const isLate = secondsLeft(order, now) === 0n
  if (odd !== undefined && (State === PAID || State === UNPAID)) {
    const isRestDue = odd === 'partial' && !isLate
    const words = odd === 'partial' && isLate ? PARTLY_LATE : oddPaymentWords(odd).guest
    return { name: ODD_NAMES[odd] ?? name, text: words, tone: 'odd', isPayable: false, isRestDue }
  }
  if (State === PAID) return { name, text, tone: 'good', isPayable: false }
  if (isSent) return { name: 'Sent', text: SENT, tone: 'waits', isPayable: false }
  if (isLate) return { name: 'Too late', text: EXPIRED, tone: 'over', isPayable: false }
  return { name, text, tone: 'waits', isPayable: State === COMMITTED || State === UNPAID }
}

/** Of one that is being canceled too. */
const CANCELED_TITLE = 'Canceled'
const SENT = 'Your payment is on its way. The shop waits until the chain shows it, which takes a moment.'
const EXPIRED = 'The time to pay is over: pay nothing for it any more. Order again if you still want it.'
const PARTLY_LATE =
  'Less came than was due, and the time to pay is over: send nothing more, ask the merchant for it back.'
const ODD_NAMES: Partial<Readonly<Record<OddPayment, string>>> = {
  partial: 'Paid in part',
  over: 'Paid too much',
  extra: 'Paid twice',
}
