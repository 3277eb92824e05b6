/**
 * The subscriptions of one session (PROTOCOL §10; PROOFS §4): accepted, cancelled, told of answers.
 *
 * Tests: test/e2e/subscriptions.test.ts, test/e2e/snapshots.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { fromBigEndian, toBigEndian } from '../../bytes/bytes.js'
import {
  PUSH_DELAY_MS_MAX,
  SNAPSHOT_SECONDS_MAX,
  SNAPSHOT_UNREAD_SECONDS_MAX,
  SUBSCRIPTION_ID_MAX,
  SUBSCRIPTIONS_PER_SESSION_MAX,
} from '../../limits.js'
import type { SubscriptionRequest } from '../../wire/messages.js'
import { CheckpointPushes } from '../feed/checkpoint-pushes.js'
import type { Feed } from '../feed/feed.js'
import type { Feeds } from '../feed/feeds.js'
import { Selection } from '../feed/selection.js'
import type { SnapshotSlots } from '../feed/snapshot-slots.js'
import { Snapshot } from '../feed/snapshot.js'
import { Subscription, type ProvenPart, type PushTarget, type SnapshotSource } from '../feed/subscription.js'
import type { Clock } from '../instruments/clock.js'
import { ordersOfCard } from '../proofs/orders-of-card.js'
import type { ShopProofs } from '../proofs/shop-proofs.js'
import type { Reader } from '../shops/reader.js'
import type { Writer } from '../write/writer.js'
import { failure, success, type Answer } from './answer.js'
import { shopIdIn } from './shop-id.js'

export interface SubscriptionsHost {
  readonly clock: Clock
  readonly feeds: Feeds
  readonly writer: Pick<Writer, 'shop'>
  readonly proofs: ShopProofs
  readonly snapshots: SnapshotSlots
}

interface SubscriptionsOptions {
  readonly host: SubscriptionsHost
  readonly target: PushTarget
  /** Of a session of version 5. */
  readonly isProven: boolean
  /** Who reads now. */
  reader(shopId: ShopId): Reader
}

export class SessionSubscriptions {
  private readonly options: SubscriptionsOptions
  private readonly subscriptions = new Map<number, Subscription>()
  /** The requests that made them. */
  private readonly requests = new Map<number, bigint>()
  private last = 0

  constructor(options: SubscriptionsOptions) {
    this.options = options
  }

  get size(): number {
    return this.subscriptions.size
  }

  all(): Subscription[] {
    return [...this.subscriptions.values()]
  }

  pump(): void {
    for (const subscription of this.subscriptions.values()) subscription.pump()
  }

  owner(requestId: bigint): Subscription | undefined {
    for (const subscription of this.subscriptions.values()) if (subscription.owns(requestId)) return subscription
    return undefined
  }

  subscribe(requestId: bigint, request: SubscriptionRequest): Answer {
    const { host, target, isProven } = this.options
    const shopId = shopIdIn(request)
    if (typeof shopId !== 'bigint') return shopId
    const feed = host.feeds.feed(shopId)
    if (feed === undefined) return failure('NOT_FOUND', `shop ${shopId} is not known here`)
    const beyond = beyondHead(request, feed)
    if (beyond !== undefined) return beyond
    if (this.subscriptions.size >= SUBSCRIPTIONS_PER_SESSION_MAX || this.last >= SUBSCRIPTION_ID_MAX) {
      return failure(
        'TOO_MANY_CONCURRENT_REQUESTS',
        `more than ${SUBSCRIPTIONS_PER_SESSION_MAX} subscriptions at a time or ${SUBSCRIPTION_ID_MAX} in all`,
      )
    }
    const reader = this.options.reader(shopId)
    const selection = Selection.of(reader, request.filters, () => host.writer.shop(shopId)!.current.state)
    if (typeof selection === 'string') return failure('INVALID', selection)
    const audience = host.feeds.audience(shopId, selection)
    const proven = (idBytes: Uint8Array) => this.provenPart(shopId, request, reader, audience.selection, idBytes)
    const id = ++this.last
    const start = Number(request.startSeq)
    const subscription = new Subscription(id, audience, start, target, isProven ? proven : undefined)
    this.subscriptions.set(id, subscription)
    this.requests.set(id, requestId)
    host.feeds.subscribed(subscription)
    return { ok: true, payload: toBigEndian(BigInt(id), 2), sent: () => subscription.start() }
  }

  cancel(id: Uint8Array): Answer {
    if (id.length !== 2) return failure('INVALID', `a subscription id has 2 bytes, not ${id.length}`)
    const subscription = this.subscriptions.get(Number(fromBigEndian(id)))
    if (subscription === undefined) return failure('NOT_FOUND', 'there is no such subscription')
    this.end(subscription)
    return success()
  }

  end(subscription: Subscription): void {
    subscription.end()
    this.subscriptions.delete(subscription.id)
    this.requests.delete(subscription.id)
    this.options.host.feeds.unsubscribed(subscription)
  }

  /** Ends it; returns the id of the request that made it, undefined where it is over. */
  close(id: number): bigint | undefined {
    const subscription = this.subscriptions.get(id)
    const requestId = this.requests.get(id)
    if (subscription !== undefined) this.end(subscription)
    return requestId
  }

  private provenPart(
    shopId: ShopId,
    request: SubscriptionRequest,
    reader: Reader,
    selection: Selection,
    subscriptionId: Uint8Array,
  ): ProvenPart {
    const { proofs, clock } = this.options.host
    const salts = proofs.salts(shopId, reader)
    const from = Number(request.checkpointSeq ?? 0n)
    return {
      checkpoints: new CheckpointPushes({ proofs, shopId, subscriptionId, salts, from, clock }),
      snapshot: request.snapshot === true ? this.snapshotSource(shopId, reader, selection, from) : undefined,
      delayMs: request.pushDelayMs,
      clock,
    }
  }

  private snapshotSource(shopId: ShopId, reader: Reader, selection: Selection, from: Seq): SnapshotSource {
    const { host, target } = this.options
    const { proofs, clock, snapshots } = host
    let isOver = false
    let callOff = () => undefined as void
    let place: ReturnType<SnapshotSlots['take']> | undefined
    return {
      begin({ ready, failed, isUnread }) {
        const start = () => {
          callOff = clock.after(SNAPSHOT_SECONDS_MAX * 1_000, () =>
            failed(`the snapshot took more than ${SNAPSHOT_SECONDS_MAX} s: begin again`),
          )
          void proofs.newest(shopId).then((kept) => {
            if (isOver) return
            if (kept === undefined || kept.seq < from)
              return failed('there is no checkpoint now that a snapshot could stand under: begin again in a while')
            const { state, seq } = kept
            const indexedUpTo = proofs.indexedUpTo(shopId)
            const orders = () => orderIds(ordersOfCard(state, seq, reader.card!, { store: proofs.store, indexedUpTo }))
            ready(kept, new Snapshot(state, selection, orders))
          })
        }
        const giveUp = () =>
          failed(`nothing of the snapshot was read for ${SNAPSHOT_UNREAD_SECONDS_MAX} s and others wait: begin again`)
        place = snapshots.take(shopId, target, { start, isUnread, giveUp })
      },
      moved: () => place?.moved(),
      end() {
        if (isOver) return
        isOver = true
        callOff()
        place?.end()
      },
    }
  }
}

function* orderIds(orders: ReturnType<typeof ordersOfCard>): Generator<undefined, readonly bigint[]> {
  return (yield* orders).map(([id]) => id)
}

/** Why it cannot go on from where its client is. */
function beyondHead(
  { startSeq, checkpointSeq = 0n, pushDelayMs = 0 }: SubscriptionRequest,
  { head }: Feed,
): Answer | undefined {
  if (startSeq > BigInt(head))
    return failure('NOT_FOUND', `start ${startSeq} lies beyond the head of the shop, ${head}`)
  if (checkpointSeq > BigInt(head))
    return failure('NOT_FOUND', `checkpoint ${checkpointSeq} lies beyond the head of the shop, ${head}`)
  if (pushDelayMs > PUSH_DELAY_MS_MAX)
    return failure('INVALID', `a push delay of ${pushDelayMs} ms, at most ${PUSH_DELAY_MS_MAX} ms are possible`)
  return undefined
}
