/**
 * Sets on their way to the threads that check them, and what comes back: where the parts of each set lie and the nodes
 * of the tree over its patches, so that the writer reads no byte of it twice. The received bytes themselves stay where
 * they are.
 *
 * Tests: test/relay/write/set-checker.test.ts
 */

import type { Seconds, ShopId } from '../../brands.js'
import { patchAt, placesOf, type Patch } from '../../patches/checked-patch.js'
import { PatchTree } from '../../merkle/patch-proof.js'
import { checkSet, type CheckedSet, type Expectation } from './ingest.js'

/** A set to be checked. */
export interface UncheckedSet {
  readonly received: Uint8Array
  readonly expected: Expectation
}

/** A message to a thread. */
export interface PackedSets {
  /** One set after the other. */
  readonly bytes: Uint8Array
  /** For each set where it ends, and the number of its session. */
  readonly sets: Uint32Array
  /** What is expected of each session's sets, part by part: a copy of an object takes longer than to check its set. */
  readonly shopIds: readonly ShopId[]
  /** 33 bytes each. */
  readonly cards: Uint8Array
  /** 1 for a guest's. */
  readonly guests: Uint8Array
  readonly nowSeconds: Seconds
}

/** Its answer. */
export interface PackedVerdicts {
  /** For each set REFUSED or FAILED, or its head: see `packSet`. */
  readonly words: Uint32Array
  /** Nodes of the trees over the patches, 32 bytes each. */
  readonly nodes: Uint8Array
  /** Why sets are INVALID, in their order, and what went wrong in checking others. */
  readonly refusals: readonly string[]
  readonly failures: readonly unknown[]
}

/** What became of a set: checked, INVALID and why, or a bug. */
export type Verdict = CheckedSet | string | { readonly bug: unknown }

const REFUSED = 0
const FAILED = 0xffff_ffff
const CARD_BYTES = 33
const NODE_BYTES = 32
const HEAD_WORDS = 6
const PATCH_WORDS = 5

export function packSets(sets: readonly UncheckedSet[], nowSeconds: Seconds): PackedSets {
  const bytes = new Uint8Array(sets.reduce((sum, { received }) => sum + received.length, 0))
  const expectations: Expectation[] = []
  const words = new Uint32Array(2 * sets.length)
  let end = 0
  for (const [i, { received, expected }] of sets.entries()) {
    bytes.set(received, end)
    // One card has many sets in a message.
    let number = expectations.lastIndexOf(expected)
    if (number < 0) number = expectations.push(expected) - 1
    words[2 * i] = end += received.length
    words[2 * i + 1] = number
  }
  return { bytes, sets: words, ...packExpectations(expectations), nowSeconds }
}

function packExpectations(expectations: readonly Expectation[]): Pick<PackedSets, 'shopIds' | 'cards' | 'guests'> {
  const cards = new Uint8Array(expectations.length * CARD_BYTES)
  for (const [i, { card }] of expectations.entries()) cards.set(card, i * CARD_BYTES)
  return {
    shopIds: expectations.map(({ shopId }) => shopId),
    cards,
    guests: Uint8Array.from(expectations, ({ isGuest }) => (isGuest ? 1 : 0)),
  }
}

function unpackExpectations({ shopIds, cards, guests }: PackedSets): Expectation[] {
  return shopIds.map((shopId, i) => ({
    shopId,
    card: cards.subarray(i * CARD_BYTES, (i + 1) * CARD_BYTES),
    isGuest: guests[i] === 1,
  }))
}

export function packedBuffers({ bytes, sets, cards, guests }: PackedSets): ArrayBufferLike[] {
  return [bytes.buffer, sets.buffer, cards.buffer, guests.buffer]
}

/** Checks them, each by itself. */
export function checkPacked(packed: PackedSets): PackedVerdicts {
  const { bytes, sets, nowSeconds } = packed
  const expectations = unpackExpectations(packed)
  const verdicts: { readonly start: number; readonly verdict: Verdict }[] = []
  let start = 0
  for (let i = 0; i < sets.length; i += 2) {
    const set = { received: bytes.subarray(start, sets[i]), expected: expectations[sets[i + 1]!]! }
    verdicts.push({ start, verdict: verdictOn(set, nowSeconds) })
    start = sets[i]!
  }
  return packVerdicts(verdicts)
}

/** A bug in one set is told of and does not stop the others. */
export function verdictOn({ received, expected }: UncheckedSet, nowSeconds: Seconds): Verdict {
  try {
    return checkSet(received, expected, nowSeconds)
  } catch (bug) {
    return { bug }
  }
}

/** In the order of the sets. */
export function unpackVerdicts(packed: PackedVerdicts, sets: readonly UncheckedSet[]): Verdict[] {
  const { words, nodes } = packed
  const [refusals, failures] = [[...packed.refusals], [...packed.failures]]
  let [word, node] = [0, 0]
  return sets.map(({ received, expected }) => {
    const patches = words[word]!
    if (patches === REFUSED || patches === FAILED) {
      word++
      return patches === REFUSED ? refusals.shift()! : { bug: failures.shift() }
    }
    const nodesEnd = node + PatchTree.nodesOf(patches) * NODE_BYTES
    const set = new ArrivedSet({ received, expected }, words, word, nodes.subarray(node, nodesEnd))
    word += HEAD_WORDS + PATCH_WORDS * patches
    node = nodesEnd
    return set
  })
}

function packVerdicts(verdicts: readonly { readonly start: number; readonly verdict: Verdict }[]): PackedVerdicts {
  let [wordCount, nodeCount] = [0, 0]
  for (const { verdict } of verdicts) {
    const patches = isChecked(verdict) ? verdict.patches.length : 0
    wordCount += patches === 0 ? 1 : HEAD_WORDS + PATCH_WORDS * patches
    nodeCount += patches === 0 ? 0 : PatchTree.nodesOf(patches)
  }
  const words = new Uint32Array(wordCount)
  const nodes = new Uint8Array(nodeCount * NODE_BYTES)
  const refusals: string[] = []
  const failures: unknown[] = []
  let [word, node] = [0, 0]
  for (const { start, verdict } of verdicts) {
    if (isChecked(verdict)) {
      verdict.tree.writeNodes(nodes, node)
      node += PatchTree.nodesOf(verdict.patches.length) * NODE_BYTES
      word = packSet(verdict, start, words, word)
    } else {
      words[word++] = typeof verdict === 'string' ? REFUSED : FAILED
      if (typeof verdict === 'string') refusals.push(verdict)
      else failures.push(verdict.bug)
    }
  }
  return { words, nodes, refusals, failures }
}

function isChecked(verdict: Verdict): verdict is CheckedSet {
  return typeof verdict !== 'string' && 'patches' in verdict
}

/**
 * Number of patches, start and end of the header, start of the signature, the nonce in two; then of each patch start
 * and end, and its places. Gives where the next set stands.
 */
function packSet(
  { nonce, headerBytes, signature, patches }: CheckedSet,
  start: number,
  words: Uint32Array,
  at: number,
) {
  const from = ({ byteOffset }: Uint8Array) => byteOffset - start
  const header = from(headerBytes)
  words.set([patches.length, header, header + headerBytes.length, from(signature)], at)
  words[at + 4] = Number(nonce >> 32n)
  words[at + 5] = Number(nonce & 0xffff_ffffn)
  let word = at + HEAD_WORDS
  for (const patch of patches) {
    const { op, path, value } = placesOf(patch)
    words[word] = from(patch.bytes)
    words[word + 1] = from(patch.bytes) + patch.bytes.length
    words[word + 2] = op
    words[word + 3] = path
    words[word + 4] = value
    word += PATCH_WORDS
  }
  return word
}

/**
 * A set that a thread checked, as its verdict tells where its parts are. They are made when its turn comes: hundreds
 * wait, and each of them would be a dozen objects that are collected around.
 */
class ArrivedSet implements CheckedSet {
  private readonly received: Uint8Array
  private readonly words: Uint32Array
  /** Where its head stands. */
  private readonly at: number
  private readonly nodes: Uint8Array
  private made: readonly Patch[] | undefined
  readonly signer: Uint8Array

  constructor({ received, expected }: UncheckedSet, words: Uint32Array, at: number, nodes: Uint8Array) {
    this.received = received
    this.words = words
    this.at = at
    this.nodes = nodes
    this.signer = expected.card
  }

  get nonce(): bigint {
    return (BigInt(this.words[this.at + 4]!) << 32n) | BigInt(this.words[this.at + 5]!)
  }

  get headerBytes(): Uint8Array {
    return this.received.subarray(this.words[this.at + 1], this.words[this.at + 2])
  }

  get signature(): Uint8Array {
    const start = this.words[this.at + 3]!
    return this.received.subarray(start, start + SIGNATURE_BYTES)
  }

  get patches(): readonly Patch[] {
    return (this.made ??= unpackPatches(this.received, this.words, this.at))
  }

  get tree(): PatchTree {
    return new PatchTree(this.words[this.at]!, this.nodes)
  }
}

function unpackPatches(received: Uint8Array, words: Uint32Array, at: number): Patch[] {
  const count = words[at]!
  const patches: Patch[] = []
  for (let word = at + HEAD_WORDS; patches.length < count; word += PATCH_WORDS) {
    const bytes = received.subarray(words[word], words[word + 1])
    patches.push(patchAt(bytes, { op: words[word + 2]!, path: words[word + 3]!, value: words[word + 4]! }))
  }
  return patches
}

const SIGNATURE_BYTES = 65
