/** Sets that the relay makes itself (PROTOCOL §9, §11): signed with its key, nonces of its own per shop. */

import { be64, concatBytes } from '../../bytes/bytes.js'
import { CborEncoded, encode, type Encodable } from '../../codec/encode.js'
import { CborTime, type CborKey } from '../../codec/value.js'
import { FRAME_OUT_BYTES_MAX } from '../../limits.js'
import { Account, GUESTS_ACCOUNT } from '../../objects/account.js'
import { CANCELED } from '../../objects/order.js'
import { ChainAddress } from '../../objects/scalars.js'
import { encodeChange } from '../../patches/patch.js'
import type { ShopState } from '../../state/shop-state.js'

/** Encoded patches of the set that makes a shop: manifest and first account. */
export function foundingPatches(
  shopId: bigint,
  registryChainId: bigint,
  wallet: Uint8Array,
  card: Uint8Array,
): Uint8Array[] {
  const manifest = new Map<CborKey, Encodable>([
    ['ShopID', longInteger(shopId)],
    ['Payees', new Map()],
    ['AcceptedCurrencies', new Map()],
    ['PricingCurrency', ChainAddress.write({ ChainID: registryChainId, Address: new Uint8Array(20) })],
    [
      'ShippingRegions',
      new Map([
        [
          'default',
          new Map([
            ['Country', ''],
            ['PostalCode', ''],
            ['City', ''],
          ]),
        ],
      ]),
    ],
  ])
  return [
    encodeChange({ op: 'replace', path: ['Manifest'], value: manifest }),
    encodeChange({ op: 'add', path: ['Accounts', wallet], value: Account.write({ KeyCards: [card], Guest: false }) }),
  ]
}

/** Encoded patches that enrol a further card. */
export function cardPatches(state: ShopState, account: Uint8Array, card: Uint8Array, guest: boolean): Uint8Array[] {
  const key = guest ? GUESTS_ACCOUNT : account
  if (state.collections.Accounts.has(key)) {
    return [encodeChange({ op: 'append', path: ['Accounts', key, 'KeyCards'], value: card })]
  }
  return [
    encodeChange({ op: 'add', path: ['Accounts', key], value: Account.write({ KeyCards: [card], Guest: guest }) }),
  ]
}

/** Encoded patches that cancel an order: CanceledAt if it has none, then State 2. */
export function cancelPatches(orderId: bigint, hasCanceledAt: boolean, atSeconds: bigint): Uint8Array[] {
  const state = encodeChange({ op: 'replace', path: ['Orders', orderId, 'State'], value: CANCELED })
  if (hasCanceledAt) return [state]
  return [encodeChange({ op: 'add', path: ['Orders', orderId, 'CanceledAt'], value: new CborTime(atSeconds) }), state]
}

/**
 * Groups of encoded patches as sets that fit a frame to a client with all their proofs: groups in order, one kept whole where
 * that is possible, none empty.
 */
export function packSets(groups: readonly (readonly Uint8Array[])[]): Uint8Array[][] {
  const sets: Uint8Array[][] = []
  let room = 0
  for (const group of groups) {
    const bytes = group.reduce((sum, patch) => sum + pushedBytes(patch), 0)
    if (bytes > room) room = 0
    for (const patch of group) {
      if (sets.length === 0 || room < pushedBytes(patch)) {
        sets.push([])
        room = RELAY_SET_BYTES
      }
      sets.at(-1)!.push(patch)
      room -= pushedBytes(patch)
    }
  }
  return sets
}

/** Half a frame: a single patch above it still fits. */
const RELAY_SET_BYTES = FRAME_OUT_BYTES_MAX / 2
/** Room for a patch's proof and heads in a set of that size. */
const PROOF_ROOM_BYTES = 768

function pushedBytes(patch: Uint8Array): number {
  return patch.length + PROOF_ROOM_BYTES
}

/** In the form that a JavaScript decoder reads as a bigint whatever its size (§3): eight bytes, or tag 2 above them. */
function longInteger(value: bigint): Encodable {
  return value >> 64n === 0n
    ? new CborEncoded(concatBytes(Uint8Array.of(0x1b), be64(value)))
    : new CborEncoded(encode(value))
}
