/**
 * Audits of several shops that go on from request to request, and from file to file: what a thread of them answers.
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import { rm } from 'node:fs/promises'
import type { Seq, ShopId } from '../../brands.js'
import { signerOf } from '../../patches/patch-set.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import { stateHash, type ShopState } from '../../state/shop-state.js'
import type { LogRecord } from '../../store/store.js'
import { AuditFileError, readAudited, writeAudited } from './audit-file.js'
import type { Difference } from './difference.js'
import { stateRootOf } from '../shops/log-trees.js'
import { LogAudit, type LogAuditOptions } from './log-audit.js'

interface OpenedShop {
  readonly shopId: ShopId
  /** The shop's, 32 bytes. */
  readonly secret: Uint8Array
  /** Addresses of the relay's keys, 20 bytes each. */
  readonly relays: readonly Uint8Array[]
}

/** What the desk does for a shop; each is answered. */
export type AuditTask =
  /** Takes up a shop, from what `file` holds of it if it can be used. */
  | { readonly kind: 'open'; readonly shop: OpenedShop; readonly file: string | undefined }
  /** The next sets, each with what it adds to the trees, if that is kept. */
  | { readonly kind: 'sets'; readonly sets: readonly (readonly [LogRecord, added: Uint8Array | undefined])[] }
  /** The checkpoint of the last set; what was computed is kept in the file afterwards. */
  | { readonly kind: 'checkpoint'; readonly signed: SignedCheckpoint; readonly file: string | undefined }

export interface AuditRequest {
  readonly id: number
  readonly shopId: ShopId
  readonly task: AuditTask
}

export interface AuditAnswer {
  /** The last set that was found right. */
  readonly head: Seq
  /** Then the shop is not gone on with: it has to be opened again. */
  readonly difference?: Difference | undefined
}

export class AuditDesk {
  private readonly audits = new Map<ShopId, LogAudit>()

  /** Rejects where nothing can be said: a file that cannot be written, or a bug. */
  async answer({ shopId, task }: AuditRequest): Promise<AuditAnswer> {
    if (task.kind === 'open' && !this.audits.has(shopId)) await this.open(task.shop, task.file)
    const audit = this.audits.get(shopId)
    if (audit === undefined) throw new Error(`shop ${shopId} was not opened`)
    const difference = await answerTo(audit, task)
    if (difference !== undefined) this.audits.delete(shopId)
    return { head: audit.audited.seq, ...(difference && { difference }) }
  }

  private async open(shop: OpenedShop, file: string | undefined): Promise<void> {
    const { shopId, relays, secret } = shop
    const options = { shopId, relays, stateRootOf: (state: ShopState) => stateRootOf(state, secret) }
    const audited = file === undefined ? undefined : await auditedIn(file, options)
    this.audits.set(shopId, new LogAudit(options, audited))
  }
}

/** A file that is of no use is not believed, and the log is gone through from its first set on. */
async function auditedIn(file: string, options: LogAuditOptions) {
  try {
    return await readAudited(file, options)
  } catch (error) {
    if (!(error instanceof AuditFileError)) throw error
    await rm(file)
    return undefined
  }
}

async function answerTo(audit: LogAudit, task: AuditTask): Promise<Difference | undefined> {
  if (task.kind === 'sets') {
    for (const [record, added] of task.sets) {
      const difference = audit.take(record, signerOf(record.header, record.signature), added)
      if (difference !== undefined) return difference
    }
  }
  if (task.kind === 'checkpoint') {
    const [first, signature] = task.signed
    const { seq, state, stateRoot, peaks } = audit.audited
    const following = { seq, peaks: peaks.mmr, stateRoot, stateHash: stateHash(state) }
    const difference = audit.takeCheckpoint({ first, signature, newest: first }, following)
    if (difference !== undefined) return difference
    if (task.file !== undefined) await writeAudited(task.file, audit.audited)
  }
  return undefined
}
