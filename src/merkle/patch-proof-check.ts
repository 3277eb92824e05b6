/**
 * The strict check that a patch belongs to a PatchSet (MMR.md §9.4): it hashes the patch itself, from the bytes
 * received. Whoever has a root checks its signature first. Trees and proofs are made in patch-proof.ts.
 *
 * Tests: test/merkle/mmr-patch-proof.test.ts
 */

import { sha256 } from '#hash'
import { present } from '../assert.js'
import { MAP } from '../codec/head.js'
import { checkForm, majorTypeAt } from '../codec/span.js'
import { CborError } from '../codec/value.js'
import { readLeafProof, verifyLeafHashWithoutItsPatch, type LeafProof, type ProvenLeaf } from './leaf-hash-proof.js'
import { ProofError } from './proof-error.js'

/**
 * The leaf of a patch: SHA-256 of its bytes as received, 32 bytes.
 *
 * @example
 * ```ts
 * import { patchLeafHash, patchRoot } from 'cairn-relay/patch-proof'
 *
 * const leaf = patchLeafHash(Uint8Array.of(0xa0))
 * console.log(leaf.length, patchRoot([leaf]) === leaf) // 32 true
 * ```
 */
export function patchLeafHash(patchBytes: Uint8Array): Uint8Array {
  return sha256(patchBytes)
}

/**
 * Throws ProofError unless `proof` shows that `patchBytes` are a patch of the set whose RootHash is `root` (32 bytes).
 *
 * @example
 * ```ts
 * import { patchLeafHash, ProofError, PatchTree, verifyPatchProof } from 'cairn-relay/patch-proof'
 *
 * const tree = new PatchTree([patchLeafHash(Uint8Array.of(0xa0))])
 * try {
 *   verifyPatchProof(tree.proof(0), Uint8Array.of(0xa1, 0x01, 0x02), tree.root)
 * } catch (error) {
 *   console.log((error as ProofError).code) // root
 * }
 * ```
 */
export function verifyPatchProof(proof: Uint8Array, patchBytes: Uint8Array, root: Uint8Array): ProvenLeaf {
  return verifyPatch(readLeafProof(proof), patchBytes, root)
}

/**
 * The same for a selection of patches of one set, as it is pushed: a proof for each, all of one tree, in the order of
 * the set and none twice. Whether patches are missing between them, or how many the set has, is not shown. Throws
 * ProofError with the place.
 *
 * @example
 * ```ts
 * import { patchLeafHash, PatchTree, verifyPatchProofs } from 'cairn-relay/patch-proof'
 *
 * const patches = [0, 1, 2].map((byte) => Uint8Array.of(0xa1, 0x01, byte))
 * const tree = new PatchTree(patches.map(patchLeafHash))
 * const selected = [0, 2]
 * const proofs = selected.map((place) => tree.proof(place))
 * const proven = verifyPatchProofs(proofs, selected.map((place) => patches[place]!), tree.root)
 * console.log(proven.map(({ leafIndex }) => leafIndex)) // [ 0, 2 ]
 * ```
 */
export function verifyPatchProofs(
  proofs: readonly Uint8Array[],
  patches: readonly Uint8Array[],
  root: Uint8Array,
): ProvenLeaf[] {
  if (patches.length === 0) throw new ProofError('set-count', 'there is no patch to prove')
  if (proofs.length !== patches.length)
    throw new ProofError('set-count', `${proofs.length} proofs for ${patches.length} patches`)
  const claims = proofs.map((proof, place) => at(place, () => readLeafProof(proof)))
  requireOrder(claims)
  return claims.map((claim, place) => at(place, () => verifyPatch(claim, present(patches[place], 'patch'), root)))
}

function verifyPatch(proof: LeafProof, patchBytes: Uint8Array, root: Uint8Array): ProvenLeaf {
  requireMap(patchBytes)
  return verifyLeafHashWithoutItsPatch(proof, patchLeafHash(patchBytes), root)
}

/** The result of `check`, whose ProofError is told the place. */
function at<T>(place: number, check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw error instanceof ProofError ? error.at(place) : error
  }
}

function requireOrder(claims: readonly LeafProof[]): void {
  let before: LeafProof | undefined
  for (const [place, claim] of claims.entries()) {
    if (before !== undefined && claim.treeSize !== before.treeSize)
      throw new ProofError('set-tree-size', `tree sizes ${before.treeSize} and ${claim.treeSize} in one set`, { place })
    if (before !== undefined && claim.nodeIndex <= before.nodeIndex)
      throw new ProofError('set-order', `node ${claim.nodeIndex} after node ${before.nodeIndex}`, { place })
    before = claim
  }
}

/** One well-formed CBOR map: no preimage of an interior node is one (§13.2). */
function requireMap(patchBytes: Uint8Array): void {
  try {
    checkForm(patchBytes)
  } catch (cause) {
    if (cause instanceof CborError)
      throw new ProofError('not-a-patch', `the patch cannot be read: ${cause.message}`, { cause })
    throw cause
  }
  if (majorTypeAt(patchBytes, 0) !== MAP) throw new ProofError('not-a-patch', 'the patch is not a CBOR map')
}
