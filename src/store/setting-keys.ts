/**
 * Keys of the store's settings: rows of many rooms in one table, so that their names stand in one place and no two
 * rooms take the same. They are stored: a form never changes.
 *
 *     anchor/<shop>                      how many anchors of the shop there were
 *     anchor/<shop>/<number>             one of them, from 1
 *     chain/<chain>/registry             blocks up to which the registry was followed
 *     chain/<chain>/payments             the same of payments
 *     chain/<chain>/payments/checked     the block up to which payments were checked once more
 *     chain/<chain>/decimals/<token>     decimals of a token
 *     development/owner/<shop>           wallet that named the shop first, where there is no chain
 *     note-binding/<shop>                which key signs notes of the shop's log
 *     receipt/<shop>/level/<seq>         level after a set that asks for payment
 *     receipt/<shop>/manifest/<hash>     a manifest of such a level
 *     written/<shop>/<card>/<place>      sets that the card wrote last
 *
 * Shops, chains and numbers are decimal, but the shop of `written` is hexadecimal; bytes are hexadecimal, without 0x.
 *
 * Tests: test/store/setting-keys.test.ts
 */

import type { ChainId, Seq, ShopId } from '../brands.js'
import { toHex } from '../bytes/hex.js'

export function anchorCountKey(shopId: ShopId): string {
  return `anchor/${shopId}`
}

/** `number` from 1. */
export function anchorKey(shopId: ShopId, number: number): string {
  return `anchor/${shopId}/${number}`
}

export function registryBlocksKey(chainId: ChainId): string {
  return `chain/${chainId}/registry`
}

export function paymentBlocksKey(chainId: ChainId): string {
  return `chain/${chainId}/payments`
}

export function checkedPaymentsKey(chainId: ChainId): string {
  return `chain/${chainId}/payments/checked`
}

/** `token`: 20 bytes. */
export function decimalsKey(chainId: ChainId, token: Uint8Array): string {
  return `chain/${chainId}/decimals/${toHex(token)}`
}

export function developmentOwnerKey(shopId: ShopId): string {
  return `development/owner/${shopId}`
}

export function noteBindingKey(shopId: ShopId): string {
  return `note-binding/${shopId}`
}

export function askedLevelKey(shopId: ShopId, seq: Seq): string {
  return `receipt/${shopId}/level/${seq}`
}

/** `hash`: of the manifest, 32 bytes. */
export function askedManifestKey(shopId: ShopId, hash: Uint8Array): string {
  return `receipt/${shopId}/manifest/${toHex(hash)}`
}

/** What stands before the places of a card's sets. `card`: 33 bytes. */
export function writtenSetsName(shopId: ShopId, card: Uint8Array): string {
  return `written/${shopId.toString(16)}/${toHex(card)}`
}

export function writtenSetsKey(name: string, place: number): string {
  return `${name}/${place}`
}
