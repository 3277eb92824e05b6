/** Where this page is: which relay, which shop, which chain to pay on for trial, and what this browser keeps of it. */

import { isHexSecret, secretOf, textOf } from './hex.js'

export interface TrialChain {
  readonly chainId: number
  readonly rpc: string
  /** The Payments contract, with 0x. */
  readonly payments: string
  readonly token: { readonly address: string; readonly decimals: number; readonly symbol: string }
}

export interface Place {
  /** Of the relay: this page is its own. */
  readonly url: string
  readonly shop: bigint
  /** Its address, or 'development': asked of itself. */
  readonly relay: string
  /** Undefined where nothing can be paid. */
  readonly chain: TrialChain | undefined
}

/** `asked`: what stands in the address and is no number of a shop; undefined for a relay without a shop. */
export async function findPlace(): Promise<Place | { readonly asked: string | undefined }> {
  const dataset = document.querySelector<HTMLMetaElement>('meta[name="cairn-storefront"]')?.dataset ?? {}
  const url = location.origin
  const named = shopInAddress() ?? dataset['shop'] ?? (await firstShop(url))
  if (named === undefined || !isShopNumber(named)) return { asked: named }
  const chain = JSON.parse(dataset['chain'] ?? 'null') as TrialChain | null
  return { url, shop: BigInt(named), relay: dataset['relay'] ?? 'development', chain: chain ?? undefined }
}

/** As it stands there, whatever it is; undefined where there is none. */
export function shopInAddress(): string | undefined {
  return new URLSearchParams(location.search).get('shop') || undefined
}

/** In decimal, of 32 bytes. */
export function isShopNumber(text: string): boolean {
  return /^\d{1,78}$/u.test(text) && BigInt(text) >> 256n === 0n
}

async function firstShop(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/testing/discovery`).catch(() => undefined)
  const { shops = [] } = ((await response?.json().catch(() => undefined)) ?? {}) as { readonly shops?: string[] }
  return shops[0]
}

/** The key card's secret that this browser ordered with, if it did. */
export function keptCard(shop: bigint): Uint8Array | undefined {
  const text = kept(cardName(shop))
  return text !== undefined && isHexSecret(text) ? secretOf(text) : undefined
}

/**
 * Whether it is kept now. It is not where another card than `instead` is kept by then: nobody loses the orders of that
 * one unasked.
 */
export function keepCard(shop: bigint, card: Uint8Array, instead?: Uint8Array): boolean {
  const there = keptCard(shop)
  if (there !== undefined && !isSame(there, card) && !isSame(there, instead)) return false
  keep(cardName(shop), textOf(card))
  return true
}

/** Of a card that the relay does not know: it is used no more, and stays in this browser. */
export function setCardAside(shop: bigint, card: Uint8Array): void {
  const all = new Set([...cardsAside(shop), card].map(textOf))
  keep(asideName(shop), [...all].join(' '))
  if (cardsAside(shop).length === all.size && isSame(keptCard(shop), card)) keep(cardName(shop), undefined)
}

/** In the order in which they were refused. */
export function cardsAside(shop: bigint): readonly Uint8Array[] {
  return (kept(asideName(shop)) ?? '').split(' ').filter(isHexSecret).map(secretOf)
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && textOf(a) === textOf(b)
}

/** `changed`: another tab's reader became a guest, or another one; the returned function ends that. */
export function watchCard(shop: bigint, changed: () => void): () => void {
  return watch(cardName(shop), changed)
}

/** A visitor's; a guest's own is kept by the client. */
export function keptCart(shop: bigint): string | undefined {
  return kept(cartName(shop))
}

export function keepCart(shop: bigint, saved: string | undefined): void {
  keep(cartName(shop), saved)
}

/** `changed` is told what another tab keeps; the returned function ends that. */
export function watchCart(shop: bigint, changed: (saved: string) => void): () => void {
  return watch(cartName(shop), (saved) => {
    if (saved !== null) changed(saved)
  })
}

/** The hash of the transaction that this browser paid a payment with, until the relay has seen it. */
export function sentPayment(payment: string): string | undefined {
  return kept(`sent ${payment}`)
}

export function keepSentPayment(payment: string, hash: string | undefined): void {
  keep(`sent ${payment}`, hash)
}

/** What the guest agreed to pay for an order, as `totalText` has it, or that he ordered before there was a total. */
export function agreedTotal(order: bigint): string | undefined {
  const text = kept(`agreed ${order}`)
  return text !== undefined && /^(?:unseen|\d+ [0-9a-f]{40} \d+)$/u.test(text) ? text : undefined
}

export function keepAgreedTotal(order: bigint, text: string | undefined): void {
  keep(`agreed ${order}`, text)
}

const PREFIX = 'cairn '

function cartName(shop: bigint): string {
  return `cart ${shop}`
}

function cardName(shop: bigint): string {
  return `card ${shop}`
}

function asideName(shop: bigint): string {
  return `card aside ${shop}`
}

/** What other tabs keep. */
function watch(name: string, changed: (text: string | null) => void): () => void {
  const look = ({ key, newValue }: StorageEvent) => {
    if (key === `${PREFIX}${name}`) changed(newValue)
  }
  addEventListener('storage', look)
  return () => removeEventListener('storage', look)
}

/** What the browser did not keep: it lasts as long as the page. */
const unkept = new Map<string, string | undefined>()

/** A browser that keeps nothing is no reason to show nothing. */
function kept(name: string): string | undefined {
  if (unkept.has(name)) return unkept.get(name)
  try {
    return localStorage.getItem(`${PREFIX}${name}`) ?? undefined
  } catch {
    return undefined
  }
}

function keep(name: string, text: string | undefined): void {
  try {
    if (text === undefined) localStorage.removeItem(`${PREFIX}${name}`)
    else localStorage.setItem(`${PREFIX}${name}`, text)
    unkept.delete(name)
  } catch {
    unkept.set(name, text)
  }
}
