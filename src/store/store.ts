/**
 * What the relay keeps on disk: the log of every shop, the small tables that a write needs, and derived data that can
 * be made again.
 */

import type { Seconds, Seq, ShopId } from '../brands.js'

export type SignerRole = 'guest' | 'clerk' | 'owner' | 'relay'

/** One accepted set, as it is pushed for ever. */
export interface LogRecord {
  readonly seq: Seq
  readonly committedAtMs: number
  /** How long a reservation that begins with this set lasts: a setting of that day, and replay must not ask today's. */
  readonly reservationSeconds: number
  /** The card, 33 bytes; empty for the relay. */
  readonly signer: Uint8Array
  /** Its wallet at that time, 20 bytes; empty for the relay. */
  readonly account: Uint8Array
  readonly role: SignerRole
  /** Received bytes. */
  readonly header: Uint8Array
  /** 65 bytes. */
  readonly signature: Uint8Array
  /** Received bytes. */
  readonly patches: readonly Uint8Array[]
  /** 32 bytes, of the state after this set. */
  readonly stateHash: Uint8Array
}

/** Sets of a shop that stand together, as pushes carry them. What is asked for must be among them. */
export interface SetRun {
  readonly first: Seq
  readonly last: Seq
  /** Of the collections that set `seq` changes, as bits (object-name.ts). */
  collections(seq: Seq): number
  /** How many patches set `seq` has. */
  patches(seq: Seq): number
  /** Whether set `seq` stands there with the proofs of all its patches. */
  isProven(seq: Seq): boolean
  /** Sets `from` to `to` as encodeSet makes them, joined, if each is proven. A view. */
  sets(from: Seq, to: Seq): Uint8Array
  /** What of set `seq` is its own; byte strings are views. Throws StoreError 'damaged'. */
  set(seq: Seq): Pick<LogRecord, 'seq' | 'header' | 'signature' | 'patches'>
}

export interface ShopRow {
  readonly shopId: ShopId
  /** 32 random bytes, made with the shop (PROOFS §1). */
  readonly secret: Uint8Array
  readonly createdAtMs: number
}

export interface CardRow {
  /** 33 bytes. */
  readonly card: Uint8Array
  readonly shopId: ShopId
  /** 20 bytes. */
  readonly account: Uint8Array
  readonly guest: boolean
  readonly removed: boolean
  /** The message that enrolled it; absent for rows of versions that did not keep it. */
  readonly enrolledBy?: EnrolledBy | undefined
  /** When the set that removed it was committed; absent for a card that is enrolled. */
  readonly removedAtMs?: number | undefined
}

export interface EnrolledBy {
  /** The message's EIP-191 digest, 32 bytes. */
  readonly digest: Uint8Array
  /** Its Issued At; years 0000 to 9999, so it may be negative. */
  readonly issuedAt: Seconds
}

/** What the relay saw of payments and its log does not hold. */
export interface PaymentRow {
  readonly shopId: ShopId
  /** 1 to 100 bytes. */
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** What a relay keeps of its checkpoint of one set. */
export interface CheckpointRow {
  readonly shopId: ShopId
  readonly seq: Seq
  /** Opaque here. */
  readonly value: Uint8Array
}

/** What some sets of a log add to the trees over it. */
export interface LogTreeRow {
  readonly firstSeq: Seq
  /** How many sets, from `firstSeq` on. */
  readonly sets: number
  /** Opaque here. */
  readonly bytes: Uint8Array
}

/**
 * One durable, atomic transaction: everything that was queued, of all shops. Its bytes must not change before `commit`
 * is settled; then the caller may use them again.
 */
export interface Commit {
  /** Sequence numbers dense and rising per shop. */
  readonly records: readonly { readonly shopId: ShopId; readonly record: LogRecord }[]
  /** What the trees over the logs gain: dense and rising per shop too, and none beyond the log's last set. */
  readonly logTrees?: readonly ({ readonly shopId: ShopId } & LogTreeRow)[]
  /** None that is there already. */
  readonly newShops?: readonly ShopRow[]
  /** The last accepted nonce; `signer` is empty for the relay. */
  readonly nonces?: readonly { readonly shopId: ShopId; readonly signer: Uint8Array; readonly nonce: bigint }[]
  /** Replace the rows of the same cards. */
  readonly cards?: readonly CardRow[]
  /** Replace the rows of the same keys. */
  readonly paymentRows?: readonly PaymentRow[]
  /** Replace the rows of the same sets, which the log holds; of shops that are there. */
  readonly checkpoints?: readonly CheckpointRow[]
  /** `value` undefined removes. */
  readonly settings?: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]
}

export interface StoredRoots {
  readonly seq: Seq
  /** Opaque here. */
  readonly roots: Uint8Array
}

/** A part of a flush: `Store.flushPart`. */
export interface DerivedPart {
  readonly shopId: ShopId
  readonly nodes: readonly { readonly ref: number; readonly bytes: Uint8Array }[]
  readonly objectSeqs: readonly ObjectSeqs[]
}

/** The sets of a flush that changed an object. */
export interface ObjectSeqs {
  /** At most 300 bytes. */
  readonly object: Uint8Array
  /** The last set of the flush before: what is written twice of a flush that was cut off has the same one. */
  readonly after: Seq
  /** Rising, above `after`; at least one. */
  readonly seqs: readonly Seq[]
}

export type DerivedFlush = DerivedPart &
  StoredRoots & {
    /** Trie nodes of flushes before that these roots do not lead to: for `freeReplaced`. Rising. */
    readonly replaced?: readonly number[]
  }

/** What rotted on disk, or was changed there by somebody else. */
export interface StoreDamage {
  /** Undefined: of no one shop. */
  readonly shopId: ShopId | undefined
  /** `derived` can be made again from the log; `shops`: which shops there are. */
  readonly part: 'log' | 'rows' | 'shops' | 'derived'
  /** For people: what, where, what now. */
  readonly text: string
}

export interface StoreStats {
  /** Of log chunks as they are stored. */
  readonly logBytes: number
  /** Sets in all logs. */
  readonly sets: number
  /** Of the database file; 0 in memory. */
  readonly fileBytes: number
  /** What sets are taken to have reserved for that do not tell: of format 1; undefined if there are none. */
  readonly earlyReservationSeconds: number | undefined
}

/** What is returned is a copy or never changes. After `close` every call fails with StoreError 'closed'. */
export interface Store {
  /**
   * Resolves when the commit is durable; commits are done one after the other, in the order of the calls. Rejects with
   * StoreError and leaves no trace. After an error other than 'sequence', 'exists' and 'full' none succeeds before the
   * store is opened again.
   */
  commit(commit: Commit): Promise<void>
  /** By rising shop id. */
  shops(): ShopRow[]
  /** 0 if there is none. */
  head(shopId: ShopId): Seq
  /**
   * The next records after `after`, by their stored bytes: at least one if there is one. Throws StoreError 'damaged'.
   */
  readLog(shopId: ShopId, after: Seq, limits: { readonly records: number; readonly bytes: number }): LogRecord[]
  /**
   * The records of these numbers, rising and none above the head, by their stored bytes: at least the first one. Throws
   * StoreError 'damaged'.
   */
  pickLog(shopId: ShopId, seqs: readonly Seq[], bytes: number): LogRecord[]
  /**
   * Stored sets as pushes carry them, that of the first set after `after` among them; undefined if there is none, or
   * its chunk is of an earlier version: then readLog has it. Views that never change. Throws StoreError 'damaged'.
   */
  readRun(shopId: ShopId, after: Seq): SetRun | undefined
  /**
   * How many patches of these collections, as bits (object-name.ts), the sets after `after` up to `last` have, none
   * above the head; undefined where earlier versions left that uncounted. Throws StoreError 'damaged'.
   */
  countPatches(shopId: ShopId, after: Seq, last: Seq, collections: number): number | undefined
  /** 0 if there is none. */
  nonce(shopId: ShopId, signer: Uint8Array): bigint
  card(card: Uint8Array): CardRow | undefined
  /** In the order of their bytes. */
  cards(): CardRow[]
  setting(key: string): Uint8Array | undefined
  /** Rows of a shop whose keys begin with `prefix`, in the order of their keys. */
  paymentRows(shopId: ShopId, prefix?: Uint8Array): PaymentRow[]
  /** The value of the checkpoint of set `seq`; undefined if there is none. */
  checkpoint(shopId: ShopId, seq: Seq): Uint8Array | undefined
  /** The next ones after set `after`, rising. */
  checkpoints(shopId: ShopId, after: Seq, limit: number): CheckpointRow[]
  /** That of the last set that has one. */
  newestCheckpoint(shopId: ShopId): CheckpointRow | undefined
  /** Atomic. `seq` is not above the head. Rejects with StoreError. */
  flushDerived(flush: DerivedFlush): Promise<void>
  /**
   * A part of what the next `flushDerived` of the shop makes valid: before that nobody asks for it after a restart.
   * Atomic. Rejects with StoreError.
   */
  flushPart(part: DerivedPart): Promise<void>
  /**
   * Throws StoreError 'derived' where it is damaged. Undefined also where the log does not reach it, which is damage of
   * the log.
   */
  derived(shopId: ShopId): StoredRoots | undefined
  /**
   * The roots that a database of format 1 had when it was upgraded: they alone tell the deadlines of its day. Throws
   * StoreError 'derived'.
   */
  earlyDerived(shopId: ShopId): StoredRoots | undefined
  /**
   * Forgets roots, trie nodes, object index and log trees of a shop, before they are made again: then its derived part
   * is not damaged any more, as far as the store knows. Rejects with StoreError.
   */
  dropDerived(shopId: ShopId): Promise<void>
  /** Forgets the roots of a shop's state and its object index alone: of a version that kept less than this one. */
  dropRoots(shopId: ShopId): Promise<void>
  /** The last set that the stored trees over the log hold; 0 if there is none. */
  logTreeHead(shopId: ShopId): Seq
  /** The row that holds the set. A copy. Throws StoreError 'derived' where it is missing or damaged. */
  logTreeRow(shopId: ShopId, seq: Seq): LogTreeRow
  /** A copy. Throws StoreError 'derived' where it is missing or damaged. */
  readNode(shopId: ShopId, ref: number): Uint8Array
  /** From 1, above every ref of a trie node that is there. */
  nextNodeRef(shopId: ShopId): number
  /** Refs of trie nodes that are there, rising, above `after`. Throws StoreError 'derived'. */
  nodeRefs(shopId: ShopId, after: number, limit: number): number[]
  /**
   * Removes trie nodes; those that are not there do not matter. Not atomic. Resolves to false, and removes nothing
   * more, while another process reads the data: it may go on with what it saw before. Rejects with StoreError.
   */
  removeNodes(shopId: ShopId, refs: readonly number[]): Promise<boolean>
  /** The same for what flushes up to set `seq` replaced; the next call goes on where this one ended. */
  freeReplaced(shopId: ShopId, seq: Seq): Promise<boolean>
  /** Rising, above `after`; only what was flushed. Throws StoreError 'derived'. */
  objectSeqs(shopId: ShopId, object: Uint8Array, after: Seq, limit: number): Seq[]
  /** Rejects with StoreError if the store cannot be read and written. */
  check(): Promise<void>
  /** Why nothing can be written now, in one line; undefined if it can. */
  problem(): string | undefined
  /** Looks at every row there is, for `damage` to tell; yields how many it saw so far, now and then. */
  scan(): Iterable<number>
  /** What was met so far that is damaged. What is not derived stands until the store is opened again. */
  damage(): readonly StoreDamage[]
  stats(): StoreStats
  /** Finishes what was begun. */
  close(): Promise<void>
}
