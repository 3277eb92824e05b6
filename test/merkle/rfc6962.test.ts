/** The tree of RFC 6962 against its definitions, recomputed from all leaves each time. */

import { describe, expect, test } from 'vitest'
import { sha256 } from '#hash'
import { concatBytes } from '../../src/bytes/bytes.js'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import { LeafCountError, leafIndex, nodeIndexOf } from '../../src/merkle/mmr-index.js'
import { ProofError } from '../../src/merkle/proof-error.js'
import {
  rootFromInclusion,
  rootOfPeaks,
  TreeAppender,
  treeConsistency,
  treeInclusionPath,
  treeLeafHash,
  treeNodeHash,
  treePeaks,
  treeRoot,
  verifyTreeConsistency,
  verifyTreeInclusion,
  type SubtreeNode,
} from '../../src/merkle/rfc6962.js'
import { notes } from '../fixtures/note-kat.js'

const SIZES = 40
const leaves = Array.from({ length: SIZES }, (_, i) => Uint8Array.of(i, 0x5a))
const hashes = leaves.map(treeLeafHash)

// The definitions of RFC 6962 §2.1, word for word.

function mth(list: readonly Uint8Array[]): Uint8Array {
  if (list.length === 0) return sha256(new Uint8Array(0))
  if (list.length === 1) return sha256(concatBytes(Uint8Array.of(0), list[0]!))
  const k = split(list.length)
  return sha256(concatBytes(Uint8Array.of(1), mth(list.slice(0, k)), mth(list.slice(k))))
}

function audit(m: number, list: readonly Uint8Array[]): Uint8Array[] {
  if (list.length === 1) return []
  const k = split(list.length)
  if (m < k) return [...audit(m, list.slice(0, k)), mth(list.slice(k))]
  return [...audit(m - k, list.slice(k)), mth(list.slice(0, k))]
}

function subproof(m: number, list: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  if (m === list.length) return isWhole ? [] : [mth(list)]
  const k = split(list.length)
  if (m <= k) return [...subproof(m, list.slice(0, k), isWhole), mth(list.slice(k))]
  return [...subproof(m - k, list.slice(k), false), mth(list.slice(0, k))]
}

function split(size: number): number {
  let k = 1
  while (2 * k < size) k *= 2
  return k
}

// What a relay stores

const stored = new Map<string, Uint8Array>()
const appender = new TreeAppender()
const made: SubtreeNode[] = hashes.flatMap((hash) => appender.append(hash))
for (const { level, index, value } of made) stored.set(`${level} ${index}`, value)
const read = (level: number, index: number) => stored.get(`${level} ${index}`)!
const hex = (list: readonly Uint8Array[]) => list.map(toHex)
const rootAt = (size: number) => ({ size: BigInt(size), root: mth(leaves.slice(0, size)) })

function refusedAs(act: () => void): string {
  try {
    act()
  } catch (error) {
    if (error instanceof ProofError) return error.code
    throw error
  }
  return 'accepted'
}

describe('what is made', () => {
  test('roots and peaks of every size, by appending and from what is stored', () => {
    const grown = new TreeAppender()
    for (let size = 0; size <= SIZES; size++) {
      expect(toHex(grown.root())).toBe(toHex(mth(leaves.slice(0, size))))
      expect(toHex(treeRoot(size, read))).toBe(toHex(grown.root()))
      expect(hex(treePeaks(size).map(({ level, index }) => read(level, index)))).toEqual(hex(grown.peaks))
      if (size < SIZES) grown.append(hashes[size]!)
    }
  })

  test('nodes in the places of a mountain range over the same leaves', () => {
    for (const [place, { level, index }] of made.entries()) {
      const last = (index + 1) * 2 ** level - 1
      expect(Number(nodeIndexOf(leafIndex(BigInt(last)))) + level).toBe(place)
    }
  })

  test('goes on from peaks', () => {
    for (let size = 0; size < SIZES; size++) {
      const peaks = treePeaks(size).map(({ level, index }) => read(level, index))
      const goneOn = new TreeAppender(size, peaks)
      const nodes = goneOn.append(hashes[size]!)
      expect(nodes.map(({ level, index, value }) => [level, index, toHex(value)])).toEqual(
        nodes.map(({ level, index }) => [level, index, toHex(read(level, index))]),
      )
      expect([goneOn.size, toHex(goneOn.root())]).toEqual([size + 1, toHex(treeRoot(size + 1, read))])
    }
  })

  test('every path and every consistency as the definitions have them', () => {
    for (let size = 1; size <= SIZES; size++) {
      const list = leaves.slice(0, size)
      for (let m = 0; m < size; m++) {
        expect(hex(treeInclusionPath(m, size, read))).toEqual(hex(audit(m, list)))
        expect(hex(treeConsistency(m + 1, size, read))).toEqual(hex(subproof(m + 1, list, true)))
      }
    }
  })

  test('splits large sizes exactly', () => {
    const size = 2 ** 50 - 1
    expect(treePeaks(size).map(({ level }) => level)).toEqual(Array.from({ length: 50 }, (_, i) => 49 - i))
    expect(treeInclusionPath(size - 1, size, () => new Uint8Array(32))).toHaveLength(49)
    expect(treeInclusionPath(0, size, () => new Uint8Array(32))).toHaveLength(50)
  })

  test('the specification’s leaves and roots', () => {
    const tree = new TreeAppender()
    for (const [i, statement] of notes.statements.entries()) {
      expect(toHex(treeLeafHash(fromHex(statement)))).toBe(notes.leaves[i])
      tree.append(fromHex(notes.leaves[i]!))
      expect(toHex(tree.root())).toBe(notes.roots[i])
    }
  })

  test('nothing of what no tree has', () => {
    expect(() => new TreeAppender(-1)).toThrow(LeafCountError)
    expect(() => new TreeAppender(0.5)).toThrow(LeafCountError)
    expect(() => new TreeAppender(2 ** 52)).toThrow(LeafCountError)
    expect(refusedAs(() => new TreeAppender(3, [hashes[0]!]))).toBe('peak-count')
    expect(() => new TreeAppender().append(new Uint8Array(31))).toThrow('32 bytes')
    expect(() => treeNodeHash(new Uint8Array(32), new Uint8Array(33))).toThrow('32 bytes')
    expect(() => treeRoot(1, () => new Uint8Array(0))).toThrow('32 bytes')
    expect(refusedAs(() => treeInclusionPath(3, 3, read))).toBe('node-index')
    expect(refusedAs(() => treeConsistency(4, 3, read))).toBe('tree-size')
    expect(toHex(rootOfPeaks([]))).toBe(toHex(sha256(new Uint8Array(0))))
  })
})

describe('inclusion', () => {
  test('holds for its leaf, index, size and root, and for no other', () => {
    for (let size = 1; size <= 20; size++)
      for (let m = 0; m < size; m++) {
        const path = audit(m, leaves.slice(0, size))
        const check = (index: number, of: number, leaf: Uint8Array, siblings: readonly Uint8Array[]) =>
          refusedAs(() => verifyTreeInclusion(BigInt(index), BigInt(of), leaf, siblings, rootAt(size).root))
        expect(check(m, size, hashes[m]!, path)).toBe('accepted')
        expect(check(m, size, hashes[m + 1]!, path)).toBe('root')
        for (let other = 0; other < size; other++)
          if (other !== m) expect(check(other, size, hashes[m]!, path)).toMatch(/^(root|path-length)$/u)
        expect(check(m, size, hashes[m]!, [...path, new Uint8Array(32)])).toBe('path-length')
        if (path.length > 0) expect(check(m, size, hashes[m]!, path.slice(1))).toBe('path-length')
        for (const place of path.keys()) {
          const changed = path.map((sibling, i) => (i === place ? sibling.map((byte) => byte ^ 1) : sibling))
          expect(check(m, size, hashes[m]!, changed)).toBe('root')
        }
      }
  })

  test('of sizes and indices that no tree has, and elements of other lengths', () => {
    const check = (index: bigint, size: bigint, path: readonly Uint8Array[] = []) =>
      refusedAs(() => rootFromInclusion(index, size, hashes[0]!, path))
    expect(check(0n, 0n)).toBe('node-index')
    expect(check(1n, 1n)).toBe('node-index')
    expect(check(-1n, 1n)).toBe('node-index')
    expect(check(0n, 2n ** 63n)).toBe('tree-size')
    expect(check(0n, 2n, [new Uint8Array(31)])).toBe('element-length')
    expect(check(0n, 2n ** 62n)).toBe('path-length')
  })
})

describe('consistency', () => {
  test('holds between any two sizes, and not for other roots, sizes or paths', () => {
    for (let size2 = 1; size2 <= 20; size2++)
      for (let size1 = 1; size1 <= size2; size1++) {
        const path = subproof(size1, leaves.slice(0, size2), true)
        const [one, two] = [rootAt(size1), rootAt(size2)]
        expect(refusedAs(() => verifyTreeConsistency(one, two, path))).toBe('accepted')
        const other = { ...one, root: one.root.map((byte) => byte ^ 1) }
        expect(refusedAs(() => verifyTreeConsistency(other, two, path))).toBe('root')
        expect(refusedAs(() => verifyTreeConsistency(one, { ...two, root: rootAt(21).root }, path))).toBe('root')
        expect(refusedAs(() => verifyTreeConsistency(one, two, [...path, new Uint8Array(32)]))).toBe('path-length')
        if (path.length > 0)
          expect(refusedAs(() => verifyTreeConsistency(one, two, path.slice(1)))).toMatch(/^(root|path-length)$/u)
        for (const place of path.keys()) {
          const changed = path.map((sibling, i) => (i === place ? sibling.map((byte) => byte ^ 1) : sibling))
          expect(refusedAs(() => verifyTreeConsistency(one, two, changed))).toBe('root')
        }
      }
  })

  test('of nothing, or backwards, shows nothing', () => {
    expect(refusedAs(() => verifyTreeConsistency(rootAt(0), rootAt(3), []))).toBe('tree-size')
    expect(refusedAs(() => verifyTreeConsistency(rootAt(3), rootAt(2), []))).toBe('tree-size')
    expect(refusedAs(() => verifyTreeConsistency(rootAt(3), rootAt(4), []))).toBe('path-length')
  })
})
