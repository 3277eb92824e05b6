/**
 * What is to be anchored, computed anew by a thread of its own from the stored bytes alone (PROOFS §3): it goes on from
 * the checkpoint that it reached the last time, and shares nothing with the state that the relay serves from.
 *
 * Tests: test/relay/anchor/anchor.test.ts, test/e2e/anchor.test.ts
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Seq, ShopId } from '../../brands.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { Store } from '../../store/store.js'
import { AuditThread } from '../audit/audit-thread.js'
import type { Difference } from '../audit/difference.js'
import { StoredProofs } from '../audit/stored-proofs.js'

interface RevalidationOptions {
  readonly store: Store
  /** Addresses of the relay's keys, 20 bytes each. */
  readonly relays: readonly Uint8Array[]
  /** Where what was computed is kept for the next start; undefined: nowhere. */
  readonly directory: string | undefined
}

/** At a time, so that the relay is held for a few milliseconds only. */
const SETS_AT_ONCE = { records: 256, bytes: 1_048_576 }

export class Revalidation {
  private readonly options: RevalidationOptions
  private readonly thread = new AuditThread()

  constructor(options: RevalidationOptions) {
    this.options = options
  }

  /**
   * Whether the log leads to the checkpoint of set `seq`, which is not below one that was asked for before; the first
   * difference if it does not. Rejects where nothing can be said.
   */
  async revalidate(shopId: ShopId, seq: Seq, signed: SignedCheckpoint): Promise<Difference | undefined> {
    const { store, relays, directory } = this.options
    const secret = store.shops().find((row) => row.shopId === shopId)?.secret
    if (secret === undefined) throw new Error(`shop ${shopId} is not there`)
    if (directory !== undefined) await mkdir(directory, { recursive: true, mode: 0o700 })
    const file = directory && join(directory, `${shopId}.audit`)
    let { head } = await this.thread.ask(shopId, { kind: 'open', shop: { shopId, secret, relays }, file })
    if (head > seq)
      return { kind: 'log', seq, text: 'more was computed before', found: `${seq} sets`, wanted: `at least ${head}` }
    const proofs = new StoredProofs(store, shopId)
    while (head < seq) {
      await nextTurn()
      const limits = { ...SETS_AT_ONCE, records: Math.min(SETS_AT_ONCE.records, seq - head) }
      const records = store.readLog(shopId, head, limits)
      const sets = records.map((record) => [record, proofs.added(record.seq)] as const)
      const answer = await this.thread.ask(shopId, { kind: 'sets', sets })
      if (answer.difference !== undefined) return answer.difference
      head = answer.head
    }
    return (await this.thread.ask(shopId, { kind: 'checkpoint', signed, file })).difference
  }

  async close(): Promise<void> {
    await this.thread.close()
  }
}
