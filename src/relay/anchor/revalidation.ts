/**
 * What is to be anchored, computed anew by a thread of its own from the stored bytes alone (PROOFS §3): it goes on from
 * the checkpoint that it reached the last time, and shares nothing with the state that the relay serves from.
 *
 * Tests: test/relay/anchor/anchor.test.ts, test/e2e/anchor.test.ts
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Seq, ShopId } from '../../brands.js'
import type { SignedCheckpoint } from '../../proofs/checkpoint-form.js'
import type { Store } from '../../store/store.js'
import type { AuditAnswer, AuditTask } from '../audit/audit-desk.js'
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

interface Waiting {
  readonly resolve: (answer: AuditAnswer) => void
  readonly reject: (error: Error) => void
}

export class Revalidation {
  private readonly options: RevalidationOptions
  private readonly waiting = new Map<number, Waiting>()
  private worker: Worker | undefined
  private last = 0

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
    let { head } = await this.ask(shopId, { kind: 'open', shop: { shopId, secret, relays }, file })
    if (head > seq)
      return { kind: 'log', seq, text: 'more was computed before', found: `${seq} sets`, wanted: `at least ${head}` }
    const proofs = new StoredProofs(store, shopId)
    while (head < seq) {
      await nextTurn()
      const limits = { ...SETS_AT_ONCE, records: Math.min(SETS_AT_ONCE.records, seq - head) }
      const records = store.readLog(shopId, head, limits)
      const sets = records.map((record) => [record, proofs.added(record.seq)] as const)
      const answer = await this.ask(shopId, { kind: 'sets', sets })
      if (answer.difference !== undefined) return answer.difference
      head = answer.head
    }
    return (await this.ask(shopId, { kind: 'checkpoint', signed, file })).difference
  }

  async close(): Promise<void> {
    await this.worker?.terminate()
  }

  private ask(shopId: ShopId, task: AuditTask): Promise<AuditAnswer> {
    this.worker ??= this.start()
    const id = ++this.last
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.worker!.postMessage({ id, shopId, task }, [])
    })
  }

  private start(): Worker {
    const worker = new Worker(new URL('../audit/audit-worker.js', import.meta.url))
    worker.on('message', ({ id, answer, failure }: { id: number; answer?: AuditAnswer; failure?: string }) => {
      const waiting = this.waiting.get(id)
      this.waiting.delete(id)
      if (answer === undefined) waiting?.reject(new Error(failure))
      else waiting?.resolve(answer)
    })
    // The next question starts another one.
    const ended = (reason: string) => {
      if (this.worker === worker) this.worker = undefined
      for (const { reject } of this.waiting.values()) reject(new Error(`the thread that audits ended: ${reason}`))
      this.waiting.clear()
    }
    worker.on('error', (error) => ended(error.message))
    worker.on('exit', () => ended('it was stopped'))
    worker.unref()
    return worker
  }
}
