/**
 * Keeps the derived state of the shops on disk: trie nodes are flushed in the background with the seq that they
 * reflect, and at start the tail of the log is replayed over the last flush. The log is the truth; losing a flush loses
 * nothing.
 */

import type { Seconds, Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { toHex } from '../../bytes/hex.js'
import { decode } from '../../codec/decode.js'
import { encode } from '../../codec/encode.js'
import type { Cbor, CborKey } from '../../codec/value.js'
import { Hamt, type NodeSource, type StoredRoot } from '../../merkle/hamt.js'
import { NodeCache } from '../../merkle/hamt-cache.js'
import type { NodeRef } from '../../merkle/hamt-node.js'
import { readCheckedPatch, type Patch } from '../../patches/checked-patch.js'
import type { Author } from '../../state/access.js'
import { applyPatches } from '../../state/apply.js'
import {
  COLLECTIONS,
  emptyShop,
  INDEXES,
  keyHashOf,
  SCHEMA_VERSION,
  stateHash,
  type ShopState,
} from '../../state/shop-state.js'
import type { DerivedFlush, LogRecord, Store } from '../../store/store.js'
import { indexNames, patchKey, type PatchKey } from '../../patches/object-name.js'
import type { CommittedSet } from './committed-set.js'
import { Shop } from './shop.js'

/** The log does not lead to the states that it says it does. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
  readonly shopId: ShopId
  readonly seq: Seq

  constructor(shopId: ShopId, seq: Seq, problem: string) {
    super(`shop ${shopId}, set ${seq}: ${problem}`)
    this.shopId = shopId
    this.seq = seq
  }
}

type ObjectSeq = DerivedFlush['objectSeqs'][number]

const REPLAY_BATCH = { records: 1_024, bytes: 4 * 1_048_576 }
const TRIES = [...COLLECTIONS, ...INDEXES] as const

export class Keeper {
  private readonly store: Store
  private readonly reservationSeconds: Seconds
  private readonly cache: NodeCache
  private readonly sources = new Map<ShopId, PendingNodes>()
  private readonly flushedHead = new Map<ShopId, Seq>()
  /** Rows of the object index that are not on disk yet. */
  private readonly changes = new Map<ShopId, ObjectSeq[]>()
  private flushing = false

  constructor(store: Store, options: { readonly nodeCacheNodes: number; readonly reservationSeconds: Seconds }) {
    this.store = store
    this.reservationSeconds = options.reservationSeconds
    this.cache = new NodeCache(options.nodeCacheNodes)
  }

  /** Nodes in memory that are on disk too. */
  get cachedNodes(): number {
    return this.cache.size
  }

  newState(shopId: ShopId): ShopState {
    return emptyShop(shopId, SCHEMA_VERSION, (keyHash) => Hamt.withKeyHash(keyHash, this.source(shopId), this.cache))
  }

  /** The shop as its log makes it. `progress` is told the seq now and then. Throws ReplayError, StoreError. */
  load(shopId: ShopId, progress: (seq: Seq, head: Seq) => void = () => undefined): Shop {
    const derived = this.store.derived(shopId)
    const kept = derived === undefined ? undefined : this.openState(shopId, derived.roots)
    let state = kept ?? this.newState(shopId)
    let seq = kept === undefined ? 0 : derived!.seq
    this.flushedHead.set(shopId, seq)
    const head = this.store.head(shopId)
    while (seq < head) {
      for (const record of this.store.readLog(shopId, seq, REPLAY_BATCH)) {
        const patches = record.patches.map(readCheckedPatch)
        state = this.replay(shopId, state, record, patches)
        this.noteChanges(
          shopId,
          record.seq,
          patches.map(({ path }) => patchKey(path)),
        )
        seq = record.seq
      }
      progress(seq, head)
    }
    return new Shop(shopId, { state, head, relayNonce: this.store.nonce(shopId, new Uint8Array(0)) })
  }

  /** Sets that were committed. */
  published({ shopId }: Shop, sets: readonly CommittedSet[]): void {
    for (const { record, keys } of sets) this.noteChanges(shopId, record.seq, keys)
  }

  /** The last set that the store's object index knows. */
  indexedUpTo(shopId: ShopId): Seq {
    return this.flushedHead.get(shopId) ?? 0
  }

  /** Sets of the shop that are only in the log. */
  behind(shop: Shop): number {
    return shop.current.head - this.indexedUpTo(shop.shopId)
  }

  /**
   * Writes the state of a shop whose current version is durable. Does nothing if nothing changed or a flush is under
   * way.
   */
  async flush(shop: Shop): Promise<void> {
    if (this.flushing || this.behind(shop) === 0) return
    this.flushing = true
    try {
      const { state, head } = shop.current
      const source = this.source(shop.shopId)
      const roots = encodeRoots(state, (node) => source.add(node))
      const nodes = source.pending()
      const objectSeqs = (this.changes.get(shop.shopId) ?? []).filter(({ seq }) => seq <= head)
      await this.store.flushDerived({ shopId: shop.shopId, seq: head, roots, nodes, objectSeqs })
      source.written(nodes)
      this.changes.get(shop.shopId)?.splice(0, objectSeqs.length)
      this.flushedHead.set(shop.shopId, head)
    } finally {
      this.flushing = false
    }
  }

  private noteChanges(shopId: ShopId, seq: Seq, keys: readonly PatchKey[]): void {
    const changes = this.changes.get(shopId) ?? []
    this.changes.set(shopId, changes)
    for (const object of indexNames(keys)) changes.push({ object, seq })
  }

  private replay(shopId: ShopId, state: ShopState, record: LogRecord, patches: readonly Patch[]): ShopState {
    const author: Author =
      record.role === 'relay' ? { role: 'relay' } : { role: record.role, card: record.signer, account: record.account }
    const committedAt = BigInt(Math.floor(record.committedAtMs / 1_000))
    const { reservationSeconds } = this
    const applied = applyPatches(state, patches, { author, committedAt, reservationSeconds })
    if (!applied.ok)
      throw new ReplayError(shopId, record.seq, `the log holds a set that is refused: ${applied.verdict.message}`)
    const hash = stateHash(applied.state)
    if (!equalBytes(hash, record.stateHash)) {
      throw new ReplayError(
        shopId,
        record.seq,
        `its state hash is ${toHex(hash)}, the log says ${toHex(record.stateHash)}`,
      )
    }
    return applied.state
  }

  /**
   * Undefined if what was kept lacks a trie that this version has, or the object index: the log makes all of it again.
   */
  private openState(shopId: ShopId, roots: Uint8Array): ShopState | undefined {
    const { manifest, tries, hasIndex } = decodeRoots(roots)
    if (!hasIndex || TRIES.some((name) => !tries.has(name))) return undefined
    const open = (name: (typeof TRIES)[number]) =>
      Hamt.open(tries.get(name)!, this.source(shopId), this.cache, keyHashOf(name))
    return {
      shopId,
      schemaVersion: SCHEMA_VERSION,
      manifest,
      collections: Object.fromEntries(COLLECTIONS.map((name) => [name, open(name)])) as ShopState['collections'],
      indexes: Object.fromEntries(INDEXES.map((name) => [name, open(name)])) as ShopState['indexes'],
    }
  }

  private source(shopId: ShopId): PendingNodes {
    let source = this.sources.get(shopId)
    if (source === undefined) {
      source = new PendingNodes(this.store, shopId)
      this.sources.set(shopId, source)
    }
    return source
  }
}

/** Nodes that have a name and are not on disk yet, before those that are. */
class PendingNodes implements NodeSource {
  private readonly store: Store
  private readonly shopId: ShopId
  private readonly nodes = new Map<NodeRef, Uint8Array>()
  private next: NodeRef | undefined

  constructor(store: Store, shopId: ShopId) {
    this.store = store
    this.shopId = shopId
  }

  readNode(ref: NodeRef): Uint8Array {
    return this.nodes.get(ref) ?? this.store.readNode(this.shopId, ref)
  }

  add(bytes: Uint8Array): NodeRef {
    const ref = (this.next ??= this.store.nextNodeRef(this.shopId))
    this.next = ref + 1
    this.nodes.set(ref, bytes)
    return ref
  }

  pending(): { ref: NodeRef; bytes: Uint8Array }[] {
    return [...this.nodes].map(([ref, bytes]) => ({ ref, bytes }))
  }

  written(nodes: readonly { readonly ref: NodeRef }[]): void {
    for (const { ref } of nodes) this.nodes.delete(ref)
  }
}

// Roots: CBOR {Manifest bytes | null, ObjectIndex: true, <trie>: [ref, size, digest | null]}

function encodeRoots(state: ShopState, write: (node: Uint8Array) => NodeRef): Uint8Array {
  const map = new Map<CborKey, Cbor>([
    ['Manifest', state.manifest ?? null],
    ['ObjectIndex', true],
  ])
  for (const name of COLLECTIONS) map.set(name, rootOf(state.collections[name].store(write)))
  for (const name of INDEXES) map.set(name, rootOf(state.indexes[name].store(write)))
  return encode(map)
}

function rootOf({ ref, size, digest }: StoredRoot): Cbor {
  return [BigInt(ref), BigInt(size), digest ?? null]
}

function decodeRoots(bytes: Uint8Array): {
  manifest: Uint8Array | undefined
  tries: Map<string, StoredRoot>
  hasIndex: boolean
} {
  const map = decode(bytes) as ReadonlyMap<string, Cbor>
  const tries = new Map<string, StoredRoot>()
  for (const name of TRIES) {
    const root = map.get(name)
    if (root === undefined) continue
    const [ref, size, digest] = root as [bigint, bigint, Uint8Array | null]
    tries.set(name, { ref: Number(ref), size: Number(size), digest: digest?.slice() })
  }
  const manifest = (map.get('Manifest') as Uint8Array | null) ?? undefined
  return { manifest, tries, hasIndex: map.get('ObjectIndex') === true }
}
