/**
 * The proof of one leaf of a patch tree (MMR.md §9.2, §9.4 rules 1–6). Not for use outside this folder and its tests: a
 * leaf hash taken from a peer proves nothing (§13.2, §13.4), so patch-proof.ts hashes the patch itself.
 *
 * Tests: test/merkle/mmr-patch-proof.test.ts
 */

import { sha256 } from '#hash'
import { equalBytes } from '../bytes/bytes.js'
import { decode } from '../codec/decode.js'
import { CborError, type Cbor } from '../codec/value.js'
import { PATCH_TREE_NODES_MAX } from '../limits.js'
import { isPerfectSize, leafIndexOf, type NodeIndex, type TreeSize } from './mmr-index.js'
import { verifyLeafInclusion } from './mmr-proof.js'
import { ProofError, type ProofClaim } from './proof-error.js'

/** SHA-256 of nothing: the leaf that fills a tree up to a power of two of leaves (§9.1). Not to be changed. */
export const PADDING_LEAF: Uint8Array = sha256(new Uint8Array(0))

/** What a proof that holds says. */
export interface ProvenLeaf {
  readonly nodeIndex: NodeIndex
  readonly treeSize: TreeSize
  /** The place of the patch in its set, from 0. */
  readonly leafIndex: number
}

/** A proof as it was read: claims that nothing has checked yet. */
export interface LeafProof {
  readonly nodeIndex: bigint
  readonly treeSize: bigint
  readonly path: readonly Uint8Array[]
}

/**
 * Reads `[node_index, tree_size, path]`, where an empty path is null or the empty array (§9.2); its elements are views.
 * Throws ProofError.
 */
export function readLeafProof(proof: Uint8Array): LeafProof {
  const value = decodeProof(proof)
  if (!Array.isArray(value) || value.length !== 3) throw formError('is not an array of three')
  const [nodeIndex, treeSize, path] = value as readonly Cbor[]
  if (typeof nodeIndex !== 'bigint' || nodeIndex < 0n) throw formError('has no node index')
  if (typeof treeSize !== 'bigint' || treeSize < 0n) throw formError('has no tree size')
  if (path === null) return { nodeIndex, treeSize, path: [] }
  if (!Array.isArray(path) || !path.every((element) => element instanceof Uint8Array)) throw formError('has no path')
  return { nodeIndex, treeSize, path }
}

/** Throws ProofError unless `proof` leads from `leafHash` to `root`. Says nothing about whether the leaf is a patch. */
export function verifyLeafHashWithoutItsPatch(proof: LeafProof, leafHash: Uint8Array, root: Uint8Array): ProvenLeaf {
  const { nodeIndex, treeSize, path } = proof
  const claim: ProofClaim = { nodeIndex, treeSize, pathLength: path.length }
  if (treeSize < 1n || treeSize > PATCH_TREE_NODES_MAX || !isPerfectSize(treeSize))
    throw new ProofError('tree-size', `${treeSize} nodes are not the tree of a power of two of leaves`, { claim })
  if (equalBytes(leafHash, PADDING_LEAF))
    throw new ProofError('padding-leaf', 'the leaf is padding, not a patch', { claim })
  const leaf = nodeIndex as NodeIndex
  const size = treeSize as TreeSize
  verifyLeafInclusion(leaf, leafHash, path, size, [root])
  return { nodeIndex: leaf, treeSize: size, leafIndex: Number(leafIndexOf(leaf)) }
}

function decodeProof(proof: Uint8Array): Cbor {
  try {
    return decode(proof)
  } catch (cause) {
    if (cause instanceof CborError) throw formError(`cannot be read: ${cause.message}`, cause)
    throw cause
  }
}

function formError(what: string, cause?: CborError): ProofError {
  return new ProofError('proof-form', `the proof ${what}`, { cause })
}
