/**
 * A storefront's view of one shop: connects, authenticates, subscribes, keeps a verified replica, writes, and comes
 * back after every loss of the connection without a gap or a repeat.
 */

import { publicKeyOf, sign } from '#signature'
import type { ListingId, OrderId, ShopId } from '../brands.js'
import { fromHex } from '../bytes/hex.js'
import { toBigEndian } from '../bytes/bytes.js'
import { personalMessageDigest } from '../bytes/eip191.js'
import { BACK_OFF_MS_MAX, BACK_OFF_MS_MIN } from '../limits.js'
import type { Listing } from '../objects/listing.js'
import type { Manifest } from '../objects/manifest.js'
import type { Order } from '../objects/order.js'
import type { Tag } from '../objects/tag.js'
import { encodeChange, type Change } from '../patches/patch.js'
import { encodePatchSet, signPatches } from '../patches/patch-set.js'
import { decodeSet } from '../wire/pushed-set.js'
import type { PushRequest, SyncStatusRequest } from '../wire/messages.js'
import { mixedAudiences } from './audiences.js'
import { ClientError } from './client-error.js'
import { RelayConnection } from './connection.js'
import { relayDescription } from './enrol.js'
import { LiveObjects, type Live } from './live.js'
import { filtersOf, type Part } from './parts.js'
import { Replica } from './replica.js'
import { SetReader } from './set-reader.js'
import { ShopOrders } from './shop-orders.js'
import type { VerifiedSet } from './verify.js'

export type { Listing } from '../objects/listing.js'
export type { Manifest } from '../objects/manifest.js'
export type { Order } from '../objects/order.js'
export type { Tag } from '../objects/tag.js'
export type { Change } from '../patches/patch.js'
export type { VerifiedSet } from './verify.js'
export type { Live, LiveState } from './live.js'
export type { Part } from './parts.js'
export { ClientError, type ClientErrorCode } from './client-error.js'
export type { Item, NewOrder, PaymentCalls, PaymentChoice, PaymentDue, ShopOrders } from './shop-orders.js'
export { CANCELED, COMMITTED, OPEN, PAID, PAYMENT_CHOSEN, UNPAID } from '../objects/order.js'

export interface ConnectOptions {
  /** http(s) address of the relay. */
  readonly url: string
  readonly shop: bigint
  /** The card's secret key, 32 bytes; left out: a visitor, who reads what is public. */
  readonly key?: Uint8Array
  /**
   * The relay's address, 20 bytes or hexadecimal: what its own sets are checked against. `'development'`: taken from
   * the relay itself, which only a development relay may ask for.
   */
  readonly relay: Uint8Array | string
  /**
   * Parts of the shop; left out: everything that may be read. Accounts and manifest always come too, to check signers.
   */
  readonly only?: readonly Part[]
  readonly signal?: AbortSignal
  /** A word about something that the caller decided and should know of. */
  readonly onNotice?: (text: string) => void
}

export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'needs-auth' | 'closed'

const DEVELOPMENT_CHAIN_ID = 31_337
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
  const client = new ShopClient(options, await relayAddress(options))
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
  private readonly replica: Replica
  private readonly readers = new Set<SetReader>()
  private readonly objects: LiveObjects
  private readonly stateWatchers = new Set<(state: ConnectionState) => void>()
  private connection: RelayConnection | undefined
  private connectionState: ConnectionState = 'connecting'
  private subscriptionId = 0n
  private failure: Error | undefined
  private backOffMs = BACK_OFF_MS_MIN
  private retry: ReturnType<typeof setTimeout> | undefined
  private lastNonce = 0n
  private readonly onAbort = () => this.close()
  /** A customer's orders: create, add, commit, choosePayment, watch. */
  readonly orders = new ShopOrders(this)

  /** Use `connect`. */
  constructor(options: ConnectOptions, relay: Uint8Array) {
    this.options = options
    this.replica = new Replica(options.shop, relay)
    this.objects = new LiveObjects(this.replica)
    options.signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  get state(): ConnectionState {
    return this.connectionState
  }

  /** `watch` is told each new state; the returned function ends that. */
  onState(watch: (state: ConnectionState) => void): () => void {
    this.stateWatchers.add(watch)
    return () => this.stateWatchers.delete(watch)
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

  /** Opens the first connection; `connect` calls it. */
  async start(): Promise<void> {
    try {
      await this.open()
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

  order(id: OrderId): Live<Order> {
    return this.objects.live(`Orders/${id}`)
  }

  tag(name: string): Live<Tag> {
    return this.objects.live(`Tags/${name}`)
  }

  manifest(): Live<Manifest> {
    return this.objects.live('Manifest')
  }

  /** Pieces in stock of a listing with these variations. */
  stock(listing: ListingId, ...variations: readonly string[]): Live<bigint> {
    return this.objects.live(['Inventory', listing, ...[...variations].sort()].join('/'))
  }

  /** All listings that are held now, by id; those of a tag if one is named. */
  listings({ tag }: { readonly tag?: string } = {}): Listing[] {
    const listings = this.replica.all('Listings').map(([, listing]) => listing)
    if (tag === undefined) return listings
    const listed = new Set(this.tag(tag).get().data?.ListingIDs)
    return listings.filter(({ ID }) => listed.has(ID))
  }

  /**
   * Signs the changes as one set, all or none, and resolves when it is durable. Calls may be made without waiting for
   * each other. Rejects with the wire's code; OUTCOME_UNKNOWN when the connection was lost on the way. Changes that
   * visitors, guests and staff may read stay one set too, but `onNotice` is told: whoever is shown one of them can
   * guess a number in another.
   */
  async write(
    changes: readonly Change[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<{ readonly stateHash: Uint8Array }> {
    const { key, shop } = this.options
    if (key === undefined) throw new ClientError('USAGE', 'a visitor cannot write: connect with a key')
    if (changes.length === 0) throw new ClientError('USAGE', 'a set has at least one change')
    if (this.connection === undefined) throw new ClientError('DISCONNECTED', 'there is no connection to the relay now')
    const mixed = mixedAudiences(changes.map(({ path }) => path[0]))
    if (mixed !== undefined) this.options.onNotice?.(mixed)
    const patches = changes.map(encodeChange)
    const timestamp = BigInt(Math.floor(Date.now() / 1_000))
    const { headerBytes, signature } = signPatches({ shopId: shop, nonce: this.nextNonce(), timestamp, patches }, key)
    const patchSet = encodePatchSet(headerBytes, signature, patches)
    return { stateHash: await this.connection.request({ kind: 'write', patchSet }, signal) }
  }

  /** Ends everything; never throws. Iterators end, live objects keep what they had. */
  close(): void {
    if (this.connectionState === 'closed') return
    this.setState('closed')
    this.options.signal?.removeEventListener('abort', this.onAbort)
    clearTimeout(this.retry)
    this.connection?.close()
    this.connection = undefined
    for (const reader of this.readers) reader.end()
  }

  // Connection

  private async open(): Promise<void> {
    const { url, signal } = this.options
    this.setState('connecting')
    const connection = await RelayConnection.open(
      url,
      {
        push: (push) => this.pushed(push),
        syncStatus: (status) => this.told(status),
        closed: (_code, reason) => this.lost(connection, reason),
      },
      signal,
    )
    if (this.connectionState === 'closed') return connection.close()
    this.connection = connection
    await this.authenticate(connection)
    const shopId = toBigEndian(this.options.shop, 32)
    const { lastSeq: startSeq } = this.replica
    const id = await connection.request(
      { kind: 'subscribe', startSeq, shopId, filters: filtersOf(this.options.only) },
      signal,
    )
    this.subscriptionId = BigInt(id[0]! * 256 + id[1]!)
    this.backOffMs = BACK_OFF_MS_MIN
    this.setState('connected')
  }

  private async authenticate(connection: RelayConnection): Promise<void> {
    const { key, signal } = this.options
    if (key === undefined) return
    const challenge = await connection.request({ kind: 'authenticate', publicKey: publicKeyOf(key) }, signal)
    await connection.request(
      { kind: 'challengeSolution', signature: sign(personalMessageDigest(challenge), key) },
      signal,
    )
  }

  private lost(connection: RelayConnection | undefined, reason: string): void {
    if (this.connection !== connection || this.connectionState === 'closed') return
    this.connection = undefined
    this.setState('disconnected')
    if (this.failure === undefined) this.reopenLater(reason)
  }

  /** One back-off, jittered and bounded; a refusal that will not change stops it. */
  private reopenLater(reason: string): void {
    const wait = this.backOffMs * (0.5 + Math.random() / 2)
    this.backOffMs = Math.min(BACK_OFF_MS_MAX, this.backOffMs * 2)
    this.options.onNotice?.(`connection lost (${reason || 'no reason given'}); again in ${Math.round(wait)} ms`)
    this.retry = setTimeout(() => void this.reopen(), wait)
  }

  private async reopen(): Promise<void> {
    try {
      await this.open()
    } catch (error) {
      if (this.state === 'closed') return
      this.connection?.close()
      this.connection = undefined
      const refused = error instanceof ClientError && !error.retryable
      this.setState(refused ? 'needs-auth' : 'disconnected')
      if (!refused) this.reopenLater((error as Error).message)
    }
  }

  private setState(state: ConnectionState): void {
    if (state === this.connectionState) return
    this.connectionState = state
    for (const watch of this.stateWatchers) watch(state)
  }

  // Sets

  /** Throws on the first set that is not proven: it is answered as an error and nothing more is taken. */
  private pushed(push: PushRequest): void {
    for (const encoded of push.sets) {
      try {
        const { set, changed } = this.replica.take(decodeSet(encoded))
        for (const reader of this.readers) reader.give(set)
        for (const name of changed) this.objects.changed(name)
      } catch (error) {
        this.fail(new ClientError('VERIFICATION_FAILED', (error as Error).message, { cause: error }))
        throw error
      }
    }
  }

  private told({ subscriptionId, unpushedPatches }: SyncStatusRequest): void {
    const isOurs = this.subscriptionId === 0n || subscriptionId === this.subscriptionId
    if (unpushedPatches === 0n && isOurs) this.objects.synced()
  }

  private fail(error: ClientError): void {
    this.failure = error
    for (const reader of this.readers) reader.fail(error)
    this.objects.fail(error)
  }

  private reader(signal?: AbortSignal): AsyncIterator<VerifiedSet> {
    const reader = new SetReader((ended) => this.readers.delete(ended), signal)
    if (this.failure !== undefined) reader.fail(this.failure)
    else if (this.connectionState === 'closed') reader.end()
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

async function relayAddress({ url, relay, signal, onNotice }: ConnectOptions): Promise<Uint8Array> {
  if (relay instanceof Uint8Array) return relay
  if (relay !== 'development') return fromHex(relay)
  const facts = await relayDescription(url, signal)
  if (facts.chain_id !== DEVELOPMENT_CHAIN_ID) {
    throw new ClientError('USAGE', `the relay at ${url} is not in development mode: its address must be given`)
  }
  onNotice?.(
    `the relay's address ${facts.relay_address} is taken from the relay itself: ` +
      'fine for development, proves nothing elsewhere',
  )
  return fromHex(facts.relay_address)
}
