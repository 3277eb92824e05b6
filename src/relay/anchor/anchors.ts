/**
 * Anchors of all shops (PROOFS §3): each newest checkpoint, when it is time for one, is computed anew, sent to the shop
 * registry by the relay or left to the shop's owner, and followed until it is final. Whatever fails is tried again
 * later; nothing here holds a write or a push.
 *
 * Tests: test/relay/anchor/anchor.test.ts, test/e2e/anchor.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { readWord } from '../../bytes/abi.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex } from '../../bytes/hex.js'
import { nextAnchorNonce } from '../../chain/anchor-call.js'
import type { Block } from '../../chain/chain.js'
import { rootHashCall, rootNonceCall, updateRootHashCall } from '../../wire/registry-calls.js'
import { ANCHOR_RETRY_SECONDS } from '../../limits.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { describeDifference, type Difference } from '../audit/difference.js'
import type { Log } from '../instruments/log.js'
import type { Metrics } from '../instruments/metrics.js'
import { AnchorFollower, type AnchorPlace } from './anchor-follower.js'
import { digestOf, type AnchorEntry, type AnchorHistory } from './anchor-history.js'
import { HeadWork } from './head-work.js'
import { checkpointOfNonce } from './anchored-checkpoint.js'

/** The checkpoints of shops, as they were first signed. */
export interface AnchoredCheckpoints {
  newest(shopId: ShopId): { readonly seq: Seq } | undefined
  firstSigned(shopId: ShopId, seq: Seq): SignedCheckpoint | undefined
}

export interface AnchorsOptions extends AnchorPlace {
  /** From one anchor of a shop to its next. */
  readonly everySeconds: number
  readonly history: AnchorHistory
  readonly checkpoints: AnchoredCheckpoints
  readonly shops: () => Iterable<ShopId>
  /** The first difference where the log does not lead to the checkpoint. */
  readonly revalidate: (shopId: ShopId, seq: Seq, signed: SignedCheckpoint) => Promise<Difference | undefined>
  readonly log: Log
  readonly metrics: Metrics
}

export class Anchors {
  private readonly options: AnchorsOptions
  private readonly follower: AnchorFollower
  /** Why nothing of a shop is anchored any more: somebody has to look. */
  private readonly alarms = new Map<ShopId, string>()
  /** What went wrong the last time, and goes on. */
  private readonly troubles = new Map<ShopId, string>()
  private readonly retryAtMs = new Map<ShopId, number>()
  /** Of an entry of which the owner was told. */
  private readonly told = new Map<ShopId, Seq>()
  private readonly following: HeadWork

  constructor(options: AnchorsOptions) {
    const { chain, metrics } = options
    this.options = options
    this.follower = new AnchorFollower(options)
    const help = 'Shops whose log does not lead to what was signed: nothing of them is anchored'
    metrics.gauge('cairn_anchor_alarms', help, () => this.alarms.size)
    this.following = new HeadWork(chain, (head) => this.lookAtAll(head))
  }

  /** For the operator. */
  get problems(): string[] {
    return [...this.alarms.values(), ...this.troubles.values()]
  }

  stop(): Promise<void> {
    return this.following.stop()
  }

  private async lookAtAll(head: Block): Promise<void> {
    for (const shopId of this.options.shops()) {
      if (this.following.isStopped) return
      if (this.alarms.has(shopId)) continue
      try {
        await this.step(shopId, head)
      } catch (error) {
        this.trouble(shopId, error)
      }
    }
  }

  private async step(shopId: ShopId, head: Block): Promise<void> {
    const { history } = this.options
    const last = history.last(shopId)
    if (last?.status === 'broadcast' || last?.status === 'included') {
      const next = await this.follower.follow(shopId, last, head)
      if (next !== last) await this.moved(shopId, next)
      if (next.status === 'broadcast' || next.status === 'included') return
    }
    if (this.options.clock.nowMs() < (this.retryAtMs.get(shopId) ?? 0)) return
    const entry = history.last(shopId)
    // Left to the owner for so long that a newer one is due, it gives way to that.
    if (this.isDue(shopId, entry)) await this.begin(shopId, entry)
    else if (entry?.status === 'revalidated') await this.send(shopId, entry)
    this.troubles.delete(shopId)
  }

  /** The newest checkpoint is not anchored, and the last anchor is old enough. */
  private isDue(shopId: ShopId, last: AnchorEntry | undefined): boolean {
    const newest = this.options.checkpoints.newest(shopId)
    if (newest === undefined) return false
    if (last === undefined || last.status === 'failed') return true
    return newest.seq > last.seq && this.isOld(last)
  }

  private isOld({ atMs }: AnchorEntry): boolean {
    return this.options.clock.nowMs() - atMs >= this.options.everySeconds * 1_000
  }

  private async begin(shopId: ShopId, last: AnchorEntry | undefined): Promise<void> {
    const { checkpoints, history, revalidate, clock, log } = this.options
    const { seq } = checkpoints.newest(shopId)!
    const checkpoint = checkpoints.firstSigned(shopId, seq)
    if (checkpoint === undefined) return
    const difference = await revalidate(shopId, seq, checkpoint)
    if (difference !== undefined) return this.alarm(shopId, seq, difference)
    const entry: AnchorEntry = { seq, checkpoint, status: 'revalidated', atMs: clock.nowMs() }
    if (last?.status === 'revalidated') await history.replaceLast(shopId, entry)
    else await history.add(shopId, entry)
    log.info('a checkpoint was computed anew to be anchored', { shop: shopId, seq })
    await this.send(shopId, entry)
  }

  /** A log that leads elsewhere: whatever is anchored of it would bind the relay to it. */
  private alarm(shopId: ShopId, seq: Seq, difference: Difference): void {
    const text = `shop ${shopId}: nothing is anchored, its log does not lead to checkpoint ${seq}`
    this.alarms.set(shopId, `${text}: ${describeDifference(difference)}`)
    this.options.log.error('ALARM: a log does not lead to what was signed', new Error(describeDifference(difference)), {
      shop: shopId,
      seq,
    })
  }

  private async send(shopId: ShopId, entry: AnchorEntry): Promise<void> {
    const { chain, contract, wallet } = this.options
    // Computing anew may have taken long.
    const head = await chain.head()
    const at = { to: contract, blockNumber: head.number }
    const [root, nonce] = await Promise.all([
      chain.call({ ...at, data: rootHashCall(shopId) }),
      chain.call({ ...at, data: rootNonceCall(shopId) }),
    ])
    if (root !== undefined && equalBytes(root, digestOf(entry))) {
      const found = await this.follower.find(shopId, entry, head)
      return this.moved(shopId, found)
    }
    const last = readWord(nonce) ?? 0n
    const next = nextAnchorNonce(last, BigInt(entry.seq))
    if (next === undefined)
      throw new Error(`its nonce in the registry is ${last}, the highest there is: it can be anchored no more`)
    if (wallet === undefined) {
      if (!(await this.adopt(shopId, root, last, head))) this.tellOwner(shopId, entry)
      return
    }
    const data = updateRootHashCall(shopId, digestOf(entry), next)
    const { hash, raw, nonce: txNonce } = await wallet.sign({ to: contract, data })
    const sent = { ...entry, status: 'broadcast', atMs: this.options.clock.nowMs() } as const
    // On disk first: after a crash it is known what may be on its way.
    await this.moved(shopId, { ...sent, nonce: next, tx: hash, raw, txNonce })
    await wallet.broadcast(raw)
  }

  /** The owner may have sent another checkpoint than the one that waits: mostly its nonce is its seq. */
  private async adopt(shopId: ShopId, root: Uint8Array | undefined, nonce: bigint, head: Block): Promise<boolean> {
    const { checkpoints, history, revalidate, clock } = this.options
    const firstSigned: AnchoredCheckpoints['firstSigned'] = (shop, seq) => checkpoints.firstSigned(shop, seq)
    const found = root && checkpointOfNonce(firstSigned, shopId, { digest: root, nonce })
    if (found === undefined) return false
    const { seq, checkpoint } = found
    const waiting = history.last(shopId)!.seq
    const difference = seq > waiting ? await revalidate(shopId, seq, checkpoint) : undefined
    if (difference !== undefined) this.alarm(shopId, seq, difference)
    else {
      const entry: AnchorEntry = { seq, checkpoint, status: 'included', atMs: clock.nowMs() }
      await this.moved(shopId, await this.follower.find(shopId, entry, head))
    }
    return true
  }

  private tellOwner(shopId: ShopId, entry: AnchorEntry): void {
    if (this.told.get(shopId) === entry.seq) return
    this.told.set(shopId, entry.seq)
    const digest = prefixedHex(digestOf(entry))
    this.options.log.info('an anchor waits for the owner: cairn anchor', { shop: shopId, seq: entry.seq, digest })
  }

  private async moved(shopId: ShopId, entry: AnchorEntry): Promise<void> {
    const { history, log } = this.options
    await history.replaceLast(shopId, entry)
    const { seq, status, reason, tx } = entry
    const fields = { shop: shopId, seq, status, reason, tx: tx && prefixedHex(tx), block: entry.block?.number }
    if (status === 'failed') {
      this.retryLater(shopId)
      log.warn('an anchor failed', fields)
    } else log.info('an anchor moved on', fields)
  }

  private retryLater(shopId: ShopId): void {
    this.retryAtMs.set(shopId, this.options.clock.nowMs() + ANCHOR_RETRY_SECONDS * 1_000)
  }

  private trouble(shopId: ShopId, error: unknown): void {
    if (this.following.isStopped) return
    const text = `shop ${shopId} cannot be anchored now: ${(error as Error).message}`
    this.retryLater(shopId)
    if (this.troubles.get(shopId) === text) return
    this.troubles.set(shopId, text)
    this.options.log.error('a shop cannot be anchored now; it is tried again', error, { shop: shopId })
  }
}
