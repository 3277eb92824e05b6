/** What went wrong, in the words of somebody who buys. Pure. */

import { ClientError, type ClientErrorCode, type QuoteProblemCode, type RefusedWrite } from 'cairn-relay/client'
import { NO_HASH, NOT_DUE, OTHER_CHAIN, WRONG_CHAIN } from './paying.js'

type Code = ClientErrorCode

const AWAY = 'The shop does not answer. Nothing is lost: your cart stays here, try again in a moment.'
const MISMATCH = 'What the shop asks for does not follow from its own prices. Do not pay.'

/** Those that say nothing of a listing. */
const WORDS: Partial<Readonly<Record<Code, string>>> = {
  UNREACHABLE: AWAY,
  DISCONNECTED: AWAY,
  TIMEOUT: 'The shop takes too long to answer. Look again in a moment before you try once more.',
  NO_WEBSOCKET: 'Something between you and the shop lets no live connection through: another network may help.',
  UNAVAILABLE: 'The shop cannot do that just now. Try again in a few minutes; if it stays so, tell the merchant.',
  CHAIN_UNREACHABLE:
    'The shop cannot reach its chain just now, and takes nobody new until it can. Try again in a few minutes.',
  CARD_TAKEN: 'The key of this browser was taken a moment ago. Try again.',
  TOO_MANY_CONCURRENT_REQUESTS:
    'That is more than one guest may do at once. Wait a little, or pay or cancel an open order first.',
  ALREADY_CONNECTED: 'Your key is in use on another device. Close the shop there first.',
  UNLINKED_KEYCARD: 'The shop does not know the key of this browser any more.',
  OUTCOME_UNKNOWN: 'Nobody can tell whether the shop took it. Look at your orders before you try again.',
  VERIFICATION_FAILED: 'What the shop sent does not verify. Do not buy here.',
  TOTAL_MISMATCH: MISMATCH,
  LISTING_MISMATCH: MISMATCH,
  PAYMENT_MISMATCH: 'What the shop asks to be paid is not what you chose. Do not pay.',
  ENROLMENT_INVALID:
    'The shop did not take the signature: it may know itself by another address than that of this page. Try again; ' +
    'if it stays so, tell the merchant.',
  NO_RIGHT: 'The shop does not take this wallet. Order without one.',
  INVALID: 'The shop does not take it like this. Look over what you chose, or ask the merchant.',
  NOT_FOUND: 'It is not there any more.',
  CONFLICT: 'The shop changed in the meantime. Look again, and try once more.',
  NOT_A_RELAY: AWAY,
  VARIATION_MISSING: 'Something in your cart comes in several kinds. Take it out, and choose which one you want.',
  VARIATION_TWICE: 'Of something in your cart two kinds are chosen. Take it out, and choose one of them.',
  PRICE_CHANGED: 'The total is another one now, and nothing is bought or paid for it. Look at both, and agree or not.',
  CHECKOUT_PENDING: 'You have ordered this already. It is sent as soon as the shop answers: look at your orders.',
  CLOSED: 'The page moved on before the shop answered. What you ordered is kept, and sent when it can be.',
}

const CLOCK = 'The clock of this device may be wrong. Set it right, and load this page again.'
const UNKNOWN = 'Something went wrong. Reload this page, and try again; if it stays, tell the merchant.'

/** Of wallets (EIP-1193, EIP-1474). */
const WALLET_WORDS: Readonly<Record<number, string>> = {
  4001: 'You declined in the wallet. Nothing was sent.',
  4100: 'The wallet does not let this page ask. Allow it there, and try again.',
  4900: 'The wallet is not connected to its network.',
  4901: 'The wallet is not connected to the chain of this shop.',
  4902: 'The wallet does not know the chain of this shop.',
  [-32_002]: 'The wallet is asking you already: look there.',
}

/** Nothing of what relay and client say: that is for who makes pages. `titleOf`: of a listing, where it is known. */
export function problemWords(error: unknown, titleOf: (listing: bigint) => string | undefined): string {
  if (!(error instanceof ClientError)) return walletWords(error)
  const { code, objectId, path, retryAfter } = error
  if (futureOf(error) !== undefined) return CLOCK
  if (objectId !== undefined || code === 'OUT_OF_STOCK') {
    const words = listingWords(code, objectId === undefined ? undefined : titleOf(objectId))
    if (words !== undefined) return words
  }
  if (code === 'RATE_LIMITED') return `That was a little fast: try again in ${retryAfter ?? 1} s.`
  if (code === 'USAGE' && path?.startsWith('address.') === true) return addressWords(path)
  return WORDS[code] ?? UNKNOWN
}

/** Whether it is over once the shop answers again. */
export function isOfConnection(error: unknown): boolean {
  return error instanceof ClientError && AWAY_CODES.has(error.code)
}

const AWAY_CODES: ReadonlySet<Code> = new Set([
  'UNREACHABLE',
  'DISCONNECTED',
  'NOT_A_RELAY',
  'NO_WEBSOCKET',
  'UNAVAILABLE',
])

/**
 * Whether the relay does not know the card that asks. It is asked about the card first, and it knows none of a shop
 * that it does not know.
 */
export function isOfUnknownCard(error: unknown): boolean {
  return error instanceof ClientError && (error.code === 'UNLINKED_KEYCARD' || error.code === 'NOT_FOUND')
}

/** Whether the relay has no such shop: to a visitor, who has no card that it could not know. */
export function isOfNoShop(
  { state, error }: { readonly state: string; readonly error: unknown },
  card: Uint8Array | undefined,
): boolean {
  const isRefused = state === 'needs-auth' || state === 'failed'
  return isRefused && card === undefined && error instanceof ClientError && error.code === 'NOT_FOUND'
}

/** Whether another address may mend it. */
export function isOfAddress(code: QuoteProblemCode): boolean {
  return code === 'NO_ADDRESS' || code === 'NO_REGION' || code === 'COUNTRY_UNKNOWN'
}

/** Of a field of the address that the shop does not take. */
function addressWords(path: string): string {
  if (path === 'address.Country') return 'The shop does not know this country. Choose another one, or ask the merchant.'
  return 'Something in the address is missing, or is not as it should be. Look over it once more.'
}

/** The same of a write that was kept: which listing it was about stands in the relay's words alone. */
export function refusalWords(
  { code, message }: Pick<RefusedWrite, 'code' | 'message'>,
  titleOf: (listing: bigint) => string | undefined,
): string {
  const id = /\b[Ll]istings?[ /](\d{1,20})\b/u.exec(message)?.[1]
  return problemWords(new ClientError(code, message, { objectId: id === undefined ? undefined : BigInt(id) }), titleOf)
}

/** Of a connection that ended for good: whether the relay is to blame, the clock may be, or neither. */
export function blameFor(error: unknown): 'relay' | 'clock' | 'nobody' {
  if (futureOf(error) !== undefined) return 'clock'
  return error instanceof ClientError && error.code !== 'VERIFICATION_FAILED' ? 'nobody' : 'relay'
}

/** The time of a checkpoint that is refused because it is ahead of this device's; undefined for other errors. */
export function futureOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { name, code, found } = error as Error & { readonly code?: unknown; readonly found?: unknown }
  if (name === 'CheckpointError' && code === 'future' && typeof found === 'string') return found
  return futureOf(error.cause)
}

function listingWords(code: Code, title: string | undefined): string | undefined {
  const subject = title ?? 'Something that you want'
  if (code === 'OUT_OF_STOCK') return `${subject}: there are not as many left as you want. Take fewer, or none.`
  if (code === 'VARIATION_MISSING') return `${subject}: choose which kind you want, and put it into the cart again.`
  if (code === 'VARIATION_TWICE') return `${subject}: two kinds are chosen. Choose one, and put it into the cart again.`
  if (code === 'NOT_FOUND') return `${subject}: it is not sold any more. Take it out of the cart.`
  return undefined
}

function walletWords(error: unknown): string {
  const { code, message = '' } = (error ?? {}) as { readonly code?: unknown; readonly message?: string }
  if (typeof code === 'number' && WALLET_WORDS[code] !== undefined) return WALLET_WORDS[code]
  if (message.startsWith(OTHER_CHAIN)) return 'This page cannot pay on the chain of that money. Choose another one.'
  if (message.startsWith(WRONG_CHAIN))
    return 'The wallet stays on another chain, and nothing was sent. Change the chain there.'
  if (message === NOT_DUE) return 'The order changed in the meantime, and nothing was paid. Look at it again.'
  if (message === NO_HASH) return 'The wallet does not say what it sent. Look there before you pay again.'
  if (/paid already/iu.test(message)) return 'It is paid already: wait until the shop sees it.'
  if (/too late/iu.test(message)) return 'The time to pay is over. Order again if you still want it.'
  if (/insufficient|exceeds? (?:the )?balance/iu.test(message)) return 'There is not enough money in this wallet.'
  const said = firstLine(message)
  return said === '' ? 'The wallet does not say what went wrong.' : `The wallet says: ${said}`
}

/** Of what a wallet says at length. */
function firstLine(message: string): string {
  const [line = ''] = message.trim().split('\n')
  return line.length > WALLET_CHARS_MAX ? `${line.slice(0, WALLET_CHARS_MAX)}…` : line
}

const WALLET_CHARS_MAX = 160

/** How it stands with the connection, where there is something to say. `isGuest`: his orders wait, and are sent. */
export function connectionWords(
  { state, error }: { readonly state: string; readonly error: Error | undefined },
  { isHere, isGuest }: { readonly isHere: boolean; readonly isGuest: boolean },
): string | undefined {
  if (state === 'connected' || state === 'failed' || state === 'closed') return undefined
  if (!isHere) return 'You use this shop in another tab, and there it goes on. Click here, and it goes on here.'
  if (error === undefined) return undefined
  const code = error instanceof ClientError ? error.code : undefined
  if (code === 'ALREADY_CONNECTED' || code === 'NO_WEBSOCKET') return WORDS[code]
  // The page itself says so, in its place.
  if (code === 'NOT_FOUND') return undefined
  const stays = isGuest ? 'What you order now is sent once, when it is back.' : 'Your cart is kept.'
  return `The shop ${(code && AWAY_WHY[code]) ?? 'does not answer'}. You see it as it was. ${stays}`
}

const AWAY_WHY: Partial<Readonly<Record<Code, string>>> = {
  UNAVAILABLE: 'cannot be used just now',
  RATE_LIMITED: 'was asked too often from your network',
}
