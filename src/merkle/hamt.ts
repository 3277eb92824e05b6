/**
 * Hash array mapped trie, persistent (PROTOCOL §6): nodes never change, a change copies one path, and the shape depends
 * on the contents alone. 6 bits of SHA-256(key) a level, most significant first; below 42 levels a list ordered by key.
 *
 * Nodes that were stored are read again on demand through one synchronous function, and may be dropped from memory.
 * What is read is checked for form and number of leaves (HamtStoreError), by `openVerifying` also for its digest.
 *
 * One file of more than 300 lines: reading, changing and storing are one recursion over the same nodes each, and share
 * their slots.
 */

import { sha256 } from '#hash'
import { assert } from '../assert.js'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { HAMT_BITS_PER_LEVEL, HAMT_LEVELS_MAX } from '../limits.js'
import type { NodeCache } from './hamt-cache.js'
import { hashNode, takePreimage } from './node-preimage.js'
import {
  hashSteps,
  isTrue,
  leavesAfter,
  placeOf,
  rootOf,
  takePlaces,
  type PlaceContext,
  type TriePlace,
} from './hamt-places.js'
import {
  bitsSet,
  Branch,
  decodeNode,
  encodeNode,
  leanNode,
  HamtStoreError,
  isLeaf,
  type Leaf,
  type Node,
  type NodeRef,
} from './hamt-node.js'

export { NodeCache } from './hamt-cache.js'
export { HamtStoreError, type Leaf, type NodeRef } from './hamt-node.js'

/** Where the nodes of a trie are kept. */
export interface NodeSource {
  /**
   * MUST return the bytes that were written under `ref`, from the moment `write` named them, unchanged as long as the
   * trie lives.
   */
  readNode(ref: NodeRef): Uint8Array
  /** Told of what was read and is no such node, before HamtStoreError is thrown. */
  refused?(error: HamtStoreError): void
}

/** What `open` needs to find a trie again. `ref` is 0 for an empty one; what nobody asked for is absent. */
export interface StoredRoot {
  readonly ref: NodeRef
  readonly size: number
  readonly digest: Uint8Array | undefined
  readonly root?: Uint8Array | undefined
}

/** What a trie is built over: where a key stands, and what of a value the state tree holds; 32 bytes each. */
export interface TrieHashes {
  /** Where a key stands. */
  readonly keyHash: (key: Uint8Array) => Uint8Array
  /** What a node holds of a value. */
  readonly valueHash: (value: Uint8Array) => Uint8Array
}

/** SHA-256 of both, as the protocol has it. */
export const STANDARD_HASHES: TrieHashes = { keyHash: sha256, valueHash: sha256 }

/** A trie written out, for comparison with another implementation's. */
export interface HamtShape {
  /** Bit s stands for slot s. */
  readonly bitmap: bigint
  readonly entries: readonly (Leaf | HamtShape)[]
}

/** Of a trie whose root nobody asks for no more are kept. */
const SET_KEYS_KEPT = 256
const NO_HASH = new Uint8Array(0)

class TrieContext implements PlaceContext {
  readonly hashes: TrieHashes
  readonly valueHash: TrieHashes['valueHash']
  /** Of the key that was asked for last: mostly it is set next. One alone: a key may be a view of something large. */
  private lastKey: Uint8Array | undefined
  private lastHash: Uint8Array = NO_HASH
  // Of keys of this trie that were set since its root was asked for: then their leaves are hashed. Mostly it is one,
  // and a map costs more to clear than to hash it again.
  private setKey: Uint8Array | undefined
  private setHash: Uint8Array = NO_HASH
  private readonly furtherKeys = new Map<Uint8Array, Uint8Array>()
  readonly source: NodeSource | undefined
  readonly cache: NodeCache | undefined
  /** Nodes are hashed when they are read. */
  readonly verifying: boolean

  constructor(hashes: TrieHashes, source?: NodeSource, cache?: NodeCache, verifying = false) {
    this.hashes = hashes
    this.valueHash = hashes.valueHash
    this.source = source
    this.cache = cache
    this.verifying = verifying
  }

  keyHash(key: Uint8Array): Uint8Array {
    if (key === this.lastKey) return this.lastHash
    const hash = key === this.setKey ? this.setHash : (this.furtherKeys.get(key) ?? this.hashes.keyHash(key))
    this.lastKey = key
    return (this.lastHash = hash)
  }

  wasSet(key: Uint8Array, hash: Uint8Array): void {
    if (this.setKey === undefined) {
      this.setKey = key
      this.setHash = hash
      return
    }
    if (this.furtherKeys.size >= SET_KEYS_KEPT) this.furtherKeys.clear()
    this.furtherKeys.set(key, hash)
  }

  /** The root is known: nobody asks for what it was made of. */
  settled(): void {
    this.setKey = undefined
    if (this.furtherKeys.size > 0) this.furtherKeys.clear()
  }

  load(branch: Branch): Node {
    return load(branch, this)
  }
}

/**
 * One version of a trie: keys and values are bytes. Neither is copied, neither may be changed.
 *
 * @example
 * ```ts
 * import { Hamt } from 'cairn-relay/hamt'
 *
 * const key = Uint8Array.of(1)
 * const one = Hamt.empty.set(key, Uint8Array.of(2))
 * console.log(one.get(key), one.digest().length, one.delete(key).size) // Uint8Array(1) [ 2 ] 32 0
 * ```
 */
export class Hamt {
  static readonly empty = new Hamt(branchOf(listOf([]), 0), new TrieContext(STANDARD_HASHES))

  private readonly branch: Branch
  private readonly context: TrieContext

  private constructor(branch: Branch, context: TrieContext) {
    this.branch = branch
    this.context = context
  }

  /**
   * A trie that was stored. Its nodes are read from `source` when they are needed, without hashing them: then the
   * methods throw HamtStoreError where one is damaged in form. `cache` bounds how many stay; without it all that were
   * read do. `hashes` MUST be those that it was built over.
   */
  static open(root: StoredRoot, source: NodeSource, cache?: NodeCache, hashes = STANDARD_HASHES): Hamt {
    return new Hamt(storedBranch(root), new TrieContext(hashes, source, cache))
  }

  /** The same, and every node that is read must have the digests that are known of it: for who doubts the store. */
  static openVerifying(root: StoredRoot, source: NodeSource, cache?: NodeCache, hashes = STANDARD_HASHES): Hamt {
    return new Hamt(storedBranch(root), new TrieContext(hashes, source, cache, true))
  }

  /** An empty trie over other hashes: one whose places group keys, or one that forces collisions in tests. */
  static over(hashes: Partial<TrieHashes>, source?: NodeSource, cache?: NodeCache): Hamt {
    return new Hamt(Hamt.empty.branch, new TrieContext({ ...STANDARD_HASHES, ...hashes }, source, cache))
  }

  /** What the trie is built over. */
  get hashes(): TrieHashes {
    return this.context.hashes
  }

  /** Number of leaves. */
  get size(): number {
    return this.branch.size
  }

  /** Where the key stands, 32 bytes: not a copy, and remembered until another key is asked for. */
  hashOf(key: Uint8Array): Uint8Array {
    return this.context.keyHash(key)
  }

  /** The value as it was given to `set`, not a copy; undefined if there is none. */
  get(key: Uint8Array): Uint8Array | undefined {
    const hash = this.context.keyHash(key)
    let branch = this.branch
    for (let level = 0; level < HAMT_LEVELS_MAX; level++) {
      const node = load(branch, this.context)
      const slot = slotAt(hash, level)
      if (!hasSlot(node, slot)) return undefined
      const entry = node.entries[indexOf(node, slot)]!
      if (isLeaf(entry)) return equalBytes(entry.key, key) ? entry.value : undefined
      branch = entry
    }
    const list = load(branch, this.context).entries as readonly Leaf[]
    return list.find((leaf) => equalBytes(leaf.key, key))?.value
  }

  /** Whether the key has a value. */
  has(key: Uint8Array): boolean {
    return this.get(key) !== undefined
  }

  /** The trie with `value` under `key`; this trie itself if that is so already. `hash`: what `hashOf` gave for it. */
  set(key: Uint8Array, value: Uint8Array, hash = this.context.keyHash(key)): Hamt {
    return this.with(setIn(this.branch, 0, hash, { key, value }, this.context))
  }

  /** The trie without `key`; this trie itself if it has none. */
  delete(key: Uint8Array): Hamt {
    return this.with(deleteIn(this.branch, 0, this.context.keyHash(key), key, this.context))
  }

  /** 32 bytes (§6), computed when first asked for. Memoised per node and not copied: never to be changed. */
  digest(): Uint8Array {
    return digestOf(this.branch, this.context)
  }

  /** 32 bytes: the root of the state tree over the leaves (PROOFS §1), memoised as the digest is. */
  root(): Uint8Array {
    const root = rootOf(this.branch, this.context)
    this.context.settled()
    return root
  }

  /** What `root` hashes, a part at a time: it yields where it may be left, and what it hashed stays. */
  *hashSteps(): Generator<undefined, void> {
    yield* hashSteps(this.branch, this.context)
  }

  /** The state tree over the leaves, to be walked down; undefined if there is none. Nodes are read when asked for. */
  tree(): TriePlace | undefined {
    return placeOf(this.branch, this.context)
  }

  /** All leaves, in trie order. */
  entries(): IterableIterator<[Uint8Array, Uint8Array]> {
    return new Leaves(this.branch, this.context)
  }

  /** The leaves behind the place of `key` in trie order, whether or not it is there: one path, then these. */
  *entriesAfter(key: Uint8Array): IterableIterator<[Uint8Array, Uint8Array]> {
    const { keyHash } = this.context.hashes
    for (const { key: other, value } of leavesAfter(this.tree(), keyHash(key), keyHash)) yield [other, value]
  }

  /**
   * The leaves whose place begins as that of `key` does for `levels` levels, in trie order: one path, then what is
   * asked for. Of a key hash that groups keys by a prefix these are the group, and any other key that collides with it.
   */
  *entriesBeside(key: Uint8Array, levels: number): IterableIterator<[Uint8Array, Uint8Array]> {
    const hash = this.context.hashes.keyHash(key)
    let branch = this.branch
    for (let level = 0; level < levels; level++) {
      const node = load(branch, this.context)
      const slot = slotAt(hash, level)
      if (!hasSlot(node, slot)) return
      const entry = node.entries[indexOf(node, slot)]!
      if (isLeaf(entry)) return yield [entry.key, entry.value]
      branch = entry
    }
    yield* new Leaves(branch, this.context)
  }

  /** All nodes as they stand, for tests and tools. */
  shape(): HamtShape {
    return shapeOf(this.branch, this.context)
  }

  /**
   * Writes every node that is not stored yet, children first; from then on those may be read back through the source,
   * also when a later `write` throws. A digest that nobody asked for before is not stored with its node's parent.
   */
  store(write: (node: Uint8Array) => NodeRef): StoredRoot {
    this.storePart(write, () => true)
    const { ref, size, digest, root } = this.branch
    return { ref: size > 0 ? ref : 0, size, digest, root }
  }

  /**
   * The same, a part at a time: it stops when `hasRoom` says no, and goes on where it was when it is called again.
   * Whether all nodes are stored now.
   */
  storePart(write: (node: Uint8Array) => NodeRef, hasRoom: () => boolean): boolean {
    return this.branch.size === 0 || storeIn(this.branch, write, hasRoom, this.context)
  }

  /** Names of all its nodes that are stored. Nodes are read one by one, and not kept. */
  *refs(): IterableIterator<NodeRef> {
    yield* refsIn(this.branch, undefined, this.context)
  }

  /** Names of stored nodes that this trie has and `later` has not, which was made from it by changes. */
  *refsGoneIn(later: Hamt): IterableIterator<NodeRef> {
    yield* refsIn(this.branch, later.branch, this.context)
  }

  private with(branch: Branch): Hamt {
    return branch === this.branch ? this : new Hamt(branch, this.context)
  }
}

function branchOf(node: Node, size: number): Branch {
  return new Branch(size, node, 0)
}

function storedBranch({ ref, size, digest, root }: StoredRoot): Branch {
  if (ref !== 0) return new Branch(size, undefined, ref, digest, root)
  if (size !== 0) throw new HamtStoreError(ref, `no node for ${size} leaves`)
  return branchOf(listOf([]), 0)
}

function load(branch: Branch, context: TrieContext): Node {
  branch.used = true
  return branch.node ?? read(branch, context)
}

function read(branch: Branch, context: TrieContext): Node {
  branch.node = fetched(branch, context)
  context.cache?.keep(branch)
  return branch.node
}

function fetched(branch: Branch, context: TrieContext): Node {
  const { source } = context
  assert(source !== undefined, 'a node is away and there is no source')
  try {
    return checked(source.readNode(branch.ref), branch, context)
  } catch (error) {
    if (error instanceof HamtStoreError) source.refused?.(error)
    throw error
  }
}

function checked(stored: Uint8Array, branch: Branch, context: TrieContext): Node {
  const node = decodeNode(stored, branch)
  if (context.verifying && branch.digest !== undefined && !equalBytes(digestOfNode(node, context), branch.digest)) {
    throw new HamtStoreError(branch.ref, 'its digest is not the one that is known of it')
  }
  if (context.verifying && branch.root !== undefined && !isTrue(node, branch.root, context)) {
    throw new HamtStoreError(branch.ref, 'its root is not the one that is known of it')
  }
  return node
}

// Slots

/** 6 bits of `hash` from bit 6·level, most significant first. */
function slotAt(hash: Uint8Array, level: number): number {
  const bit = level * HAMT_BITS_PER_LEVEL
  const byte = bit >> 3
  const window = (hash[byte]! << 8) | (hash[byte + 1] ?? 0)
  return (window >> (10 - (bit & 7))) & 0x3f
}

function hasSlot(node: Node, slot: number): boolean {
  return slot < 32 ? ((node.low >>> slot) & 1) === 1 : ((node.high >>> (slot - 32)) & 1) === 1
}

/** How many entries stand before `slot`. */
function indexOf(node: Node, slot: number): number {
  if (slot < 32) return bitsSet(node.low & ((1 << slot) - 1))
  return bitsSet(node.low) + bitsSet(node.high & ((1 << (slot - 32)) - 1))
}

function withSlot(node: Node, slot: number, entries: readonly (Leaf | Branch)[]): Node {
  return {
    low: slot < 32 ? node.low ^ (1 << slot) : node.low,
    high: slot < 32 ? node.high : node.high ^ (1 << (slot - 32)),
    entries,
    places: takePlaces(node, slot),
    preimage: node.preimage && 'wanted',
  }
}

/** A node without slots: a list, or of no entries. Its own each time, since a node keeps what was made of it. */
function listOf(entries: Node['entries']): Node {
  return { low: 0, high: 0, entries, places: undefined, preimage: undefined }
}

// Changes

function setIn(branch: Branch, level: number, hash: Uint8Array, leaf: Leaf, context: TrieContext): Branch {
  const node = load(branch, context)
  if (level === HAMT_LEVELS_MAX) return setInList(branch, node, leaf)
  const slot = slotAt(hash, level)
  const index = indexOf(node, slot)
  if (!hasSlot(node, slot)) {
    return branchOf(withSlot(node, slot, node.entries.toSpliced(index, 0, leaf)), branch.size + 1)
  }
  const entry = node.entries[index]!
  if (!isLeaf(entry)) {
    const child = setIn(entry, level + 1, hash, leaf, context)
    return child === entry ? branch : replaced(branch, node, { slot, index }, child, child.size - entry.size)
  }
  if (!equalBytes(entry.key, leaf.key)) {
    const both = pair(entry, context.keyHash(entry.key), leaf, hash, level + 1)
    return replaced(branch, node, { slot, index }, both, 1)
  }
  if (equalBytes(entry.value, leaf.value)) return branch
  // One array for the key of all versions: small ones take more room than what they hold.
  context.wasSet(entry.key, hash)
  return replaced(branch, node, { slot, index }, { key: entry.key, value: leaf.value }, 0)
}

function replaced(
  branch: Branch,
  node: Node,
  { slot, index }: { readonly slot: number; readonly index: number },
  entry: Leaf | Branch,
  growth: number,
): Branch {
  const { low, high } = node
  const entries = node.entries.with(index, entry)
  const preimage = takePreimage(node, index, entry)
  return branchOf({ low, high, entries, places: takePlaces(node, slot), preimage }, branch.size + growth)
}

/** A node for two leaves that met in one slot of the level above. */
function pair(a: Leaf, aHash: Uint8Array, b: Leaf, bHash: Uint8Array, level: number): Branch {
  if (level === HAMT_LEVELS_MAX) {
    return branchOf(listOf(compareBytes(a.key, b.key) < 0 ? [a, b] : [b, a]), 2)
  }
  const aSlot = slotAt(aHash, level)
  const bSlot = slotAt(bHash, level)
  if (aSlot === bSlot) return branchOf(withSlot(listOf([]), aSlot, [pair(a, aHash, b, bHash, level + 1)]), 2)
  return branchOf(withSlot(withSlot(listOf([]), aSlot, []), bSlot, aSlot < bSlot ? [a, b] : [b, a]), 2)
}

function setInList(branch: Branch, node: Node, leaf: Leaf): Branch {
  const list = node.entries as readonly Leaf[]
  const at = list.findIndex((other) => compareBytes(other.key, leaf.key) >= 0)
  const index = at < 0 ? list.length : at
  const other = list[index]
  if (other === undefined || !equalBytes(other.key, leaf.key)) {
    return branchOf(listOf(list.toSpliced(index, 0, leaf)), branch.size + 1)
  }
  if (equalBytes(other.value, leaf.value)) return branch
  return branchOf(listOf(list.with(index, leaf)), branch.size)
}

function deleteIn(branch: Branch, level: number, hash: Uint8Array, key: Uint8Array, context: TrieContext): Branch {
  const node = load(branch, context)
  if (level === HAMT_LEVELS_MAX) return deleteInList(branch, node, key)
  const slot = slotAt(hash, level)
  if (!hasSlot(node, slot)) return branch
  const index = indexOf(node, slot)
  const entry = node.entries[index]!
  if (isLeaf(entry)) {
    if (!equalBytes(entry.key, key)) return branch
    return branchOf(withSlot(node, slot, node.entries.toSpliced(index, 1)), branch.size - 1)
  }
  const child = deleteIn(entry, level + 1, hash, key, context)
  if (child === entry) return branch
  const left = child.size === 1 ? load(child, context).entries[0]! : child
  return replaced(branch, node, { slot, index }, left, -1)
}

function deleteInList(branch: Branch, node: Node, key: Uint8Array): Branch {
  const index = (node.entries as readonly Leaf[]).findIndex((leaf) => equalBytes(leaf.key, key))
  if (index < 0) return branch
  return branchOf(listOf(node.entries.toSpliced(index, 1)), branch.size - 1)
}

// Digests

function digestOf(branch: Branch, context: TrieContext): Uint8Array {
  return (branch.digest ??= digestOfNode(load(branch, context), context))
}

function digestOfNode(node: Node, context: TrieContext): Uint8Array {
  return hashNode(node, (child) => digestOf(child, context))
}

// Traversal

/**
 * Nodes that are read for this alone are not kept: they would drive out those that are in use. Generators within each
 * other would take as long as all else.
 */
class Leaves implements IterableIterator<[Uint8Array, Uint8Array]> {
  private readonly context: TrieContext
  private readonly above: { readonly entries: Node['entries']; readonly at: number }[] = []
  private entries: Node['entries']
  private at = 0

  constructor(branch: Branch, context: TrieContext) {
    this.context = context
    this.entries = [branch]
  }

  [Symbol.iterator](): this {
    return this
  }

  next(): IteratorResult<[Uint8Array, Uint8Array], undefined> {
    for (;;) {
      const entry = this.entries[this.at++]
      if (entry === undefined) {
        const above = this.above.pop()
        if (above === undefined) return { done: true, value: undefined }
        this.entries = above.entries
        this.at = above.at
      } else if (isLeaf(entry)) return { done: false, value: [entry.key, entry.value] }
      else {
        this.above.push({ entries: this.entries, at: this.at })
        this.entries = (entry.node ?? fetched(entry, this.context)).entries
        this.at = 0
      }
    }
  }
}

/** Of the nodes of `branch` that do not stand at the same place of `later`: a node never moves to another place. */
function* refsIn(branch: Branch, later: Branch | undefined, context: TrieContext): IterableIterator<NodeRef> {
  const { ref } = branch
  if (branch === later || (ref !== 0 && ref === later?.ref)) return
  if (ref !== 0) yield ref
  else if (branch.size === 0) return
  const node = branch.node ?? fetched(branch, context)
  const other = later && (later.node ?? fetched(later, context))
  for (let slot = 0, index = 0; index < node.entries.length && slot < 2 ** HAMT_BITS_PER_LEVEL; slot++) {
    if (!hasSlot(node, slot)) continue
    const entry = node.entries[index++]!
    if (isLeaf(entry)) continue
    const beside = other && hasSlot(other, slot) ? other.entries[indexOf(other, slot)] : undefined
    yield* refsIn(entry, beside && !isLeaf(beside) ? beside : undefined, context)
  }
}

function shapeOf(branch: Branch, context: TrieContext): HamtShape {
  const node = load(branch, context)
  const bitmap = (BigInt(node.high >>> 0) << 32n) | BigInt(node.low >>> 0)
  return { bitmap, entries: node.entries.map((entry) => (isLeaf(entry) ? entry : shapeOf(entry, context))) }
}

/** Children first. Whether the branch is stored now. */
function storeIn(
  branch: Branch,
  write: (node: Uint8Array) => NodeRef,
  hasRoom: () => boolean,
  context: TrieContext,
): boolean {
  if (branch.ref !== 0) return true
  const node = load(branch, context)
  for (const entry of node.entries) if (!isLeaf(entry) && !storeIn(entry, write, hasRoom, context)) return false
  if (!hasRoom()) return false
  const stored = encodeNode(node)
  branch.ref = write(stored)
  branch.node = { ...leanNode(node, stored), preimage: undefined }
  context.cache?.keep(branch)
  return true
}
