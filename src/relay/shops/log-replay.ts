/**
 * Sets of the log applied again, one after the other, and compared with what was kept of them. State hash, StateRoot
 * and the trees over the log cost more than all the rest, and sets that follow each other change the same nodes: they
 * are compared at the last set of a batch, and at the last one that the trees hold. Where they differ there, or a set
 * is refused, the batch is applied again with a comparison at each set, so that the error names the first that is
 * wrong.
 *
 * In the middle of a batch something that alone is wrong of what was kept (a state hash, a StateRoot, a node of the
 * trees) changes nothing of the state that follows, and is not noticed: `cairn check` and `cairn audit` compare every
 * one.
 *
 * Tests: test/relay/shops/keeper.test.ts
 */

import type { Seq } from '../../brands.js'
import type { PatchKey } from '../../patches/object-name.js'
import type { ShopState } from '../../state/shop-state.js'
import type { LogRecord } from '../../store/store.js'
import { askedLevelRows, type SettingRow } from './asked-levels.js'
import { appendSet, stateRootOf, type ShopLog } from './log-trees.js'
import { applyAgain, ReplayError, requireSameTrees, requireStateHash } from './replay.js'
import type { ShopVersion } from './shop.js'

/** A set that was applied again. */
interface ReplayedSet {
  readonly record: LogRecord
  readonly keys: readonly PatchKey[]
  /** To the trees over the log; undefined where they are kept up to it. */
  readonly added: Uint8Array | undefined
  /** What receipts need of the state after it, where that is not kept. */
  readonly levels: readonly SettingRow[]
}

export interface LogReplayOptions {
  /** The shop's, 32 bytes. */
  readonly secret: Uint8Array
  /** What is kept of the trees over the log. */
  readonly trees: ShopLog
  /** Whether what receipts need of a set that asks for payment is kept. */
  readonly isLevelKept: (seq: Seq) => boolean
  /** What the log does not tell of the state after a set. */
  readonly adjusted: (state: ShopState, seq: Seq) => ShopState
}

export class LogReplay {
  private readonly options: LogReplayOptions
  /** After the last set that was compared whole. */
  private checked: ShopVersion
  private version: ShopVersion
  /** Peaks and StateRoot of `version` are those of a set before. */
  private isBehind = false
  private sets: ReplayedSet[] = []
  /** Of the sets since the last comparison. */
  work = 0

  constructor(start: ShopVersion, options: LogReplayOptions) {
    this.options = options
    this.checked = this.version = start
  }

  /** After the last set that was taken, which may be one that differs. */
  get head(): Seq {
    return this.version.head
  }

  /** As far as everything was compared. */
  get current(): ShopVersion {
    return this.checked
  }

  /** The next set. Throws ReplayError, and then `current` is the version before the first set that is wrong. */
  take(record: LogRecord): void {
    this.orSetBySet([record], () => this.apply(record, false))
  }

  /** Compares where the last set led; the sets since the last call. As `take`. */
  end(): ReplayedSet[] {
    this.orSetBySet([], () => {
      const last = this.sets.at(-1)
      if (last !== undefined) this.requireSame(last.record)
    })
    this.checked = this.version
    const { sets } = this
    this.sets = []
    this.work = 0
    return sets
  }

  private orSetBySet(next: readonly LogRecord[], work: () => void): void {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error
      const records = [...this.sets.map(({ record }) => record), ...next]
      this.version = this.checked
      this.isBehind = false
      this.sets = []
      for (const record of records) {
        this.apply(record, true)
        this.checked = this.version
      }
      // What is refused or differs does so again.
      throw error
    }
  }

  /** `isCompared`: with what was kept of this set. */
  private apply(record: LogRecord, isCompared: boolean): void {
    const { secret, trees, adjusted, isLevelKept } = this.options
    const { seq } = record
    const isKept = seq <= trees.head
    if (!isKept && this.isBehind) this.append(this.sets.at(-1)!.record)
    const { state: made, keys, asks } = applyAgain(this.version.state, record)
    const state = adjusted(made, seq)
    if (isCompared) requireStateHash(state, seq, record.stateHash)
    this.version = { ...this.version, state, head: seq }
    this.isBehind ||= isKept && !isCompared
    const added = isKept && !isCompared ? undefined : this.append(record)
    const levels = asks && !isLevelKept(seq) ? askedLevelRows(state, secret, seq) : []
    this.sets.push({ record, keys, added: isKept ? undefined : added, levels })
    this.work += workOf(record)
  }

  /** Peaks and StateRoot of the version, after its last set; what that one added to the trees. */
  private append(record: LogRecord): Uint8Array {
    const { secret, trees } = this.options
    const { seq } = record
    const stateRoot = stateRootOf(this.version.state, secret)
    const before = this.isBehind ? trees.peaks(seq - 1) : this.version.log
    const { peaks: log, added } = appendSet(before, record, stateRoot)
    if (seq <= trees.head) requireSameTrees(this.version.state.shopId, seq, added, trees.added(seq))
    this.version = { ...this.version, log, stateRoot }
    this.isBehind = false
    return added
  }

  /** Where the last set led. */
  private requireSame(record: LogRecord): void {
    requireStateHash(this.version.state, record.seq, record.stateHash)
    if (this.isBehind) this.append(record)
  }
}

/** Of a set, by what it costs to apply it again: one, and one for each patch, or for each KiB if that is more. */
export function workOf({ patches }: LogRecord): number {
  const bytes = patches.reduce((sum, patch) => sum + patch.length, 0)
  return 1 + Math.max(patches.length, Math.ceil(bytes / 1_024))
}
