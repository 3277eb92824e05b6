/**
 * The state tree (PROOFS §1) in the trie's nodes: a binary tree over the bits of the key's hash, six levels of it in
 * each node. A node's *places* are numbered as in a heap: 1 is the node's own, the halves of n are 2n and 2n + 1, and
 * 64 … 127 are its slots. A place with one leaf has that leaf's digest; any other hashes its halves, also beside an
 * empty one. Digests of inner places are kept, so a change hashes one path.
 *
 * Tests: test/merkle/hamt-places.test.ts
 */

import { sha256, sha256Into } from '#hash'
import { assert } from '../assert.js'
import { compareBytes, equalBytes } from '../bytes/bytes.js'
import { HAMT_BITS_PER_LEVEL, HAMT_LEVELS_MAX } from '../limits.js'
import { bitsSet, Branch, isLeaf, type Leaf, type Node } from './hamt-node.js'
import { PlaceDigests } from './place-digests.js'
import {
  bitAt,
  EMPTY_PLACE,
  interiorDigest,
  interiorPreimage,
  LEAF_VALUE_AT,
  leafPreimage,
  setDigest,
  STATE_DEPTH_MAX,
} from './state-tree.js'

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
  /** 32 bytes: K, of a key that the trie holds. */
  keyHash(key: Uint8Array): Uint8Array
  /** 32 bytes: v. */
  readonly valueHash: (value: Uint8Array) => Uint8Array
  /** The node of a branch, which may have to be read. */
  load(branch: Branch): Node
}

const SLOTS = 1 << HAMT_BITS_PER_LEVEL
const LIST_BIT = HAMT_LEVELS_MAX * HAMT_BITS_PER_LEVEL

/** The digest of the branch's place: its root, if it is the trie's. */
export function rootOf(branch: Branch, context: PlaceContext): Uint8Array {
  const known = branch.root
  if (known !== undefined) return known
  if (branch.size === 0) return EMPTY_PLACE
  const node = context.load(branch)
  const root = isList(node)
    ? inList(node.entries as readonly Leaf[], LIST_BIT, context)!.digest
    : wholeOf(node, context)
  return (branch.root = root)
}

/** Hashes what the root needs a part at a time: it yields where it may be left, and what it hashed stays. */
export function* hashSteps(branch: Branch, context: PlaceContext): Generator<undefined, void> {
  if (branch.hasRoot) return
  if (branch.size > STEP_LEAVES)
    for (const entry of context.load(branch).entries) if (!isLeaf(entry)) yield* hashSteps(entry, context)
  rootOf(branch, context)
  yield
}

/** A trie with no more is hashed in one step. */
const STEP_LEAVES = 64

/** The tree below the branch; undefined if it is empty. */
export function placeOf(branch: Branch, context: PlaceContext): TriePlace | undefined {
  if (branch.size === 0) return undefined
  const node = context.load(branch)
  return isList(node) ? inList(node.entries as readonly Leaf[], LIST_BIT, context) : inNode(branch, 1, context)
}

/** The leaves below a place at `depth`, by rising hash of their keys; behind hash `after`, 32 bytes, if it is given. */
export function* leavesAfter(
  place: TriePlace | undefined,
  after: Uint8Array | undefined,
  keyHash: PlaceContext['keyHash'],
  depth = 0,
): Generator<NonNullable<TriePlace['leaf']>> {
  if (place === undefined) return
  if (place.leaf !== undefined) {
    if (after === undefined || compareBytes(keyHash(place.leaf.key), after) > 0) yield place.leaf
    return
  }
  const bit = after === undefined ? 0 : bitAt(after, depth)
  if (bit === 0) yield* leavesAfter(place.left, after, keyHash, depth + 1)
  yield* leavesAfter(place.right, bit === 1 ? after : undefined, keyHash, depth + 1)
}

/** Whether what is kept of the node, and the branch's root, is what follows from its entries. */
export function isTrue(node: Node, root: Uint8Array, context: PlaceContext): boolean {
  const fresh: Node = { ...node, places: undefined, preimage: undefined }
  const branch = new Branch(node.entries.length, fresh, 0)
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

/** The digest of the node's own place, fresh: it is its branch's to keep. */
function wholeOf(node: Node, context: PlaceContext): Uint8Array {
  const { entries } = node
  const entry = entries[0]!
  if (entries.length === 1 && isLeaf(entry)) return markOf(entry, context)
  return sha256(preimageAt(node, 1, 0, entries.length, context))
}

/** Of a place below it with several leaves; a view, which the next change of the trie may change. */
function digestAt(node: Node, place: number, context: PlaceContext): Uint8Array {
  const from = entriesBefore(node, firstSlot(place))
  const at = settle(node, place, from, from + entriesAt(node, place), context)
  return node.places!.view(at)
}

/** In place of where a digest stands: the place is empty. */
const NONE = -1
/** In place of where it stands: it is the root of the branch in the slot. */
const OF_BRANCH = -2

/**
 * Makes a place's digest known and gives where it stands in the node's string, or one of the above. Below it are the
 * node's entries from `from` to `to`: so they are counted once for all places on the way down.
 */
function settle(node: Node, place: number, from: number, to: number, context: PlaceContext): number {
  if (from === to) return NONE
  const known = node.places?.at(place) ?? -1
  if (known >= 0) return known
  if (to - from === 1) {
    const entry = node.entries[from]!
    if (isLeaf(entry)) return settleMark(node, SLOTS + onlySlot(node, place), entry, context)
    if (place >= SLOTS) {
      if (!entry.hasRoot) rootOf(entry, context)
      return OF_BRANCH
    }
  }
  const preimage = preimageAt(node, place, from, to, context)
  return (node.places ??= PlaceDigests.empty()).hash(place, preimage)
}

/** What the digest of a place that is no lone leaf's is the hash of; valid until the next digest is made. */
function preimageAt(node: Node, place: number, from: number, to: number, context: PlaceContext): Uint8Array {
  const middle = from + entriesAt(node, 2 * place)
  const left = settle(node, 2 * place, from, middle, context)
  const right = settle(node, 2 * place + 1, middle, to, context)
  return interiorPreimage(
    settledIn(node, left, from),
    settledIn(node, right, middle),
    left < 0 ? 0 : left,
    right < 0 ? 0 : right,
  )
}

/** What holds the digest that `settle` gave `at` for; `index`: of the place's first entry. */
function settledIn(node: Node, at: number, index: number): Uint8Array {
  if (at >= 0) return node.places!.string
  return at === NONE ? EMPTY_PLACE : (node.entries[index] as Branch).root!
}

/** The digest of the leaf that is alone in a place is kept at its slot. */
function settleMark(node: Node, slot: number, leaf: Leaf, context: PlaceContext): number {
  const places = (node.places ??= PlaceDigests.empty())
  const known = places.at(slot)
  return known >= 0 ? known : places.hash(slot, markPreimage(leaf, context))
}

/** Of a place that is not empty. */
function firstEntry(node: Node, place: number): Leaf | Branch {
  return node.entries[entriesBefore(node, firstSlot(place))]!
}

/** The slot of a place's only entry. */
function onlySlot({ low, high }: Node, place: number): number {
  const first = firstSlot(place)
  const word = first < 32 ? low >>> first : high >>> (first - 32)
  // The half of the slots that the place begins in may have none of them.
  return word === 0 ? 32 + trailingZeros(high) : first + trailingZeros(word)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

/** Of 64, the slots that stand below the place. */
function slotsOf(place: number): number {
  return SLOTS >> (31 - Math.clz32(place))
}

function firstSlot(place: number): number {
  return place * slotsOf(place) - SLOTS
}

/** How many entries stand below the place. */
function entriesAt({ low, high }: Node, place: number): number {
  const slots = slotsOf(place)
  if (slots === SLOTS) return bitsSet(low) + bitsSet(high)
  const first = firstSlot(place)
  const word = first < 32 ? low >>> first : high >>> (first - 32)
  return bitsSet(slots === 32 ? word : word & ((1 << slots) - 1))
}

/** How many entries have slots below this one, 0 … 64. */
function entriesBefore({ low, high }: Node, slot: number): number {
  if (slot < 32) return bitsSet(low & ((1 << slot) - 1))
  if (slot === 64) return bitsSet(low) + bitsSet(high)
  return bitsSet(low) + bitsSet(high & ((1 << (slot - 32)) - 1))
}

function inNode(branch: Branch, place: number, context: PlaceContext): TriePlace | undefined {
  const node = context.load(branch)
  const entries = entriesAt(node, place)
  if (entries === 0) return undefined
  const entry = firstEntry(node, place)
  if (entries === 1 && isLeaf(entry)) return leafPlace(entry, context)
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
  return sha256(markPreimage(leaf, context))
}

/** What the digest of a leaf is the hash of; valid until the next digest is made. */
function markPreimage({ key, value }: Leaf, context: PlaceContext): Uint8Array {
  const { valueHash } = context
  const keyHash = context.keyHash(key)
  // Other hashes of values may use the same scratch.
  const own = valueHash === sha256 ? undefined : valueHash(value)
  const preimage = leafPreimage(keyHash)
  if (own === undefined) sha256Into(value, preimage, LEAF_VALUE_AT)
  else setDigest(preimage, own, LEAF_VALUE_AT)
  return preimage
}
