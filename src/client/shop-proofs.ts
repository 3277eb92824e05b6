/**
 * What a client of version 5 does beside taking what is pushed: has single objects proven after each checkpoint,
 * watches the time, and keeps what is proven (PROOFS §3, §4, §5). Everything that it shows as proven went through
 * ProvenShop.
 *
 * Tests: test/client/proven-client.test.ts, test/client/kept-replica.test.ts
 */

import type { Seconds, ShopId } from '../brands.js'
import { encode } from '../codec/encode.js'
import { FIRST_CHECKPOINT_MS_MAX } from '../limits.js'
import type { RelayIdentity, SignedCheckpoint, VerifiedCheckpoint } from '../proofs/checkpoint.js'
import type { ObjectCollection } from '../state/object-edit.js'
import type { WireVersion } from '../wire/envelope.js'
import type { CheckpointPush, EncodedSet, Request, SnapshotPush, SubscriptionRequest } from '../wire/messages.js'
import { ClientError } from './client-error.js'
import type { Checked } from './diagnosis.js'
import type { FirstScreen } from './first-screen.js'
import type { Freshness } from './freshness.js'
import type { ReplicaStore } from './kept-replica.js'
import type { KeptShop } from './kept-shop.js'
import { inTries, loaded } from './later.js'
import type { Standing, Verified } from './live.js'
import type * as Parts from './part-proofs.js'
import type { Access, Part } from './parts.js'
import type { AskedShop } from './proof-requests.js'
import { ProvenShop } from './proven-shop.js'
import type { Replica } from './replica.js'
import type { KnownRelay } from './shop-checkpoints.js'
import { inSlices, type Steps } from './slices.js'
import { unrefTimer } from './time-limit.js'
import type { WatchedViews } from './watched-parts.js'
import type * as Following from './set-follower.js'

interface Whose {
  readonly shopId: ShopId
  readonly relay: KnownRelay
  /** 33 bytes. */
  readonly card: Uint8Array | undefined
}

interface ProofOptions {
  readonly only: readonly Part[] | undefined
  readonly store: ReplicaStore | undefined
  readonly verifiedAtSeconds: Seconds
}

interface ProofHandlers {
  /** The payload of the relay's answer; throws where there is no connection. */
  ask(request: Request): Promise<Uint8Array>
  /** What is proven, or how old it is, changed. */
  changed(): void
  /** A snapshot began to stream. */
  streams(): void
  /** The object of that name is shown before it has come. */
  shown(name: string): void
  hasConnection(): boolean
  /** Collections whose objects somebody waits for. */
  listed(): Iterable<ObjectCollection>
  /** What follows a snapshot does not load: nothing can be taken or proven any more. */
  unfollowed(error: ClientError): void
  /** A check failed. */
  failed(error: unknown): void
  notice(text: string): void
}

/** How often it is looked how old everything is. */
const AGE_TICK_MS = 1_000

/** What was proven of parts, and by what. */
type ProvenParts = NonNullable<ReturnType<ConstructorParameters<typeof KeptShop>[4]['shown']>>

export class ShopProofs {
  private readonly replica: Replica
  private readonly proven: ProvenShop
  private readonly whose: Whose
  private readonly options: ProofOptions
  private readonly handlers: ProofHandlers
  /** Undefined until it is loaded. */
  private following: typeof Following | undefined
  private loading: Promise<void> | undefined
  private freshness: Freshness | undefined
  /** What is shown grows old, whatever loads or is connected. */
  private age: ReturnType<typeof setInterval> | undefined
  /** Undefined until a snapshot streams. */
  private firstScreen: FirstScreen | undefined
  private pushes = 0
  /** Those that came whole: each is of other parts, or begins anew. */
  private snapshots = 0
  private isConnected = false
  private isClosed = false
  private isProving = false
  /** Something may have to be proven since it was looked last. */
  private isProofDue = false
  /** What was proven last, and by what. */
  private shown: ProvenParts | undefined
  /** Undefined without a store, and until it is loaded. */
  private kept: KeptShop | undefined

  constructor(replica: Replica, whose: Whose, options: ProofOptions, handlers: ProofHandlers) {
    this.replica = replica
    this.proven = new ProvenShop(replica, whose, options.only)
    this.whose = whose
    this.options = options
    this.handlers = handlers
    this.asked = {
      shopId: whose.shopId,
      checkpoints: this.proven.checkpoints,
      ask: async (request) => this.handlers.ask(request),
    }
  }

  readonly asked: AskedShop
  readonly checked: Checked = { sets: 0, checkpoints: 0, snapshots: 0, objects: 0 }

  /** What the checkpoint says that what is held was compared with last. */
  get compared(): Verified | undefined {
    const { comparedWith } = this.proven
    return comparedWith && this.statement(comparedWith)
  }

  /** The newest checkpoint that was accepted; `bytes`: CBOR [checkpoint, signature]. */
  get newest(): { readonly seq: bigint; readonly bytes: Uint8Array } | undefined {
    const accepted = this.proven.checkpoints.accepted
    return accepted && { seq: accepted.fields.Seq, bytes: encode([...accepted.signed]) }
  }

  /** What is held is as of this set, or of a later one. */
  get heldSeq(): bigint {
    const compared = this.proven.comparedWith?.fields.Seq ?? 0n
    return compared > this.replica.lastSeq ? compared : this.replica.lastSeq
  }

  standing(name: string): Standing {
    return this.proven.standing(name)
  }

  /** The next subscription is of these parts. */
  reselect(parts: readonly Part[]): void {
    this.proven.reselect(parts)
  }

  /** What this session may read, as far as it is known. */
  get mayRead(): Access {
    return this.proven.mayRead
  }

  isWhole(collection: ObjectCollection): boolean {
    return this.proven.isWhole(collection)
  }

  covers(name: string): boolean {
    return this.proven.covers(name)
  }

  /** The object as `standing` speaks of it; undefined if there is none. */
  value(name: string): unknown {
    return this.proven.value(name)
  }

  /** What the views lack comes first, while a snapshot streams that is longer than a push. */
  lookFirst(views: Pick<WatchedViews, 'all'>): void {
    if (this.proven.streaming !== undefined) this.look(views).catch((error: unknown) => this.failed(error))
  }

  private async look(views: Pick<WatchedViews, 'all'>): Promise<void> {
    // Without this part all comes with the snapshot.
    const part = await import('./part-proofs.js').catch(() => undefined)
    this.firstScreen ??= part && new part.FirstScreen(this.firstShop(part), () => views.all)
    this.firstScreen?.look()
  }

  private firstShop({ proveObjects }: typeof Parts): ConstructorParameters<typeof FirstScreen>[0] {
    const { asked, proven } = this
    return {
      get streaming() {
        return proven.streaming
      },
      prove: (checkpoint, questions) => proveObjects(checkpoint, questions, asked, asked.ask),
      proven: (checkpoint, found) => {
        for (const name of proven.takeEarly(checkpoint, found)) this.handlers.shown(name)
      },
      failed: (error) => this.failed(error),
    }
  }

  listStanding(collection: ObjectCollection): Standing {
    return this.proven.collectionStanding(collection)
  }

  /** What a checkpoint says of what it proves. */
  statement(checkpoint: VerifiedCheckpoint): Verified {
    return this.proven.statement(checkpoint)
  }

  watchStock(name: string, path: readonly ['Inventory', bigint, ...string[]]): void {
    if (this.proven.watchStock(name, path)) this.prove()
  }

  /** Of another object nothing happens. */
  forgetStock(name: string): void {
    this.proven.forgetStock(name)
  }

  /** From where the subscription goes on; without a state a snapshot comes first. */
  subscription(): Pick<SubscriptionRequest, 'startSeq' | 'snapshot' | 'pushDelayMs' | 'checkpointSeq'> {
    const checkpointSeq = this.proven.checkpoints.accepted?.fields.Seq
    const shared = { pushDelayMs: 0, ...(checkpointSeq !== undefined && { checkpointSeq }) }
    return this.proven.goesOn
      ? { startSeq: this.replica.lastSeq, ...shared }
      : { startSeq: 0n, snapshot: true, ...shared }
  }

  connected(): void {
    this.isConnected = true
    this.watchAge()
    if (this.following !== undefined) this.askWhenOld(this.following)
    this.prove()
  }

  private watchAge(): void {
    if (this.isClosed) return
    this.age ??= setInterval(() => (this.freshness === undefined ? this.tellAge() : this.freshness.look()), AGE_TICK_MS)
    unrefTimer(this.age)
  }

  private askWhenOld({ Freshness }: typeof Following): void {
    this.freshness ??= new Freshness(this.asked, this.options.verifiedAtSeconds, {
      now,
      isConnected: () => this.isConnected,
      pushes: () => this.pushes,
      heldSeq: () => this.replica.lastSeq,
      renewed: () => this.renewed(),
      stale: (isStale) => this.setStale(isStale),
      failed: (error) => this.failed(error),
    })
  }

  /** Whether what follows a snapshot is there. */
  get follows(): boolean {
    return this.following !== undefined
  }

  /**
   * Loads what follows a snapshot: sets, later checkpoints and single objects are taken after that. Rejects with
   * ClientError UNREACHABLE where it does not come after some tries: nothing can follow then.
   */
  follow(): Promise<void> {
    if (this.loading === undefined) {
      this.loading = inTries(() => this.followOnce(), {
        isWanted: () => !this.isClosed,
        counts: () => this.handlers.hasConnection(),
        notice: (text) => this.handlers.notice(text),
      })
      this.loading.catch((error: unknown) => this.notFollowed(error))
    }
    return this.loading
  }

  /** That something does not load is no lie. */
  private notFollowed(error: unknown): void {
    const isLoading = error instanceof ClientError && error.code === 'UNREACHABLE'
    if (!isLoading) this.failed(error)
    else if (!this.isClosed) this.handlers.unfollowed(error)
  }

  /** One try. Throws SchemaError, CborError where what is held already cannot be read. */
  private async followOnce(): Promise<void> {
    const following = await loaded(import('./set-follower.js'))
    if (this.following !== undefined) return
    this.replica.follow(following)
    this.proven.checkpoints.follow(following.later)
    this.following = following
    if (this.isClosed) return
    if (this.isConnected) this.askWhenOld(following)
    this.prove()
    this.kept?.keep()
  }

  /** Resolves once a checkpoint was accepted, which a relay pushes first; a new shop may have none for a while. */
  async firstAccepted(): Promise<void> {
    await this.proven.checkpoints.reached(0n, FIRST_CHECKPOINT_MS_MAX)
  }

  disconnected(): void {
    this.isConnected = false
  }

  /** Throws what a check throws. */
  *snapshot(push: SnapshotPush): Steps {
    this.pushes++
    const isWhole = yield* this.proven.takeSnapshot(push, now(), this.handlers.listed())
    if (push.checkpoint.length > 0 && !isWhole) this.handlers.streams()
    if (!isWhole) return
    this.shown = undefined
    this.snapshots++
    this.checked.snapshots++
    this.agreed()
  }

  /** Throws what a check throws. */
  *checkpoint(push: CheckpointPush): Steps {
    this.pushes++
    yield* this.proven.takeCheckpoint(push, now())
    this.checked.checkpoints++
    this.agreed()
  }

  /** After `follow`. Throws PushedSetError, VerificationError. */
  set(encoded: EncodedSet, version: WireVersion): Following.TakenSet {
    this.pushes++
    const set = this.following!.decodeSet(encoded)
    if (version === 5 && !this.proven.hasState)
      throw new ClientError('VERIFICATION_FAILED', `set ${set.seq} comes before the end of the snapshot`)
    const taken = this.replica.take(set)
    this.checked.sets++
    return taken
  }

  /** Shows what was kept before any of it is checked: all of it is loading, and `load` checks it. Never throws. */
  async show(): Promise<void> {
    await (await this.loadKept())?.show()
  }

  /** The same with what `follow` brings, where it cannot be verified without: keys that came later. Never rejects. */
  async loadOr(follow: () => Promise<void>): Promise<void> {
    await (await this.loadKept())?.loadOr(follow)
  }

  /** Brings back what was kept, if it can be verified. Never throws. */
  async load(): Promise<void> {
    await (await this.loadKept())?.load()
  }

  private async loadKept(): Promise<KeptShop | undefined> {
    const { store, only } = this.options
    if (store === undefined) return undefined
    try {
      const { keptFor, KeptShop } = await loaded(import('./kept-shop.js'))
      return (this.kept ??= new KeptShop(this.replica, this.proven, store, keptFor(this.whose, only), {
        shown: () => this.shown,
        follow: () => this.followOnce(),
        resumed: (shown) => this.resumed(shown),
        changed: () => this.handlers.changed(),
        notice: (text) => this.handlers.notice(text),
      }))
    } catch (error) {
      this.handlers.notice(`what was kept is not used: ${(error as Error).message}`)
      return undefined
    }
  }

  private resumed(shown: ProvenParts | undefined): void {
    this.shown = shown
    this.watchAge()
    this.tellAge()
    this.handlers.changed()
  }

  /**
   * Begins with the checkpoint that was anchored. The registry vouches for its bytes, so any key may have signed it.
   * Throws CheckpointError.
   */
  goOnFromAnchor(signed: SignedCheckpoint, place: Pick<RelayIdentity, 'ChainID' | 'Registry'>): void {
    this.proven.checkpoints.goOnFromAnchor(signed, place)
  }

  /** Nothing is taken or proven any more; what is shown grows old still. */
  end(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.freshness?.stop()
    this.freshness = undefined
    this.kept?.close()
  }

  close(): void {
    this.end()
    this.proven.checkpoints.end()
    clearInterval(this.age)
  }

  private agreed(): void {
    this.tellAge()
    this.handlers.changed()
    this.prove()
    this.kept?.keep()
  }

  private renewed(): void {
    const { accepted } = this.proven.checkpoints
    if (accepted !== undefined) this.proven.renewed(accepted)
    this.handlers.changed()
  }

  /** Before the first checkpoint nothing is shown that could be old. */
  private tellAge(): void {
    const { checkpoints } = this.proven
    if (checkpoints.accepted !== undefined) this.setStale(checkpoints.isStale(now(), this.options.verifiedAtSeconds))
  }

  private setStale(isStale: boolean): void {
    const { proven } = this
    const signedAt = proven.partsSignedAt
    const arePartsStale = signedAt !== undefined && now() - signedAt > this.options.verifiedAtSeconds
    if (proven.isStale === isStale && proven.arePartsStale === arePartsStale) return
    proven.isStale = isStale
    proven.arePartsStale = arePartsStale
    this.handlers.changed()
  }

  private failed(error: unknown): void {
    if (!this.isClosed) this.handlers.failed(error)
  }

  /** Proves parts as of the newest checkpoint, one task after the other. */
  private prove(): void {
    this.isProofDue = true
    if (!this.isProving) void this.proveAll()
  }

  private async proveAll(): Promise<void> {
    this.isProving = true
    while (this.isProofDue && !this.isClosed && this.isConnected) {
      this.isProofDue = false
      if (!this.proven.hasParts) break
      const folding = inSlices(this.proven.foldSteps(), () => !this.isClosed)
      if (folding instanceof Promise) await folding
      const task = this.proven.partTask()
      if (task === undefined || isSameTask(task, this.shown?.task)) continue
      if (await this.proveTask(task)) this.isProofDue = true
    }
    this.isProving = false
  }

  /** Whether the next one may follow at once. */
  private async proveTask(task: Parts.PartTask): Promise<boolean> {
    const { snapshots } = this
    try {
      const { proveParts } = await loaded(import('./part-proofs.js'))
      const proofs = await proveParts(task, this.asked, this.asked.ask)
      if (this.isClosed) return false
      // Of what was held before it says nothing of what is held now.
      if (snapshots !== this.snapshots) return true
      this.shown = { task, proofs }
      this.proven.partsProven(task)
      this.checked.objects += task.singles.length + (task.own?.orders.length ?? 0)
      this.setStale(this.proven.isStale)
      this.handlers.changed()
      this.kept?.keep()
      return true
    } catch (error) {
      const isRefusal = error instanceof ClientError && error.code !== 'VERIFICATION_FAILED'
      if (!isRefusal) this.failed(error)
      else if (error.code !== 'NOT_FOUND' && error.code !== 'DISCONNECTED' && error.code !== 'ABORTED')
        this.handlers.notice(
          `the relay gives no proof as of checkpoint ${task.checkpoint.fields.Seq}: ${error.message}`,
        )
      if (snapshots !== this.snapshots) return isRefusal
      // The checkpoint is too old by now: a newer one was pushed, or comes.
      return isRefusal && error.code === 'NOT_FOUND' && task.checkpoint !== this.proven.comparedWith
    }
  }

  /** Shop, relay and card as one text. */
  async whoseText(): Promise<string> {
    const { keptFor } = await loaded(import('./kept-replica.js'))
    return keptFor(this.whose, [])
  }
}

function isSameTask(task: Parts.PartTask, other: Parts.PartTask | undefined): boolean {
  if (task.checkpoint.fields.Seq !== other?.checkpoint.fields.Seq) return false
  return task.singles.length === other.singles.length
}

function now(): Seconds {
  return BigInt(Math.floor(Date.now() / 1_000))
}
