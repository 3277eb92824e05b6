/**
 * A program of its own: prints how many signers a second this machine recovers on the cores that it may use, which no
 * relay that checks signatures can exceed.
 *
 * Tests: test/cli/bench/bench.test.ts
 */

import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'
import { encodeChange } from '../../patches/patch.js'
import { signerOf, signPatches } from '../../patches/patch-set.js'

const WARM_UP_MS = 300
const MEASURED_MS = 1_200
/** Between two looks at the clock. */
const AT_ONCE = 50

/** What the relay does for each set: keccak-256 of a header, and the recovery of who signed it. */
function recoveries(ms: number, recover: () => unknown): number {
  const start = performance.now()
  let count = 0
  for (; performance.now() - start < ms; count += AT_ONCE) for (let i = 0; i < AT_ONCE; i++) recover()
  return (count / (performance.now() - start)) * 1_000
}

function measured(): number {
  const patches = [encodeChange({ op: 'remove', path: ['Tags', 'x'] })]
  const set = { shopId: 1n, nonce: 1n, timestamp: 0n, patches }
  const { headerBytes, signature } = signPatches(set, new Uint8Array(32).fill(1))
  const recover = () => signerOf(headerBytes, signature)
  recoveries(WARM_UP_MS, recover)
  return recoveries(MEASURED_MS, recover)
}

function onOwnThread(): Promise<number> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(fileURLToPath(import.meta.url))
    thread.once('message', resolve)
    thread.once('error', reject)
  })
}

if (isMainThread) {
  const rates = await Promise.all(Array.from({ length: availableParallelism() }, onOwnThread))
  process.stdout.write(`${Math.round(rates.reduce((sum, rate) => sum + rate, 0))}\n`)
} else parentPort!.postMessage(measured(), [])
