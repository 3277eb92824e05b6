/**
 * The feeds of all shops and who is subscribed to them: new durable sets are pushed once their delay is over (PROTOCOL
 * §10).
 *
 * Tests: test/e2e/subscriptions.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import type { Settings } from '../../settings/settings.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../instruments/clock.js'
import type { CommittedSet } from '../shops/committed-set.js'
import type { Shop } from '../shops/shop.js'
import { Feed } from './feed.js'
import type { Subscription } from './subscription.js'

export interface FeedsOptions {
  readonly settings: Pick<Settings, 'pushDelayMs'>
  readonly clock: Clock
  readonly store: Store
  /** The last set of a shop that the store's object index knows. */
  indexedUpTo(shopId: ShopId): Seq
}

export class Feeds {
  private readonly options: FeedsOptions
  private readonly feeds = new Map<ShopId, Feed>()
  private readonly subscriptions = new Map<Feed, Set<Subscription>>()

  constructor(options: FeedsOptions) {
    this.options = options
    for (const { shopId } of options.store.shops()) this.feeds.set(shopId, this.newFeed(shopId))
  }

  get subscriptionCount(): number {
    let count = 0
    for (const subscriptions of this.subscriptions.values()) count += subscriptions.size
    return count
  }

  feed(shopId: ShopId): Feed | undefined {
    return this.feeds.get(shopId)
  }

  subscribed(subscription: Subscription): void {
    const all = this.subscriptions.get(subscription.feed) ?? new Set()
    all.add(subscription)
    this.subscriptions.set(subscription.feed, all)
  }

  unsubscribed(subscription: Subscription): void {
    this.subscriptions.get(subscription.feed)?.delete(subscription)
  }

  /**
   * New durable sets: pushed once their delay is over, all in one go if there is none; never before this returns, so
   * that a session whose card one of them removed can still be ended within them.
   */
  published(shop: Shop, sets: readonly CommittedSet[]): void {
    let feed = this.feeds.get(shop.shopId)
    if (feed === undefined) {
      feed = this.newFeed(shop.shopId)
      feed.head = feed.pushable = 0
      this.feeds.set(shop.shopId, feed)
    }
    // Trees and names are large: where nobody reads them they are not kept.
    const isRead = (this.subscriptions.get(feed)?.size ?? 0) > 0
    const { settings, clock } = this.options
    feed.publish(isRead ? sets : sets.map(({ record }) => ({ record })), clock.nowMs())
    const { head } = feed
    if (settings.pushDelayMs === 0) return queueMicrotask(() => this.makePushable(feed, head))
    queueMicrotask(() => this.pumpPaced(feed))
    clock.after(settings.pushDelayMs, () => this.makePushable(feed, head))
  }

  private newFeed(shopId: ShopId): Feed {
    return new Feed(shopId, this.options.store, (id) => this.options.indexedUpTo(id))
  }

  /** Pages have a pace instead of the delay, and some have a delay of their own. */
  private pumpPaced(feed: Feed): void {
    for (const subscription of [...(this.subscriptions.get(feed) ?? [])])
      if (subscription.hasOwnTime) subscription.pumpAlone()
  }

  private makePushable(feed: Feed, seq: Seq): void {
    feed.pushable = Math.max(feed.pushable, seq)
    for (const subscription of [...(this.subscriptions.get(feed) ?? [])]) subscription.pumpAlone()
  }
}
