/**
 * A shop while the relay runs: its newest state, and what the writer knows of it beside the state. Only the writer changes it.
 * Tests: test/relay/write/writer.test.ts, test/relay/shops/keeper.test.ts
 */

import { toHex, type Hex } from '../../bytes/hex.js'
import { decodeChecked } from '../../codec/decode.js'
import type { ShopState } from '../../state/shop-state.js'
import { fromBigEndian } from '../../bytes/bytes.js'
import type { Seq } from '../../store/store.js'

/** What a set changes all at once; a batch that cannot be stored goes back to the one before. */
export interface ShopVersion {
  readonly state: ShopState
  readonly head: Seq
  /** The relay's own last nonce in this shop. */
  readonly relayNonce: bigint
}

export class Shop {
  readonly shopId: bigint
  current: ShopVersion
  /** The last accepted nonce of each card that wrote since start; the store has the others. */
  readonly nonces = new Map<Hex, bigint>()
  readonly deadlines = new Deadlines()

  constructor(shopId: bigint, current: ShopVersion) {
    this.shopId = shopId
    this.current = current
    for (const [key, value] of current.state.indexes.live.entries()) {
      this.deadlines.add(fromBigEndian(key), decodeChecked(value) as bigint)
    }
  }
}

export function cardName(card: Uint8Array): Hex {
  return toHex(card)
}

/** Ends of reservations, earliest first (a binary heap). Entries are hints: whoever takes one asks the state whether it still holds. */
export class Deadlines {
  private readonly heap: { readonly at: bigint; readonly id: bigint }[] = []

  add(id: bigint, at: bigint): void {
    const { heap } = this
    let place = heap.push({ at, id }) - 1
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (heap[parent]!.at <= heap[place]!.at) return
      swap(heap, parent, place)
      place = parent
    }
  }

  /** Takes out the orders whose time is at or before `now`, seconds. */
  takeDue(now: bigint): bigint[] {
    const due: bigint[] = []
    while (this.heap.length > 0 && this.heap[0]!.at <= now) due.push(this.takeFirst())
    return due
  }

  private takeFirst(): bigint {
    const { heap } = this
    const { id } = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return id
    heap[0] = last
    for (let place = 0; ;) {
      const left = 2 * place + 1
      if (left >= heap.length) return id
      const child = left + 1 < heap.length && heap[left + 1]!.at < heap[left]!.at ? left + 1 : left
      if (heap[place]!.at <= heap[child]!.at) return id
      swap(heap, place, child)
      place = child
    }
  }
}

function swap(items: unknown[], a: number, b: number): void {
  const item = items[a]
  items[a] = items[b]
  items[b] = item
}
