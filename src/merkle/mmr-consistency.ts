/**
 * Checking that one Merkle mountain range began as another (MMR.md §7.3).
 *
 * Tests: test/merkle/mmr-consistency.test.ts
 */

import { equalBytes } from '../bytes/bytes.js'
import { toHex } from '../bytes/hex.js'
import { coveringPeak, isCompleteSize, peakIndices, type NodeIndex, type TreeSize } from './mmr-index.js'
import { verifyInclusion, type TrustedRange } from './mmr-proof.js'
import { NODE_BYTES } from './node-hash.js'
import { ProofError } from './proof-error.js'

/**
 * Returns if the range `later` began as the range `earlier`, both of them the caller has to trust: for each peak of
 * `earlier` its path in `later`, and the peaks of `later` that no path leads to (§7.1). The lengths of the paths follow
 * from the sizes alone (§7.3, §13.1). Throws ProofError otherwise.
 */
export function verifyConsistency(
  earlier: TrustedRange,
  later: TrustedRange,
  paths: readonly (readonly Uint8Array[])[],
  rightPeaks: readonly Uint8Array[],
): void {
  for (const { size, peaks } of [earlier, later]) requirePeaks(size, peaks)
  if (earlier.size >= later.size)
    throw new ProofError('tree-size', `${earlier.size} nodes are not fewer than ${later.size}`)
  const old = peakIndices(earlier.size)
  if (paths.length !== old.length)
    throw new ProofError('peak-count', `${paths.length} paths for ${old.length} earlier peaks`)
  for (const [i, peak] of old.entries()) verifyInclusion(peak, earlier.peaks[i]!, paths[i]!, later.size, later.peaks)
  requireRightPeaks(old, later, rightPeaks)
}

/** As many peaks as the size has, 32 bytes each. */
function requirePeaks(size: TreeSize, peaks: readonly Uint8Array[]): void {
  if (!isCompleteSize(size)) throw new ProofError('tree-size', `${size} nodes are no whole number of leaves`)
  const count = peakIndices(size).length
  if (peaks.length !== count)
    throw new ProofError('peak-count', `a range of ${size} nodes has ${count} peaks, not ${peaks.length}`)
  const wrong = peaks.find((peak) => peak.length !== NODE_BYTES)
  if (wrong !== undefined) throw new ProofError('element-length', `a peak has ${wrong.length} bytes, not ${NODE_BYTES}`)
}

/** Exactly those peaks of `later` that cover none of the `old` ones. */
function requireRightPeaks(old: readonly NodeIndex[], later: TrustedRange, rightPeaks: readonly Uint8Array[]): void {
  const reached = new Set(old.map((peak) => coveringPeak(peak, later.size).slot))
  const wanted = later.peaks.filter((_, slot) => !reached.has(slot))
  if (rightPeaks.length !== wanted.length)
    throw new ProofError('right-peaks', `${rightPeaks.length} right peaks, not ${wanted.length}`)
  for (const [i, peak] of rightPeaks.entries())
    if (!equalBytes(peak, wanted[i]!))
      throw new ProofError('right-peaks', `right peak ${i} is ${toHex(peak)}, not the trusted ${toHex(wanted[i]!)}`)
}
