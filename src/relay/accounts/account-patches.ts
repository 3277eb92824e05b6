/**
 * Patches of accounts that the relay writes itself (PROTOCOL §9): a new shop's first set, and a further card.
 *
 * Tests: test/e2e/sessions.test.ts
 */

import type { ChainId, ShopId } from '../../brands.js'
import { be64, concatBytes } from '../../bytes/bytes.js'
import { CborEncoded, encode, type Encodable } from '../../codec/encode.js'
import type { CborKey } from '../../codec/value.js'
import { Account, GUESTS_ACCOUNT } from '../../objects/account.js'
import { ChainAddress } from '../../objects/scalars.js'
import { encodeChange } from '../../patches/patch.js'
import type { ShopState } from '../../state/shop-state.js'

/** Encoded patches of the set that makes a shop: manifest and first account. */
export function foundingPatches(
  shopId: ShopId,
  registryChainId: ChainId,
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

/** In the form that a JavaScript decoder reads as a bigint whatever its size (§3): eight bytes, or tag 2 above them. */
function longInteger(value: bigint): Encodable {
  return value >> 64n === 0n
    ? new CborEncoded(concatBytes(Uint8Array.of(0x1b), be64(value)))
    : new CborEncoded(encode(value))
}
