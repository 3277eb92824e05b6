/**
 * A thread that checks sets, message by message (set-checker.ts).
 *
 * Tests: test/relay/write/set-checker.test.ts
 */

import { parentPort } from 'node:worker_threads'
import { checkPacked, type PackedSets } from './packed-sets.js'

parentPort?.on('message', (sets: PackedSets) => {
  const verdicts = checkPacked(sets)
  parentPort!.postMessage(verdicts, [verdicts.words.buffer, verdicts.nodes.buffer] as ArrayBuffer[])
})
