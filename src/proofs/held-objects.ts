/**
 * The newest objects of a shop that a client holds, by their names, as they came with a snapshot and as sets made them
 * (held-shop.ts). All that is needed to show a shop: what follows a snapshot may be loaded later.
 *
 * Tests: test/proofs/held-shop.test.ts, test/cli/replica-vectors.test.ts
 */

import { be64 } from '../bytes/bytes.js'
import { OBJECTS_READ_AT_ONCE_MAX } from '../limits.js'
import type { ObjectCollection } from '../state/object-edit.js'
import { nameOfKey, readObject } from '../state/object-key.js'
import { isCardEntry, type SnapshotObject } from './snapshot.js'

export interface HeldObject {
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

export class HeldObjects {
  /** By collection. */
  private readonly objects = new Map<string, Map<Handle, HeldObject>>()
  /** What came with a snapshot, for whoever keeps the state tree of it. */
  private arrived: SnapshotObject[] = []
  /** Collections all of whose objects were read from their bytes. */
  private readonly read = new Set<ObjectCollection>()
  private lastSeq = 0n

  /** The last set that was applied, or that of the snapshot. */
  get seq(): bigint {
    return this.lastSeq
  }

  /** What is held is as of set `seq`, or of a later one. */
  reach(seq: bigint): void {
    if (seq > this.lastSeq) this.lastSeq = seq
  }

  /** An object of a snapshot that was verified, before any set. */
  put(object: SnapshotObject, seq: bigint): void {
    this.arrived.push(object)
    this.lastSeq = seq
    const [collection, key] = object.question
    if (collection === 'Cards' || isCardEntry(object.question)) return
    const bytes = object.object.value
    this.read.delete(collection)
    this.hold({ collection, key, bytes, value: undefined, isGone: false, seq })
  }

  /** What was put since it was asked last; nothing of it stays here but the newest objects. */
  takeArrived(): readonly SnapshotObject[] {
    const { arrived } = this
    this.arrived = []
    return arrived
  }

  /** In the place of what was held of the object. */
  hold(object: HeldObject): void {
    const { collection, key } = object
    let objects = this.objects.get(collection)
    if (objects === undefined) this.objects.set(collection, (objects = new Map()))
    objects.set(handleOf(collection, key), object)
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

  /** The objects of a collection, in order of first appearance; each the same reference as `get` gives. */
  *values(collection: ObjectCollection): Iterable<unknown> {
    for (const held of this.objects.get(collection)?.values() ?? []) if (!held.isGone) yield valueOf(held)
  }

  /** Whether `values` takes little time: all of them were read before, or they are few. */
  isRead(collection: ObjectCollection): boolean {
    return this.read.has(collection) || (this.objects.get(collection)?.size ?? 0) <= OBJECTS_READ_AT_ONCE_MAX
  }

  /** Reads all objects of a collection, one at a time. Throws SchemaError, CborError. */
  *readSteps(collection: ObjectCollection): Generator<undefined, void> {
    for (const _ of this.values(collection)) yield
    this.read.add(collection)
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
}

/** Throws SchemaError, CborError. */
function valueOf(held: HeldObject): unknown {
  return (held.value ??= readObject(held.collection, held.bytes!))
}
