/**
 * Wallets that a browser has (EIP-6963). Any extension, and any script, may announce anything as often as it likes:
 * only what is a wallet is taken, with a short name and a picture that is data, and what it answers is looked at.
 *
 * Tests: test/web/browser-wallets.test.ts
 */

import { requestProviders } from 'mipd'
import { useSyncExternalStore } from 'react'
import type { Wallet } from 'cairn-relay/enrol'

/** EIP-1193. */
export type WalletRequest = (call: {
  readonly method: string
  readonly params?: readonly unknown[]
}) => Promise<unknown>

export interface BrowserWallet {
  /** No two of one list have the same. */
  readonly uuid: string
  /** One line; no two of one list have the same: what tells it from others is behind it. */
  readonly name: string
  /** A data URI of a picture. */
  readonly icon: string | undefined
  /** Rejects with an Error, whatever the wallet throws; `code` is the wallet's. */
  readonly request: WalletRequest
}

interface WalletInfo extends Pick<BrowserWallet, 'uuid' | 'name' | 'icon'> {
  /** Whose it says that it is: nobody checks that. */
  readonly rdns: string | undefined
}

const NAME_LETTERS_MAX = 64
const UUID_LETTERS_MAX = 64
const RDNS_LETTERS_MAX = 64
const ICON_LETTERS_MAX = 1 << 20
/**
 * More than anybody has: what comes later is shown without its picture. It is shown, for whoever announces many false
 * ones must not keep out those that come after them.
 */
const ICONS_MAX = 16
/** Of what a wallet says went wrong. */
const PROBLEM_LETTERS_MAX = 300

interface WalletList {
  /** The same list until another wallet comes. */
  readonly get: () => readonly BrowserWallet[]
  /** Returns what ends it. */
  readonly subscribe: (changed: () => void) => () => void
}

/** Those that are there, and those that announce themselves later. */
export function walletList(): WalletList {
  const announced: { readonly info: WalletInfo; readonly provider: Provider }[] = []
  const uuids = new Set<string>()
  let wallets: readonly BrowserWallet[] = []
  const readers = new Set<() => void>()
  requestProviders((detail: unknown) => {
    const wallet = readAnnouncement(detail)
    if (wallet === undefined || uuids.has(wallet.info.uuid)) return
    uuids.add(wallet.info.uuid)
    const { info, provider } = wallet
    announced.push(announced.length < ICONS_MAX ? wallet : { info: { ...info, icon: undefined }, provider })
    const names = distinctNames(announced.map(({ info }) => info))
    wallets = announced.map(({ info: { uuid, icon }, provider }, i) => {
      const name = names[i]!
      return { uuid, icon, name, request: requestOf(provider, name) }
    })
    for (const changed of readers) changed()
  })
  return {
    get: () => wallets,
    subscribe(changed) {
      readers.add(changed)
      return () => readers.delete(changed)
    },
  }
}

const found = walletList()

export function useBrowserWallets(): readonly BrowserWallet[] {
  return useSyncExternalStore(found.subscribe, found.get)
}

interface Provider {
  request(call: unknown): unknown
}

/** Undefined for what is no wallet; it may throw wherever it is touched. */
function readAnnouncement(detail: unknown): { readonly info: WalletInfo; readonly provider: Provider } | undefined {
  try {
    const { info: told, provider } = detail as { readonly info?: unknown; readonly provider?: Partial<Provider> }
    const info = readInfo(told)
    if (info === undefined || typeof provider?.request !== 'function') return undefined
    return { info, provider: provider as Provider }
  } catch {
    return undefined
  }
}

/** Undefined for what is no wallet; no picture but one that is data. */
function readInfo(told: unknown): WalletInfo | undefined {
  const { uuid, name, icon, rdns } = (told ?? {}) as Readonly<Record<string, unknown>>
  if (!isText(uuid, UUID_LETTERS_MAX) || !isText(name, NAME_LETTERS_MAX)) return undefined
  const isPicture = isText(icon, ICON_LETTERS_MAX) && icon.startsWith('data:image/')
  const owner = isText(rdns, RDNS_LETTERS_MAX) ? oneLine(rdns) : undefined
  const line = oneLine(name)
  return line === '' ? undefined : { uuid, name: line, icon: isPicture ? icon : undefined, rdns: owner }
}

function isText(value: unknown, lettersMax: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= lettersMax
}

/** Without letters that cannot be seen, or that turn the text around them. */
function oneLine(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, '')
    .trim()
}

/** Of two with one name each says whose it is too; where that is the same, which of them it is. */
function distinctNames(infos: readonly WalletInfo[]): readonly string[] {
  const [once, twice] = [new Set<string>(), new Set<string>()]
  for (const { name } of infos) (once.has(name) ? twice : once).add(name)
  const names = infos.map(({ name, rdns }) => (twice.has(name) && rdns !== undefined ? `${name} (${rdns})` : name))
  const seen = new Set<string>()
  const counts = new Map<string, number>()
  return names.map((name) => {
    let distinct = name
    for (let n = counts.get(name) ?? 2; seen.has(distinct); n++) {
      distinct = `${name} – ${n}`
      counts.set(name, n + 1)
    }
    seen.add(distinct)
    return distinct
  })
}

function requestOf(provider: Provider, name: string): WalletRequest {
  return async (call) => {
    try {
      return await provider.request(call)
    } catch (error) {
      throw walletError(error, name)
    }
  }
}

function walletError(error: unknown, name: string): Error {
  const { code, message } = readProblem(error)
  const text = typeof message === 'string' ? message.trim().slice(0, PROBLEM_LETTERS_MAX) : ''
  const problem = new Error(text === '' ? `${name} does not say what went wrong` : text)
  return Object.assign(problem, typeof code === 'number' ? { code } : {})
}

function readProblem(error: unknown): { readonly code?: unknown; readonly message?: unknown } {
  try {
    const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
    return { code, message: typeof error === 'string' ? error : message }
  } catch {
    return {}
  }
}

/** The account that the person chose, with 0x. Rejects where he says no. */
export async function accountOf({ request, name }: BrowserWallet): Promise<`0x${string}`> {
  const accounts = await request({ method: 'eth_requestAccounts' })
  const first: unknown = Array.isArray(accounts) ? accounts[0] : undefined
  if (typeof first !== 'string' || !/^0x[0-9a-f]{40}$/iu.test(first)) throw new Error(`${name} gave no account`)
  return first as `0x${string}`
}

/** Signs for a card, with the account that the person chose. Rejects where he says no. */
export async function signerOf(wallet: BrowserWallet): Promise<Wallet> {
  const address = await accountOf(wallet)
  return {
    address,
    async signMessage({ message }) {
      const signature = await wallet.request({ method: 'personal_sign', params: [hexOfText(message), address] })
      if (typeof signature === 'string' && /^0x(?:[0-9a-f]{2})+$/iu.test(signature)) return signature
      throw new Error(`${wallet.name} gave no signature`)
    },
  }
}

function hexOfText(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
