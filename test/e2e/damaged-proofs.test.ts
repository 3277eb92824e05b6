/** What cannot be read from the disk is not proven, and said so: UNAVAILABLE, over HTTP 503 (PROOFS §4). */

import { expect, it } from 'vitest'
import { toBigEndian } from '../../src/bytes/bytes.js'
import { MemoryStore } from '../../src/store/memory.js'
import { StoreError } from '../../src/store/store-error.js'
import { ErrorCode } from '../../src/wire/error-code.js'
import { enrolCard, listing, newSecret, relay, SHOP, Wire } from '../fixtures/relay-harness.js'
import { TestClock } from '../fixtures/turned-clock.js'

const shopId = toBigEndian(SHOP, 32)

/** Of which the trees over the log cannot be read. */
class Rotten extends MemoryStore {
  rotten = false

  override logTreeRow(...asked: Parameters<MemoryStore['logTreeRow']>) {
    if (this.rotten) throw new StoreError('derived', 'the trees over the log are damaged')
    return super.logTreeRow(...asked)
  }
}

it.each([
  ['uWebSockets.js', false],
  ['ws', true],
])('on %s', async (_transport, ws) => {
  const store = new Rotten()
  const clock = new TestClock()
  const running = await relay({}, { ws, store, clock })
  const card = newSecret()
  await enrolCard(running.url, card)
  const wire = await Wire.as(running.url, card, { version: 5 })
  for (let id = 1n; id < 200n; id++) await wire.write(card, [listing(id)])
  await clock.turn(1_000)
  await wire.done({ kind: 'checkpoint', shopId })
  store.rotten = true
  const refused = await wire.ask({ kind: 'logProof', shopId, seq: 3n })
  expect(refused).toEqual({
    code: ErrorCode.UNAVAILABLE,
    message: 'it cannot be proven now: the trees over the log are damaged',
  })
  const response = await fetch(`${running.url}/v5/shops/${SHOP}/log/3`)
  expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('damaged')])
  // What needs none of them goes on.
  expect(await wire.ask({ kind: 'stateProof', shopId, objects: [], myOrders: false })).toBeInstanceOf(Uint8Array)
  store.rotten = false
  expect(await wire.ask({ kind: 'logProof', shopId, seq: 3n })).toBeInstanceOf(Uint8Array)
  await wire.close()
  await running.stop()
  expect(running.bugs).toEqual([])
})
