/**
 * The contracts of PROTOCOL §12 and ERC-20, as far as the relay and its commands call and hear them. Bytes in, bytes
 * out.
 *
 * Tests: test/chain/rpc-chain.test.ts, test/e2e/registry.test.ts
 */

import { encodeFunctionData, parseAbi } from 'viem/utils'
import type { Amount, ShopId } from '../brands.js'
import { addressWord, callData, eventTopic, word } from '../bytes/abi.js'
import { fromBigEndian } from '../bytes/bytes.js'
import { fromHex, prefixedHex, toHex } from '../bytes/hex.js'
import type { ChainLog } from './chain.js'

/** updateRootHash: what a clerk of a shop holds. */
export const CLERK_PERMISSION = 2

export const PAYMENT_MADE = eventTopic('PaymentMade(uint256)')
export const TOKEN_TRANSFER = eventTopic('Transfer(address,address,uint256)')

const SHOP_EVENTS = {
  userAdded: eventTopic('UserAdded(uint256,address,uint256)'),
  userRemoved: eventTopic('UserRemoved(uint256,address)'),
  permissionAdded: eventTopic('PermissionAdded(uint256,address,uint8)'),
  permissionRemoved: eventTopic('PermissionRemoved(uint256,address,uint8)'),
  /** ERC-721: its token id is indexed, unlike ERC-20's amount. */
  transfer: eventTopic('Transfer(address,address,uint256)'),
} as const
/** First topics of everything that the account mirror hears. */
export const SHOP_EVENT_TOPICS: readonly Uint8Array[] = Object.values(SHOP_EVENTS)

export type ShopEvent =
  | { readonly kind: 'userAdded' | 'userRemoved'; readonly shopId: ShopId; readonly user: Uint8Array }
  | {
      readonly kind: 'permissionAdded' | 'permissionRemoved'
      readonly shopId: ShopId
      readonly user: Uint8Array
      readonly permission: bigint
    }
  | { readonly kind: 'transfer'; readonly shopId: ShopId; readonly from: Uint8Array; readonly to: Uint8Array }

/** Undefined for a log of another form. */
export function readShopEvent({ topics, data }: ChainLog): ShopEvent | undefined {
  const kind = nameOfTopic(topics[0])
  if (kind === undefined || topics[1] === undefined) return undefined
  if (kind === 'transfer') {
    const [, from, to, id] = topics
    if (from === undefined || to === undefined || id === undefined) return undefined
    return { kind, shopId: fromBigEndian(id), from: from.subarray(12), to: to.subarray(12) }
  }
  const shopId = fromBigEndian(topics[1])
  const words = kind === 'userRemoved' ? 1 : 2
  if (data.length < 32 * words) return undefined
  const user = data.slice(12, 32)
  if (kind === 'userAdded' || kind === 'userRemoved') return { kind, shopId, user }
  return { kind, shopId, user, permission: fromBigEndian(data.subarray(32, 64)) }
}

// Registry

export function hasPermissionCall(shopId: ShopId, user: Uint8Array, permission: number): Uint8Array {
  return callData('hasPermission(uint256,address,uint8)', word(shopId), addressWord(user), word(BigInt(permission)))
}

export function mintShopCall(shopId: ShopId, owner: Uint8Array): Uint8Array {
  return callData('mint(uint256,address)', word(shopId), addressWord(owner))
}

export function addRelayCall(shopId: ShopId, relayTokenId: bigint): Uint8Array {
  return callData('addRelay(uint256,uint256)', word(shopId), word(relayTokenId))
}

export function publishInviteVerifierCall(shopId: ShopId, verifier: Uint8Array): Uint8Array {
  return callData('publishInviteVerifier(uint256,address)', word(shopId), addressWord(verifier))
}

/** `signature`: 65 bytes r ‖ s ‖ v of the invite's key over the user's address. */
export function redeemInviteCall(shopId: ShopId, signature: Uint8Array, user: Uint8Array): Uint8Array {
  return callData(
    'redeemInvite(uint256,uint8,bytes32,bytes32,address)',
    word(shopId),
    word(BigInt(signature[64]!)),
    signature.subarray(0, 32),
    signature.subarray(32, 64),
    addressWord(user),
  )
}

const RELAY_ABI = parseAbi(['function mint(uint256 id, address owner, string uri)'])

export function mintRelayCall(tokenId: bigint, owner: Uint8Array, uri: string): Uint8Array {
  return fromHex(encodeFunctionData({ abi: RELAY_ABI, functionName: 'mint', args: [tokenId, prefixedHex(owner), uri] }))
}

// ERC-20

export const DECIMALS_CALL = callData('decimals()')

export function balanceOfCall(holder: Uint8Array): Uint8Array {
  return callData('balanceOf(address)', addressWord(holder))
}

export function transferCall(to: Uint8Array, amount: Amount): Uint8Array {
  return callData('transfer(address,uint256)', addressWord(to), word(amount))
}

export function approveCall(spender: Uint8Array, amount: Amount): Uint8Array {
  return callData('approve(address,uint256)', addressWord(spender), word(amount))
}

function nameOfTopic(topic: Uint8Array | undefined): ShopEvent['kind'] | undefined {
  if (topic === undefined) return undefined
  const text = toHex(topic)
  return (Object.keys(SHOP_EVENTS) as ShopEvent['kind'][]).find((kind) => toHex(SHOP_EVENTS[kind]) === text)
}
