/**
 * Proofs that a shop's log only grew (PROOFS §2): made from stored nodes, checked against the peaks of two checkpoints.
 *
 * Tests: test/proofs/log-proof.test.ts, test/cli/log-vectors.test.ts
 */

import { encode } from '../codec/encode.js'
import { arrayOf, tuple, uint, type Infer } from '../codec/schema.js'
import { verifyConsistency } from '../merkle/mmr-consistency.js'
import { consistencyIndices } from '../merkle/mmr-index.js'
import { ProofError } from '../merkle/proof-error.js'
import { bytes32 } from '../objects/scalars.js'
import { LogSeqError, rangeOf, reading, readProof, sizeOfLog, type LogHead, type ReadNode } from './log-proof.js'

const path = arrayOf(bytes32)
const seq = uint(64, 1n)

/** `[Seq1, Seq2, Paths, RightPeaks]`, 1 ≤ Seq1 < Seq2: a path for each peak of Seq1, the peaks that none leads to. */
export const LogConsistency = tuple(seq, seq, arrayOf(path), path)
export type LogConsistency = Infer<typeof LogConsistency>

/**
 * Proves that the log of the first `seq1` sets is how the log of the first `seq2` began. Throws LogSeqError unless
 * 1 ≤ seq1 < seq2.
 *
 * @example
 * ```ts
 * import { logConsistency } from 'cairn-relay/checkpoint'
 *
 * const nodes = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
 * const [seq1, seq2, paths, rightPeaks] = logConsistency(1n, 2n, (index) => nodes[Number(index)]!)
 * console.log(seq1, seq2, paths[0]![0]![0], rightPeaks) // 1n 2n 2 []
 * ```
 */
export function logConsistency(seq1: bigint, seq2: bigint, readNode: ReadNode): LogConsistency {
  if (seq1 < 1n || seq1 >= seq2) throw new LogSeqError(`the log of set ${seq2} does not go on from set ${seq1}`)
  const { paths, rightPeaks } = consistencyIndices(sizeOfLog(seq1), sizeOfLog(seq2))
  const read = reading(readNode)
  return [seq1, seq2, paths.map((path) => path.map(read)), rightPeaks.map(read)]
}

/**
 * Returns if the log of `later` began as the log of `earlier`; the caller has to trust both. Throws ProofError
 * otherwise.
 *
 * @example
 * ```ts
 * import { logConsistency, ProofError, verifyLogConsistency } from 'cairn-relay/checkpoint'
 *
 * const nodes = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte))
 * const [earlier, later] = [{ Seq: 1n, Peaks: [nodes[0]!] }, { Seq: 2n, Peaks: [nodes[2]!] }]
 * try {
 *   verifyLogConsistency(logConsistency(1n, 2n, (index) => nodes[Number(index)]!), earlier, later)
 * } catch (error) {
 *   console.log((error as ProofError).code) // root
 * }
 * ```
 */
export function verifyLogConsistency(consistency: LogConsistency, earlier: LogHead, later: LogHead): void {
  const [seq1, seq2, paths, rightPeaks] = consistency
  if (seq1 !== earlier.Seq || seq2 !== later.Seq) {
    const wanted = `sets ${earlier.Seq} and ${later.Seq}`
    throw new ProofError('tree-size', `the consistency is of sets ${seq1} and ${seq2}, not of ${wanted}`)
  }
  if (seq1 >= seq2) throw new ProofError('tree-size', `set ${seq2} does not come after set ${seq1}`)
  verifyConsistency(rangeOf(earlier), rangeOf(later), paths, rightPeaks)
}

/**
 * The bytes of a consistency: deterministic CBOR.
 *
 * @example
 * ```ts
 * import { encodeLogConsistency } from 'cairn-relay/checkpoint'
 *
 * console.log(encodeLogConsistency([2n, 3n, [[]], [new Uint8Array(32)]]).length) // 40
 * ```
 */
export function encodeLogConsistency(consistency: LogConsistency): Uint8Array {
  return encode(LogConsistency.write(consistency))
}

/**
 * Reads a consistency, which nothing has checked yet; digests in it are views. Throws ProofError 'proof-form'.
 *
 * @example
 * ```ts
 * import { decodeLogConsistency, encodeLogConsistency } from 'cairn-relay/checkpoint'
 *
 * const bytes = encodeLogConsistency([2n, 3n, [[]], [new Uint8Array(32)]])
 * console.log(decodeLogConsistency(bytes)[1]) // 3n
 * ```
 */
export function decodeLogConsistency(bytes: Uint8Array): LogConsistency {
  return readProof(LogConsistency, bytes, 'consistency')
}
