/**
 * The relay put together: store, state, writer, sessions, HTTP, sockets; started, watched and stopped.
 *
 * Tests: test/e2e/sessions.test.ts, test/e2e/differences.test.ts
 */

import { setTimeout as wait } from 'node:timers/promises'
import { addressOf, implementation, publicKeyOf } from '#signature'
import type { ListingId, Seq, ShopId } from '../brands.js'
import type { Listing } from '../objects/listing.js'
import { prefixedHex } from '../bytes/hex.js'
import { DEVELOPMENT_CHAIN_ID } from '../chain/development-registry.js'
import { relayIdentity } from '../chain/registry.js'
import { readFollowedBlocks, writeFollowedBlocks } from '../chain/followed-blocks.js'
import * as limits from '../limits.js'
import { isLoopback } from '../settings/loopback.js'
import { listingIn } from '../state/held-object.js'
import { registryBlocksKey } from '../store/setting-keys.js'
import { AccountMirror } from './accounts/account-mirror.js'
import { Enrolment } from './accounts/enrolment.js'
import { publicHosts } from './accounts/enrolment-message.js'
import { answerAnchors } from './anchor/anchor-http.js'
import { AnchorHistory } from './anchor/anchor-history.js'
import { startAnchors, type RunningAnchors } from './anchor/start-anchors.js'
import { blobAccess } from './blobs/blob-access.js'
import { makeHttp } from './http.js'
import { listeningOptions } from './listening.js'
import { nowSeconds, systemClock, type Clock } from './instruments/clock.js'
import { Health } from './instruments/health.js'
import { Reachability } from './instruments/reachability.js'
import { answerProof } from './proofs/http-proofs.js'
import { AllowedOrigins, ANY_ORIGIN } from './transport/allowed-origins.js'
import { strangeHost } from './transport/host-header.js'
import { RateLimiter } from './transport/rate-limit.js'
import type { Listener, UpgradeDecision, UpgradeRequest } from './transport/transport.js'
import { buildRooms, freshBytes, type RelayParts, type RelaySettings, type Rooms } from './rooms.js'

export type { RelayParts, RelaySettings } from './rooms.js'

export interface RunningRelay {
  readonly port: number
  /** Where clients find it. */
  readonly url: string
  /** Where it listens itself: behind a proxy another URL than that of the clients. */
  readonly listensOn: string
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
const REACHABILITY_MS = 5_000

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
  /** Made anew when the public URL is known. */
  private origins: AllowedOrigins
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
    this.origins = this.allowedOrigins()
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

  get listensOn(): string {
    return `http://${hostText(this.parts.settings.host)}:${this.port}`
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
    if (settings.publicUrl === undefined) this.publicUrl = this.listensOn
    this.origins = this.allowedOrigins()
    this.http = this.makeHttp()
    await this.loadShops()
    this.health.start()
    this.every(EXPIRY_MS, () => writer.expire((state, order, now) => payments.mayExpire(state, order, now)))
    this.every(KEEPING_MS, () => this.rooms.keeper.keep(writer.allShops()))
    payments.start()
    this.watchChains()
    this.startMirror()
    this.startAnchors()
    this.ready = true
    this.tellStart(this.listener.kind)
  }

  private decideUpgrade(request: UpgradeRequest): UpgradeDecision {
    const strange = this.isDevelopment ? strangeHost(request.headers, this.publicUrl) : undefined
    if (strange !== undefined) return { accept: false, status: 421, body: `${strange}\n` }
    const refusal = this.origins.refusal(request.headers)
    if (refusal !== undefined) return { accept: false, status: 403, body: `${refusal}\n` }
    return this.ready || this.stopping ? this.rooms.sessions.decideUpgrade(request) : NOT_READY
  }

  private allowedOrigins(): AllowedOrigins {
    const { allowedOrigins = ANY_ORIGIN } = this.parts.settings
    if (this.publicUrl === '') return new AllowedOrigins(allowedOrigins, [])
    const { protocol } = new URL(this.publicUrl)
    const own = publicHosts(this.publicUrl, this.isDevelopment).map((host) => `${protocol}//${host}`)
    return new AllowedOrigins(allowedOrigins, own)
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
    await this.rooms.checker.close()
  }

  private async shutDown(): Promise<void> {
    const { sessions, writer, keeper, checkpoints, notes, checker } = this.rooms
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
    await checker.close()
    this.parts.log.info('stopped')
  }

  /**
   * Answers what was taken up, within the time that there is for it. What then has no answer may be in the log or not.
   */
  private async finishRequests(): Promise<void> {
    const { sessions, checker, writer } = this.rooms
    const end = performance.now() + limits.STOP_SECONDS_MAX * 1_000
    const isBusy = () => sessions.isBusy || checker.busy || writer.busy
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
    if (implementation === 'portable')
      log.warn('no native signatures: JavaScript does their work, some twenty times as slowly')
    if (process.env['CAIRN_NATIVE'] === 'system' && implementation !== 'system')
      log.warn('the system has no libsecp256k1 that the package koffi can load: signatures go without')
    log.info('listening', {
      url: this.listensOn,
      public_url: settings.publicUrl,
      transport,
      crypto: implementation,
      shops: store.shops().length,
    })
  }

  private watchChains(): void {
    const { mirror, paymentChains = [], log } = this.parts
    const chains = [...(mirror === undefined ? [] : [mirror]), ...paymentChains].map(({ chain }) => chain)
    const reachability = new Reachability([...new Set(chains)], log)
    if (chains.length > 0) this.every(REACHABILITY_MS, () => reachability.look())
  }

  private startMirror(): void {
    const { mirror, store, log } = this.parts
    if (mirror === undefined) return
    const key = registryBlocksKey(mirror.chain.chainId)
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
    if (place === undefined) return
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
    const anchors = { relay: relayIdentity(registry), history: new AnchorHistory(store), proofs }
    return makeHttp({
      relay: {
        name: 'cairn',
        version,
        address: prefixedHex(this.address),
        earlierAddresses: (this.parts.earlierAddresses ?? []).map(prefixedHex),
        handOvers: this.parts.handOvers ?? [],
        tokenId: registry.relayTokenId,
        chainId: registry.chainId,
        publicUrl: this.publicUrl,
        isDevelopment: this.isDevelopment,
        limits: publicLimits(settings),
      },
      ...{ origins: this.origins, discovery: () => settings.discovery },
      shops: () => store.shops().map(({ shopId }) => shopId),
      storefront: this.parts.storefront ?? {},
      listing: (shopId, id) => this.listing(shopId, id),
      enrolmentRate: new RateLimiter(rate, () => clock.nowMs()),
      nowSeconds: () => nowSeconds(clock),
      health: () => this.health.problem(),
      warnings: () => this.warnings(),
      readiness: () => this.readiness(),
      trouble: () => this.trouble(),
      enrol: (request) => enrolment.enrol(request),
      decideUpgrade: (request) => this.decideUpgrade(request),
      blobs: blobAccess(blobs, uploadTokens),
      prove: async (asked) =>
        (await notes?.answer(asked, take)) ?? answerAnchors(anchors, asked, take) ?? answerProof(proofs, asked, take),
      onBug: (error) => log.error('bug', error),
    })
  }

  private listing(shopId: ShopId, id: ListingId): Listing | undefined {
    const shop = [...this.rooms.writer.allShops()].find((one) => one.shopId === shopId)
    return shop && listingIn(shop.current.state, id)
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
