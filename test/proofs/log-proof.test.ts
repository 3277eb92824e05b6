/** Proofs of the shop log against the explicit tree, and every way in which one of them can be another. */

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encode } from '../../src/codec/encode.js'
import type { NodeIndex } from '../../src/merkle/mmr-index.js'
import { NodeValueError } from '../../src/merkle/node-hash.js'
import { ProofError, type ProofErrorCode } from '../../src/merkle/proof-error.js'
import { logLeafHash } from '../../src/proofs/log-leaf.js'
import {
  decodeLogConsistency,
  encodeLogConsistency,
  logConsistency,
  verifyLogConsistency,
  type LogConsistency,
} from '../../src/proofs/log-consistency.js'
import {
  decodeLogInclusion,
  encodeLogInclusion,
  logInclusion,
  LogSeqError,
  verifyLogInclusion,
  type LogHead,
  type LogInclusion,
} from '../../src/proofs/log-proof.js'
import { bitFlips } from '../fixtures/checkpoints.js'
import { oracleConsistency, oracleInclusion } from '../fixtures/log-oracle.js'
import { digest, oracleRange, type OracleRange } from '../fixtures/mmr-oracle.js'

const SETS = 300
const leafOf = (seq: number) => ({
  Seq: BigInt(seq),
  Set: digest(Uint8Array.of(1, seq >> 8, seq & 255)),
  StateRoot: digest(Uint8Array.of(2, seq >> 8, seq & 255)),
})
const hashes = Array.from({ length: SETS }, (_, i) => logLeafHash(leafOf(i + 1)))
const ranges = Array.from({ length: SETS + 1 }, (_, n) => oracleRange(hashes.slice(0, n)))
const nodes = ranges[SETS]!.nodes.map(({ value }) => value)
const read = (index: NodeIndex) => nodes[Number(index)]!
const headOf = (seq: number): LogHead => ({ Seq: BigInt(seq), Peaks: peaksOf(ranges[seq]!) })

function peaksOf(range: OracleRange): Uint8Array[] {
  return range.peaks.map(({ value }) => value)
}

function included(seq: number, head: number): LogInclusion {
  return logInclusion(BigInt(seq), BigInt(head), read)
}

function consistent(seq1: number, seq2: number): LogConsistency {
  return logConsistency(BigInt(seq1), BigInt(seq2), read)
}

function expectCode(code: ProofErrorCode, verify: () => void): void {
  expect(verify).toThrow(ProofError)
  expect(verify).toThrow(expect.objectContaining({ code }))
}

describe('made proofs are those of the explicit tree, and hold', () => {
  test(`inclusion of every set at every head up to 64, of the outermost up to ${SETS}`, () => {
    for (let head = 1; head <= SETS; head++)
      for (let seq = 1; seq <= head; seq += head <= 64 ? 1 : Math.max(1, head - 1)) {
        const made = included(seq, head)
        expect(made).toEqual(oracleInclusion(ranges[head]!, seq))
        verifyLogInclusion(decodeLogInclusion(encodeLogInclusion(made)), leafOf(seq), headOf(head))
      }
  })

  test('consistency of every pair up to 200', { timeout: 120_000 }, () => {
    for (let seq2 = 2; seq2 <= 200; seq2++)
      for (let seq1 = 1; seq1 < seq2; seq1++) {
        const made = consistent(seq1, seq2)
        const wanted = oracleConsistency(ranges[seq1]!, ranges[seq2]!)
        if (!sameBytes(made, wanted)) expect(made).toEqual(wanted)
        verifyLogConsistency(decodeLogConsistency(encodeLogConsistency(made)), headOf(seq1), headOf(seq2))
      }
  })

  test(`of any seqs up to ${SETS}`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: SETS }), fc.nat(), fc.nat(), (seq2, a, b) => {
        const [seq, seq1] = [1 + (a % seq2), 1 + (b % (seq2 - 1))]
        expect(included(seq, seq2)).toEqual(oracleInclusion(ranges[seq2]!, seq))
        verifyLogInclusion(included(seq, seq2), leafOf(seq), headOf(seq2))
        expect(consistent(seq1, seq2)).toEqual(oracleConsistency(ranges[seq1]!, ranges[seq2]!))
        verifyLogConsistency(consistent(seq1, seq2), headOf(seq1), headOf(seq2))
      }),
      { numRuns: 300 },
    )
  })
})

describe('an inclusion is refused', () => {
  const cases = [
    [1, 1],
    [5, 7],
    [6, 12],
    [12, 12],
    [13, 13],
  ] as const

  test('with any single bit flipped, of the proof, the leaf or the head', () => {
    for (const [seq, head] of cases) {
      const [leaf, proven] = [leafOf(seq), headOf(head)]
      for (const flipped of bitFlips(encodeLogInclusion(included(seq, head))))
        expect(() => verifyLogInclusion(decodeLogInclusion(flipped), leaf, proven)).toThrow(ProofError)
      for (const field of ['Set', 'StateRoot'] as const)
        for (const value of bitFlips(leaf[field]))
          expectCode('root', () => verifyLogInclusion(included(seq, head), { ...leaf, [field]: value }, proven))
      const covering = oracleRange(hashes.slice(0, head)).peaks.findIndex((peak) => isUnder(peak.value, seq, head))
      for (const peak of bitFlips(proven.Peaks[covering]!)) {
        const Peaks = proven.Peaks.with(covering, peak)
        expectCode('root', () => verifyLogInclusion(included(seq, head), leaf, { ...proven, Peaks }))
      }
    }
  })

  test('for another set, or under another head', () => {
    for (let head = 1; head <= 20; head++)
      for (let seq = 1; seq <= head; seq++)
        for (let other = 1; other <= 20; other++) {
          const proof = included(seq, head)
          if (other !== seq) expect(() => verifyLogInclusion(proof, leafOf(other), headOf(head))).toThrow(ProofError)
          if (other !== head && !isSame(proof, seq, other))
            expect(() => verifyLogInclusion(proof, leafOf(seq), headOf(other))).toThrow(ProofError)
        }
  })

  test('with a path that is shorter, longer or in another order', () => {
    for (const [seq, head] of cases) {
      const [index, path] = included(seq, head)
      const verify = (changed: readonly Uint8Array[]) => verifyLogInclusion([index, changed], leafOf(seq), headOf(head))
      for (const longer of [
        [...path, hashes[0]!],
        [hashes[0]!, ...path],
      ])
        expectCode('path-length', () => verify(longer))
      for (let i = 0; i < path.length; i++) {
        expectCode('path-length', () => verify(path.toSpliced(i, 1)))
        for (let j = 0; j < i; j++) expectCode('root', () => verify(path.with(i, path[j]!).with(j, path[i]!)))
      }
    }
  })

  test('with another index, or a seq beyond the head', () => {
    const [, path] = included(5, 7)
    for (let index = 0n; index < 12n; index++)
      if (index !== 7n) expectCode('node-index', () => verifyLogInclusion([index, path], leafOf(5), headOf(7)))
    expect(() => verifyLogInclusion([8n, path], leafOf(5), headOf(7))).toThrow('set 5 is node 7 of the log, not node 8')
    expectCode('node-index', () => verifyLogInclusion(included(8, 8), leafOf(8), headOf(7)))
    expectCode('node-index', () => verifyLogInclusion([0n, []], { ...leafOf(1), Seq: 0n }, headOf(1)))
  })

  test('under peaks that no log of that many sets has', () => {
    const proof = included(1, 3)
    const { Peaks } = headOf(3)
    verifyLogInclusion(proof, leafOf(1), { Seq: 3n, Peaks })
    for (const wrong of [[], [Peaks[0]!], [...Peaks, Peaks[1]!]])
      expectCode('peak-count', () => verifyLogInclusion(proof, leafOf(1), { Seq: 3n, Peaks: wrong }))
    for (const Seq of [-1n, (1n << 62n) + 1n])
      expectCode('tree-size', () => verifyLogInclusion(proof, leafOf(1), { Seq, Peaks }))
  })

  test('in any form but [index, path]', () => {
    for (const value of [null, [], [0n], [0n, null], [0n, [], []], [true, []], [0n, [new Uint8Array(31)]], [-1n, []]])
      expectCode('proof-form', () => decodeLogInclusion(encode(value)))
    expectCode('proof-form', () => decodeLogInclusion(Uint8Array.of(0x82, 0x18, 0x00, 0x80)))
    expectCode('proof-form', () => decodeLogInclusion(Uint8Array.of(0x82, 0x00, 0x80, 0x00)))
  })
})

describe('a consistency is refused', () => {
  const cases = [
    [1, 2],
    [3, 4],
    [4, 8],
    [7, 12],
    [6, 7],
    [8, 13],
  ] as const

  test('with any single bit flipped, of the proof or of the heads', () => {
    for (const [seq1, seq2] of cases) {
      const [earlier, later] = [headOf(seq1), headOf(seq2)]
      for (const flipped of bitFlips(encodeLogConsistency(consistent(seq1, seq2))))
        expect(() => verifyLogConsistency(decodeLogConsistency(flipped), earlier, later)).toThrow(ProofError)
      for (const [i, peak] of earlier.Peaks.entries())
        for (const flipped of bitFlips(peak)) {
          const Peaks = earlier.Peaks.with(i, flipped)
          expectCode('root', () => verifyLogConsistency(consistent(seq1, seq2), { ...earlier, Peaks }, later))
        }
      for (const [i, peak] of later.Peaks.entries())
        for (const flipped of bitFlips(peak)) {
          const Peaks = later.Peaks.with(i, flipped)
          expect(() => verifyLogConsistency(consistent(seq1, seq2), earlier, { ...later, Peaks })).toThrow(ProofError)
        }
    }
  })

  test('between any other seqs', () => {
    for (const [seq1, seq2] of cases)
      for (let other1 = 1; other1 <= 13; other1++)
        for (let other2 = 1; other2 <= 13; other2++)
          if (other1 !== seq1 || other2 !== seq2)
            expectCode('tree-size', () => verifyLogConsistency(consistent(seq1, seq2), headOf(other1), headOf(other2)))
  })

  test('claimed between other seqs by its first two numbers', () => {
    for (let seq2 = 2; seq2 <= 12; seq2++)
      for (let seq1 = 1; seq1 < seq2; seq1++)
        for (let other2 = 2; other2 <= 12; other2++)
          for (let other1 = 1; other1 < other2; other1++) {
            const [, , paths, rightPeaks] = consistent(seq1, seq2)
            const claimed: LogConsistency = [BigInt(other1), BigInt(other2), paths, rightPeaks]
            const verify = () => verifyLogConsistency(claimed, headOf(other1), headOf(other2))
            if (sameBytes(claimed, consistent(other1, other2))) verify()
            else expect(verify).toThrow(ProofError)
          }
  })

  test('with a path or a right peak that is missing, too many, or in another order', () => {
    for (const [seq1, seq2] of cases) {
      const [a, b, paths, rightPeaks] = consistent(seq1, seq2)
      const verify = (changed: LogConsistency) => verifyLogConsistency(changed, headOf(seq1), headOf(seq2))
      for (const [i, path] of paths.entries()) {
        expectCode('peak-count', () => verify([a, b, paths.toSpliced(i, 1), rightPeaks]))
        expectCode('path-length', () => verify([a, b, paths.with(i, [...path, hashes[0]!]), rightPeaks]))
        for (let j = 0; j < path.length; j++)
          expectCode('path-length', () => verify([a, b, paths.with(i, path.toSpliced(j, 1)), rightPeaks]))
        for (let j = 0; j < i; j++)
          if (path.length + paths[j]!.length > 0)
            expect(() => verify([a, b, paths.with(i, paths[j]!).with(j, path), rightPeaks])).toThrow(ProofError)
      }
      expectCode('peak-count', () => verify([a, b, [...paths, []], rightPeaks]))
      expectCode('right-peaks', () => verify([a, b, paths, [...rightPeaks, hashes[0]!]]))
      for (let i = 0; i < rightPeaks.length; i++)
        expectCode('right-peaks', () => verify([a, b, paths, rightPeaks.toSpliced(i, 1)]))
      if (rightPeaks.length > 1) expectCode('right-peaks', () => verify([a, b, paths, rightPeaks.toReversed()]))
    }
  })

  test('of a log in which any earlier set was rewritten, whatever proof is made of it', () => {
    for (const [seq1, seq2] of cases)
      for (let seq = 1; seq <= seq1; seq++) {
        const rewritten = oracleRange(hashes.slice(0, seq2).with(seq - 1, digest(Uint8Array.of(9))))
        const later = { Seq: BigInt(seq2), Peaks: peaksOf(rewritten) }
        for (const proof of [oracleConsistency(ranges[seq1]!, rewritten), consistent(seq1, seq2)])
          expect(() => verifyLogConsistency(proof, headOf(seq1), later)).toThrow(ProofError)
      }
  })

  test('in any form but [Seq1, Seq2, Paths, RightPeaks]', () => {
    for (const value of [null, [], [1n, 2n, [[]]], [1n, 2n, null, []], [1n, 2n, [null], []], [0n, 2n, [[]], []]])
      expectCode('proof-form', () => decodeLogConsistency(encode(value)))
    expectCode('proof-form', () => decodeLogConsistency(encode([1n, 2n, [[new Uint8Array(33)]], []])))
  })
})

test('nothing is proven of a log that does not have the sets', () => {
  for (const [seq, head] of [
    [0, 3],
    [4, 3],
    [1, 0],
  ] as const)
    expect(() => included(seq, head)).toThrow(LogSeqError)
  for (const [seq1, seq2] of [
    [0, 3],
    [3, 3],
    [4, 3],
  ] as const)
    expect(() => consistent(seq1, seq2)).toThrow(LogSeqError)
  expect(() => logInclusion(1n, 2n, () => new Uint8Array(31))).toThrow(NodeValueError)
})

/** Whether the peak of that value is above set `seq` at `head`. */
function isUnder(peak: Uint8Array, seq: number, head: number): boolean {
  let node = ranges[head]!.leaves[seq - 1]!
  while (node.parent !== undefined) node = node.parent
  return sameBytes(node.value, peak)
}

/** The proof of set `seq` is the same one at `head`: then it holds there, too. */
function isSame(proof: LogInclusion, seq: number, head: number): boolean {
  return seq <= head && sameBytes(proof, included(seq, head))
}

function sameBytes(a: LogConsistency | LogInclusion | Uint8Array, b: typeof a): boolean {
  return Buffer.from(encode(a)).equals(encode(b))
}
