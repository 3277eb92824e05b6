/** What the relay keeps on disk: the log of every shop, the small tables that a write needs, and derived data that can be made again. */

/** 1, 2, 3 … per shop, one per accepted PatchSet. */
export type Seq = number

export type SignerRole = 'guest' | 'clerk' | 'owner' | 'relay'

/** One accepted set, as it is pushed for ever. */
export interface LogRecord {
  readonly seq: Seq
  readonly committedAtMs: number
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

export interface ShopRow {
  readonly shopId: bigint
  /** 32 random bytes, made with the shop (PROOFS §1). */
  readonly secret: Uint8Array
  readonly createdAtMs: number
}

export interface CardRow {
  /** 33 bytes. */
  readonly card: Uint8Array
  readonly shopId: bigint
  /** 20 bytes. */
  readonly account: Uint8Array
  readonly guest: boolean
  readonly removed: boolean
}

/** One durable, atomic transaction: everything that was queued, of all shops. */
export interface Commit {
  /** Sequence numbers dense and rising per shop. */
  readonly records: readonly { readonly shopId: bigint; readonly record: LogRecord }[]
  readonly newShops?: readonly ShopRow[]
  /** The last accepted nonce; `signer` is empty for the relay. */
  readonly nonces?: readonly { readonly shopId: bigint; readonly signer: Uint8Array; readonly nonce: bigint }[]
  readonly cards?: readonly CardRow[]
  readonly settings?: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]
}

export interface StoredRoots {
  readonly seq: Seq
  /** Opaque here. */
  readonly roots: Uint8Array
}

export interface DerivedFlush extends StoredRoots {
  readonly shopId: bigint
  readonly nodes: readonly { readonly ref: number; readonly bytes: Uint8Array }[]
  /** `object`: at most 300 bytes. */
  readonly objectSeqs: readonly { readonly object: Uint8Array; readonly seq: Seq }[]
}

export interface Store {
  /** Resolves when the commit is durable. Rejects with StoreError and leaves no trace. */
  commit(commit: Commit): Promise<void>
  shops(): ShopRow[]
  /** 0 if there is none. */
  head(shopId: bigint): Seq
  /** The next records after `after`, a bounded copy: at least one if there is one. */
  readLog(shopId: bigint, after: Seq, limits: { readonly records: number; readonly bytes: number }): LogRecord[]
  /** 0 if there is none. */
  nonce(shopId: bigint, signer: Uint8Array): bigint
  card(card: Uint8Array): CardRow | undefined
  cards(): CardRow[]
  setting(key: string): Uint8Array | undefined
  flushDerived(flush: DerivedFlush): Promise<void>
  derived(shopId: bigint): StoredRoots | undefined
  /** A copy. Throws StoreError 'missing-node'. */
  readNode(shopId: bigint, ref: number): Uint8Array
  nextNodeRef(shopId: bigint): number
  objectSeqs(shopId: bigint, object: Uint8Array, after: Seq, limit: number): Seq[]
  /** Throws StoreError if the store does not answer. */
  check(): Promise<void>
  close(): Promise<void>
}
