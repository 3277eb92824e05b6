/** Enrolment of a key card (PROTOCOL §9): one readable wallet signature, ever. */

import { isPublicKey, publicKeyOf } from '#signature'
import { toHex } from '../bytes/hex.js'
import { isSecretKey } from '../bytes/signature-form.js'
import { enrolmentStatement } from '../wire/enrolment-statement.js'
import { aborted, ClientError, rateLimited, noRelayAt, usage, type ClientErrorCode } from './client-error.js'
import { checkShop, checkUrl } from './place-arguments.js'

export { ClientError, type ClientErrorCode } from './client-error.js'
export { inviteLink, readInviteLink, type Invite } from './invite-link.js'

/** What `enrol` takes: which card of which wallet, for which shop. */
export interface EnrolOptions {
  /** http(s) address of the relay. */
  readonly url: string
  readonly shop: bigint
  /** The card's compressed public key, 33 bytes. */
  readonly card: Uint8Array
  readonly wallet: Wallet
  /** A guest needs no right to the shop. The message says which: signed for a guest it enrols no other card. */
  readonly guest?: boolean
  readonly signal?: AbortSignal
}

/**
 * What signs an enrolment: an account of viem is one; a page makes one of the wallet of its visitor (EIP-1193,
 * `personal_sign`).
 */
export interface Wallet {
  /** With 0x; the letter case is shown to whoever signs. */
  readonly address: string
  /** EIP-191 over the text; 65 bytes, or 0x and 130 digits. */
  signMessage(input: { message: string }): Promise<string>
}

/** A device's key in a shop. */
export interface KeyCard {
  /** 32 bytes, for `connect`; it stays on the device. */
  readonly secret: Uint8Array
  /** Compressed, 33 bytes, for `enrol`. */
  readonly publicKey: Uint8Array
}

/** What a relay tells of itself (`GET /`). */
export interface RelayDescription {
  readonly name: string
  readonly version: string
  readonly relay_address: string
  readonly relay_token_id: string
  readonly chain_id: number
}

/**
 * A new card, not enrolled yet. `fill` fills the array with random bytes; the platform's source if left out.
 *
 * @example
 * ```ts
 * import { makeKeyCard } from 'cairn-relay/enrol'
 *
 * const { secret, publicKey } = makeKeyCard()
 * console.log(secret.length, publicKey.length) // 32 33
 * ```
 */
export function makeKeyCard(
  fill: (bytes: Uint8Array<ArrayBuffer>) => unknown = (bytes) => crypto.getRandomValues(bytes),
): KeyCard {
  const secret = new Uint8Array(32)
  do fill(secret)
  while (!isSecretKey(secret))
  return { secret, publicKey: publicKeyOf(secret) }
}

/**
 * Throws ClientError: USAGE, ENROLMENT_INVALID, NO_RIGHT, CARD_TAKEN, NOT_FOUND, CHAIN_UNREACHABLE, RATE_LIMITED,
 * UNAVAILABLE, each with the relay's reason, UNREACHABLE, NOT_A_RELAY, ORIGIN_REFUSED, ABORTED.
 *
 * @example
 * ```ts
 * import { enrol, makeKeyCard, type Wallet } from 'cairn-relay/enrol'
 *
 * export async function newGuest(wallet: Wallet): Promise<Uint8Array> {
 *   const { secret, publicKey: card } = makeKeyCard()
 *   await enrol({ url: 'https://relay.example', shop: 1n, card, wallet, guest: true })
 *   return secret
 * }
 * ```
 */
export async function enrol(options: EnrolOptions): Promise<void> {
  checkEnrolOptions(options)
  const facts = await relayDescription(options.url, options.signal)
  const target = new URL('/v4/enroll_key_card', options.url)
  if (options.guest) target.searchParams.set('guest', '1')
  const message = enrolmentMessage(options, facts, target)
  const signature = await options.wallet.signMessage({ message })
  const response = await call(
    target.href,
    { method: 'POST', body: JSON.stringify({ message, signature: base64OfHex(signature) }) },
    options.signal,
  )
  if (response.status === 201) return
  const { error, code: told } = (await response.json().catch(() => ({}))) as { error?: string; code?: unknown }
  const reason = error ?? `the relay answers ${response.status}`
  if (response.status === 429) throw rateLimited(reason, response.headers.get('retry-after'))
  const code = TOLD.find((one) => one === told) ?? CODES.get(response.status) ?? 'REFUSED'
  const remedy = code === 'ENROLMENT_INVALID' && /host|domain/u.test(reason) ? HOST_REMEDY : undefined
  throw new ClientError(code, reason, { remedy })
}

/** Through a tunnel or a proxy a relay is called by a name that it does not know. */
const HOST_REMEDY =
  'Call the relay by the address that it knows as its own, or tell it the one that is called: ' +
  '--public-url of cairn serve.'

/** What a relay tells beside a status that has several causes. */
const TOLD = ['NOT_FOUND', 'CHAIN_UNREACHABLE'] as const
const CODES: ReadonlyMap<number, ClientErrorCode> = new Map([
  [400, 'ENROLMENT_INVALID'],
  [403, 'NO_RIGHT'],
  [409, 'CARD_TAKEN'],
  [503, 'UNAVAILABLE'],
])

/** Throws ClientError USAGE, before anything is sent and the wallet is asked. */
function checkEnrolOptions({ url, shop, card, wallet }: Partial<EnrolOptions> = {}): void {
  checkUrl(url)
  checkShop(shop)
  if (!(card instanceof Uint8Array && isPublicKey(card)))
    throw usage('options.card', 'it is no compressed public key of 33 bytes', 'Give publicKey of makeKeyCard.')
  if (typeof wallet?.signMessage !== 'function' || !/^0x[0-9a-f]{40}$/iu.test(wallet.address))
    throw usage('options.wallet', 'it is no wallet', 'Give an object with address (0x…) and signMessage({ message }).')
}

/**
 * Throws ClientError USAGE, UNREACHABLE, NOT_A_RELAY, UNAVAILABLE, ORIGIN_REFUSED, ABORTED.
 *
 * @example
 * ```ts
 * import { relayDescription } from 'cairn-relay/enrol'
 *
 * export async function chainOf(url: string): Promise<number> {
 *   return (await relayDescription(url)).chain_id
 * }
 * ```
 */
export async function relayDescription(url: string, signal?: AbortSignal): Promise<RelayDescription> {
  checkUrl(url)
  const response = await call(new URL('/', url).href, {}, signal)
  if (response.status === 503)
    throw new ClientError('UNAVAILABLE', `the relay at ${new URL(url).origin} does not serve now`)
  const facts = (await response.json().catch(() => undefined)) as
    (Partial<RelayDescription> & { readonly error?: unknown }) | undefined
  if (signal?.aborted) throw aborted(signal)
  if (response.status === 403 && typeof facts?.error === 'string') throw new ClientError('ORIGIN_REFUSED', facts.error)
  if (typeof facts?.relay_token_id !== 'string' || typeof facts.chain_id !== 'number')
    throw new ClientError('NOT_A_RELAY', `what answers at ${new URL(url).origin} is no relay`)
  return facts as RelayDescription
}

/**
 * EIP-4361, as the wallet shows it: in a page with the page's host, which browsers tell the relay (Referer, Origin),
 * else with the relay's.
 */
function enrolmentMessage(
  { shop, card, wallet, guest = false }: EnrolOptions,
  facts: RelayDescription,
  target: URL,
): string {
  const { host, origin } = pageLocation() ?? target
  return [
    `${host} wants you to sign in with your Ethereum account:`,
    wallet.address,
    '',
    enrolmentStatement(shop, guest),
    '',
    `URI: ${origin}${target.pathname}`,
    'Version: 1',
    `Chain ID: ${facts.chain_id}`,
    'Nonce: 00000000',
    `Issued At: ${new Date().toISOString()}`,
    'Resources:',
    `- mass-relayid:${BigInt(facts.relay_token_id)}`,
    `- mass-shopid:${shop}`,
    `- mass-keycard:${toHex(card)}`,
  ].join('\n')
}

/** Undefined outside a page, and in one without a host: a file, a sandbox. */
function pageLocation(): URL | undefined {
  const { location } = globalThis as { readonly location?: { readonly origin?: string } }
  const origin = location?.origin ?? ''
  return /^https?:/u.test(origin) ? new URL(origin) : undefined
}

async function call(url: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { ...init, ...(signal && { signal }) })
  } catch (error) {
    if (signal?.aborted) throw aborted(signal)
    throw noRelayAt(url, error)
  }
}

function base64OfHex(signature: string): string {
  const digits = signature.replace(/^0x/u, '')
  let binary = ''
  for (let i = 0; i < digits.length; i += 2) binary += String.fromCharCode(Number.parseInt(digits.slice(i, i + 2), 16))
  return btoa(binary)
}
