import { describe, expect, test } from 'vitest'
import {
  childrenOf,
  coveringPeak,
  familyOf,
  firstCompleteSize,
  heightOf,
  inclusionPathIndices,
  isCompleteSize,
  isPerfectSize,
  leafCountOf,
  LeafCountError,
  leafIndex,
  leafIndexOf,
  leavesWithin,
  nodeIndex,
  NodeIndexError,
  nodeIndexOf,
  NotALeafError,
  peakIndices,
  positionOf,
  sizeOf,
  TREE_SIZE_MAX,
  treeSize,
  TreeSizeError,
  type LeafCount,
  type LeafIndex,
  type NodeIndex,
  type TreeSize,
} from '../../src/merkle/mmr-index.js'
import { kat } from '../fixtures/mmr-kat.js'
import { digest, oraclePeak, oracleRange } from '../fixtures/mmr-oracle.js'

const { kat39, large } = kat
const node = (value: number | bigint | string) => BigInt(value) as NodeIndex
const leaf = (value: number | bigint | string) => BigInt(value) as LeafIndex
const count = (value: number | bigint | string) => BigInt(value) as LeafCount
const size = (value: number | bigint | string) => BigInt(value) as TreeSize

describe('the 39-node tree', () => {
  test('heights', () => {
    expect(kat39.index_height.map((_, i) => heightOf(node(i)))).toEqual(kat39.index_height)
  })

  test('leaves within any size', () => {
    expect(kat39.leaf_count.map((_, i) => leavesWithin(size(i + 1)))).toEqual(kat39.leaf_count.map(BigInt))
  })

  test('leaf index to node index and back', () => {
    for (const [e, i] of kat39.leaf_to_node_index.entries()) {
      expect(nodeIndexOf(leaf(e))).toBe(BigInt(i))
      expect(leafIndexOf(node(i))).toBe(BigInt(e))
    }
  })

  test('families', () => {
    for (const row of kat39.nodes) {
      const index = node(row.index)
      expect(positionOf(index)).toBe(BigInt(row.position))
      expect(familyOf(index, row.height)).toEqual({
        isRight: row.is_right_child,
        sibling: BigInt(row.sibling_when_grown),
        parent: BigInt(row.parent_when_grown),
      })
      const children = row.left === null ? undefined : [BigInt(row.left), BigInt(row.right!)]
      expect(childrenOf(index)).toEqual(children)
      expect(firstCompleteSize(index)).toBe(BigInt(row.first_complete_size))
      expect(leavesWithin(size(row.position)).toString(2)).toBe(row.peak_mask)
    }
  })

  test('an interior node is no leaf', () => {
    for (const row of kat39.nodes.filter(({ leaf_index }) => leaf_index === null))
      expect(() => leafIndexOf(node(row.index))).toThrow(NotALeafError)
  })

  test('complete sizes and their peaks', () => {
    expect(kat39.accumulators.map((row) => row.size)).toEqual(kat39.complete_sizes)
    for (const row of kat39.accumulators) {
      expect(isCompleteSize(BigInt(row.size))).toBe(true)
      expect(treeSize(BigInt(row.size))).toBe(BigInt(row.size))
      expect(leafCountOf(size(row.size))).toBe(BigInt(row.leaf_count))
      expect(sizeOf(count(row.leaf_count))).toBe(BigInt(row.size))
      expect(peakIndices(size(row.size))).toEqual(row.peak_indices.map(BigInt))
      expect(row.peak_indices.map((peak) => heightOf(node(peak)))).toEqual(row.peak_heights)
    }
  })

  test('incomplete sizes are refused everywhere', () => {
    for (const incomplete of kat39.incomplete_sizes) {
      expect(isCompleteSize(BigInt(incomplete))).toBe(false)
      for (const use of [treeSize, leafCountOf, peakIndices]) expect(() => use(size(incomplete))).toThrow(TreeSizeError)
      expect(() => coveringPeak(node(0), size(incomplete))).toThrow(TreeSizeError)
      expect(() => inclusionPathIndices(node(0), size(incomplete))).toThrow(TreeSizeError)
    }
  })

  test('inclusion paths, all 417', () => {
    expect(kat39.inclusion_paths.rows).toHaveLength(417)
    for (const [i, s, path, peak, slot] of kat39.inclusion_paths.rows) {
      expect(inclusionPathIndices(node(i), size(s))).toEqual(path.map(BigInt))
      const height = kat39.index_height[peak]!
      expect(coveringPeak(node(i), size(s))).toEqual({ index: BigInt(peak), height, slot })
      expect(path).toHaveLength(height - kat39.index_height[i]!)
    }
  })
})

describe('beyond 32 and 53 bits', () => {
  test('height, leaves, first complete size', () => {
    for (const row of large.index_height) {
      expect(heightOf(node(row.i))).toBe(row.height)
      expect(firstCompleteSize(node(row.i))).toBe(BigInt(row.first_complete_size))
      expect(leavesWithin(size(BigInt(row.i) + 1n))).toBe(BigInt(row.leaf_count))
    }
  })

  test('leaf index to node index and back', () => {
    for (const row of large.leaf_to_node) {
      expect(nodeIndexOf(leaf(row.leaf_index))).toBe(BigInt(row.node_index))
      expect(leafIndexOf(node(row.node_index))).toBe(BigInt(row.leaf_index))
    }
  })

  test('sizes, peaks, paths', () => {
    for (const row of large.complete) {
      expect(sizeOf(count(row.leaf_count))).toBe(BigInt(row.size))
      expect(leafCountOf(size(row.size))).toBe(BigInt(row.leaf_count))
      expect(peakIndices(size(row.size))).toEqual(row.peak_indices.map(BigInt))
      expect(nodeIndexOf(leaf(row.sample_leaf_index))).toBe(BigInt(row.sample_node_index))
      const path = inclusionPathIndices(node(row.sample_node_index), size(row.size))
      expect(path).toEqual(row.sample_path_node_indices.map(BigInt))
      expect(isCompleteSize(BigInt(row.size) + 1n)).toBe(peakIndices(size(row.size)).at(-1) !== BigInt(row.size) - 1n)
    }
  })

  test('the largest tree, and one beyond', () => {
    expect(TREE_SIZE_MAX).toBe(9223372036854775807n)
    expect(sizeOf(count(1n << 62n))).toBe(TREE_SIZE_MAX)
    expect(peakIndices(TREE_SIZE_MAX)).toEqual([TREE_SIZE_MAX - 1n])
    expect(inclusionPathIndices(node(0), TREE_SIZE_MAX)).toHaveLength(62)
    expect(nodeIndex(TREE_SIZE_MAX - 1n)).toBe(TREE_SIZE_MAX - 1n)
    expect(leafIndex((1n << 62n) - 1n)).toBe((1n << 62n) - 1n)
    expect(() => nodeIndex(TREE_SIZE_MAX)).toThrow(NodeIndexError)
    expect(() => leafIndex(1n << 62n)).toThrow(LeafCountError)
    expect(() => sizeOf(count((1n << 62n) + 1n))).toThrow(LeafCountError)
    expect(() => treeSize(TREE_SIZE_MAX + 1n)).toThrow(TreeSizeError)
    expect(isCompleteSize(TREE_SIZE_MAX + 1n)).toBe(false)
  })
})

describe('bounds', () => {
  test('negative numbers are refused', () => {
    expect(() => nodeIndex(-1n)).toThrow(NodeIndexError)
    for (const below of [-1n, -2n, -3n, -100n]) expect(() => heightOf(node(below))).toThrow(NodeIndexError)
    expect(() => leafIndex(-1n)).toThrow(LeafCountError)
    expect(() => sizeOf(count(-1n))).toThrow(LeafCountError)
    expect(() => treeSize(-1n)).toThrow(TreeSizeError)
    expect(isCompleteSize(-1n)).toBe(false)
    expect(() => coveringPeak(node(-1), size(7))).toThrow(NodeIndexError)
  })

  test('the empty range has no peaks and no nodes', () => {
    expect(leafCountOf(size(0))).toBe(0n)
    expect(peakIndices(size(0))).toEqual([])
    expect(() => inclusionPathIndices(node(0), size(0))).toThrow(NodeIndexError)
  })

  test('a node must be within the size', () => {
    expect(inclusionPathIndices(node(6), size(7))).toEqual([])
    expect(() => inclusionPathIndices(node(7), size(7))).toThrow(NodeIndexError)
    expect(() => coveringPeak(node(7), size(7))).toThrow(
      expect.objectContaining({ name: 'NodeIndexError', index: 7n, size: 7n }),
    )
  })

  test('perfect sizes', () => {
    const perfect = Array.from({ length: 130 }, (_, s) => s).filter((s) => isPerfectSize(BigInt(s)))
    expect(perfect).toEqual([0, 1, 3, 7, 15, 31, 63, 127])
  })
})

test('agrees with the explicit tree up to 700 leaves', () => {
  const leaves = Array.from({ length: 700 }, (_, e) => digest(new Uint8Array([e >> 8, e & 255])))
  for (const n of [1, 2, 3, 5, 64, 127, 128, 129, 333, 511, 512, 700]) {
    const range = oracleRange(leaves.slice(0, n))
    const s = size(range.nodes.length)
    expect(sizeOf(count(n))).toBe(s)
    expect(peakIndices(s)).toEqual(range.peaks.map(({ index }) => BigInt(index)))
    expect(range.leaves.map((_, e) => Number(nodeIndexOf(leaf(e))))).toEqual(range.leaves.map(({ index }) => index))
    for (const each of range.nodes) {
      const index = node(each.index)
      const peak = oraclePeak(each)
      expect(heightOf(index)).toBe(each.height)
      expect(coveringPeak(index, s)).toEqual({
        index: BigInt(peak.index),
        height: peak.height,
        slot: range.peaks.indexOf(peak),
      })
      if (each.parent === undefined) continue
      const { isRight, parent } = familyOf(index, each.height)
      expect([isRight, parent]).toEqual([each.parent.right === each, BigInt(each.parent.index)])
      expect(childrenOf(parent)).toEqual([BigInt(each.parent.left!.index), BigInt(each.parent.right!.index)])
    }
  }
})
