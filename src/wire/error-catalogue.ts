/**
 * All errors that a caller of the client library meets, of the relay and of the client: what each means, and what to do
 * now. docs/errors is made of this table, and whoever shows an error takes its remedy from here.
 *
 * Tests: test/wire/error-catalogue.test.ts
 */

import type { ErrorName } from './error-code.js'

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
    remedy: 'Look at the id; objectId names the listing or order where there is one.',
  },
  INVALID: {
    from: 'relay',
    means: 'The relay does not take this: a form, a state or a right is not as the protocol wants it.',
    remedy: 'Read the message, which names the place, and send something else; the same is refused again.',
  },
  NOT_AUTHENTICATED: {
    from: 'relay',
    means: 'A visitor asked for what only a key card may do.',
    remedy: 'Enrol a key card and connect with key.',
  },
  ALREADY_AUTHENTICATED: {
    from: 'relay',
    means: 'The session has logged in before.',
    remedy: 'Use the session as it is, or open another one.',
  },
  ALREADY_CONNECTED: {
    from: 'relay',
    means: 'The key card has another session that lives.',
    remedy: 'Close the other session, or give each tab and device a card of its own.',
  },
  TOO_MANY_CONCURRENT_REQUESTS: {
    from: 'relay',
    means: 'More is open at the relay than one session or card may have: requests, subscriptions, orders.',
    remedy: 'Wait for answers, or end what is open, then do it again.',
  },
  UNLINKED_KEYCARD: {
    from: 'relay',
    means: 'The key card was removed from the shop.',
    remedy: 'Enrol a new card with the wallet.',
  },
  MINIMUM_VERSION_NOT_REACHED: {
    from: 'relay',
    means: 'The relay wants a newer version of the protocol; cairn never says so.',
    remedy: 'Update the client library.',
  },
  OUT_OF_STOCK: {
    from: 'relay',
    means: 'Fewer pieces are free than the order wants.',
    remedy: 'Lower the quantity of the listing that objectId names, or take it out.',
  },
  SIMULATED: {
    from: 'relay',
    means: 'An error that was asked for by a test; cairn never says so.',
    remedy: 'Use a relay that simulates nothing.',
  },
  CLOSE_SUBSCRIPTION: {
    from: 'relay',
    means: 'The relay ended the subscription, for example because a snapshot took longer than it gives.',
    remedy: 'Nothing: the client begins again by itself.',
  },
  CONFLICT: {
    from: 'relay',
    means: 'Since ifSeq somebody else has written to the shop.',
    remedy: 'Read the shop again, decide again, and write with the new ifSeq.',
  },
  UNAVAILABLE: {
    from: 'relay',
    means: 'The relay cannot do it now: its disk is full, it shuts down, has too many sessions, or has lost its chain.',
    remedy: 'Do it again in a while; if it stays, tell the operator of the relay.',
  },
} as const satisfies Record<Exclude<ErrorName, 'UNSPECIFIED'>, ErrorEntry>

const OF_HTTP = {
  RATE_LIMITED: {
    from: 'relay',
    means: 'The relay was asked too often in a short time.',
    remedy: 'Wait for retryAfter seconds, then do it again.',
  },
  CARD_TAKEN: {
    from: 'relay',
    means: 'The key card is enrolled already, or belongs to another shop.',
    remedy: 'Connect with the card as it is, or make a new one with makeKeyCard.',
  },
  NO_RIGHT: {
    from: 'relay',
    means: 'The wallet neither owns the shop nor works for it.',
    remedy: 'Enrol as a guest, or with the wallet of the owner or of a clerk.',
  },
  ENROLMENT_INVALID: {
    from: 'relay',
    means: 'The relay does not take the signed message of an enrolment.',
    remedy: 'Read the message; mostly the page has another host than the relay knows, or the shop does not exist.',
  },
  REFUSED: {
    from: 'relay',
    means: 'The relay refuses with a code or status that this version of the library does not know.',
    remedy: 'Read the message, and update the client library.',
  },
} as const satisfies Record<string, ErrorEntry>

const OF_THE_CLIENT = {
  USAGE: {
    from: 'client',
    means: 'An argument is missing or malformed; nothing was sent.',
    remedy: 'Mend the argument that path names.',
  },
  NEEDS_KEY: {
    from: 'client',
    means: 'A visitor called what only a key card may do; nothing was sent.',
    remedy: 'Enrol a key card and connect with key.',
  },
  NEEDS_VERSION_5: {
    from: 'client',
    means: 'The relay speaks version 4 of the protocol, which proves no such thing; nothing was sent.',
    remedy: 'Do without, or use a relay of version 5.',
  },
  NOT_DEVELOPMENT: {
    from: 'client',
    means: "relay: 'development' was asked of a relay that is not in development mode.",
    remedy: "Give the relay's address, which its operator publishes.",
  },
  NOT_SUBSCRIBED: {
    from: 'client',
    means: 'What is needed is no part of the subscription.',
    remedy: 'Name it in only of connect, or leave only out.',
  },
  UNREAD: {
    from: 'client',
    means: 'Sets came faster than the iterator of sets() was read.',
    remedy: 'Read them as they come, or begin anew and read the objects instead.',
  },
  ABORTED: {
    from: 'client',
    means: "The call's signal was aborted.",
    remedy: 'Nothing: whoever aborted knows why.',
  },
  CLOSED: {
    from: 'client',
    means: 'The client was closed before.',
    remedy: 'Connect again.',
  },
  DISCONNECTED: {
    from: 'client',
    means: 'There is no connection now, or it ended before the answer; a read is lost, nothing was changed.',
    remedy: 'Do it again once the state is connected: the client comes back by itself.',
  },
  OUTCOME_UNKNOWN: {
    from: 'client',
    means: 'The connection ended before a write was answered: it may have been applied.',
    remedy: 'Look at the object before you write again.',
  },
  UNREACHABLE: {
    from: 'client',
    means: 'Nothing answers at the address.',
    remedy: 'Look at the url and the network, and whether the relay runs; then do it again.',
  },
  NO_WEBSOCKET: {
    from: 'client',
    means: 'The relay answers, and a WebSocket to it does not open.',
    remedy: 'Do it again; if it stays, look at what stands between: a proxy has to let WebSockets through.',
  },
  NOT_A_RELAY: {
    from: 'client',
    means: 'Something answers at the address, and it is no relay.',
    remedy: 'Look at the url: it has to be that of the relay, not of a page.',
  },
  TIMEOUT: {
    from: 'client',
    means: 'The relay did not answer in time.',
    remedy: 'Do it again; if it stays, tell the operator of the relay.',
  },
  ANSWER_TOO_LARGE: {
    from: 'client',
    means: 'An answer is longer than a client takes.',
    remedy: 'Ask for less; no relay of cairn answers so.',
  },
  VERIFICATION_FAILED: {
    from: 'client',
    means: 'What came does not match its signature or proof; nothing is taken from the relay any more.',
    remedy: 'Do not trust what it shows; keep the message, and tell the merchant.',
  },
  TOTAL_MISMATCH: {
    from: 'client',
    means: 'The relay asks for another total than the prices lead to.',
    remedy: 'Do not pay; tell the merchant both numbers, which the message names.',
  },
  PAYMENT_MISMATCH: {
    from: 'client',
    means: 'The payment that the relay asks for does not follow from what was chosen.',
    remedy: 'Do not pay; tell the merchant.',
  },
} as const satisfies Record<string, ErrorEntry>

export const ERROR_CATALOGUE = { ...OF_THE_WIRE, ...OF_HTTP, ...OF_THE_CLIENT } as const

export type ErrorCatalogueCode = keyof typeof ERROR_CATALOGUE
