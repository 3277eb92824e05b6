/** Roots, and ways through trees that no real SHA-256 reaches, against the definition. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/bytes/hex.js'
import { foldedRoot } from '../../src/merkle/state-proof-fold.js'
import { walked } from '../../src/merkle/state-proof-maker.js'
import { StateLeafOrderError, StateRootStream } from '../../src/merkle/state-root-stream.js'
import {
  bitAt,
  EMPTY_PLACE,
  interiorDigest,
  sharedBits,
  stateLeaf,
  stateLeafDigest,
  type TreeLeaf,
} from '../../src/merkle/state-tree.js'
import { bitsOf, byKeyHash, hashOf, oracleLeaf, oracleRoot, oracleTree } from '../fixtures/state-tree-oracle.js'

/** K that differ in a few of their bits, the first and the last ones among them: ways of any depth. */
const keyHash = fc
  .uniqueArray(fc.oneof(fc.constantFrom(0, 1, 7, 8, 251, 252, 254, 255), fc.nat({ max: 255 })), { maxLength: 6 })
  .map((bits) => {
    const hash = new Uint8Array(32)
    for (const bit of bits) hash[bit >> 3]! |= 0x80 >> (bit & 7)
    return hash
  })
const keyHashes = fc.uniqueArray(keyHash, { maxLength: 40, selector: toHex })

function leafOf(keyHash: Uint8Array): TreeLeaf {
  return { keyHash, valueHash: hashOf(keyHash, 9), object: { value: keyHash } }
}

function streamed(leaves: readonly TreeLeaf[]): StateRootStream {
  const stream = new StateRootStream()
  for (const leaf of leaves) stream.add(leaf)
  return stream
}

describe('bits of K', () => {
  it('are counted from the most significant one', () => {
    fc.assert(
      fc.property(keyHash, keyHash, (a, b) => {
        expect(Array.from({ length: 256 }, (_, depth) => bitAt(a, depth)).join('')).toBe(bitsOf(a))
        const differs = bitsOf(a)
          .split('')
          .findIndex((bit, i) => bit !== bitsOf(b)[i])
        expect(sharedBits(a, b)).toBe(differs < 0 ? 256 : differs)
      }),
    )
  })
})

describe('digests', () => {
  it('of leaves and interior nodes are of different kinds, and refuse parts of another length', () => {
    const digest = hashOf(1)
    expect(toHex(stateLeafDigest({ keyHash: digest, valueHash: digest }))).toBe(toHex(hashOf(0, digest, digest)))
    expect(toHex(interiorDigest(digest, digest))).toBe(toHex(hashOf(1, digest, digest)))
    expect(() => interiorDigest(digest.subarray(1), new Uint8Array(33))).toThrow('a digest of 31 bytes')
  })

  it('of an order hold its history', () => {
    const object = { value: Uint8Array.of(1), history: { lastSeq: 2n ** 64n - 1n, trail: hashOf(2) } }
    expect(stateLeaf(Uint8Array.of(5), object)).toEqual(oracleLeaf(Uint8Array.of(5), object))
    expect(stateLeaf(Uint8Array.of(5), { value: object.value })).toEqual(
      oracleLeaf(Uint8Array.of(5), { value: object.value }),
    )
  })
})

describe('StateRootStream', () => {
  it('gives the root by definition, after every leaf', () => {
    fc.assert(
      fc.property(keyHashes, (hashes) => {
        const leaves = byKeyHash(hashes.map(leafOf))
        const stream = new StateRootStream()
        expect(stream.root()).toEqual(EMPTY_PLACE)
        for (const [i, leaf] of leaves.entries()) {
          stream.add(leaf)
          expect(toHex(stream.root())).toBe(toHex(oracleRoot(leaves.slice(0, i + 1))))
        }
      }),
    )
  })

  it('refuses a leaf out of order, and one that comes twice, and goes on as before', () => {
    const [first, second, third] = byKeyHash([1, 2, 3].map((byte) => leafOf(hashOf(byte))))
    const stream = streamed([first!, second!])
    expect(() => stream.add(first!)).toThrow(StateLeafOrderError)
    expect(() => stream.add(second!)).toThrow(`K ${toHex(second!.keyHash)} comes after ${toHex(second!.keyHash)}`)
    stream.add(third!)
    expect(toHex(stream.root())).toBe(toHex(oracleRoot([first!, second!, third!])))
  })
})

describe('ways through a tree of any shape', () => {
  it('fold to its root, for one key, many and all, present or absent', () => {
    fc.assert(
      fc.property(keyHashes, keyHashes, ([...hashes], others) => {
        const leaves = hashes.map(leafOf)
        const wanted = byKeyHash(
          [...new Map([...hashes.slice(0, 7), ...others].map((k) => [toHex(k), k])).values()].map(leafOf),
        )
        if (wanted.length === 0) return
        const root = toHex(oracleRoot(leaves))
        for (const targets of [wanted, ...wanted.map((one) => [one])]) {
          const part = walked(
            oracleTree(leaves),
            targets.map(({ keyHash }) => ({ key: keyHash, keyHash })),
          )
          const ends = part.items.map(({ key, depth, answer }) => {
            const present = hashes.some((hash) => toHex(hash) === toHex(key))
            expect(answer.kind === 'object').toBe(present)
            const leaf = answer.kind === 'other-leaf' ? answer.leaf : leafOf(key)
            return { keyHash: key, depth, digest: answer.kind === 'empty' ? EMPTY_PLACE : stateLeafDigest(leaf) }
          })
          expect(toHex(foldedRoot({ collection: 'Tags', ...part }, ends))).toBe(root)
        }
      }),
    )
  })

  it('take no sibling where all is asked', () => {
    const leaves = byKeyHash([1, 2, 3, 4, 5].map((byte) => leafOf(hashOf(byte))))
    const all = leaves.map(({ keyHash }) => ({ key: keyHash, keyHash }))
    expect(walked(oracleTree(leaves), all)).toMatchObject({ siblings: new Uint8Array(0) })
  })
})
