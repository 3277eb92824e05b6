/**
 * Both trees over a log's leaves, by what appending needs: the mountain range of PROOFS §2 and the tree of RFC 6962
 * §2.1 of §8 (leaf H(0x00 ‖ B), node H(0x01 ‖ left ‖ right)). Every node that a leaf completes is compared with the
 * stored one.
 *
 * Tests: test/relay/audit/log-audit.test.ts
 */

import { sha256 } from '#hash'
import type { Seq } from '../../brands.js'
import { concatBytes } from '../../bytes/bytes.js'
import { Accumulator } from '../../merkle/accumulator.js'
import type { NodeIndex } from '../../merkle/mmr-index.js'
import { logLeafBytes, setDigest } from '../../proofs/log-leaf.js'
import { logIndexOf } from '../../proofs/log-proof.js'
import type { LogRecord } from '../../store/store.js'
import { differenceOf, type Difference } from './difference.js'

/** What is kept of both trees; undefined where nothing is. */
export interface StoredNodes {
  /** Of the mountain range, 32 bytes. */
  node(index: NodeIndex): Uint8Array | undefined
  /** The root over the leaves index · 2^level … (index + 1) · 2^level − 1 of the other tree, 32 bytes. */
  treeNode(level: number, index: number): Uint8Array | undefined
}

const LEAF = Uint8Array.of(0x00)
const NODE = Uint8Array.of(0x01)

export class LogTrees {
  private readonly range = new Accumulator()
  private readonly perfect: Uint8Array[] = []

  /** Highest first; of the mountain range. */
  get peaks(): Uint8Array[] {
    return this.range.peaks
  }

  /** The next set, with the state root (32 bytes) after it. The first node that is stored as another, if any. */
  append(record: LogRecord, stateRoot: Uint8Array, stored: StoredNodes | undefined): Difference | undefined {
    const Set = setDigest(record.header, record.signature)
    const leaf = logLeafBytes({ Seq: BigInt(record.seq), Set, StateRoot: stateRoot })
    return this.appendToRange(record.seq, leaf, stored) ?? this.appendToTree(record.seq, leaf, stored)
  }

  private appendToRange(seq: Seq, leaf: Uint8Array, stored: StoredNodes | undefined): Difference | undefined {
    const made = this.range.append(sha256(leaf))
    if (stored === undefined) return undefined
    const first = logIndexOf(BigInt(seq))
    for (const [i, value] of made.entries()) {
      const index = (first + BigInt(i)) as NodeIndex
      const place = { kind: 'log-node', seq, text: `node ${index} of the log's range` } as const
      const difference = differenceOf(place, stored.node(index), value)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  private appendToTree(seq: Seq, leaf: Uint8Array, stored: StoredNodes | undefined): Difference | undefined {
    let value = sha256(concatBytes(LEAF, leaf))
    let difference: Difference | undefined
    for (let level = 0, index = seq - 1; ; level++, index = (index - 1) / 2) {
      const place = { kind: 'tree-node', seq, text: `node ${index} of level ${level} of the log's tree` } as const
      if (stored !== undefined) difference ??= differenceOf(place, stored.treeNode(level, index), value)
      if (index % 2 === 0) break
      value = sha256(concatBytes(NODE, this.perfect.pop()!, value))
    }
    this.perfect.push(value)
    return difference
  }
}
