/**
 * A storefront's view of one shop: connects, authenticates, subscribes, keeps a verified replica, writes, and comes
 * back after every loss of the connection without a gap or a repeat.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import { publicKeyOf } from '#signature'
import type { ListingId, OrderId, ShopId } from '../brands.js'
import { toBigEndian } from '../bytes/bytes.js'
import { VERIFIED_AT_SECONDS_DEFAULT } from '../limits.js'
import type { StockEntry } from '../objects/inventory.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import { encodeChange, type Change } from '../patches/patch.js'
import { encodePatchSet, signPatches } from '../patches/patch-set.js'
import { decodeSignedHandOver, type Comparison } from '../proofs/checkpoint.js'
import type { ObjectCollection } from '../state/object-edit.js'
import type { WireVersion } from '../wire/envelope.js'
import { decodeSet } from '../wire/pushed-set.js'
import type { PushRequest, SyncStatusRequest } from '../wire/messages.js'
import { readWriteAnswer } from '../wire/proof-payloads.js'
import { mixedAudiences } from './audiences.js'
import { ClientError } from './client-error.js'
import type { RelayConnection } from './connection.js'
import type { FollowedRelay } from './followed-relay.js'
import { LiveObjects, type Live, type Standing, type Verified } from './live.js'
import { OwnWrites } from './own-writes.js'
import { filtersOf, type Part } from './parts.js'
import { compareWith, proveOwnSet, type OwnSet } from './proof-requests.js'
import { RelayLink, type ConnectionState } from './relay-link.js'
import { Replica } from './replica.js'
import { SetReader } from './set-reader.js'
import { fetchAnchored, ShopOnChain, type ShopChain } from './shop-chain.js'
import { ShopOrders } from './shop-orders.js'
import { fetchReceipt } from './receipt-assembly.js'
import { relayOf, type RelayGiven } from './relay-address.js'
import { ShopProofs } from './shop-proofs.js'
import type { ReplicaStore } from './kept-replica.js'
import type { VerifiedSet } from './verify.js'

export type { StockEntry } from '../objects/inventory.js'
export type { Listing } from '../objects/listing.js'
export type { Manifest } from '../objects/manifest.js'
export type { Order } from '../objects/order.js'
export type { Tag } from '../objects/tag.js'
export type { Change } from '../patches/patch.js'
export type { VerifiedSet } from './verify.js'
export type { Comparison, Evidence, EvidenceKind } from '../proofs/checkpoint.js'
export type { Live, LiveState, Verified } from './live.js'
export type { Part } from './parts.js'
export type { ReplicaStore } from './kept-replica.js'
export type { ConnectionState } from './relay-link.js'
export { uploadBlob } from './blob-upload.js'
export type { ShopChain } from './shop-chain.js'
export type { EthereumProvider } from './rpc-request.js'
export type { RelayGiven } from './relay-address.js'
export { ClientError, type ClientErrorCode } from './client-error.js'
export { ProofError } from '../merkle/proof-error.js'
export { StateProofError } from '../merkle/state-proof-error.js'
export { CheckpointError } from '../proofs/checkpoint-error.js'
export { HeldObjectError } from '../proofs/held-shop.js'
export { MyOrdersError } from '../proofs/my-orders.js'
export { SnapshotError } from '../proofs/snapshot.js'
export { OwnSetError } from './proof-requests.js'
export { VerificationError } from './verify.js'
export type { Item, NewOrder, PaymentCalls, PaymentChoice, PaymentDue, ShopOrders } from './shop-orders.js'
export { CANCELED, COMMITTED, OPEN, PAID, PAYMENT_CHOSEN, UNPAID } from '../objects/order.js'

export interface ConnectOptions {
  /** http(s) address of the relay. */
  readonly url: string
  readonly shop: bigint
  /** The card's secret key, 32 bytes; left out: a visitor, who reads what is public. */
  readonly key?: Uint8Array
  /**
   * The relay's address, 20 bytes or hexadecimal: what its own sets are checked against. `{ chain }`: the owner of the
   * relay's token, which the shop names in the registry; what was anchored of the shop is checked too. `'development'`:
   * taken from the relay itself, which only a development relay may ask for.
   */
  readonly relay: RelayGiven
  /** Where it is looked for what was anchored of the shop; left out, the chain of `relay` if that names one. */
  readonly chain?: ShopChain
  /**
   * By which the relay's key passed on to others, each CBOR [hand-over, signature], beside those that the relay serves
   * itself: the key that `relay` names stays enough to know it by.
   */
  readonly handOvers?: readonly Uint8Array[]
  /**
   * Parts of the shop; left out: everything that may be read. Accounts and manifest always come too, to check signers.
   */
  readonly only?: readonly Part[]
  /** 5: a relay that speaks version 4 only is refused. Left out: it is taken, said to `onNotice`, and proves less. */
  readonly protocol?: 5
  /** How old the newest checkpoint may be until what is shown is `stale`, seconds; 60. */
  readonly verifiedAtSeconds?: number
  /** Keeps what is held, and brings it back, verified, at the next `connect`. */
  readonly store?: ReplicaStore
  readonly signal?: AbortSignal
  /** A word about something that the caller decided and should know of. */
  readonly onNotice?: (text: string) => void
}

/** What `write` resolves with. */
export interface Written {
  /** 32 bytes. */
  readonly stateHash: Uint8Array
  /** The number of the set in the shop's log; version 5 only. */
  readonly seq?: bigint
  /** After the set, 32 bytes; version 5 only. */
  readonly stateRoot?: Uint8Array
  /**
   * Resolves once a checkpoint shows the set in the log as it was signed, at `seq`, with `stateRoot`. Rejects with
   * VERIFICATION_FAILED if the log has another one there, with USAGE in version 4, which proves no such thing.
   */
  proven(): Promise<Verified>
}

export interface LiveOrder extends Live<Order> {
  /**
   * A file that proves the order as it is now, offline and for ever, to who knows the relay's address: it was verified
   * so before this resolves. It has a connection of its own; version 5 only. It holds name, address and e-mail. Rejects
   * with NOT_FOUND, TIMEOUT, VERIFICATION_FAILED.
   */
  receipt(options?: ReceiptOptions): Promise<Uint8Array>
}

interface ReceiptOptions {
  readonly signal?: AbortSignal | undefined
}

interface WriteOptions {
  /** The shop's last set must be this one, or the write is refused with CONFLICT; version 5 only. */
  readonly ifSeq?: bigint
  readonly signal?: AbortSignal
}

const NONCES_PER_MS = 1_000n

/**
 * Resolves when the first subscription is accepted. Rejects with ClientError when that cannot be, also of what may be
 * retried.
 *
 * @example
 * ```ts
 * import { connect } from 'cairn-relay/client'
 *
 * export async function priceOf(url: string, relay: string, listing: bigint): Promise<bigint | undefined> {
 *   const client = await connect({ url, shop: 1n, relay, only: [{ listing }] })
 *   try {
 *     for await (const { status, data } of client.listing(listing)) if (status !== 'loading') return data?.Price
 *     return undefined
 *   } finally {
 *     client.close()
 *   }
 * }
 * ```
 */
export async function connect(options: ConnectOptions): Promise<ShopClient> {
  if (typeof options.shop !== 'bigint') throw new ClientError('USAGE', 'shop is a bigint: BigInt(text)')
  if (options.key !== undefined && !(options.key instanceof Uint8Array && options.key.length === 32))
    throw new ClientError('USAGE', "key is the card's secret key, a Uint8Array of 32 bytes")
  const client = new ShopClient(options, await knownRelay(options))
  await client.start()
  return client
}

/**
 * What `connect` gives.
 *
 * @example
 * ```ts
 * import { ClientError, type ShopClient } from 'cairn-relay/client'
 *
 * export async function raise(client: ShopClient, listing: bigint, price: bigint): Promise<string> {
 *   try {
 *     await client.write([{ op: 'replace', path: ['Listings', listing, 'Price'], value: price }])
 *     return 'done'
 *   } catch (error) {
 *     return error instanceof ClientError ? error.code : 'unknown'
 *   }
 * }
 * ```
 */
export class ShopClient {
  private readonly options: ConnectOptions
  private readonly relay: FollowedRelay
  private readonly replica: Replica
  private readonly proofs: ShopProofs
  private readonly link: RelayLink
  private readonly writes = new OwnWrites()
  private readonly readers = new Set<SetReader>()
  private readonly objects: LiveObjects
  private readonly stateWatchers = new Set<(state: ConnectionState) => void>()
  private subscriptionId = 0n
  private failure: Error | undefined
  private isSynced = false
  private lastNonce = 0n
  private readonly onAbort = () => this.close()
  /** A customer's orders: create, add, commit, choosePayment, watch. */
  readonly orders = new ShopOrders(this)

  /** Use `connect`. */
  constructor(options: ConnectOptions, relay: FollowedRelay) {
    const { shop, key, signal, only, store, verifiedAtSeconds } = options
    this.options = options
    this.relay = relay
    this.replica = new Replica(shop, relay.keys)
    this.objects = new LiveObjects({
      get: (name) => this.replica.get(name),
      standing: (name) => this.standing(name),
    })
    this.proofs = new ShopProofs(
      this.replica,
      { shopId: shop, relay, card: key && publicKeyOf(key) },
      { only, store, verifiedAtSeconds: BigInt(verifiedAtSeconds ?? VERIFIED_AT_SECONDS_DEFAULT) },
      {
        ask: (request) => this.link.ask(request),
        changed: () => this.objects.changedAll(),
        failed: (error) => this.fail(error),
        notice: (text) => this.notice(text),
      },
    )
    this.link = new RelayLink(
      { url: options.url, key, version: options.protocol, signal, notice: (text) => this.notice(text) },
      {
        begin: (connection) => this.subscribe(connection),
        push: (push) => this.pushed(push),
        checkpoint: (push) => this.checked(() => this.proofs.checkpoint(push)),
        snapshot: (push) => this.checked(() => this.proofs.snapshot(push)),
        syncStatus: (status) => this.told(status),
        lost: () => this.proofs.disconnected(),
        state: (state) => this.tellState(state),
      },
    )
    signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  get state(): ConnectionState {
    return this.link.state
  }

  /** `watch` is told each new state; the returned function ends that. */
  onState(watch: (state: ConnectionState) => void): () => void {
    this.stateWatchers.add(watch)
    return () => this.stateWatchers.delete(watch)
  }

  /** The version that the relay speaks. With 4 nothing proves that nothing was left out. */
  get protocol(): WireVersion {
    return this.link.protocol ?? 5
  }

  get shopId(): ShopId {
    return this.options.shop
  }

  /** Whether the order is part of what was subscribed to. */
  sees(order: OrderId): boolean {
    const { only } = this.options
    return only === undefined || only.some((part) => 'order' in part && (part.order === 'all' || part.order === order))
  }

  /** The last verified set; 0 before the first. */
  get seq(): bigint {
    return this.replica.lastSeq
  }

  /** The newest checkpoint that was accepted, as `compare` of another client takes it; undefined before the first. */
  get checkpoint(): { readonly seq: bigint; readonly bytes: Uint8Array } | undefined {
    return this.proofs.newest
  }

  /** Brings back what was kept and opens the first connection; `connect` calls it. */
  async start(): Promise<void> {
    try {
      // What was kept may be signed by a key that came later than the one that is known.
      if (this.options.store !== undefined) await this.relay.follow(this.options)
      await this.proofs.load()
      await this.goOnFromAnchor()
      await this.link.open()
    } catch (error) {
      this.close()
      throw error
    }
  }

  /**
   * Verified sets from now on, in order, each once, across reconnects. Ends with the client; throws when verification
   * failed.
   */
  sets(signal?: AbortSignal): AsyncIterable<VerifiedSet> {
    return { [Symbol.asyncIterator]: () => this.reader(signal) }
  }

  listing(id: ListingId): Live<Listing> {
    return this.objects.live(`Listings/${id}`)
  }

  /** With its receipt, which a guest gets of his own orders, and staff of all. */
  order(id: OrderId): LiveOrder {
    return { ...this.objects.live<Order>(`Orders/${id}`), receipt: (options) => this.receipt(id, options) }
  }

  tag(name: string): Live<Tag> {
    return this.objects.live(`Tags/${name}`)
  }

  manifest(): Live<Manifest> {
    return this.objects.live('Manifest')
  }

  /** Pieces in stock of a listing with these variations. */
  stock(listing: ListingId, ...variations: readonly string[]): Live<bigint> {
    const name = ['Inventory', listing, ...[...variations].sort()].join('/')
    this.proofs.watchStock(name, ['Inventory', listing, ...variations])
    return this.objects.live(name)
  }

  /** All listings that are subscribed to, by id, as they are and become; those of a tag if one is named. */
  listings({ tag }: { readonly tag?: string } = {}): Live<readonly Listing[]> {
    const all = () => this.replica.list('Listings')
    if (tag === undefined)
      return this.objects.view('Listings/', ['Listings/'], () => ({ ...this.listStanding('Listings'), data: all() }))
    const name = `Tags/${tag}`
    const data = tagged()
    return this.objects.view(`Listings/ ${name}`, ['Listings/', name], () => {
      const standing = together(this.listStanding('Listings'), this.standing(name))
      return { ...standing, data: data(all(), this.replica.get(name) as Tag | undefined) }
    })
  }

  /** All orders that may be read: a guest's own, the shop's for staff; by id. */
  orderList(): Live<readonly Order[]> {
    return this.objects.view('Orders/', ['Orders/'], () => ({
      ...this.listStanding('Orders'),
      data: this.replica.list('Orders'),
    }))
  }

  /** All tags that are subscribed to, by their keys. */
  tagList(): Live<ReadonlyMap<string, Tag>> {
    return this.objects.view('Tags/', ['Tags/'], () => ({ ...this.listStanding('Tags'), data: this.replica.tags() }))
  }

  /** All stock that is subscribed to, which is staff's to see; in no order. */
  stockList(): Live<readonly StockEntry[]> {
    const read = () => ({ ...this.listStanding('Inventory'), data: this.replica.stock() })
    return this.objects.view('Inventory/', ['Inventory/'], read)
  }

  /** Where one blob may be posted, once, within ten minutes, by `uploadBlob`. Staff only: others get INVALID. */
  async uploadUrl({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<string> {
    return new TextDecoder().decode(await this.connection().request({ kind: 'getBlobUploadUrl' }, signal))
  }

  /**
   * Signs the changes as one set, all or none, and resolves when it is durable. Calls may be made without waiting for
   * each other. Rejects with the wire's code. A connection that is lost on the way is no harm in version 5: the set is
   * sent again and taken once; in version 4 it is OUTCOME_UNKNOWN. Changes that visitors, guests and staff may read
   * stay one set too, but `onNotice` is told: whoever is shown one of them can guess a number in another.
   */
  async write(changes: readonly Change[], { ifSeq, signal }: WriteOptions = {}): Promise<Written> {
    const { key, shop } = this.options
    if (key === undefined) throw new ClientError('USAGE', 'a visitor cannot write: connect with a key')
    if (changes.length === 0) throw new ClientError('USAGE', 'a set has at least one change')
    const connection = this.connection()
    if (ifSeq !== undefined && connection.version === 4)
      throw new ClientError('USAGE', 'ifSeq needs version 5, and the relay speaks version 4')
    const mixed = mixedAudiences(changes.map(({ path }) => path[0]))
    if (mixed !== undefined) this.notice(mixed)
    const patches = changes.map(encodeChange)
    const timestamp = BigInt(Math.floor(Date.now() / 1_000))
    const { headerBytes, signature } = signPatches({ shopId: shop, nonce: this.nextNonce(), timestamp, patches }, key)
    const patchSet = encodePatchSet(headerBytes, signature, patches)
    const request = { kind: 'write', patchSet, ...(ifSeq !== undefined && { expectedSeq: ifSeq }) } as const
    const payload = await this.writes.send(connection, request, signal)
    if (connection.version === 4) return { stateHash: payload, proven: provesNothing }
    return this.written({ header: headerBytes, signature, answer: readWriteAnswer(payload) })
  }

  /**
   * Compares a checkpoint from anywhere, CBOR [checkpoint, signature], with what the relay shows here: same,
   * consistent, evidence against the relay, which ends this client too, or not shown. Rejects with VERIFICATION_FAILED
   * for one that is not of this relay and shop, and with USAGE in version 4.
   */
  async compare(received: Uint8Array): Promise<Comparison> {
    if (this.protocol === 4) throw new ClientError('USAGE', 'the relay speaks version 4, which proves no state')
    try {
      const compared = await compareWith(this.proofs.asked, received)
      if (compared.outcome === 'evidence') this.fail(new ClientError('VERIFICATION_FAILED', compared.message))
      return compared
    } catch (cause) {
      throw verificationFailed(cause)
    }
  }

  private receipt(id: OrderId, { signal = this.options.signal }: ReceiptOptions = {}): Promise<Uint8Array> {
    const { url, shop, key } = this.options
    if (this.protocol === 4)
      return Promise.reject(new ClientError('USAGE', 'the relay speaks version 4, which proves no orders'))
    if (key === undefined)
      return Promise.reject(new ClientError('USAGE', 'a visitor has no orders: connect with a key'))
    return fetchReceipt({ url, shop, relays: this.relay.keys, link: this.link, signal }, id)
  }

  /** Ends everything; never throws. Iterators end, live objects keep what they had. */
  close(): void {
    if (this.state === 'closed') return
    this.options.signal?.removeEventListener('abort', this.onAbort)
    this.link.close()
    this.writes.end()
    this.proofs.close()
    for (const reader of this.readers) reader.end()
  }

  /** Of version 4 the set that changed it last is told, and nothing proves that none is missing. */
  private standing(name: string): Standing {
    if (this.protocol === 5) return this.upToDate(this.proofs.standing(name))
    return { ...this.unproven(), verified: seqOnly(this.replica.seqOf(name)) }
  }

  private listStanding(collection: ObjectCollection): Standing {
    if (this.protocol === 5) return this.upToDate(this.proofs.listStanding(collection))
    return { ...this.unproven(), verified: seqOnly(this.replica.changedAt(collection)) }
  }

  /** A snapshot is as of its checkpoint: the sets behind it belong to what there was when the client came. */
  private upToDate(standing: Standing): Standing {
    return this.isSynced ? standing : { ...standing, isLoading: true }
  }

  private unproven(): Omit<Standing, 'verified'> {
    return { isLoading: !this.isSynced, complete: false, stale: false }
  }

  private written(set: OwnSet): Written {
    const { Seq: seq, StateRoot: stateRoot, StateHash: stateHash } = set.answer
    const proven = () => this.proveOwn(set)
    return { stateHash, seq, stateRoot, proven }
  }

  private async proveOwn(set: OwnSet): Promise<Verified> {
    try {
      return this.proofs.statement(await proveOwnSet(this.proofs.asked, set))
    } catch (cause) {
      const error = verificationFailed(cause)
      if (error.code === 'VERIFICATION_FAILED') this.fail(error)
      throw error
    }
  }

  // Connection

  private connection(): RelayConnection {
    const { connection } = this.link
    if (connection === undefined) throw new ClientError('DISCONNECTED', 'there is no connection to the relay now')
    return connection
  }

  private async subscribe(connection: RelayConnection): Promise<void> {
    const { only, shop, signal } = this.options
    await this.followRelay()
    const request = { kind: 'subscribe', shopId: toBigEndian(shop, 32), filters: filtersOf(only) } as const
    const from = connection.version === 5 ? this.proofs.subscription() : { startSeq: this.replica.lastSeq }
    const id = await connection.request({ ...request, ...from }, signal)
    this.subscriptionId = BigInt(id[0]! * 256 + id[1]!)
    this.link.subscriptionId = this.subscriptionId
    if (connection.version === 5) this.proofs.connected()
    this.writes.resend(connection)
  }

  /**
   * First contact (PROOFS §5): what was anchored counts as accepted, so that the relay has to show how its log grew out
   * of that. Rejects with ClientError.
   */
  private async goOnFromAnchor(): Promise<void> {
    const { shop, relay, chain = givenChain(relay), signal } = this.options
    if (chain === undefined || this.proofs.newest !== undefined) return
    const onChain = new ShopOnChain(chain, shop, signal)
    try {
      const checkpoint = await fetchAnchored(this.options, onChain)
      if (checkpoint !== undefined) this.proofs.goOnFromAnchor(checkpoint, onChain.place)
    } catch (cause) {
      throw verificationFailed(cause)
    }
  }

  /** Its key may have been rotated since the last connection. */
  private async followRelay(): Promise<void> {
    try {
      await this.relay.follow(this.options)
    } catch (error) {
      if (verificationFailed(error).code === 'VERIFICATION_FAILED') this.fail(error)
      throw error
    }
  }

  private tellState(state: ConnectionState): void {
    if (state === 'needs-auth') this.writes.end()
    for (const watch of this.stateWatchers) watch(state)
  }

  private notice(text: string): void {
    this.options.onNotice?.(text)
  }

  // Sets

  private pushed(push: PushRequest): void {
    for (const encoded of push.sets)
      this.checked(() => {
        const { set, changed } = this.proofs.set(decodeSet(encoded), this.protocol)
        for (const reader of this.readers) reader.give(set)
        for (const name of changed) this.objects.changed(name)
      })
  }

  /** Throws on the first thing that is not proven: it is not answered, and nothing more is taken. */
  private checked(take: () => void): void {
    try {
      take()
    } catch (error) {
      this.fail(error)
      throw error
    }
  }

  /** What there was when the client came has come: what is not held is not there. Only the first call tells anybody. */
  private told({ subscriptionId, unpushedPatches }: SyncStatusRequest): void {
    const isOurs = this.subscriptionId === 0n || subscriptionId === this.subscriptionId
    if (unpushedPatches !== 0n || !isOurs || this.isSynced) return
    this.isSynced = true
    this.objects.changedAll()
  }

  private fail(cause: unknown): void {
    if (this.failure !== undefined || this.state === 'closed') return
    const error = verificationFailed(cause)
    this.failure = error
    this.link.fail()
    this.proofs.close()
    this.writes.end()
    for (const reader of this.readers) reader.fail(error)
    this.objects.fail(error)
  }

  private reader(signal?: AbortSignal): AsyncIterator<VerifiedSet> {
    const reader = new SetReader((ended) => this.readers.delete(ended), signal)
    if (this.failure !== undefined) reader.fail(this.failure)
    else if (this.state === 'closed') reader.end()
    else this.readers.add(reader)
    return reader
  }

  /** Rising across restarts too: made of the clock. */
  private nextNonce(): bigint {
    const now = BigInt(Date.now()) * NONCES_PER_MS
    this.lastNonce = now > this.lastNonce ? now : this.lastNonce + 1n
    return this.lastNonce
  }
}

function givenChain(relay: RelayGiven): ShopChain | undefined {
  return typeof relay === 'object' && 'chain' in relay ? relay.chain : undefined
}

function provesNothing(): Promise<never> {
  return Promise.reject(new ClientError('USAGE', 'the relay speaks version 4, which proves no writes'))
}

function verificationFailed(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause
  return new ClientError('VERIFICATION_FAILED', (cause as Error).message, { cause })
}

function seqOnly(seq: bigint | undefined): Verified | undefined {
  return seq === undefined || seq === 0n ? undefined : { seq }
}

/** Of a list that follows from two: as good as the worse, as of the earlier. */
function together(a: Standing, b: Standing): Standing {
  const [isLoading, complete] = [a.isLoading || b.isLoading, a.complete && b.complete]
  const verified = a.verified === undefined || b.verified === undefined ? undefined : earlier(a.verified, b.verified)
  return { isLoading, complete, stale: a.stale || b.stale, verified }
}

function earlier(a: Verified, b: Verified): Verified {
  return a.seq <= b.seq ? a : b
}

/** The listings of a tag; the same reference for the same listings and tag. */
function tagged(): (listings: readonly Listing[], tag: Tag | undefined) => readonly Listing[] {
  let made: readonly [listings: readonly Listing[], tag: Tag | undefined, found: readonly Listing[]] | undefined
  return (listings, tag) => {
    if (made !== undefined && made[0] === listings && made[1] === tag) return made[2]
    const wanted = new Set(tag?.ListingIDs)
    made = [listings, tag, listings.filter(({ ID }) => wanted.has(ID))]
    return made[2]
  }
}

/** Rejects with ClientError, VERIFICATION_FAILED for a hand-over that is not well signed, or another relay's. */
async function knownRelay(options: ConnectOptions): Promise<FollowedRelay> {
  const relay = await relayOf(options)
  try {
    relay.take((options.handOvers ?? []).map(decodeSignedHandOver))
  } catch (error) {
    throw verificationFailed(error)
  }
  return relay
}
