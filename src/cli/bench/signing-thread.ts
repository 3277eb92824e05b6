/**
 * A thread that signs sets (signing-threads.ts).
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { parentPort } from 'node:worker_threads'
import { signFrames, type SigningTask } from './signing.js'

parentPort?.on('message', (task: SigningTask) => {
  const frames = signFrames(task)
  parentPort!.postMessage(frames, [frames.bytes.buffer as ArrayBuffer, frames.ends.buffer as ArrayBuffer])
})
