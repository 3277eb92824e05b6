/**
 * A thread that recovers signers, message by message (verifier.ts).
 *
 * Tests: test/relay/write/verifier.test.ts
 */

import { parentPort } from 'node:worker_threads'
import { answer, type CheckRequest } from './verifier.js'

parentPort?.on('message', (request: CheckRequest) => {
  const keys = answer(request)
  parentPort!.postMessage(keys, [keys.buffer as ArrayBuffer])
})
