/**
 * Whether a shop's data are whole: every set of its log by root, signature and replay, and what was flushed of its
 * state and object index against what the log makes. What follows from a whole log and is signed, the audit tells.
 *
 * Tests: test/cli/check.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { fromHex } from '../../bytes/hex.js'
import type { Hamt } from '../../merkle/hamt.js'
import { NodeCache } from '../../merkle/hamt-cache.js'
import { indexNames, type PatchKey } from '../../patches/object-name.js'
import { signerOf } from '../../patches/patch-set.js'
import { emptyShop, SCHEMA_VERSION, type ShopState } from '../../state/shop-state.js'
import type { LogRecord, Store } from '../../store/store.js'
import { isDamage } from './damage.js'
import { appendSet, NO_PEAKS, ShopLog, stateRootOf } from './log-trees.js'
import { replay, requireSameTrees } from './replay.js'
import { SetCheck } from './set-check.js'
import { decodeState, triesOf } from './stored-state.js'

interface CheckOptions {
  readonly shopId: ShopId
  /** The shop's, 32 bytes. */
  readonly secret: Uint8Array
  /** Of the keys that the relay's own sets must be signed with, 20 bytes each; undefined: of any one. */
  readonly relays?: readonly Uint8Array[] | undefined
  /** One line for each thing that is wrong. */
  readonly tell: (problem: string) => void
  readonly progress: (seq: Seq, head: Seq) => void
  readonly signal: AbortSignal
}

interface CheckedLog {
  /** That could be read. */
  readonly sets: number
  readonly patches: number
  /** Trie nodes on disk that nothing leads to. */
  readonly unreachable: number
}

const READ = { records: 256, bytes: 4 * 1_048_576 }
const CACHED_NODES = 50_000
const NODES_AT_ONCE = 10_000

/** Rejects when `signal` is aborted. */
export async function checkShop(store: Store, options: CheckOptions): Promise<CheckedLog> {
  const { shopId, tell } = options
  const log = new LogCheck(store, options)
  const stored = storedState(store, options)
  const head = store.head(shopId)
  let at = 0
  while (at < head) {
    options.signal.throwIfAborted()
    await nextTurn()
    for (const record of readAfter(store, options, at) ?? []) {
      at = record.seq
      const keys = log.take(record)
      if (stored === undefined || record.seq > stored.seq) continue
      for (const object of keys.length > 0 ? indexNames(keys, record.signer) : []) {
        const found = unlessDamaged(() => store.objectSeqs(shopId, object, record.seq - 1, 1))
        if (found !== undefined && found[0] !== record.seq)
          tell(`shop ${shopId}, set ${record.seq}: the object index does not name it`)
      }
      if (record.seq === stored.seq && log.state !== undefined) {
        const deadlines = store.stats().earlyReservationSeconds === undefined
        compare(stored.state, log.state, { ...options, deadlines })
      }
    }
    options.progress(at, head)
    at = nextReadable(store, options, at, head)
  }
  for (const problem of log.missing(store)) tell(`shop ${shopId}: ${problem}`)
  return { sets: log.sets, patches: log.patches, unreachable: await unreachableNodes(store, options, stored?.state) }
}

/**
 * Trie nodes on disk that the stored roots do not lead to: what a relay that runs has still to remove, or will at its
 * next start. 0 where the roots cannot be followed, which is told elsewhere.
 */
async function unreachableNodes(store: Store, options: CheckOptions, state: ShopState | undefined): Promise<number> {
  const needed = unlessDamaged(() => new Set(state && triesOf(state).flatMap(([, trie]) => [...trie.refs()])))
  if (needed === undefined) return 0
  const after = (ref: number) => unlessDamaged(() => store.nodeRefs(options.shopId, ref, NODES_AT_ONCE)) ?? []
  let count = 0
  for (let refs = after(0); refs.length > 0; refs = after(refs.at(-1)!)) {
    count += refs.filter((ref) => !needed.has(ref)).length
    options.signal.throwIfAborted()
    await nextTurn()
  }
  return count
}

/** The sets one after the other; a state as long as each leads to the next. */
class LogCheck {
  state: ShopState | undefined
  sets = 0
  patches = 0
  private readonly options: CheckOptions
  private readonly check: SetCheck
  private last = 0
  private peaks = NO_PEAKS
  private readonly trees: ShopLog

  constructor(store: Store, options: CheckOptions) {
    this.trees = new ShopLog(store, options.shopId)
    this.options = options
    this.check = new SetCheck(options.shopId, options.relays)
    this.state = emptyShop(options.shopId, SCHEMA_VERSION)
  }

  /** What the set touches, as far as it leads to a state. */
  take(record: LogRecord): PatchKey[] {
    this.sets++
    this.patches += record.patches.length
    const signer = signerOf(record.header, record.signature)
    for (const { text } of this.check.problemsOf(record, signer)) this.tell(record.seq, text)
    const isNext = record.seq === this.last + 1
    this.last = record.seq
    if (!isNext) this.state = undefined
    if (this.state === undefined) return []
    try {
      const { state, keys } = replay(this.state, record)
      this.state = state
      this.takeTrees(record, state)
      return keys
    } catch (error) {
      this.options.tell((error as Error).message)
      this.state = undefined
      return []
    }
  }

  /** A log that was not upgraded yet has no trees. */
  private takeTrees(record: LogRecord, state: ShopState): void {
    const { peaks, added } = appendSet(this.peaks, record, stateRootOf(state, this.options.secret))
    this.peaks = peaks
    if (record.seq > this.trees.head) return
    const stored = unlessDamaged(() => this.trees.added(record.seq))
    if (stored !== undefined) requireSameTrees(this.options.shopId, record.seq, added, stored)
  }

  /**
   * What the store has to know of those who wrote, and does not. A relay that runs beside may have gone on meanwhile.
   */
  *missing(store: Store): Generator<string> {
    for (const [name, nonce] of this.check.nonces) {
      const card = fromHex(name)
      const stored = unlessDamaged(() => store.nonce(this.options.shopId, card))
      if (stored !== undefined && stored < nonce)
        yield `the last nonce of card ${name} is ${nonce} in the log and ${stored} beside it`
      if (card.length > 0 && unlessDamaged(() => store.card(card) ?? null) === null)
        yield `card ${name}, which wrote sets, has no row`
    }
  }

  private tell(seq: Seq, problem: string): void {
    this.options.tell(`shop ${this.options.shopId}, set ${seq}: ${problem}`)
  }
}

function readAfter(store: Store, { shopId }: CheckOptions, seq: Seq): LogRecord[] | undefined {
  return unlessDamaged(() => store.readLog(shopId, seq, READ))
}

/** Undefined for what is damaged: the store remembers it, and it is told at the end. */
function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}

/** The last of the sets after `at` that cannot be read, or `at`. */
function nextReadable(store: Store, options: CheckOptions, at: Seq, head: Seq): Seq {
  let next = at
  while (next < head && readAfter(store, options, next) === undefined) next++
  if (next > at) options.tell(`shop ${options.shopId}: sets ${at + 1} to ${next} cannot be read`)
  return next
}

/** What was flushed, each of its nodes to be checked; undefined if nothing was, or nothing of use. */
function storedState(store: Store, { shopId }: CheckOptions): { seq: Seq; state: ShopState } | undefined {
  const derived = unlessDamaged(() => store.derived(shopId))
  const source = { readNode: (ref: number) => store.readNode(shopId, ref) }
  const state = derived && decodeState(shopId, derived.roots, source, new NodeCache(CACHED_NODES), true)
  return state && { seq: derived.seq, state }
}

/** `deadlines`: whether the log tells when reservations end. */
function compare(
  stored: ShopState,
  made: ShopState,
  { shopId, tell, deadlines }: CheckOptions & { readonly deadlines: boolean },
): void {
  const ours = new Map(triesOf(made))
  for (const [name, trie] of triesOf(stored)) {
    const problem = difference(trie, ours.get(name)!, deadlines || name !== 'live')
    if (problem !== undefined) tell(`shop ${shopId}: the stored trie ${name} ${problem}; a start makes it again`)
  }
}

function difference(stored: Hamt, made: Hamt, withValues: boolean): string | undefined {
  let leaves = 0
  try {
    for (const [key, value] of stored.entries()) {
      leaves++
      const other = made.get(key)
      if (other === undefined || (withValues && !equalBytes(other, value))) return 'holds what the log does not make'
    }
  } catch (error) {
    return `cannot be read (${(error as Error).message})`
  }
  return leaves === made.size ? undefined : `has ${leaves} leaves, the log makes ${made.size}`
}
