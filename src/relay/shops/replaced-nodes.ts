/**
 * Which trie nodes on disk nobody needs any more. What a flush replaces is listed in its own transaction, and removed
 * once nobody holds a state from before it: checkpoints, snapshots and proofs read nodes of older states when they need
 * them. What a crash leaves (nodes of a flush without its roots, lists) goes at the next start, when nobody reads yet.
 *
 * That a state is held by nobody is what the garbage collector says: no reader has to tell, and none can forget to. It
 * may say so late, and never too early.
 *
 * A database of a version that removed nothing is swept once: everything that its roots do not lead to goes.
 *
 * Tests: test/relay/shops/replaced-nodes.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seq, ShopId } from '../../brands.js'
import type { NodeRef } from '../../merkle/hamt-node.js'
import type { ShopState } from '../../state/shop-state.js'
import type { Store } from '../../store/store.js'
import type { ShopVersion } from './shop.js'
import { triesOf } from './stored-state.js'

/** Nodes looked at before others have their turn. */
const SLICE_NODES = 1_024
const SWEPT_AT_ONCE = 4_096

export class ReplacedNodes {
  private readonly store: Store
  private readonly shopId: ShopId
  /** The last state of which nodes were written. */
  private before: ShopState | undefined
  /** Since the last flush that was finished. */
  private gone: NodeRef[] = []
  /** Flushes whose lists are on disk, by their last set; 0: of those before the start. */
  private lists: Seq[] = []
  private readers: { readonly seq: Seq; readonly state: WeakRef<ShopState> }[] = []
  private working: Promise<void> | undefined
  private isEnding = false
  /** Whether all that nobody needs is listed. */
  isListed: boolean

  constructor(store: Store, shopId: ShopId) {
    this.store = store
    this.shopId = shopId
    this.isListed = store.nextNodeRef(shopId) === 1
  }

  /** A shop as it stands on disk, before anything more is written of it: `state` is what its roots lead to. */
  async begin(state: ShopState): Promise<void> {
    await this.working
    this.before = state
    this.gone = []
    this.lists = []
    this.isListed = this.store.nodeRefs(this.shopId, 0, 1).length === 0
  }

  /**
   * After `begin`, while others go on: removes what the relay before left. `found`: the version that the roots lead to,
   * and the first ref that they know nothing of, undefined where that was not kept; `others`: refs that are needed
   * beside. What is stopped at the end of the relay is done at the next start.
   */
  tidy(
    { state, head }: Pick<ShopVersion, 'state' | 'head'>,
    next: NodeRef | undefined,
    others: Iterable<NodeRef>,
  ): Promise<void> {
    const end = this.store.nextNodeRef(this.shopId)
    const work = next === undefined ? this.sweep(end, state, others) : this.removeLeft(head, next, end)
    return (this.working ??= work.finally(() => (this.working = undefined)))
  }

  /** A state that others may hold and read. */
  published({ state, head: seq }: Pick<ShopVersion, 'state' | 'head'>): void {
    this.readers.push({ seq, state: new WeakRef(state) })
  }

  /** Nodes of `state` are going to be written. */
  async compare(state: ShopState): Promise<void> {
    const { before } = this
    this.before = state
    if (before === undefined) return
    const later = new Map(triesOf(state))
    for (const [name, trie] of triesOf(before))
      await eachOf(trie.refsGoneIn(later.get(name)!), (ref) => void this.gone.push(ref))
  }

  /** What the flush that is finished now replaced, rising. */
  get replaced(): readonly NodeRef[] {
    return this.gone.toSorted((a, b) => a - b)
  }

  /** `head`: the last set of the flush. */
  finished(head: Seq): void {
    if (this.gone.length > 0) this.lists.push(head)
    this.gone = []
    this.readers = this.readers.filter(({ state }) => state.deref() !== undefined)
  }

  /** Before the last flush: what was begun is finished, but for a sweep. */
  async end(): Promise<void> {
    this.isEnding = true
    await this.working
  }

  /** Removes what no reader needs; `isEnd`: there are none any more. */
  async free(isEnd = false): Promise<void> {
    if (isEnd) await this.end()
    this.working ??= this.freeUpTo(isEnd).finally(() => (this.working = undefined))
    await this.working
  }

  private async freeUpTo(isEnd: boolean): Promise<void> {
    const [first] = this.lists
    if (first === undefined) return
    const seq = isEnd ? Infinity : this.oldestRead()
    if (first > seq) return
    const due = new Set(this.lists.filter((of) => of <= seq))
    if (await this.store.freeReplaced(this.shopId, seq)) this.lists = this.lists.filter((of) => !due.has(of))
  }

  private oldestRead(): Seq {
    let least = Infinity
    for (const { seq, state } of this.readers) if (seq < least && state.deref() !== undefined) least = seq
    return least
  }

  private async removeLeft(head: Seq, next: NodeRef, end: NodeRef): Promise<void> {
    if (!(await this.store.freeReplaced(this.shopId, head))) this.lists.unshift(0)
    this.isListed = await this.removeUnless((ref) => ref < next || ref >= end, next - 1)
  }

  private async sweep(end: NodeRef, state: ShopState, others: Iterable<NodeRef>): Promise<void> {
    const needed = new Set(others)
    for (const [, trie] of triesOf(state))
      for (const ref of trie.refs()) {
        needed.add(ref)
        if (needed.size % SLICE_NODES === 0) await nextTurn()
        if (this.isEnding) return
      }
    this.isListed = await this.removeUnless(
      (ref) => ref >= end || needed.has(ref),
      0,
      () => this.isEnding,
    )
  }

  /** Whether it came to the end. */
  private async removeUnless(
    isNeeded: (ref: NodeRef) => boolean,
    after: NodeRef,
    isStopped = () => false,
  ): Promise<boolean> {
    for (let last = after; !isStopped();) {
      const refs = this.store.nodeRefs(this.shopId, last, SWEPT_AT_ONCE)
      if (refs.length === 0) return true
      last = refs.at(-1)!
      const unneeded = refs.filter((ref) => !isNeeded(ref))
      if (unneeded.length > 0 && !(await this.store.removeNodes(this.shopId, unneeded))) return false
      await nextTurn()
    }
    return false
  }
}

async function eachOf(refs: Iterable<NodeRef>, take: (ref: NodeRef) => void): Promise<void> {
  let count = 0
  for (const ref of refs) {
    take(ref)
    if (++count % SLICE_NODES === 0) await nextTurn()
  }
}
