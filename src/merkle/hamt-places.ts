/**
 * The state tree (PROOFS §1) in the trie's nodes: a binary tree over the bits of the key's hash, six levels of it in
 * each node. A node's *places* are numbered as in a heap: 1 is the node's own, the halves of n are 2n and 2n + 1, and
 * 64 … 127 are its slots. A place with one leaf has that leaf's digest; any other hashes its halves, also beside an
 * empty one. Digests of inner places are kept, so a change hashes one path.
 *
 * Tests: test/merkle/hamt-places.test.ts
 */

import { assert } from '../assert.js'
import { equalBytes } from '../bytes/bytes.js'
import { HAMT_BITS_PER_LEVEL, HAMT_LEVELS_MAX } from '../limits.js'
import { bitsSet, isLeaf, type Branch, type Leaf, type Node } from './hamt-node.js'
import { PlaceDigests } from './place-digests.js'
import { bitAt, EMPTY_PLACE, interiorDigest, STATE_DEPTH_MAX, stateLeafDigest } from './state-tree.js'

/** A place of the state tree that is not empty, as the trie has it. Nodes are read when they are asked for. */
export interface TriePlace {
  /** 32 bytes. */
  readonly digest: Uint8Array
  /** Of a place with one leaf. */
  readonly leaf: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined
  /** Undefined where it is empty, and both for a leaf. */
  readonly left: TriePlace | undefined
  readonly right: TriePlace | undefined
}

/** What the tree asks of its trie. */
export interface PlaceContext {
  /** 32 bytes: K. */
  readonly keyHash: (key: Uint8Array) => Uint8Array
  /** 32 bytes: v. */
  readonly valueHash: (value: Uint8Array) => Uint8Array
  /** The node of a branch, which may have to be read. */
  load(branch: Branch): Node
}

const SLOTS = 1 << HAMT_BITS_PER_LEVEL
const LIST_BIT = HAMT_LEVELS_MAX * HAMT_BITS_PER_LEVEL

/** The digest of the branch's place: its root, if it is the trie's. */
export function rootOf(branch: Branch, context: PlaceContext): Uint8Array {
  if (branch.root !== undefined) return branch.root
  if (branch.size === 0) return EMPTY_PLACE
  const node = context.load(branch)
  branch.root = isList(node)
    ? inList(node.entries as readonly Leaf[], LIST_BIT, context)!.digest
    : digestAt(node, 1, context).slice()
  return branch.root
}

/** The tree below the branch; undefined if it is empty. */
export function placeOf(branch: Branch, context: PlaceContext): TriePlace | undefined {
  if (branch.size === 0) return undefined
  const node = context.load(branch)
  return isList(node) ? inList(node.entries as readonly Leaf[], LIST_BIT, context) : inNode(branch, 1, context)
}

/** Whether what is kept of the node, and the branch's root, is what follows from its entries. */
export function isTrue(node: Node, root: Uint8Array, context: PlaceContext): boolean {
  const fresh: Node = { ...node, places: undefined }
  const branch: Branch = {
    size: node.entries.length,
    node: fresh,
    ref: 0,
    digest: undefined,
    root: undefined,
    used: false,
  }
  if (!equalBytes(rootOf(branch, context), root)) return false
  const { places } = node
  return places === undefined || [...places.known()].every((place) => isSame(places.get(place)!, fresh, place))
}

function isSame(digest: Uint8Array, { places }: Node, place: number): boolean {
  const other = places?.get(place)
  return other !== undefined && equalBytes(digest, other)
}

/**
 * For the node that takes this one's place with another entry in the slot: the digests of the places that stay. They
 * are its own from now on, a copy would cost more than the hashes; this node makes them again should anybody ask.
 */
export function takePlaces(node: Node, slot: number): Node['places'] {
  const { places } = node
  node.places = undefined
  places?.forget(SLOTS + slot)
  return places
}

/** A view, which the next change of the trie may change. */
function digestAt(node: Node, place: number, context: PlaceContext): Uint8Array {
  const known = node.places?.get(place)
  if (known !== undefined) return known
  const { first, count } = entriesAt(node, place)
  if (count === 0) return EMPTY_PLACE
  const entry = node.entries[first]!
  if (count === 1 && isLeaf(entry)) return markAt(node, first, entry, context)
  if (place >= SLOTS) return rootOf(entry as Branch, context)
  const digest = interiorDigest(digestAt(node, 2 * place, context), digestAt(node, 2 * place + 1, context))
  if (place > 1) (node.places ??= PlaceDigests.empty()).set(place, digest)
  return digest
}

/** The digest of a leaf, which is kept at its slot. */
function markAt(node: Node, index: number, leaf: Leaf, context: PlaceContext): Uint8Array {
  const place = SLOTS + slotOf(node, index)
  const known = node.places?.get(place)
  if (known !== undefined) return known
  const mark = markOf(leaf, context)
  ;(node.places ??= PlaceDigests.empty()).set(place, mark)
  return mark
}

/** The slot of the node's entry. */
function slotOf({ low, high }: Node, index: number): number {
  let left = index
  let slot = 0
  for (; ; slot++) {
    const isSet = slot < 32 ? (low >>> slot) & 1 : (high >>> (slot - 32)) & 1
    if (isSet === 1 && left-- === 0) return slot
  }
}

/** How many entries stand below the place, and which is the first. */
function entriesAt({ low, high }: Node, place: number): { readonly first: number; readonly count: number } {
  const width = SLOTS >> (31 - Math.clz32(place))
  const start = place * width - SLOTS
  const before = countBelow(low, high, start)
  return { first: before, count: countBelow(low, high, start + width) - before }
}

/** Of the slots below `end`. */
function countBelow(low: number, high: number, end: number): number {
  if (end <= 31) return bitsSet(low & (2 ** end - 1))
  return bitsSet(low) + (end === 64 ? bitsSet(high) : bitsSet(high & (2 ** (end - 32) - 1)))
}

function inNode(branch: Branch, place: number, context: PlaceContext): TriePlace | undefined {
  const node = context.load(branch)
  const { first, count } = entriesAt(node, place)
  if (count === 0) return undefined
  const entry = node.entries[first]!
  if (count === 1 && isLeaf(entry)) return leafPlace(entry, context)
  if (place >= SLOTS) return placeOf(entry as Branch, context)
  return {
    get digest() {
      return place === 1 ? rootOf(branch, context) : digestAt(context.load(branch), place, context).slice()
    },
    leaf: undefined,
    get left() {
      return inNode(branch, 2 * place, context)
    },
    get right() {
      return inNode(branch, 2 * place + 1, context)
    },
  }
}

function leafPlace(leaf: Leaf, context: PlaceContext): TriePlace {
  return {
    get digest() {
      return markOf(leaf, context)
    },
    leaf,
    left: undefined,
    right: undefined,
  }
}

// Below the last level of nodes the tree goes on by bits: leaves whose hashes differ in the last four alone

function isList({ low, high }: Node): boolean {
  return low === 0 && high === 0
}

function inList(leaves: readonly Leaf[], bit: number, context: PlaceContext): TriePlace | undefined {
  if (leaves.length === 0) return undefined
  if (leaves.length === 1) return leafPlace(leaves[0]!, context)
  assert(bit < STATE_DEPTH_MAX, 'two keys with one hash')
  const [left, right] = [0, 1].map((side) =>
    inList(
      leaves.filter((leaf) => bitAt(context.keyHash(leaf.key), bit) === side),
      bit + 1,
      context,
    ),
  )
  const digest = interiorDigest(left?.digest ?? EMPTY_PLACE, right?.digest ?? EMPTY_PLACE)
  return { digest, leaf: undefined, left, right }
}

function markOf(leaf: Leaf, context: PlaceContext): Uint8Array {
  return stateLeafDigest({ keyHash: context.keyHash(leaf.key), valueHash: context.valueHash(leaf.value) })
}
