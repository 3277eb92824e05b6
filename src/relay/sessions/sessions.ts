/** What all sessions share: who is connected, the shops' feeds, and the tick that keeps time. */

import { equalBytes } from '../../bytes/bytes.js'
import type { Registry } from '../../chain/registry.js'
import type { Settings } from '../../settings/settings.js'
import type { Role } from '../../state/access.js'
import type { CardRow, LogRecord, Seq, Store } from '../../store/store.js'
import type { Hex } from '../../bytes/hex.js'
import type { BlobTokens } from '../blobs/upload-tokens.js'
import type { Clock } from '../instruments/clock.js'
import { Feed } from '../feed/feed.js'
import { RoundRobin } from '../feed/round-robin.js'
import { cardName, type Shop } from '../shops/shop.js'
import { CLOSE_RESTART, Session } from './session.js'
import type { Subscription } from '../feed/subscription.js'
import type { Connection, UpgradeDecision, UpgradeRequest, WebSocketHandlers } from '../transport/transport.js'
import type { RateLimiter } from '../transport/rate-limit.js'
import type { Verifier } from '../write/verifier.js'
import type { Writer } from '../write/writer.js'

export type HubSettings = Pick<
  Settings,
  'pingIntervalMs' | 'kickTimeoutMs' | 'pushDelayMs' | 'idleSessionSeconds' | 'sessionsMax' | 'sessionsPerAddressMax'
>

export interface HubOptions {
  readonly settings: HubSettings
  readonly clock: Clock
  readonly store: Store
  readonly registry: Registry
  readonly upgradeRate: Pick<RateLimiter, 'take'>
  readonly blobTokens: BlobTokens
  readonly verifier: Verifier
  /** The last set of a shop that the store's object index knows. */
  indexedUpTo(shopId: bigint): number
  /** Without a slash at the end. */
  publicUrl(): string
  randomBytes(length: number): Uint8Array
  onBug(error: unknown): void
}

export const SESSIONS_PATH = '/v4/sessions'
const TICK_MS = 250
/** A tick that comes this much too late, or too early, tells of a process that stood still or a clock that was set. */
const TICK_SLIP_MS = 1_000

export class Hub {
  readonly settings: HubSettings
  readonly clock: Clock
  readonly store: Store
  /** What sessions have to do for long. */
  readonly turns = new RoundRobin()
  private readonly options: HubOptions
  private attached: Writer | undefined
  private readonly sessions = new Map<Connection, Session>()
  private readonly perAddress = new Map<string, number>()
  private readonly byCard = new Map<Hex, Session>()
  private readonly feeds = new Map<bigint, Feed>()
  private readonly subscriptions = new Map<Feed, Set<Subscription>>()
  private readonly rightsChanged = new Map<bigint, number>()
  private closing = false
  private stopTicking: () => void = () => undefined
  private nextTickMs: number

  constructor(options: HubOptions) {
    this.options = options
    this.settings = options.settings
    this.clock = options.clock
    this.store = options.store
    this.nextTickMs = this.clock.nowMs()
    for (const { shopId } of options.store.shops()) this.feeds.set(shopId, this.newFeed(shopId))
    this.tick()
  }

  get writer(): Writer {
    return this.attached!
  }

  get verifier(): Verifier {
    return this.options.verifier
  }

  attach(writer: Writer): void {
    this.attached = writer
  }

  get sessionCount(): number {
    return this.sessions.size
  }

  get subscriptionCount(): number {
    let count = 0
    for (const subscriptions of this.subscriptions.values()) count += subscriptions.size
    return count
  }

  // Transport

  decideUpgrade({ path, address }: UpgradeRequest): UpgradeDecision {
    if (path !== SESSIONS_PATH)
      return {
        accept: false,
        status: 404,
        body: `there is no ${path.slice(0, 64)}; sessions are at ${SESSIONS_PATH}\n`,
      }
    if (this.closing) return { accept: false, status: 503, body: 'the relay is shutting down\n' }
    if (!this.options.upgradeRate.take(address))
      return { accept: false, status: 429, body: 'too many connections in a short time\n' }
    if ((this.perAddress.get(address) ?? 0) >= this.settings.sessionsPerAddressMax)
      return { accept: false, status: 429, body: 'too many sessions of one address\n' }
    if (this.sessions.size >= this.settings.sessionsMax)
      return { accept: false, status: 503, body: 'too many sessions\n' }
    return { accept: true }
  }

  readonly websocket: WebSocketHandlers = {
    opened: (connection) => {
      this.sessions.set(connection, new Session(this, connection))
      this.perAddress.set(connection.address, (this.perAddress.get(connection.address) ?? 0) + 1)
    },
    frame: (connection, bytes) => {
      if (!this.closing) this.sessions.get(connection)?.frame(bytes)
    },
    drained: (connection) => this.sessions.get(connection)?.drained(),
    closed: (connection) => this.sessions.get(connection)?.finish(),
  }

  sessionEnded({ connection }: Session): void {
    if (!this.sessions.delete(connection)) return
    const left = (this.perAddress.get(connection.address) ?? 1) - 1
    if (left > 0) this.perAddress.set(connection.address, left)
    else this.perAddress.delete(connection.address)
  }

  // Cards

  /** Whether a live session has this card. One whose socket is gone without a word is ended by the question. */
  isConnected(card: Uint8Array): boolean {
    const session = this.byCard.get(cardName(card))
    if (session !== undefined && !session.connection.isOpen()) session.finish()
    return this.byCard.has(cardName(card))
  }

  /** False if another session has the card. */
  bind(card: Uint8Array, session: Session): boolean {
    if (this.isConnected(card)) return false
    this.byCard.set(cardName(card), session)
    return true
  }

  unbind(card: Uint8Array, session: Session): void {
    if (this.byCard.get(cardName(card)) === session) this.byCard.delete(cardName(card))
  }

  /** What the card may do now; undefined if its wallet has lost its rights. Throws RegistryUnreachable. */
  async roleOf(card: CardRow): Promise<Exclude<Role, 'relay'> | undefined> {
    if (card.guest) return 'guest'
    if (await this.options.registry.owns(card.shopId, card.account)) return 'owner'
    return (await this.options.registry.mayWrite(card.shopId, card.account)) ? 'clerk' : undefined
  }

  /** Ends the sessions of the wallet's cards in the shop whose role is no longer what the chain says. */
  async recheckRights(shopId: bigint, wallet: Uint8Array): Promise<void> {
    this.noteRightsChange(shopId)
    for (const session of [...this.byCard.values()]) {
      const { account, role } = session.author ?? {}
      if (session.shopId !== shopId || account === undefined || !equalBytes(account, wallet)) continue
      const card = this.store.card(session.author!.card!)
      if (card === undefined || (await this.roleOf(card)) !== role) session.cardRemoved()
    }
  }

  /** `seq`: the set that removed the card. */
  cardUnlinked(card: Uint8Array, seq: Seq): void {
    const row = this.store.card(card)
    if (row !== undefined) this.noteRightsChange(row.shopId)
    this.byCard.get(cardName(card))?.cardRemoved(seq)
  }

  /** How often rights in the shop may have changed: what was asked for before a change is old. */
  rightsChanges(shopId: bigint): number {
    return this.rightsChanged.get(shopId) ?? 0
  }

  private noteRightsChange(shopId: bigint): void {
    this.rightsChanged.set(shopId, this.rightsChanges(shopId) + 1)
  }

  // Feeds

  feed(shopId: bigint): Feed | undefined {
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
   * New durable sets: pushed once their delay is over, all in one go if there is none; never before this returns, so that
   * `cardUnlinked` can still end a session within them.
   */
  published(shop: Shop, records: readonly LogRecord[]): void {
    let feed = this.feeds.get(shop.shopId)
    if (feed === undefined) {
      feed = this.newFeed(shop.shopId)
      feed.head = feed.pushable = 0
      this.feeds.set(shop.shopId, feed)
    }
    feed.publish(records)
    const { head } = feed
    if (this.settings.pushDelayMs === 0) queueMicrotask(() => this.makePushable(feed, head))
    else this.clock.after(this.settings.pushDelayMs, () => this.makePushable(feed, head))
  }

  private newFeed(shopId: bigint): Feed {
    return new Feed(shopId, this.store, (id) => this.options.indexedUpTo(id))
  }

  private makePushable(feed: Feed, seq: number): void {
    feed.pushable = Math.max(feed.pushable, seq)
    for (const subscription of [...(this.subscriptions.get(feed) ?? [])]) subscription.pumpAlone()
  }

  blobUploadUrl(session: Session, card: Uint8Array): string | undefined {
    const token = this.options.blobTokens.issue(session, cardName(card))
    return token === undefined ? undefined : `${this.options.publicUrl()}/v4/upload_blob?token=${token}`
  }

  randomBytes(length: number): Uint8Array {
    return this.options.randomBytes(length)
  }

  onBug(error: unknown): void {
    this.options.onBug(error)
  }

  // Time and end

  /** New sessions are refused from now on, and what clients still send is not taken up; nobody's silence counts. */
  stopAccepting(): void {
    this.closing = true
    this.stopTicking()
  }

  /** Whether sessions have requests without an answer. */
  get isBusy(): boolean {
    return [...this.sessions.values()].some((session) => session.isBusy)
  }

  /** Ends all sessions with a code that means: come back. */
  closeAll(): void {
    this.stopAccepting()
    for (const session of [...this.sessions.values()])
      session.close(CLOSE_RESTART, 'the relay restarts; reconnect with jitter')
  }

  private tick(): void {
    const now = this.clock.nowMs()
    const slip = now - this.nextTickMs
    // What clients sent meanwhile was not read yet: it is not they who were silent.
    if (Math.abs(slip) > TICK_SLIP_MS) for (const session of this.sessions.values()) session.shiftTime(slip)
    for (const session of [...this.sessions.values()]) session.tick(now)
    const wait = Math.min(TICK_MS, this.settings.pingIntervalMs)
    this.nextTickMs = now + wait
    this.stopTicking = this.clock.after(wait, () => this.tick())
  }
}
