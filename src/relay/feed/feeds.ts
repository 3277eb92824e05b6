/**
 * The feeds of all shops and who is subscribed to them: new durable sets are pushed once their delay is over (PROTOCOL
 * §10).
 *
 * Tests: test/e2e/subscriptions.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import type { Settings } from '../../settings/settings.js'
import { idKey } from '../../state/shop-state.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../instruments/clock.js'
import type { CommittedSet } from '../shops/committed-set.js'
import type { Shop } from '../shops/shop.js'
import { Feed } from './feed.js'
import type { Audience, Member } from './audience.js'
import { Audiences } from './audiences.js'
import type { Selection } from './selection.js'

export interface FeedsOptions {
  readonly settings: Pick<Settings, 'pushDelayMs'>
  readonly clock: Clock
  readonly store: Store
  /** The last set of a shop that the store's object index knows. */
  indexedUpTo(shopId: ShopId): Seq
}

/** The feed of a shop and who is subscribed to it. */
interface Followed {
  readonly feed: Feed
  readonly audiences: Audiences
  /** Who waits for sets to become pushable whatever they hold. */
  waiting: Set<Member>
}

const NOBODY: ReadonlySet<Audience> = new Set()

export class Feeds {
  private readonly options: FeedsOptions
  private readonly shops = new Map<ShopId, Followed>()

  constructor(options: FeedsOptions) {
    this.options = options
    for (const { shopId } of options.store.shops()) this.follow(shopId)
  }

  get subscriptionCount(): number {
    let count = 0
    for (const { audiences } of this.shops.values()) for (const { members } of audiences) count += members.size
    return count
  }

  feed(shopId: ShopId): Feed | undefined {
    return this.shops.get(shopId)?.feed
  }

  /** Whom a subscription of this shop, which is there, joins. */
  audience(shopId: ShopId, selection: Selection): Audience {
    return this.shops.get(shopId)!.audiences.of(selection)
  }

  subscribed(subscription: Member): void {
    subscription.audience.members.add(subscription)
  }

  unsubscribed(subscription: Member): void {
    const { audience } = subscription
    const { audiences, waiting } = this.shops.get(audience.feed.shopId)!
    waiting.delete(subscription)
    if (audience.members.delete(subscription) && audience.members.size === 0) audiences.remove(audience)
  }

  /** It is pumped when the next sets become pushable. */
  awaits(subscription: Member): void {
    this.shops.get(subscription.audience.feed.shopId)!.waiting.add(subscription)
  }

  /**
   * New durable sets: pushed once their delay is over, all in one go if there is none; never before this returns, so
   * that a session whose card one of them removed can still be ended within them.
   */
  published(shop: Shop, sets: readonly CommittedSet[]): void {
    const known = this.shops.get(shop.shopId)
    const followed = known ?? this.follow(shop.shopId)
    const { feed, audiences } = followed
    if (known === undefined) feed.head = feed.pushable = 0
    const { settings, clock } = this.options
    const isRead = audiences.size > 0
    feed.publish(sets, clock.nowMs(), isRead)
    const found = isRead ? this.readersOf(shop, audiences, sets) : NOBODY
    const { head } = feed
    if (settings.pushDelayMs === 0) return queueMicrotask(() => this.makePushable(followed, head, found))
    queueMicrotask(() => pumpPaced(found))
    clock.after(settings.pushDelayMs, () => this.makePushable(followed, head, found))
  }

  private readersOf(shop: Shop, audiences: Audiences, sets: readonly CommittedSet[]): ReadonlySet<Audience> {
    const { owners } = shop.current.state.indexes
    return audiences.note(
      sets.map(({ record, keys }) => ({ seq: record.seq, keys })),
      (id) => {
        try {
          return owners.get(idKey(id))
        } catch {
          // A damaged node: whoever is told of too many sets looks for himself which are his.
          return 'unknown'
        }
      },
    )
  }

  private follow(shopId: ShopId): Followed {
    const feed = new Feed(shopId, this.options.store, (id) => this.options.indexedUpTo(id))
    const followed = { feed, audiences: new Audiences(feed), waiting: new Set<Member>() }
    this.shops.set(shopId, followed)
    return followed
  }

  private makePushable(followed: Followed, seq: Seq, found: ReadonlySet<Audience>): void {
    const { feed, waiting } = followed
    feed.pushable = Math.max(feed.pushable, seq)
    followed.waiting = new Set()
    for (const subscription of inOrder(found, waiting)) subscription.pumpAlone()
  }
}

/** Pages have a pace instead of the delay, and some have a delay of their own. */
function pumpPaced(found: ReadonlySet<Audience>): void {
  for (const subscription of inOrder(found)) if (subscription.hasOwnTime) subscription.pumpAlone()
}

/** In the order in which they were accepted: those of one session are told in it. */
function inOrder(found: ReadonlySet<Audience>, others: ReadonlySet<Member> = new Set()): Member[] {
  const all = new Set(others)
  for (const { members } of found) for (const subscription of members) all.add(subscription)
  const isInOrder = others.size === 0 && found.size <= 1
  return isInOrder ? [...all] : [...all].sort((a, b) => a.serial - b.serial)
}
