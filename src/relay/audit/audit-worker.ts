/**
 * A thread that audits logs by their stored bytes, which are sent to it (audit-thread.ts).
 *
 * Tests: test/relay/anchor/anchor.test.ts
 */

import { parentPort } from 'node:worker_threads'
import { AuditDesk, type AuditRequest } from './audit-desk.js'

const desk = new AuditDesk()
let turn: Promise<void> = Promise.resolve()

parentPort?.on('message', (request: AuditRequest) => {
  turn = turn.then(async () => {
    const { id } = request
    try {
      parentPort!.postMessage({ id, answer: await desk.answer(request) }, [])
    } catch (error) {
      parentPort!.postMessage({ id, failure: (error as Error).message }, [])
    }
  })
})
