import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Accumulator, appendLeaves, PeakCountError } from '../../src/merkle/accumulator.js'
import { LeafCountError, type LeafCount } from '../../src/merkle/mmr-index.js'
import { NodeValueError } from '../../src/merkle/node-hash.js'
import { digest, oracleRange } from '../fixtures/mmr-oracle.js'

const leaves = Array.from({ length: 400 }, (_, e) => digest(new Uint8Array([e >> 8, e & 255])))
const count = (value: number | bigint) => BigInt(value) as LeafCount

test('appending set by set gives the nodes and peaks of the explicit tree, at every size', () => {
  let [leafCount, peaks]: [LeafCount, readonly Uint8Array[]] = [count(0), []]
  const nodes: Uint8Array[] = []
  for (const [i, leaf] of leaves.entries()) {
    const appended = appendLeaves(leafCount, peaks, [leaf])
    for (const { index, value } of appended.nodes) {
      expect(index).toBe(BigInt(nodes.length))
      nodes.push(value)
    }
    ;({ leafCount, peaks } = appended)
    expect(leafCount).toBe(BigInt(i + 1))
    expect(peaks).toEqual(oracleRange(leaves.slice(0, i + 1)).peaks.map(({ value }) => value))
  }
  expect(nodes).toEqual(oracleRange(leaves).nodes.map(({ value }) => value))
})

test('in whatever pieces leaves are appended, the nodes are the same', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { minLength: 1, maxLength: 9 }), (pieces) => {
      let [leafCount, peaks]: [LeafCount, readonly Uint8Array[]] = [count(0), []]
      const nodes: Uint8Array[] = []
      for (const piece of pieces) {
        const start = Number(leafCount)
        const appended = appendLeaves(leafCount, peaks, leaves.slice(start, start + piece))
        nodes.push(...appended.nodes.map(({ value }) => value))
        ;({ leafCount, peaks } = appended)
      }
      expect(nodes).toEqual(oracleRange(leaves.slice(0, Number(leafCount))).nodes.map(({ value }) => value))
    }),
    { numRuns: 40 },
  )
})

test('what it goes on from stays as it is', () => {
  const peaks = oracleRange(leaves.slice(0, 7)).peaks.map(({ value }) => value)
  const before = structuredClone(peaks)
  expect(appendLeaves(count(7), peaks, leaves.slice(7, 9)).peaks).toHaveLength(2)
  expect(peaks).toEqual(before)
  expect(appendLeaves(count(7), peaks, [])).toEqual({ nodes: [], leafCount: 7n, peaks })
})

test('peaks fit the number of leaves, and every value has 32 bytes', () => {
  for (const wrong of [[], [leaves[0]!], [leaves[0]!, leaves[1]!, leaves[2]!]])
    expect(() => appendLeaves(count(3), wrong, [])).toThrow(PeakCountError)
  expect(() => appendLeaves(count(1), [new Uint8Array(31)], [])).toThrow(NodeValueError)
  expect(() => appendLeaves(count(-1), [], [])).toThrow(LeafCountError)
  expect(() => appendLeaves(count(1n << 52n), [leaves[0]!], [])).toThrow(LeafCountError)
})

test('a leaf of another length leaves no trace', () => {
  const accumulator = new Accumulator()
  accumulator.append(leaves[0]!)
  expect(() => accumulator.append(new Uint8Array(33))).toThrow(NodeValueError)
  expect([accumulator.leafCount, accumulator.peaks]).toEqual([1n, [leaves[0]]])
})

test('positions above 32 bits are hashed whole', () => {
  const [left, right] = [leaves[0]!, leaves[1]!]
  const before = (1n << 40n) + 1n
  const { nodes } = appendLeaves(count(before), [left, left], [right])
  const position = new Uint8Array(8)
  new DataView(position.buffer).setBigUint64(0, nodes[1]!.index + 1n)
  expect(nodes[1]!.index).toBeGreaterThan(2n ** 40n)
  expect(nodes[1]!.value).toEqual(digest(position, left, right))
})
