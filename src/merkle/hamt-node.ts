/**
 * A trie node in memory, and its stored form: version 1, the bitmap, then the entries.
 *
 *     0x01 ‖ high u32 ‖ low u32 ‖ count u32 ‖ entries
 *     leaf  = 0x00 ‖ key length u32 ‖ value length u32 ‖ key ‖ value
 *     child = 0x01 (with) or 0x02 (without a digest) ‖ ref f64 ‖ size f64 ‖ digest 32 bytes
 *
 * All big endian. A digest is missing where nobody asked for it: in indexes. A list below the last level has an empty
 * bitmap. A second digest (PROOFS §1) would be another kind of child under another version.
 *
 * Tests: test/merkle/hamt-store.test.ts
 */

/** The store's name of a stored node, ≥ 1. */
export type NodeRef = number

/** A key and its value; neither is copied, neither may be changed. */
export interface Leaf {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/**
 * A node and what is known of it. Shared between versions of a trie, which read from one source and have one cache. The
 * node itself may be away when `ref` tells where to read it. PROOFS §1 adds a second digest beside `digest`.
 */
export interface Branch {
  /** Leaves below. */
  readonly size: number
  node: Node | undefined
  /** 0 while the node is not stored. */
  ref: NodeRef
  digest: Uint8Array | undefined
  /** Was asked for since the cache last looked. */
  used: boolean
}

/**
 * Entries in slot order; `low` and `high` say which of the slots 0…31 and 32…63 they stand for. A list below the last
 * level has none.
 */
export interface Node {
  readonly low: number
  readonly high: number
  readonly entries: readonly (Leaf | Branch)[]
}

const VERSION = 1
const HEAD_BYTES = 13
const LEAF = 0
const CHILD = 1
const CHILD_WITHOUT_DIGEST = 2
const LEAF_HEAD_BYTES = 9
const CHILD_HEAD_BYTES = 17
const DIGEST_BYTES = 32
/** A list, and the leaves below a child: one alone stands in the node above (§6). */
const LEAVES_MIN = 2

/** Children must have been stored. */
export function encodeNode(node: Node): Uint8Array {
  let length = HEAD_BYTES
  for (const entry of node.entries) length += entryBytes(entry)
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  view.setUint32(1, node.high)
  view.setUint32(5, node.low)
  view.setUint32(9, node.entries.length)
  let at = HEAD_BYTES
  for (const entry of node.entries) {
    at = isLeaf(entry) ? writeLeaf(bytes, view, at, entry) : writeChild(bytes, view, at, entry)
  }
  return bytes
}

/**
 * The node with `size` leaves that was stored under `ref`. Keys and values are views of `stored`. Throws
 * HamtStoreError.
 */
export function decodeNode(stored: Uint8Array, { ref, size }: Pick<Branch, 'ref' | 'size'>): Node {
  const reader = new NodeReader(ref, stored)
  const { high, low, count } = reader.head()
  const entries: (Leaf | Branch)[] = []
  let leaves = 0
  for (let i = 0; i < count; i++) {
    const entry = reader.entry(low === 0 && high === 0)
    entries.push(entry)
    leaves += isLeaf(entry) ? 1 : entry.size
  }
  reader.end()
  if (leaves !== size) throw new HamtStoreError(ref, `${leaves} leaves instead of ${size}`)
  return { high, low, entries }
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

function entryBytes(entry: Leaf | Branch): number {
  if (isLeaf(entry)) return LEAF_HEAD_BYTES + entry.key.length + entry.value.length
  return CHILD_HEAD_BYTES + (entry.digest?.length ?? 0)
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
  bytes[at] = child.digest === undefined ? CHILD_WITHOUT_DIGEST : CHILD
  view.setFloat64(at + 1, child.ref)
  view.setFloat64(at + 9, child.size)
  if (child.digest !== undefined) bytes.set(child.digest, at + CHILD_HEAD_BYTES)
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

  head(): { readonly high: number; readonly low: number; readonly count: number } {
    const at = this.skip(HEAD_BYTES)
    if (this.bytes[at] !== VERSION) this.refuse(`version ${this.bytes[at]}, known is ${VERSION}`)
    const high = this.view.getInt32(at + 1)
    const low = this.view.getInt32(at + 5)
    const count = this.view.getUint32(at + 9)
    const slots = bitsSet(high) + bitsSet(low)
    if (slots === 0 ? count < LEAVES_MIN : count !== slots) this.refuse(`${count} entries in ${slots} slots`)
    return { high, low, count }
  }

  entry(inList: boolean): Leaf | Branch {
    const at = this.skip(1)
    const kind = this.bytes[at]
    if (kind === LEAF) return this.leaf()
    if (kind !== CHILD && kind !== CHILD_WITHOUT_DIGEST) this.refuse(`an entry of kind ${kind}`)
    if (inList) this.refuse('a child in a list')
    return this.child(kind === CHILD)
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

  private child(withDigest: boolean): Branch {
    const at = this.skip(CHILD_HEAD_BYTES - 1)
    const ref = this.view.getFloat64(at)
    const size = this.view.getFloat64(at + 8)
    if (!Number.isSafeInteger(ref) || ref < 1) this.refuse(`a child stored under ${ref}`)
    if (!Number.isSafeInteger(size) || size < LEAVES_MIN) this.refuse(`a child of ${size} leaves`)
    const start = this.skip(withDigest ? DIGEST_BYTES : 0)
    return {
      size,
      node: undefined,
      ref,
      digest: withDigest ? this.bytes.slice(start, this.at) : undefined,
      used: false,
    }
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
