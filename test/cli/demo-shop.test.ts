/** The demo leaves nothing behind: a thousand changes are no more listeners than one. */

import { getEventListeners } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runDemo } from '../../src/cli/demo-shop.js'
import { mixedSets } from '../fixtures/mixed-sets.js'
import { newSecret, relay } from '../fixtures/relay-harness.js'
import { toHex } from '../../src/bytes/hex.js'
import { openBlobs } from '../../src/store/blobs.js'
import { MemoryStore } from '../../src/store/memory.js'

test('a thousand changes', async () => {
  const store = new MemoryStore()
  const folder = mkdtempSync(join(tmpdir(), 'cairn-demo-'))
  const running = await relay({}, { store, blobs: await openBlobs(folder) })
  const stop = new AbortController()
  const [shop, secret] = ['4711', () => toHex(newSecret())]
  const keys = { shop, wallet: secret(), card: secret(), guests: [secret(), secret()] }
  const ready = new Promise((started) => {
    const demo = {
      url: running.url,
      keys,
      signal: stop.signal,
      chain: undefined,
      tell: () => undefined,
      changeEveryMs: 0,
    }
    void runDemo({ ...demo, ready: started })
  })
  await ready
  expect(readdirSync(folder).length).toBeGreaterThan(20)
  const [head, listeners] = [store.head(4711n), getEventListeners(stop.signal, 'abort').length]
  while (store.head(4711n) < head + 1_000) await new Promise((wait) => setTimeout(wait, 20))
  expect(getEventListeners(stop.signal, 'abort').length).toBeLessThanOrEqual(listeners + 2)
  expect(mixedSets(store, 4711n)).toEqual([])
  stop.abort()
  await running.stop()
  rmSync(folder, { recursive: true, force: true })
  expect(running.bugs).toEqual([])
})
