/**
 * A shop's log, set by set from the first on (PROOFS §7): everything that follows from its bytes is computed anew and
 * compared with what is stored and signed. Nothing that is stored is believed, and no stored state is read.
 *
 * Tests: test/cli/audit.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex } from '../../bytes/hex.js'
import { readCardPeriods } from '../../merkle/card-periods.js'
import { GUESTS_ACCOUNT } from '../../objects/account.js'
import { emptyShop, SCHEMA_VERSION, type ShopState } from '../../state/shop-state.js'
import type { StoredCheckpoint } from '../checkpoints/stored-checkpoint.js'
import { appendSet, NO_PEAKS, NO_STATE_ROOT, type LogPeaks } from '../shops/log-trees.js'
import { replay, ReplayError } from '../shops/replay.js'
import { SetCheck } from '../shops/set-check.js'
import { auditCheckpoint, NO_CHECKPOINTS, type CheckpointTrail, type Following } from './checkpoint-audit.js'
import type { Difference } from './difference.js'
import { addedDifference } from './stored-proofs.js'
import { NO_TRACE, traced, type AuditRecord } from './trace.js'

export interface LogAuditOptions {
  readonly shopId: ShopId
  /** Of a state, 32 bytes (PROOFS §1): by the shop's secret, or by the salts that it gives. */
  readonly stateRootOf: (state: ShopState) => Uint8Array
  /** Addresses of the relay's keys, 20 bytes each; undefined: that of its first set, and no other. */
  readonly relays: readonly Uint8Array[] | undefined
  /** Nobody goes on from what was computed, or looks at the same log again: no trace of it is made. */
  readonly isLast?: boolean
}

/** What an audit computed so far, and another one goes on from. */
export interface AuditedLog {
  readonly seq: Seq
  readonly state: ShopState
  /** After `seq`, 32 bytes. */
  readonly stateRoot: Uint8Array
  /** Of the trees over the log up to `seq`. */
  readonly peaks: LogPeaks
  /** Of all that was looked at (trace.ts), 32 bytes; NO_TRACE where the audit is the last. */
  readonly trace: Uint8Array
  /** The last of each signer, by its hexadecimal digits. */
  readonly nonces: ReadonlyMap<string, bigint>
  readonly relays: readonly Uint8Array[] | undefined
  readonly patches: number
  /** Of how many sets nothing was kept to compare with. */
  readonly unkept: number
  readonly checkpoints: CheckpointTrail
}

export class LogAudit {
  private readonly options: LogAuditOptions
  private readonly check: SetCheck
  private done: Omit<AuditedLog, 'nonces' | 'relays'>

  /** Goes on from what an audit computed, if it is given. */
  constructor(options: LogAuditOptions, audited?: AuditedLog) {
    const { shopId } = options
    this.options = options
    this.check = new SetCheck(shopId, options.relays ?? audited?.relays, new Map(audited?.nonces))
    this.done = audited ?? {
      seq: 0,
      state: emptyShop(shopId, SCHEMA_VERSION),
      stateRoot: NO_STATE_ROOT,
      peaks: NO_PEAKS,
      trace: NO_TRACE,
      patches: 0,
      unkept: 0,
      checkpoints: NO_CHECKPOINTS,
    }
  }

  /** Up to the last set that was found right. */
  get audited(): AuditedLog {
    return { ...this.done, nonces: this.check.nonces, relays: this.check.relayAddresses }
  }

  /**
   * The next set; `signer`: the key that its signature leads to, 33 bytes; `stored`: what is kept of what it adds to
   * the trees over the log (log-trees.ts). Undefined if all is as it has to be, else the first difference, and then the
   * audit is at its end.
   */
  take(record: AuditRecord, signer: Uint8Array | undefined, stored: Uint8Array | undefined): Difference | undefined {
    const { seq } = record
    if (seq !== this.done.seq + 1)
      return { kind: 'log', seq: this.done.seq + 1, text: `the next set in the log is ${seq}` }
    for (const { kind, text, ...values } of this.check.problemsOf(record, signer)) return { kind, seq, text, ...values }
    const state = this.rightsDifference(record) ?? this.replayed(record)
    if ('kind' in state) return state
    const stateRoot = this.options.stateRootOf(state)
    const { peaks, added } = appendSet(this.done.peaks, record, stateRoot)
    const difference = stored && addedDifference(seq, stored, added)
    if (difference !== undefined) return difference
    const { trace: before } = this.done
    const trace = this.options.isLast === true ? before : traced(before, record, stored)
    const patches = this.done.patches + record.patches.length
    const unkept = this.done.unkept + (stored === undefined ? 1 : 0)
    this.done = { ...this.done, seq, state, stateRoot, peaks, trace, patches, unkept }
    return undefined
  }

  /** The next checkpoint in the order of their sets, of one that was found right. As `take`. */
  takeCheckpoint(stored: StoredCheckpoint, following: Following): Difference | undefined {
    const place = { shopId: this.options.shopId, relays: this.check.relayAddresses, following }
    const checkpoints = auditCheckpoint(this.done.checkpoints, stored, place)
    if ('kind' in checkpoints) return checkpoints
    this.done = { ...this.done, checkpoints }
    return undefined
  }

  /** Who is owner and who clerk is not in the log. */
  private rightsDifference({ seq, role, signer, account }: AuditRecord): Difference | undefined {
    if (role === 'relay') return undefined
    const [kind, found] = ['rights', `${role} ${prefixedHex(account)}`] as const
    if ((role === 'guest') !== equalBytes(account, GUESTS_ACCOUNT)) {
      const wanted = `guest exactly for ${prefixedHex(GUESTS_ACCOUNT)}`
      return { kind, seq, text: 'its role is not of its account', found, wanted }
    }
    const value = this.done.state.indexes.cards.get(signer)
    const periods = value === undefined ? [] : readCardPeriods(value)
    if (periods.some(({ until, account: of }) => until === undefined && equalBytes(of, account))) return undefined
    const text = `its signer, card ${prefixedHex(signer)}, is in that account no longer or not yet`
    return { kind, seq, text, found, wanted: `an account that holds the card after set ${seq - 1}` }
  }

  private replayed(record: AuditRecord): ShopState | Difference {
    try {
      return replay(this.done.state, record).state
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error
      const { seq, problem: text, stateHash } = error
      if (stateHash === undefined) return { kind: 'rules', seq, text }
      const [found, wanted] = [record.stateHash!, stateHash].map(prefixedHex) as [string, string]
      return { kind: 'state-hash', seq, text: 'its state hash', found, wanted }
    }
  }
}
