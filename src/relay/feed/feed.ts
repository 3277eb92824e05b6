/**
 * What subscriptions read: the published log of a shop. While there are some the newest records are kept in memory,
 * with what all sessions share of them (patch keys, proofs, encoded sets); older ones are read from the store in
 * bounded copies.
 */

import type { Seq, ShopId } from '../../brands.js'
import { assert } from '../../assert.js'
import { patchLeafHash, PatchTree } from '../../merkle/patch-proof.js'
import { PUSH_DELAY_MS_MAX } from '../../limits.js'
import { encodeSet } from '../../wire/pushed-set.js'
import type { EncodedSet } from '../../wire/messages.js'
import { patchKeyOf, type PatchKey } from '../../patches/object-name.js'
import type { CommittedSet } from '../shops/committed-set.js'
import type { LogRecord, SetRun, Store } from '../../store/store.js'
import { StoreError } from '../../store/store-error.js'

/** Records and bytes of the newest part of a shop's log that stay in memory while somebody reads it. */
const RECENT_RECORDS_MAX = 4_096
const RECENT_BYTES_MAX = 8 * 1_048_576

/** Different selections of one set that are kept encoded; further ones are made anew each time. */
const SELECTIONS_KEPT_MAX = 16

/** What a patch and its keys take in memory beside its bytes, measured. */
const PATCH_OVERHEAD_BYTES = 256

/** What of a record goes out. */
type PushedRecord = Pick<LogRecord, 'seq' | 'header' | 'signature' | 'patches'>

export class FeedRecord {
  readonly seq: Seq
  /** Of memory, about. */
  readonly bytes: number
  private readonly record: PushedRecord
  private patchKeys: readonly PatchKey[] | undefined
  private tree: PatchTree | undefined
  private encoded: Map<string, EncodedSet> | undefined

  /**
   * `known`: what its checks computed of a set that was committed just now; of one from the store it is computed when
   * asked for.
   */
  constructor(record: PushedRecord, known: Partial<Pick<CommittedSet, 'tree' | 'keys'>> = {}) {
    this.record = record
    this.tree = known.tree
    this.patchKeys = known.keys
    this.seq = record.seq
    this.bytes = record.patches.reduce((sum, patch) => sum + patch.length + PATCH_OVERHEAD_BYTES, record.header.length)
  }

  /** Of each patch, in their order. */
  keys(): readonly PatchKey[] {
    return (this.patchKeys ??= this.record.patches.map(patchKeyOf))
  }

  /**
   * The set with the patches at the given places (rising, at least one) and their proofs, encoded once for all who
   * select the same.
   */
  select(places: readonly number[]): EncodedSet {
    const { header, signature, patches } = this.record
    const name = places.length === patches.length ? '' : places.join()
    let set = this.encoded?.get(name)
    if (set === undefined) {
      this.tree ??= new PatchTree(patches.map(patchLeafHash))
      const tree = this.tree
      set = encodeSet({
        seq: BigInt(this.seq),
        leafIndex: places[0]!,
        header,
        signature,
        patches: places.map((place) => patches[place]!),
        proofs: places.map((place) => tree.proof(place)),
      })
      this.encoded ??= new Map()
      if (this.encoded.size < SELECTIONS_KEPT_MAX) this.encoded.set(name, set)
    }
    return set
  }
}

/** Records of the log, and the set up to which there are no others of what was asked for. */
export interface FeedPart {
  readonly records: readonly FeedRecord[]
  readonly upTo: Seq
}

export class Feed {
  readonly shopId: ShopId
  private readonly store: Store
  private readonly indexedUpTo: (shopId: ShopId) => Seq
  private readonly recent: FeedRecord[] = []
  private recentBytes = 0
  /** The last durable set. */
  head: Seq
  /** The last set that may be pushed: its push delay is over. */
  pushable: Seq
  /** When sets were published lately: those after `after` up to `seq`. */
  private readonly published: { readonly atMs: number; readonly after: Seq; readonly seq: Seq }[] = []

  /** `indexedUpTo`: the last set that the store's object index knows. */
  constructor(shopId: ShopId, store: Store, indexedUpTo: (shopId: ShopId) => Seq) {
    this.shopId = shopId
    this.store = store
    this.indexedUpTo = indexedUpTo
    this.head = store.head(shopId)
    this.pushable = this.head
  }

  /** `isRead`: somebody reads the newest sets. Otherwise they are not kept: whoever comes reads them from the store. */
  publish(sets: readonly CommittedSet[], nowMs: number, isRead: boolean): void {
    const after = this.head
    if (sets.length > 0) this.head = sets.at(-1)!.record.seq
    if (isRead) this.keep(sets)
    else this.forget()
    while (this.published.length > 0 && this.published[0]!.atMs < nowMs - PUSH_DELAY_MS_MAX) this.published.shift()
    this.published.push({ atMs: nowMs, after, seq: this.head })
  }

  private keep(sets: readonly CommittedSet[]): void {
    for (const { record, ...known } of sets) {
      const entry = new FeedRecord(record, known)
      this.recent.push(entry)
      this.recentBytes += entry.bytes
    }
    let surplus = 0
    while (this.recent.length - surplus > RECENT_RECORDS_MAX || this.recentBytes > RECENT_BYTES_MAX) {
      this.recentBytes -= this.recent[surplus++]!.bytes
    }
    if (surplus > 0) this.recent.splice(0, surplus)
  }

  private forget(): void {
    this.recent.length = 0
    this.recentBytes = 0
  }

  /** For subscriptions with a delay of their own: the last set that was published that long ago. */
  publishedBy(atMs: number): Seq {
    let seq = this.head
    for (let i = this.published.length - 1; i >= 0 && this.published[i]!.atMs > atMs; i--)
      seq = this.published[i]!.after
    return seq
  }

  /** When the next set after `seq` was published; undefined if there is none. */
  publishedAfter(seq: Seq): number | undefined {
    let atMs: number | undefined
    for (let i = this.published.length - 1; i >= 0 && this.published[i]!.seq > seq; i--) atMs = this.published[i]!.atMs
    return atMs
  }

  /**
   * The next records after `seq`, up to `last`: some, if there are any, and `seq` rises in any case. With `names` of
   * the object index only those that stand there under one of them, as far as it goes.
   */
  after(seq: Seq, last: Seq, names?: readonly Uint8Array[]): FeedPart {
    const records = this.recentAfter(seq, last)
    if (records !== undefined) return { records, upTo: records.at(-1)!.seq }
    const indexEnd = names === undefined ? 0 : Math.min(this.indexedUpTo(this.shopId), last)
    const wanted = indexEnd > seq ? this.indexed(seq, indexEnd, names!) : undefined
    return wanted === undefined ? this.stored(seq, last) : this.picked(wanted.seqs, wanted.upTo)
  }

  /** Stored sets that stand together, the first one after `seq` among them; undefined for what is not stored so. */
  run(seq: Seq): SetRun | undefined {
    const first = this.recent[0]?.seq
    return first !== undefined && seq + 1 >= first ? undefined : this.store.readRun(this.shopId, seq)
  }

  /** As Store.countPatches. */
  countPatches(after: Seq, last: Seq, collections: number): number | undefined {
    return this.store.countPatches(this.shopId, after, last, collections)
  }

  /** The records of these numbers, rising and none above the head: the first ones, at least one. */
  pick(seqs: readonly Seq[]): readonly FeedRecord[] {
    const first = this.recent[0]?.seq
    if (first === undefined || seqs[0]! < first) return this.picked(seqs, seqs.at(-1)!).records
    return seqs.map((seq) => this.recent[seq - first]!)
  }

  private recentAfter(seq: Seq, last: Seq): readonly FeedRecord[] | undefined {
    const first = this.recent[0]?.seq
    if (first === undefined || seq + 1 < first) return undefined
    return this.recent.slice(seq + 1 - first, Math.min(last + 1 - first, seq + 1 - first + READ_RECORDS_MAX))
  }

  /** What the object index has under the names; undefined where it is damaged, and the log has to be read instead. */
  private indexed(
    seq: Seq,
    indexEnd: Seq,
    names: readonly Uint8Array[],
  ): { readonly seqs: readonly Seq[]; readonly upTo: Seq } | undefined {
    const found = new Set<Seq>()
    let upTo = indexEnd
    for (const name of names) {
      const seqs = this.objectSeqs(name, seq)
      if (seqs === undefined) return undefined
      for (const one of seqs) found.add(one)
      // There may be more of these behind the last one.
      if (seqs.length === READ_RECORDS_MAX) upTo = Math.min(upTo, seqs.at(-1)!)
    }
    return { seqs: [...found].filter((one) => one <= upTo).sort((a, b) => a - b), upTo }
  }

  private objectSeqs(name: Uint8Array, after: Seq): Seq[] | undefined {
    try {
      return this.store.objectSeqs(this.shopId, name, after, READ_RECORDS_MAX)
    } catch (error) {
      // The store remembers it, and the index is made again.
      if (error instanceof StoreError && error.code === 'derived') return undefined
      throw error
    }
  }

  private picked(seqs: readonly Seq[], end: Seq): FeedPart {
    const records = this.store.pickLog(this.shopId, seqs, READ_BYTES_MAX)
    const upTo = records.length < seqs.length ? records.at(-1)!.seq : end
    return { records: records.map((record) => new FeedRecord(record)), upTo }
  }

  private stored(seq: Seq, last: Seq): FeedPart {
    const records = this.store.readLog(this.shopId, seq, {
      records: Math.min(READ_RECORDS_MAX, last - seq),
      bytes: READ_BYTES_MAX,
    })
    assert(records.length > 0, `shop ${this.shopId}: the log ends before seq ${last}`)
    return { records: records.map((record) => new FeedRecord(record)), upTo: records.at(-1)!.seq }
  }
}

/** One bounded copy out of the store. */
const READ_RECORDS_MAX = 256
const READ_BYTES_MAX = 1_048_576
