/**
 * Proofs of a shop's log (PROOFS §2), an unpadded mountain range over its sets: that a set is in it. Made from stored
 * nodes, checked against the peaks of a checkpoint. Seqs are 1, 2, 3 … and leaf indices 0, 1, 2. Proofs that it only
 * grew are in log-consistency.ts.
 *
 * Tests: test/proofs/log-proof.test.ts, test/cli/log-vectors.test.ts
 */

import { encode } from '../codec/encode.js'
import { readDeterministic } from '../codec/deterministic.js'
import { arrayOf, SchemaError, tuple, type Infer, type Schema } from '../codec/schema.js'
import { CborError } from '../codec/value.js'
import {
  inclusionPathIndices,
  LEAF_COUNT_MAX,
  LeafCountError,
  leafIndex,
  nodeIndexOf,
  popcount,
  sizeOf,
  type LeafCount,
  type NodeIndex,
  type TreeSize,
} from '../merkle/mmr-index.js'
import { verifyLeafInclusion, type TrustedRange } from '../merkle/mmr-proof.js'
import { nodeValue } from '../merkle/node-hash.js'
import { ProofError, type ProofErrorCode } from '../merkle/proof-error.js'
import { bytes32, uint64 } from '../objects/scalars.js'
import { logLeafHash, type LogLeaf } from './log-leaf.js'

const path = arrayOf(bytes32)

/** `[leaf node index, path]`: the siblings from the leaf up, an empty array where there are none, never null. */
export const LogInclusion = tuple(uint64, path)
export type LogInclusion = Infer<typeof LogInclusion>

/** How far a log goes: the number of its sets and its peaks, left to right, 32 bytes each. */
export interface LogHead {
  readonly Seq: bigint
  readonly Peaks: readonly Uint8Array[]
}

/** The stored node at an index of the range, 32 bytes. */
export type ReadNode = (index: NodeIndex) => Uint8Array

/**
 * Proves set `seq` in the log of the first `head` sets. Throws LogSeqError unless 1 ≤ seq ≤ head.
 *
 * @example
 * ```ts
 * import { logInclusion, logLeafHash, verifyLogInclusion } from 'cairn-relay/checkpoint'
 *
 * const leaf = { Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * const nodes = [logLeafHash(leaf)]
 * const inclusion = logInclusion(1n, 1n, (index) => nodes[Number(index)]!)
 * verifyLogInclusion(inclusion, leaf, { Seq: 1n, Peaks: nodes })
 * console.log(inclusion) // [ 0n, [] ]
 * ```
 */
export function logInclusion(seq: bigint, head: bigint, readNode: ReadNode): LogInclusion {
  if (seq < 1n || seq > head) throw new LogSeqError(`set ${seq} is not in a log of ${head}`)
  const index = logIndexOf(seq)
  return [index, inclusionPathIndices(index, sizeOfLog(head)).map(reading(readNode))]
}

/**
 * Returns if the set of `leaf` is number leaf.Seq of the log of `head`, which the caller has to trust. Throws
 * ProofError otherwise.
 *
 * @example
 * ```ts
 * import { logLeafHash, ProofError, verifyLogInclusion } from 'cairn-relay/checkpoint'
 *
 * const leaf = { Seq: 1n, Set: new Uint8Array(32), StateRoot: new Uint8Array(32) }
 * const head = { Seq: 1n, Peaks: [logLeafHash(leaf)] }
 * try {
 *   verifyLogInclusion([1n, []], leaf, head)
 * } catch (error) {
 *   console.log((error as ProofError).message) // set 1 is node 0 of the log, not node 1
 * }
 * ```
 */
export function verifyLogInclusion(inclusion: LogInclusion, leaf: LogLeaf, head: LogHead): void {
  verifyHashWithoutItsLeaf(inclusion, leaf.Seq, logLeafHash(leaf), head)
}

/**
 * The same for a leaf's hash. Not for use outside this folder, the check of vectors and tests: a hash that is taken
 * from a peer proves nothing.
 */
export function verifyHashWithoutItsLeaf(
  [index, path]: LogInclusion,
  seq: bigint,
  leafHash: Uint8Array,
  head: LogHead,
): void {
  const { size, peaks } = rangeOf(head)
  const refuse = (code: ProofErrorCode, message: string): ProofError =>
    new ProofError(code, message, { claim: { nodeIndex: index, treeSize: size, pathLength: path.length } })
  if (peaks.length !== popcount(head.Seq))
    throw refuse('peak-count', `a log of ${head.Seq} has ${popcount(head.Seq)} peaks, not ${peaks.length}`)
  if (seq < 1n || seq > head.Seq) throw refuse('node-index', `set ${seq} is not in a log of ${head.Seq}`)
  const wanted = logIndexOf(seq)
  if (index !== wanted) throw refuse('node-index', `set ${seq} is node ${wanted} of the log, not node ${index}`)
  verifyLeafInclusion(wanted, leafHash, path, size, peaks)
}

/**
 * The bytes of a log inclusion: deterministic CBOR.
 *
 * @example
 * ```ts
 * import { encodeLogInclusion } from 'cairn-relay/checkpoint'
 *
 * console.log(encodeLogInclusion([0n, []])) // Uint8Array(3) [ 130, 0, 128 ]
 * ```
 */
export function encodeLogInclusion(inclusion: LogInclusion): Uint8Array {
  return encode(LogInclusion.write(inclusion))
}

/**
 * Reads a log inclusion, which nothing has checked yet; its path are views. Throws ProofError 'proof-form'.
 *
 * @example
 * ```ts
 * import { decodeLogInclusion } from 'cairn-relay/checkpoint'
 *
 * console.log(decodeLogInclusion(Uint8Array.of(0x82, 0x00, 0x80))) // [ 0n, [] ]
 * ```
 */
export function decodeLogInclusion(bytes: Uint8Array): LogInclusion {
  return readProof(LogInclusion, bytes, 'log inclusion')
}

/** A proof that is asked of a log that does not have these sets. */
export class LogSeqError extends RangeError {
  override readonly name = 'LogSeqError'
}

/** Reads a proof; whatever is wrong with its bytes is a ProofError. */
export function readProof<T>(schema: Schema<T>, bytes: Uint8Array, at: string): T {
  try {
    return readDeterministic(schema, bytes, at)
  } catch (cause) {
    if (cause instanceof CborError) throw new ProofError('proof-form', `${at}: ${cause.message}`, { cause })
    if (cause instanceof SchemaError) throw new ProofError('proof-form', cause.message, { cause })
    throw cause
  }
}

/** Node index of the leaf of set `seq` (1 …). Throws LeafCountError above 2^62. */
export function logIndexOf(seq: bigint): NodeIndex {
  return nodeIndexOf(leafIndex(seq - 1n))
}

/** Throws LeafCountError above 2^62. */
export function sizeOfLog(seq: bigint): TreeSize {
  return sizeOf(seq as LeafCount)
}

/** Throws ProofError where no log is so long; whether the peaks fit is checked with the proof. */
export function rangeOf({ Seq, Peaks }: LogHead): TrustedRange {
  if (Seq < 0n || Seq > LEAF_COUNT_MAX) throw new ProofError('tree-size', new LeafCountError(Seq).message)
  return { size: sizeOfLog(Seq), peaks: Peaks }
}

export function reading(readNode: ReadNode): (index: NodeIndex) => Uint8Array {
  return (index) => nodeValue(readNode(index))
}
