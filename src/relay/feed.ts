/**
 * What subscriptions read: the published log of a shop. The newest records are kept in memory, with what all sessions
 * share of them (patch keys, proofs, encoded sets); older ones are read from the store in bounded copies.
 */

import { assert } from '../assert.js'
import { decodeChecked } from '../codec/decode.js'
import { diagnostic } from '../codec/diagnostic.js'
import { arrayItems, mapFields } from '../codec/span.js'
import { toHex } from '../bytes/hex.js'
import { patchLeafHash, PatchTree } from '../merkle/patch-proof.js'
import { encodeSet } from '../wire/pushed-set.js'
import type { Cbor } from '../codec/value.js'
import type { EncodedSet } from '../wire/messages.js'
import type { LogRecord, Seq, Store } from '../store/store.js'

/** Collection and key of a patch's path, as text: `Listings/42`, `Tags/red`, `Accounts/<hex>`, `Manifest/`. */
export interface PatchKey {
  readonly collection: string
  readonly key: string
}

/** Records and bytes of the newest part of a shop's log that stay in memory. */
const RECENT_RECORDS_MAX = 4_096
const RECENT_BYTES_MAX = 8 * 1_048_576

/** Different selections of one set that are kept encoded; further ones are made anew each time. */
const SELECTIONS_KEPT_MAX = 16

export class FeedRecord {
  readonly seq: Seq
  readonly committedAtMs: number
  readonly bytes: number
  private readonly record: LogRecord
  private patchKeys: readonly PatchKey[] | undefined
  private tree: PatchTree | undefined
  private readonly encoded = new Map<string, EncodedSet>()

  constructor(record: LogRecord) {
    this.record = record
    this.seq = record.seq
    this.committedAtMs = record.committedAtMs
    this.bytes = record.patches.reduce((sum, patch) => sum + patch.length, record.header.length)
  }

  keys(): readonly PatchKey[] {
    return (this.patchKeys ??= this.record.patches.map(patchKeyOf))
  }

  /** The set with the patches at the given places (rising, at least one) and their proofs, encoded once for all who select the same. */
  select(places: readonly number[]): EncodedSet {
    const { header, signature, patches } = this.record
    const name = places.length === patches.length ? '' : places.join()
    let set = this.encoded.get(name)
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
      if (this.encoded.size < SELECTIONS_KEPT_MAX) this.encoded.set(name, set)
    }
    return set
  }
}

export class Feed {
  readonly shopId: bigint
  private readonly store: Store
  private readonly recent: FeedRecord[] = []
  private recentBytes = 0
  /** The last durable set. */
  head: Seq
  /** The last set that may be pushed: its push delay is over. */
  pushable: Seq

  constructor(shopId: bigint, store: Store) {
    this.shopId = shopId
    this.store = store
    this.head = store.head(shopId)
    this.pushable = this.head
  }

  publish(records: readonly LogRecord[]): void {
    for (const record of records) {
      const entry = new FeedRecord(record)
      this.recent.push(entry)
      this.recentBytes += entry.bytes
      this.head = record.seq
    }
    let surplus = 0
    while (this.recent.length - surplus > RECENT_RECORDS_MAX || this.recentBytes > RECENT_BYTES_MAX) {
      this.recentBytes -= this.recent[surplus++]!.bytes
    }
    if (surplus > 0) this.recent.splice(0, surplus)
  }

  /** The next records after `seq`, up to `last`: some, if there are any. */
  after(seq: Seq, last: Seq): readonly FeedRecord[] {
    if (seq >= last) return []
    const first = this.recent[0]?.seq
    if (first !== undefined && seq + 1 >= first) {
      return this.recent.slice(seq + 1 - first, Math.min(last + 1 - first, seq + 1 - first + READ_RECORDS_MAX))
    }
    const records = this.store.readLog(this.shopId, seq, {
      records: Math.min(READ_RECORDS_MAX, last - seq),
      bytes: READ_BYTES_MAX,
    })
    assert(records.length > 0, `shop ${this.shopId}: the log ends before seq ${last}`)
    return records.map((record) => new FeedRecord(record))
  }
}

/** One bounded copy out of the store. */
const READ_RECORDS_MAX = 256
const READ_BYTES_MAX = 1_048_576

/** Reads the first two parts of a path without decoding the value. */
function patchKeyOf(patch: Uint8Array): PatchKey {
  const [collection, key] = arrayItems(patch, mapFields(patch, 0).get('Path')!.start)
  return {
    collection: keyText(decodeChecked(patch, collection!.start)),
    key: key === undefined ? '' : keyText(decodeChecked(patch, key.start)),
  }
}

function keyText(key: Cbor): string {
  return key instanceof Uint8Array ? toHex(key) : typeof key === 'string' ? key : diagnostic(key)
}
