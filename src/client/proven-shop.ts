/**
 * A shop in a session of version 5 (PROOFS §4, §5): begun by a snapshot that is verified while it streams, followed by
 * sets, and compared with each checkpoint: the roots of whole collections here, single objects by proofs that the
 * caller asks for (part-proofs.ts). Says of each object whether it is proven, and as of which checkpoint. No network.
 *
 * Tests: test/client/proven-client.test.ts
 */

import type { Seconds, ShopId } from '../brands.js'
import { equalBytes } from '../bytes/bytes.js'
import { readLevel, STATE_COLLECTIONS, type Level } from '../merkle/state-level.js'
import type { StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import type { SignedCheckpoint, VerifiedCheckpoint } from '../proofs/checkpoint-form.js'
import { HeldObjects } from '../proofs/held-objects.js'
import type { HeldShop } from '../proofs/held-shop.js'
import {
  requireLevel,
  requireManifestHash,
  requireRoot,
  SnapshotError,
  SnapshotVerifier,
  type Selected,
  type Salts,
} from '../proofs/snapshot.js'
import type { ObjectCollection } from '../state/object-edit.js'
import { keyOfPath, nameOfKey, readObject } from '../state/object-key.js'
import type { CheckpointPush, SnapshotPush } from '../wire/messages.js'
import { readSalts, readSnapshotObject } from '../wire/snapshot-payloads.js'
import type { Standing, Verified } from './live.js'
import type { PartTask } from './part-proofs.js'
import { selectionOf, type Access, type Part, type Selection } from './parts.js'
import type { Replica } from './replica.js'
import type { SetFollower } from './set-follower.js'
import { ShopCheckpoints, type KnownRelay } from './shop-checkpoints.js'
import type { Steps } from './slices.js'

/** A snapshot of which not all has come. */
interface Begun {
  readonly checkpoint: VerifiedCheckpoint
  readonly verifier: SnapshotVerifier
  readonly held: HeldObjects
  readonly selection: Selection
}

/** What a client goes on from. */
interface Resumed {
  readonly held: HeldObjects
  readonly selection: Selection
  readonly level: Level
  readonly salts: Salts
}

/** Proven by itself, absence included. */
interface EarlyObject {
  readonly value: unknown
  readonly checkpoint: VerifiedCheckpoint
}

/** What was proven of a part. */
interface ProvenParts {
  readonly checkpoint: VerifiedCheckpoint
  /** Names of objects, present or absent. */
  readonly names: ReadonlySet<string>
  readonly ownOrders: boolean
}

export class ProvenShop {
  readonly checkpoints: ShopCheckpoints
  readonly shopId: ShopId
  private parts: readonly Part[] | undefined
  private readonly card: Uint8Array | undefined
  private readonly replica: Replica
  private begun: Begun | undefined
  private held: HeldObjects | undefined
  private selection: Selection = { selected: {}, singles: [], ownOrders: false }
  /** Of `parts` no snapshot has come. */
  private isReselected = false
  /** Single objects that were proven while a snapshot streams which is longer than they can wait. */
  private readonly early = new Map<string, EarlyObject>()
  private saltsKnown: Salts = {}
  private whole: VerifiedCheckpoint | undefined
  /** Of that checkpoint. */
  private level: Level | undefined
  private provenParts: ProvenParts | undefined
  /** Stock of which somebody holds a live object, by name: of a part each combination is asked for. */
  private readonly watched = new Map<string, StateQuestion>()
  private readonly statements = new WeakMap<VerifiedCheckpoint, Verified>()
  /** Set by who watches the time: of the newest checkpoint, and of that which proves the parts. */
  isStale = false
  arePartsStale = false

  /** `card`: the client's, 33 bytes. */
  constructor(
    replica: Replica,
    shop: { readonly shopId: ShopId; readonly relay: KnownRelay; readonly card: Uint8Array | undefined },
    parts: readonly Part[] | undefined,
  ) {
    this.replica = replica
    this.shopId = shop.shopId
    this.card = shop.card
    this.parts = parts
    this.checkpoints = new ShopCheckpoints(shop.shopId, shop.relay)
  }

  /** Whether there is a state from which sets go on. */
  get hasState(): boolean {
    return this.held !== undefined
  }

  /** Whether a subscription of the parts that are wanted goes on from that state. */
  get goesOn(): boolean {
    return this.held !== undefined && !this.isReselected
  }

  /** The next subscription is of these parts; what is held stays until their snapshot is whole. */
  reselect(parts: readonly Part[]): void {
    this.parts = parts
    this.isReselected = true
    this.begun = undefined
  }

  /** That of the snapshot which streams now. */
  get streaming(): VerifiedCheckpoint | undefined {
    return this.begun?.checkpoint
  }

  /** What this session may read, as far as it is known. */
  get mayRead(): Access {
    return this.access(this.saltsKnown)
  }

  /** Objects that were proven under `checkpoint`, by their questions, while its snapshot streams. */
  takeEarly(checkpoint: VerifiedCheckpoint, objects: ReadonlyMap<StateQuestion, StateObject | undefined>): string[] {
    if (this.begun?.checkpoint !== checkpoint) return []
    return [...objects].map(([[collection, key], object]) => {
      const name = nameOfKey(collection as ObjectCollection, key)
      const value = object === undefined ? undefined : readObject(collection as ObjectCollection, object.value)
      this.early.set(name, { value, checkpoint })
      return name
    })
  }

  /** The object as `standing` speaks of it: what was proven early, before what is held and not proven. */
  value(name: string): unknown {
    const early = this.earlyOf(name)
    return early === undefined ? this.replica.get(name) : early.value
  }

  /** Of an object of which nothing else can be said. */
  private earlyOf(name: string): EarlyObject | undefined {
    const early = this.early.get(name)
    return early === undefined || this.covers(name) ? undefined : early
  }

  /** Whether all objects of the collection are held and compared. */
  isWhole(collection: ObjectCollection): boolean {
    return this.selection.selected[collection] === 'whole'
  }

  /** Whether something can be said of the object: it is selected, whole, by itself, or with all orders of the card. */
  covers(name: string): boolean {
    const collection = name.split('/', 1)[0] as ObjectCollection
    const isOwn = collection === 'Orders' && this.provenParts?.ownOrders === true
    return this.isWhole(collection) || isOwn || this.partProof(name) !== undefined
  }

  /** The checkpoint that what is held was compared with last. */
  get comparedWith(): VerifiedCheckpoint | undefined {
    return this.whole
  }

  /**
   * A part of a snapshot; whether it was the last, and all of it is held and verified. `read`: collections whose
   * objects somebody waits for. Throws what a check throws: CheckpointError, SnapshotError, StateProofError,
   * ProofPayloadError, SchemaError, CborError.
   */
  *takeSnapshot(push: SnapshotPush, now: Seconds, read: Iterable<ObjectCollection>): Steps<boolean> {
    if (push.checkpoint.length > 0) this.begin(push, now)
    const { begun } = this
    if (begun === undefined)
      throw new SnapshotError('level', 'snapshot', 'objects come before a checkpoint that they could be checked by')
    const { verifier, held, checkpoint } = begun
    for (const bytes of push.objects) {
      const object = verifier.take(readSnapshotObject(bytes))
      if (object !== undefined) held.put(object, checkpoint.fields.Seq)
      yield
      // Other parts are wanted by now.
      if (this.begun !== begun) return false
    }
    if (!push.last) return false
    verifier.end()
    // Whoever takes sets looks into accounts: one that cannot be read is found out here.
    for (const collection of new Set<ObjectCollection>(['Accounts', ...read])) yield* held.readSteps(collection)
    if (this.begun !== begun) return false
    this.level = verifier.level
    this.end(begun)
    return true
  }

  /**
   * A checkpoint that covers all sets up to its Seq that came. Throws what a check throws: CheckpointError,
   * SnapshotError, StateProofError, ProofPayloadError.
   */
  *takeCheckpoint(push: CheckpointPush, now: Seconds): Steps {
    const checkpoint = this.checkpoints.accept(this.checkpoints.offered(push, push.last), now)
    if (push.salts.length > 0) this.saltsKnown = readSalts(push.salts)
    const level = readLevel(push.level)
    requireLevel(level, checkpoint.fields.StateRoot)
    yield* this.compare(checkpoint, level)
  }

  /** Of the checkpoint that it was compared with another signature came: the same contents, later. */
  renewed(checkpoint: VerifiedCheckpoint): void {
    if (this.whole?.fields.Seq === checkpoint.fields.Seq) this.whole = checkpoint
    const parts = this.provenParts
    if (parts?.checkpoint.fields.Seq === checkpoint.fields.Seq) this.provenParts = { ...parts, checkpoint }
  }

  /** What a subscription to the parts selects with these salts. */
  selectionWith(salts: Salts): Selection {
    return selectionOf(this.parts, this.access(salts))
  }

  /** Goes on from what was kept, and verified. Throws CheckpointError. */
  goOn(signed: SignedCheckpoint, resumed: Resumed, follower: SetFollower): void {
    const checkpoint = this.checkpoints.goOn(signed)
    this.saltsKnown = resumed.salts
    this.level = resumed.level
    this.end({ ...resumed, checkpoint }, follower)
  }

  /** What is held and proven whole, as of one checkpoint; undefined while that is not so. */
  get proven(): (Resumed & { readonly whole: VerifiedCheckpoint; readonly tree: HeldShop }) | undefined {
    const { held, tree, whole, level, selection, saltsKnown: salts } = this
    if (held === undefined || tree === undefined || whole === undefined || level === undefined) return undefined
    return tree.treeSeq === whole.fields.Seq ? { held, tree, whole, level, selection, salts } : undefined
  }

  /** What the checkpoint says of what it proves; the same reference for the same one. */
  statement(checkpoint: VerifiedCheckpoint): Verified {
    const known = this.statements.get(checkpoint)
    if (known !== undefined) return known
    const { Seq: seq, StateRoot: root, Timestamp } = checkpoint.fields
    const statement = { seq, root, checkpoint: checkpoint.digest, timestamp: Timestamp.seconds }
    this.statements.set(checkpoint, statement)
    return statement
  }

  standing(name: string): Standing {
    const collection = name.split('/', 1)[0] as ObjectCollection
    const selected = this.selection.selected[collection]
    const early = this.earlyOf(name)
    if (early !== undefined) {
      const { checkpoint } = early
      return { isLoading: false, verified: this.statement(checkpoint), complete: true, stale: this.isStale }
    }
    const at = selected === 'whole' ? this.whole : this.partProof(name)
    return this.standingAt(at, this.replica.seqOf(name) ?? 0n, selected)
  }

  /** Of all objects of a collection: proven where it is whole, or it is the card's own orders. */
  collectionStanding(collection: ObjectCollection): Standing {
    const selected = this.selection.selected[collection]
    const isOwn = collection === 'Orders' && this.provenParts?.ownOrders === true
    const at = selected === 'whole' ? this.whole : isOwn ? this.provenParts?.checkpoint : undefined
    return this.standingAt(at, this.replica.changedAt(collection), selected)
  }

  /** Of what set `changedAt` changed last, with the checkpoint that proves it as far as that covers. */
  private standingAt(at: VerifiedCheckpoint | undefined, changedAt: bigint, selected: Selected | undefined): Standing {
    const isProven = at !== undefined && changedAt <= at.fields.Seq
    const isLoading = this.whole === undefined || (selected !== undefined && selected !== 'whole' && this.isUnproven())
    const verified = isProven ? this.statement(at) : undefined
    return { isLoading, verified, complete: isProven, stale: this.isStaleAt(at) }
  }

  /** When what proves the parts was signed: the relay may go on with the rest of the shop and prove them no more. */
  get partsSignedAt(): Seconds | undefined {
    return this.provenParts?.checkpoint.fields.Timestamp.seconds
  }

  private isStaleAt(at: VerifiedCheckpoint | undefined): boolean {
    return this.isStale || (this.arePartsStale && at !== undefined && at === this.provenParts?.checkpoint)
  }

  /** From now on the stock is proven with the rest of its part; whether that is new. */
  watchStock(name: string, path: readonly ['Inventory', bigint, ...string[]]): boolean {
    if (this.watched.has(name)) return false
    this.watched.set(name, ['Inventory', keyOfPath(path)])
    return true
  }

  /** Nobody holds what would show it. */
  forgetStock(name: string): void {
    this.watched.delete(name)
  }

  /** What is held with its tree; undefined while the replica has none. */
  private get tree(): HeldShop | undefined {
    return this.held && this.replica.followed
  }

  /** Brings what a snapshot brought into its tree, a part at a time: `partTask` and `kept` do it in one go. */
  *foldSteps(): Steps {
    if (this.tree !== undefined) yield* this.tree.foldSteps()
  }

  /** Whether there is something that is to be proven by proofs of its own. */
  get hasParts(): boolean {
    const { singles, ownOrders } = this.selection
    return singles.length > 0 || ownOrders || this.stockQuestions(this.held, this.selection).length > 0
  }

  /** What is to be proven by proofs of its own, as it was held at the checkpoint that the rest was compared with. */
  partTask(): PartTask | undefined {
    const { tree, whole: checkpoint, selection } = this
    if (tree === undefined || checkpoint === undefined || tree.treeSeq !== checkpoint.fields.Seq) return undefined
    return this.taskOf(tree, checkpoint, selection)
  }

  /** The same of a tree that is held nowhere yet. */
  taskOf(tree: HeldShop, checkpoint: VerifiedCheckpoint, selection: Selection): PartTask | undefined {
    const withHeld = (question: StateQuestion) => ({ question, held: tree.treeObject(question) })
    const singles = [...selection.singles, ...this.stockQuestions(tree.objects, selection)].map(withHeld)
    const orders = () => [...tree.treeOrders()].map((key) => withHeld(['Orders', key]))
    const own = selection.ownOrders ? { card: this.card!, orders: orders() } : undefined
    return singles.length === 0 && own === undefined ? undefined : { checkpoint, singles, own }
  }

  /** The task's proofs were checked. */
  partsProven({ checkpoint, singles, own }: PartTask): void {
    const keys = [...singles, ...(own?.orders ?? [])].map(({ question }) => question)
    const names = new Set(keys.map(([collection, key]) => nameOfKey(collection as ObjectCollection, key)))
    this.provenParts = { checkpoint, names, ownOrders: own !== undefined }
    // Signed again in the meantime.
    if (this.whole !== undefined) this.renewed(this.whole)
  }

  private begin(push: SnapshotPush, now: Seconds): void {
    const checkpoint = this.checkpoints.accept(this.checkpoints.offered(push, push.lastLeaf), now)
    const { StateRoot: stateRoot } = checkpoint.fields
    const salts = push.salts.length > 0 ? readSalts(push.salts) : {}
    const selection = selectionOf(this.parts, this.access(salts))
    const claim = { shopId: this.shopId, stateRoot, selected: selection.selected }
    const verifier = new SnapshotVerifier(claim, readLevel(push.level), salts)
    this.begun = { checkpoint, verifier, held: new HeldObjects(), selection }
    this.saltsKnown = salts
  }

  /** Staff alone may have the salt of the stock. */
  private access(salts: Salts): Access {
    if (this.card === undefined) return 'visitor'
    return salts.Inventory === undefined ? 'guest' : 'staff'
  }

  private end({ checkpoint, held, selection }: Omit<Begun, 'verifier'>, follower?: SetFollower): void {
    held.reach(checkpoint.fields.Seq)
    this.replica.begin(held, true, follower)
    this.begun = undefined
    this.isReselected = false
    this.early.clear()
    this.held = held
    this.selection = selection
    this.whole = checkpoint
    this.provenParts = undefined
    requireRights(this.replica, this.card, this.saltsKnown)
  }

  private *compare(checkpoint: VerifiedCheckpoint, level: Level): Steps {
    const { tree: held, selection } = this
    if (held === undefined || checkpoint.fields.Seq < held.treeSeq) return
    yield* held.advanceSteps(checkpoint.fields.Seq)
    for (const name of STATE_COLLECTIONS) if (selection.selected[name] === 'whole') yield* held.hashSteps(name)
    for (const name of STATE_COLLECTIONS)
      if (selection.selected[name] === 'whole') requireRoot(name, held.root(name), level, this.saltsKnown)
    requireManifestHash(held.treeObject(['Manifest', new Uint8Array(0)])?.value, level)
    requireRights(this.replica, this.card, this.saltsKnown)
    this.whole = checkpoint
    this.level = level
  }

  private partProof(name: string): VerifiedCheckpoint | undefined {
    return this.provenParts?.names.has(name) === true ? this.provenParts.checkpoint : undefined
  }

  private isUnproven(): boolean {
    return this.provenParts === undefined && this.hasParts
  }

  private stockQuestions(held: HeldObjects | undefined, selection: Selection): StateQuestion[] {
    const selected = selection.selected.Inventory
    if (held === undefined || selected === undefined || selected === 'whole') return []
    const stock = [...held.keys('Inventory')].map((key): StateQuestion => ['Inventory', key])
    const all = new Map([...stock, ...this.watched.values()].map((question) => [String(question[1]), question]))
    return [...all.values()].filter(([, key]) => selected(key))
  }
}

/** A card that stands in an account that is no guest's may read everything: the relay must not say otherwise. */
function requireRights(replica: Replica, card: Uint8Array | undefined, salts: Salts): void {
  if (card === undefined || salts.Inventory !== undefined) return
  const own = replica
    .all('Accounts')
    .find(([, { Guest, KeyCards }]) => !Guest && KeyCards?.some((one) => equalBytes(one, card)))
  if (own !== undefined)
    throw new SnapshotError('salt', 'Inventory', `its salt did not come, and ${own[0]} may read all of the shop`)
}
