/**
 * State proofs that no honest tree has, and what they lead to: the walk of PROOFS §1.1 with none of its refusals. A
 * relay may sign whatever comes out.
 */

import { sha256 } from '../../src/bytes/hash.node.js'
import { concatBytes } from '../../src/bytes/bytes.js'
import { saltedRoot, type Level } from '../../src/merkle/state-level.js'
import { encodeStateProofs, readStateProofs } from '../../src/merkle/state-proof-form.js'
import type { ItemAnswer, ProofItem, ProofPart, StateProofs } from '../../src/merkle/state-proof.js'
import { EMPTY_PLACE, interiorDigest, stateLeafDigest, stateValueHash } from '../../src/merkle/state-tree.js'

export { encodeStateProofs, readStateProofs, type ItemAnswer, type ProofItem, type ProofPart, type StateProofs }

interface End {
  readonly keyHash: Uint8Array
  readonly depth: number
  readonly digest: Uint8Array
}

/** The level that the proofs lead to; `honest` where they say nothing. */
export function looseLevel(honest: Level, { level, parts, manifest }: StateProofs): Level {
  const roots = { ...honest.roots }
  for (const part of parts)
    roots[part.collection] = level.roots[part.collection] ?? saltedIf(part.salt, new Loose(part).root())
  const manifestHash = manifest === undefined ? (level.manifestHash ?? honest.manifestHash) : sha256(manifest)
  return { schemaVersion: level.schemaVersion, manifestHash, roots }
}

function saltedIf(salt: Uint8Array | undefined, root: Uint8Array): Uint8Array {
  return salt === undefined ? root : saltedRoot(salt, root)
}

class Loose {
  private readonly part: ProofPart
  private taken = 0
  private shown = 0

  constructor(part: ProofPart) {
    this.part = part
  }

  root(): Uint8Array {
    return this.place(0, this.part.items.map(endOf))
  }

  private place(depth: number, ends: readonly End[]): Uint8Array {
    const [first] = ends
    if (first!.depth <= depth) return first!.digest
    const [zeros, ones] = [0, 1].map((bit) => ends.filter(({ keyHash }) => bitOf(keyHash, depth) === bit))
    const left = zeros!.length === 0 ? undefined : this.place(depth + 1, zeros!)
    const right = ones!.length === 0 ? undefined : this.place(depth + 1, ones!)
    return interiorDigest(left ?? this.sibling(), right ?? this.sibling())
  }

  private sibling(): Uint8Array {
    const i = this.taken++
    const { emptySiblings, siblings } = this.part
    if ((((emptySiblings[i >> 3] ?? 0) >> (7 - (i & 7))) & 1) === 1) return EMPTY_PLACE
    const at = 32 * this.shown++
    return at + 32 > siblings.length ? EMPTY_PLACE : siblings.slice(at, at + 32)
  }
}

/** Beyond K all bits are 0, as in arithmetic that does not look. */
function bitOf(keyHash: Uint8Array, depth: number): number {
  return ((keyHash[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1
}

function endOf({ key, depth, answer }: ProofItem): End {
  const keyHash = sha256(key)
  return { keyHash, depth, digest: digestOf(keyHash, answer) }
}

function digestOf(keyHash: Uint8Array, answer: ItemAnswer): Uint8Array {
  if (answer.kind === 'empty') return EMPTY_PLACE
  return stateLeafDigest(answer.kind === 'object' ? { keyHash, valueHash: stateValueHash(answer.object) } : answer.leaf)
}

/** Siblings of a part, one more below those that are there: it is taken first by an item one level deeper. */
export function withSibling(part: ProofPart, sibling: Uint8Array | 'empty'): ProofPart {
  const count = bitsTaken(part)
  const bits = [sibling === 'empty' ? 1 : 0, ...Array.from({ length: count }, (_, i) => bitAt(part.emptySiblings, i))]
  const siblings = sibling === 'empty' ? part.siblings : concatBytes(sibling, part.siblings)
  return { ...part, siblings, emptySiblings: bitmap(bits) }
}

/** How many siblings the walk takes. */
export function bitsTaken(part: ProofPart): number {
  const depths = part.items.map(({ depth }) => depth)
  return depths.length === 1 ? depths[0]! : 8 * part.emptySiblings.length
}

export const bitAt = (bytes: Uint8Array, i: number): number => ((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1

export function bitmap(bits: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [i, bit] of bits.entries()) if (bit === 1) bytes[i >> 3]! |= 1 << (7 - (i & 7))
  return bytes
}
