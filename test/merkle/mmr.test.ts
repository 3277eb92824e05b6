import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, toHex } from '../../src/bytes/hex.js'
import {
  leafCountOf,
  NodeIndexError,
  TREE_SIZE_MAX,
  TreeSizeError,
  type NodeIndex,
  type Position,
  type TreeSize,
} from '../../src/merkle/mmr-index.js'
import { includedRoot, verifyInclusion, verifyLeafInclusion } from '../../src/merkle/mmr-proof.js'
import { Mmr } from '../../src/merkle/mmr.js'
import { interiorHash, interiorHashAt, NodeValueError } from '../../src/merkle/node-hash.js'
import { ProofError, type ProofErrorCode } from '../../src/merkle/proof-error.js'
import { kat } from '../fixtures/mmr-kat.js'
import { digest, oraclePath, oraclePeak, oracleRange } from '../fixtures/mmr-oracle.js'

const { kat39, large } = kat
const node = (value: number) => BigInt(value) as NodeIndex
const size = (value: number) => BigInt(value) as TreeSize
const hashes = kat39.nodes.map(({ hash }) => fromHex(hash))
const range39 = rangeOver(kat39.leaves.map(({ hash }) => fromHex(hash)))

function rangeOver(leaves: readonly Uint8Array[]): Mmr {
  const range = new Mmr()
  for (const leaf of leaves) range.append(leaf)
  return range
}

function expectCode(code: ProofErrorCode, verify: () => void): void {
  expect(verify).toThrow(ProofError)
  expect(verify).toThrow(expect.objectContaining({ code }))
}

describe('hash of an interior node', () => {
  test('positions beyond 53 bits', () => {
    for (const { pos, a, b, hash } of large.hash_pospair64) {
      const position = BigInt(pos) as Position
      expect(toHex(interiorHash(position, fromHex(a), fromHex(b)))).toBe(hash)
      expect(toHex(interiorHash((position - 1n) as Position, fromHex(a), fromHex(b)))).not.toBe(hash)
      if (position < 2n ** 53n) expect(toHex(interiorHashAt(Number(pos), fromHex(a), fromHex(b)))).toBe(hash)
    }
  })

  test('leaves no trace in the next one', () => {
    const [left, right] = [hashes[0]!, hashes[1]!]
    interiorHash((2n ** 63n - 1n) as Position, right, left)
    expect(interiorHashAt(3, left, right)).toEqual(hashes[2])
  })

  test('children are 32 bytes', () => {
    const whole = new Uint8Array(32)
    for (const length of [0, 31, 33, 64]) {
      expect(() => interiorHash(3n as Position, new Uint8Array(length), whole)).toThrow(NodeValueError)
      expect(() => interiorHashAt(3, whole, new Uint8Array(length))).toThrow(NodeValueError)
    }
  })
})

describe('append', () => {
  test('makes the 39 nodes', () => {
    expect(range39.nodes.map(toHex)).toEqual(kat39.nodes.map(({ hash }) => hash))
    expect(range39.leafCount).toBe(21n)
  })

  test('gives the size, which is the index of the next leaf', () => {
    const range = new Mmr()
    for (const [e, leaf] of kat39.leaves.entries()) {
      expect(range.size).toBe(BigInt(leaf.node_index))
      expect(range.append(fromHex(leaf.hash))).toBe(BigInt(kat39.complete_sizes[e]!))
      expect(leafCountOf(range.size)).toBe(range.leafCount)
    }
  })

  test('a leaf is 32 bytes, and one that is not leaves no trace', () => {
    const range = rangeOver(hashes.slice(0, 1))
    for (const length of [0, 31, 33, 64]) expect(() => range.append(new Uint8Array(length))).toThrow(NodeValueError)
    expect(range.size).toBe(1n)
    expect(range.append(hashes[1]!)).toBe(3n)
    expect(range.node(node(2))).toEqual(hashes[2])
  })
})

describe('peaks', () => {
  test('of every size on the way', () => {
    for (const row of kat39.accumulators) expect(range39.peaks(size(row.size)).map(toHex)).toEqual(row.peak_hashes)
    expect(range39.peaks()).toEqual(range39.peaks(size(39)))
    expect(new Mmr().peaks()).toEqual([])
  })

  test('not of an incomplete size, nor of one not reached', () => {
    for (const incomplete of kat39.incomplete_sizes)
      expect(() => range39.peaks(size(incomplete))).toThrow(TreeSizeError)
    expect(() => range39.peaks(size(41))).toThrow(TreeSizeError)
    expect(() => range39.node(node(39))).toThrow(NodeIndexError)
  })
})

describe('inclusion', () => {
  test('all 417 paths, made and accepted', () => {
    for (const [i, s, indices, peak, slot] of kat39.inclusion_paths.rows) {
      const path = range39.inclusionPath(node(i), size(s))
      expect(path).toEqual(indices.map((index) => hashes[index]))
      expect(includedRoot(node(i), hashes[i]!, path)).toEqual({ index: BigInt(peak), value: hashes[peak] })
      expect(range39.peaks(size(s))[slot]).toEqual(hashes[peak])
      verifyInclusion(node(i), hashes[i]!, path, size(s), range39.peaks(size(s)))
    }
  })

  test('each of them is refused under any neighbouring claim', () => {
    for (const [i, s] of kat39.inclusion_paths.rows) {
      const path = range39.inclusionPath(node(i), size(s))
      const peaks = range39.peaks(size(s))
      const value = hashes[i]!
      expectCode('path-length', () => verifyInclusion(node(i), value, [...path, value], size(s), peaks))
      if (path.length > 0)
        expectCode('path-length', () => verifyInclusion(node(i), value, path.slice(1), size(s), peaks))
      expectCode('root', () => verifyInclusion(node(i), flipped(value), path, size(s), peaks))
      expectCode('node-index', () => verifyInclusion(node(s), value, path, size(s), peaks))
      expectCode('node-index', () => verifyInclusion(node(-1), value, path, size(s), peaks))
      const neighbour = node(i === 0 ? 1 : i - 1)
      expect(() => verifyInclusion(neighbour, value, path, size(s), peaks)).toThrow(ProofError)
    }
  })

  test('an earlier path is a prefix of a later one', () => {
    for (let i = 0; i < 39; i++) {
      let before: Uint8Array[] = []
      for (const s of kat39.complete_sizes.filter((s) => s > i)) {
        const path = range39.inclusionPath(node(i), size(s))
        expect(path.slice(0, before.length)).toEqual(before)
        before = path
      }
    }
  })

  test('preconditions of a path', () => {
    for (const incomplete of kat39.incomplete_sizes)
      expect(() => range39.inclusionPath(node(0), size(incomplete))).toThrow(TreeSizeError)
    expect(() => range39.inclusionPath(node(0), size(41))).toThrow(TreeSizeError)
    expect(() => range39.inclusionPath(node(7), size(7))).toThrow(NodeIndexError)
    expect(() => range39.inclusionPath(node(-1), size(7))).toThrow(NodeIndexError)
  })

  test('a size that is not complete proves nothing', () => {
    const path = range39.inclusionPath(node(0), size(3))
    for (const wrong of [0, -1, ...kat39.incomplete_sizes])
      expectCode('tree-size', () => verifyInclusion(node(0), hashes[0]!, path, size(wrong), range39.peaks(size(3))))
    const beyond = (TREE_SIZE_MAX + 1n) as TreeSize
    expectCode('tree-size', () => verifyInclusion(node(0), hashes[0]!, path, beyond, range39.peaks(size(3))))
  })

  test('every hash is 32 bytes', () => {
    const [l, r] = [hashes[0]!, hashes[1]!]
    const both = new Uint8Array(64)
    both.set(l)
    both.set(r, 32)
    const peaks = range39.peaks(size(3))
    verifyInclusion(node(0), l, [r], size(3), peaks)
    expectCode('element-length', () => verifyInclusion(node(0), both, [new Uint8Array(0)], size(3), peaks))
    expectCode('element-length', () =>
      verifyInclusion(node(0), both.subarray(0, 33), [both.subarray(33)], size(3), peaks),
    )
    expectCode('element-length', () => verifyInclusion(node(0), l, [r], size(3), [peaks[0]!.subarray(1)]))
    expectCode('root', () => verifyInclusion(node(0), l, [r], size(3), []))
    expect(() => includedRoot(node(0), both, [new Uint8Array(0)])).toThrow(NodeValueError)
  })

  test('an interior node is included, but not as a leaf', () => {
    const path = range39.inclusionPath(node(2), size(7))
    const peaks = range39.peaks(size(7))
    verifyInclusion(node(2), hashes[2]!, path, size(7), peaks)
    expectCode('node-index', () => verifyLeafInclusion(node(2), hashes[2]!, path, size(7), peaks))
    verifyLeafInclusion(node(3), hashes[3]!, range39.inclusionPath(node(3), size(7)), size(7), peaks)
    expectCode('node-index', () => verifyLeafInclusion(node(-3), hashes[3]!, path, size(7), peaks))
  })

  test('a path cannot leave the largest tree', () => {
    const path = Array.from({ length: 63 }, () => hashes[0]!)
    expect(includedRoot(node(0), hashes[0]!, path.slice(1)).index).toBe(TREE_SIZE_MAX - 1n)
    expect(() => includedRoot(node(0), hashes[0]!, path)).toThrow(NodeIndexError)
  })
})

test('agrees with the explicit tree', () => {
  const leaves = Array.from({ length: 2_000 }, (_, e) => digest(new Uint8Array([e >> 8, e & 255])))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.nat(), (n, seed) => {
      const expected = oracleRange(leaves.slice(0, n))
      const range = rangeOver(leaves.slice(0, n))
      expect(range.nodes.map(toHex)).toEqual(expected.nodes.map(({ value }) => toHex(value)))
      expect(range.peaks()).toEqual(expected.peaks.map(({ value }) => value))
      const chosen = expected.nodes[seed % expected.nodes.length]!
      const path = range.inclusionPath(node(chosen.index))
      expect(path).toEqual(oraclePath(chosen))
      expect(includedRoot(node(chosen.index), chosen.value, path).index).toBe(BigInt(oraclePeak(chosen).index))
      verifyInclusion(node(chosen.index), chosen.value, path, range.size, range.peaks())
    }),
    { numRuns: 60 },
  )
})

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[7]! ^= 4
  return copy
}
