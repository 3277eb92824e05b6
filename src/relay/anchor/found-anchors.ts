/**
 * Anchors that a relay finds in the registry where it makes none itself (`anchor` is off): a shop's owner may have sent
 * one by cairn anchor. They are kept and followed as its own are, so that receipts carry them. A few shops are looked
 * at with each block, in turn.
 *
 * Tests: test/e2e/rotated-relay.test.ts
 */

import { readWord } from '../../bytes/abi.js'
import type { ShopId } from '../../brands.js'
import { equalBytes, isAllZero } from '../../bytes/bytes.js'
import { prefixedHex, toHex } from '../../bytes/hex.js'
import type { Block } from '../../chain/chain.js'
import { ANCHOR_LOOKS_PER_BLOCK, ANCHOR_SEARCHED_SETS_MAX } from '../../limits.js'
import { rootHashCall, rootNonceCall } from '../../wire/registry-calls.js'
import type { Store } from '../../store/store.js'
import type { Log } from '../instruments/log.js'
import { AnchorFollower, type AnchorPlace } from './anchor-follower.js'
import { digestOf, type AnchorEntry, type AnchorHistory } from './anchor-history.js'
import { checkpointOfNonce, seqOfDigest, type FoundCheckpoint, type Registered } from './anchored-checkpoint.js'
import type { AnchoredCheckpoints } from './anchors.js'
import { HeadWork } from './head-work.js'

interface FoundAnchorsOptions extends Omit<AnchorPlace, 'wallet'> {
  readonly history: AnchorHistory
  readonly checkpoints: AnchoredCheckpoints
  readonly store: Store
  readonly shops: () => Iterable<ShopId>
  readonly log: Log
}

export class FoundAnchors {
  private readonly options: FoundAnchorsOptions
  private readonly follower: AnchorFollower
  /** Digests that are of no checkpoint here, as hexadecimal. */
  private readonly strange = new Map<ShopId, string>()
  private readonly following: HeadWork
  private next = 0
  private trouble: string | undefined

  constructor(options: FoundAnchorsOptions) {
    this.options = options
    this.follower = new AnchorFollower({ ...options, wallet: undefined })
    this.following = new HeadWork(options.chain, (head) => this.lookAtSome(head))
  }

  stop(): Promise<void> {
    return this.following.stop()
  }

  private async lookAtSome(head: Block): Promise<void> {
    const shops = [...this.options.shops()]
    for (let looked = 0; looked < Math.min(shops.length, ANCHOR_LOOKS_PER_BLOCK); looked++) {
      if (this.following.isStopped) return
      const shopId = shops[this.next++ % shops.length]!
      try {
        await this.lookAt(shopId, head)
        this.trouble = undefined
      } catch (error) {
        this.tell(shopId, error)
      }
    }
  }

  private async lookAt(shopId: ShopId, head: Block): Promise<void> {
    const { history } = this.options
    const last = await this.followed(shopId, head)
    const registered = await this.registered(shopId, head)
    if (registered === undefined) return
    const name = toHex(registered.digest)
    const isKnown = last !== undefined && last.status !== 'failed' && equalBytes(digestOf(last), registered.digest)
    if (isKnown || this.strange.get(shopId) === name) return
    const found = await this.checkpointOf(shopId, registered)
    if (found === undefined) {
      this.strange.set(shopId, name)
      return
    }
    const entry: AnchorEntry = { ...found, status: 'included', atMs: this.options.clock.nowMs() }
    const seen = await this.follower.find(shopId, entry, head)
    await history.add(shopId, seen)
    this.moved(shopId, seen)
  }

  private async checkpointOf(shopId: ShopId, registered: Registered): Promise<FoundCheckpoint | undefined> {
    const { checkpoints, store } = this.options
    const named = checkpointOfNonce((shop, seq) => checkpoints.firstSigned(shop, seq), shopId, registered)
    if (named !== undefined) return named
    const after = Math.max(0, store.head(shopId) - ANCHOR_SEARCHED_SETS_MAX)
    const seq = await seqOfDigest(store, shopId, registered.digest, after)
    const checkpoint = seq === undefined ? undefined : checkpoints.firstSigned(shopId, seq)
    return checkpoint && { seq: seq!, checkpoint }
  }

  /** The last one as it is now. */
  private async followed(shopId: ShopId, head: Block): Promise<AnchorEntry | undefined> {
    const { history } = this.options
    const last = history.last(shopId)
    if (last?.status !== 'broadcast' && last?.status !== 'included') return last
    const now = await this.follower.follow(shopId, last, head)
    if (now === last) return last
    const next = now.status === 'revalidated' ? ({ ...now, status: 'failed', reason: GONE } as const) : now
    await history.replaceLast(shopId, next)
    this.moved(shopId, next)
    return next
  }

  private async registered(shopId: ShopId, head: Block): Promise<Registered | undefined> {
    const { chain, contract } = this.options
    const at = { to: contract, blockNumber: head.number }
    const digest = await chain.call({ ...at, data: rootHashCall(shopId) })
    if (digest?.length !== 32 || isAllZero(digest)) return undefined
    return { digest, nonce: readWord(await chain.call({ ...at, data: rootNonceCall(shopId) })) ?? 0n }
  }

  private moved(shopId: ShopId, { seq, status, reason, tx, block }: AnchorEntry): void {
    const fields = { shop: shopId, seq, status, reason, tx: tx && prefixedHex(tx), block: block?.number }
    this.options.log.info('an anchor was found in the registry', fields)
  }

  private tell(shopId: ShopId, error: unknown): void {
    const { message } = error as Error
    if (this.following.isStopped || this.trouble === message) return
    this.trouble = message
    this.options.log.error('the registry cannot be looked at now; it is tried again', error, { shop: shopId })
  }
}

const GONE = 'its transaction is on the chain no more'
