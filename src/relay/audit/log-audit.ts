/**
 * A shop's log, set by set from the first on (PROOFS §7): everything that follows from its bytes is computed anew and
 * compared with what is stored and signed. Nothing that is stored is believed, and no stored state is read.
 *
 * Tests: test/relay/audit/log-audit.test.ts, test/cli/audit.test.ts
 */

import type { Seq, ShopId } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex } from '../../bytes/hex.js'
import { readCardPeriods } from '../../merkle/card-periods.js'
import { stateRoot } from '../../merkle/state-level.js'
import { GUESTS_ACCOUNT } from '../../objects/account.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { emptyShop, SCHEMA_VERSION, type ShopState } from '../../state/shop-state.js'
import { stateLevel } from '../../state/state-root.js'
import type { LogRecord } from '../../store/store.js'
import { replay, ReplayError } from '../shops/replay.js'
import { SetCheck } from '../shops/set-check.js'
import { auditCheckpoint, NO_CHECKPOINTS, type CheckpointTrail } from './checkpoint-audit.js'
import { differenceOf, type Difference } from './difference.js'
import { LogTrees, type StoredNodes } from './log-trees.js'
import { NO_TRACE, traced } from './trace.js'

/** What is kept beside the log of what follows from it. */
export interface StoredProofs extends StoredNodes {
  /** After set `seq`, 32 bytes. */
  stateRoot(seq: Seq): Uint8Array | undefined
  /** The first that was signed for `seq`. */
  checkpoint(seq: Seq): SignedCheckpoint | undefined
}

export interface LogAuditOptions {
  readonly shopId: ShopId
  /** The shop's, 32 bytes. */
  readonly secret: Uint8Array
  /** Addresses of the relay's keys, 20 bytes each; undefined: that of its first set, and no other. */
  readonly relays: readonly Uint8Array[] | undefined
}

/** What an audit computed so far, and another one goes on from. */
export interface AuditedLog {
  readonly seq: Seq
  readonly state: ShopState
  /** After `seq`, 32 bytes. */
  readonly stateRoot: Uint8Array
  /** Of all that was looked at (trace.ts), 32 bytes. */
  readonly trace: Uint8Array
  /** The last of each signer, by its hexadecimal digits. */
  readonly nonces: ReadonlyMap<string, bigint>
  readonly relays: readonly Uint8Array[] | undefined
  readonly patches: number
  readonly checkpoints: CheckpointTrail
}

/** Of a set before there is a manifest. */
const NO_STATE_ROOT: Uint8Array = new Uint8Array(32)

export class LogAudit {
  private readonly options: LogAuditOptions
  private readonly check: SetCheck
  private readonly trees: LogTrees
  private done: Omit<AuditedLog, 'nonces' | 'relays'>

  /** Goes on from what an audit computed, if it is given; `trees` are then those of its log. */
  constructor(options: LogAuditOptions, audited?: AuditedLog, trees = new LogTrees()) {
    const { shopId } = options
    this.options = options
    this.trees = trees
    this.check = new SetCheck(shopId, options.relays ?? audited?.relays, new Map(audited?.nonces))
    this.done = audited ?? {
      seq: 0,
      state: emptyShop(shopId, SCHEMA_VERSION),
      stateRoot: NO_STATE_ROOT,
      trace: NO_TRACE,
      patches: 0,
      checkpoints: NO_CHECKPOINTS,
    }
  }

  /** Up to the last set that was found right. */
  get audited(): AuditedLog {
    return { ...this.done, nonces: this.check.nonces, relays: this.check.relayAddresses }
  }

  /** Of the log's range after that set, highest first. */
  get peaks(): Uint8Array[] {
    return this.trees.peaks
  }

  /**
   * The next set; `signer`: the key that its signature leads to, 33 bytes; `proofs` undefined: nothing but the log is
   * kept. Undefined if all is as it has to be, else the first difference, and then the audit is at its end.
   */
  take(record: LogRecord, signer: Uint8Array | undefined, proofs: StoredProofs | undefined): Difference | undefined {
    const { seq } = record
    if (seq !== this.done.seq + 1)
      return { kind: 'log', seq: this.done.seq + 1, text: `the next set in the log is ${seq}` }
    for (const { kind, text, ...values } of this.check.problemsOf(record, signer)) return { kind, seq, text, ...values }
    const state = this.rightsDifference(record) ?? this.replayed(record)
    if ('kind' in state) return state
    const root = rootOf(state, this.options.secret)
    const place = { kind: 'state-root', seq, text: 'its state root' } as const
    const difference =
      (proofs && differenceOf(place, proofs.stateRoot(seq), root)) ?? this.trees.append(record, root, proofs)
    if (difference !== undefined) return difference
    const signed = proofs?.checkpoint(seq)
    const checkpoints = signed === undefined ? this.done.checkpoints : this.checkpointsWith(signed, record, root)
    if ('kind' in checkpoints) return checkpoints
    const trace = traced(this.done.trace, record, root, signed)
    const patches = this.done.patches + record.patches.length
    this.done = { seq, state, stateRoot: root, trace, patches, checkpoints }
    return undefined
  }

  /** Who is owner and who clerk is not in the log. */
  private rightsDifference({ seq, role, signer, account }: LogRecord): Difference | undefined {
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

  private replayed(record: LogRecord): ShopState | Difference {
    try {
      return replay(this.done.state, record).state
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error
      const { seq, problem: text, stateHash } = error
      if (stateHash === undefined) return { kind: 'rules', seq, text }
      const [found, wanted] = [record.stateHash, stateHash].map(prefixedHex) as [string, string]
      return { kind: 'state-hash', seq, text: 'its state hash', found, wanted }
    }
  }

  private checkpointsWith(
    signed: SignedCheckpoint,
    { seq, stateHash }: LogRecord,
    root: Uint8Array,
  ): CheckpointTrail | Difference {
    const following = { seq, peaks: this.trees.peaks, stateRoot: root, stateHash }
    const { shopId } = this.options
    return auditCheckpoint(this.done.checkpoints, signed, { shopId, relays: this.check.relayAddresses, following })
  }
}

/** 32 bytes; zeros before there is a manifest. `secret`: the shop’s, 32 bytes. */
export function rootOf(state: ShopState, secret: Uint8Array): Uint8Array {
  const level = stateLevel(state, secret)
  return level === undefined ? NO_STATE_ROOT : stateRoot(level)
}
