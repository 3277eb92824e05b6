/** Wallets of the commands: what signs an enrolment, and what sends transactions. viem's accounts and clients come in here. */

import { createPublicClient, createWalletClient, http, webSocket, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { fromHex, toHex } from '../bytes/hex.js'
import type { Wallet } from '../client/enrol.js'

/** The tenth of the accounts that anvil gives ether to: its key is known to everybody. */
export const DEVELOPMENT_WALLET = '2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6'

/** `secret`: 64 hexadecimal digits. */
export function walletOf(secret: string): Wallet {
  return privateKeyToAccount(`0x${secret}`)
}

/** The wallet's address, 20 bytes. */
export function addressOfWallet({ address }: Pick<Wallet, 'address'>): Uint8Array {
  return fromHex(address.slice(2).toLowerCase())
}

export interface Transaction {
  /** 20 bytes. */
  readonly to: Uint8Array
  readonly data?: Uint8Array
  /** In wei. */
  readonly value?: bigint
}

export interface SendingWallet {
  /** 20 bytes. */
  readonly address: Uint8Array
  /** Waits until the transaction is in a block; returns its hash with 0x. Throws an Error that says why not. */
  send(transaction: Transaction): Promise<string>
}

/** A wallet on a chain. `secret`: 64 hexadecimal digits. */
export function openWallet(options: {
  readonly url: string
  readonly chainId: bigint
  readonly secret: string
}): SendingWallet {
  const { url, chainId, secret } = options
  const account = privateKeyToAccount(`0x${secret}`)
  const transport = url.startsWith('ws') ? webSocket(url) : http(url)
  const currency = { name: 'Ether', symbol: 'ETH', decimals: 18 }
  const chain = {
    id: Number(chainId),
    name: `chain ${chainId}`,
    nativeCurrency: currency,
    rpcUrls: { default: { http: [url] } },
  }
  const sender = createWalletClient({ account, chain, transport })
  const reader = createPublicClient({ chain, transport, pollingInterval: 200 })
  return {
    address: addressOfWallet(account),
    async send({ to, data, value = 0n }) {
      const call = { to: hexOf(to), value, ...(data !== undefined && { data: hexOf(data) }) }
      const hash = await sender.sendTransaction(call).catch((error: unknown) => {
        throw new Error(`the transaction was refused: ${shortOf(error)}`, { cause: error })
      })
      const receipt = await reader.waitForTransactionReceipt({ hash, timeout: 60_000 })
      if (receipt.status === 'reverted') throw new Error(`the transaction ${hash} was reverted`)
      return hash
    },
  }
}

/** viem's first line: the rest holds the whole request. */
function shortOf(error: unknown): string {
  const { shortMessage, message } = error as { shortMessage?: string; message: string }
  return (shortMessage ?? message).split('\n')[0]!
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${toHex(bytes)}`
}
