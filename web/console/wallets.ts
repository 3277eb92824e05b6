/** What wallets sign on the shop's registry: invites, taking them up, and taking a clerk's right away. */

import { createWalletClient, custom, parseAbi, publicActions, type Address } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import type { ShopClient } from 'cairn-relay/client'
import { decodeCheckpoint } from 'cairn-relay/checkpoint'
import { decode } from 'cairn-relay/codec'
import { makeKeyCard } from 'cairn-relay/enrol'
import { accountOf, type BrowserWallet } from '../browser-wallets.js'
import { hex } from './fields.js'

async function clientOf(wallet: BrowserWallet) {
  const { request } = wallet
  const client = createWalletClient({ transport: custom({ request }, { retryCount: 0 }) }).extend(publicActions)
  return { client, address: await accountOf(wallet) }
}

/** Where who works for a shop stands. */
export interface Registry {
  readonly chainId: number
  readonly address: Address
}

const ABI = parseAbi([
  'function publishInviteVerifier(uint256 shopId, address verifier)',
  'function redeemInvite(uint256 shopId, uint8 v, bytes32 r, bytes32 s, address user)',
  'function removeUser(uint256 shopId, address user)',
  'function hasPermission(uint256 shopId, address user, uint8 permission) view returns (bool)',
])
/** updateRootHash: what a clerk holds. */
const CLERK_PERMISSION = 2

/** As the relay's checkpoints name it; undefined before the first, and in development mode, which has none. */
export function registryOf(client: ShopClient): Registry | undefined {
  const signed = client.checkpoint?.bytes
  if (signed === undefined) return undefined
  const { ChainID, Registry } = decodeCheckpoint((decode(signed) as Uint8Array[])[0]!)
  if (Registry.every((byte) => byte === 0)) return undefined
  return { chainId: Number(ChainID), address: `0x${hex(Registry)}` }
}

interface Place {
  readonly registry: Registry
  readonly shop: bigint
}

/** Publishes who may use the invite; resolves with its secret, 32 bytes, when that is in a block. */
export async function publishInvite(wallet: BrowserWallet, place: Place): Promise<Uint8Array> {
  const { secret } = makeKeyCard()
  const { address: verifier } = privateKeyToAccount(`0x${hex(secret)}`)
  await transact(wallet, place.registry, { functionName: 'publishInviteVerifier', args: [place.shop, verifier] })
  return secret
}

/** Makes the wallet a clerk of the shop. One that is a clerk already does not use the invite up. */
export async function redeemInvite(
  wallet: BrowserWallet,
  { registry, shop }: Place,
  secret: Uint8Array,
): Promise<void> {
  const { client, address } = await clientOf(wallet)
  await client.switchChain({ id: registry.chainId })
  const args = [shop, address, CLERK_PERMISSION] as const
  if (await client.readContract({ address: registry.address, abi: ABI, functionName: 'hasPermission', args })) return
  const signature = await privateKeyToAccount(`0x${hex(secret)}`).signMessage({ message: { raw: address } })
  const [r, s] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`] as const
  const v = Number.parseInt(signature.slice(130), 16)
  await transact(wallet, registry, { functionName: 'redeemInvite', args: [shop, v, r, s, address] })
}

/** Takes a clerk's right away; his cards go with it. */
export async function removeClerk(wallet: BrowserWallet, place: Place, account: Uint8Array): Promise<void> {
  const args = [place.shop, `0x${hex(account)}`] as const
  await transact(wallet, place.registry, { functionName: 'removeUser', args })
}

type Call =
  | { readonly functionName: 'publishInviteVerifier' | 'removeUser'; readonly args: readonly [bigint, Address] }
  | {
      readonly functionName: 'redeemInvite'
      readonly args: readonly [bigint, number, Address, Address, Address]
    }

/** Resolves when it is in a block. Rejects where the contract refuses it, before anything is sent. */
async function transact(wallet: BrowserWallet, registry: Registry, call: Call): Promise<void> {
  const { client, address } = await clientOf(wallet)
  await client.switchChain({ id: registry.chainId })
  const { request } = await client.simulateContract({
    address: registry.address,
    abi: ABI,
    account: address,
    ...(call as { functionName: 'removeUser'; args: readonly [bigint, Address] }),
  })
  const hash = await client.writeContract({ ...request, chain: null })
  const { status } = await client.waitForTransactionReceipt({ hash })
  if (status !== 'success') throw new Error(`The registry at ${registry.address} did not take it: see ${hash}.`)
}
