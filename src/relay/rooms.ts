/**
 * The rooms of a relay, each given what it needs of the others, before anything of them runs.
 *
 * Tests: test/e2e/sessions.test.ts
 */

import { randomBytes } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import type { ChainId, ShopId } from '../brands.js'
import { toHex } from '../bytes/hex.js'
import type { TransactionChain } from '../chain/chain.js'
import type { ChainRegistry } from '../chain/chain-registry.js'
import { relayIdentity, type Registry } from '../chain/registry.js'
import * as limits from '../limits.js'
import type { SignedHandOver } from '../proofs/hand-over.js'
import type { NoteKey } from '../settings/note-key.js'
import type { Settings } from '../settings/settings.js'
import type { BlobStore } from '../store/blobs.js'
import type { SignedGuard } from '../store/signed-guard.js'
import type { Store } from '../store/store.js'
import { afterCommit } from './after-commit.js'
import { type AnchorSettings } from './anchor/start-anchors.js'
import { PricedListings } from './blobs/priced-listings.js'
import { UploadTokens } from './blobs/upload-tokens.js'
import { Feeds, type FeedsOptions } from './feed/feeds.js'
import { RoundRobin } from './feed/round-robin.js'
import { SnapshotSlots } from './feed/snapshot-slots.js'
import { Checkpoints } from './checkpoints/checkpoints.js'
import { type Clock } from './instruments/clock.js'
import type { Log } from './instruments/log.js'
import type { Metrics } from './instruments/metrics.js'
import { NoteService } from './notes/note-service.js'
import { readWitnesses } from './notes/witnesses.js'
import { Checkout } from './payments/checkout.js'
import type { PaymentChain } from './payments/payment-chain.js'
import { PaymentPages } from './payments/payment-pages.js'
import { Payments, type PaymentChainSettings } from './payments/payments.js'
import { NO_PRICES, type PriceSource } from './payments/price-source.js'
import { ShopProofs } from './proofs/shop-proofs.js'
import { AnswerRound } from './sessions/answer-round.js'
import { ConnectedCards } from './sessions/cards.js'
import type { StorefrontFacts } from './pages.js'
import { Sessions, type SessionsOptions } from './sessions/sessions.js'
import { FLUSH_WORK, Keeper } from './shops/keeper.js'
import { cardName, type Shop } from './shops/shop.js'
import { RateLimiter } from './transport/rate-limit.js'
import type { ListenFunction } from './transport/transport.js'
import type { BatchOptions } from './write/batch.js'
import type { AfterCommit } from './write/change.js'
import { SetChecker } from './write/set-checker.js'
import { Writer } from './write/writer.js'

export type RelaySettings = SessionsOptions['settings'] &
  FeedsOptions['settings'] &
  Pick<Settings, 'host' | 'port' | 'discovery' | 'nodeCacheNodes' | 'signatureThreads'> &
  Pick<Settings, 'reservationSeconds' | 'latePaymentCheckSeconds'> &
  Pick<Settings, 'enrolmentsPerSecond' | 'enrolmentsBurst' | 'upgradesPerSecond' | 'upgradesBurst'> &
  Pick<Settings, 'guestLiveOrdersMax' | 'guestOrdersPerDayMax' | 'guestBytesPerSecond' | 'guestBytesBurst'> &
  Partial<Pick<Settings, 'publicUrl' | 'trustedProxy' | 'allowedOrigins' | 'witnesses' | 'witnessIntervalSeconds'>>

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
  /** Of this relay, by which its key came from the first one; left out: none. */
  readonly handOvers?: readonly SignedHandOver[]
  /** What was signed of each shop, kept beside the key. */
  readonly guard: SignedGuard
  /** Of signed notes; left out: there are none. */
  readonly noteKey?: NoteKey | undefined
  /** What the page of a development relay is told; left out: nothing. */
  readonly storefront?: StorefrontFacts
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

/** Of the heap that V8 may use: what a stored trie node in memory is counted with. */
const CACHED_NODE_BYTES = 16_384
/** And what a unit of work that is not flushed leaves in memory. */
const UNFLUSHED_WORK_BYTES = 24_576
/** And a patch that was written between two of the states that are kept with checkpoints. */
const HELD_PATCH_BYTES = 65_536

// Two things are bound late, since their owners need each other: the steps after a commit, and the payment
// chains, which open when the relay starts

export interface Rooms {
  readonly checker: SetChecker
  readonly keeper: Keeper
  readonly checkpoints: Checkpoints
  readonly notes: NoteService | undefined
  readonly proofs: ShopProofs
  readonly snapshots: SnapshotSlots
  readonly feeds: Feeds
  readonly cards: ConnectedCards
  readonly writer: Writer
  readonly payments: Payments
  readonly paymentBook: PaymentPages
  readonly uploadTokens: UploadTokens
  readonly sessions: Sessions
}

/** `publicUrl` is asked when it is needed. */
export function buildRooms(parts: RelayParts, clock: Clock, publicUrl: () => string): Rooms {
  const { settings, store, registry, log, randomBytes = freshBytes } = parts
  const uploadTokens = new UploadTokens(clock, () => toHex(randomBytes(32)))
  const checker = buildChecker(parts, clock)
  const flushing = {
    work: Math.min(FLUSH_WORK, heapPart(UNFLUSHED_WORK_BYTES)),
    nowMs: () => clock.nowMs(),
    tell: (event: string, error: unknown) => log.error(event, error),
    rebuilt: (shop: Shop) => {
      payments.adopt(shop)
      checkpoints.adopt(shop)
    },
  }
  const nodeCacheNodes = Math.min(settings.nodeCacheNodes, heapPart(CACHED_NODE_BYTES))
  const keeper = new Keeper(store, { nodeCacheNodes, flushing })
  const feeds = new Feeds({ settings, clock, store, indexedUpTo: (shopId) => keeper.indexedUpTo(shopId) })
  const checkpoints = buildCheckpoints(parts, clock)
  const notes = buildNotes(parts, { clock, checkpoints, publicUrl })
  const cards = new ConnectedCards(store, registry, uploadTokens)
  const chains = new Map<ChainId, PaymentChain>()
  const checkout = new Checkout(chains, parts.prices ?? NO_PRICES)
  const steps: AfterCommit[] = []
  const writing = { checker, answerRound: new AnswerRound(), paymentBook: new PaymentPages(store) }
  const writer = buildWriter(parts, { clock, checkout, keeper, afterCommit: steps, ...writing })
  const payments = buildPayments(parts, { clock, checkout, writer, ...writing, chains })
  const shop = (shopId: ShopId) => writer.shop(shopId)
  const indexedUpTo = (shopId: ShopId) => keeper.indexedUpTo(shopId)
  const proofs = new ShopProofs({ checkpoints, store, clock, metrics: parts.metrics, shop, indexedUpTo })
  const reading = { feeds, proofs, snapshots: new SnapshotSlots(clock) }
  const sessions = buildSessions(parts, { clock, cards, ...reading, ...writing, writer, uploadTokens, publicUrl })
  const kept = { keeper, checkpoints, notes }
  const rooms = { ...kept, ...reading, ...writing, cards, writer, payments, uploadTokens, sessions }
  steps.push(...afterCommit({ metrics: parts.metrics, ...rooms }))
  return rooms
}

function buildChecker({ settings, log }: RelayParts, clock: Clock): SetChecker {
  return new SetChecker({
    threads: settings.signatureThreads,
    clock,
    onBug: (error) => log.error('bug', error),
  })
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
  given: Pick<BatchOptions, 'clock' | 'checkout' | 'afterCommit'> & {
    readonly keeper: Keeper
    readonly paymentBook: PaymentPages
    readonly answerRound: AnswerRound
  },
): Writer {
  const { keeper, paymentBook, answerRound, ...options } = given
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
    answering: (answers, alone) => answerRound.run(answers, alone),
    onBug: (error) => log.error('bug', error),
    storeFailed: (error) => {
      log.error('commit failed: writes are refused', error)
      paymentBook.commitFailed()
    },
  })
}

function buildPayments(
  { settings, store, paymentChains = [], prices = NO_PRICES, log, metrics }: RelayParts,
  given: {
    readonly clock: Clock
    readonly checkout: Checkout
    readonly writer: Writer
    readonly paymentBook: PaymentPages
    readonly chains: Map<ChainId, PaymentChain>
  },
): Payments {
  const { chains: opened, paymentBook, ...options } = given
  const { latePaymentCheckSeconds } = settings
  return new Payments({
    ...options,
    opened,
    chains: paymentChains,
    prices,
    latePaymentCheckSeconds,
    rowsChanged: (shopId, orderId) => paymentBook.changed(shopId, [orderId]),
    store,
    log,
    metrics,
  })
}

function buildSessions(
  { settings, store, log, randomBytes = freshBytes }: RelayParts,
  given: Pick<
    Rooms,
    'cards' | 'feeds' | 'proofs' | 'snapshots' | 'checker' | 'writer' | 'uploadTokens' | 'paymentBook'
  > & {
    readonly clock: Clock
    readonly answerRound: AnswerRound
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

/** So many that a small heap is not full of them. */
function heapPart(bytes: number): number {
  return Math.max(1, Math.floor(getHeapStatistics().heap_size_limit / bytes))
}

export function freshBytes(length: number): Uint8Array {
  return new Uint8Array(randomBytes(length))
}
