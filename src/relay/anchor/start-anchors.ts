/**
 * Anchors of a relay, put together: the thread that computes anew, the rows, and what sends.
 *
 * Tests: test/e2e/anchor.test.ts
 */

import { join } from 'node:path'
import type { ShopId } from '../../brands.js'
import type { TransactionChain } from '../../chain/chain.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../instruments/clock.js'
import type { Log } from '../instruments/log.js'
import type { Metrics } from '../instruments/metrics.js'
import { AnchorHistory } from './anchor-history.js'
import type { AnchorWallet } from './anchor-follower.js'
import { Anchors, type AnchoredCheckpoints } from './anchors.js'
import { FoundAnchors } from './found-anchors.js'
import { Revalidation } from './revalidation.js'

export interface AnchorSettings {
  /** Undefined: the shops' owners send. */
  readonly wallet: AnchorWallet | undefined
  readonly everySeconds: number
  /** Addresses of the relay's keys, 20 bytes each: several after a rotation. */
  readonly relays: readonly Uint8Array[]
  /** The data directory, where what was computed anew is kept; undefined: nowhere. */
  readonly data: string | undefined
}

interface AnchorRooms {
  /** The registry's, with the ShopReg contract, 20 bytes, and how deep an anchor has to be. */
  readonly place: { readonly chain: TransactionChain; readonly shops: Uint8Array; readonly depth: bigint }
  readonly store: Store
  readonly checkpoints: AnchoredCheckpoints
  readonly shops: () => Iterable<ShopId>
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** What runs until it is stopped. */
export interface RunningAnchors {
  /** For the operator. */
  readonly problems: readonly string[]
  stop(): Promise<void>
}

/** Without settings those are followed that somebody else sends. */
export function startAnchors(settings: AnchorSettings | undefined, rooms: AnchorRooms): RunningAnchors {
  if (settings !== undefined) return startSending(settings, rooms)
  const { place, ...given } = rooms
  const { chain, shops: contract, depth } = place
  const found = new FoundAnchors({ ...given, chain, contract, depth, history: new AnchorHistory(rooms.store) })
  return { problems: [], stop: () => found.stop() }
}

function startSending({ wallet, everySeconds, relays, data }: AnchorSettings, rooms: AnchorRooms): RunningAnchors {
  const { place, ...given } = rooms
  const directory = data === undefined ? undefined : join(data, 'anchor')
  const revalidation = new Revalidation({ store: rooms.store, relays, directory })
  const anchors = new Anchors({
    ...given,
    chain: place.chain,
    contract: place.shops,
    depth: place.depth,
    wallet,
    everySeconds,
    history: new AnchorHistory(rooms.store),
    revalidate: (shopId, seq, signed) => revalidation.revalidate(shopId, seq, signed),
  })
  return {
    get problems() {
      return anchors.problems
    },
    async stop() {
      const stopped = anchors.stop()
      await revalidation.close()
      await stopped
    },
  }
}
