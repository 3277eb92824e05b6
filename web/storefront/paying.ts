/**
 * A payment by a wallet (EIP-1193): on the right chain, a token first allowed to the contract, each transaction waited
 * for. On a chain for trials the test token, which anybody may make, is made where it is missing.
 */

import type { PaymentDue } from 'cairn-relay/client'
import type { WalletRequest } from '../browser-wallets.js'
import { textOf } from './hex.js'
import type { TrialChain } from './place.js'

export interface Payer {
  readonly request: WalletRequest
  /** With 0x. */
  readonly from: string
}

export interface PayingSteps {
  /** What is asked of the wallet now. */
  tell(step: string): void
  /** Throws where it is not to be paid like this any more: asked before anything is asked of the wallet that costs. */
  requireDue(): void
  /** The payment's hash, as soon as there is one; undefined: the chain refused it. */
  sent(hash: string | undefined): void
}

const RECEIPT_MS = 300
const RECEIPT_TRIES_MAX = 400
const UNKNOWN_CHAIN = 4_902

/** Resolves once the payment stands in a block. Rejects with the wallet's error, or with why the chain refused it. */
export async function payWith(payer: Payer, due: PaymentDue, chain: TrialChain, steps: PayingSteps): Promise<void> {
  const { pay } = due.calls
  if (!isPayableOn(chain, due))
    throw new Error(`${OTHER_CHAIN} ${due.currency.ChainID}, and this page pays on ${chain.chainId}`)
  await onChain(payer.request, chain)
  steps.requireDue()
  if (!isNative(due)) await allow(payer, due, chain, steps)
  steps.requireDue()
  steps.tell('Confirm the payment in your wallet.')
  const hash = await transact(payer, chain, { to: chain.payments, ...pay })
  steps.sent(hash)
  steps.tell('Sent. The chain takes a moment.')
  try {
    await mined(payer.request, hash)
  } catch (error) {
    if (!(error instanceof RefusedTransaction)) throw error
    steps.sent(undefined)
    const why = await reasonFor(payer, chain.payments, pay)
    throw new Error(why ?? error.message, { cause: error })
  }
}

/** The error of a payment that is not due any more by then. */
export const NOT_DUE = 'it is not to be paid like this any more: nothing was paid'

/** How the error of a payment on another chain begins. */
export const OTHER_CHAIN = 'it is to be paid on chain'

/** Contracts and tokens of one chain are others, or nothing, on another. */
export function isPayableOn({ chainId }: TrialChain, { currency }: Pick<PaymentDue, 'currency'>): boolean {
  return currency.ChainID === BigInt(chainId)
}

/** What the contract says to the same call now; undefined if it says nothing. */
async function reasonFor(
  { request, from }: Payer,
  to: string,
  { data, value }: PaymentDue['calls']['pay'],
): Promise<string | undefined> {
  try {
    await request({ method: 'eth_call', params: [{ from, to, data, value: hexOf(value) }, 'latest'] })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** It stands in a block, and did nothing. */
class RefusedTransaction extends Error {}

/** Whether it is paid in the chain's own currency. */
export function isNative({ currency }: Pick<PaymentDue, 'currency'>): boolean {
  return currency.Address.every((byte) => byte === 0)
}

/** Rejects where the wallet is on another chain still, whatever it answered. */
async function onChain(request: WalletRequest, chain: TrialChain): Promise<void> {
  if ((await chainOf(request)) === BigInt(chain.chainId)) return
  await switchTo(request, chain)
  const there = await chainOf(request)
  if (there === BigInt(chain.chainId)) return
  throw new Error(`${WRONG_CHAIN} ${there}, and this is paid on chain ${chain.chainId}: nothing was sent`)
}

/** How the error of a wallet that stays where it is begins. */
export const WRONG_CHAIN = 'the wallet is on chain'

async function chainOf(request: WalletRequest): Promise<bigint> {
  const answer = await request({ method: 'eth_chainId' })
  if (typeof answer === 'string' && /^0x[0-9a-f]{1,64}$/iu.test(answer)) return BigInt(answer)
  throw new Error('the wallet does not say which chain it is on')
}

async function switchTo(request: WalletRequest, { chainId, rpc }: TrialChain): Promise<void> {
  const wanted = hexOf(BigInt(chainId))
  const change = () => request({ method: 'wallet_switchEthereumChain', params: [{ chainId: wanted }] })
  try {
    await change()
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== UNKNOWN_CHAIN) throw error
    const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
    const added = { chainId: wanted, chainName: 'Chain for trials', rpcUrls: [rpc], nativeCurrency }
    await request({ method: 'wallet_addEthereumChain', params: [added] })
    // A wallet that has learned of a chain need not be there.
    if ((await chainOf(request)) !== BigInt(chainId)) await change()
  }
}

async function allow(payer: Payer, due: PaymentDue, chain: TrialChain, steps: PayingSteps) {
  const { payments, token: trial } = chain
  const token = `0x${textOf(due.currency.Address)}`
  const { total } = due
  const isTrial = token === trial.address.toLowerCase()
  if (isTrial && (await read(payer, token, BALANCE_OF, payer.from)) < total) {
    steps.tell('Your wallet has too little of the test token: confirm that it makes some.')
    await mined(payer.request, await transact(payer, chain, { to: token, data: call(MINT, payer.from, total) }))
  }
  if ((await read(payer, token, ALLOWANCE, payer.from, payments)) >= total) return
  steps.tell('First allow the payment contract to take the token: confirm that in your wallet.')
  await mined(payer.request, await transact(payer, chain, { to: token, data: call(APPROVE, payments, total) }))
}

/** Selectors of ERC-20, and of the test token's mint(address,uint256). */
const [BALANCE_OF, ALLOWANCE, APPROVE, MINT] = ['0x70a08231', '0xdd62ed3e', '0x095ea7b3', '0x40c10f19'] as const

async function read({ request, from }: Payer, to: string, selector: string, ...words: string[]): Promise<bigint> {
  const params = [{ from, to, data: call(selector, ...words) }, 'latest']
  return BigInt((await request({ method: 'eth_call', params })) as string)
}

interface Transaction {
  readonly to: string
  readonly data: string
  readonly value?: bigint
}

/** Its hash. Rejects where the wallet gives none: nobody knows then what it did. */
async function transact(
  { request, from }: Payer,
  { chainId }: TrialChain,
  { to, data, value = 0n }: Transaction,
): Promise<string> {
  // With its chain, so that a wallet which moved on since refuses it.
  const params = [{ from, to, data, value: hexOf(value), chainId: hexOf(BigInt(chainId)) }]
  const hash = await request({ method: 'eth_sendTransaction', params })
  if (typeof hash === 'string' && /^0x[0-9a-f]{64}$/iu.test(hash)) return hash
  throw new Error(NO_HASH)
}

/** The error of a wallet that answers, and names no transaction. */
export const NO_HASH = 'the wallet named no transaction'

/** Rejects with RefusedTransaction for one that was reverted. */
async function mined(request: WalletRequest, hash: string): Promise<void> {
  for (let tries = 0; tries < RECEIPT_TRIES_MAX; tries++) {
    const receipt = (await request({ method: 'eth_getTransactionReceipt', params: [hash] })) as {
      readonly status?: string
    } | null
    if (receipt?.status === '0x0') throw new RefusedTransaction(`the chain refused transaction ${hash}`)
    if (receipt) return
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_MS))
  }
  throw new Error(`transaction ${hash} stands in no block yet; your wallet shows what becomes of it`)
}

/** Arguments: addresses with 0x, numbers. */
export function call(selector: string, ...words: readonly (string | bigint)[]): string {
  const digits = words.map((word) => (typeof word === 'bigint' ? word.toString(16) : word.replace(/^0x/u, '')))
  return selector + digits.map((word) => word.padStart(64, '0')).join('')
}

export function hexOf(number: bigint): string {
  return `0x${number.toString(16)}`
}
