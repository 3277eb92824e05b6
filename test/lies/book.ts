/**
 * A shop's log as the lying relay holds it: read from the honest relay's store, replayed by the project's own rules,
 * and changed where a lie needs it. All that a relay sends of a log and its states can be made of it, and is signed
 * with the relay's key.
 */

import { decode } from '../../src/codec/decode.js'
import { encode, type Encodable } from '../../src/codec/encode.js'
import { CborTime, type Cbor, type CborKey } from '../../src/codec/value.js'
import { peakIndices, sizeOf, type LeafCount } from '../../src/merkle/mmr-index.js'
import { Mmr } from '../../src/merkle/mmr.js'
import { collectionSalt, stateRoot, type Level, type StateCollection } from '../../src/merkle/state-level.js'
import { makeStateProofs } from '../../src/merkle/state-proof-maker.js'
import type { StateQuestion } from '../../src/merkle/state-question.js'
import { readCheckedPatch } from '../../src/patches/checked-patch.js'
import { encodeChange, type Change } from '../../src/patches/patch.js'
import { signPatches } from '../../src/patches/patch-set.js'
import { Checkpoint } from '../../src/proofs/checkpoint-form.js'
import {
  logConsistency,
  logInclusion,
  logLeafHash,
  setDigest,
  signCheckpoint,
  type Last,
  type LogLeaf,
  type LogConsistency,
  type LogInclusion,
  type SignedCheckpoint,
} from '../../src/proofs/checkpoint.js'
import { encodeStateProofs, looseLevel, readStateProofs, type StateProofs } from './loose-proof.js'
import type { Salts, SnapshotObject } from '../../src/proofs/snapshot.js'
import { NO_STATE_ROOT } from '../../src/relay/shops/log-trees.js'
import type { Author } from '../../src/state/access.js'
import { applyPatches } from '../../src/state/apply.js'
import { emptyShop, stateHash, type ShopState } from '../../src/state/shop-state.js'
import { objectIn, stateLevel, stateSource, treeOf } from '../../src/state/state-root.js'
import type { LogRecord, Store } from '../../src/store/store.js'

/** Of the harness: a lying relay signs with the relay's own key. */
export const RELAY_SECRET: Uint8Array = new Uint8Array(32).fill(9)
const DEVELOPMENT = { Version: 1n, ChainID: 31_337n, Registry: new Uint8Array(20), Relay: 1n } as const

/** What a forged book has that no honest log has. */
export interface Edits {
  /** The sets that stand in the log instead. */
  readonly records?: (records: readonly LogRecord[]) => readonly LogRecord[]
  /** The state after a set, as no set says it; it is what the next set changes. */
  readonly state?: (state: ShopState, seq: number) => ShopState
  /** Proofs of these objects as no tree has them: what they lead to is signed. */
  readonly proofs?: ProofEdits
  /** Fields of all its checkpoints. */
  readonly checkpoint?: Partial<Checkpoint>
}

export interface ProofEdits {
  readonly asked: readonly StateQuestion[]
  readonly change: (proofs: StateProofs) => StateProofs
}

interface BookSet {
  readonly record: LogRecord
  readonly state: ShopState
  readonly level: Level | undefined
  /** 32 bytes. */
  readonly root: Uint8Array
}

export interface MadeCheckpoint {
  readonly signed: SignedCheckpoint
  readonly last: Last
  readonly level: Level
}

export class Book {
  readonly shopId: bigint
  /** The shop's, 32 bytes. */
  readonly secret: Uint8Array
  readonly sets: readonly BookSet[]
  private readonly log = new Mmr()
  private readonly edits: Edits

  constructor(
    shop: { readonly shopId: bigint; readonly secret: Uint8Array },
    records: readonly LogRecord[],
    edits: Edits = {},
  ) {
    this.shopId = shop.shopId
    this.secret = shop.secret
    this.edits = edits
    const sets: BookSet[] = []
    let state = emptyShop(shop.shopId)
    for (const record of edits.records?.(records) ?? records) {
      state = after(state, record)
      state = edits.state?.(state, record.seq) ?? state
      const level = this.levelOf(state)
      const root = level === undefined ? NO_STATE_ROOT : stateRoot(level)
      sets.push({ record, state, level, root })
      const Set = setDigest(record.header, record.signature)
      this.log.append(logLeafHash({ Seq: BigInt(record.seq), Set, StateRoot: root }))
    }
    this.sets = sets
  }

  private levelOf(state: ShopState): Level | undefined {
    const level = stateLevel(state, this.secret)
    const { proofs } = this.edits
    if (level === undefined || proofs === undefined) return level
    return looseLevel(
      level,
      proofs.change(readStateProofs(this.honestProofs(state, proofs.asked), proofs.asked.length)),
    )
  }

  private honestProofs(state: ShopState, asked: readonly StateQuestion[]): Uint8Array {
    return makeStateProofs(stateSource(state, this.secret)!, asked)
  }

  /** As the store has it now. */
  static read(store: Store, shopId: bigint, edits?: Edits): Book {
    const row = store.shops().find((shop) => shop.shopId === shopId)!
    const records = store.readLog(shopId, 0, { records: 10_000, bytes: 2 ** 26 })
    return new Book({ shopId, secret: row.secret }, records, edits)
  }

  /** The same log with sets behind it, signed by whoever is named; the relay's by the relay. */
  with(...added: readonly NewSet[]): Book {
    const records = this.sets.map(({ record }) => record)
    for (const set of added) records.push(signedRecord(this.shopId, records.length + 1, set))
    return new Book(this, records, this.edits)
  }

  get head(): bigint {
    return BigInt(this.sets.length)
  }

  set(seq: bigint): BookSet {
    const set = this.sets[Number(seq) - 1]
    if (set === undefined) throw new Error(`the book has ${this.sets.length} sets, not ${seq}`)
    return set
  }

  /** `changes`: fields that no honest checkpoint has. */
  checkpoint(seq: bigint, changes: Partial<Checkpoint> = {}, secret = RELAY_SECRET): MadeCheckpoint {
    const { root, state, level } = this.set(seq)
    const Peaks = this.peaks(seq)
    const Timestamp = new CborTime(BigInt(Math.floor(Date.now() / 1_000)))
    const honest = { ...DEVELOPMENT, ShopID: this.shopId, Seq: seq, Peaks, StateRoot: root, Timestamp }
    const fields: Checkpoint = { ...honest, StateHash: stateHash(state), ...changes, ...this.edits.checkpoint }
    return { signed: signed(fields, secret), last: this.last(seq), level: level! }
  }

  /** [Set, path]. */
  last(seq: bigint): Last {
    const { header, signature } = this.set(seq).record
    return [setDigest(header, signature), this.inclusion(seq, seq)[1]]
  }

  inclusion(seq: bigint, head: bigint): LogInclusion {
    return logInclusion(seq, head, (index) => this.log.node(index))
  }

  consistency(from: bigint, to: bigint): LogConsistency {
    return logConsistency(from, to, (index) => this.log.node(index))
  }

  peaks(seq: bigint): Uint8Array[] {
    return peakIndices(sizeOf(seq as LeafCount)).map((index) => this.log.node(index))
  }

  logLeaf(seq: bigint): LogLeaf {
    const { record, root } = this.set(seq)
    return { Seq: seq, Set: setDigest(record.header, record.signature), StateRoot: root }
  }

  /** Whatever is asked is answered with the forged proofs where there are any. */
  proofs(seq: bigint, asked: readonly StateQuestion[]): Uint8Array {
    const { proofs } = this.edits
    const { state } = this.set(seq)
    if (proofs === undefined) return this.honestProofs(state, asked)
    const honest = readStateProofs(this.honestProofs(state, proofs.asked), proofs.asked.length)
    return encodeStateProofs(proofs.change(honest))
  }

  salts(): Required<Salts> {
    return { Inventory: collectionSalt(this.secret, 'Inventory'), Orders: collectionSalt(this.secret, 'Orders') }
  }

  /** All objects of a collection after a set, by rising K; the manifest alone for 'Manifest'. */
  objects(seq: bigint, name: StateCollection | 'Manifest'): SnapshotObject[] {
    const { state } = this.set(seq)
    if (name === 'Manifest') return [{ question: [name, new Uint8Array(0)], object: { value: state.manifest! } }]
    return [...treeOf(state, name).entries()].map(([key, value]) => ({
      question: [name, key] as const,
      object: objectIn(state, name, key, value),
    }))
  }
}

/** Whatever the fields say: an honest relay encodes none that are no checkpoint's. */
export function signed(fields: Checkpoint, secret = RELAY_SECRET): SignedCheckpoint {
  return signCheckpoint(encode(Checkpoint.write(fields)), secret)
}

/** A set that nobody wrote. */
export interface NewSet {
  readonly by: Author
  /** Of who signs, 32 bytes. */
  readonly secret: Uint8Array
  readonly changes: readonly Change[]
  /** That the header names; this one if left out. */
  readonly shopId?: bigint
}

/** A set as a relay stores it; `signer` as it says. */
export function signedRecord(shop: bigint, seq: number, { by, secret, changes, shopId = shop }: NewSet): LogRecord {
  const patches = changes.map(encodeChange)
  const set = { shopId, nonce: BigInt(Date.now()) * 1_000n + BigInt(seq), timestamp: 1_700_000_000n, patches }
  const { headerBytes, signature } = signPatches(set, secret)
  const none = new Uint8Array(0)
  const whose =
    by.role === 'relay' ? { signer: none, account: none } : { signer: by.card ?? none, account: by.account ?? none }
  const times = { committedAtMs: Date.now(), reservationSeconds: 86_400 }
  return {
    seq,
    ...times,
    ...whose,
    role: by.role,
    header: headerBytes,
    signature,
    patches,
    stateHash: new Uint8Array(32),
  }
}

function after(state: ShopState, record: LogRecord): ShopState {
  const { role, signer: card, account, seq } = record
  const author: Author = role === 'relay' ? { role } : { role, card, account }
  const committedAt = BigInt(Math.floor(record.committedAtMs / 1_000))
  const reservationSeconds = BigInt(record.reservationSeconds)
  const patches = record.patches.map(readCheckedPatch)
  const applied = applyPatches(state, patches, { author, committedAt, reservationSeconds, seq })
  if (!applied.ok) throw new Error(`set ${seq} of the book: ${applied.verdict.message}`)
  return applied.state
}

/** An object with other fields; `undefined`: without the object. `key`: bytes. Of Orders the trail goes along. */
export function withObject(
  state: ShopState,
  collection: 'Accounts' | 'Inventory' | 'Listings' | 'Tags',
  key: Uint8Array,
  change: (fields: ReadonlyMap<CborKey, Cbor>) => ReadonlyMap<CborKey, Encodable> | undefined,
): ShopState {
  const trie = state.collections[collection]
  const bytes = trie.get(key)
  const fields = change(bytes === undefined ? new Map() : (decode(bytes) as ReadonlyMap<CborKey, Cbor>))
  const next = fields === undefined ? trie.delete(key) : trie.set(key, encode(fields))
  return { ...state, collections: { ...state.collections, [collection]: next } }
}
