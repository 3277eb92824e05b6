/**
 * Wallets of the commands: what signs an enrolment, and what sends transactions. viem's accounts and clients come in
 * here.
 *
 * Tests: test/cli/chain-commands.test.ts
 */

import {
  BaseError,
  createPublicClient,
  createWalletClient,
  HttpRequestError,
  http,
  TimeoutError,
  WebSocketRequestError,
  webSocket,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { ChainId } from '../brands.js'
import { keccak256 } from '#hash'
import { fromHex, prefixedHex } from '../bytes/hex.js'
import type { Wallet } from '../client/enrol.js'

/** The tenth of the accounts that anvil gives ether to: its key is known to everybody. */
export const DEVELOPMENT_WALLET = '2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6'

/** `secret`: 64 hexadecimal digits. */
export function walletOf(secret: string): Wallet {
  return privateKeyToAccount(`0x${secret}`)
}

/** The wallet's address, 20 bytes. */
export function addressOfWallet({ address }: Pick<Wallet, 'address'>): Uint8Array {
  return fromHex(address)
}

interface Transaction {
  /** 20 bytes. */
  readonly to: Uint8Array
  readonly data?: Uint8Array
  /** In wei. */
  readonly value?: bigint
}

export interface SendingWallet {
  /** 20 bytes. */
  readonly address: Uint8Array
  /** Waits until the transaction is in a block; returns its hash with 0x. Throws TransactionFailed. */
  send(transaction: Transaction): Promise<string>
  /** Signed and not sent; `hash`: 32 bytes. Throws TransactionFailed, also where it would be reverted. */
  sign(
    transaction: Transaction,
  ): Promise<{ readonly hash: Uint8Array; readonly raw: Uint8Array; readonly nonce: bigint }>
  /** What `sign` made; no error where the chain has it already. Throws TransactionFailed. */
  broadcast(raw: Uint8Array): Promise<void>
}

/** A wallet on a chain. `secret`: 64 hexadecimal digits. */
export function openWallet({ url, chainId, secret }: WalletOptions): SendingWallet {
  const account = privateKeyToAccount(`0x${secret}`)
  const transport = url.startsWith('ws') ? webSocket(url) : http(url)
  const chain = chainOf(chainId, url)
  const sender = createWalletClient({ account, chain, transport })
  const reader = createPublicClient({ chain, transport, pollingInterval: 200 })
  const away = `chain ${chainId} cannot be reached at ${placeOf(url)}`
  const failed = (what: string) => (error: unknown) => {
    throw new TransactionFailed(`the transaction of ${account.address} ${what}: ${reasonOf(error, away)}`)
  }
  return {
    address: addressOfWallet(account),
    async sign(transaction) {
      const prepared = sender.prepareTransactionRequest(callOf(transaction))
      const request = await prepared.catch(failed('cannot be made, its gas paid by that account'))
      const raw = fromHex(await account.signTransaction(request as Parameters<typeof account.signTransaction>[0]))
      return { hash: keccak256(raw), raw, nonce: BigInt(request.nonce) }
    },
    async broadcast(raw) {
      const sent = sender.sendRawTransaction({ serializedTransaction: prefixedHex(raw) })
      await sent.catch((error: unknown) => (isKnown(error) ? undefined : failed('cannot be sent')(error)))
    },
    async send(transaction) {
      const hash = await sender.sendTransaction(callOf(transaction)).catch((error: unknown) => {
        const problem = isUnreachable(error) ? 'cannot be sent' : 'was refused'
        throw new TransactionFailed(`the transaction ${problem}: ${reasonOf(error, away)}`)
      })
      const receipt = await reader.waitForTransactionReceipt({ hash, timeout: RECEIPT_MS }).catch((error: unknown) => {
        const problem = `the transaction ${hash} was sent, and it is not known what became of it`
        throw new TransactionFailed(`${problem}: ${reasonOf(error, away)}`)
      })
      if (receipt.status === 'reverted') throw new TransactionFailed(`the transaction ${hash} was reverted`)
      return hash
    },
  }
}

/** As viem takes one. */
function chainOf(chainId: ChainId, url: string) {
  return {
    id: Number(chainId),
    name: `chain ${chainId}`,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  }
}

interface WalletOptions {
  readonly url: string
  readonly chainId: ChainId
  readonly secret: string
}

/**
 * One line without the endpoint's path, which may be an API key; viem's error, which holds it, is no cause of this one.
 */
export class TransactionFailed extends Error {
  override readonly name = 'TransactionFailed'
}

const RECEIPT_MS = 60_000

function callOf({ to, data, value = 0n }: Transaction) {
  return { to: prefixedHex(to), value, ...(data !== undefined && { data: prefixedHex(data) }) }
}

/** The node has it, waiting or in a block. */
function isKnown(error: unknown): boolean {
  const { message, details } = error as { message: string; details?: string }
  return /already (known|imported|exists)|known transaction/iu.test(`${details ?? ''} ${message}`)
}

function isUnreachable(error: unknown): boolean {
  const kinds = [HttpRequestError, TimeoutError, WebSocketRequestError] as const
  return error instanceof BaseError && error.walk((cause) => kinds.some((kind) => cause instanceof kind)) !== null
}

/** viem's first line: the rest holds the whole request. */
function shortOf(error: unknown): string {
  const { shortMessage, message } = error as { shortMessage?: string; message: string }
  return (shortMessage ?? message).split('\n')[0]!.replace(/\.$/u, '')
}

/** One line. `away`: what is said of a chain that cannot be reached. */
function reasonOf(error: unknown, away: string): string {
  return isUnreachable(error) ? away : shortOf(error)
}

/** Scheme and host. */
function placeOf(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}
