/** Who closes may be about to leave: what was to be kept is stored before anything else runs. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { be64 } from '../../src/bytes/bytes.js'
import { KeptShop } from '../../src/client/kept-shop.js'
import { readKept } from '../../src/client/kept-replica.js'
import type { ProvenShop } from '../../src/client/proven-shop.js'
import type { Replica } from '../../src/client/replica.js'
import { toEnd, type Steps } from '../../src/client/slices.js'
import { KEPT_SAVE_MS, SLICE_MS } from '../../src/limits.js'
import { byCollection } from '../../src/merkle/state-level.js'
import type { SnapshotObject } from '../../src/proofs/snapshot.js'

const hash = new Uint8Array(32)
const OBJECTS = 20

beforeEach(() => {
  vi.useFakeTimers()
  let nowMs = 0
  // Each look at the clock takes a slice: one step in each.
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += SLICE_MS))
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A shop of some listings, which takes as many steps as there are to fold. */
function keeping(foldSteps: number) {
  const objects = Array.from({ length: OBJECTS }, (_, i): SnapshotObject => {
    return { question: ['Listings', be64(BigInt(i))], object: { value: Uint8Array.of(0xa0) } }
  })
  const whole = { fields: { Seq: 3n }, signed: [new Uint8Array(1), new Uint8Array(65)] }
  const level = { schemaVersion: 4n, manifestHash: hash, roots: byCollection(() => hash) }
  const selection = { selected: { Listings: 'whole' }, singles: [], ownOrders: false }
  const proven = {
    *foldSteps(): Steps {
      for (let i = 0; i < foldSteps; i++) yield
    },
    proven: { tree: { treeObjects: () => objects }, whole, level, selection, salts: {} },
    comparedWith: whole,
    partTask: () => undefined,
  }
  const saved: Uint8Array[] = []
  const place = { load: async () => undefined, save: async (bytes: Uint8Array) => void saved.push(bytes) }
  const notices: string[] = []
  const kept = new KeptShop({ followed: {} } as Replica, proven as unknown as ProvenShop, place, 'of a test', {
    shown: () => undefined,
    follow: async () => undefined,
    ...{ resumed: () => undefined, changed: () => undefined, notice: (text) => void notices.push(text) },
  })
  return { kept, saved, notices }
}

/** What is promised already happens; no task does. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

it.each([
  ['before it began', 0, 0],
  ['while it is folded', 1_000_000, KEPT_SAVE_MS],
  ['while it is encoded', 0, KEPT_SAVE_MS],
])('what is to be kept is stored at once by who closes %s', async (_when, foldSteps, waitMs) => {
  const { kept, saved, notices } = keeping(foldSteps)
  kept.keep()
  vi.advanceTimersByTime(waitMs)
  await settle()
  expect(saved).toEqual([])
  kept.close()
  await settle()
  expect(saved).toHaveLength(1)
  expect(toEnd(readKept(saved[0]!))).toMatchObject({ purpose: 'of a test', items: { length: OBJECTS } })
  // Nothing is left that would do it again.
  vi.useRealTimers()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect([saved.length, notices]).toEqual([1, []])
})

it('what is proven while it is made is kept after it', async () => {
  const { kept, saved, notices } = keeping(5)
  kept.keep()
  vi.advanceTimersByTime(KEPT_SAVE_MS)
  kept.keep()
  vi.advanceTimersByTime(KEPT_SAVE_MS)
  vi.useRealTimers()
  await vi.waitFor(() => expect(saved).toHaveLength(1))
  kept.close()
  await settle()
  // It is the same.
  expect([saved.length, notices]).toEqual([1, []])
})
