/**
 * Wallets: those that the browser has (EIP-6963), a test wallet on a development chain, whose node signs for accounts
 * that are everybody's, and a key of this page for who has none.
 */

import { useMemo } from 'react'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { PaymentDue } from 'cairn-relay/client'
import type { Wallet } from 'cairn-relay/enrol'
import { accountOf, signerOf, useBrowserWallets, type BrowserWallet, type WalletRequest } from '../browser-wallets.js'
import { payWith, type PayingSteps } from './paying.js'
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

/** Those of the browser first. */
export function useWallets(chain: TrialChain | undefined): readonly PayingWallet[] {
  const wallets = useBrowserWallets()
  return useMemo(() => {
    const own = wallets.map((wallet) => payingWallet(wallet, chain))
    return chain === undefined ? own : [...own, testWallet(chain)]
  }, [wallets, chain])
}

/** Signs once for a card, and is forgotten. */
export function pageWallet(): Wallet {
  return privateKeyToAccount(generatePrivateKey())
}

function payingWallet(wallet: BrowserWallet, chain: TrialChain | undefined): PayingWallet {
  const { uuid, name, icon, request } = wallet
  return {
    id: `browser ${uuid}`,
    name,
    icon,
    async pay(due, steps) {
      if (chain === undefined) throw new Error('this relay has no chain to pay on')
      steps.tell(`Look into ${name}.`)
      await payWith({ request, from: await accountOf(wallet) }, due, chain, steps)
    },
    signer: () => signerOf(wallet),
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
export function requestOf({ rpc }: TrialChain): WalletRequest {
  return async ({ method, params = [] }) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(rpc, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { readonly message: string } }
    if (error !== undefined) throw new Error(error.message)
    return result
  }
}
