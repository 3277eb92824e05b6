/**
 * A storefront's view of one shop: connects, authenticates, subscribes, keeps a verified replica, writes, and comes
 * back after every loss of the connection without a gap or a repeat.
 *
 * Tests: test/client/shop-client.test.ts, test/client/proven-client.test.ts
 */

import type { OrderId, ShopId } from '../brands.js'
import { toBigEndian } from '../bytes/bytes.js'
import { LOAD_WAIT_MS_MAX, VERIFIED_AT_SECONDS_DEFAULT } from '../limits.js'
import type { Change } from '../patches/patch.js'
import type { Comparison } from '../proofs/checkpoint.js'
import type { WireVersion } from '../wire/envelope.js'
import type { PushRequest, Request, SnapshotPush, SyncStatusRequest } from '../wire/messages.js'
import {
  ClientError,
  clientClosed,
  isOfOtherRelay,
  needsVersion5,
  shopNotFound,
  verificationFailed,
} from './client-error.js'
import { areConnectOptions, type ConnectOptions } from './connect-options.js'
import type { RelayConnection } from './connection.js'
import { Troubles, watchedView, type Diagnosis } from './diagnosis.js'
import type { FollowedRelay } from './followed-relay.js'
import { inTime, loaded } from './later.js'
import { HeldView } from './held-view.js'
import { LiveObjects, type Verified } from './live.js'
import { filtersOf, type Part } from './parts.js'
import type { OwnSet } from './proof-requests.js'
import { cardOf, RelayLink, type ConnectionState } from './relay-link.js'
import type { ReplicaStore } from './kept-replica.js'
import { Replica } from './replica.js'
import { SetReaders } from './set-reader.js'
import { givenChain, knownRelay } from './relay-address.js'
import { ShopObjects, type ReceiptOptions } from './shop-objects.js'
import { ShopProofs } from './shop-proofs.js'
import type { ViewSource } from './shop-views.js'
import type { ShopWrites, WriteOptions, Written } from './shop-writes.js'
import type { Steps } from './slices.js'
import type { VerifiedSet } from './verify.js'
import { isSameParts, partsOf, WatchedViews } from './watched-parts.js'

export type * from './client-types.js'
export { isSameCurrency, isSameMoney } from './amount-of-money.js'
export { amountText, formatMoney, parseMoney, sumOfMoney } from './money.js'
export { oddPaymentWords, orderWords, secondsLeft } from './order-words.js'
export { uploadBlob } from './blob-upload.js'
export * from './check-errors.js'
export { CANCELED, COMMITTED, OPEN, ORDER_STATE_NAMES, PAID, PAYMENT_CHOSEN, UNPAID } from '../objects/order.js'
export { VIEW_STATE_PUBLISHED } from '../objects/listing.js'

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
  if (!areConnectOptions(options)) (await loaded(import('./option-problems.js'))).checkConnectOptions(options)
  const [relay, card] = await Promise.all([knownRelay(options), cardOf(options.key)])
  const client = new ShopClient(options, relay, card)
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
export class ShopClient extends ShopObjects {
  private readonly options: ConnectOptions
  private readonly relay: FollowedRelay
  /** Of the key, 33 bytes. */
  private readonly card: Uint8Array | undefined
  private readonly replica: Replica
  private readonly proofs: ShopProofs
  private readonly link: RelayLink
  /** Undefined while what guests do is not loaded. */
  private writes: ShopWrites | undefined
  private readonly readers = new SetReaders()
  private readonly watched: WatchedViews
  protected override readonly objects: LiveObjects
  /** What is held and proven, as views show it. */
  private readonly held: HeldView
  protected override source: ViewSource
  private readonly stateWatchers = new Set<(state: ConnectionState) => void>()
  /** What is subscribed to; undefined for everything. */
  private parts: readonly Part[] | undefined
  private subscriptionId = 0n
  private failure: Error | undefined
  private readonly troubles = new Troubles()
  private isSynced = false
  private readonly onAbort = () => this.close()

  /** Use `connect`. */
  constructor(options: ConnectOptions, relay: FollowedRelay, card: Uint8Array | undefined) {
    const { shop, only, signal } = options
    super(options.currencies ?? [])
    this.options = options
    this.relay = relay
    this.card = card
    this.parts = only === 'watched' ? [] : only
    this.replica = new Replica(shop, relay.keys)
    this.proofs = this.makeProofs()
    this.source = this.held = this.makeView()
    this.watched = new WatchedViews(
      () => void this.reselect(),
      () => this.proofs.lookFirst(this.watched),
    )
    this.objects = new LiveObjects(this.watched, (id) => this.proofs.forgetStock(id))
    this.link = this.makeLink()
    signal?.addEventListener('abort', this.onAbort, { once: true })
  }

  private makeProofs(): ShopProofs {
    const { shop, store, verifiedAtSeconds } = this.options
    return new ShopProofs(
      this.replica,
      { shopId: shop, relay: this.relay, card: this.card },
      { only: this.parts, store, verifiedAtSeconds: BigInt(verifiedAtSeconds ?? VERIFIED_AT_SECONDS_DEFAULT) },
      {
        ask: (request) => this.link.ask(request),
        changed: () => {
          this.device?.outbox.reached(this.proofs.heldSeq)
          this.objects.changedAll()
        },
        streams: () => this.proofs.lookFirst(this.watched),
        shown: (name) => this.objects.changed(name),
        hasConnection: () => this.link.connection !== undefined,
        listed: () => this.watched.collections,
        unfollowed: (error) => this.unfollowed(error),
        failed: (error) => this.fail(error),
        notice: (text) => this.notice(text),
      },
    )
  }

  private makeView(): HeldView {
    const { replica, proofs, options } = this
    return new HeldView(replica, proofs, {
      isWatched: options.only === 'watched',
      protocol: () => this.protocol,
      parts: () => this.parts,
      isSynced: () => this.isSynced,
      isConnected: () => this.state === 'connected',
      isWanted: () => this.state !== 'closed' && this.failure === undefined,
      listed: (collection) => this.objects.changed(`${collection}/`),
      failed: (error) => this.fail(error),
    })
  }

  private makeLink(): RelayLink {
    const { url, key, protocol, signal } = this.options
    return new RelayLink(
      { url, key, card: this.card, version: protocol, signal, notice: (text) => this.notice(text) },
      {
        begin: (connection) => this.begin(connection),
        push: (push) => this.followed(this.pushed(push)),
        checkpoint: (push) => this.followed(this.proofs.checkpoint(push)),
        snapshot: (push) => this.snapshot(push),
        payments: ({ page }) => this.tookPayments(page),
        syncStatus: (status) => this.told(status),
        lost: () => this.proofs.disconnected(),
        state: (state) => this.tellState(state),
      },
    )
  }

  override get state(): ConnectionState {
    return this.link.state
  }

  /** Why there is no connection, until there is one; undefined while another tab of this card has it. */
  get problem(): ClientError | undefined {
    return this.link.problem
  }

  /** `watch` is told each new state; the returned function ends that. */
  override onState(watch: (state: ConnectionState) => void): () => void {
    this.stateWatchers.add(watch)
    return () => this.stateWatchers.delete(watch)
  }

  /** The version that the relay speaks. With 4 nothing proves that nothing was left out. */
  override get protocol(): WireVersion {
    return this.link.protocol ?? 5
  }

  override get shopId(): ShopId {
    return this.options.shop
  }

  /** Whether the order is part of what was subscribed to. */
  override sees(order: OrderId): boolean {
    if (this.options.only === 'watched') return true
    const { parts } = this
    return (
      parts === undefined || parts.some((part) => 'order' in part && (part.order === 'all' || part.order === order))
    )
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
      const { key, outbox, offline, store } = this.options
      // A page loads it while the connection opens; a visitor's when he does something.
      const guests = key === undefined && offline !== true ? undefined : this.loadGuests()
      guests?.catch(() => undefined)
      if (outbox !== undefined || offline === true) await guests
      if (outbox !== undefined) await this.openDevice(outbox)
      if (offline === true) return await this.startOffline()
      // What was kept may be signed by a key that came later than the one that is known.
      if (store !== undefined) await this.relay.follow(this.options)
      await this.proofs.load()
      await this.device?.turned
      await this.link.open()
      await guests
    } catch (error) {
      this.close()
      throw error
    }
  }

  protected override async loadGuests(): Promise<void> {
    const side = await loaded(import('./guest-side.js'))
    if (this.writes !== undefined) return
    this.use(side)
    this.writes = side.makeWrites(this.options, {
      connection: () => this.connection(),
      isGuest: () => this.isGuest && this.checkpoint !== undefined,
      prove: (set) => this.proveOwn(set),
      notice: (text) => this.notice(text),
    })
  }

  private async openDevice(store: ReplicaStore): Promise<void> {
    // A page loads it when it is wanted.
    const { ShopDevice } = await loaded(import('./shop-device.js'))
    const { link, objects, options } = this
    const whose = { store, purpose: await this.proofs.whoseText() }
    this.device = this.writes!.device = new ShopDevice(whose, link, objects, {
      sign: (patches, nonce) => this.writes!.sign(patches, nonce),
      cartChanged: (text) => this.cartKept(text),
      left: (patches, outcome) => this.writeLeft(patches, outcome instanceof ClientError ? outcome : undefined),
      notice: (text) => this.notice(text),
    })
    if (options.optimistic === true) this.source = this.device.over(this.source)
    await this.device.open()
    // What waits may be its checkout.
    this.cart()
  }

  /** What was kept is shown before it is checked, as loading; it is checked, and the relay asked, by and by. */
  private async startOffline(): Promise<void> {
    await this.proofs.show()
    void this.proofs.loadOr(() => this.followRelay()).then(() => this.link.begin())
  }

  /**
   * Verified sets from now on, in order, each once, across reconnects. Ends with the client; throws when verification
   * failed.
   */
  sets(signal?: AbortSignal): AsyncIterable<VerifiedSet> {
    if (this.options.only === 'watched')
      throw new ClientError(
        'NOT_SUBSCRIBED',
        "sets come of a subscription that does not change: name parts, not 'watched'",
      )
    return { [Symbol.asyncIterator]: () => this.readers.reader(signal) }
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
  override async write(changes: readonly Change[], options: WriteOptions = {}): Promise<Written> {
    if (this.state === 'closed') throw clientClosed()
    if (this.writes === undefined) await this.loadGuests()
    return this.writes!.write(changes, options)
  }

  /**
   * Compares a checkpoint from anywhere, CBOR [checkpoint, signature], with what the relay shows here: same,
   * consistent, evidence against the relay, which ends this client too, or not shown. Rejects with VERIFICATION_FAILED
   * for one that is not of this relay and shop, and with NEEDS_VERSION_5 in version 4.
   */
  async compare(received: Uint8Array): Promise<Comparison> {
    if (this.protocol === 4) throw needsVersion5('the relay speaks version 4, which proves no state')
    try {
      const { compareWith } = await loaded(import('./proof-requests.js'))
      const compared = await compareWith(this.proofs.asked, received)
      if (compared.outcome === 'evidence') this.fail(new ClientError('VERIFICATION_FAILED', compared.message))
      return compared
    } catch (cause) {
      throw verificationFailed(cause)
    }
  }

  protected override askRelay(request: Request): Promise<Uint8Array> {
    return this.link.ask(request)
  }

  protected override get ownCard() {
    const { key: secret, shop } = this.options
    return secret && { shop, relay: this.relay.keys[0]!, secret }
  }

  protected override get isGuest(): boolean {
    return this.proofs.mayRead === 'guest'
  }

  protected override readTags() {
    return this.held.reading('Tags', () => this.replica.tags())
  }

  protected override get asked() {
    return this.proofs.asked
  }

  protected override readAccounts() {
    const proven = this.proofs.newest?.seq ?? 0n
    const seq = proven > this.replica.lastSeq ? proven : this.replica.lastSeq
    return { ...this.held.reading('Accounts', () => this.replica.accounts()), seq }
  }

  protected override readStock() {
    return this.held.reading('Inventory', () => this.replica.stock())
  }

  protected override watchStock(name: string, path: readonly ['Inventory', bigint, ...string[]]): void {
    this.proofs.watchStock(name, path)
  }

  protected override async receiptOf(
    id: OrderId,
    { signal = this.options.signal }: ReceiptOptions = {},
  ): Promise<Uint8Array> {
    const { url, shop, key } = this.options
    if (this.protocol === 4) throw needsVersion5('the relay speaks version 4, which proves no orders')
    if (key === undefined) throw new ClientError('NEEDS_KEY', 'a visitor has no orders: connect with a key')
    // A page loads what makes receipts when the first is wanted.
    const { ownReceipt } = await loaded(import('./receipt-assembly.js'))
    return ownReceipt({ url, shop, relays: this.relay.keys, link: this.link, signal }, id, this)
  }

  /** How it stands now, for eyes: `mountDevtools` of `cairn-relay/devtools` shows it. */
  diagnose(): Diagnosis {
    const { replica, proofs, parts, options, failure } = this
    const [{ url, shop }, { state, protocol }] = [options, this.link]
    const watched = [...this.watched.all].map((view) => watchedView(view, failure))
    const { mayRead: access, compared: checkpoint } = proofs
    const checked = { ...proofs.checked }
    const seq = replica.lastSeq
    return { url, shop, state, protocol, access, parts, seq, checkpoint, checked, watched, troubles: this.troubles.all }
  }

  /** Ends everything; never throws. Iterators end, live objects keep what they had. */
  close(): void {
    if (this.state === 'closed') return
    this.options.signal?.removeEventListener('abort', this.onAbort)
    this.link.close()
    this.writes?.end()
    this.proofs.close()
    this.device?.close()
    this.watched.end()
    this.readers.finish()
    this.objects.end()
  }

  private async proveOwn(set: OwnSet): Promise<Verified> {
    try {
      const { proveOwnSet } = await loaded(import('./proof-requests.js'))
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
    if (this.state === 'closed') throw clientClosed()
    if (connection === undefined) throw new ClientError('DISCONNECTED', 'there is no connection to the relay now')
    return connection
  }

  private async begin(connection: RelayConnection): Promise<void> {
    if (this.options.only === 'watched' && connection.version === 4) {
      this.notice('the relay speaks version 4: all of the shop is subscribed to, not what is watched')
      this.parts = undefined
    }
    // While the first snapshot is on its way; it tells by itself where it fails.
    this.proofs.follow().catch(() => undefined)
    await this.goOnFromAnchor()
    await this.subscribe(connection)
    if (connection.version === 5) {
      this.proofs.connected()
      // A wrong address is told now, and not by what comes of it.
      await this.proofs.firstAccepted()
    }
    if (isOfOtherRelay(this.failure?.cause)) throw this.failure!
    this.writes?.resend(connection)
  }

  private async subscribe(connection: RelayConnection): Promise<void> {
    const { shop, signal } = this.options
    await this.followRelay()
    const request = { kind: 'subscribe', shopId: toBigEndian(shop, 32), filters: filtersOf(this.parts) } as const
    // Its first status may come before its answer is taken.
    this.subscriptionId = 0n
    this.link.subscriptionId = undefined
    const from = connection.version === 5 ? this.proofs.subscription() : { startSeq: this.replica.lastSeq }
    const id = await connection.request({ ...request, ...from }, signal).catch(shopNotFound)
    this.subscriptionId = BigInt(id[0]! * 256 + id[1]!)
    this.link.subscriptionId = this.subscriptionId
  }

  /** Subscribes to what is watched now, over the same connection; what was shown stays until that has come. */
  private async reselect(): Promise<void> {
    if (this.options.only !== 'watched' || this.parts === undefined) return
    const parts = partsOf(this.watched.all, this.proofs.mayRead)
    if (isSameParts(parts, this.parts) || this.failure !== undefined) return
    await this.link
      .inTurn(async () => {
        const { connection } = this.link
        this.parts = parts
        this.isSynced = false
        this.proofs.reselect(parts)
        // Without a connection the next one begins with these parts.
        if (connection === undefined) return
        await this.link.cancel()
        await this.subscribe(connection)
      })
      .catch((error: unknown) => {
        if (this.state === 'connected')
          this.notice(`what is watched could not be subscribed to: ${(error as Error).message}`)
      })
  }

  /**
   * First contact (PROOFS §5): what was anchored counts as accepted, so that the relay has to show how its log grew out
   * of that. Rejects with ClientError.
   */
  private async goOnFromAnchor(): Promise<void> {
    const { shop, relay, chain = givenChain(relay), signal } = this.options
    if (chain === undefined || this.proofs.newest !== undefined) return
    const { fetchAnchored, ShopOnChain } = await loaded(import('./shop-chain.js'))
    const onChain = new ShopOnChain(chain, shop, signal)
    try {
      const checkpoint = await fetchAnchored(this.options, onChain)
      if (checkpoint !== undefined) this.proofs.goOnFromAnchor(checkpoint, onChain.place)
    } catch (cause) {
      const error = verificationFailed(cause)
      if (error.code === 'VERIFICATION_FAILED') this.fail(error)
      throw error
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
    if (state === 'needs-auth') this.writes?.end()
    if (state === 'connected') {
      this.device?.outbox.run()
      // Before that it can take nothing: the next connection would be as short.
      this.proofs.follow().then(
        () => this.link.holds(),
        () => undefined,
      )
    }
    for (const watch of this.stateWatchers) watch(state)
  }

  protected override notice(text: string): void {
    this.troubles.add(text)
    this.options.onNotice?.(text)
  }

  // Sets

  private *pushed(push: PushRequest): Steps {
    for (const encoded of push.sets) {
      const { set, changed } = this.proofs.set(encoded, this.protocol)
      this.readers.give(set)
      for (const name of changed) this.objects.changed(name)
      yield
    }
    this.device?.outbox.reached(this.proofs.heldSeq)
  }

  /** What needs the part that follows a snapshot. Throws where that does not load in time: the connection ends. */
  private *followed(take: Steps): Steps {
    if (!this.proofs.follows) yield inTime(this.proofs.follow(), LOAD_WAIT_MS_MAX)
    yield* this.checked(take)
  }

  /** The first one needs no more than is there; one after an accepted checkpoint has to continue that. */
  private snapshot(push: SnapshotPush): Steps {
    const steps = this.proofs.snapshot(push)
    return push.checkpoint.length > 0 && this.proofs.newest !== undefined ? this.followed(steps) : this.checked(steps)
  }

  /** Throws on the first thing that is not proven: it is not answered, and nothing more is taken. */
  private *checked(take: Steps): Steps {
    try {
      yield* take
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

  /** No check failed: what is shown stays, and grows old. `problem` says why nothing comes. */
  private unfollowed(error: ClientError): void {
    this.notice(error.message)
    this.link.fail(error)
    this.writes?.end()
    this.readers.finish(error)
  }

  private fail(cause: unknown): void {
    if (this.failure !== undefined || this.state === 'closed') return
    const error = verificationFailed(cause)
    this.failure = error
    this.troubles.add(error.message)
    this.link.fail(error)
    this.proofs.end()
    this.writes?.end()
    this.readers.finish(error)
    this.objects.fail(error)
  }
}
