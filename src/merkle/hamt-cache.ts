/**
 * Bounds how many stored trie nodes stay in memory; any number of tries share one cache.
 *
 * Tests: test/merkle/hamt-store.test.ts
 */

import { assert } from '../assert.js'
import type { Branch } from './hamt-node.js'

/**
 * Second chance (clock): a hand goes round the nodes and drops the first that was not asked for since it last came by.
 * A ring in an array, because a Set whose oldest members are taken out has to step over their holes. Nodes that are not
 * stored are never in it.
 *
 * @example
 * ```ts
 * import { Hamt, NodeCache } from 'cairn-relay/hamt'
 *
 * const stored: Uint8Array[] = []
 * const root = Hamt.empty.set(Uint8Array.of(1), Uint8Array.of(2)).store((node) => stored.push(node))
 * const trie = Hamt.open(root, { readNode: (ref) => stored[ref - 1]! }, new NodeCache(1_000))
 * console.log(trie.get(Uint8Array.of(1))) // Uint8Array(1) [ 2 ]
 * ```
 */
export class NodeCache {
  private readonly maximum: number
  private readonly ring: Branch[] = []
  private hand = 0

  /** `maximum` nodes, ≥ 1. */
  constructor(maximum: number) {
    assert(maximum >= 1, 'a node cache without room')
    this.maximum = maximum
  }

  get size(): number {
    return this.ring.length
  }

  /**
   * Takes in a branch whose node is stored and in memory, and which is not here already; it is not the one that is
   * dropped.
   */
  keep(branch: Branch): void {
    if (this.ring.length < this.maximum) {
      this.ring.push(branch)
      return
    }
    while (this.ring[this.hand]!.used) this.passOver()
    this.ring[this.hand]!.node = undefined
    this.ring[this.hand] = branch
    this.turn()
  }

  private passOver(): void {
    this.ring[this.hand]!.used = false
    this.turn()
  }

  private turn(): void {
    this.hand = this.hand + 1 === this.ring.length ? 0 : this.hand + 1
  }
}
