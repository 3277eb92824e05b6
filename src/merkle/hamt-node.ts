/**
 * A trie node in memory, and its stored form: version 1, the bitmap, then the entries.
 *
 *     0x01 ‖ high u32 ‖ low u32 ‖ count u32 ‖ entries
 *     leaf  = 0x00 ‖ key length u32 ‖ value length u32 ‖ key ‖ value
 *     child = 0x01 (with a digest), 0x02 (with none), 0x03 (with digest and root) or 0x04 (with a root)
 *             ‖ ref f64 ‖ size f64 ‖ digest 32 bytes ‖ root 32 bytes
 *
 * and version 2, of nodes whose places have digests (hamt-places.ts):
 *
 *     0x02 ‖ high u32 ‖ low u32 ‖ count u32 ‖ places u64 ‖ digests 32 bytes each ‖ entries
 *
 * All big endian. What nobody asked for is missing: digests in indexes, roots where there are no proofs. A list below
 * the last level has an empty bitmap.
 *
 * One file of more than 300 lines: what is written here is read here, and a node is changed with its form.
 *
 * Tests: test/merkle/hamt-store.test.ts
 */

import { PlaceDigests, STORED_PLACES } from './place-digests.js'
import { copyDigest, DIGEST_BYTES } from './state-tree.js'

/** The store's name of a stored node, ≥ 1. */
export type NodeRef = number

/** A key and its value; neither is copied, neither may be changed. */
export interface Leaf {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/**
 * A node and what is known of it. Shared between versions of a trie, which read from one source and have one cache. The
 * node itself may be away when `ref` tells where to read it.
 */
export class Branch {
  /** Leaves below. */
  readonly size: number
  node: Node | undefined
  /** 0 while the node is not stored. */
  ref: NodeRef
  /** Was asked for since the cache last looked. */
  used = false
  // Where its digests stand: in arrays of their own from 0 on, or in the stored bytes of the node above. An array takes
  // seven times its 32 bytes, and of a node that is read most children are never looked at.
  private digestIn: Uint8Array | undefined
  private digestAt = 0
  private rootIn: Uint8Array | undefined
  private rootAt = 0

  constructor(size: number, node: Node | undefined, ref: NodeRef, digest?: Uint8Array, root?: Uint8Array) {
    this.size = size
    this.node = node
    this.ref = ref
    this.digestIn = digest
    this.rootIn = root
  }

  /** Its digest in the trie above, 32 bytes; undefined while nobody asked for it. A view, never to be changed. */
  get digest(): Uint8Array | undefined {
    return this.digestAt === 0 ? this.digestIn : this.digestIn!.subarray(this.digestAt, this.digestAt + DIGEST_BYTES)
  }

  set digest(digest: Uint8Array | undefined) {
    this.digestIn = digest
    this.digestAt = 0
  }

  /** The digest of its place in the state tree (PROOFS §1), as `digest`. */
  get root(): Uint8Array | undefined {
    return this.rootAt === 0 ? this.rootIn : this.rootIn!.subarray(this.rootAt, this.rootAt + DIGEST_BYTES)
  }

  set root(root: Uint8Array | undefined) {
    this.rootIn = root
    this.rootAt = 0
  }

  get hasDigest(): boolean {
    return this.digestIn !== undefined
  }

  get hasRoot(): boolean {
    return this.rootIn !== undefined
  }

  /** Copies a digest that is known, and makes no view of it. */
  writeDigest(target: Uint8Array, at: number): void {
    copyDigest(target, at, this.digestIn!, this.digestAt)
  }

  /** What is known of it stands in `stored` too, from `at` on: digest, then root. Gives where the next entry begins. */
  leanOn(stored: Uint8Array, at: number, { digest, root }: ChildKind = this.kind): number {
    let end = at
    if (digest) {
      this.digestIn = stored
      this.digestAt = end
      end += DIGEST_BYTES
    }
    if (root) {
      this.rootIn = stored
      this.rootAt = end
      end += DIGEST_BYTES
    }
    return end
  }

  /** Which of its digests are known. */
  get kind(): ChildKind {
    return CHILDREN.find(({ digest, root }) => digest === this.hasDigest && root === this.hasRoot)!
  }
}

/** What a stored child has after its head. */
interface ChildKind {
  readonly digest: boolean
  readonly root: boolean
}

/**
 * Entries in slot order; `low` and `high` say which of the slots 0…31 and 32…63 they stand for. A list below the last
 * level has none.
 */
export interface Node {
  readonly low: number
  readonly high: number
  readonly entries: readonly (Leaf | Branch)[]
  /** Digests of the places within (hamt-places.ts), as far as they are known. */
  places: PlaceDigests | undefined
  /** `wanted`: the node was hashed once, and who changes it will hash it again. */
  preimage: Preimage | 'wanted' | undefined
}

/** What a node's digest is taken over (node-preimage.ts). */
export interface Preimage {
  readonly bytes: Uint8Array
  /** Bits of the entries that it has of versions before: those of index 0 … 31, and 32 … 63. */
  staleLow: number
  staleHigh: number
}

const VERSION = 1
const VERSION_WITH_PLACES = 2
const HEAD_BYTES = 13
const PLACES_BYTES = 8
const LEAF = 0
/** From FIRST_CHILD on. */
const CHILDREN: readonly ChildKind[] = [
  { digest: true, root: false },
  { digest: false, root: false },
  { digest: true, root: true },
  { digest: false, root: true },
]
const FIRST_CHILD = 1
const LEAF_HEAD_BYTES = 9
const CHILD_HEAD_BYTES = 17
/** A list, and the leaves below a child: one alone stands in the node above (§6). */
const LEAVES_MIN = 2

/** Children must have been stored. */
export function encodeNode(node: Node): Uint8Array {
  let length = HEAD_BYTES
  const places = knownPlaces(node)
  if (places.length > 0) length += PLACES_BYTES + DIGEST_BYTES * places.length
  for (const entry of node.entries) length += entryBytes(entry)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes[0] = places.length > 0 ? VERSION_WITH_PLACES : VERSION
  view.setUint32(1, node.high)
  view.setUint32(5, node.low)
  view.setUint32(9, node.entries.length)
  let at = HEAD_BYTES
  if (places.length > 0) at = writePlaces(bytes, view, at, node, places)
  for (const entry of node.entries) {
    at = isLeaf(entry) ? writeLeaf(bytes, view, at, entry) : writeChild(bytes, view, at, entry)
  }
  return bytes
}

/**
 * The node with its leaves as views of `stored`, which encodeNode made of it, and what is known of its children there:
 * in memory a leaf of its own buffers takes nearly twice as much.
 */
export function leanNode(node: Node, stored: Uint8Array): Node {
  let at = stored.length
  for (const entry of node.entries) at -= entryBytes(entry)
  const entries = node.entries.map((entry) => {
    if (!isLeaf(entry)) {
      at = entry.leanOn(stored, at + CHILD_HEAD_BYTES)
      return entry
    }
    const key = at + LEAF_HEAD_BYTES
    at += entryBytes(entry)
    const value = key + entry.key.length
    return { key: stored.subarray(key, value), value: stored.subarray(value, at) }
  })
  return { ...node, entries }
}

/**
 * The node with `size` leaves that was stored under `ref`. Keys and values are views of `stored`. Throws
 * HamtStoreError.
 */
export function decodeNode(stored: Uint8Array, { ref, size }: Pick<Branch, 'ref' | 'size'>): Node {
  const reader = new NodeReader(ref, stored)
  const { high, low, count, places } = reader.head()
  const entries: (Leaf | Branch)[] = []
  let leaves = 0
  for (let i = 0; i < count; i++) {
    const entry = reader.entry(low === 0 && high === 0)
    entries.push(entry)
    leaves += isLeaf(entry) ? 1 : entry.size
  }
  reader.end()
  if (leaves !== size) throw new HamtStoreError(ref, `${leaves} leaves instead of ${size}`)
  return { high, low, entries, places, preimage: undefined }
}

export function isLeaf(entry: Leaf | Branch): entry is Leaf {
  return 'key' in entry
}

/** How many bits of a 32-bit word are 1. */
export function bitsSet(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555)
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333)
  return (((bits + (bits >>> 4)) & 0x0f0f_0f0f) * 0x0101_0101) >>> 24
}

/** Stored bytes that are not the node that they should be, or are of a version not known here. */
export class HamtStoreError extends Error {
  override readonly name = 'HamtStoreError'
  /** 0 for the record of an empty trie. */
  readonly ref: NodeRef

  constructor(ref: NodeRef, problem: string) {
    super(`stored trie node ${ref}: ${problem}`)
    this.ref = ref
  }
}

function knownPlaces({ places }: Node): readonly number[] {
  const known: number[] = []
  for (let place: number = STORED_PLACES.first; place < STORED_PLACES.end; place++)
    if (places?.has(place)) known.push(place)
  return known
}

function writePlaces(bytes: Uint8Array, view: DataView, at: number, node: Node, known: readonly number[]): number {
  let [high, low] = [0, 0]
  let end = at + PLACES_BYTES
  for (const place of known) {
    if (place < 32) low |= 1 << place
    else high |= 1 << (place - 32)
    bytes.set(node.places!.get(place)!, end)
    end += DIGEST_BYTES
  }
  view.setUint32(at, high)
  view.setUint32(at + 4, low)
  return end
}

function entryBytes(entry: Leaf | Branch): number {
  if (isLeaf(entry)) return LEAF_HEAD_BYTES + entry.key.length + entry.value.length
  return CHILD_HEAD_BYTES + (entry.hasDigest ? DIGEST_BYTES : 0) + (entry.hasRoot ? DIGEST_BYTES : 0)
}

function writeLeaf(bytes: Uint8Array, view: DataView, at: number, { key, value }: Leaf): number {
  bytes[at] = LEAF
  view.setUint32(at + 1, key.length)
  view.setUint32(at + 5, value.length)
  bytes.set(key, at + LEAF_HEAD_BYTES)
  bytes.set(value, at + LEAF_HEAD_BYTES + key.length)
  return at + LEAF_HEAD_BYTES + key.length + value.length
}

function writeChild(bytes: Uint8Array, view: DataView, at: number, child: Branch): number {
  const { ref, size, kind, root } = child
  bytes[at] = FIRST_CHILD + CHILDREN.indexOf(kind)
  view.setFloat64(at + 1, ref)
  view.setFloat64(at + 9, size)
  if (kind.digest) child.writeDigest(bytes, at + CHILD_HEAD_BYTES)
  if (root !== undefined) bytes.set(root, at + CHILD_HEAD_BYTES + (kind.digest ? DIGEST_BYTES : 0))
  return at + entryBytes(child)
}

/** Reads a node from front to back; whatever is wrong is thrown as HamtStoreError. */
class NodeReader {
  private readonly ref: NodeRef
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0

  /** A subclass of Uint8Array (Node's Buffer) may mean something else by `slice`, so a plain view is taken. */
  constructor(ref: NodeRef, { buffer, byteOffset, length }: Uint8Array) {
    this.ref = ref
    this.bytes = new Uint8Array(buffer, byteOffset, length)
    this.view = new DataView(buffer, byteOffset, length)
  }

  head(): Pick<Node, 'high' | 'low' | 'places'> & { readonly count: number } {
    const at = this.skip(HEAD_BYTES)
    const version = this.bytes[at]
    if (version !== VERSION && version !== VERSION_WITH_PLACES)
      this.refuse(`version ${version}, known are ${VERSION} and ${VERSION_WITH_PLACES}`)
    const high = this.view.getInt32(at + 1)
    const low = this.view.getInt32(at + 5)
    const count = this.view.getUint32(at + 9)
    const slots = bitsSet(high) + bitsSet(low)
    if (slots === 0 ? count < LEAVES_MIN : count !== slots) this.refuse(`${count} entries in ${slots} slots`)
    return { high, low, count, places: version === VERSION ? undefined : this.places() }
  }

  entry(inList: boolean): Leaf | Branch {
    const at = this.skip(1)
    const kind = this.bytes[at]
    if (kind === LEAF) return this.leaf()
    const has = CHILDREN[kind! - FIRST_CHILD]
    if (has === undefined) this.refuse(`an entry of kind ${kind}`)
    if (inList) this.refuse('a child in a list')
    return this.child(has)
  }

  end(): void {
    if (this.at !== this.bytes.length) this.refuse(`${this.bytes.length - this.at} bytes too many`)
  }

  private leaf(): Leaf {
    const lengths = this.skip(LEAF_HEAD_BYTES - 1)
    const key = this.skip(this.view.getUint32(lengths))
    const value = this.skip(this.view.getUint32(lengths + 4))
    return { key: this.bytes.subarray(key, value), value: this.bytes.subarray(value, this.at) }
  }

  private places(): PlaceDigests {
    const at = this.skip(PLACES_BYTES)
    const [high, low] = [this.view.getUint32(at), this.view.getUint32(at + 4)]
    if ((low & 3) !== 0) this.refuse('digests of places that have none')
    const known: number[] = []
    for (let place: number = STORED_PLACES.first; place < STORED_PLACES.end; place++)
      if (((place < 32 ? low >>> place : high >>> (place - 32)) & 1) === 1) known.push(place)
    const start = this.skip(DIGEST_BYTES * known.length)
    return PlaceDigests.of(known, this.bytes.subarray(start, this.at))
  }

  private child(has: ChildKind): Branch {
    const at = this.skip(CHILD_HEAD_BYTES - 1)
    const ref = this.view.getFloat64(at)
    const size = this.view.getFloat64(at + 8)
    if (!Number.isSafeInteger(ref) || ref < 1) this.refuse(`a child stored under ${ref}`)
    if (!Number.isSafeInteger(size) || size < LEAVES_MIN) this.refuse(`a child of ${size} leaves`)
    const child = new Branch(size, undefined, ref)
    this.skip(child.leanOn(this.bytes, this.at, has) - this.at)
    return child
  }

  /** Where the next `length` bytes begin. */
  private skip(length: number): number {
    const start = this.at
    if (start + length > this.bytes.length) this.refuse(`cut off at byte ${this.bytes.length}`)
    this.at = start + length
    return start
  }

  private refuse(problem: string): never {
    throw new HamtStoreError(this.ref, problem)
  }
}
