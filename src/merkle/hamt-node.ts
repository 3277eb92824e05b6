/**
 * The stored form of a trie node: version 1, the bitmap, then the entries.
 *
 *     0x01 ‖ high u32 ‖ low u32 ‖ count u32 ‖ entries
 *     leaf  = 0x00 ‖ key length u32 ‖ value length u32 ‖ key ‖ value
 *     child = 0x01 (with) or 0x02 (without a digest) ‖ ref f64 ‖ size f64 ‖ digest 32 bytes
 *
 * All big endian. A digest is missing where nobody asked for it: in indexes.
 */

import type { Branch, Leaf, Node } from './hamt.js'

const VERSION = 1
const HEAD_BYTES = 13
const LEAF = 0
const CHILD = 1
const CHILD_WITHOUT_DIGEST = 2
const LEAF_HEAD_BYTES = 9
const CHILD_HEAD_BYTES = 17
const DIGEST_BYTES = 32

/** Stored bytes that are no node of a version known here. */
export class HamtNodeError extends Error {
  override readonly name = 'HamtNodeError'
}

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
  for (const entry of node.entries)
    at = 'key' in entry ? writeLeaf(bytes, view, at, entry) : writeChild(bytes, view, at, entry)
  return bytes
}

/** Keys and values are views of `bytes`. Throws HamtNodeError. */
export function decodeNode(bytes: Uint8Array): Node {
  if (bytes.length < HEAD_BYTES) throw new HamtNodeError(`a stored node of ${bytes.length} bytes`)
  if (bytes[0] !== VERSION) throw new HamtNodeError(`a stored node of version ${bytes[0]}, known is ${VERSION}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries: (Leaf | Branch)[] = []
  let at = HEAD_BYTES
  for (let left = view.getUint32(9); left > 0; left--) {
    need(bytes, at, LEAF_HEAD_BYTES)
    const kind = bytes[at]!
    const length = kind === LEAF ? leafBytes(view, at) : childBytes(kind)
    need(bytes, at, length)
    entries.push(kind === LEAF ? readLeaf(bytes, view, at) : readChild(bytes, view, at, kind))
    at += length
  }
  if (at !== bytes.length) throw new HamtNodeError(`a stored node with ${bytes.length - at} bytes too many`)
  return { high: view.getInt32(1), low: view.getInt32(5), entries }
}

function entryBytes(entry: Leaf | Branch): number {
  if ('key' in entry) return LEAF_HEAD_BYTES + entry.key.length + entry.value.length
  return childBytes(entry.digest === undefined ? CHILD_WITHOUT_DIGEST : CHILD)
}

function childBytes(kind: number): number {
  if (kind !== CHILD && kind !== CHILD_WITHOUT_DIGEST) throw new HamtNodeError(`a stored entry of kind ${kind}`)
  return kind === CHILD ? CHILD_HEAD_BYTES + DIGEST_BYTES : CHILD_HEAD_BYTES
}

function leafBytes(view: DataView, at: number): number {
  return LEAF_HEAD_BYTES + view.getUint32(at + 1) + view.getUint32(at + 5)
}

function need(bytes: Uint8Array, at: number, length: number): void {
  if (at + length > bytes.length) throw new HamtNodeError(`a stored node that is cut off at byte ${bytes.length}`)
}

function writeLeaf(bytes: Uint8Array, view: DataView, at: number, { key, value }: Leaf): number {
  bytes[at] = LEAF
  view.setUint32(at + 1, key.length)
  view.setUint32(at + 5, value.length)
  bytes.set(key, at + LEAF_HEAD_BYTES)
  bytes.set(value, at + LEAF_HEAD_BYTES + key.length)
  return at + LEAF_HEAD_BYTES + key.length + value.length
}

function writeChild(bytes: Uint8Array, view: DataView, at: number, { ref, size, digest }: Branch): number {
  bytes[at] = digest === undefined ? CHILD_WITHOUT_DIGEST : CHILD
  view.setFloat64(at + 1, ref)
  view.setFloat64(at + 9, size)
  if (digest !== undefined) bytes.set(digest, at + CHILD_HEAD_BYTES)
  return at + childBytes(bytes[at])
}

function readLeaf(bytes: Uint8Array, view: DataView, at: number): Leaf {
  const start = at + LEAF_HEAD_BYTES
  const split = start + view.getUint32(at + 1)
  return { key: bytes.subarray(start, split), value: bytes.subarray(split, split + view.getUint32(at + 5)) }
}

function readChild(bytes: Uint8Array, view: DataView, at: number, kind: number): Branch {
  const start = at + CHILD_HEAD_BYTES
  const digest = kind === CHILD ? bytes.slice(start, start + DIGEST_BYTES) : undefined
  return { ref: view.getFloat64(at + 1), size: view.getFloat64(at + 9), digest, node: undefined, used: false }
}
