/**
 * The profile of MMR.md §9: the tree over the patches of one PatchSet, padded to a power of two of leaves so that one
 * peak is the RootHash of its header; and proofs that a patch belongs to it (§9.2).
 *
 * Tests: test/merkle/mmr-patch-proof.test.ts
 */

import { assert, present } from '../assert.js'
import { encode, headLength } from '../codec/encode.js'
import { PADDING_LEAF } from './leaf-hash-proof.js'
import { Mmr } from './mmr.js'

export { NodeValueError } from './node-hash.js'
export { ProofError, type ProofErrorCode } from './proof-error.js'
export type { ProvenLeaf } from './leaf-hash-proof.js'
export { patchLeafHash, verifyPatchProof, verifyPatchProofs } from './patch-proof-check.js'

const DIGEST_BYTES = 32
/** A hash as a CBOR byte string. */
const HASH_ITEM_BYTES = 34

/**
 * The RootHash, 32 bytes, of at least one leaf hash; of one patch it is that leaf hash itself, not a copy. Throws
 * NoPatchesError, NodeValueError.
 *
 * @example
 * ```ts
 * import { patchLeafHash, patchRoot } from 'cairn-relay/patch-proof'
 *
 * const leaves = [Uint8Array.of(0xa0), Uint8Array.of(0xa1, 0x01, 0x02)].map(patchLeafHash)
 * console.log(patchRoot(leaves).length) // 32
 * ```
 */
export function patchRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  return new PatchTree(leafHashes).root
}

/**
 * The encoded proofs of all patches, in order; fresh arrays. Throws NoPatchesError, NodeValueError.
 *
 * @example
 * ```ts
 * import { patchLeafHash, patchProofs, patchRoot, verifyPatchProofs } from 'cairn-relay/patch-proof'
 *
 * const patches = [Uint8Array.of(0xa0), Uint8Array.of(0xa1, 0x01, 0x02)]
 * const leaves = patches.map(patchLeafHash)
 * const proven = verifyPatchProofs(patchProofs(leaves), patches, patchRoot(leaves))
 * console.log(proven.map(({ leafIndex }) => leafIndex)) // [ 0, 1 ]
 * ```
 */
export function patchProofs(leafHashes: readonly Uint8Array[]): Uint8Array[] {
  const tree = new PatchTree(leafHashes)
  return leafHashes.map((_, place) => tree.proof(place))
}

/**
 * The encoded proof of patch number `place`; whoever needs several keeps a PatchTree. Throws NoPatchesError,
 * NodeValueError, PatchPlaceError.
 *
 * @example
 * ```ts
 * import { patchLeafHash, patchProof, patchRoot, verifyPatchProof } from 'cairn-relay/patch-proof'
 *
 * const patches = [Uint8Array.of(0xa0), Uint8Array.of(0xa1, 0x01, 0x02)]
 * const leaves = patches.map(patchLeafHash)
 * console.log(verifyPatchProof(patchProof(leaves, 1), patches[1]!, patchRoot(leaves)).leafIndex) // 1
 * ```
 */
export function patchProof(leafHashes: readonly Uint8Array[], place: number): Uint8Array {
  return new PatchTree(leafHashes).proof(place)
}

/**
 * Computed once, gives the root and any proof. Keeps the leaf hashes, which must not change.
 *
 * @example
 * ```ts
 * import { patchLeafHash, PatchTree } from 'cairn-relay/patch-proof'
 *
 * const tree = new PatchTree([Uint8Array.of(0xa0)].map(patchLeafHash))
 * console.log(tree.proof(0)) // Uint8Array(4) [ 131, 0, 1, 246 ]
 * ```
 */
export class PatchTree {
  /** One after the other, 32 bytes each, where they were computed elsewhere and nobody asked for one yet. */
  private readonly flat: Uint8Array | undefined
  private made: readonly Uint8Array[] | undefined
  private readonly patches: number

  /** Throws NoPatchesError, NodeValueError. */
  constructor(leafHashes: readonly Uint8Array[])
  /** `leafHashes`: their number, where `flat` has all nodes of a tree over so many (see writeNodes). */
  constructor(leafHashes: number, flat: Uint8Array)
  constructor(leafHashes: readonly Uint8Array[] | number, flat?: Uint8Array) {
    this.flat = flat
    if (typeof leafHashes === 'number') {
      this.patches = leafHashes
      return
    }
    if (leafHashes.length === 0) throw new NoPatchesError()
    const range = new Mmr()
    for (const leafHash of leafHashes) range.append(leafHash)
    for (let leaves = leafHashes.length; !isPowerOfTwo(leaves); leaves++) range.append(PADDING_LEAF)
    this.made = range.nodes
    this.patches = leafHashes.length
  }

  /** 32 bytes, not to be changed. */
  get root(): Uint8Array {
    return present(this.nodes.at(-1), 'root')
  }

  /** Of the tree over so many patches. */
  static nodesOf(patches: number): number {
    return 2 * 2 ** Math.ceil(Math.log2(patches)) - 1
  }

  /** Writes all nodes to `target` from `at` on, from which the tree can be made again where the bytes are trusted. */
  writeNodes(target: Uint8Array, at: number): void {
    for (const [i, node] of this.nodes.entries()) target.set(node, at + i * DIGEST_BYTES)
  }

  private get nodes(): readonly Uint8Array[] {
    return (this.made ??= split(present(this.flat, 'nodes')))
  }

  /**
   * `[node_index, tree_size, path or null]` of patch number `place` in deterministic CBOR, fresh. Throws
   * PatchPlaceError.
   */
  proof(place: number): Uint8Array {
    if (!Number.isInteger(place) || place < 0 || place >= this.patches) throw new PatchPlaceError(place, this.patches)
    const size = this.nodes.length
    const leaf = leafNode(place)
    const path: Uint8Array[] = []
    let node = leaf
    for (let span = 2, rest = place; node !== size - 1; span *= 2, rest = Math.floor(rest / 2)) {
      const isRight = rest % 2 === 1
      path.push(present(this.nodes[isRight ? node - span + 1 : node + span - 1], 'sibling'))
      node += isRight ? 1 : span
      assert(node < size, 'a path that leaves its tree')
    }
    return encode([BigInt(leaf), BigInt(size), path.length === 0 ? null : path])
  }

  /** How many bytes proof(place) has. Throws PatchPlaceError. */
  proofLength(place: number): number {
    if (!Number.isInteger(place) || place < 0 || place >= this.patches) throw new PatchPlaceError(place, this.patches)
    const size = this.nodes.length
    const hashes = Math.log2((size + 1) / 2)
    return (
      headLength(3) + headLength(leafNode(place)) + headLength(size) + headLength(hashes) + hashes * HASH_ITEM_BYTES
    )
  }
}

/** A tree over no patches: a set has at least one. */
export class NoPatchesError extends RangeError {
  override readonly name = 'NoPatchesError'

  constructor() {
    super('a patch set has at least one patch')
  }
}

/** A place where the set has no patch; padding has no proofs. */
export class PatchPlaceError extends RangeError {
  override readonly name = 'PatchPlaceError'
  readonly place: number
  readonly patches: number

  constructor(place: number, patches: number) {
    super(`no patch ${place} in a set of ${patches}`)
    this.place = place
    this.patches = patches
  }
}

/** Node index of leaf number `leaf`, in numbers: 2e − popcount(e). */
function leafNode(leaf: number): number {
  let node = 2 * leaf
  for (let rest = leaf; rest > 0; rest = Math.floor(rest / 2)) node -= rest % 2
  return node
}

function split(flat: Uint8Array): Uint8Array[] {
  const count = flat.length / DIGEST_BYTES
  return Array.from({ length: count }, (_, i) => flat.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES))
}

function isPowerOfTwo(count: number): boolean {
  return (count & (count - 1)) === 0
}
