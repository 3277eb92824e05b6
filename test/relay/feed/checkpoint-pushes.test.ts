/** How often a subscription is pushed checkpoints; what they hold is shown in test/e2e/checkpoint-pushes.test.ts. */

import { beforeEach, expect, it } from 'vitest'
import { CHECKPOINT_PUSH_REST_MS, CHECKPOINT_PUSH_REST_MS_MAX } from '../../../src/limits.js'
import type { KeptCheckpoint } from '../../../src/relay/checkpoints/signed-shop.js'
import { CheckpointPushes } from '../../../src/relay/feed/checkpoint-pushes.js'
import type { ShopProofs } from '../../../src/relay/proofs/shop-proofs.js'
import { TestClock } from '../../fixtures/turned-clock.js'

const nothing = new Uint8Array(0)
let clock: TestClock
let pushes: CheckpointPushes
let newest: KeptCheckpoint | undefined
let signed: (kept: KeptCheckpoint) => void
let taken: number[]
let watchers: number

beforeEach(() => {
  clock = new TestClock()
  taken = []
  newest = undefined
  watchers = 1
  const proofs = {
    checkpoints: {
      watch: (_shop: bigint, onSigned: typeof signed) => ((signed = onSigned), () => undefined),
      upTo: () => newest,
      newest: () => newest,
      watchers: () => watchers,
    },
    pushed: () => ({ checkpoint: nothing, signature: nothing, level: nothing, last: nothing }),
    pushedConsistency: () => nothing,
  } as unknown as ShopProofs
  pushes = new CheckpointPushes({ proofs, shopId: 1n, subscriptionId: nothing, salts: nothing, from: 0, clock })
  pushes.watch(take)
})

/** As a subscription that has all sets does. */
function take(): void {
  const kept = pushes.due(Infinity)
  if (kept === undefined) return
  taken.push(kept.seq)
  pushes.frame(kept, -1n)
  pushes.answered(-1n)
}

function sign(seq: number): void {
  newest = { seq } as KeptCheckpoint
  signed(newest)
}

it('one a second while nothing is selected, the newest of them, and the last one is not forgotten', async () => {
  for (let seq = 1; seq <= 10; seq++) {
    sign(seq)
    await clock.turn(CHECKPOINT_PUSH_REST_MS / 5)
  }
  expect(taken).toEqual([1, 5, 10])
  sign(11)
  expect(pushes.isBeyond(10)).toBe(false)
  await clock.turn(CHECKPOINT_PUSH_REST_MS)
  expect(taken).toEqual([1, 5, 10, 11])
})

it('of a shop with many subscriptions fewer, but not less than one in CHECKPOINT_PUSH_REST_MS_MAX', async () => {
  watchers = 3_000
  sign(1)
  sign(2)
  await clock.turn(2_999)
  expect(taken).toEqual([1])
  await clock.turn(1)
  expect(taken).toEqual([1, 2])
  watchers = 1_000_000
  sign(3)
  await clock.turn(CHECKPOINT_PUSH_REST_MS_MAX)
  expect(taken).toEqual([1, 2, 3])
})

it('the one after a set that was pushed comes at once', async () => {
  sign(1)
  sign(2)
  expect(taken).toEqual([1])
  pushes.setPushed(3)
  expect(pushes.isBeyond(1)).toBe(true)
  take()
  sign(3)
  sign(4)
  expect(taken).toEqual([1, 2, 3])
  await clock.turn(CHECKPOINT_PUSH_REST_MS)
  expect(taken).toEqual([1, 2, 3, 4])
})

it('a clock that is set back makes nobody wait', () => {
  sign(1)
  clock.set(-3_600_000)
  sign(2)
  expect(taken).toEqual([1, 2])
})

it('nothing once it is stopped, not even a plan', async () => {
  sign(1)
  sign(2)
  pushes.stop()
  expect(pushes.due(2)).toBeUndefined()
  await clock.turn(CHECKPOINT_PUSH_REST_MS)
  expect([taken, clock.planned]).toEqual([[1], 0])
})
