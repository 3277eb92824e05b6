/**
 * Trie nodes of a shop that have a name and are not on disk yet, before those that are.
 *
 * Tests: test/relay/shops/keeper.test.ts
 */

import type { ShopId } from '../../brands.js'
import type { NodeSource } from '../../merkle/hamt.js'
import type { NodeRef } from '../../merkle/hamt-node.js'
import type { DerivedPart, Store } from '../../store/store.js'

export class PendingNodes implements NodeSource {
  private readonly store: Store
  readonly shopId: ShopId
  private readonly nodes = new Map<NodeRef, Uint8Array>()
  private next: NodeRef | undefined
  private size = 0
  /** A stored node was met that is none. */
  damaged = false

  constructor(store: Store, shopId: ShopId) {
    this.store = store
    this.shopId = shopId
  }

  /** Of the nodes that are not on disk. */
  get bytes(): number {
    return this.size
  }

  readNode(ref: NodeRef): Uint8Array {
    return this.nodes.get(ref) ?? this.store.readNode(this.shopId, ref)
  }

  refused(): void {
    this.damaged = true
  }

  /** That the next node will have: none below it is given again. */
  get nextRef(): NodeRef {
    return (this.next ??= this.store.nextNodeRef(this.shopId))
  }

  /** No ref below it is given. */
  beginAt(ref: NodeRef): void {
    this.next = Math.max(this.nextRef, ref)
  }

  add(bytes: Uint8Array): NodeRef {
    const ref = this.nextRef
    this.next = ref + 1
    this.nodes.set(ref, bytes)
    this.size += bytes.length
    return ref
  }

  pending(): DerivedPart['nodes'] {
    return [...this.nodes].map(([ref, bytes]) => ({ ref, bytes }))
  }

  written(nodes: DerivedPart['nodes']): void {
    for (const { ref, bytes } of nodes) if (this.nodes.delete(ref)) this.size -= bytes.length
  }
}
