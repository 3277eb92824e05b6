/**
 * A thread that audits logs (audit-worker.ts), asked from the one that has the store. It is started with the first
 * question, and again after it ended.
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import { Worker } from 'node:worker_threads'
import type { ShopId } from '../../brands.js'
import type { AuditAnswer, AuditTask } from './audit-desk.js'

interface Waiting {
  readonly resolve: (answer: AuditAnswer) => void
  readonly reject: (error: Error) => void
}

export class AuditThread {
  private readonly waiting = new Map<number, Waiting>()
  private worker: Worker | undefined
  private last = 0

  /** Rejects where nothing can be said, and where the thread ended: its shops have to be opened again then. */
  ask(shopId: ShopId, task: AuditTask): Promise<AuditAnswer> {
    this.worker ??= this.start()
    const id = ++this.last
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.worker!.postMessage({ id, shopId, task }, [])
    })
  }

  async close(): Promise<void> {
    await this.worker?.terminate()
  }

  private start(): Worker {
    const worker = new Worker(new URL('./audit-worker.js', import.meta.url))
    worker.on('message', ({ id, answer, failure }: { id: number; answer?: AuditAnswer; failure?: string }) => {
      const waiting = this.waiting.get(id)
      this.waiting.delete(id)
      if (answer === undefined) waiting?.reject(new Error(failure))
      else waiting?.resolve(answer)
    })
    const ended = (reason: string) => {
      if (this.worker !== worker) return
      this.worker = undefined
      for (const { reject } of this.waiting.values()) reject(new Error(`the thread that audits ended: ${reason}`))
      this.waiting.clear()
    }
    worker.on('error', (error) => ended(error.message))
    worker.on('exit', () => ended('it was stopped'))
    worker.unref()
    return worker
  }
}
