/**
 * What a client holds of a shop: the newest objects, and beside them the state tree of what it holds as of one earlier
 * set, so that a checkpoint that covers less than has come is compared with what was held then (PROOFS §1.3, §4). What
 * Cards, trails and cards' entries become follows from the sets.
 *
 * Tests: test/proofs/held-shop.test.ts, test/cli/replica-vectors.test.ts
 */

import { sha256 } from '#hash'
import type { Seq } from '../brands.js'
import { be64 } from '../bytes/bytes.js'
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
import { keyOfPath, nameOfKey, readObject, writeObject } from '../state/object-key.js'
import { hashesOf } from '../state/shop-state.js'
import { addedByCard, readTrail, trailEntry, withTrails } from '../state/trails.js'
import { isCardEntry, type SnapshotObject } from './snapshot.js'

/** A set that was verified: its patches that were selected, in order. */
interface FollowedSet {
  readonly seq: bigint
  /** Who signed: the relay, or a card (33 bytes). */
  readonly signer: 'relay' | Uint8Array
  readonly patches: readonly Patch[]
}

/**
 * An object that is held is not the one that is proven: a patch of it did not come, or came that no set has. Values are
 * hexadecimal, long ones their SHA-256.
 */
export class HeldObjectError extends Error {
  override readonly name = 'HeldObjectError'
  /** `Listings/000000000000002a` */
  readonly where: string
  readonly found: string
  readonly wanted: string

  constructor(where: string, found: string, wanted: string, seq: bigint) {
    super(`${where}: held as of set ${seq} is ${found}, and the relay proves ${wanted}`)
    this.where = where
    this.found = found
    this.wanted = wanted
  }
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

interface HeldObject {
  readonly collection: ObjectCollection
  readonly key: Uint8Array
  /** Canonical; undefined once a set changed the object. */
  readonly bytes: Uint8Array | undefined
  /** Undefined while it was not asked for; of one that is gone. */
  value: unknown
  readonly isGone: boolean
  /** The set that changed it last, or the snapshot's. */
  readonly seq: bigint
}

/**
 * What an object is found by in its collection, made from its key: names of a million objects take longer to make than
 * their hashes. No number, though: their places in a Map can be calculated, and strangers choose ids.
 */
type Handle = string

function handleOf(collection: ObjectCollection, key: Uint8Array): Handle {
  if (!hasId(collection)) return nameOfKey(collection, key)
  const { 0: a, 1: b, 2: c, 3: d, 4: e, 5: f, 6: g, 7: h } = key as unknown as EightBytes
  // The first one is no digit: texts that are indices of an array are found by their number.
  return String.fromCharCode(NO_DIGIT, a, b, c, d, e, f, g, h)
}

type EightBytes = readonly [number, number, number, number, number, number, number, number]
const NO_DIGIT = 0x23

/** The name may be one that no object has. */
function handleOfName(collection: string, name: string): Handle {
  if (!hasId(collection)) return name
  const id = name.slice(collection.length + 1)
  const isId = /^\d{1,20}$/u.test(id) && BigInt(id) >> 64n === 0n
  return isId ? handleOf(collection, be64(BigInt(id))) : name
}

function hasId(collection: string): collection is 'Listings' | 'Orders' {
  return collection === 'Listings' || collection === 'Orders'
}

/** A set that the tree does not hold yet. */
interface WaitingSet {
  readonly set: FollowedSet
  readonly changed: ReadonlyMap<string, HeldObject>
  readonly cardMoves: readonly CardMove[]
}

const MANIFEST_KEY = new Uint8Array(0)

export class HeldShop {
  /** By collection. */
  private readonly objects = new Map<string, Map<Handle, HeldObject>>()
  /** What came with a snapshot and is in no trie yet. */
  private arrived: SnapshotObject[] = []
  /** How many of them are by now. */
  private folded = 0
  private tries = byCollection((name) => Hamt.over(name === 'Orders' ? hashesOf('trails') : {}))
  /** The values of the orders in the tree, whose trie holds their hashes alone. */
  private orders = Hamt.empty
  private manifestBytes: Uint8Array | undefined
  private waiting: WaitingSet[] = []
  private lastSeq = 0n
  private tree = 0n
  private readonly hasTree: boolean

  /** Without a tree nothing can be compared with a checkpoint: version 4 has none. */
  constructor(options: { readonly hasTree: boolean }) {
    this.hasTree = options.hasTree
  }

  /** The last set that was applied, or that of the snapshot. */
  get seq(): bigint {
    return this.lastSeq
  }

  /** The set as of which the tree is. */
  get treeSeq(): bigint {
    return this.tree
  }

  /** An object of a snapshot that was verified, before any set. */
  put(object: SnapshotObject, seq: bigint): void {
    this.arrived.push(object)
    this.lastSeq = this.tree = seq
    const [collection, key] = object.question
    if (collection === 'Cards' || isCardEntry(object.question)) return
    const bytes = object.object.value
    this.hold({ collection, key, bytes, value: undefined, isGone: false, seq })
  }

  /** Nothing was selected, or all of it is put: this is the state after set `seq`. */
  begin(seq: bigint): void {
    this.lastSeq = this.tree = seq
  }

  /** Applies a verified set. Throws Refusal, SchemaError. */
  apply(set: FollowedSet): AppliedSet {
    const changed = new Map<string, HeldObject>()
    const before = new Map<string, unknown>()
    for (const patch of set.patches) {
      const name = objectName(patch.path)
      if (!before.has(name)) before.set(name, this.get(name))
      const value = editObject(changed.has(name) ? changed.get(name)!.value : before.get(name), patch)
      const collection = patch.path[0] as ObjectCollection
      const isGone = value === undefined
      changed.set(name, { collection, key: keyOfPath(patch.path), bytes: undefined, value, isGone, seq: set.seq })
    }
    for (const object of changed.values()) this.hold(object)
    this.lastSeq = set.seq
    const moves = movesOf(before, changed)
    if (this.hasTree) this.wait({ set, changed, cardMoves: moves })
    return { changed: new Set(changed.keys()), cardMoves: moves }
  }

  /** By object name: `Listings/42`, `Manifest`, … The same reference until a set changes it. */
  get(name: string): unknown {
    const held = this.find(name)
    return held === undefined || held.isGone ? undefined : valueOf(held)
  }

  /** The set that changed the object last, or undefined. */
  seqOf(name: string): bigint | undefined {
    return this.find(name)?.seq
  }

  private find(name: string): HeldObject | undefined {
    const [collection] = name.split('/', 1) as [string]
    return this.objects.get(collection)?.get(handleOfName(collection, name))
  }

  private hold(object: HeldObject): void {
    const { collection, key } = object
    let objects = this.objects.get(collection)
    if (objects === undefined) this.objects.set(collection, (objects = new Map()))
    objects.set(handleOf(collection, key), object)
  }

  /** The objects of a collection, in order of first appearance; each the same reference as `get` gives. */
  *values(collection: ObjectCollection): Iterable<unknown> {
    for (const held of this.objects.get(collection)?.values() ?? []) if (!held.isGone) yield valueOf(held)
  }

  /** Names of the same. */
  *names(collection: ObjectCollection): Iterable<string> {
    for (const { key, isGone } of this.objects.get(collection)?.values() ?? [])
      if (!isGone) yield nameOfKey(collection, key)
  }

  /** Key bytes of the same. */
  *keys(collection: ObjectCollection): Iterable<Uint8Array> {
    for (const { key, isGone } of this.objects.get(collection)?.values() ?? []) if (!isGone) yield key
  }

  /** Brings the tree to the state after set `seq`: all sets up to it have come, and none of them is taken any more. */
  advance(seq: bigint): void {
    this.fold()
    const last = this.waiting.findLastIndex(({ set }) => set.seq <= seq)
    for (const due of this.waiting.slice(0, last + 1)) this.followLog(due)
    const changed = new Map(this.waiting.slice(0, last + 1).flatMap((due) => [...due.changed]))
    for (const object of changed.values()) this.store(object)
    this.waiting = this.waiting.slice(last + 1)
    if (seq > this.tree) this.tree = seq
    if (seq > this.lastSeq) this.lastSeq = seq
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

  /** Where no checkpoint comes for long, the oldest sets go into the tree: no earlier checkpoint is compared then. */
  private wait(set: WaitingSet): void {
    this.waiting.push(set)
    if (this.waiting.length > HELD_SETS_MAX) this.advance(this.waiting[HELD_SETS_MAX >> 1]!.set.seq)
  }

  /** Brings what came with a snapshot into the tree, a part at a time: it may be left at any yield. */
  *foldSteps(): Generator<undefined, void> {
    while (this.folded < this.arrived.length) {
      const { question, object } = this.arrived[this.folded++]!
      this.storeBytes(question, object)
      yield
    }
    this.arrived = []
    this.folded = 0
  }

  private fold(): void {
    const steps = this.foldSteps()
    while (steps.next().done !== true);
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

/** Throws SchemaError, CborError. */
function valueOf(held: HeldObject): unknown {
  return (held.value ??= readObject(held.collection, held.bytes!))
}

/** Before against after the set. */
function movesOf(before: ReadonlyMap<string, unknown>, changed: ReadonlyMap<string, HeldObject>): CardMove[] {
  return [...changed].flatMap(([name, { collection, key, value }]) => {
    if (collection !== 'Accounts') return []
    const cards = (account: unknown) => (account as Account | undefined)?.KeyCards ?? []
    return cardMoves(key, cards(before.get(name)), cards(value))
  })
}
