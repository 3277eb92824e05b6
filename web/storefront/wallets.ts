/**
 * Wallets: those that the browser has (EIP-6963), a test wallet on a development chain, whose node signs for accounts
 * that are everybody's, and a key of this page for who has none.
 */

import { createStore } from 'mipd'
import { useSyncExternalStore } from 'react'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import type { PaymentDue } from 'cairn-relay/client'
import type { Wallet } from 'cairn-relay/enrol'
import { textOf } from './hex.js'
import type { TrialChain } from './place.js'

type Request = (call: { readonly method: string; readonly params?: readonly unknown[] }) => Promise<unknown>

export interface PayingWallet {
  readonly id: string
  readonly name: string
  /** Sends what is due; resolves with the last transaction's hash. Rejects with the wallet's error. */
  pay(due: PaymentDue): Promise<string>
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
  const own = providers.map(({ info, provider }) => {
    const request = ((call) => provider.request(call as never)) as Request
    return walletOf(info.uuid, info.name, request, chain)
  })
  return chain === undefined ? own : [...own, testWallet(chain)]
}

/** Signs once for a card, and is forgotten. */
export function pageWallet(): Wallet {
  return privateKeyToAccount(generatePrivateKey())
}

function walletOf(id: string, name: string, request: Request, chain: TrialChain | undefined): PayingWallet {
  const account = async () => ((await request({ method: 'eth_requestAccounts' })) as readonly string[])[0]!
  return {
    id,
    name,
    async pay(due) {
      const from = await account()
      if (chain === undefined) throw new Error('this relay has no chain to pay on')
      await request({ method: 'wallet_switchEthereumChain', params: [{ chainId: `0x${chain.chainId.toString(16)}` }] })
      return send(request, from, due, chain)
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
function testWallet({ rpc, ...chain }: TrialChain): PayingWallet {
  const request: Request = async ({ method, params = [] }) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(rpc, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const { result, error } = (await response.json()) as { result?: unknown; error?: { readonly message: string } }
    if (error !== undefined) throw new Error(error.message)
    return result
  }
  return {
    id: 'test',
    name: 'Test wallet',
    async pay(due) {
      const accounts = (await request({ method: 'eth_accounts' })) as readonly string[]
      const from = accounts[TEST_ACCOUNT]
      if (from === undefined) throw new Error('the chain has no account for tests')
      return send(request, from, due, { rpc, ...chain })
    },
  }
}

/** Others of the ten are the demo's own: two at once would use one number twice. */
const TEST_ACCOUNT = 5

/** A token is approved for the contract first. */
async function send(request: Request, from: string, due: PaymentDue, chain: TrialChain): Promise<string> {
  const { pay } = due.calls
  const token = `0x${textOf(due.currency.Address)}`
  const transact = async (to: string, data: string, value = 0n) =>
    (await request({
      method: 'eth_sendTransaction',
      params: [{ from, to, data, value: `0x${value.toString(16)}` }],
    })) as string
  if (!/^0x0{40}$/u.test(token)) await transact(token, approveCall(chain.payments, due.total))
  return transact(chain.payments, pay.data, pay.value)
}

/** ERC-20 approve(spender, amount). */
function approveCall(spender: string, amount: bigint): string {
  const word = (hex: string) => hex.padStart(64, '0')
  return `0x095ea7b3${word(spender.replace(/^0x/u, ''))}${word(amount.toString(16))}`
}

function hexOfText(text: string): string {
  return `0x${textOf(new TextEncoder().encode(text))}`
}
