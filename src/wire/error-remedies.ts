/**
 * What to do now about an error, by its code: all that an error itself needs of the catalogue (error-catalogue.ts).
 *
 * Tests: test/wire/error-catalogue.test.ts
 */

export const ERROR_REMEDIES = {
  NOT_FOUND: 'Look at the id; objectId names the listing or order where there is one.',
  INVALID: 'Read the message, and send something else; the same is refused again.',
  NOT_AUTHENTICATED: 'Enrol a key card and connect with key.',
  ALREADY_AUTHENTICATED: 'Use the session as it is, or open another one.',
  ALREADY_CONNECTED: 'Close the other session. In a page connect with outbox: then the tabs of one card take turns.',
  TOO_MANY_CONCURRENT_REQUESTS: 'Wait for answers, or end what is open, then do it again.',
  UNLINKED_KEYCARD: 'Enrol a new card with the wallet.',
  MINIMUM_VERSION_NOT_REACHED: 'Update the client library.',
  OUT_OF_STOCK: 'Lower the quantity of the listing that objectId names, or take it out.',
  SIMULATED: 'Use another relay.',
  CLOSE_SUBSCRIPTION: 'Nothing: the client begins again by itself.',
  CONFLICT: 'Read the shop again, decide again, and write with the new ifSeq.',
  UNAVAILABLE: 'Do it again in a while; if it stays, tell the operator of the relay.',
  RATE_LIMITED: 'Wait for retryAfter seconds, then do it again.',
  CHAIN_UNREACHABLE: 'Do it again in a while; if it stays, tell the operator of the relay to look at its RPC endpoint.',
  CARD_TAKEN: 'Connect with the card as it is, or make a new one with makeKeyCard.',
  NO_RIGHT: 'Enrol as a guest, or with the wallet of the owner or of a clerk.',
  ENROLMENT_INVALID: 'Read the message; mostly the page has another host than the relay knows.',
  ORIGIN_REFUSED: 'Ask the operator of the relay to add the origin of the page to --allowed-origins.',
  REFUSED: 'Read the message, and update the client library.',
  USAGE: 'Mend the argument that path names.',
  NEEDS_KEY: 'Enrol a key card and connect with key.',
  VARIATION_MISSING: 'Name a variation of each option that the message names.',
  VARIATION_TWICE: 'Name one variation of each option.',
  PRICE_CHANGED: 'Show both totals, and ask again with the new one.',
  CHECKOUT_PENDING: 'Wait for the order that objectId names; clear() begins another cart.',
  NEEDS_VERSION_5: 'Do without, or use a relay of version 5.',
  NOT_DEVELOPMENT: "Give the relay's address, which its operator publishes.",
  NOT_SUBSCRIBED: 'Name it in only of connect, or leave only out.',
  UNREAD: 'Read them as they come, or objects instead.',
  ABORTED: 'Nothing: whoever aborted knows why.',
  CLOSED: 'Connect again.',
  DISCONNECTED: 'Do it again once the state is connected: the client comes back by itself.',
  OUTCOME_UNKNOWN: 'Look at the object before you write again.',
  UNREACHABLE: 'Look at the url, http or https too, at the network, and whether the relay runs; then do it again.',
  NO_WEBSOCKET: 'Do it again; if it stays, a proxy between has to let WebSockets through.',
  NOT_A_RELAY: 'Look at the url: it has to be that of the relay, not of a page.',
  TIMEOUT: 'Do it again; if it stays, tell the operator of the relay.',
  ANSWER_TOO_LARGE: 'Ask for less.',
  VERIFICATION_FAILED: 'Do not trust what it shows; keep the message, and tell the merchant.',
  TOTAL_MISMATCH: 'Do not pay; tell the merchant both numbers of the message.',
  LISTING_MISMATCH: 'Do not pay; tell the merchant both hashes of the message.',
  PAYMENT_MISMATCH: 'Do not pay; tell the merchant.',
} as const

/** The codes of all errors, on the wire, in programs and on the command line. */
export type ErrorCatalogueCode = keyof typeof ERROR_REMEDIES
