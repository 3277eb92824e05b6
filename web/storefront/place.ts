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
  /** Undefined where nothing can be paid. */
  readonly chain: TrialChain | undefined
}

/** Undefined for a relay without a shop. */
export async function findPlace(): Promise<Place | undefined> {
  const dataset = document.querySelector<HTMLMetaElement>('meta[name="cairn-storefront"]')?.dataset ?? {}
  const url = location.origin
  const named = new URLSearchParams(location.search).get('shop') ?? dataset['shop'] ?? (await firstShop(url))
  if (named === undefined || !/^\d{1,78}$/u.test(named)) return undefined
  const chain = JSON.parse(dataset['chain'] ?? 'null') as TrialChain | null
  return { url, shop: BigInt(named), chain: chain ?? undefined }
}

async function firstShop(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/testing/discovery`).catch(() => undefined)
  const { shops = [] } = ((await response?.json().catch(() => undefined)) ?? {}) as { readonly shops?: string[] }
  return shops[0]
}

/** The key card's secret that this browser ordered with, if it did. */
export function keptCard(shop: bigint): Uint8Array | undefined {
  const text = kept(`card ${shop}`)
  return text !== undefined && isHexSecret(text) ? secretOf(text) : undefined
}

export function keepCard(shop: bigint, card: Uint8Array | undefined): void {
  keep(`card ${shop}`, card && textOf(card))
}

export function keptCart(shop: bigint): string | undefined {
  return kept(`cart ${shop}`)
}

export function keepCart(shop: bigint, saved: string): void {
  keep(`cart ${shop}`, saved)
}

/** A browser that keeps nothing is no reason to show nothing. */
function kept(name: string): string | undefined {
  try {
    return localStorage.getItem(`cairn ${name}`) ?? undefined
  } catch {
    return undefined
  }
}

function keep(name: string, text: string | undefined): void {
  try {
    if (text === undefined) localStorage.removeItem(`cairn ${name}`)
    else localStorage.setItem(`cairn ${name}`, text)
  } catch {
    // It lasts as long as the page, then.
  }
}
