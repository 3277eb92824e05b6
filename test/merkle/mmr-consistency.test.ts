import { describe, expect, test } from 'vitest'
import { fromHex } from '../../src/bytes/hex.js'
import {
  consistencyIndices,
  NodeIndexError,
  TREE_SIZE_MAX,
  TreeSizeError,
  type TreeSize,
} from '../../src/merkle/mmr-index.js'
import { verifyConsistency } from '../../src/merkle/mmr-consistency.js'
import { Mmr } from '../../src/merkle/mmr.js'
import { ProofError, type ProofErrorCode } from '../../src/merkle/proof-error.js'
import { kat } from '../fixtures/mmr-kat.js'

const { rows } = kat.kat39.consistency
const size = (value: number) => BigInt(value) as TreeSize
const hashes = kat.kat39.nodes.map(({ hash }) => fromHex(hash))
const hashOf = (index: number) => hashes[index]!
const range = new Mmr()
for (const { hash } of kat.kat39.leaves) range.append(fromHex(hash))
const at = (value: number) => ({ size: size(value), peaks: range.peaks(size(value)) })
const bare = (indices: readonly bigint[]) => indices.map(Number)

function expectCode(code: ProofErrorCode, verify: () => void): void {
  expect(verify).toThrow(ProofError)
  expect(verify).toThrow(expect.objectContaining({ code }))
}

describe('consistency', () => {
  test('all 231 pairs, made and accepted', () => {
    expect(rows).toHaveLength(231)
    for (const [size1, size2, peaks1, paths, , rightPeaks, peaks2] of rows) {
      const made = consistencyIndices(size(size1), size(size2))
      expect([made.paths.map(bare), bare(made.rightPeaks)]).toEqual([paths, rightPeaks])
      const [earlier, later] = [peaks1, peaks2].map((peaks) => peaks.map(hashOf))
      verifyConsistency(
        { size: size(size1), peaks: earlier! },
        { size: size(size2), peaks: later! },
        paths.map((path) => path.map(hashOf)),
        rightPeaks.map(hashOf),
      )
    }
  })

  test.each(kat.consistency_negative)('$name', (row) => {
    const [earlier, later] = [
      { size: size(row.tree_size_1), peaks: row.accumulator_1.map(fromHex) },
      { size: size(row.tree_size_2), peaks: row.accumulator_2.map(fromHex) },
    ]
    const paths = row.paths.map((path) => path.map(fromHex))
    expect(row.strict_verifier).toBe('reject')
    expectCode('path-length', () => verifyConsistency(earlier, later, paths, row.right_peaks.map(fromHex)))
  })

  test('the sizes are whole numbers of leaves, and the second is larger', () => {
    const none = { size: size(0), peaks: [] }
    verifyConsistency(none, at(1), [], [hashOf(0)])
    expectCode('tree-size', () => verifyConsistency(at(1), at(1), [[]], []))
    expectCode('tree-size', () => verifyConsistency(at(3), at(1), [[]], []))
    expectCode('tree-size', () => verifyConsistency(at(1), { size: size(2), peaks: [hashOf(0)] }, [[]], []))
    expectCode('tree-size', () => verifyConsistency({ size: size(5), peaks: [] }, at(7), [], []))
    const beyond = { size: (TREE_SIZE_MAX + 1n) as TreeSize, peaks: [hashOf(0)] }
    expectCode('tree-size', () => verifyConsistency(at(1), beyond, [[]], []))
    expect(() => consistencyIndices(size(2), size(3))).toThrow(TreeSizeError)
    expect(() => consistencyIndices(size(7), size(3))).toThrow(NodeIndexError)
  })

  test('there are as many peaks and paths as the sizes have', () => {
    const [paths, rightPeaks] = [[[hashOf(1)]], [hashOf(3)]]
    verifyConsistency(at(1), at(4), paths, rightPeaks)
    expectCode('peak-count', () => verifyConsistency({ size: size(1), peaks: [] }, at(4), paths, rightPeaks))
    expectCode('peak-count', () => verifyConsistency(at(1), { ...at(4), peaks: [hashOf(2)] }, paths, rightPeaks))
    expectCode('peak-count', () => verifyConsistency(at(1), at(4), [], rightPeaks))
    expectCode('peak-count', () => verifyConsistency(at(1), at(4), [...paths, []], rightPeaks))
    expectCode('element-length', () =>
      verifyConsistency({ size: size(1), peaks: [hashOf(0).subarray(1)] }, at(4), paths, rightPeaks),
    )
  })

  test('right peaks are exactly the peaks that no path leads to', () => {
    const paths = [[hashOf(1)]]
    for (const wrong of [[], [hashOf(3), hashOf(3)]])
      expectCode('right-peaks', () => verifyConsistency(at(1), at(4), paths, wrong))
    expect(() => verifyConsistency(at(1), at(4), paths, [hashOf(2)])).toThrow(
      /^right peak 0 is \w{64}, not the trusted/u,
    )
  })
})
