/**
 * A shop while the relay runs: its newest state, and what the writer knows of it beside the state. Only the writer
 * changes it.
 *
 * Tests: test/relay/write/writer.test.ts, test/relay/shops/keeper.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { toHex, type Hex } from '../../bytes/hex.js'
import { decodeChecked } from '../../codec/decode-checked.js'
import type { ShopState } from '../../state/shop-state.js'
import { fromBigEndian } from '../../bytes/bytes.js'
import { Deadlines } from './deadlines.js'
import { NO_PEAKS, NO_STATE_ROOT, type LogPeaks } from './log-trees.js'

/** What a set changes all at once; a batch that cannot be stored goes back to the one before. */
export interface ShopVersion {
  readonly state: ShopState
  readonly head: Seq
  /** The relay's own last nonce in this shop. */
  readonly relayNonce: bigint
  /** Of the trees over the log. */
  readonly log: LogPeaks
  /** StateRoot after the head, 32 bytes. */
  readonly stateRoot: Uint8Array
}

/** Before the first set. */
export function firstVersion(state: ShopState): ShopVersion {
  return { state, head: 0, relayNonce: 0n, log: NO_PEAKS, stateRoot: NO_STATE_ROOT }
}

/** Why a shop takes no writes. */
export interface Closure {
  readonly reason: string
  /** It will take them again by itself; otherwise a person has to do something. */
  readonly forNow: boolean
}

export class Shop {
  readonly shopId: ShopId
  readonly secret: Uint8Array
  current: ShopVersion
  /** Set while the shop takes no writes, the relay's own among them. */
  closed: Closure | undefined
  /** The last accepted nonce of each card that wrote since start; the store has the others. */
  readonly nonces = new Map<Hex, bigint>()
  readonly deadlines = new Deadlines()

  /** `secret`: the shop's, 32 bytes (PROOFS §1). */
  constructor(shopId: ShopId, current: ShopVersion, secret: Uint8Array) {
    this.shopId = shopId
    this.current = current
    this.secret = secret
    for (const [key, value] of current.state.indexes.live.entries()) {
      this.deadlines.add(fromBigEndian(key), decodeChecked(value) as bigint)
    }
  }
}

/** `card`: 33 bytes that do not change. */
export function cardName(card: Uint8Array): Hex {
  if (card === lastCard) return lastName
  let name = NAMES.get(card)
  if (name === undefined) NAMES.set(card, (name = toHex(card)))
  lastCard = card
  return (lastName = name)
}

/** Asked again and again for each set, of the arrays that sessions hold. */
const NAMES = new WeakMap<Uint8Array, Hex>()
let lastCard: Uint8Array | undefined
let lastName: Hex = ''
