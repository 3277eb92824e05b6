/**
 * A snapshot checked as it streams (PROOFS §4): objects come by collection and rising K, so that the root of each whole
 * collection follows from at most 257 digests, and is compared with the level under an accepted StateRoot. Objects of a
 * part are proven by state proofs, which the caller asks for: see isWhole.
 *
 * Tests: test/proofs/snapshot.test.ts, test/cli/replica-vectors.test.ts
 */

import { sha256 } from '#hash'
import type { ShopId } from '../brands.js'
import { compareBytes, concatBytes, equalBytes } from '../bytes/bytes.js'
import { prefixedHex } from '../bytes/hex.js'
import { GUESTS_ACCOUNT_BYTES_MAX_DEFAULT, SNAPSHOT_BYTES_MAX_DEFAULT, SNAPSHOT_OBJECT_BYTES_MORE } from '../limits.js'
import {
  isSalted,
  saltedRoot,
  STATE_COLLECTIONS,
  stateRoot,
  type Level,
  type SaltedCollection,
  type StateCollection,
} from '../merkle/state-level.js'
import { requireManifest, requireObject } from '../merkle/state-object.js'
import { isOrderId, questionName, requireProvable, type StateQuestion } from '../merkle/state-question.js'
import { StateRootStream } from '../merkle/state-root-stream.js'
import { stateValueHash, type StateObject } from '../merkle/state-tree.js'

/** Of the collections that the caller may read, 32 bytes each. */
export type Salts = { readonly [Name in SaltedCollection]?: Uint8Array }

/** In the order in which a snapshot has them. */
const ORDER = ['Manifest', ...STATE_COLLECTIONS] as const
export type SnapshotCollection = (typeof ORDER)[number]

/** All objects of a collection, or those under keys that the filters select. */
export type Selected = 'whole' | ((key: Uint8Array) => boolean)

export interface SnapshotClaim {
  readonly shopId: ShopId
  /** 32 bytes, from the checkpoint that came first, which was accepted. */
  readonly stateRoot: Uint8Array
  /** What was subscribed to; nothing of a collection that is left out. */
  readonly selected: Partial<Readonly<Record<SnapshotCollection, Selected>>>
  /** What the caller takes of the guests' account, bytes; 64 MiB. */
  readonly guestsAccountBytesMax?: number
  /** And of all objects, as SNAPSHOT_BYTES_MAX_DEFAULT counts them; 1 GiB. */
  readonly bytesMax?: number
}

/**
 * level: it is not that of the StateRoot · not-selected: an object that was not subscribed to · collection-order,
 * key-order: out of order or twice · manifest: it is missing, late or another · salt: of a whole collection it is
 * missing · root: the objects of a collection are not those of the level · piece-missing: of the guests' account ·
 * too-large: the guests' account, or all objects together, are more than the caller takes.
 */
type SnapshotErrorCode =
  | 'level'
  | 'not-selected'
  | 'collection-order'
  | 'key-order'
  | 'manifest'
  | 'salt'
  | 'root'
  | 'piece-missing'
  | 'too-large'

/** A snapshot that is not the state under its checkpoint. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code: SnapshotErrorCode
  /** A collection, or an object as `Listings/000000000000002a`. */
  readonly where: string

  constructor(code: SnapshotErrorCode, where: string, problem: string) {
    super(`snapshot: ${where}: ${problem}`)
    this.code = code
    this.where = where
  }
}

/** An object as a snapshot brings it; of the guests' account a piece, and whether more of them follow. */
export interface SnapshotItem {
  readonly question: StateQuestion
  readonly object: StateObject
  readonly more?: boolean | undefined
}

/** An object that came whole. */
export type SnapshotObject = Omit<SnapshotItem, 'more'>

/** Takes the objects of one snapshot. After an error it must not be used. */
export class SnapshotVerifier {
  readonly level: Level
  readonly salts: Salts
  private readonly claim: SnapshotClaim
  /** Place in ORDER of the collection that comes now. */
  private place = 0
  private stream = new StateRootStream()
  /** K of the last object of that collection. */
  private last: Uint8Array | undefined
  private pieces: Uint8Array[] = []
  /** Of all objects that came. */
  private bytes = 0

  /** `level` and `salts` came beside the checkpoint. Throws SnapshotError. */
  constructor(claim: SnapshotClaim, level: Level, salts: Salts) {
    this.claim = claim
    this.level = level
    this.salts = salts
    requireLevel(level, claim.stateRoot)
    for (const name of STATE_COLLECTIONS)
      if (isSalted(name) && claim.selected[name] === 'whole' && salts[name] === undefined)
        throw new SnapshotError('salt', name, 'the whole collection is subscribed to, and its salt did not come')
  }

  /**
   * The next object as it came; undefined while pieces of it are missing. Of a whole collection it counts as proven
   * once `end` returned. Throws SnapshotError, StateProofError.
   */
  take(item: SnapshotItem): SnapshotObject | undefined {
    const { question } = item
    this.count(item)
    if (this.pieces.length > 0 && item.more === undefined) throw pieceMissing(questionName(question))
    this.requireSelected(question)
    const [collection] = question
    const place = ORDER.indexOf(collection)
    if (place < this.place)
      throw new SnapshotError('collection-order', questionName(question), `it comes after ${ORDER[this.place]}`)
    this.finishBefore(place)
    const keyHash = sha256(question[1])
    this.requireRising(question, keyHash)
    const object = item.more === undefined ? item.object : this.joined(item)
    if (object === undefined) return undefined
    this.check({ question, object }, keyHash, item.more !== undefined)
    return { question, object }
  }

  /** Nothing more comes. Throws SnapshotError. */
  end(): void {
    if (this.pieces.length > 0) throw pieceMissing('the end')
    this.finishBefore(ORDER.length)
  }

  /** A snapshot need not end: roots are compared at the end of a collection. */
  private count({ question, object }: SnapshotItem): void {
    const { bytesMax = SNAPSHOT_BYTES_MAX_DEFAULT } = this.claim
    this.bytes += question[1].length + object.value.length + SNAPSHOT_OBJECT_BYTES_MORE
    if (this.bytes <= bytesMax) return
    const problem = `${this.bytes} bytes of all objects so far, at most ${bytesMax} are taken`
    throw new SnapshotError('too-large', questionName(question), problem)
  }

  private requireSelected(question: StateQuestion): void {
    const [collection, key] = question
    const selected = this.claim.selected[collection]
    if (selected === 'whole' || selected?.(key) === true) return
    throw new SnapshotError('not-selected', questionName(question), 'it was not subscribed to')
  }

  private requireRising(question: StateQuestion, keyHash: Uint8Array): void {
    if (this.last === undefined || compareBytes(this.last, keyHash) < 0) return
    const order = `K ${prefixedHex(keyHash)} comes after ${prefixedHex(this.last)}`
    throw new SnapshotError('key-order', questionName(question), order)
  }

  private check({ question, object }: SnapshotObject, keyHash: Uint8Array, isInPieces: boolean): void {
    const [collection] = question
    if (collection === 'Manifest') this.requireManifest(question, object.value)
    else {
      if (!isInPieces) requireProvable(question)
      requireObject(question, object.value)
      if (this.claim.selected[collection] === 'whole') this.stream.add({ keyHash, valueHash: stateValueHash(object) })
    }
    this.last = keyHash
  }

  private requireManifest(question: StateQuestion, manifest: Uint8Array): void {
    requireProvable(question)
    requireManifest(manifest, this.claim.shopId)
    requireManifestHash(manifest, this.level)
  }

  /** The guests' account once its last piece is there. */
  private joined({ question, object, more }: SnapshotItem): StateObject | undefined {
    const where = questionName(question)
    this.pieces.push(object.value.slice())
    const length = this.pieces.reduce((sum, part) => sum + part.length, 0)
    const { guestsAccountBytesMax = GUESTS_ACCOUNT_BYTES_MAX_DEFAULT } = this.claim
    if (length > guestsAccountBytesMax)
      throw new SnapshotError('too-large', where, `${length} bytes so far, at most ${guestsAccountBytesMax} are taken`)
    if (more) return undefined
    const value = concatBytes(...this.pieces)
    this.pieces = []
    return { value }
  }

  /** What stands before `place` in the order has come whole. */
  private finishBefore(place: number): void {
    for (; this.place < place; this.place++) {
      this.finish(ORDER[this.place]!)
      this.stream = new StateRootStream()
      this.last = undefined
    }
  }

  private finish(name: SnapshotCollection): void {
    if (this.claim.selected[name] !== 'whole') return
    if (name !== 'Manifest') return requireRoot(name, this.stream.root(), this.level, this.salts)
    if (this.last === undefined) throw new SnapshotError('manifest', 'Manifest', 'it did not come first')
  }
}

/**
 * Returns if `root` (32 bytes, unsalted) is what the level has for the collection. Throws SnapshotError 'root', 'salt'.
 */
export function requireRoot(name: StateCollection, root: Uint8Array, level: Level, salts: Salts): void {
  const salt = isSalted(name) ? salts[name] : undefined
  if (isSalted(name) && salt === undefined) throw new SnapshotError('salt', name, 'its salt is not known')
  const found = salt === undefined ? root : saltedRoot(salt, root)
  if (equalBytes(found, level.roots[name])) return
  const [ours, theirs] = [prefixedHex(found), prefixedHex(level.roots[name])]
  throw new SnapshotError('root', name, `its objects lead to ${ours}, the level has ${theirs}`)
}

/** Returns if the level is the one under `root`, 32 bytes. Throws SnapshotError 'level'. */
export function requireLevel(level: Level, root: Uint8Array): void {
  const found = stateRoot(level)
  if (equalBytes(found, root)) return
  throw new SnapshotError('level', 'Level', `it leads to StateRoot ${prefixedHex(found)}, not ${prefixedHex(root)}`)
}

/** Returns if the manifest, undefined where there is none, is the level's. Throws SnapshotError 'manifest'. */
export function requireManifestHash(manifest: Uint8Array | undefined, { manifestHash }: Level): void {
  const found = manifest === undefined ? 'nothing' : prefixedHex(sha256(manifest))
  const wanted = prefixedHex(manifestHash)
  if (found !== wanted) throw new SnapshotError('manifest', 'Manifest', `its hash is ${found}, not ${wanted}`)
}

/** Of a card's entry among the Orders, which is no order. */
export function isCardEntry([collection, key]: StateQuestion): boolean {
  return collection === 'Orders' && !isOrderId(key)
}

function pieceMissing(where: string): SnapshotError {
  return new SnapshotError('piece-missing', where, "it comes before the last piece of the guests' account")
}
