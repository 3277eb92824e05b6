/**
 * The audit of one shop over a store: reads its log on and on, has signers recovered in threads meanwhile, and keeps
 * what it computed in a file if it is asked to.
 *
 * Tests: test/cli/audit.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seq } from '../../brands.js'
import { equalBytes } from '../../bytes/bytes.js'
import { prefixedHex } from '../../bytes/hex.js'
import type { LogRecord, Store } from '../../store/store.js'
import type { Signer, Verifier } from '../write/verifier.js'
import { readAudited, writeAudited } from './audit-file.js'
import type { Difference } from './difference.js'
import { LogAudit, type AuditedLog, type LogAuditOptions, type StoredProofs } from './log-audit.js'
import { LogTrees } from './log-trees.js'
import { NO_TRACE, traced } from './trace.js'

export interface ShopAuditOptions extends LogAuditOptions {
  readonly verifier: Verifier
  /** Where what was computed is kept; undefined: nowhere. */
  readonly file: string | undefined
  /** Told now and then. */
  readonly progress: (what: 'retraced' | 'audited', seq: Seq, head: Seq) => void
  readonly signal: AbortSignal
}

/** The log of a store, and what is kept beside it. */
export interface AuditedStore {
  readonly store: Store
  readonly proofs: StoredProofs | undefined
}

interface SignedRecord {
  readonly record: LogRecord
  readonly signer: Signer
}

const READ = { records: 1_024, bytes: 4 * 1_048_576 }
/** How long the event loop is held: answers of the threads come between. */
const SLICE_MS = 20
/** How often what was computed is written, beside the end. */
const SAVE_MS = 60_000
/** At most one part in so many of an audit is spent with writing. */
const SAVE_SHARE = 20

export class ShopAudit {
  private readonly options: ShopAuditOptions
  private readonly log: LogAudit
  private savedSeq: Seq
  private savedMs = performance.now()
  private savingMs = 0

  private constructor(options: ShopAuditOptions, log: LogAudit) {
    this.options = options
    this.log = log
    this.savedSeq = log.audited.seq
  }

  /**
   * Goes on from the file, if there is one, after hashing again all that led to it; a difference if the log has not all
   * of it any more. Rejects with AuditFileError, StoreError, and the signal's reason.
   */
  static async open(options: ShopAuditOptions, from: AuditedStore): Promise<ShopAudit | Difference> {
    const { file, shopId, secret } = options
    const audited = file === undefined ? undefined : await readAudited(file, shopId, secret)
    if (audited === undefined) return new ShopAudit(options, new LogAudit(options))
    const trees = await retrace(audited, from, options)
    return 'kind' in trees ? trees : new ShopAudit(options, new LogAudit(options, audited, trees))
  }

  get audited(): AuditedLog {
    return this.log.audited
  }

  /**
   * Up to the store's head. The first difference, and then there is nothing to go on from. Rejects with StoreError, and
   * with the signal's reason; what was found right until then is kept.
   */
  async advance(from: AuditedStore): Promise<Difference | undefined> {
    const head = from.store.head(this.options.shopId)
    const { seq } = this.log.audited
    if (head < seq) return shorter(head, seq)
    let coming = this.read(from.store, seq, head)
    while (coming !== undefined) {
      const records: SignedRecord[] = await coming
      coming = this.read(from.store, records.at(-1)!.record.seq, head)
      // What cannot be read is told when it is its turn.
      coming?.catch(() => undefined)
      const difference = await this.takeAll(records, from.proofs, head)
      if (difference !== undefined) return difference
      await this.saveNowAndThen()
    }
    return undefined
  }

  private async takeAll(
    records: readonly SignedRecord[],
    proofs: StoredProofs | undefined,
    head: Seq,
  ): Promise<Difference | undefined> {
    const { progress, signal } = this.options
    let sliceMs = -Infinity
    for (const { record, signer } of records) {
      if (performance.now() - sliceMs >= SLICE_MS) {
        progress('audited', this.log.audited.seq, head)
        await nextTurn()
        signal.throwIfAborted()
        sliceMs = performance.now()
      }
      const difference = this.log.take(record, signer, proofs)
      if (difference !== undefined) return difference
    }
    return undefined
  }

  /** Whether the log still has all that was audited: by hashes alone. Rejects with StoreError. */
  async recheck(from: AuditedStore): Promise<Difference | undefined> {
    const trees = await retrace(this.log.audited, from, this.options)
    return 'kind' in trees ? trees : undefined
  }

  /** Writes what was computed since the last time. */
  async save(): Promise<void> {
    const { file } = this.options
    const { audited } = this.log
    if (file === undefined || audited.seq === this.savedSeq) return
    const begunMs = performance.now()
    await writeAudited(file, audited)
    this.savedSeq = audited.seq
    this.savedMs = performance.now()
    this.savingMs = this.savedMs - begunMs
  }

  private async saveNowAndThen(): Promise<void> {
    if (performance.now() - this.savedMs >= Math.max(SAVE_MS, SAVE_SHARE * this.savingMs)) await this.save()
  }

  /** The next records with their signers, which threads recover while others are looked at; undefined at the end. */
  private read(store: Store, after: Seq, head: Seq): Promise<SignedRecord[]> | undefined {
    return after >= head ? undefined : this.withSigners(store, after, Math.min(READ.records, head - after))
  }

  private async withSigners(store: Store, after: Seq, count: number): Promise<SignedRecord[]> {
    const records = store.readLog(this.options.shopId, after, { ...READ, records: count })
    const signed = records.map(
      (record) =>
        new Promise<SignedRecord>((resolve) => {
          const { header, signature } = record
          this.options.verifier.check(header, signature, (signer) => resolve({ record, signer }))
        }),
    )
    return Promise.all(signed)
  }
}

function shorter(head: Seq, seq: Seq): Difference {
  const text = 'the log ends before what was audited of it'
  return { kind: 'log', seq: head + 1, text, found: `${head} sets`, wanted: `at least ${seq}` }
}

/** The trees over what was audited, if it is what stands in the log: by hashes alone. */
async function retrace(
  audited: AuditedLog,
  { store, proofs }: AuditedStore,
  { shopId, progress, signal }: ShopAuditOptions,
): Promise<LogTrees | Difference> {
  const trees = new LogTrees()
  const head = store.head(shopId)
  if (head < audited.seq) return shorter(head, audited.seq)
  let trace = NO_TRACE
  for (let at = 0; at < audited.seq;) {
    signal.throwIfAborted()
    await nextTurn()
    for (const record of store.readLog(shopId, at, { ...READ, records: Math.min(READ.records, audited.seq - at) })) {
      at = record.seq
      const root = proofs?.stateRoot(at) ?? NOTHING
      const difference = trees.append(record, root, proofs)
      if (difference !== undefined) return difference
      trace = traced(trace, record, root, proofs?.checkpoint(at))
    }
    progress('retraced', at, audited.seq)
  }
  if (equalBytes(trace, audited.trace)) return trees
  const text = 'the log up to it is not what was audited'
  const [found, wanted] = [trace, audited.trace].map(prefixedHex) as [string, string]
  return { kind: 'log', seq: audited.seq, text, found, wanted }
}

const NOTHING = new Uint8Array(32)
