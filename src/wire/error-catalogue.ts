/**
 * All errors that a caller of the client library meets, of the relay and of the client: what each means, and what to do
 * now. docs/errors is made of this table.
 *
 * Tests: test/wire/error-catalogue.test.ts
 */

import type { ErrorName } from './error-code.js'
import { ERROR_REMEDIES, type ErrorCatalogueCode } from './error-remedies.js'

export { type ErrorCatalogueCode } from './error-remedies.js'

/** What there is to know of a code, for people. */
export interface ErrorEntry {
  /** Who decides it: the relay, with a code on the wire or a status of HTTP, or the client by itself. */
  readonly from: 'relay' | 'client'
  /** What happened: one sentence. */
  readonly means: string
  /** What to do now: one sentence. */
  readonly remedy: string
}

const OF_THE_WIRE = {
  NOT_FOUND: {
    from: 'relay',
    means: 'The shop, the object or the place in it that is meant is not there, or not for this caller.',
  },
  INVALID: {
    from: 'relay',
    means: 'The relay does not take this: a form, a state or a right is not as the protocol wants it.',
  },
  NOT_AUTHENTICATED: {
    from: 'relay',
    means: 'A visitor asked for what only a key card may do.',
  },
  ALREADY_AUTHENTICATED: {
    from: 'relay',
    means: 'The session has logged in before.',
  },
  ALREADY_CONNECTED: {
    from: 'relay',
    means: 'The key card has another session that lives.',
  },
  TOO_MANY_CONCURRENT_REQUESTS: {
    from: 'relay',
    means: 'More is open at the relay than one session or card may have: requests, subscriptions, orders.',
  },
  UNLINKED_KEYCARD: {
    from: 'relay',
    means: 'The key card was removed from the shop.',
  },
  MINIMUM_VERSION_NOT_REACHED: {
    from: 'relay',
    means: 'The relay wants a newer version of the protocol; cairn never says so.',
  },
  OUT_OF_STOCK: {
    from: 'relay',
    means: 'Fewer pieces are free than the order wants.',
  },
  SIMULATED: {
    from: 'relay',
    means: 'An error that was asked for by a test; cairn never says so.',
  },
  CLOSE_SUBSCRIPTION: {
    from: 'relay',
    means: 'The relay ended the subscription, for example because a snapshot took longer than it gives.',
  },
  CONFLICT: {
    from: 'relay',
    means: 'Since ifSeq somebody else has written to the shop.',
  },
  UNAVAILABLE: {
    from: 'relay',
    means: 'The relay cannot do it now: its disk is full, it starts or shuts down, or has too many sessions.',
  },
} as const satisfies Record<Exclude<ErrorName, 'UNSPECIFIED'>, ErrorMeaning>

const OF_HTTP = {
  RATE_LIMITED: {
    from: 'relay',
    means: 'The relay was asked too often in a short time.',
  },
  CHAIN_UNREACHABLE: {
    from: 'relay',
    means: 'The relay cannot ask the chain on which the shop is registered, and enrols nobody until it can.',
  },
  CARD_TAKEN: {
    from: 'relay',
    means: 'The key card is enrolled already, or belongs to another shop.',
  },
  NO_RIGHT: {
    from: 'relay',
    means: 'The wallet neither owns the shop nor works for it.',
  },
  ENROLMENT_INVALID: {
    from: 'relay',
    means: 'The relay does not take the signed message of an enrolment.',
  },
  ORIGIN_REFUSED: {
    from: 'relay',
    means: 'The relay answers only pages of origins that its operator allows, and this page is of another.',
  },
  REFUSED: {
    from: 'relay',
    means: 'The relay refuses with a code or status that this version of the library does not know.',
  },
} as const satisfies Record<string, ErrorMeaning>

const OF_THE_CLIENT = {
  USAGE: {
    from: 'client',
    means: 'An argument is missing or malformed; nothing was sent.',
  },
  NEEDS_KEY: {
    from: 'client',
    means: 'A visitor called what only a key card may do; nothing was sent.',
  },
  VARIATION_MISSING: {
    from: 'client',
    means: 'A line of a cart or an order is of a listing with options, and of one nothing is chosen; nothing was sent.',
  },
  VARIATION_TWICE: {
    from: 'client',
    means: 'A line of a cart or an order has two variations of one option; nothing was sent.',
  },
  PRICE_CHANGED: {
    from: 'client',
    means: 'The total is another than the one that the guest agreed to; nothing was ordered or paid.',
  },
  CHECKOUT_PENDING: {
    from: 'client',
    means: 'The cart was checked out before, and its order waits for the relay; nothing was sent.',
  },
  NEEDS_VERSION_5: {
    from: 'client',
    means: 'The relay speaks version 4 of the protocol, which proves no such thing; nothing was sent.',
  },
  NOT_DEVELOPMENT: {
    from: 'client',
    means: "relay: 'development' was asked of a relay that is not in development mode.",
  },
  NOT_SUBSCRIBED: {
    from: 'client',
    means: 'What is needed is no part of the subscription.',
  },
  UNREAD: {
    from: 'client',
    means: 'Sets came faster than the iterator of sets() was read.',
  },
  ABORTED: {
    from: 'client',
    means: "The call's signal was aborted.",
  },
  CLOSED: {
    from: 'client',
    means: 'The client was closed before.',
  },
  DISCONNECTED: {
    from: 'client',
    means: 'There is no connection now, or it ended before the answer; a read is lost, nothing was changed.',
  },
  OUTCOME_UNKNOWN: {
    from: 'client',
    means: 'The connection ended before a write was answered: it may have been applied.',
  },
  UNREACHABLE: {
    from: 'client',
    means: 'Nothing answers at the address.',
  },
  NO_WEBSOCKET: {
    from: 'client',
    means: 'The relay answers, and a WebSocket to it does not open.',
  },
  NOT_A_RELAY: {
    from: 'client',
    means: 'Something answers at the address, and it is no relay.',
  },
  TIMEOUT: {
    from: 'client',
    means: 'The relay did not answer in time.',
  },
  ANSWER_TOO_LARGE: {
    from: 'client',
    means: 'An answer is longer than a client takes.',
  },
  VERIFICATION_FAILED: {
    from: 'client',
    means: 'What came does not match its signature or proof; nothing is taken from the relay any more.',
  },
  TOTAL_MISMATCH: {
    from: 'client',
    means: 'The relay asks for another total than the prices lead to.',
  },
  LISTING_MISMATCH: {
    from: 'client',
    means: 'The relay priced the order by another listing than the shop has.',
  },
  PAYMENT_MISMATCH: {
    from: 'client',
    means: 'The payment that the relay asks for does not follow from what was chosen.',
  },
} as const satisfies Record<string, ErrorMeaning>

type ErrorMeaning = Pick<ErrorEntry, 'from' | 'means'>

const MEANINGS: Readonly<Record<ErrorCatalogueCode, ErrorMeaning>> = { ...OF_THE_WIRE, ...OF_HTTP, ...OF_THE_CLIENT }

/** All codes. */
export const ERROR_CODES = Object.keys(MEANINGS) as readonly ErrorCatalogueCode[]

/**
 * What the catalogue says of a code.
 *
 * @example
 * ```ts
 * import { explainError } from 'cairn-relay/errors'
 *
 * const { from, means, remedy } = explainError('OUT_OF_STOCK')
 * console.log(from, means) // relay Fewer pieces are free than the order wants.
 * console.log(remedy) // Lower the quantity of the listing that objectId names, or take it out.
 * ```
 */
export function explainError(code: ErrorCatalogueCode): ErrorEntry {
  return { ...MEANINGS[code], remedy: ERROR_REMEDIES[code] }
}
