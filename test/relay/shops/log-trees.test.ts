/** The trees over a log as they are stored, against ones that are computed anew from all leaves. */

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/bytes/hash.node.js'
import { concatBytes } from '../../../src/bytes/bytes.js'
import { Accumulator } from '../../../src/merkle/accumulator.js'
import { Mmr } from '../../../src/merkle/mmr.js'
import { nodeIndex, treeSize } from '../../../src/merkle/mmr-index.js'
import { logLeafBytes, setDigest } from '../../../src/proofs/log-leaf.js'
import { appendSet, logTreeRows, NO_PEAKS, ShopLog } from '../../../src/relay/shops/log-trees.js'
import { memoryStore } from '../../../src/store/memory.js'
import type { Store } from '../../../src/store/store.js'
import { filled } from '../../fixtures/sample-shop.js'
import { recordOf, shopRow } from '../../fixtures/store.arbitrary.js'

const root = (seq: number) => filled(32, seq % 251)

/** As RFC 6962 §2.1 writes it. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return sha256(concatBytes(Uint8Array.of(0), leaves[0]!))
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  const [left, right] = [treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split))]
  return sha256(concatBytes(Uint8Array.of(1), left, right))
}

/** What a row of before held of the set of the last leaf: all nodes. */
function wholly(range: Accumulator, leaves: readonly Uint8Array[]): Uint8Array {
  const seq = leaves.length
  const nodes = range.append(sha256(leaves.at(-1)!))
  const treeNodes = nodes.map((_node, level) => treeHash(leaves.slice(seq - 2 ** level)))
  return concatBytes(root(seq), ...nodes, ...treeNodes)
}

/** Commits sets in batches of these sizes, the first `early` of them as before; the leaves of all of them. */
async function written(store: Store, batches: readonly number[], early = 0): Promise<Uint8Array[]> {
  await store.commit({ records: [], newShops: [shopRow(1n)] })
  let peaks = NO_PEAKS
  const range = new Accumulator()
  const leaves: Uint8Array[] = []
  for (const [batch, sets] of batches.entries()) {
    const first = leaves.length + 1
    const records = Array.from({ length: sets }, (_, i) => recordOf(first + i))
    const added = records.map((record) => {
      const made = appendSet(peaks, record, root(record.seq))
      peaks = made.peaks
      leaves.push(
        logLeafBytes({
          Seq: BigInt(record.seq),
          Set: setDigest(record.header, record.signature),
          StateRoot: root(record.seq),
        }),
      )
      const whole = wholly(range, leaves)
      return batch < early ? whole : made.added
    })
    const logTrees = logTreeRows(first, added).map((row) => ({ shopId: 1n, ...row }))
    await store.commit({ records: records.map((record) => ({ shopId: 1n, record })), logTrees })
  }
  expect(new ShopLog(store, 1n).peaks(leaves.length)).toEqual(peaks)
  return leaves
}

const BATCHES = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 })

describe('the trees over a log', () => {
  it('are those that all leaves make, at every length and in whatever rows', async () => {
    await fc.assert(
      fc.asyncProperty(BATCHES, fc.nat(4), async (batches, early) => {
        const store = memoryStore()
        const leaves = await written(store, batches, early)
        const log = new ShopLog(store, 1n)
        const range = new Mmr()
        for (const leaf of leaves) range.append(sha256(leaf))
        for (let index = 0n; index < range.size; index++)
          expect(log.node(nodeIndex(index))).toEqual(range.node(nodeIndex(index)))
        for (const [i] of leaves.entries()) {
          const seq = i + 1
          expect(log.stateRoot(seq)).toEqual(root(seq))
          const size = BigInt(2 * seq - seq.toString(2).replaceAll('0', '').length)
          expect(log.peaks(seq).mmr).toEqual(range.peaks(treeSize(size)))
        }
        for (let level = 0; 2 ** level <= leaves.length; level++)
          for (let at = 0; (at + 1) * 2 ** level <= leaves.length; at++)
            expect(log.treeNode(level, at)).toEqual(treeHash(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level)))
        const { tree } = log.peaks(leaves.length)
        const folded = tree.reduceRight((right, left) => sha256(concatBytes(Uint8Array.of(1), left, right)))
        expect(folded).toEqual(treeHash(leaves))
      }),
      { numRuns: 15 },
    )
  })

  it('are asked for while the log grows', async () => {
    const store = memoryStore()
    await store.commit({ records: [], newShops: [shopRow(1n)] })
    const log = new ShopLog(store, 1n)
    let peaks = NO_PEAKS
    for (let seq = 1; seq <= 40; seq++) {
      const made = appendSet(peaks, recordOf(seq), root(seq))
      peaks = made.peaks
      const logTrees = logTreeRows(seq, [made.added]).map((row) => ({ shopId: 1n, ...row }))
      await store.commit({ records: [{ shopId: 1n, record: recordOf(seq) }], logTrees })
      expect(log.peaks(seq)).toEqual(peaks)
      expect(log.added(seq)).toEqual(made.added)
    }
  })

  it('are kept from level 3 up', async () => {
    const store = memoryStore()
    await written(store, [64])
    expect(store.logTreeRow(1n, 1).bytes.length).toBe((64 + 2 * 15) * 32)
  })

  it('tell the Set of a leaf from the log', async () => {
    const store = memoryStore()
    await written(store, [5])
    const { header, signature } = recordOf(3)
    expect(new ShopLog(store, 1n).setDigest(3)).toEqual(setDigest(header, signature))
  })

  it('of a set that is not there nobody is told anything', async () => {
    const store = memoryStore()
    await written(store, [5])
    const log = new ShopLog(store, 1n)
    for (const seq of [0, 6]) expect(() => log.stateRoot(seq)).toThrow(`the trees have no set ${seq}`)
  })
})
