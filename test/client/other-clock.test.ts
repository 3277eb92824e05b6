/** A card whose last set was signed by a clock that was ahead, on this device or on another: it writes all the same. */

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connect, type ConnectOptions, type ShopClient } from '../../src/client/shop-client.js'
import { ClientError } from '../../src/client/client-error.js'
import { Outbox } from '../../src/client/outbox.js'
import { encodeChange } from '../../src/patches/patch.js'
import { encodePatchSet, signPatches } from '../../src/patches/patch-set.js'
import { enrolCard, listing, newSecret, relay, SHOP, Wire, type TestRelay } from '../fixtures/relay-harness.js'

const DAY_MS = 86_400_000
let running: TestRelay
let client: ShopClient | undefined

beforeAll(async () => {
  running = await relay()
})
afterEach(() => client?.close())
afterAll(async () => {
  await running.stop()
  expect(running.bugs).toEqual([])
})

/** A card that wrote once, when its device thought that it was tomorrow. */
async function cardOfTomorrow(id: bigint): Promise<Uint8Array> {
  const key = newSecret()
  await enrolCard(running.url, key)
  const wire = await Wire.as(running.url, key)
  const patches = [encodeChange(listing(id))]
  const nonce = BigInt(Date.now() + DAY_MS) * 1_000n
  const timestamp = BigInt(Math.floor(Date.now() / 1_000))
  const { headerBytes, signature } = signPatches({ shopId: SHOP, nonce, timestamp, patches }, key)
  const answer = await wire.ask({ kind: 'write', patchSet: encodePatchSet(headerBytes, signature, patches) })
  expect(answer).toBeInstanceOf(Uint8Array)
  await wire.close()
  return key
}

function holding(): NonNullable<ConnectOptions['outbox']> {
  let kept: Uint8Array | undefined
  return { load: () => Promise.resolve(kept), save: (bytes) => Promise.resolve(void (kept = bytes)) }
}

test.each<[what: string, id: bigint, options: () => Partial<ConnectOptions>]>([
  ['without an outbox', 100n, () => ({})],
  ['from an outbox', 200n, () => ({ outbox: holding() })],
])('%s, in order', async (_what, id, options) => {
  const key = await cardOfTomorrow(id)
  client = await connect({ url: running.url, shop: SHOP, relay: running.address, key, ...options() })
  const ids = [1n, 2n, 3n, 4n, 5n].map((more) => id + more)
  const written = await Promise.all(ids.map((one) => client!.write([listing(one)])))
  const seqs = written.map(({ seq }) => seq).filter((seq) => seq !== undefined)
  expect(seqs).toEqual(seqs.toSorted((a, b) => Number(a - b)))
  await client.write([{ op: 'replace', path: ['Listings', id, 'Price'], value: 7n }])
})

test('a relay that calls every nonce too low is not asked for ever', async () => {
  let asked = 0
  const request = () => {
    asked++
    return Promise.reject(new ClientError('INVALID', `KeyCardNonce 1 is not greater than the last one, ${10 ** 17}`))
  }
  const nothing = () => undefined
  const key = newSecret()
  const outbox = new Outbox(holding(), 'shop relay card', {
    link: () => ({ version: 5, request }),
    sign(patches, nonce) {
      const { headerBytes: header, signature } = signPatches({ shopId: SHOP, nonce, timestamp: 1n, patches }, key)
      return { header, signature }
    },
    now: () => Date.now(),
    alone: (save) => save(),
    ...{ changed: nothing, notice: nothing, cartChanged: nothing, left: nothing, settled: nothing, kept: nothing },
  })
  await outbox.hold()
  await expect(outbox.add([encodeChange(listing(9n))], undefined)).rejects.toMatchObject({ code: 'INVALID' })
  expect(asked).toBeLessThan(10)
  outbox.close()
})
