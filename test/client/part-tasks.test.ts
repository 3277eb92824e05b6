/** Proofs of parts that are on their way while the parts become others. */

import { expect, test, vi } from 'vitest'
import type { PartTask } from '../../src/client/part-proofs.js'
import { Replica } from '../../src/client/replica.js'
import { ShopProofs } from '../../src/client/shop-proofs.js'
import type { SnapshotPush } from '../../src/wire/messages.js'
import { toEnd } from '../../src/client/slices.js'

const checkpoint = { fields: { Seq: 3n, StateRoot: new Uint8Array(32) } }

test('what proves the parts before says nothing of those that came meanwhile, which are proven at once', async () => {
  const relay = { keys: [new Uint8Array(20)], identity: undefined }
  const ask = () => Promise.reject(new Error('nothing is to be asked'))
  const failed: unknown[] = []
  const proofs = new ShopProofs(
    new Replica(1n, relay.keys),
    { shopId: 1n, relay, card: undefined },
    { only: [], store: undefined, verifiedAtSeconds: 60n },
    {
      ask,
      hasConnection: () => true,
      ...{ changed: () => undefined, streams: () => undefined, shown: () => undefined, listed: () => [] },
      failed: (error) => failed.push(error),
      unfollowed: (error) => failed.push(error),
      notice: () => 1,
    },
  )
  const [before, after] = [0, 1].map(() => ({ checkpoint, singles: [] }) as unknown as PartTask)
  let task = before
  const proven: unknown[] = []
  Object.assign(proofs, {
    proven: {
      checkpoints: { accepted: undefined, isStale: () => false, end: () => undefined },
      *takeSnapshot() {
        yield
        return true
      },
      hasParts: true,
      *foldSteps() {},
      partTask: () => task,
      partsProven: (done: PartTask) => proven.push(done),
    },
  })
  proofs.connected()
  task = after!
  toEnd(proofs.snapshot({ checkpoint: new Uint8Array(0) } as unknown as SnapshotPush))
  await vi.waitFor(() => expect(proven.map((done) => done === after)).toEqual([true]))
  proofs.close()
  expect(failed).toEqual([])
})
