/**
 * What the digest of a trie node (PROTOCOL §6) is taken over: the entries in slot order, a leaf's key and value, a
 * child's digest. To copy it together costs more than to hash it, so a node that was hashed before it changed keeps it,
 * and the next version takes it over and writes those entries that are others.
 *
 * Tests: test/merkle/hamt-versions.test.ts
 */

import { sha256 } from '#hash'
import { isLeaf, type Branch, type Leaf, type Node, type Preimage } from './hamt-node.js'

const DIGEST_BYTES = 32
const SCRATCH_BYTES_MAX = 1_048_576
/** A node with large values is as well copied: what is kept stays small. */
const KEPT_BYTES_MAX = 16_384
let scratch = new Uint8Array(4_096)

/** 32 bytes. `digestOf` makes that of a child known. */
export function hashNode(node: Node, digestOf: (child: Branch) => void): Uint8Array {
  const { preimage } = node
  if (typeof preimage === 'object') {
    if ((preimage.staleLow | preimage.staleHigh) !== 0) writeStale(node, preimage, digestOf)
    return sha256(preimage.bytes)
  }
  let length = 0
  for (const entry of node.entries) {
    // Before the scratch is taken: to hash a child takes it too.
    if (!isLeaf(entry) && !entry.hasDigest) digestOf(entry)
    length += entryLength(entry)
  }
  const isKept = preimage === 'wanted' && length <= KEPT_BYTES_MAX
  const bytes = isKept ? new Uint8Array(length) : buffer(length).subarray(0, length)
  let at = 0
  for (const entry of node.entries) at = writeEntry(bytes, at, entry)
  node.preimage = isKept ? { bytes, staleLow: 0, staleHigh: 0 } : 'wanted'
  return sha256(bytes)
}

/** For the node that takes this one's place with another entry at `index`; this one makes its own again if asked. */
export function takePreimage(node: Node, index: number, entry: Leaf | Branch): Node['preimage'] {
  const { preimage } = node
  if (typeof preimage !== 'object') return preimage
  node.preimage = 'wanted'
  if (!isAsLong(node.entries[index]!, entry)) return 'wanted'
  if (index < 32) preimage.staleLow |= 1 << index
  else preimage.staleHigh |= 1 << (index - 32)
  return preimage
}

function isAsLong(old: Leaf | Branch, entry: Leaf | Branch): boolean {
  if (!isLeaf(old) || !isLeaf(entry)) return isLeaf(old) === isLeaf(entry)
  return old.key.length + old.value.length === entry.key.length + entry.value.length
}

function writeStale(node: Node, preimage: Preimage, digestOf: (child: Branch) => void): void {
  let { staleLow: low, staleHigh: high } = preimage
  let at = 0
  for (let i = 0; (low | high) !== 0; i++) {
    const entry = node.entries[i]!
    if ((low & 1) === 1) {
      if (!isLeaf(entry) && !entry.hasDigest) digestOf(entry)
      writeEntry(preimage.bytes, at, entry)
    }
    at += entryLength(entry)
    // The next entry's bit comes to the front.
    low = (low >>> 1) | (high << 31)
    high >>>= 1
  }
  preimage.staleLow = preimage.staleHigh = 0
}

function entryLength(entry: Leaf | Branch): number {
  return isLeaf(entry) ? entry.key.length + entry.value.length : DIGEST_BYTES
}

/** Where the next one begins. */
function writeEntry(bytes: Uint8Array, at: number, entry: Leaf | Branch): number {
  if (!isLeaf(entry)) {
    entry.writeDigest(bytes, at)
    return at + DIGEST_BYTES
  }
  bytes.set(entry.key, at)
  bytes.set(entry.value, at + entry.key.length)
  return at + entry.key.length + entry.value.length
}

/** At least so many bytes, valid until the next call. Large ones are not kept: some nodes have megabytes of values. */
function buffer(bytes: number): Uint8Array {
  if (bytes > SCRATCH_BYTES_MAX) return new Uint8Array(bytes)
  if (bytes > scratch.length) scratch = new Uint8Array(2 * bytes)
  return scratch
}
