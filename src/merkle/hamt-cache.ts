/** Bounds how many stored trie nodes stay in memory; any number of tries share one cache. */

import type { Branch } from './hamt.js'

/** Drops the nodes that were not asked for since it last came round. Nodes that are not stored are never in it. */
export class NodeCache {
  private readonly maximum: number
  private readonly branches = new Set<Branch>()

  /** `maximum` nodes, ≥ 1. */
  constructor(maximum: number) {
    this.maximum = maximum
  }

  get size(): number {
    return this.branches.size
  }

  /** Takes in a branch whose node is stored and in memory; it is not the one that is dropped. */
  keep(branch: Branch): void {
    this.branches.add(branch)
    for (const oldest of this.branches) {
      if (this.branches.size <= this.maximum) return
      this.branches.delete(oldest)
      if (oldest !== branch && !oldest.used) {
        oldest.node = undefined
        continue
      }
      if (oldest !== branch) oldest.used = false
      this.branches.add(oldest)
    }
  }
}
