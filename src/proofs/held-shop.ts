/**
 * What a client holds of a shop: the newest objects, and beside them the state tree of what it holds as of one earlier
 * set, so that a checkpoint that covers less than has come is compared with what was held then (PROOFS §1.3, §4). What
 * Cards, trails and cards' entries become follows from the sets.
 *
 * Tests: test/proofs/held-shop.test.ts, test/cli/replica-vectors.test.ts
 */

import { sha256 } from '#hash'
import type { Seq } from '../brands.js'
import { prefixedHex } from '../bytes/hex.js'
import { HELD_SETS_MAX } from '../limits.js'
import { Hamt } from '../merkle/hamt.js'
import { byCollection, type StateCollection } from '../merkle/state-level.js'
import { questionName, type StateQuestion } from '../merkle/state-question.js'
import type { StateObject } from '../merkle/state-tree.js'
import type { Account } from '../objects/account.js'
import { objectName } from '../patches/object-name.js'
import type { Patch } from '../patches/patch.js'
import { cardMoves, withCardMoves, type CardMove } from '../state/card-moves.js'
import { editObject, type ObjectCollection } from '../state/object-edit.js'
import { keyOfPath, writeObject } from '../state/object-key.js'
import { hashesOf } from '../state/shop-state.js'
import { addedByCard, readTrail, trailEntry, withTrails } from '../state/trails.js'
import { HeldObjectError } from './held-object-error.js'
import { HeldObjects, type HeldObject } from './held-objects.js'
import { isCardEntry, type SnapshotObject } from './snapshot.js'

/** A set that was verified: its patches that were selected, in order. */
interface FollowedSet {
  readonly seq: bigint
  /** Who signed: the relay, or a card (33 bytes). */
  readonly signer: 'relay' | Uint8Array
  readonly patches: readonly Patch[]
}

/** Returns if what is held is what was proven as of set `seq`, absence included. Throws HeldObjectError. */
export function requireHeld(
  question: StateQuestion,
  held: StateObject | undefined,
  proven: StateObject | undefined,
  seq: bigint,
): void {
  const [found, wanted] = [held, proven].map(objectText)
  if (found !== wanted) throw new HeldObjectError(questionName(question), found!, wanted!, seq)
}

function objectText(object: StateObject | undefined): string {
  if (object === undefined) return 'nothing'
  const { value, history } = object
  const text = value.length <= SHOWN_BYTES_MAX ? prefixedHex(value) : `SHA-256 ${prefixedHex(sha256(value))}`
  return history === undefined ? text : `${text}, LastSeq ${history.lastSeq}, Trail ${prefixedHex(history.trail)}`
}

const SHOWN_BYTES_MAX = 32

/** What a set did. */
interface AppliedSet {
  /** Names of objects. */
  readonly changed: ReadonlySet<string>
  /** Cards that joined or left an account, before against after the set. */
  readonly cardMoves: readonly CardMove[]
}

/** A set that the tree does not hold yet. */
interface WaitingSet {
  readonly set: FollowedSet
  readonly changed: ReadonlyMap<string, HeldObject>
  readonly cardMoves: readonly CardMove[]
}

const MANIFEST_KEY = new Uint8Array(0)

export class HeldShop {
  readonly objects: HeldObjects
  /** What came with a snapshot and is in no trie yet. */
  private arrived: readonly SnapshotObject[] = []
  /** How many of them are by now. */
  private folded = 0
  private tries = byCollection((name) => Hamt.over(name === 'Orders' ? hashesOf('trails') : {}))
  /** The values of the orders in the tree, whose trie holds their hashes alone. */
  private orders = Hamt.empty
  private manifestBytes: Uint8Array | undefined
  private waiting: WaitingSet[] = []
  /** How many of them are in the tree by now. */
  private advanced = 0
  private tree: bigint
  private readonly hasTree: boolean

  /**
   * `objects`: what a snapshot brought, and no set changed yet. Without a tree nothing can be compared with a
   * checkpoint: version 4 has none.
   */
  constructor(options: { readonly hasTree: boolean }, objects = new HeldObjects()) {
    this.hasTree = options.hasTree
    this.objects = objects
    this.tree = objects.seq
  }

  /** The last set that was applied, or that of the snapshot. */
  get seq(): bigint {
    return this.objects.seq
  }

  /** The set as of which the tree is. */
  get treeSeq(): bigint {
    return this.tree
  }

  /** An object of a snapshot that was verified, before any set. */
  put(object: SnapshotObject, seq: bigint): void {
    this.objects.put(object, seq)
    this.tree = seq
  }

  /** Nothing was selected, or all of it is put: this is the state after set `seq`. */
  begin(seq: bigint): void {
    this.objects.reach(seq)
    this.tree = seq
  }

  /** Applies a verified set. Throws Refusal, SchemaError. */
  apply(set: FollowedSet): AppliedSet {
    const { objects } = this
    const changed = new Map<string, HeldObject>()
    const before = new Map<string, unknown>()
    for (const patch of set.patches) {
      const name = objectName(patch.path)
      if (!before.has(name)) before.set(name, objects.get(name))
      const value = editObject(changed.has(name) ? changed.get(name)!.value : before.get(name), patch)
      const collection = patch.path[0] as ObjectCollection
      const isGone = value === undefined
      changed.set(name, { collection, key: keyOfPath(patch.path), bytes: undefined, value, isGone, seq: set.seq })
    }
    for (const object of changed.values()) objects.hold(object)
    objects.reach(set.seq)
    const moves = movesOf(before, changed)
    if (this.hasTree) this.wait({ set, changed, cardMoves: moves })
    return { changed: new Set(changed.keys()), cardMoves: moves }
  }

  /** By object name: see HeldObjects. */
  get(name: string): unknown {
    return this.objects.get(name)
  }

  /** Brings the tree to the state after set `seq`: all sets up to it have come, and none of them is taken any more. */
  advance(seq: bigint): void {
    toTheEnd(this.advanceSteps(seq))
  }

  /** The same, a set at a time: at each yield the tree is as of `treeSeq`, and it may be left there. */
  *advanceSteps(seq: bigint): Generator<undefined, void> {
    yield* this.foldSteps()
    for (let due; (due = this.waiting[this.advanced]) !== undefined && due.set.seq <= seq; yield) this.take(due)
    if (seq > this.tree) this.tree = seq
    this.objects.reach(seq)
  }

  private take(due: WaitingSet): void {
    this.followLog(due)
    for (const object of due.changed.values()) this.store(object)
    this.tree = due.set.seq
    this.advanced++
    // Not one by one: to move those that wait takes longer than to take one.
    if (2 * this.advanced < this.waiting.length) return
    this.waiting = this.waiting.slice(this.advanced)
    this.advanced = 0
  }

  /** Ids of the orders that the tree has, as keys. */
  *treeOrders(): Iterable<Uint8Array> {
    this.fold()
    for (const [key] of this.orders.entries()) yield key
  }

  /** Of the tree, 32 bytes, unsalted. */
  root(collection: StateCollection): Uint8Array {
    this.fold()
    return this.tries[collection].root()
  }

  /** What `root` hashes, a part at a time: it yields where it may be left, and what it hashed stays. */
  *hashSteps(collection: StateCollection): Generator<undefined, void> {
    yield* this.foldSteps()
    yield* this.tries[collection].hashSteps()
  }

  /** The object as the tree has it; undefined if it has none. */
  treeObject([collection, key]: StateQuestion): StateObject | undefined {
    this.fold()
    if (collection === 'Manifest') return this.manifestBytes && { value: this.manifestBytes }
    const found = this.tries[collection].get(key)
    return found === undefined || collection !== 'Orders' ? found && { value: found } : this.entry(key, found)
  }

  /** All that the tree has, the manifest first. */
  *treeObjects(): Iterable<SnapshotObject> {
    this.fold()
    if (this.manifestBytes !== undefined)
      yield { question: ['Manifest', MANIFEST_KEY], object: { value: this.manifestBytes } }
    for (const [collection, trie] of Object.entries(this.tries) as [StateCollection, Hamt][])
      for (const [key, value] of trie.entries())
        yield { question: [collection, key], object: collection === 'Orders' ? this.entry(key, value) : { value } }
  }

  private entry(key: Uint8Array, found: Uint8Array): StateObject {
    const { lastSeq, trail } = readTrail(found)
    return { value: this.orders.get(key) ?? addedByCard(found), history: { lastSeq: BigInt(lastSeq), trail } }
  }

  /** Where no checkpoint comes for long, the oldest set goes into the tree: no earlier checkpoint is compared then. */
  private wait(set: WaitingSet): void {
    this.waiting.push(set)
    const oldest = this.waiting[this.advanced]!
    if (this.waiting.length - this.advanced > HELD_SETS_MAX) this.advance(oldest.set.seq)
  }

  /** Brings what came with a snapshot into the tree, a part at a time: it may be left at any yield. */
  *foldSteps(): Generator<undefined, void> {
    do {
      while (this.folded < this.arrived.length) {
        const { question, object } = this.arrived[this.folded++]!
        this.storeBytes(question, object)
        yield
      }
      this.folded = 0
      this.arrived = this.objects.takeArrived()
    } while (this.arrived.length > 0)
  }

  private fold(): void {
    toTheEnd(this.foldSteps())
  }

  private storeBytes(question: StateQuestion, { value, history }: StateObject): void {
    const [collection, key] = question
    if (collection === 'Manifest') {
      this.manifestBytes = value
      return
    }
    if (history === undefined) {
      this.tries[collection] = this.tries[collection].set(key, value)
      return
    }
    const isCard = isCardEntry(question)
    this.tries.Orders = this.tries.Orders.set(key, trailEntry(value, history, isCard))
    if (!isCard) this.orders = this.orders.set(key, value)
  }

  /** Cards and Orders: what the state tree holds of the log. */
  private followLog({ set, changed, cardMoves: moves }: WaitingSet): void {
    const seq = Number(set.seq) as Seq
    this.tries.Cards = withCardMoves(this.tries.Cards, moves, seq)
    for (const object of changed.values()) if (object.collection === 'Orders') this.storeOrder(object)
    const card = set.signer === 'relay' ? undefined : set.signer
    this.tries.Orders = withTrails(this.tries.Orders, this.orders, { seq, patches: set.patches, card })
  }

  private storeOrder({ key, value }: HeldObject): void {
    this.orders = value === undefined ? this.orders.delete(key) : this.orders.set(key, writeObject('Orders', value))
  }

  private store({ collection, key, value }: HeldObject): void {
    if (collection === 'Orders') return
    const bytes = value === undefined ? undefined : writeObject(collection, value)
    if (collection === 'Manifest') this.manifestBytes = bytes
    else
      this.tries[collection] =
        bytes === undefined ? this.tries[collection].delete(key) : this.tries[collection].set(key, bytes)
  }
}

function toTheEnd(steps: Generator<undefined, void>): void {
  while (steps.next().done !== true);
}

/** Before against after the set. */
function movesOf(before: ReadonlyMap<string, unknown>, changed: ReadonlyMap<string, HeldObject>): CardMove[] {
  return [...changed].flatMap(([name, { collection, key, value }]) => {
    if (collection !== 'Accounts') return []
    const cards = (account: unknown) => (account as Account | undefined)?.KeyCards ?? []
    return cardMoves(key, cards(before.get(name)), cards(value))
  })
}
