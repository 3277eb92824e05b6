/**
 * The relay put together: store, state, writer, sessions, HTTP, sockets; started, watched and stopped.
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/differences.test.ts
 */

import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { getHeapStatistics } from 'node:v8'
import { addressOf, native, publicKeyOf } from '#signature'
import type { ChainId, Seq, ShopId } from '../brands.js'
import { prefixedHex, toHex } from '../bytes/hex.js'
import type { TransactionChain } from '../chain/chain.js'
import type { ChainRegistry } from '../chain/chain-registry.js'
import { DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import { readFollowedBlocks, writeFollowedBlocks } from '../chain/followed-blocks.js'
import { relayIdentity, type Registry } from '../chain/registry.js'
import * as limits from '../limits.js'
import { isLoopback } from '../settings/loopback.js'
import type { NoteKey } from '../settings/note-key.js'
import type { Settings } from '../settings/settings.js'
import type { BlobStore } from '../store/blobs.js'
import type { SignedGuard } from '../store/signed-guard.js'
import type { Store } from '../store/store.js'
import { afterCommit } from './after-commit.js'
import { AccountMirror } from './accounts/account-mirror.js'
import { Enrolment } from './accounts/enrolment.js'
import { startAnchors, type AnchorSettings, type RunningAnchors } from './anchor/start-anchors.js'
import { blobAccess } from './blobs/blob-access.js'
import { PricedListings } from './blobs/priced-listings.js'
import { UploadTokens } from './blobs/upload-tokens.js'
import { Feeds, type FeedsOptions } from './feed/feeds.js'
import { RoundRobin } from './feed/round-robin.js'
import { SnapshotSlots } from './feed/snapshot-slots.js'
import { Checkpoints } from './checkpoints/checkpoints.js'
import { makeHttp } from './http.js'
import { listeningOptions } from './listening.js'
import { nowSeconds, systemClock, type Clock } from './instruments/clock.js'
import { Health } from './instruments/health.js'
import type { Log } from './instruments/log.js'
import type { Metrics } from './instruments/metrics.js'
import { NoteService } from './notes/note-service.js'
import { readWitnesses } from './notes/witnesses.js'
import { Checkout } from './payments/checkout.js'
import type { PaymentChain } from './payments/payment-chain.js'
import { Payments, type PaymentChainSettings } from './payments/payments.js'
import { NO_PRICES, type PriceSource } from './payments/price-source.js'
import { answerProof } from './proofs/http-proofs.js'
import { ShopProofs } from './proofs/shop-proofs.js'
import { ConnectedCards } from './sessions/cards.js'
import { Sessions, type SessionsOptions } from './sessions/sessions.js'
import { Keeper } from './shops/keeper.js'
import { cardName, type Shop } from './shops/shop.js'
import { strangeHost } from './transport/host-header.js'
import { RateLimiter } from './transport/rate-limit.js'
import type { Listener, ListenFunction, UpgradeDecision, UpgradeRequest } from './transport/transport.js'
import type { BatchOptions } from './write/batch.js'
import type { AfterCommit } from './write/change.js'
import { Verifier } from './write/verifier.js'
import { WorkSlices } from './write/work-slices.js'
import { Writer } from './write/writer.js'

export type RelaySettings = SessionsOptions['settings'] &
  FeedsOptions['settings'] &
  Pick<Settings, 'host' | 'port' | 'discovery' | 'nodeCacheNodes' | 'signatureThreads'> &
  Pick<Settings, 'reservationSeconds' | 'latePaymentCheckSeconds'> &
  Pick<Settings, 'enrolmentsPerSecond' | 'enrolmentsBurst' | 'upgradesPerSecond' | 'upgradesBurst'> &
  Pick<Settings, 'guestLiveOrdersMax' | 'guestOrdersPerDayMax' | 'guestBytesPerSecond' | 'guestBytesBurst'> &
  Partial<Pick<Settings, 'publicUrl' | 'trustedProxy' | 'witnesses' | 'witnessIntervalSeconds'>>

export interface RelayParts {
  readonly settings: RelaySettings
  readonly store: Store
  readonly blobs: BlobStore
  /** Given the store's settings table, which development mode keeps its shops in. */
  readonly registry: Registry
  /** The registry's chain, whose events become accounts; left out in development mode. */
  readonly mirror?: MirrorSettings | undefined
  /** Who anchors checkpoints in the registry; left out: nobody does. */
  readonly anchor?: AnchorSettings | undefined
  /** Where orders can be paid; none: no order comes further than Committed (§11). */
  readonly paymentChains?: readonly PaymentChainSettings[]
  readonly prices?: PriceSource
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  /** Of its keys before this one, 20 bytes each: receipts of their time hold. Left out: there were none. */
  readonly earlierAddresses?: readonly Uint8Array[]
  /** What was signed of each shop, kept beside the key. */
  readonly guard: SignedGuard
  /** Of signed notes; left out: there are none. */
  readonly noteKey?: NoteKey | undefined
  readonly listen: ListenFunction
  /** How many files and sockets the process may have; left out where nobody knows. */
  readonly descriptors?: number | undefined
  readonly version: string
  readonly log: Log
  readonly metrics: Metrics
  readonly clock?: Clock
  /** Of challenges, shop secrets and upload tokens; left out: those of the system. */
  readonly randomBytes?: (length: number) => Uint8Array
  /** Ends a start that takes long. */
  readonly signal?: AbortSignal
}

interface MirrorSettings {
  readonly chain: TransactionChain
  /** The ShopReg contract, 20 bytes. */
  readonly shops: Uint8Array
  readonly registry: ChainRegistry
  readonly depth: bigint
}

export interface RunningRelay {
  readonly port: number
  readonly url: string
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly transport: Listener['kind']
  /** Stops accepting, finishes what is queued, closes sockets with 1012, keeps the state. */
  stop(): Promise<void>
}

const EXPIRY_MS = 1_000
const STOP_LOOK_MS = 5
const KEEPING_MS = 1_000
const PROGRESS_MS = 2_000
/** Of the heap that V8 may use: what a stored trie node in memory is counted with. */
const CACHED_NODE_BYTES = 16_384
/** And a patch that was written between two of the states that are kept with checkpoints. */
const HELD_PATCH_BYTES = 65_536

/**
 * Listens, replays what is to be replayed, then serves: until then /readyz tells how far it is. Rejects with
 * StoreError, ListenError, and with the signal's reason.
 */
export async function startRelay(parts: RelayParts): Promise<RunningRelay> {
  const clock = parts.clock ?? systemClock
  const relay = new Relay(parts, clock)
  try {
    await relay.start()
  } catch (error) {
    await relay.abandon()
    throw error
  }
  return relay
}

// The parts. Two things are bound late, since their owners need each other: the steps after a commit, and the payment
// chains, which open when the relay starts

interface Rooms {
  readonly verifier: Verifier
  readonly keeper: Keeper
  readonly checkpoints: Checkpoints
  readonly notes: NoteService | undefined
  readonly proofs: ShopProofs
  readonly snapshots: SnapshotSlots
  readonly feeds: Feeds
  readonly cards: ConnectedCards
  readonly writer: Writer
  readonly payments: Payments
  readonly uploadTokens: UploadTokens
  readonly sessions: Sessions
}

/** `publicUrl` is asked when it is needed. */
function buildRooms(parts: RelayParts, clock: Clock, publicUrl: () => string): Rooms {
  const { settings, store, registry, log, randomBytes = freshBytes } = parts
  const uploadTokens = new UploadTokens(clock, () => toHex(randomBytes(32)))
  const verifier = new Verifier(settings.signatureThreads, (error) => log.error('bug', error))
  const nodeCacheNodes = Math.min(settings.nodeCacheNodes, heapPart(CACHED_NODE_BYTES))
  const flushing = {
    nowMs: () => clock.nowMs(),
    tell: (event: string, error: unknown) => log.error(event, error),
    rebuilt: (shop: Shop) => {
      payments.adopt(shop)
      checkpoints.adopt(shop)
    },
  }
  const keeper = new Keeper(store, { nodeCacheNodes, flushing })
  const feeds = new Feeds({ settings, clock, store, indexedUpTo: (shopId) => keeper.indexedUpTo(shopId) })
  const checkpoints = buildCheckpoints(parts, clock)
  const notes = buildNotes(parts, { clock, checkpoints, publicUrl })
  const cards = new ConnectedCards(store, registry, uploadTokens)
  const chains = new Map<ChainId, PaymentChain>()
  const checkout = new Checkout(chains, parts.prices ?? NO_PRICES)
  const steps: AfterCommit[] = []
  const writer = buildWriter(parts, { clock, checkout, keeper, afterCommit: steps })
  const payments = buildPayments(parts, { clock, checkout, writer, chains })
  const shop = (shopId: ShopId) => writer.shop(shopId)
  const indexedUpTo = (shopId: ShopId) => keeper.indexedUpTo(shopId)
  const proofs = new ShopProofs({ checkpoints, store, clock, metrics: parts.metrics, shop, indexedUpTo })
  const reading = { feeds, proofs, snapshots: new SnapshotSlots() }
  const sessions = buildSessions(parts, { clock, cards, ...reading, verifier, writer, uploadTokens, publicUrl })
  const rooms = { verifier, keeper, checkpoints, notes, ...reading, cards, writer, payments, uploadTokens, sessions }
  steps.push(...afterCommit({ metrics: parts.metrics, ...rooms }))
  return rooms
}

function buildCheckpoints(
  { store, guard, registry, relaySecret, log, metrics }: RelayParts,
  clock: Clock,
): Checkpoints {
  const heldPatchesMax = heapPart(HELD_PATCH_BYTES)
  return new Checkpoints({
    store,
    guard,
    relay: relayIdentity(registry),
    relaySecret,
    heldPatchesMax,
    clock,
    log,
    metrics,
  })
}

function buildNotes(
  { settings, store, guard, noteKey, registry, relaySecret, log }: RelayParts,
  given: { readonly clock: Clock; readonly checkpoints: Checkpoints; readonly publicUrl: () => string },
): NoteService | undefined {
  if (noteKey === undefined) return undefined
  const { witnesses, witnessIntervalSeconds = limits.WITNESS_INTERVAL_SECONDS_DEFAULT } = settings
  return new NoteService({
    ...given,
    ...{ store, guard, noteKey, relaySecret, log, witnessIntervalSeconds },
    relay: relayIdentity(registry),
    host: () => new URL(given.publicUrl()).host,
    witnesses: witnesses === undefined ? [] : readWitnesses(witnesses),
  })
}

function buildWriter(
  { settings, store, blobs, relaySecret, log }: RelayParts,
  given: Pick<BatchOptions, 'clock' | 'checkout' | 'afterCommit'> & { readonly keeper: Keeper },
): Writer {
  const { keeper, ...options } = given
  const pricedListings = new PricedListings(blobs)
  return new Writer({
    ...options,
    store,
    relaySecret,
    reservationSeconds: BigInt(settings.reservationSeconds),
    guestLimits: { liveOrdersMax: settings.guestLiveOrdersMax, ordersPerDayMax: settings.guestOrdersPerDayMax },
    keepPricedListings: (listings) => pricedListings.keep(listings),
    newState: (shopId) => keeper.newState(shopId),
    held: () => keeper.held(),
    onBug: (error) => log.error('bug', error),
    storeFailed: (error) => log.error('commit failed: writes are refused', error),
  })
}

function buildPayments(
  { settings, store, paymentChains = [], prices = NO_PRICES, log, metrics }: RelayParts,
  given: {
    readonly clock: Clock
    readonly checkout: Checkout
    readonly writer: Writer
    readonly chains: Map<ChainId, PaymentChain>
  },
): Payments {
  const { chains: opened, ...options } = given
  const { latePaymentCheckSeconds } = settings
  return new Payments({
    ...options,
    opened,
    chains: paymentChains,
    prices,
    latePaymentCheckSeconds,
    store,
    log,
    metrics,
  })
}

function buildSessions(
  { settings, store, log, randomBytes = freshBytes }: RelayParts,
  given: Pick<Rooms, 'cards' | 'feeds' | 'proofs' | 'snapshots' | 'verifier' | 'writer' | 'uploadTokens'> & {
    readonly clock: Clock
    readonly publicUrl: () => string
  },
): Sessions {
  const { uploadTokens, publicUrl, ...options } = given
  const rate = { perSecond: settings.upgradesPerSecond, burst: settings.upgradesBurst }
  const guestRate = { perSecond: settings.guestBytesPerSecond, burst: settings.guestBytesBurst }
  return new Sessions({
    ...options,
    settings,
    store,
    turns: new RoundRobin(),
    checks: new WorkSlices(),
    upgradeRate: new RateLimiter(rate, () => options.clock.nowMs()),
    guestRate: new RateLimiter(guestRate, () => options.clock.nowMs()),
    uploadUrl: (session, card) => {
      const token = uploadTokens.issue(session, cardName(card))
      return token === undefined ? undefined : `${publicUrl()}/v4/upload_blob?token=${token}`
    },
    randomBytes,
    onBug: (error) => log.error('bug', error),
  })
}

class Relay implements RunningRelay {
  private readonly parts: RelayParts
  private readonly clock: Clock
  private readonly rooms: Rooms
  private readonly health: Health
  private mirror: AccountMirror | undefined
  private anchors: RunningAnchors | undefined
  private readonly timers: (() => void)[] = []
  private listener: Listener | undefined
  private publicUrl: string
  private ready = false
  /** How far the start is. */
  private starting = 'the relay is starting'
  private stopping: Promise<void> | undefined
  readonly address: Uint8Array

  constructor(parts: RelayParts, clock: Clock) {
    this.parts = parts
    this.clock = clock
    this.address = addressOf(publicKeyOf(parts.relaySecret))
    this.publicUrl = parts.settings.publicUrl ?? ''
    this.health = new Health(parts.store, clock)
    this.rooms = buildRooms(parts, clock, () => this.publicUrl)
    this.measure()
  }

  get port(): number {
    return this.listener!.port
  }

  get url(): string {
    return this.publicUrl
  }

  get transport(): Listener['kind'] {
    return this.listener!.kind
  }

  async start(): Promise<void> {
    const { settings, listen, descriptors, log } = this.parts
    const { sessions, writer, payments } = this.rooms
    this.listener = await listen({
      host: settings.host,
      port: settings.port,
      maxFrameBytes: limits.FRAME_IN_BYTES_MAX,
      ...listeningOptions({ settings, descriptors, clock: this.clock, log }),
      decideUpgrade: (request) => this.decideUpgrade(request),
      http: (request) => this.http(request),
      websocket: sessions.websocket,
      onBug: (error) => log.error('bug', error),
    })
    if (settings.publicUrl === undefined) this.publicUrl = `http://${hostText(settings.host)}:${this.listener.port}`
    this.http = this.makeHttp()
    await this.loadShops()
    this.health.start()
    this.every(EXPIRY_MS, () => writer.expire((state, order, now) => payments.mayExpire(state, order, now)))
    this.every(KEEPING_MS, () => this.rooms.keeper.keep(writer.allShops()))
    payments.start()
    this.startMirror()
    this.startAnchors()
    this.ready = true
    this.tellStart(this.listener.kind)
  }

  private decideUpgrade(request: UpgradeRequest): UpgradeDecision {
    const strange = this.isDevelopment ? strangeHost(request.headers, this.publicUrl) : undefined
    if (strange !== undefined) return { accept: false, status: 421, body: `${strange}\n` }
    return this.ready || this.stopping ? this.rooms.sessions.decideUpgrade(request) : NOT_READY
  }

  private get isDevelopment(): boolean {
    return this.parts.registry.chainId === DEVELOPMENT_CHAIN_ID
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.shutDown())
  }

  /** After a start that failed: nothing may keep the process alive. */
  async abandon(): Promise<void> {
    this.rooms.sessions.closeAll()
    await this.listener?.close()
    this.listener?.terminateAll()
    await this.stopChains()
    await this.rooms.notes?.stop()
    await this.rooms.checkpoints.stop()
    await this.rooms.verifier.close()
  }

  private async shutDown(): Promise<void> {
    const { sessions, writer, keeper, checkpoints, notes, verifier } = this.rooms
    this.ready = false
    sessions.stopAccepting()
    for (const stop of this.timers) stop()
    this.health.stop()
    await this.stopChains()
    await this.finishRequests()
    const hadSessions = sessions.count > 0
    sessions.closeAll()
    await this.listener?.close()
    if (hadSessions) await wait(limits.STOP_LINGER_MS)
    this.listener?.terminateAll()
    await notes?.stop()
    // A disk that does not answer keeps them from it: they are signed after the next start.
    await Promise.race([checkpoints.stop(), wait(limits.STOP_SECONDS_MAX * 1_000, undefined, { ref: false })])
    // Of a writer that was not ready in time nothing is kept but the log; the rest is made of it at the next start.
    if (!writer.busy) await keeper.flushAll()
    await verifier.close()
    this.parts.log.info('stopped')
  }

  /**
   * Answers what was taken up, within the time that there is for it. What then has no answer may be in the log or not.
   */
  private async finishRequests(): Promise<void> {
    const { sessions, verifier, writer } = this.rooms
    const end = performance.now() + limits.STOP_SECONDS_MAX * 1_000
    const isBusy = () => sessions.isBusy || verifier.busy || writer.busy
    while (isBusy() && performance.now() < end) await wait(STOP_LOOK_MS)
  }

  /** One shop after the other; each is whole before the next one begins. */
  private async loadShops(): Promise<void> {
    const { store, log, signal } = this.parts
    const { keeper, writer, checkpoints, notes } = this.rooms
    const shops = store.shops()
    let toldMs = performance.now()
    for (const [i, { shopId }] of shops.entries()) {
      signal?.throwIfAborted()
      const progress = (seq: Seq, head: Seq) => {
        this.starting = `the relay is starting: shop ${i + 1} of ${shops.length}, set ${seq} of ${head}`
        if (performance.now() - toldMs < PROGRESS_MS) return
        toldMs = performance.now()
        log.info('replaying', { shop: shopId, number: i + 1, shops: shops.length, seq, head })
      }
      const shop = await keeper.load(shopId, { progress, ...(signal && { signal }) })
      writer.take(shop)
      notes?.adopt(shopId)
      checkpoints.adopt(shop)
      notes?.follow(shopId)
    }
  }

  private readiness(): string | undefined {
    if (this.ready) return undefined
    return this.stopping === undefined ? this.starting : 'the relay is stopping'
  }

  private trouble(): string | undefined {
    const { store } = this.parts
    const closed = [...this.rooms.writer.allShops()].find((shop) => shop.closed?.forNow === false)?.closed
    return store.problem() ?? store.damage().find(({ part }) => part !== 'derived')?.text ?? closed?.reason
  }

  private tellStart(transport: Listener['kind']): void {
    const { settings, log, store } = this.parts
    if (transport === 'ws' && isLoopback(settings.host)) log.warn('no native WebSocket server: ws does its work')
    if (!native) log.warn('no native signatures: JavaScript does their work, some twenty times as slowly')
    log.info('listening', {
      url: this.publicUrl,
      transport,
      crypto: native ? 'native' : 'portable',
      shops: store.shops().length,
    })
  }

  private startMirror(): void {
    const { mirror, store, log } = this.parts
    if (mirror === undefined) return
    const key = `chain/${mirror.chain.chainId}/registry`
    this.mirror = new AccountMirror({
      ...mirror,
      writer: this.rooms.writer,
      followed: readFollowedBlocks(store.setting(key)),
      recheckRights: (shopId, wallet) => this.rooms.cards.recheckRights(shopId, wallet),
      saved: (list) => store.commit({ records: [], settings: [{ key, value: writeFollowedBlocks(list) }] }),
      nowSeconds: () => nowSeconds(this.clock),
      onGivenUp: ({ number }) => log.warn('no endpoint tells receipts', { chain: mirror.chain.chainId, block: number }),
      onError: (error) => log.error('the registry cannot be followed now; it will be caught up with', error),
    })
  }

  private startAnchors(): void {
    const { anchor, mirror: place, store, log, metrics } = this.parts
    if (anchor === undefined || place === undefined) return
    const { checkpoints, writer } = this.rooms
    const { clock } = this
    const shops = () => [...writer.allShops()].map(({ shopId }) => shopId)
    this.anchors = startAnchors(anchor, { place, store, checkpoints, shops, clock, log, metrics })
  }

  private async stopChains(): Promise<void> {
    await Promise.all([this.rooms.payments.close(), this.mirror?.close(), this.anchors?.stop()])
    this.parts.mirror?.chain.close()
  }

  private warnings(): string[] {
    const registry = this.parts.mirror?.chain.problem ?? this.mirror?.problem
    const own = registry === undefined ? [] : [registry]
    const { payments, notes } = this.rooms
    const alarms = [...(this.anchors?.problems ?? []), ...(notes?.alarms ?? [])]
    return [...new Set([...own, ...payments.problems, ...alarms])]
  }

  private http: ReturnType<typeof makeHttp> = () => Promise.resolve({ status: 503, headers: {}, body: 'starting\n' })

  private makeHttp(): ReturnType<typeof makeHttp> {
    const { settings, registry, store, blobs, version, log, randomBytes = freshBytes } = this.parts
    const { clock } = this
    const { writer, uploadTokens, proofs, notes } = this.rooms
    const enrolment = new Enrolment({ store, writer, registry, clock, randomBytes })
    const rate = { perSecond: settings.enrolmentsPerSecond, burst: settings.enrolmentsBurst }
    const proofRate = new RateLimiter(PROOF_RATE, () => clock.nowMs())
    const take = (address: string) => proofRate.take(address)
    return makeHttp({
      relay: {
        name: 'cairn',
        version,
        address: prefixedHex(this.address),
        earlierAddresses: (this.parts.earlierAddresses ?? []).map(prefixedHex),
        tokenId: registry.relayTokenId,
        chainId: registry.chainId,
        publicUrl: this.publicUrl,
        isDevelopment: this.isDevelopment,
        limits: publicLimits(settings),
      },
      discovery: () => settings.discovery,
      shops: () => store.shops().map(({ shopId }) => shopId),
      enrolmentRate: new RateLimiter(rate, () => clock.nowMs()),
      nowSeconds: () => nowSeconds(clock),
      health: () => this.health.problem(),
      warnings: () => this.warnings(),
      readiness: () => this.readiness(),
      trouble: () => this.trouble(),
      enrol: (request) => enrolment.enrol(request),
      blobs: blobAccess(blobs, uploadTokens),
      prove: async (asked) => (await notes?.answer(asked, take)) ?? answerProof(proofs, asked, take),
      onBug: (error) => log.error('bug', error),
    })
  }

  private every(ms: number, act: () => void): void {
    let cancel: () => void
    const again = () => {
      cancel = this.clock.after(ms, () => {
        act()
        again()
      })
    }
    again()
    this.timers.push(() => cancel())
  }

  private measure(): void {
    const { metrics } = this.parts
    const { sessions, feeds, writer, keeper, snapshots } = this.rooms
    metrics.gauge('cairn_sessions', 'Open sessions', () => sessions.count)
    metrics.gauge('cairn_subscriptions', 'Open subscriptions', () => feeds.subscriptionCount)
    metrics.gauge('cairn_snapshots', 'Snapshots that are being sent', () => snapshots.count)
    metrics.gauge('cairn_writer_backlog', 'Sets that wait for the writer', () => writer.backlog)
    metrics.gauge('cairn_cached_nodes', 'Stored trie nodes in memory', () => keeper.cachedNodes)
    metrics.gauge('cairn_resident_bytes', 'Resident memory of the process', () => process.memoryUsage.rss())
  }
}

/** Of one address, over HTTP. */
const PROOF_RATE = { perSecond: limits.HTTP_PROOFS_PER_SECOND, burst: limits.HTTP_PROOFS_BURST }

const NOT_READY = { accept: false, status: 503, body: 'the relay is starting\n' } as const

/** So many that a small heap is not full of them. */
function heapPart(bytes: number): number {
  return Math.max(1, Math.floor(getHeapStatistics().heap_size_limit / bytes))
}

function freshBytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

/** As `GET /` tells them. */
function publicLimits(settings: RelaySettings): Record<string, number> {
  return {
    frame_in_bytes: limits.FRAME_IN_BYTES_MAX,
    frame_out_bytes: limits.FRAME_OUT_BYTES_MAX,
    object_bytes: limits.OBJECT_BYTES_MAX,
    requests_in_flight: limits.REQUESTS_IN_FLIGHT_MAX,
    subscriptions: limits.SUBSCRIPTIONS_PER_SESSION_MAX,
    filters: limits.FILTERS_PER_SUBSCRIPTION_MAX,
    blob_bytes: limits.BLOB_BYTES_MAX,
    sessions: settings.sessionsMax,
    sessions_per_address: settings.sessionsPerAddressMax,
    ping_interval_ms: settings.pingIntervalMs,
    kick_timeout_ms: settings.kickTimeoutMs,
    push_delay_ms: settings.pushDelayMs,
  }
}
