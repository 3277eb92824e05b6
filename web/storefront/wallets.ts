/**
 * Wallets: those that the browser has (EIP-6963), a test wallet on a development chain, whose node signs for accounts
 * that are everybody's, and a key of this page for who has none.
 */

import { createStore } from 'mipd'
import { useMemo, useSyncExternalStore } from 'react'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { PaymentDue } from 'cairn-relay/client'
import type { Wallet } from 'cairn-relay/enrol'
import { textOf } from './hex.js'
import { payWith, type PayingSteps, type Request } from './paying.js'
import type { TrialChain } from './place.js'

export interface PayingWallet {
  /** Of this page's own none begins like one of the browser's. */
  readonly id: string
  readonly name: string
  /** A data URI, for a picture of it. */
  readonly icon?: string | undefined
  /** Sends what is due; resolves once it stands in a block. Rejects with the wallet's error. */
  pay(due: PaymentDue, steps: PayingSteps): Promise<void>
  /** Signs for a card; undefined for one that only pays. */
  readonly signer?: () => Promise<Wallet>
}

const found = createStore()

/** Those of the browser first. */
export function useWallets(chain: TrialChain | undefined): readonly PayingWallet[] {
  const providers = useSyncExternalStore(
    (changed) => found.subscribe(changed),
    () => found.getProviders(),
  )
  return useMemo(() => {
    const own = providers.flatMap(({ info: told, provider }) => {
      const info = readInfo(told)
      if (info === undefined || typeof provider?.request !== 'function') return []
      const request = ((call) => provider.request(call as never)) as Request
      return walletOf(info, request, chain)
    })
    return chain === undefined ? own : [...own, testWallet(chain)]
  }, [providers, chain])
}

/** Signs once for a card, and is forgotten. */
export function pageWallet(): Wallet {
  return privateKeyToAccount(generatePrivateKey())
}

interface WalletInfo {
  readonly uuid: string
  readonly name: string
  readonly icon: string | undefined
}

const NAME_LETTERS_MAX = 64
const UUID_LETTERS_MAX = 64
const ICON_LETTERS_MAX = 1 << 20

/** Any extension may announce anything: undefined for what is no wallet, and no picture but one that is data. */
export function readInfo(told: unknown): WalletInfo | undefined {
  const { uuid, name, icon } = (told ?? {}) as Readonly<Record<string, unknown>>
  if (!isText(uuid, UUID_LETTERS_MAX) || !isText(name, NAME_LETTERS_MAX)) return undefined
  const isPicture = isText(icon, ICON_LETTERS_MAX) && icon.startsWith('data:image/')
  return { uuid, name, icon: isPicture ? icon : undefined }
}

function isText(value: unknown, lettersMax: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= lettersMax
}

function walletOf({ uuid, name, icon }: WalletInfo, request: Request, chain: TrialChain | undefined): PayingWallet {
  const account = async () => {
    const [first] = (await request({ method: 'eth_requestAccounts' })) as readonly string[]
    if (first === undefined) throw new Error('it has no account for this page')
    return first
  }
  return {
    id: `browser ${uuid}`,
    name,
    icon,
    async pay(due, steps) {
      if (chain === undefined) throw new Error('this relay has no chain to pay on')
      steps.tell(`Look into ${name}.`)
      await payWith({ request, from: await account() }, due, chain, steps)
    },
    async signer() {
      const address = await account()
      const sign = async (message: string) =>
        (await request({ method: 'personal_sign', params: [hexOfText(message), address] })) as string
      return { address, signMessage: ({ message }) => sign(message) }
    },
  }
}

/** An account that the development chain's node keeps unlocked; its key is known to all, and its money is none. */
function testWallet(chain: TrialChain): PayingWallet {
  const request = requestOf(chain)
  return {
    id: 'test',
    name: 'Test wallet',
    async pay(due, steps) {
      const accounts = (await request({ method: 'eth_accounts' })) as readonly string[]
      const from = accounts[TEST_ACCOUNT]
      if (from === undefined) throw new Error('the chain has no account for tests')
      await payWith({ request, from }, due, chain, steps)
    },
  }
}

/** Others of the ten are the demo's own: two at once would use one number twice. */
const TEST_ACCOUNT = 5

/** Asks the chain's endpoint itself. */
export function requestOf({ rpc }: TrialChain): Request {
  return async ({ method, params = [] }) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(rpc, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { readonly message: string } }
    if (error !== undefined) throw new Error(error.message)
    return result
  }
}

function hexOfText(text: string): string {
  return `0x${textOf(new TextEncoder().encode(text))}`
}
