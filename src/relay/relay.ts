/** The relay put together: store, state, writer, sessions, HTTP, sockets; started, watched and stopped. */

import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { addressOf, native, publicKeyOf } from '#signature'
import { toHex } from '../bytes/hex.js'
import type { Chain } from '../chain/chain.js'
import type { ChainRegistry } from '../chain/chain-registry.js'
import type { Registry } from '../chain/registry.js'
import * as limits from '../limits.js'
import type { Settings } from '../settings/settings.js'
import type { BlobSink, BlobStore } from '../store/blobs.js'
import { StoreError } from '../store/store-error.js'
import type { Store } from '../store/store.js'
import { AccountMirror } from './accounts/account-mirror.js'
import { BlobTokens } from './blobs/upload-tokens.js'
import { readCheckpoints, writeCheckpoints } from '../chain/followed-blocks.js'
import { nowSeconds, systemClock, type Clock } from './instruments/clock.js'
import { Enrolment } from './accounts/enrolment.js'
import { BlobsUnavailable, makeHttp } from './http.js'
import { Hub, type HubSettings } from './sessions/sessions.js'
import { Keeper } from './shops/keeper.js'
import type { Log } from './instruments/log.js'
import type { Metrics } from './instruments/metrics.js'
import { Payments, type PaymentChainSettings } from './payments/payments.js'
import { NO_PRICES, type PriceSource } from './payments/price-source.js'
import { Snapshots } from './blobs/priced-listings.js'
import { RateLimiter } from './transport/rate-limit.js'
import type { Listener, ListenFunction } from './transport/transport.js'
import { Verifier } from './write/verifier.js'
import { Writer } from './write/writer.js'

export type RelaySettings = HubSettings &
  Pick<Settings, 'host' | 'port' | 'discovery' | 'nodeCacheNodes' | 'signatureThreads'> &
  Pick<Settings, 'reservationSeconds' | 'latePaymentCheckSeconds'> &
  Pick<Settings, 'enrolmentsPerSecond' | 'enrolmentsBurst' | 'upgradesPerSecond' | 'upgradesBurst'> &
  Partial<Pick<Settings, 'publicUrl'>>

export interface RelayParts {
  readonly settings: RelaySettings
  readonly store: Store
  readonly blobs: BlobStore
  /** Given the store's settings table, which development mode keeps its shops in. */
  readonly registry: Registry
  /** The registry's chain, whose events become accounts; left out in development mode. */
  readonly mirror?: MirrorSettings | undefined
  /** Where orders can be paid; none: no order comes further than Committed (§11). */
  readonly paymentChains?: readonly PaymentChainSettings[]
  readonly prices?: PriceSource
  /** The relay's secret key, 32 bytes. */
  readonly relaySecret: Uint8Array
  readonly listen: ListenFunction
  readonly version: string
  readonly log: Log
  readonly metrics: Metrics
  readonly clock?: Clock
}

export interface MirrorSettings {
  readonly chain: Chain
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
const KEEPING_MS = 2_000
/** A state this many sets behind its log is flushed at once, a smaller lag after a while. */
const FLUSH_SETS = 5_000
const FLUSH_AFTER_MS = 30_000

/** Replays what is to be replayed, then listens. Throws ReplayError, StoreError, ListenError. */
export async function startRelay(parts: RelayParts): Promise<RunningRelay> {
  const relay = new Relay(parts)
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
  private readonly keeper: Keeper
  private readonly verifier: Verifier
  private readonly hub: Hub
  private readonly writer: Writer
  private readonly blobTokens: BlobTokens
  private readonly payments: Payments
  private mirror: AccountMirror | undefined
  private readonly loopDelay = monitorEventLoopDelay({ resolution: 20 })
  private readonly timers: (() => void)[] = []
  private listener: Listener | undefined
  private publicUrl: string
  private ready = false
  private stopping: Promise<void> | undefined
  private lastFlushMs: number
  readonly address: Uint8Array

  constructor(parts: RelayParts) {
    this.parts = parts
    this.clock = parts.clock ?? systemClock
    const { settings, store, registry, metrics } = parts
    this.address = addressOf(publicKeyOf(parts.relaySecret))
    this.publicUrl = settings.publicUrl ?? ''
    this.lastFlushMs = this.clock.nowMs()
    const onBug = (error: unknown) => parts.log.error('bug', error)
    this.blobTokens = new BlobTokens(this.clock, () => toHex(freshBytes(32)))
    const rate = { perSecond: settings.upgradesPerSecond, burst: settings.upgradesBurst }
    const upgradeRate = new RateLimiter(rate, () => this.clock.nowMs())
    const publicUrl = () => this.publicUrl
    this.verifier = new Verifier(settings.signatureThreads, onBug)
    const { verifier } = this
    const reservationSeconds = BigInt(settings.reservationSeconds)
    this.keeper = new Keeper(store, { nodeCacheNodes: settings.nodeCacheNodes, reservationSeconds })
    this.hub = new Hub({
      verifier,
      settings,
      clock: this.clock,
      store,
      registry,
      upgradeRate,
      blobTokens: this.blobTokens,
      indexedUpTo: (shopId) => this.keeper.indexedUpTo(shopId),
      publicUrl,
      randomBytes: freshBytes,
      onBug,
    })
    const shops = store
      .shops()
      .map(({ shopId }) =>
        this.keeper.load(shopId, (seq, head) => parts.log.info('replaying', { shop: shopId, seq, head })),
      )
    const { paymentChains: chains = [], prices = NO_PRICES } = parts
    const { latePaymentCheckSeconds } = settings
    this.payments = new Payments({
      chains,
      prices,
      latePaymentCheckSeconds,
      store,
      clock: this.clock,
      log: parts.log,
      metrics,
    })
    const snapshots = new Snapshots(parts.blobs)
    const sets = metrics.counter('cairn_sets_total', 'Sets accepted since start, the relay’s own included')
    const patches = metrics.counter('cairn_patches_total', 'Patches in these sets')
    this.writer = new Writer(
      {
        store,
        clock: this.clock,
        relaySecret: parts.relaySecret,
        reservationSeconds,
        checkout: this.payments.checkout,
        keepSnapshots: (listings) => snapshots.keep(listings),
        mayExpire: (state, order, now) => this.payments.mayExpire(state, order, now),
        ordersWritten: (shop, orders, ids) => this.payments.ordersWritten(shop, orders, ids),
        newState: (shopId) => this.keeper.newState(shopId),
        published: (shop, records) => {
          sets.add(records.length)
          for (const record of records) patches.add(record.patches.length)
          this.keeper.published(shop, records)
          this.hub.published(shop, records)
          this.payments.shopWritten(shop)
        },
        cardUnlinked: (card, seq) => this.hub.cardUnlinked(card, seq),
        onBug,
        storeFailed: (error) => parts.log.error('commit failed: writes are refused, nothing was changed', error),
      },
      shops,
    )
    this.hub.attach(this.writer)
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
    const { settings, listen, log } = this.parts
    this.listener = await listen({
      host: settings.host,
      port: settings.port,
      maxFrameBytes: limits.FRAME_IN_BYTES_MAX,
      decideUpgrade: (request) => this.hub.decideUpgrade(request),
      http: (request) => this.http(request),
      websocket: this.hub.websocket,
      onBug: (error) => log.error('bug', error),
    })
    if (settings.publicUrl === undefined) this.publicUrl = `http://${hostText(settings.host)}:${this.listener.port}`
    this.http = this.makeHttp()
    this.loopDelay.enable()
    this.every(EXPIRY_MS, () => this.writer.expire())
    this.every(KEEPING_MS, () => this.keep())
    this.payments.start(this.writer)
    this.startMirror()
    this.ready = true
    if (this.listener.kind === 'ws') log.warn('no native WebSocket server: ws does its work, more slowly')
    if (!native) log.warn('no native signatures: JavaScript does their work, some twenty times as slowly')
    log.info('listening', {
      url: this.publicUrl,
      transport: this.listener.kind,
      crypto: native ? 'native' : 'portable',
      shops: this.parts.store.shops().length,
    })
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.shutDown())
  }

  /** After a start that failed: nothing may keep the process alive. */
  async abandon(): Promise<void> {
    this.hub.closeAll()
    await this.stopChains()
    await this.verifier.close()
  }

  private async shutDown(): Promise<void> {
    this.ready = false
    this.hub.stopAccepting()
    for (const stop of this.timers) stop()
    this.loopDelay.disable()
    await this.stopChains()
    await this.finishRequests()
    const hadSessions = this.hub.sessionCount > 0
    this.hub.closeAll()
    await this.listener?.close()
    if (hadSessions) await wait(limits.STOP_LINGER_MS)
    this.listener?.terminateAll()
    // Of a writer that was not ready in time nothing is kept but the log; the rest is made of it at the next start.
    if (!this.writer.busy) for (const shop of this.writer.allShops()) await this.keeper.flush(shop)
    await this.verifier.close()
    this.parts.log.info('stopped')
  }

  /** Answers what was taken up, within the time that there is for it. What then has no answer may be in the log or not. */
  private async finishRequests(): Promise<void> {
    const end = performance.now() + limits.STOP_SECONDS_MAX * 1_000
    const isBusy = () => this.hub.isBusy || this.verifier.busy || this.writer.busy
    while (isBusy() && performance.now() < end) await wait(STOP_LOOK_MS)
  }

  private startMirror(): void {
    const { mirror, store, log } = this.parts
    if (mirror === undefined) return
    const key = `chain/${mirror.chain.chainId}/registry`
    this.mirror = new AccountMirror({
      ...mirror,
      writer: this.writer,
      checkpoints: readCheckpoints(store.setting(key)),
      recheckRights: (shopId, wallet) => this.hub.recheckRights(shopId, wallet),
      saved: (list) => store.commit({ records: [], settings: [{ key, value: writeCheckpoints(list) }] }),
      onError: (error) => log.error('the registry cannot be followed now; it will be caught up with', error),
    })
  }

  private async stopChains(): Promise<void> {
    await Promise.all([this.payments.close(), this.mirror?.close()])
    this.parts.mirror?.chain.close()
  }

  private warnings(): string[] {
    const registry = this.parts.mirror?.chain.problem
    return [...new Set([...(registry === undefined ? [] : [registry]), ...this.payments.problems])]
  }

  private http: ReturnType<typeof makeHttp> = () => Promise.resolve({ status: 503, headers: {}, body: 'starting\n' })

  private makeHttp(): ReturnType<typeof makeHttp> {
    const { settings, registry, store, blobs, version, log } = this.parts
    const enrolment = new Enrolment({
      store,
      writer: this.writer,
      registry,
      clock: this.clock,
      randomBytes: freshBytes,
    })
    const rate = { perSecond: settings.enrolmentsPerSecond, burst: settings.enrolmentsBurst }
    return makeHttp({
      relay: {
        name: 'cairn',
        version,
        address: `0x${toHex(this.address)}`,
        tokenId: registry.relayTokenId,
        chainId: registry.chainId,
        publicUrl: this.publicUrl,
        limits: publicLimits(settings),
      },
      discovery: () => settings.discovery,
      enrolmentRate: new RateLimiter(rate, () => this.clock.nowMs()),
      nowSeconds: () => nowSeconds(this.clock),
      health: () => this.health(),
      warnings: () => this.warnings(),
      readiness: () => (this.ready ? undefined : 'the relay is starting or stopping'),
      enrol: (request) => enrolment.enrol(request),
      blobs: {
        takeToken: (token) => this.blobTokens.take(token),
        openSink: () => blobs.begin().catch(unavailable).then(sinkOf),
        read: async (cid) => {
          const blob = await blobs.read(cid)
          return blob === undefined ? undefined : { size: blob.size, chunks: blob.stream }
        },
      },
      onBug: (error) => log.error('bug', error),
    })
  }

  private async health(): Promise<string | undefined> {
    const delaySeconds = this.loopDelay.max / 1e9
    this.loopDelay.reset()
    if (delaySeconds > limits.HEALTH_LOOP_DELAY_SECONDS_MAX)
      return `the event loop was held for ${delaySeconds.toFixed(1)} s`
    const late = new Promise<string>((resolve) => {
      this.clock.after(limits.HEALTH_STORE_SECONDS_MAX * 1_000, () => resolve('the store does not answer'))
    })
    const check = this.parts.store.check().then(
      () => undefined,
      (error: unknown) => `the store fails: ${(error as Error).message}`,
    )
    return Promise.race([check, late])
  }

  /** Flushes states that are far behind their log, or behind it for a while. */
  private keep(): void {
    const now = this.clock.nowMs()
    const waited = now - this.lastFlushMs >= FLUSH_AFTER_MS
    for (const shop of this.writer.allShops()) {
      if (this.keeper.behind(shop) < (waited ? 1 : FLUSH_SETS) || this.writer.busy) continue
      this.lastFlushMs = now
      this.keeper
        .flush(shop)
        .catch((error: unknown) => this.parts.log.error('the state could not be flushed; the log has it', error))
      return
    }
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
    metrics.gauge('cairn_sessions', 'Open sessions', () => this.hub.sessionCount)
    metrics.gauge('cairn_subscriptions', 'Open subscriptions', () => this.hub.subscriptionCount)
    metrics.gauge('cairn_writer_backlog', 'Sets that wait for the writer', () => this.writer.backlog)
    metrics.gauge('cairn_cached_nodes', 'Stored trie nodes in memory', () => this.keeper.cachedNodes)
    metrics.gauge('cairn_resident_bytes', 'Resident memory of the process', () => process.memoryUsage.rss())
  }
}

/** What the disk refuses is no bug: the client is told to come back. */
function unavailable(error: unknown): never {
  throw error instanceof StoreError ? new BlobsUnavailable(error.message, { cause: error }) : error
}

function sinkOf(sink: BlobSink): BlobSink {
  return {
    write: (chunk) => sink.write(chunk).catch(unavailable),
    finish: (cid) => sink.finish(cid).catch(unavailable),
    abort: () => sink.abort(),
  }
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
