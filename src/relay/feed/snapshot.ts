/**
 * The state under a checkpoint, object by object, as a subscription selects it (PROOFS §4): by collection in the
 * level's order and by rising K. It walks tries that never change, whose nodes are read when they are needed: nothing
 * of the database is held while a client is waited for.
 *
 * Tests: test/e2e/snapshots.test.ts
 */

import { sha256 } from '#hash'
import { compareBytes, fromBigEndian } from '../../bytes/bytes.js'
import { STATE_COLLECTIONS, type StateCollection } from '../../merkle/state-level.js'
import type { StateQuestion } from '../../merkle/state-question.js'
import { idKey, type ShopState } from '../../state/shop-state.js'
import { objectIn, treeOf } from '../../state/state-root.js'
import { encodeSnapshotObjectIn, isGuestsAccount, type SnapshotObject } from '../../wire/snapshot-payloads.js'
import type { Selection } from './selection.js'

/** Of the guests' account; shorter than it may be, so that other subscriptions get their turn. */
const PIECE_BYTES = 262_144
/** A push is filled up to this; a single object may be larger. */
const PUSH_BYTES = 262_144
/** Leaves looked at before others get their turn. */
const SLICE_LEAVES = 256
const NO_ROOM = new Uint8Array(0)

/** `ordersOfGuest`: the ids of orders that the reader's card added, if he reads no others; yields between pieces. */
export class Snapshot {
  private readonly objects: Iterator<SnapshotObject | undefined>
  private filling: Uint8Array[] = []
  /** Where the objects of one push stand. */
  private room = NO_ROOM
  private bytes = 0

  constructor(state: ShopState, selection: Selection, ordersOfGuest: () => Iterator<undefined, readonly bigint[]>) {
    this.objects = selected(state, selection, ordersOfGuest)
  }

  /** The objects of the next push, and whether they are the last; undefined where that takes another turn. */
  next(): { readonly objects: readonly Uint8Array[]; readonly last: boolean } | undefined {
    for (let left = SLICE_LEAVES; left > 0; left--) {
      const { value, done } = this.objects.next()
      if (done === true) return this.take(true)
      if (value === undefined) continue
      if (this.bytes === 0) this.room = new Uint8Array(PUSH_BYTES)
      const object = encodeSnapshotObjectIn(this.room, this.bytes, value)
      this.filling.push(object)
      this.bytes += object.length
      if (this.bytes >= PUSH_BYTES) return this.take(false)
    }
    return undefined
  }

  private take(last: boolean) {
    const objects = this.filling
    this.filling = []
    this.bytes = 0
    return { objects, last }
  }
}

/** Undefined for what was looked at and is not selected. */
function* selected(
  state: ShopState,
  selection: Selection,
  ordersOfGuest: () => Iterator<undefined, readonly bigint[]>,
): Generator<SnapshotObject | undefined> {
  if (state.manifest !== undefined && selection.inSnapshot('Manifest') === 'whole')
    yield { question: ['Manifest', new Uint8Array(0)], object: { value: state.manifest } }
  for (const name of STATE_COLLECTIONS) {
    const part = selection.inSnapshot(name)
    if (part === 'whole') yield* whole(state, name)
    else if (typeof part === 'function') yield* matching(state, name, part)
    else if (part === 'own') yield* single(state, name, yield* own(state, selection, ordersOfGuest()))
    else
      yield* single(
        state,
        name,
        part.filter((key) => isReadable(state, selection, name, key)),
      )
  }
}

function* whole(state: ShopState, name: StateCollection): Generator<SnapshotObject> {
  for (const [key, value] of treeOf(state, name).entries()) {
    const question: StateQuestion = [name, key]
    // A generator of its own for each object would take as long as its hashes.
    if (isGuestsAccount(question)) yield* pieces(question, value)
    else yield { question, object: objectIn(state, name, key, value) }
  }
}

function* matching(
  state: ShopState,
  name: StateCollection,
  isWanted: (key: Uint8Array) => boolean,
): Generator<SnapshotObject | undefined> {
  for (const [key, value] of treeOf(state, name).entries())
    if (isWanted(key)) yield* objectsOf(state, name, key, value)
    else yield undefined
}

/** Those of the keys that are there. */
function* single(
  state: ShopState,
  name: StateCollection,
  keys: readonly Uint8Array[],
): Generator<SnapshotObject | undefined> {
  const placed = keys.map((key) => ({ key, keyHash: sha256(key) }))
  placed.sort((a, b) => compareBytes(a.keyHash, b.keyHash))
  const tree = treeOf(state, name)
  for (const { key } of placed) {
    const value = tree.get(key)
    if (value === undefined) yield undefined
    else yield* objectsOf(state, name, key, value)
  }
}

/** An id that nobody had used may be another's order now. */
function isReadable(state: ShopState, selection: Selection, name: StateCollection, key: Uint8Array): boolean {
  return name !== 'Orders' || selection.ownsIn(state, fromBigEndian(key))
}

/** The keys of the orders that are the reader's own. */
function* own(
  state: ShopState,
  selection: Selection,
  ids: Iterator<undefined, readonly bigint[]>,
): Generator<undefined, readonly Uint8Array[]> {
  for (;;) {
    const { value, done } = ids.next()
    if (done === true) return [...new Set(value)].filter((id) => selection.ownsIn(state, id)).map(idKey)
    yield undefined
  }
}

function* objectsOf(
  state: ShopState,
  name: StateCollection,
  key: Uint8Array,
  value: Uint8Array,
): Generator<SnapshotObject> {
  const question: StateQuestion = [name, key]
  if (isGuestsAccount(question)) yield* pieces(question, value)
  else yield { question, object: objectIn(state, name, key, value) }
}

function* pieces(question: StateQuestion, value: Uint8Array): Generator<SnapshotObject> {
  for (let at = 0; at < value.length; at += PIECE_BYTES) {
    const piece = value.subarray(at, at + PIECE_BYTES)
    yield { question, object: { value: piece }, more: at + PIECE_BYTES < value.length }
  }
}
