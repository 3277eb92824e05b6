/**
 * The audit of one shop over a store: reads its log on and on, has signers recovered in threads meanwhile, and keeps
 * what it computed in a file if it is asked to.
 *
 * Tests: test/cli/audit.test.ts
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { assert } from '../../assert.js'
import type { Seq, ShopId } from '../../brands.js'
import type { LogRecord, Store } from '../../store/store.js'
import type { Signer, Verifier } from '../write/verifier.js'
import { readAudited, writeAudited } from './audit-file.js'
import type { CheckpointTrail } from './checkpoint-audit.js'
import { differenceOf, type Difference } from './difference.js'
import { LogAudit, type AuditedLog, type LogAuditOptions } from './log-audit.js'
import { StoredProofs } from './stored-proofs.js'
import { NO_TRACE, traced, tracedCheckpoint } from './trace.js'

interface ShopAuditOptions extends LogAuditOptions {
  readonly verifier: Verifier
  /** Where what was computed is kept; undefined: nowhere. */
  readonly file: string | undefined
  /** Told now and then. */
  readonly progress: (what: 'retraced' | 'audited', seq: Seq, head: Seq) => void
  readonly signal: AbortSignal
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
  static async open(options: ShopAuditOptions, store: Store): Promise<ShopAudit | Difference> {
    const { file } = options
    const audited = file === undefined ? undefined : await readAudited(file, options)
    // What was not kept then may be kept now.
    if (audited === undefined || audited.unkept > 0) return new ShopAudit(options, new LogAudit(options))
    const difference = await retrace(audited, store, options)
    return difference ?? new ShopAudit(options, new LogAudit(options, audited))
  }

  get shopId(): ShopId {
    return this.options.shopId
  }

  get audited(): AuditedLog {
    return this.log.audited
  }

  /**
   * Up to the store's head. The first difference, and then there is nothing to go on from. Rejects with StoreError, and
   * with the signal's reason; what was found right until then is kept.
   */
  async advance(store: Store): Promise<Difference | undefined> {
    const head = store.head(this.options.shopId)
    const { seq } = this.log.audited
    if (head < seq) return shorter(head, seq)
    const proofs = new StoredProofs(store, this.options.shopId)
    let coming = this.read(store, seq, head)
    while (coming !== undefined) {
      const records: SignedRecord[] = await coming
      coming = this.read(store, records.at(-1)!.record.seq, head)
      // What cannot be read is told when it is its turn.
      coming?.catch(() => undefined)
      const difference = await this.takeAll(records, proofs, head)
      const earlier = this.takeCheckpoints(proofs)
      if (earlier !== undefined) return earlier
      if (difference !== undefined) return difference
      await this.saveNowAndThen()
    }
    return this.takeCheckpoints(proofs)
  }

  /** Those of the sets so far that there are by now. */
  private takeCheckpoints(proofs: StoredProofs): Difference | undefined {
    const { seq: audited, checkpoints } = this.log.audited
    const last = Math.min(audited, proofs.head)
    for (const { seq, stored } of proofs.checkpoints(checkpoints.lastSeq, last)) {
      const difference = this.log.takeCheckpoint(stored, proofs.following(seq))
      if (difference !== undefined) return difference
    }
    return undefined
  }

  private async takeAll(
    records: readonly SignedRecord[],
    proofs: StoredProofs,
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
      const difference = this.log.take(record, signer, proofs.added(record.seq))
      if (difference !== undefined) return difference
    }
    return undefined
  }

  /** Whether the log still has all that was audited: by hashes alone. Rejects with StoreError. */
  async recheck(store: Store): Promise<Difference | undefined> {
    assert(this.options.isLast !== true, 'an audit that is the last is looked at again')
    return retrace(this.log.audited, store, this.options)
  }

  /** Writes what was computed since the last time. */
  async save(): Promise<void> {
    const { file } = this.options
    const { audited } = this.log
    if (file === undefined || audited.seq === this.savedSeq) return
    assert(this.options.isLast !== true, 'an audit that is the last is kept')
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

/** How the log up to there is not what was audited, by hashes alone. */
async function retrace(
  audited: AuditedLog,
  store: Store,
  { shopId, progress, signal }: ShopAuditOptions,
): Promise<Difference | undefined> {
  const proofs = new StoredProofs(store, shopId)
  const head = store.head(shopId)
  if (head < audited.seq) return shorter(head, audited.seq)
  let trace = NO_TRACE
  for (let at = 0; at < audited.seq;) {
    signal.throwIfAborted()
    await nextTurn()
    for (const record of store.readLog(shopId, at, { ...READ, records: Math.min(READ.records, audited.seq - at) })) {
      at = record.seq
      trace = traced(trace, record, proofs.added(at))
    }
    progress('retraced', at, audited.seq)
  }
  let checkpoints = NO_TRACE
  for (const { stored } of proofs.checkpoints(0, audited.checkpoints.lastSeq))
    checkpoints = tracedCheckpoint(checkpoints, stored.first)
  return retraced(audited, trace) ?? retracedCheckpoints(audited.checkpoints, checkpoints)
}

function retraced({ seq, trace: wanted }: AuditedLog, trace: Uint8Array): Difference | undefined {
  return differenceOf({ kind: 'log', seq, text: 'the digest of the log up to it, since it was audited' }, trace, wanted)
}

function retracedCheckpoints({ lastSeq: seq, trace: wanted }: CheckpointTrail, trace: Uint8Array) {
  const text = 'the digest of the checkpoints up to it, since they were audited'
  return differenceOf({ kind: 'checkpoint', seq, text }, trace, wanted)
}
