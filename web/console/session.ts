/**
 * Who is logged in: a key card of the shop's staff, made in this browser and kept here, or given as a file. The relay
 * is the one that serves the page; its address is kept from the first time on.
 */

import { connect, type Currency, type ShopClient } from 'cairn-relay/client'
import { importCard } from 'cairn-relay/card'
import { enrol, makeKeyCard, readInviteLink, relayDescription, type Invite, type Wallet } from 'cairn-relay/enrol'
import { privateKeyToAccount } from 'viem/accounts'
import { keptCurrencies } from './currencies.js'
import { fromHex, hex } from './fields.js'
import { keptNotes } from './kept-notes.js'

export interface Session {
  readonly client: ShopClient
  readonly shop: bigint
  /** 33 bytes. */
  readonly card: Uint8Array
  /** Nothing is written. */
  readonly lookOnly: boolean
  /** What is known of tokens. */
  readonly currencies: readonly Currency[]
}

export interface Login {
  readonly shop: bigint
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly lookOnly: boolean
}

/** What a link of a development relay brings: shop, and the key of the wallet that owns it. */
export interface DevelopmentLink {
  readonly shop: bigint
  readonly wallet: Wallet
}

const KEPT = 'cairn console'
const KEPT_RELAY = `${KEPT} relay`
const url = location.origin

/** What a link that was opened here brings: one of the two. */
export interface OpenedLink {
  readonly development: DevelopmentLink | undefined
  readonly invite: Invite | undefined
  /** Of the links of this page: each is another one. */
  readonly number: number
}

let links = 0

export function takeLink(): OpenedLink | undefined {
  const [development, invite] = [takeDevelopmentLink(), takeInvite()]
  if (development === undefined && invite === undefined) return undefined
  return { development, invite, number: ++links }
}

/** Taken from the address at once: a key stays in no history. */
function takeDevelopmentLink(): DevelopmentLink | undefined {
  const [, shop, key] = /^#shop=([0-9]{1,78}),wallet=([0-9a-f]{64})$/u.exec(location.hash) ?? []
  if (shop === undefined || key === undefined) return undefined
  history.replaceState(null, '', location.pathname)
  return { shop: BigInt(shop), wallet: privateKeyToAccount(`0x${key}`) }
}

/** Of an invite that was opened here. Taken from the address at once: whoever has it can use it. */
function takeInvite(): Invite | undefined {
  const invite = readInviteLink(location.href)
  if (invite !== undefined) history.replaceState(null, '', location.pathname)
  return invite
}

/** Undefined where nobody logged in here, or logged out. */
export function keptLogin(): Login | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? 'null') as Record<string, string> | null
    if (kept === null) return undefined
    return { shop: BigInt(kept['shop']!), secret: fromHex(kept['secret']!), lookOnly: kept['lookOnly'] === 'yes' }
  } catch {
    return undefined
  }
}

export function keepLogin(login: Login | undefined): void {
  const kept = login && {
    shop: String(login.shop),
    secret: hex(login.secret),
    lookOnly: login.lookOnly ? 'yes' : 'no',
  }
  try {
    if (kept === undefined) localStorage.removeItem(KEPT)
    else localStorage.setItem(KEPT, JSON.stringify(kept))
  } catch {
    // A private window that keeps nothing: one logs in again.
  }
}

/** A new card for the wallet, which signs one readable text. Rejects with ClientError. */
export async function newCard(shop: bigint, wallet: Wallet): Promise<Uint8Array> {
  const { secret, publicKey: card } = makeKeyCard()
  await enrol({ url, shop, card, wallet })
  return secret
}

/** Of a file that cairn shop create and cairn join leave, or a page that gives its card away. */
export function secretOf(text: string): Uint8Array {
  if (/^\s*CAIRN-CARD:/iu.test(text)) return importCard(text).secret
  const digits = text.trim().replace(/^0x/u, '')
  if (!/^[0-9a-f]{64}$/iu.test(digits)) throw new Error('a key card is 64 hexadecimal digits')
  return fromHex(digits.toLowerCase())
}

/** What a development relay says in its page: that it is one, and which shop is the demo's; undefined for any other. */
export function developmentRelay(): { readonly shop: string } | undefined {
  const { development, shop = '' } =
    document.querySelector<HTMLMetaElement>('meta[name="cairn-console"]')?.dataset ?? {}
  return development === 'yes' ? { shop } : undefined
}

/** The shop as a visitor sees it, once it is proven. Rejects with ClientError. */
export async function openForVisitors(shop: bigint): Promise<ShopClient> {
  const client = await connect({ url, shop, relay: await relayAddress(), only: [] })
  for await (const { error, complete } of client.manifest()) {
    if (error !== undefined) throw error
    if (complete) break
  }
  return client
}

/** Rejects with ClientError; with a sentence for a card that is none of the staff's. */
export async function openSession({ shop, secret, lookOnly }: Login, signal: AbortSignal): Promise<Session> {
  const currencies = keptCurrencies(keptNotes())
  const client = await connect({ url, shop, key: secret, relay: await relayAddress(), currencies, signal })
  const card = publicKeyOf(secret)
  for await (const { status, data, complete, error } of client.cards()) {
    if (error !== undefined) throw error
    if (status === 'loading' || (!complete && client.protocol === 5)) continue
    const own = data?.find((one) => hex(one.card) === hex(card))
    if (own !== undefined && !own.isGuest) return { client, shop, card, lookOnly, currencies }
    client.close()
    throw new Error(
      own === undefined
        ? 'This key card is not in the shop any more. Log in with the wallet to get a new one.'
        : "This is a guest's key card. The console is for the owner and the clerks: log in with their wallet.",
    )
  }
  throw new Error('The connection was closed.')
}

/** The one that this browser saw first, under which everything is checked from then on. */
async function relayAddress(): Promise<string> {
  const kept = keptNotes().getItem(KEPT_RELAY)
  if (kept !== null) return kept
  const address = await toldAddress()
  keptNotes().setItem(KEPT_RELAY, address)
  return address
}

async function toldAddress(): Promise<string> {
  return (await relayDescription(url)).relay_address
}

/** Where the relay tells another address than this browser saw first: both. Nothing of it is believed unasked. */
export async function changedRelay(): Promise<{ readonly was: string; readonly is: string } | undefined> {
  const was = keptNotes().getItem(KEPT_RELAY)
  const is = await toldAddress().catch(() => was)
  return was === null || is === null || was.toLowerCase() === is.toLowerCase() ? undefined : { was, is }
}

/** The next login takes the relay's address anew. */
export function forgetRelay(): void {
  keptNotes().removeItem(KEPT_RELAY)
}

/** The compressed public key, 33 bytes. */
function publicKeyOf(secret: Uint8Array): Uint8Array {
  const point = fromHex(privateKeyToAccount(`0x${hex(secret)}`).publicKey.slice(2))
  return Uint8Array.of(2 + (point.at(-1)! & 1), ...point.subarray(1, 33))
}
