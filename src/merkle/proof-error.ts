/**
 * Why a proof of a Merkle mountain range does not hold (MMR.md §6.4, §7.3, §9.4).
 *
 * Tests: test/merkle/mmr-patch-proof.test.ts, test/merkle/mmr.test.ts, test/merkle/mmr-consistency.test.ts
 */

/** One per rule. `set-…` are the rules of several proofs over one root. */
export type ProofErrorCode =
  | 'not-a-patch'
  | 'proof-form'
  | 'tree-size'
  | 'node-index'
  | 'path-length'
  | 'element-length'
  | 'padding-leaf'
  | 'root'
  | 'peak-count'
  | 'right-peaks'
  | 'set-count'
  | 'set-tree-size'
  | 'set-order'

/** What the proof claims, as far as it could be read. */
export interface ProofClaim {
  readonly nodeIndex: bigint
  readonly treeSize: bigint
  readonly pathLength: number
}

interface ProofErrorDetails {
  readonly claim?: ProofClaim | undefined
  readonly place?: number | undefined
  readonly cause?: unknown
}

/** A proof of a mountain range that does not show what it claims. */
export class ProofError extends Error {
  override readonly name = 'ProofError'
  readonly code: ProofErrorCode
  readonly claim: ProofClaim | undefined
  /** Which proof of a set, from 0; undefined if there is only one, or if the set as a whole is refused. */
  readonly place: number | undefined

  constructor(code: ProofErrorCode, message: string, details: ProofErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.claim = details.claim
    this.place = details.place
  }

  /** The same failure, of proof number `place` of a set. */
  at(place: number): ProofError {
    return new ProofError(this.code, `proof ${place}: ${this.message}`, { claim: this.claim, place, cause: this.cause })
  }
}
